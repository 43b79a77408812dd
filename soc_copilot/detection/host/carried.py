"""Verdicts on file activity that came with it: our own service has scored these events already.

They are not scored again: the service knows the stream that they are of, and its answer was
given.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.protocol import DetectorInfo
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import (
    EVIDENCE_PER_FINDING,
    Component,
    Detections,
    Finding,
    Severity,
)
from soc_copilot.domain.text import render_safe

NAME: Final = "host"
RULE: Final = "host.predicted"
_STEPS: Final = (
    "Ask who works with these files whether this was expected.",
    "See which program sent these events, and what else it told of the stream before them.",
    "Look at a few of the files named: can they still be opened?",
)
_WANTED: Final = (c.PREDICT_STREAM, c.USER, c.PATH, c.PREDICT_REASONS, c.PREDICT_VERSION)


class HostVerdicts:
    """Takes over verdicts that came with events; needs no model and remembers nothing.

    For a process that reads nothing but what our own service answered.

    Thread:
        One at a time.
    """

    info: Final = DetectorInfo(
        name=NAME,
        title="Host activity",
        version="",
        threshold=1.0,
        wants=(c.PREDICT_SCORE,),
        accelerated=False,
    )

    def start(self, device: str) -> None:
        """Nothing to load."""

    def detect(self, batch: EventBatch) -> Detections:
        """The scores that came with events; NaN for the others."""
        scores = np.full(batch.n_events, np.nan, np.float32)
        return add_carried(batch, Detections(NAME, scores))

    def commit(self) -> None:
        """Nothing to keep."""

    def rollback(self) -> None:
        """Nothing to forget."""

    def restore(self, state: bytes | None) -> None:
        """Nothing to take up: the state is of whoever scores."""

    def close(self) -> None:
        """Nothing to let go of."""


def add_carried(batch: EventBatch, found: Detections) -> Detections:
    """What a detector found, and the verdicts that came with events of the batch."""
    if not batch.has(c.PREDICT_SCORE):
        return found
    told = batch.frame[c.PREDICT_SCORE]
    rows = np.flatnonzero(told.is_not_null().to_numpy())
    if not len(rows):
        return found
    scores = found.scores.copy()
    scores[rows] = told.gather(rows.astype(np.uint32)).to_numpy()
    is_threat = batch.frame[c.PREDICT_THREAT].fill_null(value=False).to_numpy()
    hits = rows[is_threat[rows]]
    more = _findings(batch, hits, scores) if len(hits) else ()
    return replace(found, scores=scores, findings=(*found.findings, *more))


def _findings(
    batch: EventBatch, hits: npt.NDArray[np.intp], scores: npt.NDArray[np.float32]
) -> tuple[Finding, ...]:
    """One finding for each stream and UTC day, earliest first."""
    picked = batch.frame[hits.astype(np.uint32)]
    absent = [name for name in _WANTED if name not in picked.columns]
    frame = picked.with_columns(
        *(pl.lit(None, pl.String).alias(name) for name in absent),
        pl.Series("score", scores[hits]),
        pl.Series("row", hits.astype(np.int64)),
    ).with_columns(
        pl.col(c.TIMESTAMP).dt.date().alias("day"),
        pl.coalesce(c.PREDICT_STREAM, c.USER, pl.lit("unknown")).alias("entity"),
        (pl.col(c.PREDICT_STREAM).is_null() & pl.col(c.USER).is_not_null()).alias("is user"),
    )
    groups = frame.sort(c.TIMESTAMP).partition_by("entity", "is user", "day", maintain_order=True)
    return tuple(_finding(batch, group.rows(named=True)) for group in groups)


def _finding(batch: EventBatch, rows: Sequence[dict[str, Any]]) -> Finding:
    shown_rows = rows[:EVIDENCE_PER_FINDING]
    top = max(rows, key=lambda row: row["score"])
    n, score = len(rows), float(top["score"])
    shown = render_safe(top[c.PATH] or "", 200)
    events = "1 event" if n == 1 else f"{n:,} events"
    said = f' Strongest at "{shown}". {top[c.PREDICT_REASONS] or ""}'.rstrip()
    return Finding(
        detector=NAME,
        rule=RULE,
        entity=render_safe(top["entity"], 200) or "unknown",
        entity_type=c.USER if top["is user"] else c.PREDICT_STREAM,
        technique="",
        title="File activity like an attack's, told to the service",
        summary=f"The service was told of {events} like an attack on files.{said}",
        severity=Severity.MEDIUM,
        score=score,
        threshold=_threshold(top[c.ORIGINAL], score),
        count=n,
        first_seen=rows[0][c.TIMESTAMP],
        last_seen=rows[-1][c.TIMESTAMP],
        components=(Component("Score of the host model", f"{score:.3f}", score),),
        evidence=tuple(
            batch.evidence(
                [row["row"] for row in shown_rows], None, [float(r["score"]) for r in shown_rows]
            )
        ),
        next_steps=_STEPS,
        model_version=str(top[c.PREDICT_VERSION] or ""),
    )


def _threshold(line: str | None, score: float) -> float:
    """The threshold that the service answered by; it stands in the line alone."""
    try:
        told = json.loads(line or "")["threshold"]
        return min(max(float(told), 0.0), 1.0)
    except (ValueError, KeyError, TypeError):
        return score
