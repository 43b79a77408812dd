"""Alerts as an analyst meets them: rows, details, filters, history."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from soc_copilot.domain.findings import Component, Evidence, Severity
from soc_copilot.domain.suppressions import Suppression


class AlertStatus(StrEnum):
    """Where an alert stands."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"

    @property
    def label(self) -> str:
        """The word for screens."""
        return self.value.capitalize()


class Disposition(StrEnum):
    """The analyst's judgement of a closed alert."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    BENIGN = "benign"
    DUPLICATE = "duplicate"

    @property
    def label(self) -> str:
        """The words for screens."""
        return self.value.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One line of the alert table."""

    id: int
    severity: Severity
    first_seen: datetime
    last_seen: datetime
    detector: str
    rule: str
    entity: str
    entity_type: str
    technique: str
    title: str
    count: int
    status: AlertStatus
    disposition: Disposition | None
    assignee: str | None
    score: float
    raised_at: datetime  # when we stored it, not when it happened
    suppressed_by: int | None = None  # the suppression that keeps it out of the list


@dataclass(frozen=True, slots=True)
class AlertNote:
    """What a person wrote about an alert."""

    id: int
    alert_id: int
    at: datetime
    actor: str
    text: str


@dataclass(frozen=True, slots=True)
class AlertChange:
    """One thing that happened to an alert.

    Attributes:
        field: "raised", "status", "disposition", "assignee", "severity", "note", "suppression".
            Counts are not listed: they change with each batch.
        old: Former value as text, None when there was none.
        new: Present value as text.
    """

    id: int
    alert_id: int
    at: datetime
    actor: str
    surface: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """Everything the detail pane shows."""

    row: AlertRow
    summary: str
    threshold: float
    model_version: str
    components: tuple[Component, ...]
    evidence: tuple[Evidence, ...]
    next_steps: tuple[str, ...]
    notes: tuple[AlertNote, ...]
    history: tuple[AlertChange, ...]
    suppression: Suppression | None = None  # what keeps it out of the list


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts to show; every empty part means "all".

    Attributes:
        text: Words that must all occur (title, summary, entity, rule, technique, or a raw
            evidence line), case-insensitive, taken literally. `entity:X`, `detector:X`,
            `technique:X`, `file:X`, `status:X`, `severity:X` and `suppressed:X` (yes, no, or a
            suppression's id) narrow to one field.
        severities: Any of these.
        statuses: Any of these.
        detectors: Any of these.
        since: `last_seen` at or after.
        until: `first_seen` before.
        entity: Exactly this entity.
        technique: Exactly this technique.
        mine: Assigned to this person, or to nobody.
        suppressed: Only suppressed ones, or only those that are not.
        suppression: Hidden by this one.
    """

    text: str = ""
    severities: tuple[Severity, ...] = ()
    statuses: tuple[AlertStatus, ...] = ()
    detectors: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    entity: str | None = None
    technique: str | None = None
    mine: str | None = None
    suppressed: bool | None = None
    suppression: int | None = None


@dataclass(frozen=True, slots=True)
class AlertCursor:
    """Place of a row in the newest-first order: last_seen descending, then id descending."""

    last_seen: datetime
    id: int


@dataclass(frozen=True, slots=True)
class AlertBucket:
    """One bar of the alert histogram: alerts first seen within it, by severity."""

    start: datetime
    counts: tuple[int, int, int, int, int]  # by Severity value, info first


@dataclass(frozen=True, slots=True)
class AlertCounts:
    """Numbers for tiles and badges: open means new or acknowledged, and not suppressed."""

    total: int
    open_by_severity: tuple[int, int, int, int, int]  # by Severity value, info first
    unassigned_open: int = 0

    @property
    def open(self) -> int:
        """Alerts neither closed nor suppressed."""
        return sum(self.open_by_severity)
