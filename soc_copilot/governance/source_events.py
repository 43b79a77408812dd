"""What happened to sources, and their last lines that wait for a line end."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, select
from sqlalchemy.engine import Connection

from soc_copilot.domain.governance import StoredPartial, StoredSourceEvent
from soc_copilot.domain.records import PartialLine, PositionMove, SourceEvent
from soc_copilot.governance.schema import PartialLineModel, SourceEventModel, SourceModel
from soc_copilot.governance.session import in_chunks

_EVENT = SourceEventModel.__table__.c
_PARTIAL = PartialLineModel.__table__.c
_FORGET = delete(PartialLineModel).where(
    _PARTIAL.source_id == bindparam("b_source"), _PARTIAL.generation == bindparam("b_gen")
)


def store_events(connection: Connection, moves: Sequence[PositionMove]) -> None:
    """Store what the moves say happened, inside the caller's write."""
    rows = [
        _event_values(move.checkpoint.source_id, event) for move in moves for event in move.events
    ]
    if rows:
        connection.execute(insert(SourceEventModel), rows)


def store_partials(connection: Connection, moves: Sequence[PositionMove]) -> None:
    """Replace the partial line of each generation that moved, inside the caller's write."""
    # Few files have one at a time, so what is there is read once and rarely written.
    sources = sorted({move.checkpoint.source_id for move in moves})
    there: set[tuple[int, int]] = set()
    for chunk in in_chunks(sources):
        query = select(_PARTIAL.source_id, _PARTIAL.generation).where(_PARTIAL.source_id.in_(chunk))
        there.update((row.source_id, row.generation) for row in connection.execute(query))
    now = {(m.checkpoint.source_id, m.checkpoint.generation): m for m in moves}
    gone = [{"b_source": s, "b_gen": g} for s, g in sorted(there & now.keys())]
    if gone:
        connection.execute(_FORGET, gone)
    rows = [_partial_values(move) for move in now.values() if move.partial is not None]
    if rows:
        connection.execute(insert(PartialLineModel), rows)


def read_events(
    connection: Connection, source_id: int | None, limit: int, before_id: int | None
) -> tuple[StoredSourceEvent, ...]:
    """Events newest first; see `SourceStore.events`."""
    query = select(*_EVENT).order_by(_EVENT.id.desc()).limit(limit)
    if source_id is not None:
        query = query.where(_EVENT.source_id == source_id)
    if before_id is not None:
        query = query.where(_EVENT.id < before_id)
    return tuple(_event(row) for row in connection.execute(query))


def read_partials(connection: Connection, source_id: int | None) -> tuple[StoredPartial, ...]:
    """Partial lines by source and generation; see `SourceStore.partials`."""
    query = select(*_PARTIAL).order_by(_PARTIAL.source_id, _PARTIAL.generation)
    if source_id is not None:
        query = query.where(_PARTIAL.source_id == source_id)
    else:
        listed = and_(SourceModel.id == _PARTIAL.source_id, SourceModel.removed_us.is_(None))
        query = query.join(SourceModel, listed)
    return tuple(
        StoredPartial(
            row.source_id,
            row.generation,
            row.path,
            PartialLine(row.offset, row.length, row.text, row.seen_ns),
        )
        for row in connection.execute(query)
    )


def _event_values(source_id: int, event: SourceEvent) -> Mapping[str, Any]:
    return {
        "source_id": source_id,
        "kind": event.kind,
        "message": event.message,
        "at_ns": event.at_ns,
        "generation": event.generation,
        "is_loss": event.is_loss,
        "n_lost": event.n_lost,
        "start_offset": event.start,
        "end_offset": event.end,
    }


def _event(row: Any) -> StoredSourceEvent:
    event = SourceEvent(
        kind=row.kind,
        message=row.message,
        at_ns=row.at_ns,
        generation=row.generation,
        is_loss=row.is_loss,
        n_lost=row.n_lost,
        start=row.start_offset,
        end=row.end_offset,
    )
    return StoredSourceEvent(row.id, row.source_id, event)


def _partial_values(move: PositionMove) -> Mapping[str, Any]:
    partial = move.partial
    assert partial is not None  # noqa: S101 - the caller chose these
    return {
        "source_id": move.checkpoint.source_id,
        "generation": move.checkpoint.generation,
        "path": move.checkpoint.path,
        "offset": partial.offset,
        "length": partial.length,
        "text": partial.text,
        "seen_ns": partial.seen_ns,
    }
