"""What the filter bar shows: a view that can be named, stored and turned into a query."""

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from soc_copilot.domain.alerts import AlertFilter, AlertStatus
from soc_copilot.domain.findings import Severity

OPEN: Final = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)

# Key of a time range, its words, its length.
PRESETS: Final[dict[str, tuple[str, timedelta | None]]] = {
    "all": ("All time", None),
    "15m": ("Last 15 min", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "24h": ("Last 24 h", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "custom": ("Custom", None),
}


_SAID: Final = re.compile(r"(?:^|\s)-?suppressed:", re.IGNORECASE)
# What becomes of suppressed alerts: its words, what the query asks for.
SUPPRESSED: Final[dict[str, tuple[str, bool | None]]] = {
    "hidden": ("Without suppressed ones", False),
    "shown": ("Suppressed ones too", None),
    "only": ("Only suppressed ones", True),
}


@dataclass(frozen=True, slots=True)
class AlertView:
    """A filter as a person sets it.

    Attributes:
        preset: A key of `PRESETS`; "custom" takes `since` and `until`.
        mine: Leave out what is assigned to someone else.
        brush: A narrower range picked in the histogram.
        suppressed: A key of `SUPPRESSED`. A text that says suppressed:X decides by itself.
        suppression: Only what this one hides.
    """

    text: str = ""
    severities: tuple[Severity, ...] = ()
    statuses: tuple[AlertStatus, ...] = OPEN
    detectors: tuple[str, ...] = ()
    preset: str = "all"
    since: datetime | None = None
    until: datetime | None = None
    entity: str | None = None
    technique: str | None = None
    mine: bool = False
    brush: tuple[datetime, datetime] | None = None
    suppressed: str = "hidden"
    suppression: int | None = None

    def query(self, now: datetime, me: str = "") -> AlertFilter:
        """The view as a query of this person at this moment; relative ranges end now."""
        since, until = self.range(now)
        if self.brush is not None:
            low, high = self.brush
            since = low if since is None else max(since, low)
            until = high if until is None else min(until, high)
        return AlertFilter(
            text=self.text.strip(),
            severities=self.severities,
            statuses=self.statuses,
            detectors=self.detectors,
            since=since,
            until=until,
            entity=self.entity,
            technique=self.technique,
            mine=me if self.mine else None,
            suppressed=None if self._is_said() else SUPPRESSED[self.suppressed][1],
            suppression=self.suppression,
        )

    def _is_said(self) -> bool:
        return self.suppression is not None or _SAID.search(self.text) is not None

    def range(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """The time range without the brush; None where it is open."""
        if self.preset == "custom":
            return self.since, self.until
        length = PRESETS[self.preset][1]
        return (now - length, None) if length is not None else (None, None)

    def toggled(self, severity: Severity) -> "AlertView":
        """With one severity more or less; all of them is the same as no filter."""
        chosen = set(self.severities) ^ {severity}
        if len(chosen) == len(Severity):
            chosen.clear()
        return replace(self, severities=tuple(sorted(chosen)))

    def to_json(self) -> str:
        """As text for storage, without the brush."""
        return json.dumps(
            {
                "text": self.text,
                "severities": [severity.name for severity in self.severities],
                "statuses": [status.value for status in self.statuses],
                "detectors": list(self.detectors),
                "preset": self.preset,
                "since": self.since.isoformat() if self.since else None,
                "until": self.until.isoformat() if self.until else None,
                "entity": self.entity,
                "technique": self.technique,
                "mine": self.mine,
                "suppressed": self.suppressed,
                "suppression": self.suppression,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "AlertView":
        """What `to_json` wrote.

        Raises:
            ValueError: The text is something else.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            preset = found["preset"]
            if preset not in PRESETS:
                raise ValueError(f'There is no time range "{preset}".')
            suppressed = found.get("suppressed", "hidden")
            if suppressed not in SUPPRESSED:
                raise ValueError(f'Suppressed alerts are not "{suppressed}".')
            suppression = found.get("suppression")
            return cls(
                text=str(found["text"]),
                severities=tuple(Severity[name] for name in found["severities"]),
                statuses=tuple(AlertStatus(value) for value in found["statuses"]),
                detectors=tuple(str(name) for name in found["detectors"]),
                preset=preset,
                since=_moment(found["since"]),
                until=_moment(found["until"]),
                entity=found["entity"],
                technique=found["technique"],
                mine=bool(found.get("mine", False)),
                suppressed=suppressed,
                suppression=None if suppression is None else int(suppression),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is not a stored view: {error}.") from error


@dataclass(frozen=True, slots=True)
class Target:
    """Which alerts an action is about.

    Attributes:
        ids: These, when there is no query.
        query: Every alert that matches, but for `excluded`.
    """

    ids: tuple[int, ...] = ()
    query: AlertFilter | None = None
    excluded: frozenset[int] = frozenset()


DEFAULT_VIEW: Final = AlertView()
BUILT_IN: Final[dict[str, AlertView]] = {
    "Open": DEFAULT_VIEW,
    "Open, mine or unassigned": AlertView(mine=True),
    "New": AlertView(statuses=(AlertStatus.NEW,)),
    "Open, high and critical": AlertView(severities=(Severity.HIGH, Severity.CRITICAL)),
    "Closed": AlertView(statuses=(AlertStatus.CLOSED,)),
    "Suppressed": AlertView(statuses=(), suppressed="only"),
    "Everything": AlertView(statuses=(), suppressed="shown"),
}


def views_to_json(views: dict[str, AlertView]) -> str:
    """Named views as text for storage."""
    return json.dumps({name: view.to_json() for name, view in views.items()})


def views_from_json(text: str | None) -> dict[str, AlertView]:
    """The named views in a stored text; those that cannot be read are left out."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    views = {}
    for name, stored in found.items() if isinstance(found, dict) else ():
        try:
            views[str(name)] = AlertView.from_json(stored)
        except (ValueError, TypeError):
            continue
    return views


def filter_to_view(query: AlertFilter) -> AlertView:
    """The view that shows exactly what a query asks for."""
    is_timed = query.since is not None or query.until is not None
    return AlertView(
        text=query.text,
        severities=query.severities,
        statuses=query.statuses,
        detectors=query.detectors,
        preset="custom" if is_timed else "all",
        since=query.since,
        until=query.until,
        entity=query.entity,
        technique=query.technique,
        mine=query.mine is not None,
        suppressed=next(k for k, (_, asked) in SUPPRESSED.items() if asked is query.suppressed),
        suppression=query.suppression,
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("A stored time has no zone.")
    return moment
