"""The load detector in the pipeline: every series that comes in, judged hour by hour."""

import logging
import math
import zlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from soc_copilot.detection.load.detector import Shared
from soc_copilot.detection.load.findings import DETECTOR, ENTITY, finding_of, moment
from soc_copilot.detection.load.forecast import Drift
from soc_copilot.detection.load.monitor import PerformanceMonitor
from soc_copilot.detection.load.saved import load
from soc_copilot.detection.load.series import clock
from soc_copilot.detection.load.states import pack, unpack
from soc_copilot.detection.load.watched import Step, WatchedSeries
from soc_copilot.detection.protocol import DetectorInfo, no_opinion
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import (
    EVIDENCE_PER_FINDING,
    Component,
    Detections,
    Finding,
    Severity,
)
from soc_copilot.domain.load import ODD_WORDS, HourRow, LoadInterval, Odd, SeriesUpdate
from soc_copilot.domain.paths import bundled

logger = logging.getLogger(__name__)

VALUES_RULE: Final = "load.values"
DRIFT_RULE: Final = "load.drift"
TECHNIQUES: Final = ("T0831", "T1499", "T1562.006")
MOST_SERIES: Final = 64  # chosen: their states are stored with every batch, some 10 MB together
KEPT_TIMES: Final = 500  # chosen: hours whose times are kept over a restart, 3 KB
_SERIES: Final = "series"  # the format's name for its events
_DOCUMENT: Final = r"^\x{FEFF}?\s*(\[|\{\s*$|\{.*[\[{,]\s*$)"  # as its first line begins and ends
_LEAST_TOLD: Final = frozenset({Odd.MISSING, Odd.DUPLICATE})  # odd, but often harmless


class LoadDetector:
    """Keeps one `WatchedSeries` for each source and file in the format series.

    Thread:
        One at a time.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._shared: Shared | None = None
        self._stored: bytes | None = None  # the state as it is in the database
        self._pending: bytes | None = None
        self._series: dict[str, WatchedSeries] = {}
        self._must_resume = False
        self._is_full = False
        self._monitor = PerformanceMonitor()
        self.info = DetectorInfo(
            DETECTOR, "Load", "", 0.5, TECHNIQUES, (c.SERIES_HOUR, c.SERIES_VALUE), False
        )

    def start(self, device: str) -> None:
        """Load the model.

        Raises:
            DetectorError: It is missing or damaged.
        """
        self._shared = Shared(load(self._folder or bundled("models") / "load"))
        self.info = replace(self.info, version=self._shared.model.version)

    def detect(self, batch: EventBatch) -> Detections:
        """Judge the hours of every series in the batch."""
        documents = _document_findings(batch, self.info.version)
        rows = _rows(batch.frame)
        if rows is None:
            return replace(no_opinion(DETECTOR, batch.n_events), findings=tuple(documents))
        if self._must_resume:
            self._resume()
        scores = np.full(batch.n_events, np.nan, np.float32)
        findings = documents
        updates: list[SeriesUpdate] = []
        for (source_id, path), part in rows.group_by("source", "path", maintain_order=True):
            key = f"{source_id}/{path}"
            unit = str(part["unit"][0] or "")
            watched = self._watched(key)
            if watched is None:
                continue
            name = _name(str(path))
            step = Step()
            for hour, value, place in part.select("hour", "value", "row").iter_rows():
                watched.take(hour, math.nan if value is None else value, place, step)
            for one, place in step.flagged:
                scores[place] = np.float32(min(max(one.score, 0.0), 1.0))
            findings += _findings(batch, name, watched.version, step)
            touched = {one.first: one for one, _ in step.flagged}
            if step.rows or touched:
                updates.append(
                    SeriesUpdate(key, name, unit, tuple(step.rows), tuple(touched.values()))
                )
        self._pending = self._pack()
        return Detections(DETECTOR, scores, tuple(findings), self._pending, series=tuple(updates))

    def commit(self) -> None:
        """The batch is stored: what was judged stands."""
        if self._pending is not None:
            self._stored, self._pending = self._pending, None

    def rollback(self) -> None:
        """The batch is not stored: go back to what is."""
        if self._pending is not None:
            self._pending, self._must_resume = None, True

    def restore(self, state: bytes | None) -> None:
        """Take up the stored series; one whose state is of another model begins anew."""
        self._stored, self._pending, self._must_resume = state, None, True

    def close(self) -> None:
        """Let go of the series."""
        self._series = {}
        self._must_resume = True

    def _watched(self, key: str) -> WatchedSeries | None:
        if key not in self._series:
            if len(self._series) >= MOST_SERIES:
                if not self._is_full:
                    logger.warning("Too many series; the others are not judged. most=%s",
                                   MOST_SERIES)  # fmt: skip
                    self._is_full = True
                return None
            self._series[key] = WatchedSeries(self._model(), self._monitor)
        return self._series[key]

    def _model(self) -> Shared:
        if self._shared is None:
            raise DetectorError("The load detector was not started.")
        return self._shared

    # -- the state

    def _pack(self) -> bytes:
        parts = []
        for key, watched in self._series.items():
            facts, data = watched.kept()
            parts.append(({"key": key, **facts}, data))
        return pack(parts, self._monitor.read().standing(), self._monitor.latest_us(KEPT_TIMES))

    def _resume(self) -> None:
        self._series, self._must_resume = {}, False
        if not self._stored:
            return
        try:
            told, parts = unpack(self._stored)
            for facts, data in parts:
                self._resume_one(facts, data)
            self._monitor.resume(told.get("times", ()))
        except (ValueError, KeyError, TypeError, IndexError, zlib.error) as error:
            self._series = {}
            logger.warning("The load detector's state cannot be used. reason=%s", error)

    def _resume_one(self, facts: dict[str, Any], data: bytes) -> None:
        try:
            self._series[facts["key"]] = WatchedSeries.from_kept(
                self._model(), facts, zlib.decompress(data), self._monitor
            )
        except DetectorError as error:
            logger.warning("A series begins anew. key=%s reason=%s", facts["key"], error)


def _rows(frame: pl.DataFrame) -> pl.DataFrame | None:
    """Rows of series in the order read: row, source, path, hour, value, unit; None without any."""
    found = frame.with_row_index("row").filter(
        pl.col(c.SERIES_HOUR).is_not_null() & (pl.col(c.KIND) == c.KIND_EVENT)
    )
    if found.is_empty():
        return None
    unit = pl.col(c.SERIES_UNIT) if c.SERIES_UNIT in frame.columns else pl.lit("")
    return found.sort(c.SOURCE_ID, c.GENERATION, c.OFFSET).select(
        pl.col("row").cast(pl.Int64), pl.col(c.SOURCE_ID).alias("source"),
        pl.col(c.FILE_PATH).alias("path"), pl.col(c.SERIES_HOUR).alias("hour"),
        pl.col(c.SERIES_VALUE).alias("value"), unit.alias("unit"),
    )  # fmt: skip


def _document_findings(batch: EventBatch, version: str) -> list[Finding]:
    """Files in the format series that begin as one JSON document: no line of them is a row."""
    frame = batch.frame
    if c.DATASET not in frame.columns:
        return []
    first = frame.with_row_index("row").filter(
        (pl.col(c.DATASET) == _SERIES) & (pl.col(c.OFFSET) == 0)
        & (pl.col(c.KIND) == c.KIND_UNPARSED) & pl.col(c.ORIGINAL).str.contains(_DOCUMENT)
    )  # fmt: skip
    columns = ("row", c.FILE_PATH, c.TIMESTAMP)
    return [
        Finding(
            DETECTOR, VALUES_RULE, _name(path), ENTITY, "", "One JSON document, not a row a line",
            f"{_name(path)} begins as one JSON document. Series are read line by line as they "
            "grow, so none of its hours is judged.",
            Severity.LOW, 0.5, 0.5, 1, at, at, (), batch.evidence([row], None, [0.5]),
            ("Have it written as one JSON object a line, or as CSV.",
             "Replay it on the Load page: Replay a series."), version,
        )
        for row, path, at in first.select(columns).iter_rows()
    ]  # fmt: skip


def _name(path: str) -> str:
    """Of a series, from its file: the stem."""
    last = path.replace("\\", "/").rsplit("/", 1)[-1]
    return last.split(".")[0] or last


def _findings(batch: EventBatch, name: str, version: str, step: Step) -> list[Finding]:
    found = []
    by_day: dict[tuple[int, date], list[tuple[LoadInterval, int]]] = {}
    for one, place in step.flagged:
        by_day.setdefault((one.first, moment(one.last).date()), []).append((one, place))
    for hours in by_day.values():
        places = list(dict.fromkeys(place for _, place in hours))[:EVIDENCE_PER_FINDING]
        latest = hours[-1][0]
        finding = finding_of(latest, name, version, count=len(hours))
        scores = [latest.score] * len(places)
        found.append(replace(finding, evidence=batch.evidence(places, None, scores)))
    found += [_drift_finding(batch, name, version, *one) for one in step.drifted]
    return found + _odd_findings(batch, name, version, step)


def _drift_finding(
    batch: EventBatch, name: str, version: str, hour: int, drift: Drift, place: int
) -> Finding:
    at = moment(hour)
    return Finding(
        DETECTOR, DRIFT_RULE, name, ENTITY, "", f"The forecast drifts: {drift.ratio:.1f} times off",
        f"The forecasts of {name} were {drift.mape:.1%} off in the last week, against "
        f"{drift.baseline_mape:.1%} at first. Attacks are found later while that lasts.",
        Severity.LOW, min(1.0, 0.5 + drift.ratio / 20), 0.5, 1, at, at,
        (Component("Error, last week", f"{drift.mape:.2%}", min(drift.mape * 10, 1.0)),
         Component("Error, at first", f"{drift.baseline_mape:.2%}",
                   min(drift.baseline_mape * 10, 1.0))),
        batch.evidence([place], None, [0.5]),
        ("See whether the meter, its place or its users changed.",
         "Train the model on the series as it is now: soc-copilot train load."), version,
    )  # fmt: skip


def _odd_findings(batch: EventBatch, name: str, version: str, step: Step) -> list[Finding]:
    """What is odd about the values themselves: one finding a day, worst first."""
    by_day: dict[date, list[tuple[HourRow, int]]] = {}
    for row, place in step.odd:
        by_day.setdefault(moment(row.hour).date(), []).append((row, place))
    found = []
    for hours in by_day.values():
        kinds = [Odd(row.odd) for row, _ in hours]
        worst = max(kinds, key=lambda kind: (kind not in _LEAST_TOLD, kind))
        first = next(row for row, _ in hours if row.odd == worst)
        words = ", ".join(
            f"{kinds.count(kind):,} with {ODD_WORDS[kind]}" for kind in dict.fromkeys(kinds)
        )
        n = len(hours)
        last = moment(max(row.hour for row, _ in hours)) + timedelta(minutes=59)
        places = list(dict.fromkeys(place for _, place in hours))[:EVIDENCE_PER_FINDING]
        found.append(
            Finding(
                DETECTOR, VALUES_RULE, name, ENTITY, "", f"Odd values: {ODD_WORDS[worst]}",
                f"{name} has {n:,} odd hours, {words}; the first of them is "
                f"{clock(first.hour)}. A stand-in took the place of values that cannot be.",
                Severity.INFO if worst in _LEAST_TOLD else Severity.LOW,
                0.5, 0.5, n, moment(min(row.hour for row, _ in hours)), last, (),
                batch.evidence(places, None, [0.5] * len(places)),
                ("See whether the meter, or what writes the file, works.",
                 "See whether the unit was changed."), version,
            )
        )  # fmt: skip
    return found
