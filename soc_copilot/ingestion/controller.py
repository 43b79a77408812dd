"""Reads every source in turn and hands out batches, pushed or pulled, under the kill switch."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordBatch, SourceStatus
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.buffer import MicroBatchBuffer, Rule
from soc_copilot.ingestion.directory import DirectoryWatcher
from soc_copilot.ingestion.hints import ChangeHints
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from soc_copilot.ingestion.reading import CHECK_GAP_S, Entry, ReaderThread, Watch, moved_bytes
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.tailer import FileTailer

logger = logging.getLogger(__name__)

_BACKOFF_S = (0.1, 5.0)  # chosen: first and longest wait before a failed callback is tried again
_CHUNKS_PER_BATCH = 4  # chosen: chunks are this part of a batch, so that batches fill well
_DEFAULTS = SourceOptions()


class IngestionController:
    """Owns the sources, the buffer between them and the rest, and the threads that move both.

    Two ways to take batches out. Push: `set_batch_callback`; its return counts as stored.
    Pull: `take_batch` on a thread of the caller's, then `commit`. Nothing is dropped: a
    failing callback is called again with the same batch, a full buffer makes reading wait.

    Args:
        batch_interval: Seconds that a line waits at most for a batch to fill.
        max_size: Lines of a batch.
        poll_interval: Seconds between looks at quiet sources when nothing hints at change.
        directory_poll_interval: Seconds between listings of a folder.
        partial_after_s: How long a last line without a line end is quiet before it is shown.
        killswitch_check: True when engaged; an exception counts as engaged. Called from
            several threads, one at a time.
        clock: Where the time comes from.

    Thread:
        Any.
    """

    def __init__(
        self,
        batch_interval: float = 5.0,
        max_size: int = 10_000,
        *,
        poll_interval: float = 0.1,
        directory_poll_interval: float = 1.0,
        partial_after_s: float = 5.0,
        killswitch_check: Callable[[], bool] | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.batch_interval = batch_interval
        self.max_size = max_size
        self.poll_interval = poll_interval
        self.directory_poll_interval = directory_poll_interval
        self.partial_after_s = partial_after_s
        self._clock = clock
        self._buffer = MicroBatchBuffer(batch_interval, max_size, clock=clock)
        self._check = killswitch_check
        self._check_lock = threading.Lock()
        self._checked_at = -1e9
        self._is_engaged = False
        self._entries: dict[int, Entry] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop_delivering = threading.Event()
        self._deliver_until = float("inf")
        self._hints = ChangeHints(self._wake)
        self._reader = ReaderThread(
            self._snapshot, self._buffer, self._hints, self._wake, poll_interval, self.is_killed
        )
        self._is_started = False
        self._batcher: threading.Thread | None = None
        self._callback: Callable[[RecordBatch], None] | None = None
        self._held: RecordBatch | None = None
        self._take_lock = threading.Lock()
        self._in_flight: dict[int, frozenset[int]] = {}
        self._n_batches = self._n_lines = 0
        self._n_callback_failures = 0

    # Sources

    def add_file_source(
        self,
        path: str | Path,
        *,
        source_id: int | None = None,
        name: str = "",
        from_start: bool = False,
        checkpoints: Sequence[Checkpoint] = (),
        options: SourceOptions = _DEFAULTS,
    ) -> int:
        """Tail one file; returns the source's id.

        Raises:
            SourceError: The id is in use.
        """
        number = self._number(source_id)
        style, limits = ReadStyle.of(options, self.partial_after_s), self._limits_of(options)

        def make(known: Sequence[Checkpoint]) -> Source:
            return FileTailer(
                path,
                source_id=number,
                name=name,
                from_start=from_start,
                checkpoints=known,
                limits=limits,
                clock=self._clock,
                style=style,
            )

        file = Path(path).absolute()
        watch = Watch(file.parent, recursive=False, file=file)
        return self._add(Entry(number, make(checkpoints), make, watch, options))

    def add_directory_source(
        self,
        path: str | Path,
        pattern: str = "*.log",
        *,
        recursive: bool = False,
        source_id: int | None = None,
        name: str = "",
        from_start: bool = False,
        checkpoints: Sequence[Checkpoint] = (),
        options: SourceOptions = _DEFAULTS,
    ) -> int:
        """Tail every file in a folder that fits a pattern; returns the source's id.

        Raises:
            SourceError: The id is in use.
        """
        number = self._number(source_id)
        style, limits = ReadStyle.of(options, self.partial_after_s), self._limits_of(options)

        def make(known: Sequence[Checkpoint]) -> Source:
            return DirectoryWatcher(
                path,
                pattern,
                recursive=recursive,
                source_id=number,
                name=name,
                from_start=from_start,
                checkpoints=known,
                limits=limits,
                clock=self._clock,
                style=style,
                scan_s=options.number("poll_interval_s", self.directory_poll_interval),
            )

        watch = Watch(Path(path).absolute(), recursive)
        return self._add(Entry(number, make(checkpoints), make, watch, options))

    def add_source(
        self,
        source: Source,
        *,
        source_id: int | None = None,
        make: Callable[[Sequence[Checkpoint]], Source] | None = None,
        watch: tuple[Path, bool] | None = None,
        options: SourceOptions = _DEFAULTS,
    ) -> int:
        """Read from anything that is a source; returns the source's id.

        Args:
            source: The chunks it hands out carry the same id.
            source_id: None takes the next free one.
            make: Makes the source again at stored positions; without it the source cannot
                be set back.
            watch: A folder, and whether those below it count, in which a change is a hint.
            options: The source's own intervals and sizes.

        Raises:
            SourceError: The id is in use.
        """
        place = Watch(*watch) if watch else None
        return self._add(Entry(self._number(source_id), source, make, place, options))

    def remove_source(self, source_id: int) -> None:
        """Stop reading a source and forget what was read from it but not handed out.

        Raises:
            SourceError: There is none with this id.
        """
        entry = self._entry(source_id)
        with self._lock:
            self._entries.pop(source_id, None)
        self._hints.unwatch(source_id)
        entry.give_up(self._buffer.discard)
        self._buffer.set_rule(source_id, None)
        self._forget_in_flight(source_id)

    def reset_source(self, source_id: int, checkpoints: Sequence[Checkpoint]) -> None:
        """Forget what was read from a source and go on from these positions.

        Raises:
            SourceError: There is none with this id, or it cannot go back.
        """
        entry = self._entry(source_id)
        if entry.make is None:
            raise SourceError(f"Source {source_id} cannot be set back; remove it and add it again.")
        source = entry.make(checkpoints)
        if isinstance(source, DirectoryWatcher):
            source.hint = entry.hint
        entry.give_up(self._buffer.discard, source)
        self._forget_in_flight(source_id)
        entry.next_poll_s = 0.0
        self._wake.set()

    def _number(self, source_id: int | None) -> int:
        with self._lock:
            if source_id is None:
                return max(self._entries, default=0) + 1
            if source_id in self._entries:
                raise SourceError(f"Source {source_id} is being read already.")
            return source_id

    def _limits_of(self, options: SourceOptions) -> ReadLimits:
        max_size = int(options.number("max_size", self.max_size))
        return ReadLimits(max_lines=max(max_size // _CHUNKS_PER_BATCH, 1))

    def _add(self, entry: Entry) -> int:
        number, options = entry.source_id, entry.options
        if isinstance(entry.source, DirectoryWatcher):
            entry.source.hint, entry.shares_hint = entry.hint, True
        with self._lock:
            if number in self._entries:
                raise SourceError(f"Source {number} is being read already.")
            self._entries[number] = entry
        if options.number("batch_interval_s") or options.number("max_size"):
            interval_s = options.number("batch_interval_s", self.batch_interval)
            max_size = int(options.number("max_size", self.max_size))
            self._buffer.set_rule(number, Rule(interval_s, max_size))
        self._wake.set()
        return number

    def _entry(self, source_id: int) -> Entry:
        with self._lock:
            entry = self._entries.get(source_id)
        if entry is None:
            raise SourceError(f"There is no source {source_id} here.")
        return entry

    def _snapshot(self) -> list[Entry]:
        with self._lock:
            return list(self._entries.values())

    # Start and stop

    def set_batch_callback(self, callback: Callable[[RecordBatch], None]) -> None:
        """Have batches pushed to `callback` on a thread of ours; its return means stored.

        Raises:
            SourceError: Already started.
        """
        if self.is_running:
            raise SourceError("Ingestion is running; stop it before changing where batches go.")
        self._callback = callback

    @property
    def is_running(self) -> bool:
        """True from `start` until reading was asked to stop."""
        return self._is_started and not self._reader.is_stopping

    def start(self) -> None:
        """Begin to read; does nothing when running.

        Raises:
            SourceError: A stop is not over yet.
        """
        if self.is_running:
            return
        if self._reader.is_alive or (self._batcher is not None and self._batcher.is_alive()):
            raise SourceError("Ingestion is still stopping; try again in a moment.")
        self._stop_delivering.clear()
        self._deliver_until = float("inf")
        self._buffer.reopen()
        self._hints.start()
        if self._callback is not None:
            self._batcher = threading.Thread(
                target=self._push_loop, args=(self._callback,), name="ingest-batcher", daemon=True
            )
        self._reader.start()
        self._is_started = True
        if self._batcher is not None:
            self._batcher.start()
        logger.info("Ingestion started. sources=%d", len(self._entries))

    def stop_reading(self) -> None:
        """Read no more; what is buffered is due at once and can still be taken."""
        self._reader.stop()
        self._buffer.close()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Stop reading, deliver what is buffered, join the threads; may be called again.

        A batch that cannot be delivered within the time stays held: a later `start` goes
        on with it, and its position was not committed.

        Returns:
            True when every thread has ended. One that is stuck in a source that hangs does
            not count: it ends when its read comes back, and does nothing more before.
        """
        deadline = time.monotonic() + timeout_s
        self._deliver_until = deadline
        self.stop_reading()
        self._stop_delivering.set()
        ended = self._reader.join(deadline)
        ended = self._join(self._batcher, deadline) and ended
        self._hints.stop(max(deadline - time.monotonic(), 0.5))
        if ended:
            self._batcher, self._is_started = None, False
            logger.info("Ingestion stopped. batches=%d lines=%d", self._n_batches, self._n_lines)
        else:
            logger.error("Ingestion threads are still busy. timeout_s=%g", timeout_s)
        return ended

    @staticmethod
    def _join(thread: threading.Thread | None, deadline: float) -> bool:
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(max(deadline - time.monotonic(), 0.05))
        return not thread.is_alive()

    # Taking batches

    def take_batch(self, timeout_s: float) -> RecordBatch | None:
        """The next batch, or None: none is due in time, or the kill switch is engaged.

        After `stop_reading` None means that nothing is left.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            left_s = max(deadline - time.monotonic(), 0.0)
            with self._take_lock:
                if self._held is None:
                    self._held = self._buffer.take(min(left_s, CHECK_GAP_S))
                if self._held is not None and not self.is_killed():
                    batch, self._held = self._held, None
                    sources = frozenset(chunk.source_id for chunk in batch.chunks)
                    self._in_flight[batch.sequence] = sources
                    return batch
                is_waiting = self._held is not None
            drained = self._reader.is_stopping and not is_waiting and not self._buffer.n_chunks
            if drained or time.monotonic() >= deadline:
                return None
            if is_waiting:  # killed: look again soon, without spinning
                time.sleep(min(max(deadline - time.monotonic(), 0.0), 0.1))

    def commit(self, batch: RecordBatch) -> None:
        """The batch is durable now."""
        expected = self._in_flight.pop(batch.sequence, frozenset())
        for source_id in expected & {chunk.source_id for chunk in batch.chunks}:
            entry = self._entries.get(source_id)
            if entry is None:
                continue
            chunks = [chunk for chunk in batch.chunks if chunk.source_id == source_id]
            with entry.lock:
                entry.n_chunks_out -= len(chunks)
                entry.n_bytes_out -= sum(map(moved_bytes, chunks))
                entry.settled |= {chunk.generation: chunk.checkpoint for chunk in chunks}
            entry.settle()
        self._n_batches += 1
        self._n_lines += batch.n_lines

    def request_flush(self) -> None:
        """Hand over what is buffered at once."""
        self._buffer.flush()

    def _forget_in_flight(self, source_id: int) -> None:
        for sequence, sources in list(self._in_flight.items()):
            if source_id in sources:
                self._in_flight[sequence] = sources - {source_id}
                if not self._in_flight[sequence]:
                    self._in_flight.pop(sequence, None)

    # Kill switch

    def is_killed(self, max_age_s: float = 0.0) -> bool:
        """True when processing must stand still; asked anew unless an answer is fresh enough."""
        if self._check is None:
            return False
        with self._check_lock:
            now = time.monotonic()
            if now - self._checked_at < max_age_s:
                return self._is_engaged
            try:
                self._is_engaged = bool(self._check())
            except Exception:  # whatever went wrong, the answer is unknown
                if not self._is_engaged:
                    logger.exception("The kill switch cannot be read; it counts as engaged.")
                self._is_engaged = True
            self._checked_at = time.monotonic()
            return self._is_engaged

    # Threads

    def _push_loop(self, callback: Callable[[RecordBatch], None]) -> None:
        while True:
            batch = self.take_batch(CHECK_GAP_S)
            if batch is not None:
                if not self._push(callback, batch):
                    return
            elif self._stop_delivering.is_set():
                is_empty = self._held is None and not self._buffer.n_chunks
                if is_empty or self.is_killed() or time.monotonic() >= self._deliver_until:
                    return

    def _push(self, callback: Callable[[RecordBatch], None], batch: RecordBatch) -> bool:
        """Deliver one batch, again and again if need be; False when stopped before."""
        backoff_s = _BACKOFF_S[0]
        while True:
            try:
                callback(batch)
            except Exception:
                self._n_callback_failures += 1
                logger.exception(
                    "A batch was not taken and is tried again. batch=%d", batch.sequence
                )
            else:
                self.commit(batch)
                return True
            while True:  # wait, and then as long as the kill switch is engaged
                if self._stop_delivering.wait(backoff_s) and (
                    time.monotonic() + backoff_s >= self._deliver_until or self.is_killed()
                ):
                    self._hold(batch)
                    return False
                if self._stop_delivering.is_set():
                    time.sleep(min(backoff_s, 0.1))
                if not self.is_killed():
                    break
            backoff_s = min(backoff_s * 2, _BACKOFF_S[1])

    def _hold(self, batch: RecordBatch) -> None:
        with self._take_lock:
            self._in_flight.pop(batch.sequence, None)
            self._held = batch

    # Telling

    @property
    def is_idle(self) -> bool:
        """True when everything that could be read was read, taken and committed."""
        if self._is_engaged or not self._reader.n_rounds:
            return False
        return all(e.is_quiet and not e.n_chunks_out for e in self._snapshot())

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How each source stands; `lag_bytes` counts up to what was committed."""
        is_running = self.is_running
        return tuple(entry.status(is_running=is_running) for entry in self._snapshot())

    def get_stats(self) -> dict[str, Any]:
        """Counters and settings, for screens and tests."""
        return {
            "running": self.is_running,
            "buffer_size": self._buffer.size,
            "sources_count": len(self._entries),
            "batch_interval": self.batch_interval,
            "max_size": self.max_size,
            "poll_interval": self.poll_interval,
            "buffer_fill": self._buffer.fill,
            "buffer_bytes": self._buffer.size_bytes,
            "batches_flushed": self._n_batches,
            "batches_in_flight": len(self._in_flight) + (self._held is not None),
            "lines_read": self._n_lines,
            "bytes_read": self._reader.n_bytes,
            "lines_too_long": self._reader.n_too_long,
            "callback_failures": self._n_callback_failures,
            "killed": self._is_engaged,
            "oldest_wait_s": self._buffer.oldest_wait_s,
        }
