"""Every format there is, and which one a file's first lines are in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from soc_copilot.domain.errors import ParseError
from soc_copilot.parsing.access import AccessFormat
from soc_copilot.parsing.apache_error import ApacheErrorFormat
from soc_copilot.parsing.audit import AuditFormat
from soc_copilot.parsing.file_activity import FileActivityFormat
from soc_copilot.parsing.journal import JournalFormat
from soc_copilot.parsing.json_lines import JsonFormat
from soc_copilot.parsing.mail import MailFormat
from soc_copilot.parsing.plain import PlainFormat
from soc_copilot.parsing.protocol import Format
from soc_copilot.parsing.series import PREFIX, SeriesFormat
from soc_copilot.parsing.service import ServiceFormat
from soc_copilot.parsing.syslog import SyslogFormat
from soc_copilot.parsing.windows_event import WindowsEventFormat

AUTO: Final = "auto"
LAST_RESORT: Final = "plain"
SNIFF_LINES: Final = 50  # chosen: first lines looked at
FITTING_SHARE: Final = 0.5  # chosen: of the lines looked at, so that a few banners do no harm

PARTICULAR_SHARE: Final = 2 / 3  # chosen: from here on a particular kind of JSON is not just any

_FORMATS: Final[tuple[Format, ...]] = (
    AccessFormat(),
    ApacheErrorFormat(),
    SyslogFormat(),
    AuditFormat(),
    FileActivityFormat(),
    JournalFormat(),
    WindowsEventFormat(),
    JsonFormat(),
    SeriesFormat(),
    PlainFormat(),
)
_GENERAL: Final = "json"  # any object fits it, also those of the formats that are all JSON
_PARTICULAR: Final = ("file-activity", "journald", "windows-event")
_OUR_OWN: Final[tuple[Format, ...]] = (
    ServiceFormat(),
    MailFormat(),
)  # neither chosen nor told from lines
FORMAT_NAMES: Final = tuple(found.name for found in _FORMATS)


@dataclass(frozen=True, slots=True)
class Detected:
    """The format that fits best.

    Attributes:
        share: Of the lines looked at that fit, in [0, 1].
    """

    format: Format
    share: float


def formats() -> tuple[Format, ...]:
    """All formats, the more particular first; the last one takes everything."""
    return _FORMATS


def get_format(name: str) -> Format:
    """The format of this name.

    Raises:
        ParseError: There is none.
    """
    if name.startswith(f"{PREFIX}:"):
        return SeriesFormat(name)
    for found in (*_FORMATS, *_OUR_OWN):
        if found.name == name:
            return found
    raise ParseError(
        f'There is no log format "{name}". The formats are {", ".join(FORMAT_NAMES)}; '
        f'"{AUTO}" tells it from the lines.'
    )


def detect(lines: Sequence[str]) -> Detected:
    """The format of the first `SNIFF_LINES` lines: the one that most of them fit.

    Plain text when no other fits half of them. With equal shares the earlier in `formats()`. JSON
    lines of a particular kind are of that kind when two thirds are.
    """
    first = lines[:SNIFF_LINES]
    best = Detected(_FORMATS[-1], _FORMATS[-1].sniff(first))
    share = 0.0
    for found in _FORMATS[:-1]:
        is_particular = best.format.name in _PARTICULAR and share >= PARTICULAR_SHARE
        if found.name == _GENERAL and is_particular:
            continue
        fits = found.sniff(first)
        if fits >= FITTING_SHARE and fits > share:
            best, share = Detected(found, fits), fits
            if share == 1.0:
                break
    return best
