"""Letting go of rows that nobody needs, a few at a time, inside transactions that write anyway."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.engine import Connection

from soc_copilot.domain.source_options import SPOOLED
from soc_copilot.governance.schema import (
    BatchModel,
    LedgerModel,
    PositionModel,
    SourceEventModel,
    SourceModel,
)

KEPT_BATCHES: Final = 100_000  # chosen: about six days of a batch every 5 s, 15 MB
KEPT_EVENTS: Final = 100_000  # chosen: of all sources together
KEPT_GENERATIONS: Final = 8  # chosen: finished spool files of a source that stay listed
PRUNE_EVERY: Final = 64  # chosen: batches from one pruning to the next
MANY_EVENTS: Final = 500  # chosen: a batch with so many prunes at once
MAX_ROWS: Final = 50_000  # chosen: rows of a table that one transaction lets go of

_POSITION = PositionModel.__table__.c
_LEDGER = LedgerModel.__table__.c
_FORGET = delete(PositionModel).where(
    _POSITION.source_id == bindparam("b_source"), _POSITION.generation == bindparam("b_gen")
)
_REMEMBER = (
    update(LedgerModel)
    .where(_LEDGER.source_id == bindparam("b_source"))
    .values(
        pruned_bytes=_LEDGER.pruned_bytes + bindparam("b_bytes"),
        pruned_files=_LEDGER.pruned_files + 1,
    )
)


def prune(connection: Connection, batch_id: int, n_events: int) -> None:
    """Keep tables bounded: those that grow with every batch, event or spool file.

    Args:
        connection: Of a write transaction that stores a batch.
        batch_id: Its number.
        n_events: Events of sources that it stores.
    """
    if batch_id % PRUNE_EVERY and n_events < MANY_EVENTS:
        return
    _drop_oldest(connection, BatchModel, KEPT_BATCHES)
    _drop_oldest(connection, SourceEventModel, KEPT_EVENTS)
    _drop_spool_positions(connection)


def _drop_oldest(
    connection: Connection, model: type[BatchModel] | type[SourceEventModel], kept: int
) -> None:
    oldest, newest = connection.execute(select(func.min(model.id), func.max(model.id))).one()
    if oldest is not None and newest - kept >= oldest:
        last = min(newest - kept, oldest + MAX_ROWS - 1)
        connection.execute(delete(model).where(model.id <= last))


def _drop_spool_positions(connection: Connection) -> None:
    """Of files that were read to their end and deleted, and whose names never come again."""
    # The newest stay, so that a generation's number is not given out twice.
    newest = (
        select(_POSITION.source_id, (func.max(_POSITION.generation) - KEPT_GENERATIONS).label("to"))
        .join(SourceModel, SourceModel.id == _POSITION.source_id)
        .where(SourceModel.kind.in_(sorted(SPOOLED)))
        .group_by(_POSITION.source_id)
        .subquery()
    )
    query = (
        select(_POSITION.source_id, _POSITION.generation, _POSITION.offset)
        .join(newest, newest.c.source_id == _POSITION.source_id)
        .where(_POSITION.generation <= newest.c.to, _POSITION.finished)
        .limit(MAX_ROWS)
    )
    rows: Sequence[Any] = connection.execute(query).all()
    if rows:
        gone = [{"b_source": r.source_id, "b_gen": r.generation, "b_bytes": r.offset} for r in rows]
        connection.execute(_REMEMBER, gone)
        connection.execute(_FORGET, [{k: v for k, v in g.items() if k != "b_bytes"} for g in gone])
