"""Finds lines made against their readers, by columns alone; remembers nothing."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from soc_copilot.detection.integrity.rules import (
    CONTROL,
    LONG_LINE,
    NULS,
    RULES,
    THRESHOLD,
    VERSION,
    Rule,
)
from soc_copilot.detection.protocol import DetectorInfo, no_opinion
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Component, Detections, Finding

NAME: Final = "integrity"

# Sequences that move the cursor, scroll, erase, or talk to the terminal itself. Colours, which
# many programs write, end in "m" and are left alone.
_COMMAND: Final = (
    "\x1b(?:"
    r"\[[0-9;?]*[A-HJKSTfhlnsu]"  # cursor, erase, scroll, modes
    r"|[\]PX^_]"  # operating system command and other strings
    r"|[78cDEHM]"  # save, restore, reset, line moves
    ")"
)


class IntegrityDetector:
    """Very long lines, zeros inside lines, and terminal commands.

    Each event is judged by itself, so that batches make no difference.

    Thread:
        One at a time.
    """

    def __init__(self) -> None:
        self.info = DetectorInfo(
            name=NAME,
            title="Log integrity",
            version=VERSION,
            threshold=THRESHOLD,
            techniques=tuple(sorted({rule.technique for rule in RULES})),
            wants=(c.LENGTH, c.ORIGINAL),
            accelerated=False,
        )

    def start(self, device: str) -> None:
        """Nothing to load: the rules are code."""

    def detect(self, batch: EventBatch) -> Detections:
        """Scores of the lines that a rule marks, NaN for all others, and what becomes alerts."""
        marked = _marked(batch.frame)
        if marked is None:
            return no_opinion(NAME, batch.n_events)
        scores = np.full(batch.n_events, np.nan, dtype=np.float32)
        np.fmax.at(scores, marked["row"].to_numpy(), marked["score"].to_numpy())
        groups = marked.group_by("rule", "entity", "entity_type", "day", maintain_order=True)
        return Detections(NAME, scores, tuple(_finding(batch, key, group) for key, group in groups))

    def commit(self) -> None:
        """Nothing to keep."""

    def rollback(self) -> None:
        """Nothing to forget."""

    def restore(self, state: bytes | None) -> None:
        """Nothing to take up."""

    def close(self) -> None:
        """Nothing to give back."""


def _marked(frame: pl.DataFrame) -> pl.DataFrame | None:
    """One row for each event and rule that marks it; None when there is none.

    Columns: row, rule (its number), value, score, entity, entity_type, day, at.
    """
    text = pl.col(c.ORIGINAL)
    signs = frame.select(
        pl.when(pl.col(c.LENGTH) >= LONG_LINE.least).then(pl.col(c.LENGTH)).alias(LONG_LINE.id),
        text.str.contains("\0", literal=True).alias(NULS.id),
        text.str.contains("\x1b", literal=True).alias(CONTROL.id),
    )
    rows = signs.with_row_index("row").filter(
        pl.col(LONG_LINE.id).is_not_null() | pl.col(NULS.id) | pl.col(CONTROL.id)
    )
    if rows.is_empty():
        return None
    near = frame[rows["row"]].with_columns(row=rows["row"].cast(pl.Int64))
    counted = near.select(
        "row",
        pl.col(c.TIMESTAMP).alias("at"),
        pl.col(c.TIMESTAMP).dt.date().alias("day"),
        *_entity(near),
        rows[LONG_LINE.id].alias("0"),
        text.str.count_matches("\0", literal=True).cast(pl.Int64).alias("1"),
        text.str.count_matches(_COMMAND).cast(pl.Int64).alias("2"),
    )
    hits = [
        counted.filter(pl.col(str(i)) >= rule.least).select(
            "row", "at", "day", "entity", "entity_type",
            pl.lit(i).alias("rule"),
            pl.col(str(i)).alias("value"),
            _score(pl.col(str(i)), rule).alias("score"),
        )
        for i, rule in enumerate(RULES)
    ]  # fmt: skip
    marked = pl.concat(hits).sort("row", "rule")
    return None if marked.is_empty() else marked


def _entity(frame: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Who is behind a line: the machine that sent it to us, or else the file it stands in."""
    if c.SENDER not in frame.columns:
        return pl.col(c.FILE_PATH).alias("entity"), pl.lit(c.FILE_PATH).alias("entity_type")
    sender = pl.col(c.SENDER).str.replace(r":\d+$", "")
    is_sent = sender.str.len_bytes() > 0
    return (
        pl.when(is_sent).then(sender).otherwise(pl.col(c.FILE_PATH)).alias("entity"),
        pl.when(is_sent).then(pl.lit(c.SENDER)).otherwise(pl.lit(c.FILE_PATH)).alias("entity_type"),
    )


def _score(value: pl.Expr, rule: Rule) -> pl.Expr:
    low, high = rule.scores
    share = (value / rule.least).log() / math.log(rule.full / rule.least)
    return (low + (high - low) * share.clip(0.0, 1.0)).cast(pl.Float32)


def _finding(batch: EventBatch, key: tuple[Any, ...], group: pl.DataFrame) -> Finding:
    """The finding of one rule, entity and day; told by its strongest line."""
    number, entity, entity_type, _ = key
    rule = RULES[int(number)]
    strongest: Mapping[str, Any] = group.row(int(group["value"].arg_max() or 0), named=True)
    score = float(strongest["score"])
    shown = group.sort("at", "row").select("row", "score").head(EVIDENCE_PER_FINDING).rows()
    if strongest["row"] not in [row for row, _ in shown]:
        shown[-1] = (strongest["row"], score)
    rows, scores = [row for row, _ in shown], [value for _, value in shown]
    times = group["at"]
    return Finding(
        detector=NAME,
        rule=rule.id,
        entity=str(entity),
        entity_type=str(entity_type),
        technique=rule.technique,
        title=rule.title,
        summary=rule.sentence.format(entity=entity, value=strongest["value"]),
        severity=rule.severity,
        score=score,
        threshold=THRESHOLD,
        count=group.height,
        first_seen=times.min(),  # type: ignore[arg-type]  # a column of times holds times
        last_seen=times.max(),  # type: ignore[arg-type]
        components=(Component(rule.measure, f"{strongest['value']:,}", score),),
        evidence=batch.evidence(rows, None, scores),
        next_steps=rule.next_steps,
        model_version=VERSION,
    )
