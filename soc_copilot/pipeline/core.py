"""One batch from the buffer to the database: parse, archive, detect, commit, tell."""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.engine import DetectionEngine
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import (
    KillSwitchEngagedError,
    PositionConflictError,
    StoreError,
)
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections
from soc_copilot.domain.governance import BatchCommit, StoredBatch
from soc_copilot.domain.records import (
    Checkpoint,
    LedgerDelta,
    PartialLine,
    PositionMove,
    RecordBatch,
    RecordChunk,
)
from soc_copilot.domain.summary import SCORE_BINS, BatchSummary, SourceStats
from soc_copilot.ingestion.controller import IngestionController
from soc_copilot.pipeline.ahead import ParseAhead, without
from soc_copilot.pipeline.preparing import (
    FileKey,
    Parser,
    Prepared,
    prepare,
    refusals,
    refuse,
)
from soc_copilot.pipeline.quarantine import Quarantine

logger = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.25  # chosen: a stop or an engaged kill switch is seen at least this often
LATENCY_SAMPLES = 512  # chosen: lines whose latency one summary carries
RETRY_FIRST_S = 0.5  # chosen: first pause after the store refused a batch; doubles up to
RETRY_MOST_S = 10.0


class BatchSink(Protocol):
    """Where a batch's results are stored; governance.BatchStore is one."""

    def store(self, commit: BatchCommit) -> StoredBatch:
        """Store everything in one transaction, or nothing."""
        ...


class PositionReader(Protocol):
    """Where stored positions are read from; governance.SourceStore is one."""

    def checkpoints(self, source_id: int) -> tuple[Checkpoint, ...]:
        """The source's stored positions."""
        ...


class KillCheck(Protocol):
    """The kill switch as the pipeline sees it."""

    def is_engaged(self) -> bool:
        """True when processing is halted or the state cannot be read."""
        ...


class EventArchive(Protocol):
    """Where a batch's events go before the transaction that registers them."""

    def write(self, events: EventBatch) -> Segment | None:
        """Put the events into a file that is on disk when this returns; None for no events.

        Raises:
            StoreError: It could not be written for now; nothing is left behind.
        """
        ...

    def discard(self, segment: Segment) -> None:
        """Delete a file that no transaction names."""
        ...


class SegmentNames(Protocol):
    """Which of the archive's files are registered; governance.SegmentStore is one."""

    def names(self) -> frozenset[str]:
        """Every registered file."""
        ...


@dataclass(frozen=True, slots=True)
class ArchiveEnd:
    """The archive as the pipeline needs it: the files, and which of them count."""

    files: EventArchive
    registered: SegmentNames


@dataclass(slots=True)
class _Held:
    """A batch until it is stored, and what was done for it already.

    Attributes:
        segment: Its events' file; written once, however often the store is tried.
        is_archived: True once the file is written, or there was nothing to write.
    """

    prepared: Prepared
    segment: Segment | None = None
    is_archived: bool = False


class Pipeline:
    """Take batches, score them, store them; nothing is given up until it is stored.

    A batch that cannot be stored (kill switch, full disk, locked database) is held and
    tried again; the buffer behind it is bounded, so the reader waits. The archive's file is
    written before the transaction that names it: one that was not named in the end is
    deleted here, or swept at the next start.

    Thread:
        All methods on one thread, the pipeline thread. Parsing runs ahead on one of its own.
    """

    def __init__(
        self,
        controller: IngestionController,
        parser: Parser,
        engine: DetectionEngine,
        sink: BatchSink,
        positions: PositionReader,
        kill_switch: KillCheck,
        *,
        archive: ArchiveEnd | None = None,
        quarantine: Quarantine | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._controller = controller
        self._parser = parser
        self._ahead = ParseAhead(lambda: controller.take_batch(TAKE_TIMEOUT_S), parser)
        self._engine = engine
        self._sink = sink
        self._positions = positions
        self._kill_switch = kill_switch
        self._archive = archive
        self._quarantine = quarantine
        self._clock = clock
        self._held: _Held | None = None
        self._partials: dict[FileKey, PartialLine] = {}
        self._retry_s = 0.0
        self.trouble = ""
        """Why the last batch is still held, one sentence; empty when none is."""

    @property
    def is_holding(self) -> bool:
        """True while a batch waits to be stored."""
        return self._held is not None

    def run_batch(self, stop: threading.Event) -> BatchSummary | None:
        """Store one batch.

        Args:
            stop: Ends waiting early; the batch at hand is still finished.

        Returns:
            What happened, or None when there was nothing to do, the kill switch is
            engaged, or the store refused the batch for now (see `trouble`).
        """
        if self._retry_s and stop.wait(self._retry_s):
            self._retry_s = 0.0
        if self._held is None:
            prepared = self._ahead.next()
            if prepared is None:
                return None
            self._held = _Held(prepared)
        if self._kill_switch.is_engaged():
            stop.wait(TAKE_TIMEOUT_S)
            return None
        return self._process(self._held, stop)

    def close(self) -> None:
        """Forget the batch that could not be stored; it is read again at the next start."""
        self._ahead.close()
        if self._held is not None:
            self._discard_segment(self._held)
            self._held = None

    def forget_source(self, source_id: int) -> None:
        """Drop what was read from a source and is not stored: it is read again from there."""
        self._ahead.forget(source_id)
        held = self._held
        if held is not None:
            self._discard_segment(held)
            left = without(held.prepared.batch, source_id)
            self._held = _Held(prepare(self._parser, left)) if left.chunks else None
        self._partials = {key: p for key, p in self._partials.items() if key[0] != source_id}

    def _process(self, held: _Held, stop: threading.Event) -> BatchSummary | None:
        stages = {"parse": held.prepared.parse_s}
        began = time.perf_counter()
        try:
            self._archive_events(held, stages)
            prepared = held.prepared
            at = time.perf_counter()
            detections = self._engine.detect(prepared.events) if prepared.events.n_events else []
            stages["detect"] = time.perf_counter() - at
            moves = self._moves(prepared, held.segment)
            at = time.perf_counter()
            stored = self._sink.store(
                BatchCommit(
                    n_events=prepared.batch.n_lines,
                    findings=tuple(finding for d in detections for finding in d.findings),
                    moves=moves,
                    states={d.detector: d.state for d in detections if d.state is not None},
                    stage_s=stages,
                    segment=held.segment,
                    series=tuple(one for d in detections for one in d.series),
                )
            )
        except KillSwitchEngagedError:
            self._engine.rollback()
            stop.wait(TAKE_TIMEOUT_S)
            return None
        except PositionConflictError as error:
            self._engine.rollback()
            self._give_way(error)
            return None
        except StoreError as error:
            self._engine.rollback()
            self._wait_for_store(error)
            return None
        self._engine.commit()
        self._controller.commit(prepared.batch)
        self._remember_partials(moves)
        self._held, self._retry_s, self.trouble = None, 0.0, ""
        stages["commit"] = time.perf_counter() - at
        stages["total"] = time.perf_counter() - began
        return self._summary(prepared.batch, prepared.ledger, detections, stored, stages)

    def _archive_events(self, held: _Held, stages: dict[str, float]) -> None:
        """Write the batch's events; what an earlier try has done is not done again.

        Raises:
            StoreError: The archive could not take it for now.
        """
        if self._archive is not None and not held.is_archived:
            at = time.perf_counter()
            held.segment = self._write_segment(self._archive, held)
            held.is_archived = True
            stages["archive"] = time.perf_counter() - at
        if held.prepared.refused and self._quarantine is not None:
            self._quarantine.keep(held.prepared.refused)

    @staticmethod
    def _write_segment(archive: ArchiveEnd, held: _Held) -> Segment | None:
        batch = held.prepared.batch
        if not held.prepared.events.n_events:
            return None
        try:
            return archive.files.write(held.prepared.events)
        except StoreError:
            raise
        except Exception:
            # The events cannot be written as they are, and trying again would not help.
            logger.exception("The archive cannot take a batch. lines=%s", batch.n_lines)
            held.prepared = refuse(batch)
            return None

    def _wait_for_store(self, error: StoreError) -> None:
        self._retry_s = min(max(self._retry_s * 2, RETRY_FIRST_S), RETRY_MOST_S)
        self.trouble = (
            f"{error} Reading waits and positions stay; the next try is in {self._retry_s:g} s, "
            "and nothing is lost."
        )
        logger.warning("The store refused a batch. retry_in_s=%s", self._retry_s)

    def _give_way(self, error: PositionConflictError) -> None:
        """Drop the source's lines from the batch and read it again from the stored position."""
        source_id = error.source_id
        self.forget_source(source_id)
        self._controller.reset_source(source_id, self._positions.checkpoints(source_id))
        self.trouble = str(error)
        logger.warning("A position was moved by another process. source_id=%s", source_id)

    def _discard_segment(self, held: _Held) -> None:
        """Delete a segment that no transaction named; in doubt it is left to the next sweep."""
        segment, held.segment, held.is_archived = held.segment, None, False
        if segment is None or self._archive is None:
            return
        try:
            # A commit whose answer got lost may have taken place: look before deleting.
            if segment.name not in self._archive.registered.names():
                self._archive.files.discard(segment)
        except StoreError:
            logger.exception("An unused segment is left to be swept. name=%s", segment.name)

    def _moves(self, prepared: Prepared, segment: Segment | None) -> tuple[PositionMove, ...]:
        """One step for each file, and into the ledger how many of its events are archived."""
        if segment is not None:
            for key, n_events in prepared.n_events_by_file().items():
                prepared.ledger[key] = replace(prepared.ledger[key], stored=n_events)
        refused: dict[FileKey, list[RecordChunk]] = {}
        for chunk in prepared.refused:
            refused.setdefault((chunk.source_id, chunk.generation), []).append(chunk)
        moves = []
        for key, chunks in prepared.batch.by_file():
            events = [event for chunk in chunks for event in chunk.events]
            moves.append(
                PositionMove(
                    expected_offset=chunks[0].start,
                    checkpoint=chunks[-1].checkpoint,
                    ledger=prepared.ledger.get(key, LedgerDelta()),
                    partial=self._partial(key, chunks),
                    events=(*events, *refusals(refused.get(key, ()), self._clock)),
                )
            )
        return tuple(moves)

    def _partial(self, key: FileKey, chunks: Sequence[RecordChunk]) -> PartialLine | None:
        """The last line that still waits: a chunk that moves nothing leaves a known one."""
        seen = (chunk.partial for chunk in reversed(chunks))
        latest = next((p for p in seen if p is not None), self._partials.get(key))
        at = chunks[-1].checkpoint.offset
        return latest if latest is not None and latest.offset == at else None

    def _remember_partials(self, moves: Sequence[PositionMove]) -> None:
        for move in moves:
            key = (move.checkpoint.source_id, move.checkpoint.generation)
            if move.partial is None:
                self._partials.pop(key, None)
            else:
                self._partials[key] = move.partial

    def _summary(
        self,
        batch: RecordBatch,
        ledger: Mapping[FileKey, LedgerDelta],
        detections: list[Detections],
        stored: StoredBatch,
        stages: dict[str, float],
    ) -> BatchSummary:
        total = LedgerDelta()
        events_by_source: dict[int, int] = {}
        for (source_id, _), delta in ledger.items():
            total = total + delta
            events_by_source[source_id] = events_by_source.get(source_id, 0) + delta.lines
        stats = self._controller.get_stats()
        waited_s = float(stats.get("oldest_wait_s", 0.0))
        sources = tuple(
            SourceStats(
                source_id=status.source_id,
                name=status.name,
                n_events=events_by_source.get(status.source_id, 0),
                lag_bytes=status.lag_bytes,
                lag_s=max(status.lag_s, waited_s) if status.lag_bytes else 0.0,
                state=status.state,
                detail=status.detail,
            )
            for status in self._controller.statuses()
        )
        return BatchSummary(
            sequence=batch.sequence,
            stored_ns=stored.stored_ns,
            n_events=total.lines,
            n_parsed=total.parsed,
            n_unparsed=total.unparsed,
            raised=stored.raised,
            updated=stored.updated,
            latencies_ms=_latencies_ms(batch, stored.stored_ns),
            sources=sources,
            detectors=self._engine.health(),
            scores={d.detector: _histogram(d.scores) for d in detections},
            buffer_fill=float(stats.get("buffer_fill", 0.0)),
            stage_s=stages,
            streams=tuple(stream for d in detections for stream in d.streams),
            web=tuple(d.web for d in detections if d.web is not None),
        )


def _latencies_ms(batch: RecordBatch, stored_ns: int) -> npt.NDArray[np.float32]:
    """Line-to-alert latency of evenly chosen lines, float32, shape (k,), k <= 512, ms."""
    chunks = [chunk for chunk in batch.chunks if chunk.n_lines]
    if not chunks:
        return np.empty(0, dtype=np.float32)
    each = np.array([(stored_ns - chunk.read_ns) / 1e6 for chunk in chunks], dtype=np.float32)
    ends = np.cumsum([chunk.n_lines for chunk in chunks])
    picks = np.linspace(0, ends[-1] - 1, min(int(ends[-1]), LATENCY_SAMPLES))
    return np.maximum(each[np.searchsorted(ends, picks, side="right")], 0)


def _histogram(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    known = scores[np.isfinite(scores)]
    bins = np.minimum((known * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
    return np.bincount(np.maximum(bins, 0), minlength=SCORE_BINS)
