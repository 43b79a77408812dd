"""The micro-batch buffer between reading and everything after it: bounded, fair, in order."""

import threading
import time
from collections import deque
from dataclasses import dataclass

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.records import RecordBatch, RecordChunk

MAX_BYTES = 64 * 1024 * 1024  # chosen: bytes of lines held while the pipeline is busy
_BATCHES_HELD = 2  # chosen: one batch gathers while the one before it is on its way


@dataclass(frozen=True, slots=True)
class _Waiting:
    chunk: RecordChunk
    since_s: float


class MicroBatchBuffer:
    """Gathers chunks and lets them go as batches, by time or by size, whichever is first.

    The bound is two batches' lines and `max_bytes` of data: a writer waits (`add`) or is
    told to come back (`offer`) when it is reached. A chunk larger than the bound is let in
    when nothing else waits, so that no size can stop the flow.

    Args:
        batch_interval: Seconds that a chunk waits at most for others.
        max_size: Lines of a batch; a batch exceeds it only when one chunk alone does.
        max_bytes: Bytes of lines held; a batch takes half of it at most.
        clock: Where the time comes from.

    Thread:
        Any; every method is safe to call from several at once.
    """

    def __init__(
        self,
        batch_interval: float = 5.0,
        max_size: int = 10_000,
        max_bytes: int = MAX_BYTES,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        if batch_interval < 0 or max_size < 1 or max_bytes < 1:
            raise ValueError("A batch needs an interval of 0 or more, and at least one line.")
        self.batch_interval = batch_interval
        self.max_size = max_size
        self.max_bytes = max_bytes
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._lines = 0
        self._bytes = 0
        self._sequence = 0
        self._flush = False
        self._closed = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    @property
    def size(self) -> int:
        """Lines waiting."""
        return self._lines

    @property
    def size_bytes(self) -> int:
        """Bytes of lines waiting."""
        return self._bytes

    @property
    def n_chunks(self) -> int:
        """Chunks waiting, those without lines among them."""
        return len(self._waiting)

    @property
    def fill(self) -> float:
        """How full the buffer is by the nearer of its two bounds, in [0, 1]."""
        by_lines = self._lines / (self.max_size * _BATCHES_HELD)
        return min(max(by_lines, self._bytes / self.max_bytes), 1.0)

    @property
    def oldest_wait_s(self) -> float:
        """Seconds that the oldest chunk has waited, 0 when nothing waits."""
        with self._lock:
            return self._waited_s()

    def offer(self, chunk: RecordChunk) -> bool:
        """Take the chunk in if there is room; False when there is none, or after `close`."""
        with self._changed:
            if self._closed or not self._has_room(chunk):
                return False
            self._append(chunk)
            return True

    def add(self, chunk: RecordChunk, stop: threading.Event | None = None) -> bool:
        """Take the chunk in, waiting for room.

        Args:
            chunk: Whole lines.
            stop: When set, waiting ends; looked at four times a second.

        Returns:
            False when stopped or closed before there was room: the chunk was not taken.
        """
        with self._changed:
            while not (self._closed or self._has_room(chunk)):
                if stop is not None and stop.is_set():
                    return False
                self._changed.wait(0.25)
            if self._closed:
                return False
            self._append(chunk)
            return True

    def wait_for_room(self, chunk: RecordChunk, timeout_s: float) -> bool:
        """Wait until the chunk would fit; False when it still does not, or after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._has_room(chunk), timeout_s)
            return not self._closed and self._has_room(chunk)

    def take(self, timeout_s: float) -> RecordBatch | None:
        """The next batch when one is due within `timeout_s`, else None.

        Due means: as many lines or bytes as a batch holds, a chunk that waited
        `batch_interval`, a flush asked for, or a closed buffer with something in it.
        """
        deadline = time.monotonic() + timeout_s  # waiting is real even where the clock is not
        with self._changed:
            while not self._is_due():
                now = time.monotonic()
                if now >= deadline or (self._closed and not self._waiting):
                    return None
                wait_s = deadline - now
                if self._waiting:
                    wait_s = min(wait_s, self.batch_interval - self._waited_s())
                self._changed.wait(max(wait_s, 0.001))
            return self._pop()

    def flush(self) -> None:
        """Make everything that waits now due at once."""
        with self._changed:
            self._flush = bool(self._waiting)
            self._changed.notify_all()

    def discard(self, source_id: int) -> int:
        """Forget what waits from one source; returns the lines forgotten."""
        with self._changed:
            gone = [w.chunk for w in self._waiting if w.chunk.source_id == source_id]
            self._waiting = deque(w for w in self._waiting if w.chunk.source_id != source_id)
            lines = sum(chunk.n_lines for chunk in gone)
            self._lines -= lines
            self._bytes -= sum(chunk.size_bytes for chunk in gone)
            self._flush = self._flush and bool(self._waiting)
            self._changed.notify_all()
            return lines

    def close(self) -> None:
        """Take nothing more in; what waits is due at once."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def reopen(self) -> None:
        """Take chunks in again after `close`."""
        with self._changed:
            self._closed = False

    def _has_room(self, chunk: RecordChunk) -> bool:
        if not self._waiting:
            return True
        return (
            self._lines + chunk.n_lines <= self.max_size * _BATCHES_HELD
            and self._bytes + chunk.size_bytes <= self.max_bytes
        )

    def _append(self, chunk: RecordChunk) -> None:
        self._waiting.append(_Waiting(chunk, self._clock.monotonic_s()))
        self._lines += chunk.n_lines
        self._bytes += chunk.size_bytes
        self._changed.notify_all()

    def _waited_s(self) -> float:
        return self._clock.monotonic_s() - self._waiting[0].since_s if self._waiting else 0.0

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return (
            self._flush
            or self._closed
            or self._lines >= self.max_size
            or self._bytes >= self.max_bytes // 2
            or self._waited_s() >= self.batch_interval
        )

    def _pop(self) -> RecordBatch:
        chunks: list[RecordChunk] = []
        lines = size = 0
        while self._waiting:
            chunk = self._waiting[0].chunk
            over = lines + chunk.n_lines > self.max_size
            over = over or size + chunk.size_bytes > self.max_bytes // 2
            if chunks and over:
                break
            self._waiting.popleft()
            chunks.append(chunk)
            lines += chunk.n_lines
            size += chunk.size_bytes
        self._lines -= lines
        self._bytes -= size
        self._flush = self._flush and bool(self._waiting)
        self._sequence += 1
        self._changed.notify_all()
        return RecordBatch(self._sequence, tuple(chunks), self._clock.now_ns())
