"""The live numbers: rates, latencies, lags and scores, from what ingestion tells."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Signal, Slot

from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import (
    SCORE_BINS,
    BatchSummary,
    DetectorHealth,
    SourceStats,
)
from soc_copilot.ui.ingest_worker import SessionBeat
from soc_copilot.ui.plots.history import History
from soc_copilot.ui.stream_history import StreamHistory
from soc_copilot.ui.web_history import WebHistory

RATE_S: Final = 5  # chosen: seconds over which "events per second" is averaged
RECENT_S: Final = 60  # chosen: seconds over which the shown p50 and p95 are taken
SPREAD_S: Final = 10  # chosen: a batch's lines came in over at most so many seconds
QUARTER_H_S: Final = 900  # the sparklines' 15 minutes
EVENTS: Final = "events"
P50: Final = "p50"
P95: Final = "p95"
BUFFER: Final = "buffer"
RAISED: Final = "raised"


def events_key(source_id: int) -> str:
    """The history's key for a source's events per second."""
    return f"events/{source_id}"


def lag_key(source_id: int) -> str:
    """The history's key for a source's lag in seconds."""
    return f"lag/{source_id}"


class Live(QObject):
    """Takes summaries and beats, keeps what the window shows. GUI thread only.

    Attributes:
        history: Per-second series: `EVENTS`, `P50`, `P95` (milliseconds), `BUFFER`
            (share), `RAISED` (alerts), and per source `events_key` and `lag_key`.
        streams: How detectors judged streams of events lately.
        web: How web requests were judged lately.
    """

    updated = Signal()

    def __init__(self, parent: QObject | None = None, now: Callable[[], float] = time.time) -> None:
        super().__init__(parent)
        self._now = now
        self.history = History()
        self.streams = StreamHistory()
        self.web = WebHistory()
        self._latencies: deque[tuple[int, npt.NDArray[np.float32]]] = deque()
        self._scores: deque[tuple[int, dict[str, npt.NDArray[np.int64]]]] = deque()
        self._last_of: dict[int, int] = {}
        self._last_stored: int | None = None
        self.sources: dict[int, SourceStats] = {}
        self.statuses: dict[int, SourceStatus] = {}
        self.detectors: tuple[DetectorHealth, ...] = ()
        self.others: tuple[DetectorHealth, ...] = ()  # of other processes on this database
        self.device = ""
        self.peak = 0.0
        self.buffer_fill = 0.0
        self.since_s: float | None = None  # when the first line was told of

    @Slot(object)
    def on_summaries(self, summaries: Sequence[BatchSummary]) -> None:
        """Take what was stored since the last tenth of a second."""
        if self.since_s is None and summaries:
            self.since_s = self._now()
        for summary in summaries:
            self._take(summary)
        self._note_latencies(summaries)
        self.peak = max(self.peak, self.rate())
        self.updated.emit()

    @Slot(object)
    def on_beat(self, beat: SessionBeat) -> None:
        """Take how things stand when no batch tells it."""
        self.device = beat.device or self.device
        self.detectors = beat.detectors or self.detectors
        self.statuses = {status.source_id: status for status in beat.sources}
        second = int(self._now())
        self.history.advance(second)
        for status in beat.sources:
            if status.lag_bytes == 0 and status.source_id not in self._moving(second):
                self.history.put(lag_key(status.source_id), second, 0.0)
        for key in (EVENTS, *(events_key(status.source_id) for status in beat.sources)):
            self.history.add(key, second, 0.0)
        self.updated.emit()

    @Slot(object)
    def on_others(self, others: tuple[DetectorHealth, ...]) -> None:
        """Take how things stand that another process runs."""
        self.others = others
        self.updated.emit()

    def tick(self) -> None:
        """Let the clock move on when nothing arrives."""
        self.history.advance(int(self._now()))
        self.streams.advance(self._now())
        self.web.advance(self._now())
        self.peak = max(self.peak, self.rate())

    def rate(self, source_id: int | None = None) -> float:
        """Events per second now, of one source or of all."""
        key = EVENTS if source_id is None else events_key(source_id)
        values = self.history.latest(key, RATE_S + 1)[:-1]  # the present second is not over
        return float(np.nansum(values)) / RATE_S if len(values) else 0.0

    def latency_ms(self) -> tuple[float, float] | None:
        """Line-to-alert p50 and p95 of the last minute, milliseconds; None without lines."""
        oldest = int(self._now()) - RECENT_S
        while self._latencies and self._latencies[0][0] < oldest:
            self._latencies.popleft()
        return _percentiles(part for _, part in self._latencies)

    def lag_s(self) -> float:
        """The worst source's lag: age of its oldest line not yet stored, seconds."""
        return max((stats.lag_s for stats in self.current_sources()), default=0.0)

    def current_sources(self) -> tuple[SourceStats, ...]:
        """Each source as last told; a source that is only waiting has no lag."""
        told = dict(self.sources)
        for source_id, status in self.statuses.items():
            former = told.get(source_id)
            lag_s = former.lag_s if former is not None and status.lag_bytes else 0.0
            told[source_id] = SourceStats(
                source_id, status.name, 0, status.lag_bytes, lag_s, status.state, status.detail
            )
        if self.statuses:
            told = {key: told[key] for key in self.statuses}
        return tuple(told[key] for key in sorted(told))

    def scores(self, start_s: int, end_s: int) -> dict[str, npt.NDArray[np.int64]]:
        """Events by score for each detector, int64 shape (20,), stored in a time range."""
        total: dict[str, npt.NDArray[np.int64]] = {}
        for minute, parts in self._scores:
            if start_s - 59 <= minute <= end_s:
                for name, counts in parts.items():
                    total[name] = total.get(name, np.zeros(SCORE_BINS, np.int64)) + counts
        return total

    def reset_sources(self) -> None:
        """Forget who was read: ingestion has ended."""
        self.statuses, self.sources = {}, {}
        self.buffer_fill = 0.0
        self.updated.emit()

    def _take(self, summary: BatchSummary) -> None:
        second = summary.stored_ns // 1_000_000_000
        since = self._last_stored
        self._spread(EVENTS, second, since, summary.n_events)
        self._last_stored = second
        for stats in summary.sources:
            before = self._last_of.get(stats.source_id, since)
            self._spread(events_key(stats.source_id), second, before, stats.n_events)
            if stats.n_events:
                self._last_of[stats.source_id] = second
            self.history.put(lag_key(stats.source_id), second, stats.lag_s)
            self.sources[stats.source_id] = stats
        self.buffer_fill = summary.buffer_fill
        self.history.put(BUFFER, second, summary.buffer_fill)
        self.history.add(RAISED, second, float(sum(summary.raised)))
        self.detectors = summary.detectors or self.detectors
        self._note_scores(second, summary)
        self.streams.take(summary.streams, summary.stored_ns / 1e9)
        self.web.take(summary.web, summary.stored_ns / 1e9)

    def _spread(self, key: str, second: int, since: int | None, count: int) -> None:
        """Share lines over the seconds since the former batch: a rate, not its rhythm."""
        n_seconds = 1 if since is None else min(max(second - since, 1), SPREAD_S)
        self.history.advance(second)
        for back in range(n_seconds):
            self.history.add(key, second - back, count / n_seconds)

    def _note_latencies(self, summaries: Sequence[BatchSummary]) -> None:
        by_second: dict[int, list[npt.NDArray[np.float32]]] = {}
        for summary in summaries:
            if len(summary.latencies_ms):
                second = summary.stored_ns // 1_000_000_000
                by_second.setdefault(second, []).append(summary.latencies_ms)
        for second, parts in by_second.items():
            self._latencies.append((second, np.concatenate(parts)))
            now = _percentiles(part for at, part in self._latencies if at == second)
            if now is not None:
                self.history.put(P50, second, now[0])
                self.history.put(P95, second, now[1])

    def _note_scores(self, second: int, summary: BatchSummary) -> None:
        if not summary.scores:
            return
        minute = second - second % 60
        if not self._scores or self._scores[-1][0] != minute:
            self._scores.append((minute, {}))
            while self._scores[0][0] < minute - 7_200:  # as long as the history
                self._scores.popleft()
        parts = self._scores[-1][1]
        for name, counts in summary.scores.items():
            parts[name] = parts.get(name, np.zeros(SCORE_BINS, np.int64)) + counts

    def _moving(self, second: int) -> set[int]:
        """Sources of which a batch came within the last two seconds."""
        return {key for key, last in self._last_of.items() if second - last <= 2}


def _percentiles(parts: Iterable[npt.NDArray[np.float32]]) -> tuple[float, float] | None:
    found = [part for part in parts if len(part)]
    if not found:
        return None
    p50, p95 = np.percentile(np.concatenate(found), (50, 95))
    return float(p50), float(p95)
