"""Suppressing what is like an alert: offer, dry run, add, lift; each change on record."""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, or_, select
from sqlalchemy.engine import Connection

from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.suppressions import (
    LOOK_BACK,
    REASON_CHARS,
    Alike,
    DryRun,
    End,
    Field,
    Offer,
    Suppression,
    alike_of,
    checked_end,
    offer_of,
)
from soc_copilot.governance.alert_reader import AlertReader, missing_message, row_query
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.schema import AlertModel, SuppressionModel
from soc_copilot.governance.session import Session, WriteTransaction
from soc_copilot.governance.suppressing import (
    SUPPRESSION,
    alike_conditions,
    end,
    give_back,
    held_by,
    hide,
    in_force,
    in_list,
    sources_of,
    spans,
    subject,
    suppression_of,
    told,
)

MAX_ACTIVE = 500  # chosen: each new alert is compared with all that are in force
MAX_MADE_FROM = 500  # chosen: alerts that one suppression is made from
EXAMPLES = 4  # chosen: enough to see what kind it is
PROGRAM = "pipeline"  # who ends what ran out
LISTED = 500  # chosen: the newest ones; older ones are in the audit trail

_ALERT = AlertModel.__table__.c
_NOT_NOTED = SUPPRESSION.ended_us.is_(None)
_EXPIRED = SUPPRESSION.ended == End.EXPIRED.value


Progress = Callable[[int, int], None]


class SuppressionStore:
    """Suppressions and what they hide. Every change is one transaction with its audit row."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor
        self._alerts = AlertReader(session)

    def all(self, *, ended: bool = True, limit: int = LISTED) -> tuple[Suppression, ...]:
        """Those in force first, then those that ended; the newest of each first.

        Args:
            ended: False for those in force only.
            limit: At most so many.
        """
        now = self._session.now_us()
        is_over = or_(SUPPRESSION.ended_us.is_not(None), SUPPRESSION.expires_us <= now)
        over_last = func.coalesce(SUPPRESSION.ended_us, SUPPRESSION.expires_us, 0)
        query = select(*SUPPRESSION)
        if not ended:
            query = query.where(~func.coalesce(is_over, False))
        query = query.order_by(SUPPRESSION.ended_us.is_not(None), over_last.desc())
        with self._session.read() as connection:
            rows = connection.execute(query.order_by(SUPPRESSION.id.desc()).limit(limit)).all()
        found = [suppression_of(row) for row in rows]
        moment = from_us(now)
        return tuple(sorted(found, key=lambda one: (not one.is_active(moment), -one.id)))

    def get(self, suppression_id: int) -> Suppression:
        """One of them.

        Raises:
            StoreError: There is none with this id.
        """
        with self._session.read() as connection:
            return _one(connection, suppression_id)

    def now(self) -> datetime:
        """The time by which they end."""
        return from_us(self._session.now_us())

    def offer(self, ids: Sequence[int]) -> Offer:
        """What alerts have in common, to choose from.

        Raises:
            PolicyError: There are none or very many, or one is about the program itself.
            StoreError: An id does not exist.
        """
        wanted = list(dict.fromkeys(ids))
        if len(wanted) > MAX_MADE_FROM:
            raise PolicyError(f"A suppression is made from at most {MAX_MADE_FROM} alerts.")
        rows = self._alerts.get(wanted)
        if missing := sorted(set(wanted) - {row.id for row in rows}):
            raise StoreError(missing_message(missing))
        with self._session.read() as connection:
            sources = sources_of(connection, wanted)
        return offer_of(rows, {source for of_one in sources.values() for source in of_one})

    def alike(
        self, ids: Sequence[int], fields: Collection[Field], *, any_severity: bool = False
    ) -> Alike:
        """The alerts that are like these in some fields.

        Raises:
            PolicyError: As `offer`; or no field is named, or they differ in one.
            StoreError: An id does not exist.
        """
        offer = self.offer(ids)
        kind = self._alerts.get(offer.ids[:1])[0].entity_type
        return alike_of(offer, kind, fields, any_severity=any_severity)

    def dry_run(
        self, ids: Sequence[int], fields: Collection[Field], *, any_severity: bool = False
    ) -> DryRun:
        """What such a suppression would have hidden in the last days, had it been there.

        Raises:
            PolicyError, StoreError: As `alike`.
        """
        alike = self.alike(ids, fields, any_severity=any_severity)
        now_us = self._session.now_us()
        with self._session.read() as connection:
            first = _first_since(connection, to_us(from_us(now_us) - LOOK_BACK))
            # An entity has few alerts and an index; otherwise the newest ones are read through.
            is_recent = (_ALERT.id if alike.entity is None else _ALERT.id + 0) >= first
            wanted = [is_recent, *alike_conditions(alike)]
            kinds = (_ALERT.severity, _ALERT.is_open, _ALERT.is_suppressed)
            query = select(*kinds, func.count().label("n"), func.sum(_ALERT.count).label("times"))
            rows = connection.execute(query.where(*wanted).group_by(*kinds)).all()
            above = [is_recent, *alike_conditions(alike, above=True)]
            n_above = 0 if alike.is_any_severity else _number(connection, above)
            n_open_now = _number(connection, in_list(alike))
        worst = (_ALERT.severity.desc(), _ALERT.last_us.desc(), _ALERT.id.desc())
        examples = self._alerts.rows(row_query().where(*wanted).order_by(*worst).limit(EXAMPLES))
        severities = [sum(row.n for row in rows if row.severity == s) for s in Severity]
        return DryRun(
            alike,
            (severities[0], severities[1], severities[2], severities[3], severities[4]),
            sum(int(row.times) for row in rows),
            sum(row.n for row in rows if row.is_open and not row.is_suppressed),
            sum(row.n for row in rows if row.is_suppressed),
            n_open_now,
            n_above,
            examples,
        )

    def add(
        self,
        ids: Sequence[int],
        fields: Collection[Field],
        expires_at: datetime | None,
        *,
        reason: str = "",
        any_severity: bool = False,
        without_end: bool = False,
        hide_open: bool = False,
        progress: Progress | None = None,
    ) -> Suppression:
        """Keep alerts that are like these out of the list from now on.

        Very many open ones are hidden in steps, each a transaction of its own.

        Args:
            ids: The alerts it is made from.
            fields: What must be alike.
            expires_at: When it ends.
            reason: Kept in the audit trail.
            any_severity: Hide alerts above the highest severity of these, too.
            without_end: Said explicitly when there is no `expires_at`.
            hide_open: Hide the open alerts that are alike now, too.
            progress: Called with steps done and steps in all, between them.

        Raises:
            PolicyError: As `alike`; or the end does not fit, or there are very many.
            StoreError: An id does not exist, or the database cannot be written.
        """
        alike = self.alike(ids, fields, any_severity=any_severity)
        reason = reason.strip()[:REASON_CHARS]
        self.settle()
        with self._session.write(self._actor) as tx:
            now = from_us(tx.now_us)
            checked_end(expires_at, now, without_end=without_end)
            active = in_force(tx)
            if len(active) >= MAX_ACTIVE:
                raise PolicyError(f"There are {MAX_ACTIVE} suppressions in force. Lift some first.")
            made = Suppression(
                0, alike, reason, tuple(ids), tx.actor.name, tx.actor.surface, now, expires_at
            )
            new_id = _insert(tx, made)
            steps = spans(tx.connection, in_list(alike)) if hide_open else []
            n_hidden = hide(tx, new_id, alike, steps[0])[0] if steps else 0
            origin = ", ".join(str(i) for i in made.made_from[:10])
            words = (
                f"{told(made)}; made from alert {origin}; open alerts hidden at once: {n_hidden}"
            )
            tx.audit(Entry("suppression.added", subject(new_id), None, words, reason or None))
        for done, span in enumerate(steps[1:], start=1):
            if progress is not None:
                progress(done, len(steps))
            with self._session.write(self._actor) as tx:
                if not _one(tx.connection, new_id).is_active(from_us(tx.now_us)):
                    break  # somebody lifted it meanwhile
                n_hidden, _ = hide(tx, new_id, alike, span)
                told_now = f"{n_hidden} open alerts"
                tx.audit(Entry("alerts.suppressed", subject(new_id), None, told_now))
        return self.get(new_id)

    def lift(self, suppression_id: int, reason: str = "", progress: Progress | None = None) -> int:
        """End a suppression, and let what it hides back into the list; how many that are.

        One that ran out can be lifted, too, for the sake of what it still hides. Very many come
        back in steps; the last one ends it, so that nothing stays hidden by one that is lifted.

        Raises:
            PolicyError: It was lifted before.
            StoreError: There is none with this id, or the database cannot be written.
        """
        reason = reason.strip()[:REASON_CHARS]

        def act(tx: WriteTransaction) -> int:
            one = _one(tx.connection, suppression_id)
            if one.ended is End.LIFTED:
                raise PolicyError(f"Suppression {suppression_id} was lifted before.")
            n_back = n_before + give_back(tx, one.id)
            end(tx, [one], End.LIFTED, reason, f"; {n_back} came back")
            return n_back

        self.settle()
        n_before = self._give_back_most(suppression_id, progress)
        return self._session.change(self._actor, act)

    def _give_back_most(self, suppression_id: int, progress: Progress | None) -> int:
        """All steps but the last one of what a suppression hides; how many alerts that are."""
        with self._session.read() as connection:
            steps = spans(connection, held_by(suppression_id))
        n_back = 0
        for done, span in enumerate(steps[:-1]):
            if progress is not None:
                progress(done, len(steps))
            with self._session.write(self._actor) as tx:
                n_step = give_back(tx, suppression_id, span)
                told_now = f"{n_step} alerts"
                tx.audit(Entry("alerts.surfaced", subject(suppression_id), told_now, None))
            n_back += n_step
        return n_back

    def ran_out(self, since: datetime) -> tuple[Suppression, ...]:
        """Those whose end came after a time, and older ones whose end is not on record yet."""
        now = self._session.now_us()
        is_over = and_(SUPPRESSION.expires_us <= now, or_(_NOT_NOTED, _EXPIRED))
        is_news = or_(SUPPRESSION.expires_us > to_us(since), _NOT_NOTED)
        query = select(*SUPPRESSION).where(is_over, is_news).order_by(SUPPRESSION.expires_us)
        with self._session.read() as connection:
            return tuple(suppression_of(row) for row in connection.execute(query))

    def settle(self) -> None:
        """Put on record which suppressions ran out; by the program, for nobody ended them."""
        is_due = (_NOT_NOTED, SUPPRESSION.expires_us <= self._session.now_us())
        with self._session.read() as connection:
            due = connection.execute(select(SUPPRESSION.id).where(*is_due).limit(1)).first()
        if due is not None:
            with self._session.write(Actor(PROGRAM, self._actor.surface)) as tx:
                in_force(tx)


def _one(connection: Connection, suppression_id: int) -> Suppression:
    query = select(*SUPPRESSION).where(SUPPRESSION.id == suppression_id)
    row = connection.execute(query).first()
    if row is None:
        raise StoreError(f"There is no suppression {suppression_id}. List them for their ids.")
    return suppression_of(row)


def _insert(tx: WriteTransaction, made: Suppression) -> int:
    alike = made.alike
    values: dict[str, Any] = {
        **{
            n: getattr(alike, n) for n in ("rule", "entity", "entity_type", "detector", "technique")
        },
        "source_id": alike.source_id,
        "up_to": int(alike.up_to),
        "reason": made.reason,
        "made_from": json.dumps(made.made_from),
        "actor": made.actor,
        "surface": made.surface,
        "created_us": to_us(made.created_at),
        "expires_us": None if made.expires_at is None else to_us(made.expires_at),
        "ended_by": "",
        "n_alerts": 0,
        "n_occurrences": 0,
    }
    added = tx.connection.execute(insert(SuppressionModel).values(**values))
    return int(added.inserted_primary_key[0])  # type: ignore[index]  # an insert has one


def _number(connection: Connection, wanted: list[Any]) -> int:
    query = select(func.count()).select_from(AlertModel).where(*wanted)
    return connection.execute(query).scalar() or 0


def _first_since(connection: Connection, since_us: int) -> int:
    """The first alert raised since then; ids are given out in the order of raising."""
    low, high = 1, (connection.execute(select(func.max(_ALERT.id))).scalar() or 0) + 1
    while low < high:
        middle = (low + high) // 2
        raised = connection.execute(select(_ALERT.raised_us).where(_ALERT.id == middle)).scalar()
        if raised is not None and raised < since_us:
            low = middle + 1
        else:
            high = middle
    return low
