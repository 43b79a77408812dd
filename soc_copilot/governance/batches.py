"""Storing a batch: positions, ledger, alerts and detector states in one transaction."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import bindparam, case, func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from soc_copilot.domain.clock import from_us
from soc_copilot.domain.errors import DiskFullError, PositionConflictError
from soc_copilot.domain.governance import Actor, BatchCommit, StoredBatch
from soc_copilot.domain.records import LedgerDelta, PositionMove
from soc_copilot.governance.kill_switch import refuse_if_engaged
from soc_copilot.governance.pruning import prune
from soc_copilot.governance.raising import Raised, raise_alerts
from soc_copilot.governance.schema import (
    BatchModel,
    DetectorStateModel,
    LedgerModel,
    PositionModel,
)
from soc_copilot.governance.segments import insert_segment
from soc_copilot.governance.series import store_series
from soc_copilot.governance.session import Session, WriteTransaction
from soc_copilot.governance.source_events import store_events, store_partials
from soc_copilot.governance.sources import LEDGER_FIELDS, position_values

_POSITION = PositionModel.__table__.c
_AT = (_POSITION.source_id == bindparam("b_source"), _POSITION.generation == bindparam("b_gen"))
_STORED_OFFSET = select(_POSITION.offset).where(*_AT)
_CHANGING = tuple(
    column.name
    for column in PositionModel.__table__.columns
    if column.name not in {"source_id", "generation"}
)
_MOVE = (
    update(PositionModel)
    .where(*_AT, _POSITION.offset == bindparam("b_expected"))
    .values({name: bindparam(name) for name in _CHANGING})
)
_LEDGER = LedgerModel.__table__.c
_ADD_TO_LEDGER = (
    update(LedgerModel)
    .where(_LEDGER.source_id == bindparam("b_source"))
    .values(
        {
            **{name: _LEDGER[name] + bindparam(f"b_{name}") for name in LEDGER_FIELDS},
            "alerts": _LEDGER.alerts + bindparam("b_alerts"),
            # A batch may only move a position; that is no line.
            "last_stored_us": case(
                (bindparam("b_lines") > 0, bindparam("b_now")), else_=_LEDGER.last_stored_us
            ),
        }
    )
)
_LAST_BATCH = select(func.max(BatchModel.id))


class _MismatchError(Exception):
    """A position does not stand where a batch expects it."""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A stored batch."""

    id: int
    stored_at: datetime
    n_events: int
    n_findings: int
    n_raised: int
    n_updated: int
    stage_s: Mapping[str, float]


class BatchStore:
    """Store batches, each with everything it led to or not at all."""

    def __init__(self, session: Session, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    def store(self, commit: BatchCommit) -> StoredBatch:
        """Store a batch in one transaction; it is on disk when this returns.

        Raises:
            KillSwitchEngagedError: Processing is halted; nothing was stored.
            DiskFullError: There is no room left, or only what is needed for the kill switch
                and the audit trail; nothing was stored.
            PositionConflictError: A position is not what the batch expects; nothing was stored.
            StoreError: The database could not be written; nothing was stored.
        """
        if not self._session.reserve.ensure():
            # What was freed for the kill switch is not for a batch to use up.
            state = self._session.reserve.state()
            raise DiskFullError(
                f'The disk that holds "{state.folder}" is full: {state.free_bytes >> 20} MiB are '
                "left, which are kept for the kill switch and the audit trail. Free some space."
            )
        try:
            return self._store(commit)
        except _MismatchError as error:
            self._raise_conflict(commit.moves, error)

    def _store(self, commit: BatchCommit) -> StoredBatch:
        with self._session.write(self._actor) as tx:
            refuse_if_engaged(self._session, tx.connection)
            _move_positions(tx.connection, commit.moves)
            store_partials(tx.connection, commit.moves)
            store_events(tx.connection, commit.moves)
            if commit.segment is not None:
                insert_segment(tx.connection, commit.segment)
            batch_id = (tx.connection.execute(_LAST_BATCH).scalar() or 0) + 1
            raised = raise_alerts(tx, commit.findings, batch_id)
            _add_to_ledger(tx, commit.moves, raised.by_source)
            _store_states(tx, commit.states, raised)
            store_series(tx.connection, commit.series)
            tx.connection.execute(
                insert(BatchModel),
                {
                    "id": batch_id,
                    "stored_us": tx.now_us,
                    "n_events": commit.n_events,
                    "n_findings": len(commit.findings),
                    "n_raised": len(raised.ids),
                    "n_updated": raised.updated,
                    "stage_s": json.dumps(
                        {name: round(float(s), 6) for name, s in commit.stage_s.items()}
                    ),
                },
            )
            prune(tx.connection, batch_id, sum(len(move.events) for move in commit.moves))
        return StoredBatch(
            batch_id, time.time_ns(), raised.by_severity, raised.ids, raised.updated,
            raised.suppressed,
        )  # fmt: skip

    def _raise_conflict(self, moves: Sequence[PositionMove], error: "_MismatchError") -> NoReturn:
        """Say which position it was: looked up only now, 1,000 files would be 1,000 look-ups."""
        with self._session.read() as connection:
            for move in moves:
                at = {"b_source": move.checkpoint.source_id, "b_gen": move.checkpoint.generation}
                stored = connection.execute(_STORED_OFFSET, at).scalar()
                if (-1 if stored is None else stored) != move.expected_offset:
                    raise PositionConflictError(at["b_source"], at["b_gen"]) from None
            if error.__cause__ is not None:
                raise error.__cause__  # not a position, but a source that does not exist
        # It was back where it was expected by the time we looked.
        first = moves[0].checkpoint
        raise PositionConflictError(first.source_id, first.generation)

    def detector_states(self) -> dict[str, bytes]:
        """What each detector asked to be remembered last, by detector."""
        columns = (DetectorStateModel.detector, DetectorStateModel.state)
        with self._session.read() as connection:
            rows = connection.execute(select(*columns)).all()
        return {name: bytes(state) for name, state in rows if state is not None}

    def detector_state(self, detector: str) -> bytes | None:
        """What one detector asked to be remembered last, None when it never did."""
        query = select(DetectorStateModel.state).where(DetectorStateModel.detector == detector)
        with self._session.read() as connection:
            state = connection.execute(query).scalar()
        return bytes(state) if state is not None else None

    def totals(self) -> LedgerDelta:
        """The ledgers of all sources, removed ones too, added up."""
        sums = [func.coalesce(func.sum(_LEDGER[name]), 0) for name in LEDGER_FIELDS]
        with self._session.read() as connection:
            row = connection.execute(select(*sums)).one()
        return LedgerDelta(*(int(value) for value in row))

    def recent(self, limit: int = 100) -> tuple[BatchRow, ...]:
        """The batches stored last, newest first."""
        query = select(*BatchModel.__table__.c).order_by(BatchModel.id.desc()).limit(limit)
        with self._session.read() as connection:
            return tuple(
                BatchRow(
                    id=row.id,
                    stored_at=from_us(row.stored_us),
                    n_events=row.n_events,
                    n_findings=row.n_findings,
                    n_raised=row.n_raised,
                    n_updated=row.n_updated,
                    stage_s=json.loads(row.stage_s),
                )
                for row in connection.execute(query)
            )


def _move_positions(connection: Connection, moves: Sequence[PositionMove]) -> None:
    fresh = [position_values(m.checkpoint) for m in moves if m.expected_offset == -1]
    if fresh:
        try:
            connection.execute(insert(PositionModel), fresh)
        except IntegrityError as error:
            raise _MismatchError from error
    known = [_move_values(move) for move in moves if move.expected_offset != -1]
    if known and connection.execute(_MOVE, known).rowcount != len(known):
        raise _MismatchError


def _move_values(move: PositionMove) -> dict[str, Any]:
    values = position_values(move.checkpoint)
    return {
        **{name: values[name] for name in _CHANGING},
        "b_source": move.checkpoint.source_id,
        "b_gen": move.checkpoint.generation,
        "b_expected": move.expected_offset,
    }


def _add_to_ledger(
    tx: WriteTransaction, moves: Sequence[PositionMove], alerts: Mapping[int, int]
) -> None:
    totals: dict[int, LedgerDelta] = {}
    for move in moves:
        source_id = move.checkpoint.source_id
        totals[source_id] = totals.get(source_id, LedgerDelta()) + move.ledger
    rows = [
        {
            "b_source": source_id,
            **{
                f"b_{name}": getattr(totals.get(source_id, LedgerDelta()), name)
                for name in LEDGER_FIELDS
            },
            "b_alerts": alerts.get(source_id, 0),
            "b_now": tx.now_us,
        }
        for source_id in sorted({*totals, *alerts})
    ]
    if rows:
        tx.connection.execute(_ADD_TO_LEDGER, rows)


def _store_states(tx: WriteTransaction, states: Mapping[str, bytes], raised: Raised) -> None:
    for detector in sorted({*states, *raised.by_detector}):
        n_raised = raised.by_detector.get(detector, 0)
        values: dict[str, Any] = {
            "alerts": DetectorStateModel.alerts + n_raised,
            "updated_us": tx.now_us,
        }
        if detector in states:
            values["state"] = states[detector]
        changed = tx.connection.execute(
            update(DetectorStateModel).where(DetectorStateModel.detector == detector).values(values)
        )
        if not changed.rowcount:
            row = {**values, "detector": detector, "alerts": n_raised}
            tx.connection.execute(insert(DetectorStateModel), {"state": None, **row})
