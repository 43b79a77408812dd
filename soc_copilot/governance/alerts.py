"""Working through alerts: acknowledge, close, reopen, assign, note; each on record."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from soc_copilot.domain.alerts import AlertFilter, AlertRow, AlertStatus, Disposition
from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.alert_query import conditions
from soc_copilot.governance.alert_reader import AlertReader, missing_message
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.raising import next_revision
from soc_copilot.governance.schema import AlertHistoryModel, AlertModel, NoteModel
from soc_copilot.governance.session import Session, WriteTransaction, in_chunks
from soc_copilot.governance.tally import Standing, adjust

QUERY_CHUNK = 2_000  # chosen: alerts that one transaction of a whole-query action changes

_ALERT = AlertModel.__table__.c
_FIELDS = ("status", "disposition", "assignee")
_STATE = tuple(_ALERT[name] for name in ("id", "severity", "is_suppressed", *_FIELDS))
_SET = (
    update(AlertModel)
    .where(_ALERT.id == bindparam("b_id"))
    .values({name: bindparam(f"b_{name}") for name in (*_FIELDS, "is_open", "revision")})
)

State = dict[str, str | None]
Plan = Callable[[State], State]
Progress = Callable[[int, int], None]


class AlertStore(AlertReader):
    """Read alerts and record what people decide about them.

    Every method that changes alerts is one transaction, keeps old and new values in the
    history and the audit trail, and returns how many alerts it changed.
    """

    def __init__(self, session: Session, actor: Actor) -> None:
        super().__init__(session)
        self._actor = actor

    def acknowledge(self, ids: Sequence[int]) -> int:
        """Take on new alerts: they are acknowledged and assigned to the actor.

        Raises:
            StoreError: An id does not exist; nothing was changed.
        """
        return self._apply(ids, "alert.acknowledged", self._acknowledged)

    def close(self, ids: Sequence[int], disposition: Disposition, note: str = "") -> int:
        """Close alerts with a judgement; they are assigned to the actor.

        Raises:
            StoreError: An id does not exist; nothing was changed.
            PolicyError: The disposition is not one.
        """
        return self._apply(ids, "alert.closed", self._closed(disposition), note)

    def reopen(self, ids: Sequence[int], reason: str = "") -> int:
        """Make closed alerts new again; the assignee stays, the reason becomes a note.

        Raises:
            StoreError: An id does not exist; nothing was changed.
        """
        return self._apply(ids, "alert.reopened", _reopened, reason, only_changed=True)

    def assign(self, ids: Sequence[int], name: str | None) -> int:
        """Give alerts to someone, or to nobody.

        Raises:
            StoreError: An id does not exist; nothing was changed.
        """
        who = (name or "").strip() or None
        return self._apply(ids, "alert.assigned", lambda state: {**state, "assignee": who})

    def add_note(self, ids: Sequence[int], text: str) -> int:
        """Write the same note to alerts.

        Raises:
            StoreError: An id does not exist; nothing was changed.
            PolicyError: The note is empty.
        """
        if not text.strip():
            raise PolicyError("The note is empty. Write a few words.")
        return self._apply(ids, "alert.noted", lambda state: state, text)

    def restore(self, rows: Sequence[AlertRow]) -> int:
        """Give alerts back the status, disposition and assignee of these rows: an undo.

        Raises:
            StoreError: An alert does not exist; nothing was changed.
        """
        former = {row.id: _state_of(row) for row in rows}
        if not former:
            return 0
        with self._session.write(self._actor) as tx:
            states, severities = _states(tx, list(former))
            touched = [(i, states[i], wanted) for i, wanted in former.items()]
            touched = [change for change in touched if change[1] != change[2]]
            if touched:
                _write(tx, touched, severities, "alert.restored", "")
        return len(touched)

    def acknowledge_matching(self, filter: AlertFilter, progress: Progress | None = None) -> int:  # noqa: A002
        """Acknowledge every alert that passes the filter; see `close_matching`."""
        ids = self._matching(filter)
        return self._in_steps(ids, "alert.acknowledged", self._acknowledged, "", progress)

    def close_matching(
        self,
        filter: AlertFilter,  # noqa: A002
        disposition: Disposition,
        note: str = "",
        progress: Progress | None = None,
    ) -> int:
        """Close every alert that passes the filter now.

        Large numbers are done in steps of 2,000, each a transaction of its own, so that
        ingestion goes on in between.

        Args:
            filter: Which alerts.
            disposition: The judgement.
            note: Written to each of them.
            progress: Called with alerts done and alerts in all, after each step.
        """
        ids = self._matching(filter)
        return self._in_steps(ids, "alert.closed", self._closed(disposition), note, progress)

    def _matching(self, filter: AlertFilter) -> list[int]:  # noqa: A002
        query = select(_ALERT.id).where(*conditions(filter)).order_by(_ALERT.id)
        with self._session.read() as connection:
            return list(connection.execute(query).scalars())

    def _in_steps(
        self, ids: list[int], action: str, plan: Plan, note: str, progress: Progress | None
    ) -> int:
        changed = done = 0
        for chunk in in_chunks(ids, QUERY_CHUNK):
            changed += self._apply(chunk, action, plan, note)
            done += len(chunk)
            if progress is not None:
                progress(done, len(ids))
        return changed

    def _acknowledged(self, state: State) -> State:
        if state["status"] != AlertStatus.NEW:
            return state
        return {**state, "status": AlertStatus.ACKNOWLEDGED.value, "assignee": self._actor.name}

    def _closed(self, disposition: Disposition) -> Plan:
        try:
            judged = Disposition(disposition).value
        except ValueError:
            known = ", ".join(d.value for d in Disposition)
            raise PolicyError(
                f'An alert is closed as one of {known}; found "{disposition}".'
            ) from None
        target: State = {"status": AlertStatus.CLOSED.value, "disposition": judged}

        def plan(state: State) -> State:
            if target.items() <= state.items():
                return state
            return {**target, "assignee": self._actor.name}

        return plan

    def _apply(
        self,
        ids: Sequence[int],
        action: str,
        plan: Plan,
        note: str = "",
        *,
        only_changed: bool = False,
    ) -> int:
        """Change alerts as planned, with a note each; how many were changed or noted."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return 0
        note = note.strip()
        with self._session.write(self._actor) as tx:
            states, severities = _states(tx, wanted)
            changes = [(i, states[i], plan(states[i])) for i in wanted]
            noted = bool(note)
            touched = [
                change
                for change in changes
                if change[1] != change[2] or (noted and not only_changed)
            ]
            if touched:
                _write(tx, touched, severities, action, note)
        return len(touched)


def _state_of(row: AlertRow) -> State:
    judged = None if row.disposition is None else row.disposition.value
    return {"status": row.status.value, "disposition": judged, "assignee": row.assignee}


def _reopened(state: State) -> State:
    if state["status"] != AlertStatus.CLOSED:
        return state
    return {**state, "status": AlertStatus.NEW.value, "disposition": None}


def _standing(severity: int, state: State) -> Standing:
    return Standing(severity, state["status"] != AlertStatus.CLOSED, state["assignee"] is None)


def _states(tx: WriteTransaction, ids: Sequence[int]) -> tuple[dict[int, State], dict[int, int]]:
    """What people decided about each alert so far, and the severity of those in the list."""
    states: dict[int, State] = {}
    severities: dict[int, int] = {}
    for chunk in in_chunks(ids):
        for row in tx.connection.execute(select(*_STATE).where(_ALERT.id.in_(chunk))):
            states[row.id] = {name: getattr(row, name) for name in _FIELDS}
            if not row.is_suppressed:
                severities[row.id] = row.severity
    missing = [i for i in ids if i not in states]
    if missing:
        raise StoreError(missing_message(missing))
    return states, severities


def _write(
    tx: WriteTransaction,
    touched: Sequence[tuple[int, State, State]],
    severities: Mapping[int, int],
    action: str,
    note: str,
) -> None:
    revision = next_revision(tx.connection)
    rows: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    entries = []
    stamp = {"at_us": tx.now_us, "actor": tx.actor.name}
    for alert_id, old, new in touched:
        rows.append(
            {
                "b_id": alert_id,
                "b_revision": revision,
                "b_is_open": int(new["status"] != AlertStatus.CLOSED),
                **{f"b_{name}": new[name] for name in _FIELDS},
            }
        )
        changed = [name for name in _FIELDS if old[name] != new[name]]
        said = [(name, old[name], new[name]) for name in changed]
        said += [("note", None, note)] if note else []
        place = {**stamp, "alert_id": alert_id, "surface": tx.actor.surface}
        history += [{**place, "field": f, "old": o, "new": n} for f, o, n in said]
        subject = f"alert {alert_id}"
        entries.append(
            Entry(action, subject, _said(old, changed), _said(new, changed), note or None)
        )
    tx.connection.execute(_SET, rows)
    counted = [(severities[i], old, new) for i, old, new in touched if i in severities]
    adjust(tx.connection, ((_standing(s, old), _standing(s, new)) for s, old, new in counted))
    tx.connection.execute(insert(AlertHistoryModel), history)
    if note:
        notes = [{**stamp, "alert_id": alert_id, "text": note} for alert_id, _, _ in touched]
        tx.connection.execute(insert(NoteModel), notes)
    tx.audit(*entries)


def _said(state: State, names: Sequence[str]) -> str | None:
    told = ", ".join(f"{name} {state[name]}" for name in names if state[name] is not None)
    return told or None
