"""How a batch's requests stand: counts by class, path and address, and the worst in full."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from soc_copilot.detection.web.classes import CLASSES, NAMES, SCANNER
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Highlight
from soc_copilot.domain.web import (
    MAX_COUNTS,
    MAX_NAME,
    MAX_REQUESTS,
    MAX_TEXT,
    WebCount,
    WebRequest,
    WebStanding,
)

if TYPE_CHECKING:
    from soc_copilot.detection.web.explain import Explanation
    from soc_copilot.detection.web.findings import Flagged

BEFORE: Final = 256  # chosen: characters kept before the strongest part of a text that is cut
MAX_EXPLAINED_CHARS: Final = 16_384  # chosen: a longer text is shown without marks

Explainer = Callable[[str], "Explanation"]


def standing(
    batch: EventBatch, n_requests: int, flagged: "Flagged", explain: Explainer
) -> WebStanding:
    """Counts and the worst requests of a batch.

    Args:
        batch: The events as they came.
        n_requests: How many of them were scored.
        flagged: Those that reached the threshold.
        explain: Says why a text is suspicious.
    """
    frame = _frame(batch, flagged)
    return WebStanding(
        n_requests,
        frame.height,
        _counts(frame, "class"),
        _counts(frame, "path"),
        _counts(frame, "address"),
        tuple(_request(row, explain) for row in _worst(frame)),
    )


def _frame(batch: EventBatch, flagged: "Flagged") -> pl.DataFrame:
    """What is told of each threat, as columns."""

    def text(name: str) -> pl.Expr:
        column = pl.col(name) if batch.has(name) else pl.lit(None, pl.String)
        return column.fill_null("")

    status = pl.col(c.STATUS) if batch.has(c.STATUS) else pl.lit(None, pl.Int32)
    names = pl.Series(NAMES)
    return batch.frame[flagged.rows.astype(np.uint32)].select(
        pl.col(c.TIMESTAMP).alias("at"),
        pl.col(c.SOURCE_ID).alias("source_id"),
        text(c.SOURCE_IP).str.head(MAX_NAME).alias("address"),
        text(c.METHOD).str.head(32).alias("method"),
        text(c.URL).str.splitn("?", 2).struct.field("field_0").str.head(MAX_NAME).alias("path"),
        status.alias("status"),
        pl.Series("score", flagged.scores),
        pl.Series("kind", flagged.kinds),
        names.gather(flagged.kinds.astype(np.uint32)).alias("class"),
        flagged.texts.fill_null("").alias("text"),
    )


def _counts(frame: pl.DataFrame, name: str) -> tuple[WebCount, ...]:
    """Threats by one column, the most first; of equals the first by name."""
    found = (
        frame.filter(pl.col(name) != "")
        .group_by(name)
        .agg(pl.len().alias("n"), pl.col("class").mode().sort().first().alias("most"))
        .sort("n", name, descending=[True, False])
        .head(MAX_COUNTS)
    )
    return tuple(WebCount(*row) for row in found.select(name, "n", "most").rows())


def _worst(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows with the highest scores, one for each address and text."""
    return (
        frame.sort("score", descending=True, maintain_order=True)
        .unique(["address", "text"], keep="first", maintain_order=True)
        .head(MAX_REQUESTS)
        .to_dicts()
    )


def _request(row: dict[str, Any], explain: Explainer) -> WebRequest:
    number, text = row["kind"], row["text"]
    known = CLASSES[number]
    told = explain(text) if number != SCANNER and 0 < len(text) <= MAX_EXPLAINED_CHARS else None
    spans = () if told is None else tuple(part.highlight for part in told.parts)
    shown, marked = _window(text, spans)
    return WebRequest(
        at=row["at"],
        source_id=row["source_id"],
        address=row["address"],
        method=row["method"],
        path=row["path"],
        status=row["status"],
        score=float(row["score"]),
        kind=known.name,
        title=known.title,
        technique=known.technique,
        capec=known.capec,
        text=shown,
        marked=marked,
        decoding=() if told is None else told.decoding,
        words=() if told is None else tuple(part.words for part in told.parts if part.words),
    )


def _window(text: str, spans: tuple[Highlight, ...]) -> tuple[str, tuple[Highlight, ...]]:
    """At most `MAX_TEXT` characters of a text, its strongest part among them."""
    if len(text) <= MAX_TEXT:
        return text, spans
    first = spans[0][0] if spans else 0
    start = max(0, min(first - BEFORE, len(text) - MAX_TEXT))
    head, tail = ("…" if start else ""), ("…" if start + MAX_TEXT < len(text) else "")
    moved = ((max(a, start), min(b, start + MAX_TEXT)) for a, b in spans)
    shift = len(head) - start
    kept = tuple((a + shift, b + shift) for a, b in moved if a < b)
    return f"{head}{text[start : start + MAX_TEXT]}{tail}", kept
