"""File activity as a producer: what happens to files under chosen folders, one JSON line each.

Which process made a change is not known: the notifications do not say.
"""

import functools
import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.columns import Action
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion import changes as ch
from soc_copilot.ingestion.changes import Change, ChangeFeed, open_feed
from soc_copilot.ingestion.file_memory import FileMemory, Seen, look, sampled_entropy
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.ingestion.spooled import ProducerStatus

logger = logging.getLogger(__name__)

WINDOW_S: Final = 0.5  # chosen: writes to one file within it are one line
_AFTER_CLOSE_S: Final = 0.05  # chosen: a closed file is seldom written again so soon
_MAX_PENDING: Final = 20_000  # chosen: files with writes to come; then they are told at once
_TAKEN: Final = 1_000  # chosen: changes worked off before lines are written
_IDLE_S: Final = 0.5  # chosen: how often an idle producer looks up
_LEARN_S: Final = 0.02  # chosen: of each idle round, spent on files that were there before
_LEARN_PAUSE_S: Final = 0.05  # chosen: between such rounds, so that it takes a part of a core
_LEARN_FILES: Final = 50_000  # chosen: at most, over all folders
_LEARN_TOTAL_S: Final = 120.0  # chosen: at most, all rounds together
_RESCAN_FILES: Final = 200_000  # chosen: files looked at after an overflow
_RESCAN_S: Final = 20.0  # chosen: time for it
_RESCAN_GAP_S: Final = 2.0  # chosen: overflows in a row are answered together
_MARGIN_NS: Final = 1_000_000_000  # chosen: the reader's delay, and a coarse clock of the files
_CHECK_S: Final = 60.0  # chosen: a look of our own where overflows are not told
_ROOM_S: Final = 0.2  # chosen: wait for room in a full spool, again and again
_RETRY_S: Final = 1.0  # chosen: a chosen folder that went away is looked for this often
_MESSAGES_KEPT: Final = 50
_MAX_NAME: Final = 16  # chosen: longer "extensions" are none


@dataclass(slots=True)
class _Writes:
    """Writes to a file that are not told yet."""

    due_s: float
    last_ns: int
    n: int = 0


class ActivityProducer:
    """Watches folders and writes what happens in them to a spool.

    Args:
        folders: Watched; links in them are followed once, here, and nowhere below.
        recursive: With all folders below.
        sample_kib: KiB of a changed file that are read to measure its entropy; 0 reads none.
        clock: Where the time comes from.
        own: Paths that belong to this program: they, all below them, and files beside them whose
            name goes on with "." or "-" are left out. The spool's own database always is.

    Thread:
        Any. Two threads of its own between `start` and `stop`.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        recursive: bool = True,
        sample_kib: int = 64,
        clock: Clock = SYSTEM_CLOCK,
        own: Sequence[Path] = (),
    ) -> None:
        self._folders = tuple(folders)
        self._recursive = recursive
        self._sample_bytes = sample_kib * 1024
        self._clock = clock
        self._own = tuple(own)
        self._lock = threading.Lock()
        self._events: list[SourceEvent] = []
        self._messages: list[str] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._worker: _Worker | None = None
        self.n_overflows = 0

    def start(self, spool: SpoolWriter) -> None:
        """Begin to watch; what is there already is learned in idle moments.

        Raises:
            SourceError: A folder does not exist or cannot be watched.
        """
        roots = [_root(folder) for folder in self._folders]
        if not roots:
            raise SourceError("No folder is given to be watched. Name at least one.")
        own = [os.path.realpath(path) for path in (*self._own, *_database_of(spool.folder))]
        feed = self._open(roots, own)
        self._stop.clear()
        self._worker = _Worker(self, feed, spool, roots, own)
        self._thread = threading.Thread(target=self._worker.run, name="activity", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Watch no more and write what was seen; False when a thread did not end in time."""
        thread = self._thread
        if thread is None:
            return True
        self._stop.set()
        thread.join(timeout_s)
        if thread.is_alive():
            return False
        self._thread = self._worker = None
        return True

    def status(self) -> ProducerStatus:
        """How it stands; safe to call from any thread."""
        worker, thread = self._worker, self._thread
        with self._lock:
            messages = tuple(self._messages)
        if worker is None or thread is None:
            return ProducerStatus("stopped", messages=messages)
        if not thread.is_alive():
            return ProducerStatus("error", worker.failure or "It has ended.", messages=messages)
        state, detail = worker.trouble()
        return ProducerStatus(state, detail, messages=messages)

    def take_events(self) -> tuple[SourceEvent, ...]:
        """What happened since the last call; each event is handed out once."""
        with self._lock:
            events, self._events = tuple(self._events), []
        return events

    @property
    def is_stopping(self) -> bool:
        """True from `stop` on."""
        return self._stop.is_set()

    def say(self, kind: str, message: str, *, is_loss: bool = False) -> None:
        """Put something before the operator."""
        with self._lock:
            self._events.append(SourceEvent(kind, message, self._clock.now_ns(), is_loss=is_loss))
            self._messages = [*self._messages, message][-_MESSAGES_KEPT:]

    def _open(self, roots: Sequence[str], own: Sequence[str]) -> ChangeFeed:
        try:
            return open_feed(
                roots, recursive=self._recursive, is_own=functools.partial(_is_own, _marks(own))
            )
        except OSError as error:
            raise SourceError(
                f'Cannot watch "{error.filename or roots[0]}": {error.strerror or error}. Check '
                "that it is a folder this user can read, and the system's limit of watches "
                "(fs.inotify.max_user_watches and max_user_instances on Linux)."
            ) from error


class _Worker:
    """What one start does: turns changes into lines. Lives on the producer's thread."""

    def __init__(
        self,
        producer: ActivityProducer,
        feed: ChangeFeed,
        spool: SpoolWriter,
        roots: Sequence[str],
        own: Sequence[str],
    ) -> None:
        self._producer = producer
        self._feed = feed
        self._spool = spool
        self._roots = tuple(roots)
        self._marks = _marks(own)
        self._recursive = producer._recursive
        self._sample_bytes = producer._sample_bytes
        self._memory = FileMemory()
        self._pending: dict[str, _Writes] = {}
        self._lines: list[bytes] = []
        self._unknown = self._walk()
        self._n_learned = 0
        self._learn_s = 0.0
        self._is_learned = False
        self._gone: set[str] = set()
        self._retry_at_s = 0.0
        self._overflowed_ns = 0  # time of the last good look before it; 0 when none is open
        self._good_ns = producer._clock.now_ns()
        self._rescan_at_s = 0.0
        self._check_at_s = time.monotonic() + _CHECK_S
        self._n_unwatched = 0
        self.failure = ""

    def run(self) -> None:
        """Until the producer stops."""
        try:
            while not self._producer.is_stopping:
                self._round(_IDLE_S if self._is_learned else _LEARN_PAUSE_S)
            while taken := self._feed.take(0.0, _TAKEN):  # what had happened before the stop
                self._handle(taken)
            self._tell_due(float("inf"))
            self._write(is_last=True)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}."
            logger.exception("File activity stopped.")
            self._producer.say("note", f"File activity stopped: {self.failure}", is_loss=True)
        finally:
            if not self._feed.close(5.0):
                logger.error("The reader of notifications does not end.")

    def trouble(self) -> tuple[str, str]:
        """State and detail."""
        if self._gone:
            return "missing", f'"{sorted(self._gone)[0]}" is gone; it is looked for.'
        if self._spool.is_full:
            return "live", "The spool is full; changes wait, and may be lost."
        if self._n_unwatched:
            return "live", f"{self._n_unwatched:,} folders cannot be watched; see its history."
        return "live", ""

    def _round(self, idle_s: float) -> None:
        if self._pending:
            idle_s = min(idle_s, _AFTER_CLOSE_S)
        taken = self._feed.take(idle_s, _TAKEN)
        self._handle(taken)
        now = time.monotonic()
        self._tell_due(now)
        if self._overflowed_ns and now >= self._rescan_at_s:
            self._after_overflow()
        elif not taken:
            self._good_ns = self._producer._clock.now_ns()
            self._learn(now)
            self._look_around(now)
        self._write()

    def _write(self, *, is_last: bool = False) -> None:
        while self._lines:
            n = self._spool.write(self._lines)
            del self._lines[:n]
            if self._lines and (is_last or self._producer.is_stopping):
                lost = len(self._lines)
                self._producer.say(
                    "lost", f"The spool is full: {lost:,} changes are lost.", is_loss=True
                )
                self._lines.clear()
            elif self._lines:
                self._spool.wait_for_room(_ROOM_S)

    # Changes

    def _handle(self, taken: Sequence[Change]) -> None:
        for change in taken:
            if change.kind in {ch.WRITTEN, ch.CLOSED}:
                self._written(change)
            elif change.kind == ch.OVERFLOW:
                self._overflow()
            elif change.kind == ch.GONE:
                self._root_gone(change.path)
            elif change.kind in {ch.CREATED, ch.ARRIVED}:
                self._tell_writes(change.path)
                self._created(change)
            elif change.kind == ch.RENAMED:
                self._renamed(change)
            elif change.kind == ch.DELETED:
                self._deleted(change)
            else:
                self._attributes(change)

    def _written(self, change: Change) -> None:
        writes = self._pending.get(change.path)
        now = time.monotonic()
        if change.kind == ch.CLOSED:
            if writes is not None:
                writes.due_s = min(writes.due_s, now + _AFTER_CLOSE_S)
            return
        if change.is_folder:
            return
        if writes is None:
            if len(self._pending) >= _MAX_PENDING:
                self._tell_due(float("inf"))
            writes = self._pending[change.path] = _Writes(now + WINDOW_S, change.at_ns)
        writes.n += 1
        writes.last_ns = change.at_ns

    def _tell_due(self, now: float) -> None:
        for path in [path for path, writes in self._pending.items() if writes.due_s <= now]:
            self._tell_writes(path)

    def _tell_writes(self, path: str, place: str = "") -> None:
        """The line of the writes to a file that wait; it may be at another place by now."""
        writes = self._pending.pop(path, None)
        if writes is None:
            return
        before = self._memory.get(path)
        now = self._look(path, sample=True, place=place)
        more: dict[str, Any] = {"repeat": writes.n} if writes.n > 1 else {}
        self._tell(Action.FILE_WRITTEN, path, writes.last_ns, now, before, **more)

    def _created(self, change: Change) -> None:
        known = self._memory.get(change.path)
        now = self._look(change.path, sample=change.kind == ch.ARRIVED)
        if known is not None and now is not None and known.inode == now.inode:
            return  # told already: found in a new folder, then notified
        self._tell(Action.FILE_CREATED, change.path, change.at_ns, now, known, change=change)

    def _renamed(self, change: Change) -> None:
        self._tell_writes(change.path, change.target)
        # What was at the target is gone under this name: nothing can be said of its content.
        self._tell_writes(change.target, os.devnull)
        if change.is_folder:
            for path in [p for p in self._pending if p.startswith(change.path + os.sep)]:
                self._tell_writes(path, change.target + path[len(change.path) :])
        replaced = self._memory.pop(change.target)
        self._memory.move(change.path, change.target, is_folder=change.is_folder)
        now = self._look(change.target, sample=False)
        self._tell(
            Action.FILE_RENAMED,
            change.path,
            change.at_ns,
            now,
            replaced,
            change=change,
            target=_text(change.target),
        )

    def _deleted(self, change: Change) -> None:
        self._tell_writes(change.path)
        before = self._memory.pop(change.path)
        if change.is_folder:
            for path in self._memory.below(change.path):
                self._memory.pop(path)
        self._tell(Action.FILE_DELETED, change.path, change.at_ns, None, before, change=change)

    def _attributes(self, change: Change) -> None:
        if change.path in self._pending:
            return  # their line has the mode, too
        before = self._memory.get(change.path)
        now = self._look(change.path, sample=False)
        if now is None:
            return
        if before is None or (now.mode, now.owner) != (before.mode, before.owner):
            self._tell(Action.FILE_MODE_CHANGED, change.path, change.at_ns, now, None)

    def _look(self, path: str, *, sample: bool, place: str = "") -> Seen | None:
        """How it stands now; remembered, with the entropy that is known or taken."""
        now = look(place or path)
        if now is None or place == os.devnull:
            return None
        known = self._memory.get(path)
        if sample and now.kind == "file" and now.size and self._sample_bytes:
            now = replace(now, entropy=sampled_entropy(place or path, self._sample_bytes))
        elif known is not None and known.inode == now.inode and known.size == now.size:
            now = replace(now, entropy=known.entropy)
        self._memory.put(path, now)
        return now

    def _tell(
        self,
        action: str,
        path: str,
        at_ns: int,
        now: Seen | None,
        before: Seen | None,
        *,
        change: Change | None = None,
        **more: Any,
    ) -> None:
        """Add a line."""
        told = "dir" if change and change.is_folder else "file"
        kind = now.kind if now else before.kind if before else told
        is_file = kind == "file"
        shown = (change.target if change else "") or path
        fields: dict[str, Any] = {
            "time_ns": at_ns,
            "action": action,
            "path": _text(path),
            "type": kind,
            "owner": _owner(now.owner) if now else None,
            "mode": f"{now.mode:04o}" if now else None,
            "size": now.size if now and is_file else None,
            "previous_size": before.size if before and is_file else None,
            "extension": _extension(shown) if is_file else None,
            "entropy": now.entropy if now else None,
            "previous_entropy": before.entropy if before else None,
            **more,
        }
        if shown != path and is_file:
            fields["previous_extension"] = _extension(path)
        line = json.dumps({k: v for k, v in fields.items() if v is not None}, separators=(",", ":"))
        self._lines.append(line.encode())

    # Overflow, and what was there before

    def _overflow(self) -> None:
        self._producer.n_overflows += 1
        if not self._overflowed_ns:
            self._overflowed_ns = self._good_ns - _MARGIN_NS
            self._rescan_at_s = time.monotonic() + _RESCAN_GAP_S

    def _after_overflow(self) -> None:
        since_ns, self._overflowed_ns = self._overflowed_ns, 0
        n, is_whole = self._compare(since_ns)
        whole = "all of them were" if is_whole else "not all of them could be"
        self._producer.say(
            "overflow",
            "The system's queue of notifications ran over and changes were lost. The folders "
            f"were looked at anew, {whole}; {n:,} changes were found so.",
            is_loss=True,
        )

    def _compare(self, since_ns: int) -> tuple[int, bool]:
        """Tell what differs from what was last seen; how much, and if all was looked at."""
        deadline = time.monotonic() + _RESCAN_S
        at_ns = self._producer._clock.now_ns()
        found: set[str] = set()
        n = 0
        is_whole = True
        for path, is_folder in self._walk():
            found.add(path)
            if len(found) > _RESCAN_FILES or time.monotonic() > deadline:
                is_whole = False
                break
            if is_folder and self._recursive:
                self._feed.watch(path)
            n += self._compare_one(path, since_ns, at_ns, is_folder=is_folder)
        if is_whole:
            gone = [p for root in self._roots for p in self._memory.below(root) if p not in found]
            for path in gone:
                seen = self._memory.get(path)
                is_folder = seen is not None and seen.kind == "dir"
                self._deleted(Change(ch.DELETED, path, at_ns, is_folder=is_folder))
            n += len(gone)
        return n, is_whole

    def _compare_one(self, path: str, since_ns: int, at_ns: int, *, is_folder: bool) -> int:
        known, now = self._memory.get(path), look(path)
        if now is None or path in self._pending:
            return 0
        if known is None or known.inode != now.inode:
            if known is None and now.ctime_ns < since_ns:
                self._memory.put(path, now)  # it was there before, only not known yet
                return 0
            self._memory.pop(path)
            self._created(Change(ch.ARRIVED, path, at_ns, is_folder=is_folder))
            return 1
        if now.kind == "file" and (known.size, known.mtime_ns) != (now.size, now.mtime_ns):
            self._pending[path] = _Writes(0.0, at_ns, 1)
            self._tell_writes(path)
            return 1
        if (known.mode, known.owner) != (now.mode, now.owner):
            self._attributes(Change(ch.ATTRIBUTES, path, at_ns))
            return 1
        return 0

    def _walk(self) -> Iterator[tuple[str, bool]]:
        """Everything under the folders: path, and whether it is a folder."""
        pending = list(reversed(self._roots))
        while pending:
            try:
                with os.scandir(pending.pop()) as entries:
                    for entry in entries:
                        if _is_own(self._marks, entry.path):
                            continue
                        is_folder = entry.is_dir(follow_symlinks=False)
                        if is_folder and self._recursive:
                            pending.append(entry.path)
                        yield entry.path, is_folder
            except OSError:
                continue  # gone, or not ours to read

    def _learn(self, now: float) -> None:
        """Look at some of the files that were there before, while there is nothing else to do."""
        if self._is_learned:
            return
        until = now + _LEARN_S
        for path, _ in self._unknown:
            if self._memory.get(path) is None:
                self._look(path, sample=True)
            self._n_learned += 1
            if time.monotonic() > until:
                break
        else:
            self._is_learned = True
        self._learn_s += time.monotonic() - now
        if self._n_learned > _LEARN_FILES or self._learn_s > _LEARN_TOTAL_S:
            self._is_learned = True

    def _look_around(self, now: float) -> None:
        """Folders that came back, could not be watched, or are told nothing of."""
        if self._gone and now >= self._retry_at_s:
            self._retry_at_s = now + _RETRY_S
            for root in [root for root in self._gone if os.path.isdir(root)]:  # noqa: PTH112
                self._gone.discard(root)
                self._feed.watch(root)
                self._compare(0)
                self._producer.say("restored", f'"{root}" is back and is watched again.')
        if self._feed.n_unwatched > self._n_unwatched:
            self._n_unwatched = self._feed.n_unwatched
            self._producer.say(
                "denied",
                f"{self._n_unwatched:,} folders cannot be watched: access denied, or the "
                "system's limit of watches is reached (fs.inotify.max_user_watches on Linux).",
                is_loss=True,
            )
        if not self._feed.tells_overflow and self._is_learned and now >= self._check_at_s:
            self._check_at_s = now + _CHECK_S
            if not self._pending and self._compare(self._good_ns)[0]:
                self._overflow()

    def _root_gone(self, root: str) -> None:
        if root not in self._gone:
            self._gone.add(root)
            self._producer.say("deleted", f'The watched folder "{root}" is gone.', is_loss=True)


def _root(folder: Path) -> str:
    """The folder without links.

    Raises:
        SourceError: It is none.
    """
    found = os.path.realpath(folder)
    if not os.path.isdir(found):  # noqa: PTH112 - text, as the system's names may be no valid text
        raise SourceError(f'Cannot watch "{folder}": there is no such folder. Choose another one.')
    return found


def _database_of(spool: Path) -> tuple[Path, ...]:
    """What stands beside a spool: "x.spool/7" belongs to the database x."""
    home = spool.parent
    return (spool, home.with_suffix("")) if home.suffix == ".spool" else (spool,)


def _marks(own: Sequence[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    return frozenset(own), tuple(path + sign for path in own for sign in (os.sep, ".", "-"))


def _is_own(marks: tuple[frozenset[str], tuple[str, ...]], path: str) -> bool:
    return path.startswith(marks[1]) or path in marks[0]


def _text(path: str) -> str:
    r"""The path as text; bytes that are no UTF-8 as `\xNN`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _extension(path: str) -> str | None:
    name = _text(path).rpartition(os.sep)[2]
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem and 0 < len(extension) <= _MAX_NAME else None


@functools.lru_cache(maxsize=1024)
def _owner(number: int) -> str:
    if sys.platform != "win32":
        import pwd

        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            pass
    return str(number)
