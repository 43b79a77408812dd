"""Every ordinary program that can be recorded."""

from tests.tools.host.ordinary_net import NET
from tests.tools.host.ordinary_office import OFFICE_WORK
from tests.tools.host.ordinary_tools import TOOLS
from tests.tools.host.scenario import Program

ORDINARY: tuple[Program, ...] = (*TOOLS, *OFFICE_WORK, *NET)
