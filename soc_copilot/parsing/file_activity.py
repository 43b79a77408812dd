"""File activity: what `ingestion.activity` writes, one JSON object for each change."""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
from soc_copilot.parsing.json_values import JsonKeys
from soc_copilot.parsing.protocol import Format, ParseContext, kind
from soc_copilot.parsing.timestamps import epoch_time

_KEYS: Final = JsonKeys(
    {
        name: (name,)
        for name in (
            "time_ns", "action", "path", "target", "type", "owner", "size", "previous_size",
            "extension", "previous_extension", "mode", "entropy", "previous_entropy", "repeat",
        )
    }
)  # fmt: skip
_ACTIONS: Final = (
    Action.FILE_CREATED,
    Action.FILE_WRITTEN,
    Action.FILE_RENAMED,
    Action.FILE_DELETED,
    Action.FILE_MODE_CHANGED,
)
_BITS: Final = 8.0  # entropy of a byte is at most this


class FileActivityFormat(Format):
    """Changes to files and folders. The program that made them is not known."""

    name = "file-activity"
    title = "File activity"
    dataset = "host.file"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(lines)
        is_known = pl.col("action").is_in(_ACTIONS) & pl.col("path").is_not_null()
        fits = (is_known & pl.col("time_ns").is_not_null()).fill_null(value=False)
        return values.with_columns(fits.alias("fits")).select(
            kind(pl.col("fits")),
            epoch_time(pl.col("time_ns")).alias(c.TIMESTAMP),
            _if_fits("action", c.ACTION),
            pl.when("fits").then(pl.lit("file")).alias(c.CATEGORY),
            _if_fits("type", c.FILE_TYPE),
            _if_fits("path", c.PATH),
            _if_fits("target", c.FILE_TARGET),
            _if_fits("extension", c.EXTENSION),
            _if_fits("previous_extension", c.FILE_OLD_EXTENSION),
            _number("size", c.FILE_SIZE, pl.Int64),
            _number("previous_size", c.FILE_OLD_SIZE, pl.Int64),
            _if_fits("owner", c.FILE_OWNER),
            _if_fits("mode", c.FILE_MODE),
            _entropy("entropy", c.ENTROPY),
            _entropy("previous_entropy", c.OLD_ENTROPY),
            _number("repeat", c.REPEAT, pl.Int32),
        )


def _if_fits(name: str, column: str) -> pl.Expr:
    return pl.when("fits").then(pl.col(name)).alias(column)


def _number(name: str, column: str, dtype: type[pl.Int32 | pl.Int64]) -> pl.Expr:
    number = pl.col(name).cast(dtype, strict=False)
    return pl.when(pl.col("fits") & (number >= 0)).then(number).alias(column)


def _entropy(name: str, column: str) -> pl.Expr:
    bits = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(pl.col("fits") & bits.is_between(0.0, _BITS)).then(bits).alias(column)
