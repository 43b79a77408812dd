"""The system's journal as `journalctl -o json` gives it, one object a line.

Messages of sshd, sudo, su and PAM are taken apart as those in syslog files are. The journal knows
more than a file: which program really wrote a line. A sentence under the name of sshd counts only
when sshd said it.
"""

import json
from typing import Any, Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing.auth_messages import BY_PROCESS, FIELDS, take_apart
from soc_copilot.parsing.json_values import JsonKeys
from soc_copilot.parsing.protocol import Format, ParseContext, kind, present
from soc_copilot.parsing.syslog import LEVELS, unwrapped
from soc_copilot.parsing.timestamps import epoch_time

_KEYS: Final = JsonKeys(
    {
        name: (name,)
        for name in (
            "__REALTIME_TIMESTAMP", "__CURSOR", "_TRANSPORT", "MESSAGE", "PRIORITY", "_HOSTNAME",
            "SYSLOG_IDENTIFIER", "_COMM", "_EXE", "_CMDLINE", "_PID", "SYSLOG_PID", "_SYSTEMD_UNIT",
            "UNIT",
        )
    }
)  # fmt: skip

# A field that is no valid text is written as a list of bytes, one given several times as a list.
_LISTED: Final = r'"(?:MESSAGE|SYSLOG_IDENTIFIER|_CMDLINE|_EXE|_COMM|_HOSTNAME)"\s*:\s*\['
_GUARDED: Final = sorted({name for processes, _ in BY_PROCESS for name in processes})


class JournalFormat(Format):
    """Entries of systemd's journal."""

    name = "journald"
    title = "System journal (journalctl -o json)"
    dataset = "journald"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(_without_lists(lines))
        is_entry = pl.any_horizontal(
            pl.col(name).is_not_null() for name in ("MESSAGE", "__CURSOR", "_TRANSPORT")
        )
        fits = pl.col("__REALTIME_TIMESTAMP").is_not_null() & is_entry
        frame = values.with_columns(fits.alias("fits")).with_row_index("row")
        frame = unwrapped(_sentences(frame))
        known = take_apart(frame).rename({"repeat": "said"})
        return frame.join(
            known.drop("process", "by_pam"), on="row", how="left", maintain_order="left"
        ).select(_columns())


def _without_lists(lines: pl.Series) -> pl.Series:
    listed = lines.str.contains(_LISTED)
    if not listed.any():
        return lines
    plain = pl.Series([_plain(line) for line in lines.filter(listed)], dtype=pl.String)
    return lines.scatter(listed.arg_true(), plain)


def _plain(line: str) -> str:
    """The entry with its lists turned into text; as it is where it cannot be read."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(entry, dict):
        return line
    return json.dumps({name: _text(value) for name, value in entry.items()}, ensure_ascii=False)


def _text(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if all(isinstance(item, int) and 0 <= item < 256 for item in value):
        return bytes(value).decode("utf-8", "backslashreplace")
    parts = [_text(item) for item in value]
    return "\n".join(part for part in parts if isinstance(part, str))


def _sentences(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `process` (null where another program uses a guarded name), `module`, `body`, `data`."""
    claimed = pl.col("SYSLOG_IDENTIFIER")
    said_by = pl.coalesce(pl.col("_EXE").str.extract(r"([^/]+)$"), "_COMM")
    # OpenSSH has split itself: "sshd" is also the name under which sshd-session speaks.
    is_other = ~said_by.str.to_lowercase().str.starts_with(claimed.str.to_lowercase())
    is_other &= (claimed != pl.col("_COMM")).fill_null(value=True)
    is_forged = claimed.is_in(_GUARDED) & is_other.fill_null(value=False)
    nothing = pl.lit(None, dtype=pl.String)
    return frame.with_columns(
        pl.when(~is_forged.fill_null(value=False))
        .then(pl.coalesce(claimed, "_COMM"))
        .alias("process"),
        nothing.alias("module"),
        nothing.alias("data"),
        pl.when("fits").then("MESSAGE").alias("body"),
    )


def _columns() -> list[pl.Expr]:
    severity = pl.col("PRIORITY").cast(pl.Int32, strict=False)
    number = pl.coalesce("said", pl.col("repeat").cast(pl.Int32, strict=False))
    shown = {column: pl.col(name) for name, column in FIELDS.items()}
    shown[c.COMMAND] = pl.coalesce(shown[c.COMMAND], present("_CMDLINE"))
    entry = {
        c.HOST: present("_HOSTNAME"),
        c.PROCESS: pl.coalesce("SYSLOG_IDENTIFIER", "_COMM"),
        c.EXECUTABLE: present("_EXE"),
        c.PROVIDER: pl.coalesce("_SYSTEMD_UNIT", "UNIT"),
        c.PID: pl.coalesce("_PID", "SYSLOG_PID").cast(pl.Int64, strict=False),
        c.SEVERITY: severity.replace_strict(dict(enumerate(LEVELS)), default=None),
        c.MESSAGE: pl.col("MESSAGE"),
        c.REPEAT: number,
        **shown,
    }
    return [
        kind(pl.col("fits")),
        epoch_time(pl.col("__REALTIME_TIMESTAMP")).alias(c.TIMESTAMP),
        *(pl.when("fits").then(value).alias(column) for column, value in entry.items()),
    ]
