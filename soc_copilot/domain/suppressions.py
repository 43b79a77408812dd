"""Suppressions: which alerts are kept out of the list, until when, and which never are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.findings import Severity

if TYPE_CHECKING:  # an alert's details name the suppression that hides it
    from soc_copilot.domain.alerts import AlertRow

LENGTHS: Final = {
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
}
"""How long a suppression usually lasts, by the words for it."""

LONGEST: Final = timedelta(days=366)  # chosen: beyond a year it is for ever, and asked for as such
LOOK_BACK: Final = timedelta(days=7)  # contract: what a dry run looks at
REASON_CHARS: Final = 500  # chosen: as of every other reason

# What the program says about itself: whoever could hide that could blind the desk.
OWN_DETECTORS: Final = ("service", "governance", "audit", "ingestion")
OWN_RULES: Final = ("load.exercise",)
OWN_ENTITY_TYPES: Final = ("log.source",)  # sources that fall silent or flood
OWN_ENTITY: Final = "soc-copilot-demonstration-"  # part of an exercise folder's name


class Field(StrEnum):
    """What can be asked to be alike."""

    RULE = "rule"
    ENTITY = "entity"
    DETECTOR = "detector"
    TECHNIQUE = "technique"
    SOURCE = "source"

    @property
    def label(self) -> str:
        """The word for screens."""
        return self.value.capitalize()


DEFAULT_FIELDS: Final = frozenset({Field.RULE, Field.ENTITY})


class End(StrEnum):
    """How a suppression ended."""

    EXPIRED = "expired"
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a suppression looks at of an alert.

    Attributes:
        source_ids: Where its raw lines came from.
    """

    detector: str
    rule: str
    entity: str
    entity_type: str
    technique: str
    severity: int
    source_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Alike:
    """Which alerts are alike: every part that is not None must be the same.

    Attributes:
        entity_type: Goes with the entity: a user is no host of the same name.
        source_id: All raw lines came from this source.
        up_to: Alerts above this severity are never alike.
    """

    rule: str | None = None
    entity: str | None = None
    entity_type: str | None = None
    detector: str | None = None
    technique: str | None = None
    source_id: int | None = None
    up_to: Severity = Severity.CRITICAL

    @property
    def is_any_severity(self) -> bool:
        """True when no severity is too high."""
        return self.up_to is Severity.CRITICAL

    def covers(self, subject: Subject) -> bool:
        """True for an alert that is alike and not the program's own."""
        return (
            subject.severity <= self.up_to
            and self.rule in {None, subject.rule}
            and self.entity in {None, subject.entity}
            and self.entity_type in {None, subject.entity_type}
            and self.detector in {None, subject.detector}
            and self.technique in {None, subject.technique}
            and (self.source_id is None or subject.source_ids == {self.source_id})
            and not is_own(subject.detector, subject.rule, subject.entity, subject.entity_type)
        )

    def parts(self) -> tuple[tuple[Field, str], ...]:
        """What must be the same, in words."""
        source = None if self.source_id is None else str(self.source_id)
        values = (self.rule, self.entity, self.detector, self.technique, source)
        return tuple((f, v) for f, v in zip(Field, values, strict=True) if v is not None)

    def words(self) -> str:
        """One line: "rule web.sqli, entity 192.0.2.7, up to high"."""
        told = ", ".join(f"{field.value} {value or 'none'}" for field, value in self.parts())
        return told if self.is_any_severity else f"{told}, up to {self.up_to.label.lower()}"


def is_own(detector: str, rule: str, entity: str, entity_type: str) -> bool:
    """True for what the program says about itself; it is never suppressed."""
    return (
        detector in OWN_DETECTORS
        or rule in OWN_RULES
        or entity_type in OWN_ENTITY_TYPES
        or OWN_ENTITY in entity
    )


@dataclass(frozen=True, slots=True)
class Suppression:
    """A suppression as stored.

    Attributes:
        made_from: Ids of the alerts that it was made from, the first ones.
        expires_at: None for one without an end.
        ended_at: When it was lifted, or its end was noted; None while it is in force.
        n_alerts: Alerts that it has hidden so far.
        n_occurrences: What they counted when they were hidden, and since.
        last_hidden_at: When it hid something last.
    """

    id: int
    alike: Alike
    reason: str
    made_from: tuple[int, ...]
    actor: str
    surface: str
    created_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None = None
    ended: End | None = None
    ended_by: str = ""
    n_alerts: int = 0
    n_occurrences: int = 0
    last_hidden_at: datetime | None = None

    def is_active(self, now: datetime) -> bool:
        """True while it hides alerts; its end counts at once, noted or not."""
        return self.ended is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be suppressed from some alerts.

    Attributes:
        ids: The alerts.
        values: What they all have in common, by field.
        highest: The highest severity among them.
    """

    ids: tuple[int, ...]
    values: tuple[tuple[Field, str], ...]
    highest: Severity


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a suppression would have hidden.

    Attributes:
        alike: Which alerts.
        by_severity: Alerts raised in the last `LOOK_BACK`, by severity, info first.
        n_occurrences: What they count together.
        n_open: How many of them are open and in the list now.
        n_already: How many of them another suppression hides already.
        n_open_now: Open alerts in the list that are alike, however old.
        n_above: Alerts of that time that are alike but more severe, so that they stay.
        examples: A few of them, worst first.
    """

    alike: Alike
    by_severity: tuple[int, int, int, int, int]
    n_occurrences: int
    n_open: int
    n_already: int
    n_open_now: int
    n_above: int
    examples: "tuple[AlertRow, ...]" = ()

    @property
    def n_alerts(self) -> int:
        """Alerts that it would have hidden."""
        return sum(self.by_severity)

    def words(self) -> str:
        """The answer in a sentence."""
        alerts = "1 alert" if self.n_alerts == 1 else f"{self.n_alerts:,} alerts"
        times = "1 occurrence" if self.n_occurrences == 1 else f"{self.n_occurrences:,} occurrences"
        return f"Would have hidden {alerts} ({times}) of the last {LOOK_BACK.days} days."

    def warning(self) -> str:
        """What to think twice about; empty when there is nothing."""
        graver = [
            f"{self.by_severity[severity]:,} {severity.label.lower()}"
            for severity in (Severity.CRITICAL, Severity.HIGH)
            if self.by_severity[severity]
        ]
        said = [*graver, *([f"{self.n_open:,} still open"] if self.n_open else [])]
        return f"Among them: {', '.join(said)}." if said else ""


def offer_of(rows: "Sequence[AlertRow]", source_ids: Collection[int]) -> Offer:
    """What alerts have in common.

    Args:
        rows: At least one.
        source_ids: Where their raw lines came from.

    Raises:
        PolicyError: There are none, or the program says something about itself in one of them.
    """
    if not rows:
        raise PolicyError("No alert is chosen. Choose one to suppress what is like it.")
    own = next((r for r in rows if is_own(r.detector, r.rule, r.entity, r.entity_type)), None)
    if own is not None:
        raise PolicyError(
            f"Alert {own.id} is about SOC Copilot itself or about an exercise; such alerts are "
            "never suppressed. Close it once it is dealt with."
        )
    first = rows[0]
    values = [(Field.RULE, first.rule)] if all(r.rule == first.rule for r in rows) else []
    if all((r.entity, r.entity_type) == (first.entity, first.entity_type) for r in rows):
        values.append((Field.ENTITY, first.entity))
    if all(r.detector == first.detector for r in rows):
        values.append((Field.DETECTOR, first.detector))
    if first.technique and all(r.technique == first.technique for r in rows):
        values.append((Field.TECHNIQUE, first.technique))
    if len(source_ids) == 1:
        values.append((Field.SOURCE, str(next(iter(source_ids)))))
    highest = Severity(max(row.severity for row in rows))
    return Offer(tuple(row.id for row in rows), tuple(values), highest)


def alike_of(
    offer: Offer, entity_type: str, fields: Collection[Field], *, any_severity: bool
) -> Alike:
    """The alerts that are like those of an offer in some fields.

    Raises:
        PolicyError: No field is named, or the alerts differ in one.
    """
    values = dict(offer.values)
    if not fields:
        raise PolicyError("Nothing is asked to be alike; that would hide every alert.")
    for field in fields:
        if field not in values:
            known = ", ".join(values) or "nothing"
            raise PolicyError(
                f"The chosen alerts have no {field.value} in common, but {known}. Ask for that."
            )
    chosen = {field: values[field] for field in Field if field in fields}
    source = chosen.get(Field.SOURCE)
    return Alike(
        rule=chosen.get(Field.RULE),
        entity=chosen.get(Field.ENTITY),
        entity_type=entity_type if Field.ENTITY in chosen else None,
        detector=chosen.get(Field.DETECTOR),
        technique=chosen.get(Field.TECHNIQUE),
        source_id=None if source is None else int(source),
        up_to=Severity.CRITICAL if any_severity else offer.highest,
    )


def checked_end(expires_at: datetime | None, now: datetime, *, without_end: bool) -> None:
    """Refuse an end that is over, very far, or missing without that being said.

    Raises:
        PolicyError: One of these.
    """
    if expires_at is None and not without_end:
        raise PolicyError("Say until when, or say explicitly that it shall have no end.")
    if expires_at is not None and without_end:
        raise PolicyError("It either has an end or none; say one of them.")
    if expires_at is not None and expires_at <= now:
        raise PolicyError(f"The end, {expires_at:%Y-%m-%d %H:%M}, is not in the future.")
    if expires_at is not None and expires_at > now + LONGEST:
        raise PolicyError(
            f"The end is more than {LONGEST.days} days away. Choose a nearer one, or say "
            "explicitly that it shall have no end."
        )
