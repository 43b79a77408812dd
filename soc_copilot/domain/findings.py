"""What a detector says about a batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from typing import TYPE_CHECKING

# numpy is named in types alone, so that the window's frame need not wait for it.
if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from soc_copilot.domain.load import SeriesUpdate
    from soc_copilot.domain.streams import StreamScore
    from soc_copilot.domain.web import WebStanding

EVIDENCE_PER_FINDING = 20  # chosen: raw lines handed over per finding
Highlight = tuple[int, int]  # [start, end) in characters of the raw line


class Severity(IntEnum):
    """How soon a person should look. Stored as its number, shown as its word."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The word for screens: "Critical", "High", ..."""
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a score, in words and as a bar.

    Attributes:
        name: "Accounts tried, 5 min".
        value: "41": already formatted, plain text.
        weight: Length of the bar in [0, 1].
    """

    name: str
    value: str
    weight: float


@dataclass(frozen=True, slots=True)
class Evidence:
    r"""One raw line that led to an alert.

    Attributes:
        raw: The line as decoded (invalid bytes as "\\xNN"), at most 8,192 characters.
        highlights: [start, end) character ranges of the suspicious parts.
        offset: Byte offset of the line in the file; `length` bytes long.
    """

    event_id: str
    source_id: int
    generation: int
    path: str
    offset: int
    length: int
    timestamp: datetime
    raw: str
    highlights: tuple[Highlight, ...] = ()
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """Events of one batch that belong to one alert.

    Findings with the same (detector, rule, entity, day) become one alert while that alert
    is open: counts add up, times widen, the highest score and severity stay. How events
    were split into batches must not change the resulting alerts.

    Attributes:
        detector: Name of the detector, "web".
        rule: What was found, dotted and stable: "web.sqli", "auth.bruteforce".
        entity: Whom it is about, "192.0.2.7" or "deploy".
        entity_type: ECS name of the entity's field: "source.ip", "user.name", "host.name".
        technique: ATT&CK id ("T1190"), empty when none fits.
        title: A few words for the table's What column: "SQL injection in query value".
        summary: One plain sentence with the facts: who did what, how often, to what.
        severity: See `Severity`.
        score: In [0, 1]; the threshold that it passed is `threshold`.
        count: Events that this finding adds to the alert, at least 1.
        first_seen: Event time of the earliest event. The same UTC day as `last_seen`.
        last_seen: Event time of the latest event.
        components: Parts of the score, strongest first.
        evidence: At most `EVIDENCE_PER_FINDING` raw lines, earliest first.
        next_steps: What to check next, one sentence each.
        model_version: Version of the model or of the rules.
    """

    detector: str
    rule: str
    entity: str
    entity_type: str
    technique: str
    title: str
    summary: str
    severity: Severity
    score: float
    threshold: float
    count: int
    first_seen: datetime
    last_seen: datetime
    components: tuple[Component, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    next_steps: tuple[str, ...] = ()
    model_version: str = ""

    @property
    def day(self) -> date:
        """UTC day of the events, part of the alert's identity."""
        return self.first_seen.date()


@dataclass(frozen=True, slots=True)
class Detections:
    """A detector's answer for one batch.

    Attributes:
        detector: Name of the detector.
        scores: float32, shape (n_events,), in [0, 1]; NaN where the detector has no opinion.
        findings: What becomes alerts.
        state: For detectors that remember: the whole state after this batch, to be stored
            in the batch's transaction and given back by `restore`; None when unchanged.
        streams: How it judges streams of events now, at most `streams.MAX_STREAMS`; shown
            while they come in, never stored.
        web: How it judged web requests; shown while they come in, never stored.
        series: Hours of series that it judged; stored with the batch.
    """

    detector: str
    scores: "npt.NDArray[np.float32]"
    findings: tuple[Finding, ...] = ()
    state: bytes | None = None
    notes: Mapping[str, float] = field(default_factory=dict)
    streams: "tuple[StreamScore, ...]" = ()
    web: "WebStanding | None" = None
    series: "tuple[SeriesUpdate, ...]" = ()
