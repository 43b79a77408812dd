"""What can be set for one source: kinds of sources, and one typed table of their options."""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.setting import Setting, Value

FILES: Final = frozenset({"file", "directory"})
LISTENERS: Final = frozenset({"syslog-udp", "syslog-tcp", "syslog-tls", "json-tcp"})
SPOOLED: Final = LISTENERS | {"activity", "service"}
"""Kinds that write what they receive to a spool, which is then read like any file."""

ALWAYS_FROM_START: Final = frozenset({"evtx", "mail"})
"""Kinds whose records are read from the first one on, whatever is asked for."""

CHANNEL_PREFIX: Final = "channel:"
"""Begins the path of an evtx source that is a live channel of this Windows."""

KINDS: Final = (
    *("file", "directory", "replay", *sorted(LISTENERS), "activity", "journald", "evtx", "mail"),
    "service",
)

MADE_BY_PROGRAM: Final = frozenset({"replay", "service"})
"""Kinds of which nobody adds a source by hand."""

KIND_TITLES: Final[Mapping[str, str]] = {
    "file": "File",
    "directory": "Folder",
    "replay": "Replay",
    "syslog-udp": "Syslog over UDP",
    "syslog-tcp": "Syslog over TCP",
    "syslog-tls": "Syslog over TLS",
    "json-tcp": "JSON lines over TCP",
    "activity": "File activity",
    "journald": "System journal",
    "evtx": "Windows event log files",
    "mail": "Mail drop folder",
    "service": "Checking service",
}

_ALL: Final = frozenset(KINDS) - {"replay"}
_TEXT: Final = FILES

OPTIONS: Final[tuple[tuple[Setting, frozenset[str]], ...]] = (
    (
        Setting(
            "batch_interval_s", 0.0, "Batches", "Batch interval",
            "Lines of this source wait at most this long to be stored; 0 takes the setting of "
            "the same name.", "s", 0.0, 60.0,
        ),
        _ALL,
    ),
    (
        Setting(
            "max_size", 0, "Batches", "Batch size",
            "A batch is stored as soon as it holds this many lines of this source; 0 takes the "
            "setting of the same name.", "lines", 0, 200_000,
        ),
        _ALL,
    ),
    (
        Setting(
            "poll_interval_s", 0.0, "Reading", "Poll interval",
            "How often this source is looked at without a hint; 0 takes the setting of the "
            "same name.", "s", 0.0, 3600.0,
        ),
        _ALL - LISTENERS,
    ),
    (
        Setting(
            "partial_after_s", 0.0, "Reading", "Partial line after",
            "A last line without a line end is shown as partial after this long; 0 takes the "
            "setting of the same name.", "s", 0.0, 3600.0,
        ),
        _TEXT,
    ),
    (
        Setting(
            "encoding", "auto", "Reading", "Encoding",
            "auto obeys a byte order mark, tells UTF-16 by its zero bytes, and takes UTF-8 "
            "otherwise. Any encoding that Python knows by name can be given.",
        ),
        _TEXT,
    ),
    (
        Setting(
            "multiline", "auto", "Reading", "Events of several lines",
            "auto keeps stack traces together in formats that have them, and the records of a "
            "Linux audit event; off makes each line an event; indent joins indented lines to the "
            "line before; start begins an event at each line that matches the pattern; continue "
            "joins lines that match it.",
            choices=("auto", "off", "indent", "start", "continue"),
        ),
        _TEXT,
    ),
    (
        Setting(
            "multiline_pattern", "", "Reading", "Pattern",
            "Regular expression (RE2 syntax) for start and continue.",
        ),
        _TEXT,
    ),
    (
        Setting(
            "recursive", False, "Reading", "Include subfolders",
            "Also read files and folders below this one.",
        ),
        frozenset({"directory", "activity", "evtx", "mail"}),
    ),
    (
        Setting(
            "watch", "auto", "Reading", "Notice changes by",
            "auto asks the system for hints on local disks and polls network file systems; poll "
            "never asks.", choices=("auto", "poll"),
        ),
        FILES,
    ),
    *(
        (Setting(key, default, "Series", title, text, choices=choices), FILES)
        for key, default, title, text, choices in (
            ("series_time", "1", "Column of times",
             "Of a source in the format series: a number from 1 on, or a key of JSON lines.", ()),
            ("series_value", "2", "Column of values", "Likewise.", ()),
            ("series_unit", "", "Unit", "Of the values, for people: MW.", ()),
            ("series_stamps", "end", "A time is",
             "The end or the beginning of the hour that its value is of.", ("end", "begin")),
        )
    ),
    (
        Setting(
            "tls_certificate", "", "Listener", "Certificate",
            "Path of the server's certificate chain, PEM.",
        ),
        frozenset({"syslog-tls"}),
    ),
    (
        Setting("tls_key", "", "Listener", "Key", "Path of the certificate's key, PEM."),
        frozenset({"syslog-tls"}),
    ),
    (
        Setting(
            "tls_client_ca", "", "Listener", "Client certificates signed by",
            "Path of a PEM file; when given, senders must show a certificate signed by it.",
        ),
        frozenset({"syslog-tls"}),
    ),
    (
        Setting(
            "max_connections", 256, "Listener", "Connections",
            "More senders than this at once are turned away.", "", 1, 65_535,
        ),
        LISTENERS - {"syslog-udp"},
    ),
    (
        Setting(
            "spool_mib", 0, "Listener", "Spool size",
            "At most this much is kept on disk that is not stored yet; 0 takes the setting of "
            "the same name.", "MiB", 0, 1_048_576,
        ),
        SPOOLED,
    ),
    (
        Setting(
            "sample_kib", 64, "File activity", "Sample",
            "How much of a changed file is read to measure its entropy; 0 reads nothing.",
            "KiB", 0, 1024,
        ),
        frozenset({"activity"}),
    ),
    (
        Setting(
            "retention_days", 0, "Archive", "Keep events for",
            "Events of this source older than this are removed from the archive; 0 takes the "
            "setting of the same name.", "days", 0, 36_500,
        ),
        _ALL,
    ),
    (
        Setting(
            "max_gib", 0.0, "Archive", "Archive size",
            "When this source's events outgrow this in the archive, its oldest are removed; 0 "
            "sets no limit of its own.", "GiB", 0.0, 1_048_576.0,
        ),
        _ALL,
    ),
)  # fmt: skip

BY_KEY: Final[Mapping[str, tuple[Setting, frozenset[str]]]] = {
    option.key: (option, kinds) for option, kinds in OPTIONS
}


def options_of(kind: str) -> tuple[Setting, ...]:
    """The options that a source of this kind has."""
    return tuple(option for option, kinds in OPTIONS if kind in kinds)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """One source's options: what differs from the defaults, checked.

    Attributes:
        changed: Values by key, of the option's own type; make one with `checked`, which cannot tell
            whether a pattern can be used: whoever reads the lines does.
    """

    changed: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def checked(cls, kind: str, values: Mapping[str, Any]) -> "SourceOptions":
        """Options for a source of this kind, defaults left out.

        Raises:
            PolicyError: An option is unknown, not for this kind, or its value is not allowed.
        """
        changed: dict[str, Value] = {}
        for key, value in values.items():
            option, kinds = BY_KEY.get(key, (None, frozenset[str]()))
            if option is None or kind not in kinds:
                raise PolicyError(
                    f'A source of kind "{kind}" has no option "{key}". '
                    f"It has {', '.join(o.key for o in options_of(kind)) or 'none'}."
                )
            found = option.check(value)
            if found != option.default:
                changed[key] = found
        options = cls(changed)
        _check_encoding(options.text("encoding"))
        _check_multiline(options)
        return options

    def get(self, key: str) -> Value:
        """The option's value: what was set, or its default."""
        return self.changed.get(key, BY_KEY[key][0].default)

    def text(self, key: str) -> str:
        """The value of an option that is text."""
        return str(self.get(key))

    def number(self, key: str, otherwise: Value = 0) -> float:
        """The value of an option that is a number; `otherwise` where it is 0."""
        return float(self.get(key)) or float(otherwise)

    def is_on(self, key: str) -> bool:
        """The value of an option that is true or false."""
        return bool(self.get(key))


def _check_encoding(name: str) -> None:
    if name == "auto":
        return
    try:
        found = codecs.lookup(name)
        is_text = getattr(found, "_is_text_encoding", True)
    except LookupError:
        is_text = False
    if not is_text:
        raise PolicyError(
            f'There is no text encoding "{name}". '
            "Use auto, or a name such as utf-8, utf-16-le, latin-1, cp1252 or shift_jis."
        )


def _check_multiline(options: SourceOptions) -> None:
    mode, pattern = options.text("multiline"), options.text("multiline_pattern")
    if mode in {"start", "continue"} and not pattern:
        raise PolicyError(
            f'Option "multiline" is {mode}, which needs a "multiline_pattern"; none is given.'
        )
