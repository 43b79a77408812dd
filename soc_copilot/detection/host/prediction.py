"""What the host detector says of events: one by one, and many in columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import polars as pl
from typing_extensions import override

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Components:
    """The score's parts, before the fusion weighs them.

    Attributes:
        deep: Of the sequence model, in (0, 1).
        isolation_forest: In (0, 1); about 0.5 is ordinary.
        heuristic: Of the documented rule, in [0, 1).
        boosted_trees: In (0, 1).
    """

    deep: float
    isolation_forest: float
    heuristic: float
    boosted_trees: float


@dataclass(frozen=True, slots=True)
class ThreatPrediction:
    """What is said of one event.

    Attributes:
        timestamp: The event's own, seconds.
        threat_score: In (0, 1), after this event and all before it in its stream.
        is_threat: The score reached the threshold.
        confidence: How sure that verdict is, [0, 1]: read off the model card's table of how
            many held-back moments of such a score were harm (`fusion`).
        latency_ms: Duration of the call that scored it.
        reasons: Plain sentences, strongest first; empty when it is no threat.
    """

    event_id: str
    timestamp: float
    threat_score: float
    is_threat: bool
    confidence: float
    latency_ms: float
    components: Components
    reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As `score host` writes it."""
        return {
            "event_id": self.event_id,
            "timestamp": self.timestamp,
            "threat_score": self.threat_score,
            "is_threat": self.is_threat,
            "confidence": self.confidence,
            "latency_ms": self.latency_ms,
            "components": {
                "deep": self.components.deep,
                "isolation_forest": self.components.isolation_forest,
                "heuristic": self.components.heuristic,
                "boosted_trees": self.components.boosted_trees,
            },
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of events in arrays of one shape; meanings as in `ThreatPrediction`."""

    score: Floats
    is_threat: Flags
    confidence: Floats
    deep: Floats
    isolation_forest: Floats
    heuristic: Floats
    boosted_trees: Floats

    def __len__(self) -> int:
        return len(self.score)

    def components(self, row: int) -> Components:
        """The parts of one event's score."""
        return Components(
            float(self.deep[row]),
            float(self.isolation_forest[row]),
            float(self.heuristic[row]),
            float(self.boosted_trees[row]),
        )

    def reshaped(self, *shape: int) -> "Scores":
        """The same numbers in arrays of another shape."""
        return Scores(
            self.score.reshape(shape),
            self.is_threat.reshape(shape),
            self.confidence.reshape(shape),
            self.deep.reshape(shape),
            self.isolation_forest.reshape(shape),
            self.heuristic.reshape(shape),
            self.boosted_trees.reshape(shape),
        )


def joined(parts: Sequence[Scores]) -> Scores:
    """Scores one behind the other."""
    if len(parts) == 1:
        return parts[0]
    return Scores(
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.is_threat for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.deep for part in parts]),
        np.concatenate([part.isolation_forest for part in parts]),
        np.concatenate([part.heuristic for part in parts]),
        np.concatenate([part.boosted_trees for part in parts]),
    )


class Predictions(Sequence[ThreatPrediction]):
    """Predictions of a batch in the order of its events: columns, and objects when asked for.

    Attributes:
        event_ids: One text each.
        timestamps: Seconds, float64.
        scores: Columns of scores.
        latency_ms: Duration of the call.

    Thread:
        Any; nothing changes after it was made.
    """

    def __init__(
        self,
        event_ids: pl.Series,
        timestamps: Doubles,
        scores: Scores,
        latency_ms: float,
        reasons: Callable[[int], tuple[str, ...]],
    ) -> None:
        self.event_ids = event_ids
        self.timestamps = timestamps
        self.scores = scores
        self.latency_ms = latency_ms
        self._reasons = reasons

    @override
    def __len__(self) -> int:
        return len(self.timestamps)

    @overload
    def __getitem__(self, index: int) -> ThreatPrediction: ...
    @overload
    def __getitem__(self, index: slice) -> list[ThreatPrediction]: ...
    @override
    def __getitem__(self, index: int | slice) -> ThreatPrediction | list[ThreatPrediction]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = index + len(self) if index < 0 else index
        if not 0 <= row < len(self):
            raise IndexError(index)
        scores = self.scores
        return ThreatPrediction(
            event_id=self.event_ids[row],
            timestamp=float(self.timestamps[row]),
            threat_score=float(scores.score[row]),
            is_threat=bool(scores.is_threat[row]),
            confidence=float(scores.confidence[row]),
            latency_ms=self.latency_ms,
            components=scores.components(row),
            reasons=self.reasons(row),
        )

    def reasons(self, row: int) -> tuple[str, ...]:
        """Why an event is a threat; nothing when it is none."""
        return self._reasons(row) if self.scores.is_threat[row] else ()

    def to_frame(self) -> pl.DataFrame:
        """One row for each event.

        Returns:
            Columns event_id, timestamp, threat_score, is_threat, confidence, deep,
            isolation_forest, heuristic, boosted_trees, and reasons (a list of texts).
        """
        scores = self.scores
        reasons: list[list[str]] = [[] for _ in range(len(self))]
        for row in np.flatnonzero(scores.is_threat).tolist():
            reasons[row] = list(self.reasons(row))
        return pl.DataFrame(
            {
                "event_id": self.event_ids,
                "timestamp": self.timestamps,
                "threat_score": scores.score,
                "is_threat": scores.is_threat,
                "confidence": scores.confidence,
                "deep": scores.deep,
                "isolation_forest": scores.isolation_forest,
                "heuristic": scores.heuristic,
                "boosted_trees": scores.boosted_trees,
                "reasons": pl.Series(reasons, dtype=pl.List(pl.String)),
            }
        )
