"""Plain text: the last resort. Every line that is not blank is an event with a message."""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing import timestamps as ts
from soc_copilot.parsing.protocol import Format, ParseContext, kind

# A stamp at the very start, perhaps in brackets, followed by nothing that would go on with it.
_STAMP: Final = (
    r"^[\[(<]?("  # opening bracket
    rf"{ts.ISO_PATTERN}|{ts.SYSLOG_PATTERN}|{ts.ACCESS_PATTERN}|{ts.CTIME_PATTERN}|"
    rf"{ts.EPOCH_PATTERN}"
    r")(?:[\])>|,;:\s-]|$)"
)


class PlainFormat(Format):
    """Lines of any kind; a common timestamp at the start is used."""

    name = "plain"
    title = "Plain text"
    dataset = "plain"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        line = pl.col("line")
        filled = line.str.contains(r"\S")
        return (
            pl.DataFrame({"line": lines})
            .with_columns(line.str.extract(_STAMP).alias("stamp"))
            .select(
                kind(filled),
                ts.any_time(pl.col("stamp"), context.reference).alias(c.TIMESTAMP),
                pl.when(filled).then(line).alias(c.MESSAGE),
            )
        )
