"""Letting go of rows that nobody needs, a few at a time, inside transactions that write anyway."""

from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.engine import Connection

from soc_copilot.governance.schema import BatchModel, SourceEventModel

KEPT_BATCHES: Final = 100_000  # chosen: about six days of a batch every 5 s, 15 MB
KEPT_EVENTS: Final = 100_000  # chosen: of all sources together
PRUNE_EVERY: Final = 64  # chosen: batches from one pruning to the next
MANY_EVENTS: Final = 500  # chosen: a batch with so many prunes at once
MAX_ROWS: Final = 50_000  # chosen: rows of a table that one transaction lets go of


def prune(connection: Connection, batch_id: int, n_events: int) -> None:
    """Keep tables bounded: those that grow with every batch or event.

    Args:
        connection: Of a write transaction that stores a batch.
        batch_id: Its number.
        n_events: Events of sources that it stores.
    """
    if batch_id % PRUNE_EVERY and n_events < MANY_EVENTS:
        return
    _drop_oldest(connection, BatchModel, KEPT_BATCHES)
    _drop_oldest(connection, SourceEventModel, KEPT_EVENTS)


def _drop_oldest(
    connection: Connection, model: type[BatchModel] | type[SourceEventModel], kept: int
) -> None:
    oldest, newest = connection.execute(select(func.min(model.id), func.max(model.id))).one()
    if oldest is not None and newest - kept >= oldest:
        last = min(newest - kept, oldest + MAX_ROWS - 1)
        connection.execute(delete(model).where(model.id <= last))
