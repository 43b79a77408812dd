"""What a log format is: lines in, event columns out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import utc_now

DATETIME: Final = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What a format needs to know beside the lines.

    Attributes:
        reference: Aware UTC time at which the lines were read. A stamp without a year gets
            the latest year that does not put it more than a day after this.
    """

    reference: datetime


class Format(Protocol):
    """One log format. Stateless: the same lines and context give the same frame.

    Attributes:
        name: What settings and the database call it.
        title: What a person reads.
        dataset: The value of `event.dataset`.
    """

    name: str
    title: str
    dataset: str

    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        r"""Columns for the lines, same height and order.

        Args:
            lines: String, no nulls, without line ends. Any content: nothing raises. Of an
                event of several lines it is the first, or all of them, with "\n" between
                them, when the first begins with "{" or is a Linux audit record.
            context: See `ParseContext`.

        Returns:
            `event.kind` (never null), `@timestamp` (null where a line has none), and the
            columns the format can fill; always the same ones, whatever the lines are.
        """
        ...

    def sniff(self, lines: Sequence[str]) -> float:
        """Share of the lines, blank ones left out, that fit; in [0, 1], 0 for no lines."""
        filled = [line for line in lines if line.strip()]
        if not filled:
            return 0.0
        parsed = self.parse(pl.Series(filled, dtype=pl.String), ParseContext(utc_now()))
        return float((parsed[c.KIND] == c.KIND_EVENT).sum()) / len(filled)


def kind(fits: pl.Expr) -> pl.Expr:
    """The `event.kind` column: "event" where `fits` is true, else "unparsed"."""
    return (
        pl.when(fits.fill_null(value=False))
        .then(pl.lit(c.KIND_EVENT))
        .otherwise(pl.lit(c.KIND_UNPARSED))
        .alias(c.KIND)
    )


def groups(pattern: str, names: Sequence[str]) -> pl.Expr:
    """The expression's groups in the column `line`, one column each, in order."""
    found = pl.col("line").str.extract_groups(pattern)
    return found.struct.rename_fields(list(names)).struct.unnest()


def present(name: str) -> pl.Expr:
    """The text column with nothing, and the "-" that many logs put for it, turned to null."""
    column = pl.col(name)
    return pl.when(~column.is_in(["-", ""])).then(column)
