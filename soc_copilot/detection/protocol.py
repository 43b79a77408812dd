"""What a detector is: the interface that ours and third parties' implement."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections

SettingValue = bool | int | float | str


@dataclass(frozen=True, slots=True)
class DetectorInfo:
    """What a detector says about itself; fixed for its life, but for a loaded model's version.

    Attributes:
        name: Short, lower case, unique: "web". Alerts and settings carry it.
        title: For screens: "Web requests".
        version: Of the model or of the rules.
        threshold: Score at which a finding is made, in [0, 1].
        techniques: ATT&CK ids that its findings may carry.
        wants: Columns without which it is not called; its scores are then NaN.
        accelerated: True when it runs on the engine's device, False when always on the CPU.
    """

    name: str
    title: str
    version: str
    threshold: float
    techniques: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    accelerated: bool = True


class Detector(Protocol):
    """Maps a batch of events to scores and findings.

    State moves in two steps: `detect` prepares the state after the batch, `commit` makes it
    current once the batch is stored, `rollback` forgets it. Between two calls of `detect`
    there is always one of the two.

    Thread:
        All calls come from one thread of the detector's own, never two at a time.
    """

    @property
    def info(self) -> DetectorInfo:
        """What it is."""
        ...

    def start(self, device: str) -> None:
        """Load what is needed and warm up; called again after a failure.

        Args:
            device: A torch device, "cpu" or "cuda:0".

        Raises:
            DetectorError: A model is missing or damaged.
        """
        ...

    def detect(self, batch: EventBatch) -> Detections:
        """Score every event of a batch and say what becomes alerts.

        Results do not depend on how events are grouped into batches (tolerance 1e-5).
        """
        ...

    def commit(self) -> None:
        """The batch is stored: the prepared state becomes current."""
        ...

    def rollback(self) -> None:
        """The batch is not stored: forget the prepared state."""
        ...

    def restore(self, state: bytes | None) -> None:
        """Take up a state given by `Detections.state`; None is the empty state.

        Raises:
            DetectorError: The bytes are no state of this detector.
        """
        ...

    def close(self) -> None:
        """Give back what `start` took."""
        ...


DetectorFactory = Callable[[Mapping[str, SettingValue]], Detector]


class AbsentDetector:
    """Stands in the list for a detector that is switched off or could not be loaded."""

    def __init__(self, name: str, title: str, reason: str, *, disabled: bool) -> None:
        self.info = DetectorInfo(name, title, "", 1.0, accelerated=False)
        self.reason = reason
        self.disabled = disabled

    def start(self, device: str) -> None:
        """Say why there is no detector.

        Raises:
            DetectorError: Always.
        """
        raise DetectorError(self.reason)

    def detect(self, batch: EventBatch) -> Detections:
        """No opinion on any event."""
        return no_opinion(self.info.name, batch.n_events)

    def commit(self) -> None:
        """Nothing to keep."""

    def rollback(self) -> None:
        """Nothing to forget."""

    def restore(self, state: bytes | None) -> None:
        """Nothing to take up."""

    def close(self) -> None:
        """Nothing to give back."""


def no_opinion(name: str, n_events: int) -> Detections:
    """The answer of a detector that has nothing to say: NaN for every event."""
    return Detections(name, np.full(n_events, np.nan, dtype=np.float32))
