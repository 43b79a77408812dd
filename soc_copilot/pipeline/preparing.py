"""From a batch of records to events ready to be scored; what harms the parser is refused."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.records import LedgerDelta, RecordBatch, RecordChunk, SourceEvent
from soc_copilot.parsing.batch import ParsedBatch

logger = logging.getLogger(__name__)

FileKey = tuple[int, int]
"""Source id and generation."""


class Parser(Protocol):
    """Makes events of records; parsing.BatchParser is one."""

    def parse(self, batch: RecordBatch) -> ParsedBatch:
        """Parse all lines of a batch."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch on its way from the parser to the store.

    Attributes:
        batch: What was read.
        events: What came of it; refused chunks have none.
        ledger: What each file adds to its source's ledger, `stored` still 0.
        refused: Chunks that could not be parsed: moved over, never stored.
        parse_s: Seconds it took.
    """

    batch: RecordBatch
    events: EventBatch
    ledger: dict[FileKey, LedgerDelta]
    refused: tuple[RecordChunk, ...] = ()
    parse_s: float = 0.0

    def n_events_by_file(self) -> dict[FileKey, int]:
        """Events of each file that has any."""
        if not self.events.n_events:
            return {}
        counts = self.events.frame.group_by(c.SOURCE_ID, c.GENERATION).agg(pl.len())
        return {(source, generation): n for source, generation, n in counts.iter_rows()}


def prepare(parser: Parser, batch: RecordBatch) -> Prepared:
    """Parse a batch; when that fails, parse its chunks one by one and refuse the bad ones.

    Fails closed: refused lines are counted and their positions move on, so that one
    poisonous line cannot stop ingestion for ever.
    """
    began = time.perf_counter()
    try:
        parsed = parser.parse(batch)
    except Exception:
        logger.exception("Cannot parse a batch; trying its parts. lines=%s", batch.n_lines)
        return _prepare_parts(parser, batch, began)
    seconds = time.perf_counter() - began
    return Prepared(batch, parsed.events, parsed.ledger, parse_s=seconds)


def refuse(batch: RecordBatch) -> Prepared:
    """Give up all lines of a batch."""
    nothing = EventBatch(batch.sequence, pl.DataFrame())
    return Prepared(batch, nothing, _refused_ledger(batch.chunks), batch.chunks)


def _prepare_parts(parser: Parser, batch: RecordBatch, began: float) -> Prepared:
    frames: list[pl.DataFrame] = []
    refused: list[RecordChunk] = []
    ledger: dict[FileKey, LedgerDelta] = {}
    for chunk in batch.chunks:
        part = RecordBatch(batch.sequence, (chunk,), batch.flushed_ns)
        try:
            parsed = parser.parse(part)
        except Exception:
            logger.exception(
                "A part of a file is refused. source_id=%s generation=%s start=%s end=%s",
                *(chunk.source_id, chunk.generation, chunk.start, chunk.checkpoint.offset),
            )
            refused.append(chunk)
            _add(ledger, _refused_ledger((chunk,)))
        else:
            frames.append(parsed.events.frame)
            _add(ledger, parsed.ledger)
    filled = [frame for frame in frames if frame.height]
    events = pl.concat(filled, how="diagonal") if filled else pl.DataFrame()
    seconds = time.perf_counter() - began
    return Prepared(batch, EventBatch(batch.sequence, events), ledger, tuple(refused), seconds)


def _add(ledger: dict[FileKey, LedgerDelta], more: dict[FileKey, LedgerDelta]) -> None:
    for key, delta in more.items():
        ledger[key] = ledger.get(key, LedgerDelta()) + delta


def _refused_ledger(chunks: Iterable[RecordChunk]) -> dict[FileKey, LedgerDelta]:
    ledger: dict[FileKey, LedgerDelta] = {}
    for chunk in chunks:
        losses = [event for event in chunk.events if event.is_loss]
        delta = LedgerDelta(
            bytes_seen=int(chunk.lengths.sum()) + chunk.n_skipped_bytes,
            bytes_skipped=chunk.n_skipped_bytes,
            lines=chunk.n_lines,
            too_long=chunk.n_too_long,
            refused=chunk.n_lines,
            undecodable=chunk.n_undecodable,
            lost=sum(event.n_lost or 0 for event in losses),
            possible_losses=sum(event.n_lost is None for event in losses),
        )
        _add(ledger, {(chunk.source_id, chunk.generation): delta})
    return ledger


def refusals(chunks: Sequence[RecordChunk], clock: Clock = SYSTEM_CLOCK) -> list[SourceEvent]:
    """What to tell of refused chunks: one event each, with the bytes that it was."""
    return [
        SourceEvent(
            "refused",
            f'{chunk.n_lines:,} lines of "{chunk.path}" could not be parsed and are '
            f"refused: bytes {chunk.start:,} to {chunk.checkpoint.offset:,}. "
            "The program's log has the reason; a copy of the bytes is kept in quarantine.",
            clock.now_ns(),
            chunk.generation,
            is_loss=True,
            n_lost=chunk.n_lines,
            start=max(chunk.start, 0),
            end=chunk.checkpoint.offset,
        )
        for chunk in chunks
        if chunk.n_lines
    ]
