"""The streaming engine: events of many streams, each scored once, when it arrives."""

import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.detection.host.buffer import N_STREAMS, WINDOW, StreamBuffer, StreamBuffers
from soc_copilot.detection.host.detector import HostScorer, HybridThreatDetector
from soc_copilot.detection.host.explain import Explanation, explain
from soc_copilot.detection.host.memory import Restored
from soc_copilot.detection.host.prediction import Predictions, ThreatPrediction
from soc_copilot.detection.host.saved import HostModel
from soc_copilot.detection.host.tracking import N_FILES
from soc_copilot.domain.errors import DetectorError

TIMED_CALLS: Final = 10_000  # chosen: calls over which times are told
_WARM_EVENTS: Final = 64  # chosen: one by one, until all code has run a few times
_WARM_BATCH: Final = 4_200  # chosen: more than what one thread does alone


@dataclass(frozen=True, slots=True)
class PerformanceStats:
    """How fast it was.

    Attributes:
        count: Events scored.
        n_calls: Calls that scored them.
        mean_ms, p50_ms, p95_ms, p99_ms: Duration of the latest calls, at most `TIMED_CALLS`;
            0 before the first.
        events_per_s: Events by the time spent in all calls.
        n_streams: Known now.
        n_put_away: Streams that had to make room.
    """

    count: int
    n_calls: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    events_per_s: float
    n_streams: int
    n_put_away: int

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return asdict(self)


class StreamingInferenceEngine:
    """Scores events as they come, with the state of each stream carried along.

    Args:
        model: A loaded one, or the folder of one; the one shipped with the program when None.
        device: "auto" (a GPU when there is one), "cpu" or "cuda".
        threshold: Score from which an event is a threat; the model's own when None.
        n_streams: Streams known at a time; those idle for longest make room.
        n_files: Files known at a time, a power of two.
        window: Events of each stream that are kept.
        is_warmed: Score events of our own making first, so that the first real one is as fast
            as the rest; they leave no trace.

    Raises:
        DetectorError: A model that is missing or damaged, a device that is not there, a
            threshold outside (0, 1].

    Thread:
        Any; calls exclude each other. Engines share nothing that changes.
    """

    def __init__(
        self, model: HostModel | Path | None = None, *, device: str = "auto",
        threshold: float | None = None, n_streams: int = N_STREAMS, n_files: int = N_FILES,
        window: int = WINDOW, is_warmed: bool = True,
    ) -> None:  # fmt: skip
        self.detector = HybridThreatDetector(model=model, device=device, threshold=threshold)
        self._lock = threading.Lock()
        if is_warmed:
            warm_up(self.detector)
        self._scorer = HostScorer(
            self.detector, n_streams=n_streams, n_files=n_files, window=window
        )
        self._times_ms = np.zeros(TIMED_CALLS)
        self._n_calls = self._n_events = 0
        self._busy_s = 0.0

    @property
    def threshold(self) -> float:
        """Score from which an event is a threat."""
        return self.detector.threshold

    @property
    def windows(self) -> StreamBuffers:
        """The last events of each stream."""
        return self._scorer.memory.windows

    def buffer(self, stream: str) -> StreamBuffer | None:
        """The last events of a stream, None when it is not known (any more)."""
        return self.windows.buffer(stream)

    def process_event(self, event: HostEvent) -> ThreatPrediction:
        """Score the next event.

        An event that comes late is taken as of the latest time of its stream; a clock that was
        set back by more than an hour is believed from then on.

        Raises:
            DetectorError: It has no time, an unknown operation or a field of the wrong type;
                then nothing changed.
        """
        with self._lock:
            found = self._scorer.process_one(event)
            self._note(1, found.latency_ms)
        return found

    def process_batch(self, events: Sequence[HostEvent] | pl.DataFrame) -> Predictions:
        """Score the next events, of any number of streams, in order of arrival.

        Args:
            events: Or a canonical frame (`reading.SCHEMA`).

        Returns:
            One prediction each, in their order; equal to those of `process_event` (1e-5).

        Raises:
            DetectorError: One has no time, an unknown operation or a field of the wrong type;
                then none was scored.
        """
        with self._lock:
            found = self._scorer.process(events)
            if len(found):
                self._note(len(found), found.latency_ms)
        return found

    def explain(self, stream: str) -> Explanation:
        """Which features and events drove the latest score of a stream; some 10 ms.

        Raises:
            DetectorError: The stream is not known.
        """
        buffer = self.buffer(stream)
        if buffer is None or not buffer.is_ready():
            raise DetectorError(f'Nothing is known of a stream "{stream}". It had no event lately.')
        return explain(self.detector, buffer)

    def get_performance_stats(self) -> PerformanceStats:
        """How many events it scored, and how fast."""
        with self._lock:
            times = self._times_ms[: min(self._n_calls, TIMED_CALLS)].copy()
            table = self.windows.table
            p50, p95, p99 = np.percentile(times, (50, 95, 99)) if len(times) else (0.0, 0.0, 0.0)
            return PerformanceStats(
                count=self._n_events,
                n_calls=self._n_calls,
                mean_ms=float(times.mean()) if len(times) else 0.0,
                p50_ms=float(p50),
                p95_ms=float(p95),
                p99_ms=float(p99),
                events_per_s=self._n_events / self._busy_s if self._busy_s else 0.0,
                n_streams=len(table),
                n_put_away=table.n_put_away,
            )

    def save(self) -> bytes:
        """What is remembered of streams and files, packed; not the windows."""
        with self._lock:
            return self._scorer.save()

    def restore(self, state: bytes | None) -> Restored:
        """Go on where `save` was called; None forgets everything.

        Returns:
            Whether it goes on or starts cold, and why.

        Raises:
            DetectorError: The bytes are damaged or of an engine of another size; then nothing
                changed.
        """
        with self._lock:
            return self._scorer.restore(state)[0]

    def _note(self, n_events: int, latency_ms: float) -> None:
        self._times_ms[self._n_calls % TIMED_CALLS] = latency_ms
        self._n_calls += 1
        self._n_events += n_events
        self._busy_s += latency_ms / 1e3


def warm_up(detector: HybridThreatDetector) -> None:
    """Run all code that real events will run, in a memory that is thrown away."""
    scorer = HostScorer(detector, n_streams=8, n_files=1_024)
    began_s = time.time()
    operations = (Operation.WRITE, Operation.CREATE, Operation.RENAME, Operation.DELETE)
    events = [
        HostEvent(
            str(i), began_s + i / 100, operations[i % 4], f"/warm/{i % 9}/a{i % 50}.txt",
            f"/warm/b{i}.x1" if i % 4 == 2 else "", 5_000.0, 4_000.0, 7.95, 4.2, False,
            f"stream {i % 3}", "user", "program",
        )
        for i in range(_WARM_BATCH)
    ]  # fmt: skip
    for event in events[:_WARM_EVENTS]:
        scorer.process_one(event)
    scorer.process(events[:16])
    scorer.process(events).to_frame()
    explain(detector, scorer.memory.windows.at(0))
