"""The thread that reads every source in turn; one that hangs costs the others nothing."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from soc_copilot.domain.file_systems import is_network
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceStatus
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.buffer import MicroBatchBuffer
from soc_copilot.ingestion.hints import ChangeHints, Hint
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.tailer import POLL_BYTES

logger = logging.getLogger(__name__)

HUNG_S = 5.0  # chosen: longer than any read of a disk that works, even one that must spin up
CHECK_GAP_S = 0.25  # chosen: the kill switch is read at least this often while anything waits
_HUNG_TOO_S = 1.0  # chosen: shorter once a source hangs, for they often hang together
_MEMO_S = 0.05  # chosen: reading goes on so long on one answer; deliveries always ask anew
_HINT_GAP_S = 0.02  # chosen: pause after a hint, so that a chatty folder does not spin us
_RETRY_S = 5.0  # chosen: wait before a source that raised is tried again
_QUIET_AFTER_S = 10.0  # chosen: without news for so long, a source is looked at less often
_QUIET_POLL_S = 1.0  # chosen: and so often, when the system gives hints or sources are many
_CROWD_POLL_S = 2.0  # chosen: and so often, when they are very many
_CROWD = 100  # chosen: sources that are looked at at full speed whatever they do
_CLAIM_S = 2.0  # chosen: how long a source that is being read is waited for


@dataclass(frozen=True, slots=True)
class Watch:
    """Where a change is a hint.

    Attributes:
        folder: The folder.
        recursive: Those below it, too.
        file: The one file in it that matters; None for all.
    """

    folder: Path
    recursive: bool
    file: Path | None = None


@dataclass(slots=True)
class Entry:
    """A source and what was read from it but not taken by the buffer yet.

    Whoever is inside the source has claimed it; the lock is held for moments only, so that
    a source that does not come back holds nobody else.
    """

    source_id: int
    source: Source
    make: Callable[[Sequence[Checkpoint]], Source] | None
    watch: Watch | None
    options: SourceOptions
    hint: Hint = field(default_factory=Hint)
    shares_hint: bool = False  # the source looks at the hint itself
    lock: threading.Lock = field(default_factory=threading.Lock)
    pending: deque[RecordChunk] = field(default_factory=deque)
    settled: dict[int, Checkpoint] = field(default_factory=dict)
    claim: object | None = None
    claimed_at_s: float = 0.0
    is_hung: bool = False
    is_prepared: bool = False
    is_hinted: bool = False
    is_quiet: bool = False
    is_removed: bool = False
    next_poll_s: float = 0.0
    base_s: float = CHECK_GAP_S  # between looks while there is news
    news_at_s: float = 0.0
    n_chunks_out: int = 0  # read and not committed yet
    n_bytes_out: int = 0
    note: str = ""
    failure: str = ""

    def take(self) -> object | None:
        """Claim the source; None when somebody else has it."""
        with self.lock:
            if self.claim is not None or self.is_removed:
                return None
            self.claim, self.claimed_at_s = object(), time.monotonic()
            return self.claim

    def give(self, claim: object, source: Source) -> bool:
        """End a claim; False when the source was given up meanwhile, which closes it."""
        with self.lock:
            is_ours = self.claim is claim
            if is_ours:
                self.claim, self.is_hung = None, False
            is_kept = is_ours and not self.is_removed and self.source is source
        if not is_kept:
            source.close()
        return is_kept

    def settle(self) -> None:
        """Tell the source what is stored, unless somebody is inside it: the next poll does."""
        claim = self.take()
        if claim is not None:
            source = self.source
            try:
                self.tell_settled(source)
            finally:
                self.give(claim, source)

    def tell_settled(self, source: Source) -> None:
        """Tell what is stored; for who has claimed the source."""
        with self.lock:
            settled, self.settled = self.settled, {}
        for checkpoint in settled.values():
            source.committed(checkpoint)

    def give_up(self, discard: Callable[[int], object], other: Source | None = None) -> None:
        """Put another source in the place of this one, or none, and close this one.

        A source that is being read is waited for; one that hangs is closed by the thread
        that hangs in it, if that ever comes back.

        Args:
            discard: Forgets what was handed over of the source by its id; called before
                anything of the other one can be.
            other: The source from now on.
        """
        deadline = time.monotonic() + _CLAIM_S
        claim = self.take()
        while claim is None and not self.is_hung and time.monotonic() < deadline:
            time.sleep(0.005)
            claim = self.take()
        with self.lock:
            old, self.source = self.source, other or self.source
            self.is_removed = other is None
            self.pending.clear()
            self.settled.clear()
            self.n_chunks_out = self.n_bytes_out = 0
            discard(self.source_id)
            self.claim, self.is_hung, self.is_quiet = None, False, False
        if claim is not None:
            old.close()

    def status(self, *, is_running: bool) -> SourceStatus:
        """How the source stands; `lag_bytes` counts up to what was committed."""
        status = self.source.status()
        messages = (self.note, *status.messages) if self.note else status.messages
        status = replace(status, lag_bytes=status.lag_bytes + self.n_bytes_out, messages=messages)
        if self.is_hung:
            waited_s = time.monotonic() - self.claimed_at_s
            detail = (
                f"A read has not come back for {waited_s:.0f} s; the other sources go on. Look "
                "whether its disk or server answers."
            )
            return replace(status, state="hung", detail=detail)
        if self.failure:
            return replace(status, state="error", detail=self.failure)
        if not is_running and status.state in {"live", "behind", "listening"}:
            return replace(status, state="stopped")
        return status


class ReaderThread:
    """Gives every source its turn, on a thread that is replaced when it hangs in one.

    Args:
        entries: The sources as they are now.
        buffer: Takes what was read.
        hints: Asked to watch what can be watched.
        wake: Set when a hint came or sources changed.
        poll_interval: Seconds between looks at a source without hints.
        is_killed: Asked with the age in seconds that an answer may have.
    """

    def __init__(
        self,
        entries: Callable[[], Iterable[Entry]],
        buffer: MicroBatchBuffer,
        hints: ChangeHints,
        wake: threading.Event,
        poll_interval: float,
        is_killed: Callable[[float], bool],
    ) -> None:
        self._entries = entries
        self._buffer = buffer
        self._hints = hints
        self._wake = wake
        self._poll_interval = poll_interval
        self._is_killed = is_killed
        self._stop = threading.Event()
        self._inside: Entry | None = None
        self._reader: threading.Thread | None = None
        self._watcher: threading.Thread | None = None
        self._pause_s = CHECK_GAP_S
        self.n_rounds = self.n_bytes = self.n_too_long = 0

    @property
    def is_stopping(self) -> bool:
        """True once `stop` was called, until the next `start`."""
        return self._stop.is_set()

    @property
    def is_alive(self) -> bool:
        """True while a thread of ours runs that is not stuck in a hung source."""
        return any(t is not None and t.is_alive() for t in (self._reader, self._watcher))

    def start(self) -> None:
        """Begin to read."""
        self._stop.clear()
        self.n_rounds = 0
        for entry in self._entries():
            entry.is_prepared, entry.next_poll_s = False, 0.0
        self._begin_reader()
        self._watcher = threading.Thread(
            target=self._watch_loop, name="ingest-watcher", daemon=True
        )
        self._watcher.start()

    def stop(self) -> None:
        """Read no more; returns at once."""
        self._stop.set()
        self._wake.set()

    def join(self, deadline_s: float) -> bool:
        """Wait until reading has ended; a thread stuck in a hung source is left behind.

        Args:
            deadline_s: When to stop waiting, on the monotonic clock.
        """
        while (reader := self._reader) is not None and reader.is_alive():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            reader.join(min(left_s, CHECK_GAP_S))  # it may be replaced while we wait
        if self._watcher is not None:
            self._watcher.join(max(deadline_s - time.monotonic(), 0.05))
        return not self.is_alive

    def _begin_reader(self) -> None:
        self._inside = None
        self._reader = threading.Thread(target=self._read_loop, name="ingest-reader", daemon=True)
        self._reader.start()

    @property
    def _is_current(self) -> bool:
        return self._reader is threading.current_thread()

    # The watcher

    def _watch_loop(self) -> None:
        """Replace the reader when it does not come back from a source."""
        while not self._stop.wait(CHECK_GAP_S * 2) or (self._reader and self._reader.is_alive()):
            if self._stop.is_set():
                time.sleep(CHECK_GAP_S / 5)  # only until the reader has ended
            entry = self._inside
            if entry is None:
                continue
            limit_s = _HUNG_TOO_S if any(e.is_hung for e in self._entries()) else HUNG_S
            with entry.lock:
                has_claim = entry.claim is not None and not entry.is_hung
                is_hung = has_claim and time.monotonic() - entry.claimed_at_s >= limit_s
                entry.is_hung = entry.is_hung or is_hung
            if is_hung:
                logger.error("A source does not come back. source=%d", entry.source_id)
                self._begin_reader()

    # The reader

    def _read_loop(self) -> None:
        try:
            while self._is_current and not self._stop.is_set():
                if self._is_killed(0.0):
                    self._stop.wait(min(self._poll_interval, CHECK_GAP_S))
                elif not self._read_round() and self._is_current:
                    self._rest()
        except Exception:
            logger.exception("The reader thread failed.")
            raise
        finally:
            if self._is_current:
                self._close_all()

    def _rest(self) -> None:
        if self._stop.is_set():
            return
        hinted = self._wake.wait(self._pause_s)
        self._wake.clear()
        if hinted:
            self._stop.wait(min(_HINT_GAP_S, self._poll_interval))

    def _close_all(self) -> None:
        for entry in self._entries():
            claim = entry.take()
            if claim is not None:
                source = entry.source
                source.close()
                entry.is_prepared = False
                entry.give(claim, source)

    def _read_round(self) -> bool:
        """Give every source that is due its turn; False when none had anything."""
        found = False
        now = time.monotonic()
        entries = list(self._entries())
        self._pause_s = CHECK_GAP_S
        for entry in entries:
            self._pause_s = min(self._pause_s, entry.base_s)
            if not (entry.pending or entry.next_poll_s <= now or entry.hint.is_set):
                continue
            if self._stop.is_set() or self._is_killed(_MEMO_S):
                return found
            if not entry.pending:
                self._poll(entry, len(entries))
                if not self._is_current:
                    return False
            found = bool(entry.pending) or found
            self._hand_over(entry)
        self.n_rounds += 1
        return found

    def _poll(self, entry: Entry, n_entries: int) -> None:
        claim = entry.take()
        if claim is None:
            return
        source, chunks = entry.source, list[RecordChunk]()
        self._inside = entry
        failure = ""
        try:
            self._prepare(entry)
            if not entry.shares_hint:
                entry.hint.take()
            entry.tell_settled(source)
            chunks = source.poll(POLL_BYTES)
        except Exception as error:  # one source must not stop the others
            logger.exception("A source failed and is tried again.")
            failure = f"{type(error).__name__}: {error}. It is tried again."
        if self._is_current:
            self._inside = None
        self._take_in(entry, claim, source, chunks, failure, n_entries)

    def _prepare(self, entry: Entry) -> None:
        """Ask for hints; here, because on a dead server even that may not come back."""
        if entry.is_prepared:
            return
        entry.is_prepared, entry.is_hinted = True, False
        entry.base_s, entry.news_at_s = self._base_s(entry), time.monotonic()
        watch = entry.watch
        if watch is None or entry.options.text("watch") == "poll":
            return
        if is_network(watch.folder):
            entry.note = f'"{watch.folder}" lies on a network file system; it is polled.'
            return
        path = str(watch.file or "")
        note = self._hints.watch(
            entry.source_id, watch.folder, recursive=watch.recursive, hint=entry.hint, path=path
        )
        entry.note = note
        # Of what a link leads to, no hint comes.
        entry.is_hinted = not note and not (watch.file and watch.file.is_symlink())

    def _take_in(
        self, entry: Entry, claim: object, source: Source, chunks: list[RecordChunk],
        failure: str, n_entries: int,
    ) -> None:  # fmt: skip
        """What one poll gave, unless the source was given up meanwhile."""
        now = time.monotonic()
        with entry.lock:
            if entry.claim is claim and not entry.is_removed:
                n_bytes = sum(map(moved_bytes, chunks))
                entry.pending.extend(chunks)
                entry.n_chunks_out += len(chunks)
                entry.n_bytes_out += n_bytes
                entry.failure = failure
                entry.is_quiet = not chunks and not getattr(source, "is_holding", False)
                if chunks:
                    entry.news_at_s = now
                wait_s = _RETRY_S if failure else self._wait_s(entry, now, n_entries)
                entry.next_poll_s = now if chunks else now + wait_s
                self.n_bytes += n_bytes
                self.n_too_long += sum(chunk.n_too_long for chunk in chunks)
        if not entry.give(claim, source):
            logger.warning("A source that was given up came back. source=%d", entry.source_id)
        elif self._stop.is_set() and not self._is_current:
            source.close()

    def _base_s(self, entry: Entry) -> float:
        """Seconds between looks at a source that had news of late."""
        if entry.watch is not None and entry.watch.file is None:
            return self._poll_interval  # a folder's own interval is between its listings
        return entry.options.number("poll_interval_s", self._poll_interval)

    def _wait_s(self, entry: Entry, now: float, n_entries: int) -> float:
        base_s = entry.base_s
        if entry.watch is None or now - entry.news_at_s < _QUIET_AFTER_S:
            return base_s
        if entry.watch.file is None:
            return base_s  # a folder looks at its quiet files seldom by itself
        wait_s = _QUIET_POLL_S if entry.is_hinted else base_s
        if n_entries > _CROWD:
            wait_s = max(wait_s, min(2 * n_entries / _CROWD * base_s, _CROWD_POLL_S))
        return max(base_s, wait_s)

    def _hand_over(self, entry: Entry) -> None:
        """Move what was read into the buffer, waiting for room without holding the source."""
        while True:
            with entry.lock:
                while entry.pending and self._buffer.offer(entry.pending[0]):
                    entry.pending.popleft()
                first = entry.pending[0] if entry.pending else None
            if first is None or self._stop.is_set():
                return
            self._buffer.wait_for_room(first, CHECK_GAP_S)


def moved_bytes(chunk: RecordChunk) -> int:
    """Bytes of the file that the chunk covers."""
    if not chunk.n_lines:
        return chunk.n_skipped_bytes
    return int(chunk.lengths.sum()) + chunk.n_skipped_bytes
