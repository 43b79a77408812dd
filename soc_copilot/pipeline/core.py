"""One batch from the buffer to the database: parse, detect, commit, tell."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.engine import DetectionEngine
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import (
    KillSwitchEngagedError,
    PositionConflictError,
    StoreError,
)
from soc_copilot.domain.findings import Detections
from soc_copilot.domain.governance import BatchCommit, StoredBatch
from soc_copilot.domain.records import (
    Checkpoint,
    LedgerDelta,
    PositionMove,
    RecordBatch,
)
from soc_copilot.domain.summary import SCORE_BINS, BatchSummary, SourceStats
from soc_copilot.ingestion.controller import IngestionController
from soc_copilot.parsing.batch import BatchParser

logger = logging.getLogger(__name__)

TAKE_TIMEOUT_S = 0.25  # chosen: a stop or an engaged kill switch is seen at least this often
LATENCY_SAMPLES = 512  # chosen: lines whose latency one summary carries
RETRY_FIRST_S = 0.5  # chosen: first pause after the store refused a batch; doubles up to
RETRY_MOST_S = 10.0

LedgerByFile = Mapping[tuple[int, int], LedgerDelta]


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


class Pipeline:
    """Take batches, score them, store them; nothing is given up until it is stored.

    A batch that cannot be stored (kill switch, full disk, locked database) is held and
    tried again; the buffer behind it is bounded, so the reader waits.

    Thread:
        All methods on one thread, the pipeline thread. It knows no thread of its own.
    """

    def __init__(
        self,
        controller: IngestionController,
        parser: BatchParser,
        engine: DetectionEngine,
        sink: BatchSink,
        positions: PositionReader,
        kill_switch: KillCheck,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._controller = controller
        self._parser = parser
        self._engine = engine
        self._sink = sink
        self._positions = positions
        self._kill_switch = kill_switch
        self._clock = clock
        self._held: RecordBatch | None = None
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
        batch = self._held or self._controller.take_batch(TAKE_TIMEOUT_S)
        if batch is None:
            return None
        self._held = batch
        if self._kill_switch.is_engaged():
            stop.wait(TAKE_TIMEOUT_S)
            return None
        return self._process(batch, stop)

    def _process(self, batch: RecordBatch, stop: threading.Event) -> BatchSummary | None:
        stages: dict[str, float] = {}
        began = time.perf_counter()
        detections, ledger = self._parse_and_detect(batch, stages)
        commit = BatchCommit(
            n_events=batch.n_lines,
            findings=tuple(finding for d in detections for finding in d.findings),
            moves=_moves(batch, ledger),
            states={d.detector: d.state for d in detections if d.state is not None},
            stage_s=stages,
        )
        at = time.perf_counter()
        try:
            stored = self._sink.store(commit)
        except KillSwitchEngagedError:
            self._engine.rollback()
            stop.wait(TAKE_TIMEOUT_S)
            return None
        except PositionConflictError as error:
            self._engine.rollback()
            self._give_way(batch, error)
            return None
        except StoreError as error:
            self._engine.rollback()
            self._retry_s = min(max(self._retry_s * 2, RETRY_FIRST_S), RETRY_MOST_S)
            self.trouble = f"{error} Trying again in {self._retry_s:g} s; nothing is lost."
            logger.warning("The store refused a batch. retry_in_s=%s", self._retry_s)
            return None
        self._engine.commit()
        self._controller.commit(batch)
        self._held, self._retry_s, self.trouble = None, 0.0, ""
        stages["commit"] = time.perf_counter() - at
        stages["total"] = time.perf_counter() - began
        return self._summary(batch, ledger, detections, stored, stages)

    def _parse_and_detect(
        self, batch: RecordBatch, stages: dict[str, float]
    ) -> tuple[list[Detections], LedgerByFile]:
        at = time.perf_counter()
        try:
            parsed = self._parser.parse(batch)
        except Exception:
            # Fails closed: the lines are counted as refused and their positions move on, so
            # that one poisonous batch cannot stop ingestion for ever.
            logger.exception(
                "Cannot parse a batch; its lines are refused. files=%s lines=%s",
                [key for key, _ in batch.by_file()],
                batch.n_lines,
            )
            return [], _refused(batch)
        stages["parse"] = time.perf_counter() - at
        at = time.perf_counter()
        detections = self._engine.detect(parsed.events) if parsed.events.n_events else []
        stages["detect"] = time.perf_counter() - at
        return detections, parsed.ledger

    def _give_way(self, batch: RecordBatch, error: PositionConflictError) -> None:
        """Drop the source's lines from the batch and read it again from the stored position."""
        source_id = error.source_id
        rest = tuple(chunk for chunk in batch.chunks if chunk.source_id != source_id)
        self._held = RecordBatch(batch.sequence, rest, batch.flushed_ns) if rest else None
        self._controller.reset_source(source_id, self._positions.checkpoints(source_id))
        self.trouble = str(error)
        logger.warning("A position was moved by another process. source_id=%s", source_id)

    def _summary(
        self,
        batch: RecordBatch,
        ledger: LedgerByFile,
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
                lag_s=waited_s if status.lag_bytes else 0.0,
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
        )


def _moves(batch: RecordBatch, ledger: LedgerByFile) -> tuple[PositionMove, ...]:
    return tuple(
        PositionMove(
            expected_offset=chunks[0].start,
            checkpoint=chunks[-1].checkpoint,
            ledger=ledger.get(key, LedgerDelta()),
        )
        for key, chunks in batch.by_file()
    )


def _refused(batch: RecordBatch) -> LedgerByFile:
    ledger = {}
    for key, chunks in batch.by_file():
        lines = sum(chunk.n_lines for chunk in chunks)
        skipped = sum(chunk.n_skipped_bytes for chunk in chunks)
        ledger[key] = LedgerDelta(
            bytes_seen=sum(int(chunk.lengths.sum()) for chunk in chunks) + skipped,
            bytes_skipped=skipped,
            lines=lines,
            too_long=sum(chunk.n_too_long for chunk in chunks),
            refused=lines,
        )
    return ledger


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
