"""Turning a batch's findings into new and grown alerts, inside the batch's transaction."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from soc_copilot.domain.alerts import AlertStatus
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.domain.suppressions import Subject
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.grouping import (
    DESCRIPTION,
    Group,
    Key,
    Line,
    choose,
    evidence_values,
    group,
    line_of,
    merged,
)
from soc_copilot.governance.schema import AlertHistoryModel, AlertModel, EvidenceModel
from soc_copilot.governance.session import WriteTransaction, in_chunks
from soc_copilot.governance.suppressing import Screen, sources_of
from soc_copilot.governance.tally import Standing, adjust

GROWING = (*DESCRIPTION, "severity", "count", "first_us", "last_us")
"""Columns that findings change in an open alert."""

_ALERT = AlertModel.__table__.c
_EVIDENCE = EvidenceModel.__table__.c
_LAST_ALERT = select(func.max(_ALERT.id))
_LAST_REVISION = select(func.max(_ALERT.revision))
_KNOWN = ("id", "detector", "rule", "entity", "day", "assignee", "suppressed_by")
_OPEN = select(*(_ALERT[name] for name in (*_KNOWN, *GROWING))).where(
    _ALERT.entity.in_(bindparam("entities", expanding=True)),
    _ALERT.day.in_(bindparam("days", expanding=True)),
    _ALERT.is_open == 1,
)
_GROW = (
    update(AlertModel)
    .where(_ALERT.id == bindparam("b_id"))
    .values({name: bindparam(name) for name in (*GROWING, "revision")})
)
_KEPT_LINES = select(
    _EVIDENCE.alert_id,
    _EVIDENCE.event_id,
    _EVIDENCE.timestamp_us,
    _EVIDENCE.source_id,
    _EVIDENCE.generation,
    _EVIDENCE.offset,
    _EVIDENCE.score,
).where(_EVIDENCE.alert_id.in_(bindparam("ids", expanding=True)))
_DROP_LINE = delete(EvidenceModel).where(
    _EVIDENCE.alert_id == bindparam("b_alert"), _EVIDENCE.event_id == bindparam("b_event")
)


@dataclass(slots=True)
class Raised:
    """What a batch did to alerts."""

    ids: tuple[int, ...] = ()
    by_severity: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    updated: int = 0
    suppressed: int = 0
    by_source: Mapping[int, int] = field(default_factory=dict)
    by_detector: Mapping[str, int] = field(default_factory=dict)


def next_revision(connection: Connection) -> int:
    """A number greater than any alert's revision; the caller holds the write lock."""
    return (connection.execute(_LAST_REVISION).scalar() or 0) + 1


def raise_alerts(tx: WriteTransaction, findings: Iterable[Finding], batch_id: int) -> Raised:
    """Merge findings into open alerts of the same key; raise alerts for the others.

    What a suppression hides is stored and counted like everything else, but not in the list.
    """
    screen = Screen.of(tx)
    groups = group(findings)
    if not groups:
        return Raised()
    revision = next_revision(tx.connection)
    open_alerts = _open_alerts(tx.connection, groups)
    known = {key: found for key, found in groups.items() if key in open_alerts}
    fresh = {key: found for key, found in groups.items() if key not in open_alerts}
    escalated = _grow(tx, known, open_alerts, revision, screen)
    ids = _insert(tx, fresh, revision, screen)
    _keep_lines(tx, {open_alerts[key]["id"]: found for key, found in known.items()}, ids, fresh)
    _record(tx, batch_id, ids, fresh, escalated)
    screen.finish(batch_id)
    severities = Counter(found.values["severity"] for found in fresh.values())
    sources = (found.source_id for found in fresh.values())
    return Raised(
        ids=tuple(ids),
        by_severity=(severities[0], severities[1], severities[2], severities[3], severities[4]),
        updated=len(known),
        suppressed=screen.n_fresh,
        by_source=Counter(source_id for source_id in sources if source_id is not None),
        by_detector=Counter(key[0] for key in fresh),
    )


def _open_alerts(connection: Connection, groups: Mapping[Key, Group]) -> dict[Key, dict[str, Any]]:
    found: dict[Key, dict[str, Any]] = {}
    days = sorted({key[3] for key in groups})
    for entities in in_chunks(sorted({key[2] for key in groups})):
        rows = connection.execute(_OPEN, {"entities": entities, "days": days})
        for row in rows.mappings():
            key = (row["detector"], row["rule"], row["entity"], row["day"])
            # Reopening can leave two open alerts of one key; the newer one goes on growing.
            if key in groups and (key not in found or found[key]["id"] < row["id"]):
                found[key] = dict(row)
    return found


def _grow(
    tx: WriteTransaction,
    known: Mapping[Key, Group],
    open_alerts: Mapping[Key, Mapping[str, Any]],
    revision: int,
    screen: Screen,
) -> dict[int, tuple[int, int]]:
    """Update open alerts; the (old, new) severity of those whose severity rose."""
    escalated = {}
    rows = []
    standings: list[tuple[Standing | None, Standing | None]] = []
    hidden = [open_alerts[k]["id"] for k in known if open_alerts[k]["suppressed_by"] is not None]
    sources = sources_of(tx.connection, hidden) if screen.needs_sources else {}
    for key, found in known.items():
        old = open_alerts[key]
        new = merged(old, found.values)
        rows.append({**new, "b_id": old["id"], "revision": revision})
        by = was = old["suppressed_by"]
        if was is not None:
            alert = _subject(key, new, found, sources.get(old["id"], frozenset()))
            by = screen.grown(old["id"], was, alert, found.values["count"])
        is_free = old["assignee"] is None
        standings.append(
            (
                Standing(old["severity"], was is None, is_free),
                Standing(new["severity"], by is None, is_free),
            )
        )
        if new["severity"] > old["severity"]:
            escalated[old["id"]] = (old["severity"], new["severity"])
    if rows:
        tx.connection.execute(_GROW, rows)
        adjust(tx.connection, standings)
    return escalated


def _subject(
    key: Key, values: Mapping[str, Any], found: Group, sources: frozenset[int] = frozenset()
) -> Subject:
    """An alert as suppressions look at it."""
    detector, rule, entity, _ = key
    of_lines = {line.source_id for line in found.evidence.values()}
    kinds = (values["entity_type"], values["technique"], values["severity"])
    return Subject(detector, rule, entity, *kinds, sources | of_lines)


def _insert(
    tx: WriteTransaction, fresh: Mapping[Key, Group], revision: int, screen: Screen
) -> list[int]:
    if not fresh:
        return []
    first = (tx.connection.execute(_LAST_ALERT).scalar() or 0) + 1
    rows = []
    for alert_id, (key, found) in enumerate(fresh.items(), start=first):
        detector, rule, entity, day = key
        by = screen.raised(alert_id, _subject(key, found.values, found), found.values["count"])
        rows.append(
            {
                **found.values,
                "id": alert_id,
                "detector": detector,
                "rule": rule,
                "entity": entity,
                "day": day,
                "status": AlertStatus.NEW.value,
                "is_open": 1,
                "disposition": None,
                "assignee": None,
                "raised_us": tx.now_us,
                "revision": revision,
                "is_suppressed": int(by is not None),
                "suppressed_by": by,
            }
        )
    tx.connection.execute(insert(AlertModel), rows)
    standings = [Standing(row["severity"], row["suppressed_by"] is None, True) for row in rows]
    adjust(tx.connection, ((None, standing) for standing in standings))
    return [row["id"] for row in rows]


def _keep_lines(
    tx: WriteTransaction,
    grown: Mapping[int, Group],
    ids: Sequence[int],
    fresh: Mapping[Key, Group],
) -> None:
    """Store the lines worth keeping, and drop those that stronger ones replace."""
    offered = {
        **{alert_id: found for alert_id, found in grown.items() if found.evidence},
        **dict(zip(ids, fresh.values(), strict=True)),
    }
    stored = _stored_lines(tx.connection, [i for i in offered if i in grown])
    added, dropped = [], []
    for alert_id, found in offered.items():
        had = stored.get(alert_id, {})
        new = {line.event_id: line for line in map(line_of, found.evidence.values())}
        kept = choose([*had.values(), *(n for name, n in new.items() if name not in had)])
        added += [
            evidence_values(alert_id, found.evidence[name])
            for name in new
            if name in kept and name not in had
        ]
        dropped += [{"b_alert": alert_id, "b_event": name} for name in had if name not in kept]
    if dropped:
        tx.connection.execute(_DROP_LINE, dropped)
    if added:
        tx.connection.execute(insert(EvidenceModel), added)


def _stored_lines(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, Line]]:
    lines: dict[int, dict[str, Line]] = {}
    for chunk in in_chunks(ids):
        for row in connection.execute(_KEPT_LINES, {"ids": chunk}):
            order = (row.timestamp_us, row.source_id, row.generation, row.offset)
            line = Line(row.event_id, order, row.score)
            lines.setdefault(row.alert_id, {})[row.event_id] = line
    return lines


def _record(
    tx: WriteTransaction,
    batch_id: int,
    ids: Sequence[int],
    fresh: Mapping[Key, Group],
    escalated: Mapping[int, tuple[int, int]],
) -> None:
    severities = [Severity(found.values["severity"]).label for found in fresh.values()]
    changes: list[tuple[str, int, str | None, str]] = [
        ("raised", i, None, label) for i, label in zip(ids, severities, strict=True)
    ]
    rises = {i: (Severity(old).label, Severity(new).label) for i, (old, new) in escalated.items()}
    changes += [("severity", i, old, new) for i, (old, new) in rises.items()]
    if changes:
        rows = [
            {
                "alert_id": alert_id,
                "at_us": tx.now_us,
                "actor": tx.actor.name,
                "surface": tx.actor.surface,
                "field": name,
                "old": old,
                "new": new,
            }
            for name, alert_id, old, new in changes
        ]
        tx.connection.execute(insert(AlertHistoryModel), rows)
    entries = []
    if ids:
        told = ", ".join(f"{i} {label}" for i, label in zip(ids, severities, strict=True))
        entries.append(Entry("alerts.raised", f"batch {batch_id}", None, told))
    if rises:
        before = ", ".join(f"{i} {old}" for i, (old, _) in rises.items())
        after = ", ".join(f"{i} {new}" for i, (_, new) in rises.items())
        entries.append(Entry("alerts.escalated", f"batch {batch_id}", before, after))
    tx.audit(*entries)
