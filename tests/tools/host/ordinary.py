"""Every ordinary program that can be recorded."""

from tests.tools.host.ordinary_care import CARE
from tests.tools.host.ordinary_code import CODE_WORK
from tests.tools.host.ordinary_media import MEDIA_WORK
from tests.tools.host.ordinary_net import NET
from tests.tools.host.ordinary_office import OFFICE_WORK
from tests.tools.host.ordinary_system import SYSTEM
from tests.tools.host.ordinary_tools import TOOLS
from tests.tools.host.scenario import Program

ORDINARY: tuple[Program, ...] = (
    *TOOLS,
    *OFFICE_WORK,
    *NET,
    *MEDIA_WORK,
    *CODE_WORK,
    *SYSTEM,
    *CARE,
)
