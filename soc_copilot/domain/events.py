"""Parsed events in columns, and how to point at single ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.findings import Evidence, Highlight

EVIDENCE_RAW_CHARS = 8_192  # chosen: characters of a raw line kept with an alert


def event_id(source_id: int, generation: int, offset: int) -> str:
    """The event's id: the same line always has the same one."""
    return f"{source_id}-{generation}-{offset}"


@dataclass(frozen=True, slots=True)
class EventBatch:
    """One Polars frame for a whole batch, one row per record, in the order read.

    Attributes:
        sequence: Of the record batch.
        frame: At least the columns `columns.BASE`, `event.kind`, `@timestamp` and
            `event.dataset`; a format adds only the columns it can fill, so ask
            `has()` before using another one. `@timestamp` is never null.
    """

    sequence: int
    frame: pl.DataFrame

    @property
    def n_events(self) -> int:
        """Rows, unparsed ones included."""
        return self.frame.height

    def has(self, *names: str) -> bool:
        """True when the frame has all these columns."""
        return all(name in self.frame.columns for name in names)

    def evidence(
        self,
        rows: Sequence[int],
        highlights: Sequence[Sequence[Highlight]] | None = None,
        scores: Sequence[float] | None = None,
    ) -> tuple[Evidence, ...]:
        """Evidence for a few rows of the frame, in the order given.

        Args:
            rows: Row numbers, few (a Python object is made for each).
            highlights: For each row, (start, end) character ranges in the raw line.
            scores: For each row, the score; 0 where not given.
        """
        if not len(rows):
            return ()
        picked = self.frame.select(*c.BASE, c.TIMESTAMP)[list(rows)]
        found = []
        for i, row in enumerate(picked.iter_rows(named=True)):
            raw = row[c.ORIGINAL] or ""
            found.append(
                Evidence(
                    event_id=event_id(row[c.SOURCE_ID], row[c.GENERATION], row[c.OFFSET]),
                    source_id=row[c.SOURCE_ID],
                    generation=row[c.GENERATION],
                    path=row[c.FILE_PATH] or "",
                    offset=row[c.OFFSET],
                    length=row[c.LENGTH],
                    timestamp=row[c.TIMESTAMP],
                    raw=raw[:EVIDENCE_RAW_CHARS],
                    highlights=tuple(highlights[i]) if highlights is not None else (),
                    score=float(scores[i]) if scores is not None else 0.0,
                )
            )
        return tuple(found)
