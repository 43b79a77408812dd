"""What the Host page lists: streams, folders watched, and alerts from before. No Qt."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from soc_copilot.domain.alerts import AlertFilter, AlertRow, AlertStatus
from soc_copilot.domain.clock import from_us
from soc_copilot.domain.folders import split_folders
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.streams import StreamScore
from soc_copilot.ui.stream_history import StreamRecord

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

DETECTOR: Final = "host"
WATCHED: Final = "activity"
MOST_ALERTS: Final = 200  # chosen: open alerts that are put beside streams
RAISED_SHARE: Final = 0.5  # chosen: of the threshold, from which a score is no longer ordinary

OPEN: Final = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)
QUIET, ORDINARY, RAISED, THREAT = range(4)
BAND_WORDS: Final = ("Quiet", "Ordinary", "Raised", "Threat")
BAND_ROLES: Final = ("info", "low", "medium", "critical")


def band(score: float, threshold: float) -> int:
    """How a score is to be taken: `ORDINARY`, `RAISED` or `THREAT`."""
    if score >= threshold:
        return THREAT
    return RAISED if score >= RAISED_SHARE * threshold else ORDINARY


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the database says.

    Attributes:
        names: Of every source, by its number.
        watched: Sources that watch folders and are not switched off.
        alerts: Open ones of the detector, newest first.
    """

    names: Mapping[int, str]
    watched: tuple[SourceRow, ...]
    alerts: tuple[AlertRow, ...]


def read_host(governance: "Governance") -> HostFacts:
    """Read it; for a job."""
    sources = governance.sources.list()
    query = AlertFilter(statuses=OPEN, detectors=(DETECTOR,), suppressed=False)
    return HostFacts(
        {row.id: row.name for row in sources},
        tuple(row for row in sources if row.kind == WATCHED and row.enabled),
        governance.alerts.page(query, None, MOST_ALERTS),
    )


@dataclass(frozen=True, slots=True)
class HostRow:
    """One line of the page.

    Attributes:
        key: The stream's name; of an alert without a stream "alert" and its entity.
        name: For people.
        source_id: Where the events come from, None when only an alert is known.
        folder: What is watched; empty when it is no watched folder.
        record: Scores since the window was opened, None when there were none.
        alerts: Open ones about it, newest first.
        is_pinned: Kept on top.
    """

    key: str
    name: str
    source_id: int | None = None
    folder: str = ""
    record: StreamRecord | None = None
    alerts: tuple[AlertRow, ...] = ()
    is_pinned: bool = False

    @property
    def judged(self) -> StreamScore | None:
        """The highest score of the last quarter of an hour, None when there was none."""
        record = self.record
        return None if record is None or record.is_silent else record.top

    @property
    def worst(self) -> int:
        """The band of the last quarter of an hour; without a score, that of its alerts."""
        judged = self.judged
        if judged is None:
            return THREAT if self.alerts else QUIET
        return band(judged.score, judged.threshold)

    @property
    def last_heard(self) -> datetime | None:
        """When it was last heard of."""
        if self.record is not None:
            return from_us(int(self.record.latest_s * 1_000_000))
        return max((alert.last_seen for alert in self.alerts), default=None)


def name_of(stream: str, names: Mapping[int, str]) -> str:
    """A stream for people: host and user where they are known, then the source by its name."""
    head, _, rest = stream.partition("/")
    source = names.get(int(head), "") if head.isdecimal() and len(head) < 12 else ""
    parts = [part for part in rest.split("/") if part not in {"", "-"}]
    parts.append(source or (f"source {head}" if head.isdecimal() else head))
    return " · ".join(parts)


def assemble(
    records: Mapping[str, StreamRecord],
    facts: HostFacts,
    *,
    pinned: Collection[str] = (),
    words: str = "",
) -> tuple[HostRow, ...]:
    """The lines in order: those kept on top, then the worst, then by name.

    Args:
        records: By stream.
        facts: What the database says.
        pinned: Keys of those kept on top.
        words: Only those in whose name all of these occur.
    """
    folders = {row.id: row.path for row in facts.watched}
    left = {alert.id: alert for alert in facts.alerts}
    by_entity = _by_entity(facts.alerts)
    rows = []
    for stream, record in records.items():
        source_id, entity = record.latest.source_id, record.top.entity or record.latest.entity
        folder = folders.pop(source_id, "")
        own = dict.fromkeys((*by_entity.get(entity, ()), *_below(facts.alerts, folder)))
        for alert in own:
            left.pop(alert.id, None)
        name = name_of(stream, facts.names)
        rows.append(HostRow(stream, name, source_id, folder, record, tuple(own), stream in pinned))
    for source_id, folder in folders.items():
        key = str(source_id)
        own = dict.fromkeys(_below(left.values(), folder))
        for alert in own:
            left.pop(alert.id, None)
        name = facts.names.get(source_id, key)
        rows.append(HostRow(key, name, source_id, folder, None, tuple(own), key in pinned))
    for entity, alerts in _by_entity(left.values()).items():
        key = f"alert {entity}"
        rows.append(HostRow(key, entity, alerts=tuple(alerts), is_pinned=key in pinned))
    wanted = words.casefold().split()
    fitting = [row for row in rows if all(word in row.name.casefold() for word in wanted)]
    return tuple(sorted(fitting, key=_order))


def _order(row: HostRow) -> tuple[object, ...]:
    """Coarse, so that lines change places only when there is a reason."""
    judged = row.judged
    score = 0.0 if judged is None else round(judged.score, 1)
    return (
        *(not row.is_pinned, -row.worst, row.record is None, not row.alerts, -score),
        *(row.name.casefold(), row.key),
    )


def _by_entity(alerts: Iterable[AlertRow]) -> dict[str, list[AlertRow]]:
    found: dict[str, list[AlertRow]] = {}
    for alert in alerts:
        found.setdefault(alert.entity, []).append(alert)
    return found


def _below(alerts: Iterable[AlertRow], folders: str) -> list[AlertRow]:
    """Alerts about a folder that is watched, or one below it."""
    if not folders:
        return []
    roots = [root.rstrip("/\\") for root in split_folders(folders)]
    return [
        alert
        for alert in alerts
        if alert.entity_type == "file.directory"
        and any(alert.entity == root or alert.entity.startswith((f"{root}/", f"{root}\\"))
                for root in roots)
    ]  # fmt: skip
