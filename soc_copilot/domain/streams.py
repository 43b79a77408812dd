"""How a detector judges streams of events while they come in: for screens, never stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from soc_copilot.domain.findings import Component

MAX_STREAMS: Final = 64  # chosen: of one detector and batch, those with the highest scores
MAX_REASONS: Final = 6  # chosen: more are not read
MAX_EVENTS: Final = 8  # chosen: the last ones of a stream in a batch
MAX_TEXT: Final = 1_024  # chosen: characters of a name, path or reason; longer ones are cut


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a stream.

    Attributes:
        at: When it happened.
        action: What was done, as in `columns.Action`.
        path: To which file; the new name when it was renamed.
        score: In [0, 1], after this event and all before it.
    """

    at: datetime
    action: str
    path: str
    score: float


@dataclass(frozen=True, slots=True)
class StreamScore:
    """The highest score of a stream in one batch, and why.

    Attributes:
        detector: Name of the detector.
        stream: What is judged as one, unique for the detector. Begins with the source's
            number; host and user follow after "/" where they are known.
        source_id: The source of the event.
        entity: Whom alerts of this stream are about, empty while there was none.
        at: Time of the event that had the highest score.
        score: In [0, 1].
        threshold: Score from which it is a threat.
        n_events: Of the stream in the batch.
        components: Parts of the score, strongest first.
        reasons: Plain sentences, strongest first; empty when it is no threat.
        events: The stream's last events in the batch, oldest first.
    """

    detector: str
    stream: str
    source_id: int
    entity: str
    at: datetime
    score: float
    threshold: float
    n_events: int
    components: tuple[Component, ...] = ()
    reasons: tuple[str, ...] = ()
    events: tuple[StreamEvent, ...] = ()

    @property
    def is_threat(self) -> bool:
        """The score reached the threshold."""
        return self.score >= self.threshold
