"""The one small summary that a stored batch leaves behind, for whoever listens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from soc_copilot.domain.streams import StreamScore
    from soc_copilot.domain.web import WebStanding

SCORE_BINS = 20  # chosen: bars of the score histogram over [0, 1]


@dataclass(frozen=True, slots=True)
class DetectorHealth:
    """How a detector is doing.

    Attributes:
        state: "ok", "degraded" (failed lately, still tried), "open" (circuit open: skipped
            until `retry_in_s`), "disabled", "loading".
        detail: One sentence, empty when all is well.
        mean_ms: Mean time per batch, milliseconds, over the last 100 batches.
        p95_ms: 95th percentile of the same.
    """

    name: str
    title: str
    version: str
    state: str
    detail: str = ""
    mean_ms: float = 0.0
    p95_ms: float = 0.0
    n_batches: int = 0
    n_failures: int = 0
    retry_in_s: float = 0.0
    device: str = "CPU"


@dataclass(frozen=True, slots=True)
class SourceStats:
    """One source in one summary."""

    source_id: int
    name: str
    n_events: int
    lag_bytes: int
    lag_s: float  # age of the oldest line not yet committed, seconds; 0 when none waits
    state: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What happened to one batch. Frozen; safe to hand to any thread.

    Attributes:
        latencies_ms: float32, shape (k,), k <= 512: line-to-alert latency (commit minus
            read) of a sample of the batch's lines, milliseconds.
        scores: For each detector, int64 shape (20,): events by score over [0, 1].
        buffer_fill: Records waiting in the buffer divided by its bound, in [0, 1].
        stage_s: Seconds by stage: read, parse, detect, commit.
        streams: How detectors judge streams of events, a few for each detector.
        web: How detectors judged web requests.
    """

    sequence: int
    stored_ns: int
    n_events: int
    n_parsed: int
    n_unparsed: int
    raised: tuple[int, int, int, int, int]
    updated: int
    latencies_ms: "npt.NDArray[np.float32]"
    sources: tuple[SourceStats, ...]
    detectors: tuple[DetectorHealth, ...]
    scores: "Mapping[str, npt.NDArray[np.int64]]" = field(default_factory=dict)
    buffer_fill: float = 0.0
    stage_s: Mapping[str, float] = field(default_factory=dict)
    streams: "tuple[StreamScore, ...]" = ()
    web: "tuple[WebStanding, ...]" = ()
