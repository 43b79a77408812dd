"""The micro-batch buffer between reading and everything after it: bounded, fair, in order."""

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.records import RecordBatch, RecordChunk

MAX_BYTES = 64 * 1024 * 1024  # chosen: bytes of lines held while the pipeline is busy
_BATCHES_HELD = 2  # chosen: one batch gathers while the one before it is on its way
CATCH_UP = 2  # measured: saves a fifth of the processor time; 4 saves little more, takes 60 MiB
_CHUNK_BYTES = 1024  # chosen: what a chunk weighs beside its lines, so that empty ones are bounded


@dataclass(frozen=True, slots=True)
class _Waiting:
    chunk: RecordChunk
    since_s: float
    due_s: float

    @property
    def weight(self) -> int:
        return self.chunk.size_bytes + 16 * self.chunk.n_lines + _CHUNK_BYTES


@dataclass(frozen=True, slots=True)
class Rule:
    """When a batch is due because of one source.

    Attributes:
        batch_interval_s: Seconds that a chunk of it waits at most for others.
        max_size: Lines of it that make a batch due.
    """

    batch_interval_s: float
    max_size: int


class MicroBatchBuffer:
    """Gathers chunks and lets them go as batches, by time or by size, whichever is first.

    A batch is due at `max_size` lines. What has gathered beyond that by the time somebody
    takes it goes along, up to `CATCH_UP` times as much: who is behind stores more at once.

    The bound is two such batches' lines and `max_bytes` of data: a writer waits (`add`) or
    is told to come back (`offer`) when it is reached. A chunk larger than the bound is let
    in when nothing else waits, so that no size can stop the flow.

    A source can have a rule of its own; the batch that it makes due takes what waits from
    all sources.

    Args:
        batch_interval: Seconds that a chunk waits at most for others.
        max_size: Lines that make a batch due, unless a source has a size of its own.
        max_bytes: Bytes held; a batch takes half of it at most.
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
        self._rules: dict[int, Rule] = {}
        self._lines_of: Counter[int] = Counter()  # of sources with rules of their own
        self._due_s = inf
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
        """Bytes waiting, what comes with the lines included."""
        return self._bytes

    @property
    def n_chunks(self) -> int:
        """Chunks waiting, those without lines among them."""
        return len(self._waiting)

    @property
    def fill(self) -> float:
        """How full the buffer is by the nearer of its two bounds, in [0, 1]."""
        by_lines = self._lines / (self.max_size * CATCH_UP * _BATCHES_HELD)
        return min(max(by_lines, self._bytes / self.max_bytes), 1.0)

    @property
    def oldest_wait_s(self) -> float:
        """Seconds that the oldest chunk has waited, 0 when nothing waits."""
        with self._lock:
            return self._waited_s()

    def set_rule(self, source_id: int, rule: Rule | None) -> None:
        """Give a source a rule of its own for what it hands in from now on, or take it away."""
        with self._changed:
            if rule is None:
                self._rules.pop(source_id, None)
            else:
                self._rules[source_id] = rule

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
                    wait_s = min(wait_s, self._due_s - self._clock.monotonic_s())
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
            gone = [w for w in self._waiting if w.chunk.source_id == source_id]
            self._waiting = deque(w for w in self._waiting if w.chunk.source_id != source_id)
            lines = sum(waiting.chunk.n_lines for waiting in gone)
            self._forget(gone)
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
        most = max(map(self._most_lines, (chunk.source_id, *self._lines_of)))
        fits = self._lines + chunk.n_lines <= most * _BATCHES_HELD
        return fits and self._bytes < self.max_bytes

    def _most_lines(self, source_id: int) -> int:
        """Lines of the largest batch with this source in it; one chunk may exceed it alone."""
        return CATCH_UP * max(self.max_size, self._size_of(source_id))

    def _append(self, chunk: RecordChunk) -> None:
        now, rule = self._clock.monotonic_s(), self._rules.get(chunk.source_id)
        due_s = now + (rule.batch_interval_s if rule else self.batch_interval)
        waiting = _Waiting(chunk, now, due_s)
        self._waiting.append(waiting)
        self._due_s = min(self._due_s, due_s)
        self._lines += chunk.n_lines
        self._bytes += waiting.weight
        if rule:
            self._lines_of[chunk.source_id] += chunk.n_lines
        self._changed.notify_all()

    def _forget(self, gone: Iterable[_Waiting]) -> None:
        """Count out what has left the queue."""
        for waiting in gone:
            chunk = waiting.chunk
            self._lines -= chunk.n_lines
            self._bytes -= waiting.weight
            if chunk.source_id in self._lines_of:
                self._lines_of[chunk.source_id] -= chunk.n_lines
        self._lines_of = +self._lines_of  # those that wait for nothing are left out
        self._due_s = min((w.due_s for w in self._waiting), default=inf)

    def _waited_s(self) -> float:
        return self._clock.monotonic_s() - self._waiting[0].since_s if self._waiting else 0.0

    def _is_due(self) -> bool:
        if not self._waiting:
            return False
        return (
            self._flush
            or self._closed
            or self._lines - self._lines_of.total() >= self.max_size
            or self._bytes >= self.max_bytes // 2
            or self._clock.monotonic_s() >= self._due_s
            or any(n >= self._size_of(source_id) for source_id, n in self._lines_of.items())
            or self._lines >= max(self.max_size, *map(self._size_of, (0, *self._lines_of)))
        )

    def _size_of(self, source_id: int) -> int:
        rule = self._rules.get(source_id)
        return rule.max_size if rule else self.max_size

    def _pop(self) -> RecordBatch:
        taken: list[_Waiting] = []
        lines = size = most = 0
        while self._waiting:
            waiting = self._waiting[0]
            most = max(most, self._most_lines(waiting.chunk.source_id))
            over = lines + waiting.chunk.n_lines > most
            over = over or size + waiting.weight > self.max_bytes // 2
            if taken and over:
                break
            taken.append(self._waiting.popleft())
            lines += waiting.chunk.n_lines
            size += waiting.weight
        self._forget(taken)
        self._flush = self._flush and bool(self._waiting)
        self._sequence += 1
        self._changed.notify_all()
        chunks = tuple(waiting.chunk for waiting in taken)
        return RecordBatch(self._sequence, chunks, self._clock.now_ns())
