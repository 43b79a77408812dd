"""Suppressions inside a transaction: what is hidden as it is stored, and what comes back."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    bindparam,
    case,
    func,
    insert,
    literal,
    not_,
    select,
    update,
)
from sqlalchemy.engine import Connection

from soc_copilot.domain.clock import from_us
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.suppressions import (
    OWN_DETECTORS,
    OWN_ENTITY,
    OWN_ENTITY_TYPES,
    OWN_RULES,
    Alike,
    End,
    Subject,
    Suppression,
)
from soc_copilot.governance.alert_query import contains
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.schema import (
    AlertHistoryModel,
    AlertModel,
    EvidenceModel,
    SuppressionModel,
)
from soc_copilot.governance.session import WriteTransaction, in_chunks
from soc_copilot.governance.tally import shift

HISTORY_FIELD = "suppression"
"""What an alert's history calls it; the values are suppressions' ids."""

STEP = 10_000  # chosen: alerts moved in one transaction, some tenths of a second

_ALERT = AlertModel.__table__.c
_EVIDENCE = EvidenceModel.__table__.c
_HISTORY = AlertHistoryModel.__table__.c
SUPPRESSION = SuppressionModel.__table__.c
_NOT_ENDED = select(*SUPPRESSION).where(SUPPRESSION.ended_us.is_(None)).order_by(SUPPRESSION.id)
_END = (
    update(SuppressionModel)
    .where(SUPPRESSION.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in ("ended_us", "ended", "ended_by")})
)
_COUNT = (
    update(SuppressionModel)
    .where(SUPPRESSION.id == bindparam("b_id"))
    .values(
        n_alerts=SUPPRESSION.n_alerts + bindparam("b_alerts"),
        n_occurrences=SUPPRESSION.n_occurrences + bindparam("b_occurrences"),
        last_us=bindparam("b_now"),
    )
)
_MOVE = (
    update(AlertModel)
    .where(_ALERT.id == bindparam("b_id"))
    .values(is_suppressed=bindparam("b_is"), suppressed_by=bindparam("b_by"))
)
_LAST_REVISION = select(func.max(_ALERT.revision)).scalar_subquery()
_SOURCES = (
    select(_EVIDENCE.alert_id, _EVIDENCE.source_id)
    .where(_EVIDENCE.alert_id.in_(bindparam("ids", expanding=True)))
    .distinct()
)


def suppression_of(row: Any) -> Suppression:
    """A table row as a `Suppression`."""
    return Suppression(
        id=row.id,
        alike=Alike(
            row.rule,
            row.entity,
            row.entity_type,
            row.detector,
            row.technique,
            row.source_id,
            Severity(row.up_to),
        ),
        reason=row.reason,
        made_from=tuple(json.loads(row.made_from)),
        actor=row.actor,
        surface=row.surface,
        created_at=from_us(row.created_us),
        expires_at=_moment(row.expires_us),
        ended_at=_moment(row.ended_us),
        ended=None if row.ended is None else End(row.ended),
        ended_by=row.ended_by,
        n_alerts=row.n_alerts,
        n_occurrences=row.n_occurrences,
        last_hidden_at=_moment(row.last_us),
    )


def in_force(tx: WriteTransaction) -> list[Suppression]:
    """The suppressions that hold now, oldest first; those that ran out are put on record."""
    now = from_us(tx.now_us)
    known = [suppression_of(row) for row in tx.connection.execute(_NOT_ENDED)]
    over = [one for one in known if not one.is_active(now)]
    end(tx, over, End.EXPIRED, "Its time was over.")
    return [one for one in known if one.is_active(now)]


def end(
    tx: WriteTransaction, ended: Sequence[Suppression], how: End, reason: str = "", more: str = ""
) -> None:
    """Put on record that suppressions hold no longer; `more` is said after what they hid."""
    if not ended:
        return
    who = tx.actor.name if how is End.LIFTED else ""
    stamp = {"b_ended_us": tx.now_us, "b_ended": how.value, "b_ended_by": who}
    tx.connection.execute(_END, [{"b_id": one.id, **stamp} for one in ended])
    tx.audit(
        *(
            Entry(
                f"suppression.{how.value}",
                subject(one.id),
                told(one),
                hidden(one) + more,
                reason or None,
            )
            for one in ended
        )
    )


def subject(suppression_id: int) -> str:
    """What the audit trail calls a suppression."""
    return f"suppression {suppression_id}"


def told(one: Suppression) -> str:
    """A suppression in the audit trail's words."""
    until = "without end" if one.expires_at is None else f"until {one.expires_at.isoformat()}"
    return f"{one.alike.words()}; {until}"


def hidden(one: Suppression) -> str:
    """How much it has hidden, in the audit trail's words."""
    return f"hid {one.n_alerts} alerts, {one.n_occurrences} occurrences"


def alike_conditions(alike: Alike, *, above: bool = False) -> list[ColumnElement[bool]]:
    """What an alert must fulfil to be alike; with `above`, to be so but for its severity."""
    limit = _ALERT.severity > alike.up_to if above else _ALERT.severity <= alike.up_to
    found: list[ColumnElement[bool]] = [limit]
    texts = ("rule", "entity", "entity_type", "detector", "technique")
    same = {name: getattr(alike, name) for name in texts}
    found += [_ALERT[name] == value for name, value in same.items() if value is not None]
    if alike.source_id is not None:
        lines = select(_EVIDENCE.id).where(_EVIDENCE.alert_id == _ALERT.id)
        found.append(lines.where(_EVIDENCE.source_id == alike.source_id).exists())
        found.append(not_(lines.where(_EVIDENCE.source_id != alike.source_id).exists()))
    return [
        *found,
        _ALERT.detector.not_in(OWN_DETECTORS),
        _ALERT.rule.not_in(OWN_RULES),
        _ALERT.entity_type.not_in(OWN_ENTITY_TYPES),
        not_(contains(_ALERT.entity, OWN_ENTITY)),
    ]


def sources_of(connection: Connection, ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """Where the raw lines of alerts came from."""
    found: dict[int, set[int]] = {}
    for chunk in in_chunks(ids):
        for row in connection.execute(_SOURCES, {"ids": chunk}):
            found.setdefault(row.alert_id, set()).add(row.source_id)
    return {alert_id: frozenset(sources) for alert_id, sources in found.items()}


@dataclass(slots=True)
class Screen:
    """Decides, while a batch is stored, which of its alerts stay out of the list.

    Attributes:
        n_fresh: Alerts that were hidden as they were raised.
        moved: Alerts that changed hands: id, former suppression, present one or None.
    """

    tx: WriteTransaction
    active: list[Suppression]
    n_fresh: int = 0
    moved: list[tuple[int, int | None, int | None]] = field(default_factory=list)
    _alerts: Counter[int] = field(default_factory=Counter)
    _occurrences: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, tx: WriteTransaction) -> "Screen":
        """What holds at the time of the transaction."""
        return cls(tx, in_force(tx))

    @property
    def needs_sources(self) -> bool:
        """True when it matters where an alert's lines came from."""
        return any(one.alike.source_id is not None for one in self.active)

    def hides(self, alert: Subject) -> int | None:
        """The suppression that an alert falls under, the oldest one; None for none."""
        return next((one.id for one in self.active if one.alike.covers(alert)), None)

    def raised(self, alert_id: int, alert: Subject, count: int) -> int | None:
        """Decide on a new alert; what hides it."""
        by = self.hides(alert)
        if by is not None:
            self.n_fresh += 1
            self._note(by, 1, count)
            self.moved.append((alert_id, None, by))
        return by

    def grown(self, alert_id: int, by: int, alert: Subject, count: int) -> int | None:
        """Decide on a hidden alert that grew by `count`; what hides it from now on.

        One that no suppression covers as it is now comes into the list, and stays there.
        """
        still = [one for one in self.active if one.alike.covers(alert)]
        now = by if any(one.id == by for one in still) else next((o.id for o in still), None)
        if now is not None:
            self._note(now, 0 if now == by else 1, count)
        if now != by:
            self.moved.append((alert_id, by, now))
        return now

    def _note(self, by: int, n_alerts: int, n_occurrences: int) -> None:
        self._alerts[by] += n_alerts
        self._occurrences[by] += n_occurrences

    def finish(self, batch_id: int) -> None:
        """Write down what was decided; the new alerts' own columns are set already."""
        moves = [
            {"b_id": alert_id, "b_is": int(new is not None), "b_by": new}
            for alert_id, old, new in self.moved
            if old is not None
        ]
        if moves:
            self.tx.connection.execute(_MOVE, moves)
        count(self.tx, {by: (self._alerts[by], n) for by, n in self._occurrences.items()})
        if self.moved:
            self.tx.connection.execute(
                insert(AlertHistoryModel),
                [_history(self.tx, *one) for one in self.moved],
            )
        self.tx.audit(*_entries(batch_id, self.moved))


def count(tx: WriteTransaction, hid: Mapping[int, tuple[int, int]]) -> None:
    """Add to what suppressions have hidden: alerts and occurrences, by suppression."""
    rows = [
        {"b_id": by, "b_alerts": alerts, "b_occurrences": n, "b_now": tx.now_us}
        for by, (alerts, n) in sorted(hid.items())
    ]
    if rows:
        tx.connection.execute(_COUNT, rows)


Span = tuple[int, int]
"""The first and the last id of alerts that are moved in one transaction."""


def in_list(alike: Alike, span: Span | None = None) -> list[ColumnElement[bool]]:
    """What an open alert in the list, or in a span of it, must fulfil to be alike."""
    chosen = [_ALERT.is_open == 1, _ALERT.is_suppressed == 0]
    if span is not None or alike.entity is not None:
        # Few alerts by their ids or their entity; the planner must not be tempted by the index
        # of all that are open.
        chosen = [_ALERT.is_open + 0 == 1, _ALERT.is_suppressed + 0 == 0]
    within = [] if span is None else [_ALERT.id.between(*span)]
    return [*within, *chosen, *alike_conditions(alike)]


def held_by(by: int) -> list[ColumnElement[bool]]:
    """What an alert must fulfil to be hidden by a suppression."""
    return [_ALERT.suppressed_by == by]


def spans(connection: Connection, wanted: list[ColumnElement[bool]]) -> list[Span]:
    """Where alerts lie, in steps of which each is short: ingestion goes on in between."""
    ids = connection.execute(select(_ALERT.id).where(*wanted).order_by(_ALERT.id)).scalars().all()
    return [(chunk[0], chunk[-1]) for chunk in in_chunks(ids, STEP)]


def hide(tx: WriteTransaction, by: int, alike: Alike, span: Span) -> tuple[int, int]:
    """Hide the open alerts in a span that are alike; how many, and their occurrences."""
    hid = _move_all(tx, in_list(alike, span), None, by)
    if hid[0]:
        count(tx, {by: hid})
    return hid


def give_back(tx: WriteTransaction, by: int, span: Span | None = None) -> int:
    """Let what a suppression hides, in a span or at all, back into the list; how many."""
    wanted = held_by(by)
    if span is not None:
        wanted = [_ALERT.id.between(*span), _ALERT.suppressed_by + 0 == by]
    return _move_all(tx, wanted, by, None)[0]


def _move_all(
    tx: WriteTransaction,
    wanted: list[ColumnElement[bool]],
    old: int | None,
    new: int | None,
) -> tuple[int, int]:
    """Move alerts into or out of the list by statements over all of them at once."""
    kinds = (_ALERT.severity, _ALERT.is_open)
    n_free = func.sum(case((_ALERT.assignee.is_(None), 1), else_=0))
    standing = select(*kinds, func.count(), n_free, func.sum(_ALERT.count)).where(*wanted)
    rows = tx.connection.execute(standing.group_by(*kinds)).all()
    if not rows:
        return 0, 0
    said = {k: v for k, v in _history(tx, 0, old, new).items() if k != "alert_id"}
    values = [literal(value, _HISTORY[name].type).label(name) for name, value in said.items()]
    chosen = select(_ALERT.id, *values).where(*wanted).order_by(_ALERT.id)
    tx.connection.execute(insert(AlertHistoryModel).from_select(["alert_id", *said], chosen))
    tx.connection.execute(
        update(AlertModel)
        .where(*wanted)
        .values(is_suppressed=int(new is not None), suppressed_by=new, revision=_LAST_REVISION + 1)
    )
    sign = -1 if new is not None else 1
    counted = {s: (sign * n, sign * int(free)) for s, is_open, n, free, _ in rows if is_open}
    shift(tx.connection, counted)
    return sum(row[2] for row in rows), sum(int(row[4]) for row in rows)


def _history(
    tx: WriteTransaction, alert_id: int, old: int | None, new: int | None
) -> dict[str, Any]:
    return {
        "alert_id": alert_id,
        "at_us": tx.now_us,
        "actor": tx.actor.name,
        "surface": tx.actor.surface,
        "field": HISTORY_FIELD,
        "old": None if old is None else str(old),
        "new": None if new is None else str(new),
    }


def _entries(batch_id: int, moved: Iterable[tuple[int, int | None, int | None]]) -> list[Entry]:
    """What the audit trail says of a batch: what was hidden, and what came into the list."""
    gone = [(i, old, new) for i, old, new in moved if new is not None]
    back = [(i, old) for i, old, new in moved if new is None]
    entries = []
    if gone:
        now = ", ".join(f"{i} by {new}" for i, _, new in gone)
        entries.append(Entry("alerts.suppressed", f"batch {batch_id}", None, now))
    if back:
        before = ", ".join(f"{i} by {old}" for i, old in back)
        entries.append(Entry("alerts.surfaced", f"batch {batch_id}", before, None))
    return entries


def _moment(us: int | None) -> datetime | None:
    return None if us is None else from_us(us)
