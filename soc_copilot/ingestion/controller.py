"""Reads every source in turn and hands out batches, pushed or pulled, under the kill switch."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordBatch, RecordChunk, SourceStatus
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.buffer import MicroBatchBuffer
from soc_copilot.ingestion.directory import DirectoryWatcher
from soc_copilot.ingestion.hints import ChangeHints
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.tailer import POLL_BYTES, FileTailer

logger = logging.getLogger(__name__)

_CHECK_GAP_S = 0.25  # chosen: the kill switch is read at least this often while anything waits
_MEMO_S = 0.05  # chosen: reading goes on so long on one answer; deliveries always ask anew
_HINT_GAP_S = 0.02  # chosen: pause after a hint, so that a chatty folder does not spin us
_BACKOFF_S = (0.1, 5.0)  # chosen: first and longest wait before a failed callback is tried again
DEFAULTS = SourceOptions()
_CHUNKS_PER_BATCH = 4  # chosen: chunks are this part of a batch, so that batches fill well


@dataclass(slots=True)
class _Entry:
    """A source and what was read from it but not taken by the buffer yet."""

    source: Source
    make: Callable[[Sequence[Checkpoint]], Source] | None
    watch: tuple[Path, bool] | None  # folder, recursive
    options: SourceOptions
    hint: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    pending: deque[RecordChunk] = field(default_factory=deque)
    is_quiet: bool = False
    is_removed: bool = False
    n_chunks_out: int = 0  # read and not committed yet
    n_bytes_out: int = 0
    note: str = ""
    failure: str = ""
    retry_at_s: float = 0.0


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
        self._limits = ReadLimits(max_lines=max(max_size // _CHUNKS_PER_BATCH, 1))
        self._check = killswitch_check
        self._check_lock = threading.Lock()
        self._checked_at = -1e9
        self._is_engaged = False
        self._entries: dict[int, _Entry] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop_reading = threading.Event()
        self._stop_delivering = threading.Event()
        self._deliver_until = float("inf")
        self._hints = ChangeHints(self._wake)
        self._reader: threading.Thread | None = None
        self._batcher: threading.Thread | None = None
        self._callback: Callable[[RecordBatch], None] | None = None
        self._held: RecordBatch | None = None
        self._take_lock = threading.Lock()
        self._in_flight: dict[int, frozenset[int]] = {}
        self._rounds = 0
        self._n_batches = self._n_lines = self._n_bytes = self._n_too_long = 0
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
        options: SourceOptions = DEFAULTS,
    ) -> int:
        """Tail one file; returns the source's id.

        Raises:
            SourceError: The id is in use.
        """
        number = self._number(source_id)
        style = ReadStyle.of(options, self.partial_after_s)

        def make(known: Sequence[Checkpoint]) -> Source:
            return FileTailer(
                path,
                source_id=number,
                name=name,
                from_start=from_start,
                checkpoints=known,
                limits=self._limits,
                clock=self._clock,
                style=style,
            )

        folder = Path(path).absolute().parent
        return self._add(number, _Entry(make(checkpoints), make, (folder, False), options))

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
        options: SourceOptions = DEFAULTS,
    ) -> int:
        """Tail every file in a folder that fits a pattern; returns the source's id.

        Raises:
            SourceError: The id is in use.
        """
        number = self._number(source_id)
        style = ReadStyle.of(options, self.partial_after_s)

        def make(known: Sequence[Checkpoint]) -> Source:
            return DirectoryWatcher(
                path,
                pattern,
                recursive=recursive,
                source_id=number,
                name=name,
                from_start=from_start,
                checkpoints=known,
                limits=self._limits,
                clock=self._clock,
                style=style,
                scan_s=options.number("poll_interval_s", self.directory_poll_interval),
            )

        watch = (Path(path).absolute(), recursive)
        return self._add(number, _Entry(make(checkpoints), make, watch, options))

    def add_source(
        self,
        source: Source,
        *,
        source_id: int | None = None,
        make: Callable[[Sequence[Checkpoint]], Source] | None = None,
        watch: tuple[Path, bool] | None = None,
        options: SourceOptions = DEFAULTS,
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
        return self._add(self._number(source_id), _Entry(source, make, watch, options))

    def remove_source(self, source_id: int) -> None:
        """Stop reading a source and forget what was read from it but not handed out.

        Raises:
            SourceError: There is none with this id.
        """
        entry = self._entry(source_id)
        with self._lock:
            self._entries.pop(source_id, None)
        self._hints.unwatch(source_id)
        with entry.lock:
            entry.is_removed = True
            entry.pending.clear()
            self._buffer.discard(source_id)
            entry.source.close()
        self._forget_in_flight(source_id)

    def reset_source(self, source_id: int, checkpoints: Sequence[Checkpoint]) -> None:
        """Forget what was read from a source and go on from these positions.

        Raises:
            SourceError: There is none with this id, or it cannot go back.
        """
        entry = self._entry(source_id)
        if entry.make is None:
            raise SourceError(f"Source {source_id} cannot be set back; remove it and add it again.")
        with entry.lock:
            entry.pending.clear()
            self._buffer.discard(source_id)
            entry.source.close()
            entry.source = entry.make(checkpoints)
            entry.n_chunks_out = entry.n_bytes_out = 0
            entry.is_quiet = False
            self._share_hint(entry)
        self._forget_in_flight(source_id)
        self._wake.set()

    def _number(self, source_id: int | None) -> int:
        with self._lock:
            if source_id is None:
                return max(self._entries, default=0) + 1
            if source_id in self._entries:
                raise SourceError(f"Source {source_id} is being read already.")
            return source_id

    def _add(self, number: int, entry: _Entry) -> int:
        with self._lock:
            if number in self._entries:
                raise SourceError(f"Source {number} is being read already.")
            self._entries[number] = entry
        self._share_hint(entry)
        if self._reader is not None:
            self._watch(number, entry)
        self._wake.set()
        return number

    def _share_hint(self, entry: _Entry) -> None:
        if isinstance(entry.source, DirectoryWatcher):
            entry.source.hint = entry.hint

    def _watch(self, number: int, entry: _Entry) -> None:
        if entry.watch is not None:
            folder, recursive = entry.watch
            entry.note = self._hints.watch(number, folder, recursive=recursive, hint=entry.hint)

    def _entry(self, source_id: int) -> _Entry:
        with self._lock:
            entry = self._entries.get(source_id)
        if entry is None:
            raise SourceError(f"There is no source {source_id} here.")
        return entry

    def _snapshot(self) -> list[tuple[int, _Entry]]:
        with self._lock:
            return list(self._entries.items())

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
        return self._reader is not None and not self._stop_reading.is_set()

    def start(self) -> None:
        """Begin to read; does nothing when running.

        Raises:
            SourceError: A stop is not over yet.
        """
        if self.is_running:
            return
        if any(t is not None and t.is_alive() for t in (self._reader, self._batcher)):
            raise SourceError("Ingestion is still stopping; try again in a moment.")
        self._stop_reading.clear()
        self._stop_delivering.clear()
        self._deliver_until = float("inf")
        self._rounds = 0
        self._buffer.reopen()
        note = self._hints.start()
        for number, entry in self._snapshot():
            entry.note = note
            if not note:
                self._watch(number, entry)
        self._reader = threading.Thread(target=self._read_loop, name="ingest-reader", daemon=True)
        if self._callback is not None:
            self._batcher = threading.Thread(
                target=self._push_loop, args=(self._callback,), name="ingest-batcher", daemon=True
            )
            self._batcher.start()
        self._reader.start()
        logger.info("Ingestion started. sources=%d", len(self._entries))

    def stop_reading(self) -> None:
        """Read no more; what is buffered is due at once and can still be taken."""
        self._stop_reading.set()
        self._wake.set()
        self._buffer.close()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Stop reading, deliver what is buffered, join the threads; may be called again.

        A batch that cannot be delivered within the time stays held: a later `start` goes
        on with it, and its position was not committed.

        Returns:
            True when every thread has ended.
        """
        deadline = time.monotonic() + timeout_s
        self._deliver_until = deadline
        self.stop_reading()
        self._stop_delivering.set()
        ended = self._join(self._reader, deadline)
        ended = self._join(self._batcher, deadline) and ended
        self._hints.stop(max(deadline - time.monotonic(), 0.5))
        if ended:
            self._reader = self._batcher = None
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
                    self._held = self._buffer.take(min(left_s, _CHECK_GAP_S))
                if self._held is not None and not self.is_killed():
                    batch, self._held = self._held, None
                    sources = frozenset(chunk.source_id for chunk in batch.chunks)
                    self._in_flight[batch.sequence] = sources
                    return batch
                is_waiting = self._held is not None
            drained = self._stop_reading.is_set() and not is_waiting and not self._buffer.n_chunks
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
                entry.n_bytes_out -= sum(_moved(chunk) for chunk in chunks)
                for spot in {chunk.generation: chunk.checkpoint for chunk in chunks}.values():
                    entry.source.committed(spot)
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

    def _read_loop(self) -> None:
        try:
            while not self._stop_reading.is_set():
                if self.is_killed():
                    self._stop_reading.wait(min(self.poll_interval, _CHECK_GAP_S))
                elif not self._read_round() and not self._stop_reading.is_set():
                    hinted = self._wake.wait(min(self.poll_interval, _CHECK_GAP_S))
                    self._wake.clear()
                    if hinted:
                        self._stop_reading.wait(min(_HINT_GAP_S, self.poll_interval))
        except Exception:
            logger.exception("The reader thread failed.")
            raise
        finally:
            for _, entry in self._snapshot():
                with entry.lock:
                    entry.source.close()

    def _read_round(self) -> bool:
        """Give every source its turn; False when none had anything."""
        found = False
        for _, entry in self._snapshot():
            if self._stop_reading.is_set() or self.is_killed(_MEMO_S):
                return found
            found = self._read_source(entry) or found
            self._hand_over(entry)
        self._rounds += 1
        return found

    def _read_source(self, entry: _Entry) -> bool:
        with entry.lock:
            if entry.is_removed or time.monotonic() < entry.retry_at_s:
                return False
            if not entry.pending:
                try:
                    chunks = entry.source.poll(POLL_BYTES)
                    entry.failure = ""
                except Exception as error:  # one source must not stop the others
                    logger.exception("A source failed and is tried again.")
                    entry.failure = f"{type(error).__name__}: {error}. It is tried again."
                    entry.retry_at_s = time.monotonic() + _BACKOFF_S[1]
                    entry.is_quiet = True
                    return False
                entry.pending.extend(chunks)
                n_bytes = sum(_moved(chunk) for chunk in chunks)
                entry.n_chunks_out += len(chunks)
                entry.n_bytes_out += n_bytes
                self._n_bytes += n_bytes
                self._n_too_long += sum(chunk.n_too_long for chunk in chunks)
                entry.is_quiet = not chunks
            return bool(entry.pending)

    def _hand_over(self, entry: _Entry) -> None:
        """Move what was read into the buffer, waiting for room without holding the source."""
        while True:
            with entry.lock:
                while entry.pending and self._buffer.offer(entry.pending[0]):
                    entry.pending.popleft()
                first = entry.pending[0] if entry.pending else None
            if first is None or self._stop_reading.is_set():
                return
            self._buffer.wait_for_room(first, _CHECK_GAP_S)

    def _push_loop(self, callback: Callable[[RecordBatch], None]) -> None:
        while True:
            batch = self.take_batch(_CHECK_GAP_S)
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
        if self._is_engaged or not self._rounds:
            return False
        return all(e.is_quiet and not e.n_chunks_out for _, e in self._snapshot())

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How each source stands; `lag_bytes` counts up to what was committed."""
        return tuple(self._status(entry) for _, entry in self._snapshot())

    def _status(self, entry: _Entry) -> SourceStatus:
        status = entry.source.status()
        messages = (entry.note, *status.messages) if entry.note else status.messages
        status = replace(status, lag_bytes=status.lag_bytes + entry.n_bytes_out, messages=messages)
        if entry.failure:
            return replace(status, state="error", detail=entry.failure)
        if not self.is_running and status.state in {"live", "behind"}:
            return replace(status, state="stopped")
        return status

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
            "bytes_read": self._n_bytes,
            "lines_too_long": self._n_too_long,
            "callback_failures": self._n_callback_failures,
            "killed": self._is_engaged,
            "oldest_wait_s": self._buffer.oldest_wait_s,
        }


def _moved(chunk: RecordChunk) -> int:
    """Bytes of the file that the chunk covers."""
    return int(chunk.lengths.sum()) + chunk.n_skipped_bytes
