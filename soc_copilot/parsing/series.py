"""A series of values: a time and a number in each line, comma-separated or a JSON object.

Which columns are meant is part of the format's name, as `series_name` writes it: it is a person's
choice for one source. A column is a number, from 1 on, or for JSON lines a key. Times are of the
place's own clock: an offset in them is left out, as for series in files.
"""

import json
from typing import Final
from urllib.parse import quote, unquote

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.domain.text import render_safe
from soc_copilot.parsing.protocol import DATETIME, Format, ParseContext, kind

PREFIX: Final = "series"
STAMPS: Final = ("end", "begin")
_ISO: Final = (
    r"^\s*(?P<y>\d{4})-?(?P<m>\d{2})-?(?P<d>\d{2})"  # 2017-08-03 or 20170803
    r"(?:[T _](?P<h>\d{2})(?::?(?P<min>\d{2})(?::?(?P<s>\d{2}))?)?)?"  # 05, 05:30, 05:30:10
)
_HOUR_US: Final = 3_600_000_000


def is_document(head: bytes) -> bool:
    """Whether a file that begins like this is one JSON document, which has no row a line.

    Args:
        head: Its first bytes, at least a line of them where it has lines.
    """
    text = head.decode("utf-8", "replace").lstrip("\ufeff").lstrip()
    if not text.startswith("{"):
        return text.startswith("[")
    line = text.partition("\n")[0].strip()
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return line.endswith(("{", "[", ","))  # goes on in the next line
    return not any(isinstance(value, str | int | float) for value in row.values())


def document_words(name: str) -> str:
    """Why such a file is no source, and the ways out."""
    return (
        f'"{render_safe(name)}" is one JSON document. A source is read line by line as it grows: '
        "write an object with a time and a value in each line, or CSV. A document can be replayed: "
        "Replay a series, on the Load page."
    )


def series_name(time: str, value: str, unit: str = "", stamps: str = "end") -> str:
    """The format's name for these columns."""
    return ":".join((PREFIX, *(quote(part, safe="") for part in (time, value, unit, stamps))))


class SeriesFormat(Format):
    """Values of one column over the times of another one.

    Args:
        chosen: A name by `series_name`; the first two columns by default.
    """

    name = PREFIX
    title = "Series of values"
    dataset = "series"

    def __init__(self, chosen: str = PREFIX) -> None:
        parts = [unquote(part) for part in chosen.split(":")[1:]]
        time, value, unit, stamps = (*parts, "", "", "", "")[:4]
        self._time, self._value = time or "1", value or "2"
        self._unit = unit
        self._ends = stamps != "begin"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        cells = (
            pl.DataFrame({"line": lines})
            .with_columns(
                pl.col("line")
                .str.replace_all(r'["\r]', "")
                .str.replace_all(r"[;\t]", ",")
                .str.split(",")
                .alias("parts")
            )
            .select(
                pl.coalesce(_cell(self._time), _key(self._time, "time")).alias("time"),
                pl.coalesce(_cell(self._value), _key(self._value, "value")).alias("value"),
            )
        )
        at = cells.select(_times(pl.col("time")).alias("at")).to_series()
        value = cells["value"].str.strip_chars().cast(pl.Float64, strict=False)
        # A stamp at the end of its hour belongs to the hour that it ends.
        hour = ((at.dt.timestamp("us") - int(self._ends)) // _HOUR_US).alias(c.SERIES_HOUR)
        found = pl.DataFrame({c.TIMESTAMP: at, c.SERIES_VALUE: value}).with_columns(hour)
        return found.select(
            kind(pl.col(c.TIMESTAMP).is_not_null()),
            pl.col(c.TIMESTAMP),
            pl.col(c.SERIES_HOUR),
            pl.when(pl.col(c.SERIES_VALUE).is_finite()).then(pl.col(c.SERIES_VALUE)),
            pl.lit(self._unit).alias(c.SERIES_UNIT),
        )

    @override
    def sniff(self, lines: object) -> float:
        return 0.0  # two columns of numbers may be anything: a person says that it is a series


def _cell(column: str) -> pl.Expr:
    """The cell of a numbered column; JSON lines have none."""
    if not column.isdecimal() or column == "0":
        return pl.lit(None, dtype=pl.String)
    cell = pl.col("parts").list.get(int(column) - 1, null_on_oob=True)
    return pl.when(~pl.col("line").str.contains(r"^\s*\{")).then(cell.str.strip_chars())


def _key(column: str, usual: str) -> pl.Expr:
    """The value of a JSON key; `usual` where a column has a number."""
    name = usual if column.isdecimal() else column
    path = "$['" + name.replace("\\", "").replace("'", "") + "']"
    is_json = pl.col("line").str.contains(r"^\s*\{")
    return pl.when(is_json).then(pl.col("line").str.json_path_match(path))


def _times(text: pl.Expr) -> pl.Expr:
    """Times on the place's clock, written as if it were UTC; null where there is none."""
    parts = text.str.extract_groups(_ISO)

    def part(name: str) -> pl.Expr:
        return parts.struct.field(name).cast(pl.Int32, strict=False)

    iso = pl.datetime(
        part("y"), part("m"), part("d"), part("h").fill_null(0), part("min").fill_null(0),
        part("s").fill_null(0), time_unit="us", time_zone="UTC", ambiguous="earliest",
    )  # fmt: skip
    is_valid = (
        part("m").is_between(1, 12) & part("d").is_between(1, 31)
        & part("h").fill_null(0).is_between(0, 23) & part("min").fill_null(0).is_between(0, 59)
        & part("s").fill_null(0).is_between(0, 59)
    )  # fmt: skip
    number = text.cast(pl.Float64, strict=False)
    is_epoch = number.is_between(1e8, 1e14) & ~text.str.contains(r"^\s*\d{8}\s*$")
    seconds = pl.when(number > 1e11).then(number / 1000).otherwise(number)
    epoch = (seconds * 1e6).cast(pl.Int64, strict=False).cast(DATETIME)
    day = text.str.extract(r"^\s*(\d{4}-?\d{2}-?\d{2})", 1).str.replace_all("-", "")
    exists = day.str.to_date("%Y%m%d", strict=False).is_not_null()
    return pl.when(is_epoch).then(epoch).when(is_valid & exists).then(iso)
