r"""Syslog files: RFC 3164 and RFC 5424 lines, and rsyslog's with an ISO timestamp.

As in access logs, one anchored single-pass expression takes the ordinary line; what it leaves
(no program, spaces in its name, RFC 5424) goes through tolerant ones.
"""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing import timestamps as ts
from soc_copilot.parsing.auth_messages import FIELDS, take_apart
from soc_copilot.parsing.protocol import (
    Format,
    ParseContext,
    groups,
    kind,
    present,
)

_ISO_STAMP: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
)
_HEAD: Final = (
    r"(?s)^(?:<([0-9]{1,3})>)?"  # priority: 8 * facility + severity
    rf"({ts.SYSLOG_PATTERN}|{_ISO_STAMP}) "  # time
    r"([^ ]+) "  # host
)
_STRICT: Final = (
    _HEAD + r"([^ \[\](:]+)"  # program
    r"(?:\(([^)]*)\))?"  # PAM module, as old systems put it
    r"(?:\[([0-9]+)\])?"  # process id
    r":(.*)"  # message
)
_TOLERANT: Final = (
    _HEAD + r"(?:([^\[\]():]{1,64}?)(?: [0-9][0-9.]*)?"  # program, version
    r"(?:\(([^)]*)\))?(?:\[([0-9]+)\])?:)?"  # PAM module, process id
    r"(.*)"  # message
)
_RFC5424: Final = (
    r"(?s)^<([0-9]{1,3})>[0-9]{1,2} "  # priority, version
    rf"(-|{_ISO_STAMP}) "  # time
    r"([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) "  # host, program, process id, message id
    r'(-|(?:\[(?:[^"\]\\]|\\.|"(?:[^"\\]|\\.)*")*\])+)'  # structured data
    r"(?: (.*))?"  # message
)
_NAMES: Final = ("priority", "stamp", "host", "process", "module", "pid", "body")
_5424_NAMES: Final = ("priority", "stamp", "host", "process", "pid", "id", "data", "body")
LEVELS: Final = (
    "emergency", "alert", "critical", "error", "warning", "notice", "informational", "debug",
)  # fmt: skip
# What programs that are no syslog daemons write where syslog has the host.
_LOG_LEVELS: Final = (
    "trace", "debug", "info", "notice", "warn", "warning", "error", "fatal", "critical",
)  # fmt: skip
_REPEATED: Final = r"^message repeated ([0-9]{1,9}) times: \[ ?(.*)\]$"
_PAM_PREFIX: Final = r"(?s)^(pam_[a-z0-9_]+)\([^)]*\): (.*)"


class SyslogFormat(Format):
    """Syslog files of Unix systems, with sshd, sudo, su, PAM and account tools taken apart."""

    name = "syslog"
    title = "Syslog (RFC 3164, RFC 5424)"
    dataset = "syslog"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        frame = _framed(pl.DataFrame({"line": lines})).with_row_index("row")
        frame = unwrapped(frame)
        known = take_apart(frame).rename({"repeat": "said"})
        return (
            _timed(frame, context)
            .join(known.drop("process", "by_pam"), on="row", how="left", maintain_order="left")
            .select(_columns())
        )


def _framed(frame: pl.DataFrame) -> pl.DataFrame:
    """The parts of each line, all String: `_NAMES` and `data`."""
    no_data = pl.lit(None, dtype=pl.String).alias("data")
    pieces = frame.select(groups(_STRICT, _NAMES), no_data)
    for pattern, names in ((_TOLERANT, _NAMES), (_RFC5424, _5424_NAMES)):
        left = pieces["host"].is_null()
        if not left.any():
            break
        found = frame.filter(left).select(groups(pattern, names))
        rows = left.arg_true()
        pieces = pieces.with_columns(
            pieces[name].scatter(rows, found[name]) for name in found.columns if name != "id"
        )
    return _without_log_levels(pieces)


def _without_log_levels(pieces: pl.DataFrame) -> pl.DataFrame:
    """Leave alone lines of other programs: "TIME ERROR ..." with no priority before it."""
    hosts = pieces["host"].unique()  # few, so that most batches cost no more than this
    levels = hosts.filter(hosts.str.to_lowercase().is_in(_LOG_LEVELS))
    if levels.is_empty():
        return pieces
    is_level = pl.col("priority").is_null() & pl.col("host").is_in(levels.implode())
    return pieces.with_columns(pl.when(~is_level.fill_null(value=False)).then(pl.all()))


def unwrapped(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `message` as written, and strip `body` to the sentence; `repeat` and `module` too."""
    body = pl.col("body").str.strip_prefix(" ").str.strip_prefix("\ufeff")
    frame = frame.with_columns(body.alias("body"))
    body = pl.col("body")
    wrapped = body.str.starts_with("message repeated ")
    pam = body.str.starts_with("pam_")
    frame = frame.with_columns(
        pl.when(pl.col("data") != "-")
        .then(pl.concat_str("data", "body", separator=" ", ignore_nulls=True))
        .otherwise(body)
        .alias("message"),
        pl.when(wrapped).then(body).str.extract(_REPEATED, 1).alias("repeat"),
        pl.when(wrapped).then(body.str.extract(_REPEATED, 2)).otherwise(body).alias("body"),
    )
    inner = pl.when(pam).then(body).str.extract_groups(_PAM_PREFIX)
    return frame.with_columns(
        pl.coalesce("module", inner.struct.field("1")).alias("module"),
        pl.coalesce(inner.struct.field("2"), "body").alias("body"),
    )


def _timed(frame: pl.DataFrame, context: ParseContext) -> pl.DataFrame:
    """Add `@timestamp`. Lines of one second share a stamp, so each is worked out once."""
    stamp = pl.col("stamp")
    dated = stamp.str.contains("^[0-9]")
    iso = ts.iso_time(pl.when(dated).then(stamp))
    other = ts.syslog_time(pl.when(~dated).then(stamp), context.reference)
    times = frame.select(stamp.unique()).with_columns(iso.fill_null(other).alias(c.TIMESTAMP))
    return frame.join(times, on="stamp", how="left", maintain_order="left")


def _columns() -> list[pl.Expr]:
    severity = pl.col("priority").cast(pl.Int32, strict=False) % 8
    number = pl.coalesce("said", pl.col("repeat").cast(pl.Int32, strict=False))
    return [
        kind(pl.col("host").is_not_null()),
        pl.col(c.TIMESTAMP),
        present("host").alias(c.HOST),
        present("process").alias(c.PROCESS),
        pl.col("pid").cast(pl.Int64, strict=False).alias(c.PID),
        severity.replace_strict(dict(enumerate(LEVELS)), default=None).alias(c.SEVERITY),
        pl.col("message").alias(c.MESSAGE),
        number.alias(c.REPEAT),
        *(pl.col(name).alias(column) for name, column in FIELDS.items()),
    ]
