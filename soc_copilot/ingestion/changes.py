"""Changes under folders as they happen: Linux' own notifications, watchdog's elsewhere."""

import errno
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from typing_extensions import override

from soc_copilot.ingestion import inotify
from soc_copilot.ingestion.inotify import Inotify, Notice

logger = logging.getLogger(__name__)

CREATED: Final = "created"
ARRIVED: Final = "arrived"  # with content: moved in from elsewhere, or found in a new folder
WRITTEN: Final = "written"
CLOSED: Final = "closed"  # by a writer
RENAMED: Final = "renamed"
DELETED: Final = "deleted"
ATTRIBUTES: Final = "attributes"
OVERFLOW: Final = "overflow"
GONE: Final = "gone"  # a chosen folder itself

_HAS_INOTIFY: Final = sys.platform == "linux"
_HELD: Final = 100_000  # measured: about 25 MB; beyond, the kernel's own queue fills
_READ_S: Final = 0.2  # chosen: how long a stop may wait for the reader
_PAIR_S: Final = 0.05  # chosen: the halves of a rename are written one after the other
_FULL_PAUSE_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Change:
    """One change.

    Attributes:
        kind: One of the constants of this module.
        path: Absolute.
        at_ns: When it was read from the system, nanoseconds since 1970 UTC.
        target: Where a renamed one went.
        is_folder: It is a folder.
    """

    kind: str
    path: str
    at_ns: int
    target: str = ""
    is_folder: bool = False


class ChangeFeed(Protocol):
    """Where changes come from.

    Attributes:
        tells_overflow: False when changes may be dropped without a word, so that somebody has
            to look for himself now and then.
        n_unwatched: Folders that the system refused to watch.
    """

    tells_overflow: bool
    n_unwatched: int

    def take(self, timeout_s: float, limit: int) -> list[Change]:
        """Changes in their order, waiting for the first."""
        ...

    def watch(self, folder: str) -> None:
        """Make sure that a folder is watched, with those below if all are."""
        ...

    def close(self, timeout_s: float) -> bool:
        """End; False when its thread did not in time."""
        ...


def open_feed(
    folders: Sequence[str], *, recursive: bool, is_own: Callable[[str], bool]
) -> ChangeFeed:
    """Begin to watch folders.

    Args:
        folders: Absolute, without links.
        recursive: With all folders below.
        is_own: True for paths that are never watched.

    Raises:
        OSError: A folder cannot be watched.
    """
    kind: type[InotifyFeed | WatchdogFeed] = InotifyFeed if _HAS_INOTIFY else WatchdogFeed
    return kind(folders, recursive=recursive, is_own=is_own)


class _Held:
    """Changes that wait to be taken, up to a bound."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque()
        self._condition = threading.Condition()

    @property
    def is_full(self) -> bool:
        return len(self._changes) >= _HELD

    def put(self, changes: Iterable[Change]) -> None:
        with self._condition:
            self._changes.extend(changes)
            self._condition.notify()

    def take(self, timeout_s: float, limit: int) -> list[Change]:
        with self._condition:
            if not self._changes:
                self._condition.wait(timeout_s)
            n = min(limit, len(self._changes))
            return [self._changes.popleft() for _ in range(n)]


class InotifyFeed:
    """Linux: a thread empties the kernel's queue at once, so that it seldom runs over.

    A new folder is watched first and looked through then, so that what came into it in
    between is not missed; it may be told twice.
    """

    tells_overflow = True

    def __init__(
        self, folders: Sequence[str], *, recursive: bool, is_own: Callable[[str], bool]
    ) -> None:
        self.n_unwatched = 0
        self._recursive = recursive
        self._is_own = is_own
        self._roots = tuple(folders)
        self._inotify = Inotify()
        self._lock = threading.Lock()
        self._paths: dict[int, str] = {}
        self._watches: dict[str, int] = {}
        self._halves: dict[int, tuple[Change, float]] = {}
        self._held = _Held()
        self._stop = threading.Event()
        try:
            for folder in folders:
                self._add(folder)
        except OSError:
            self._inotify.close()
            raise
        self._thread = threading.Thread(target=self._run, name="activity-reader", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float, limit: int) -> list[Change]:
        """Changes in their order, waiting for the first."""
        return self._held.take(timeout_s, limit)

    def watch(self, folder: str) -> None:
        """Make sure that a folder is watched, with those below if all are."""
        self._enter(folder, tell=False)

    def close(self, timeout_s: float) -> bool:
        """End; False when the thread did not in time."""
        self._stop.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._inotify.close()
        return True

    # On the reader's thread

    def _run(self) -> None:
        if self._recursive:
            for root in self._roots:
                self._enter(root, tell=False)
        while not self._stop.is_set():
            if self._held.is_full:  # then the kernel counts what it cannot keep
                self._stop.wait(_FULL_PAUSE_S)
                continue
            notices = self._inotify.read(_PAIR_S if self._halves else _READ_S)
            now_ns = time.time_ns()
            changes: list[Change] = []
            for notice in notices:
                changes += self._changes(notice, now_ns)
            changes += self._lone_halves(everything=not notices)
            if changes:
                self._held.put(changes)

    def _changes(self, notice: Notice, now_ns: int) -> list[Change]:
        mask = notice.mask
        if mask & inotify.Q_OVERFLOW:
            return [Change(OVERFLOW, "", now_ns)]
        folder = self._paths.get(notice.watch)
        if mask & inotify.IGNORED:
            self._forget(notice.watch)
            return []
        if folder is None:
            return []
        if not notice.name:
            is_gone = mask & (inotify.DELETE_SELF | inotify.UNMOUNT) and folder in self._roots
            return [Change(GONE, folder, now_ns, is_folder=True)] if is_gone else []
        path = os.path.join(folder, notice.name)  # noqa: PTH118 - names may be no valid text
        if self._is_own(path):
            return []
        return self._change(path, notice, now_ns)

    def _change(self, path: str, notice: Notice, now_ns: int) -> list[Change]:
        mask, is_folder = notice.mask, bool(notice.mask & inotify.ISDIR)
        if mask & inotify.MOVED_FROM:
            half = Change(DELETED, path, now_ns, is_folder=is_folder)
            self._halves[notice.cookie] = (half, time.monotonic())
            return []
        if mask & inotify.MOVED_TO:
            return self._moved_to(path, notice.cookie, now_ns, is_folder=is_folder)
        if mask & inotify.CREATE:
            found = [Change(CREATED, path, now_ns, is_folder=is_folder)]
            return found + (self._enter(path, tell=True) if is_folder and self._recursive else [])
        kinds = (
            (inotify.DELETE, DELETED),
            (inotify.MODIFY, WRITTEN),
            (inotify.CLOSE_WRITE, CLOSED),
            (inotify.ATTRIB, ATTRIBUTES),
        )
        return [
            Change(kind, path, now_ns, is_folder=is_folder) for bit, kind in kinds if mask & bit
        ]

    def _moved_to(self, path: str, cookie: int, now_ns: int, *, is_folder: bool) -> list[Change]:
        half = self._halves.pop(cookie, None)
        if half is None:
            found = [Change(ARRIVED, path, now_ns, is_folder=is_folder)]
            return found + (self._enter(path, tell=True) if is_folder and self._recursive else [])
        old = half[0].path
        if is_folder:
            self._rename(old, path)
        return [Change(RENAMED, old, now_ns, path, is_folder)]

    def _lone_halves(self, *, everything: bool) -> list[Change]:
        """What was moved out of sight; as good as deleted for whoever watches here."""
        limit_s = time.monotonic() - _PAIR_S
        lone = [
            cookie
            for cookie, (_, since_s) in self._halves.items()
            if everything or since_s < limit_s
        ]
        found = [self._halves.pop(cookie)[0] for cookie in lone]
        for change in found:
            if change.is_folder:
                self._leave(change.path)
        return found

    def _enter(self, folder: str, *, tell: bool) -> list[Change]:
        """Watch a folder and, if all are, those below; tell what is in it."""
        found: list[Change] = []
        pending = [folder]
        while pending and not self._stop.is_set():
            place = pending.pop()
            if self._is_own(place):
                continue
            try:
                self._add(place)
                with os.scandir(place) as entries:
                    for entry in entries:
                        is_folder = entry.is_dir(follow_symlinks=False)
                        if is_folder and self._recursive:
                            pending.append(entry.path)
                        if tell and not self._is_own(entry.path):
                            at_ns = time.time_ns()
                            found.append(Change(ARRIVED, entry.path, at_ns, is_folder=is_folder))
            except OSError as error:
                if error.errno in {errno.ENOSPC, errno.EACCES, errno.EMFILE}:
                    self.n_unwatched += 1
        return found

    def _add(self, folder: str) -> None:
        with self._lock:
            watch = self._inotify.add(folder)
            old = self._paths.get(watch)
            if old is not None and old != folder:  # the same folder under a new name
                self._watches.pop(old, None)
            self._paths[watch] = folder
            self._watches[folder] = watch

    def _forget(self, watch: int) -> None:
        with self._lock:
            path = self._paths.pop(watch, None)
            if path is not None and self._watches.get(path) == watch:
                del self._watches[path]

    def _below(self, folder: str) -> list[str]:
        prefix = folder + os.sep
        return [path for path in self._watches if path == folder or path.startswith(prefix)]

    def _rename(self, old: str, new: str) -> None:
        with self._lock:
            for path in self._below(old):
                watch = self._watches.pop(path)
                moved = new + path[len(old) :]
                self._watches[moved] = watch
                self._paths[watch] = moved

    def _leave(self, folder: str) -> None:
        with self._lock:
            for path in self._below(folder):
                watch = self._watches.pop(path)
                self._paths.pop(watch, None)
                self._inotify.remove(watch)


class WatchdogFeed:
    """Windows, macOS and others, through watchdog. It does not tell when it drops changes."""

    tells_overflow = False

    def __init__(
        self, folders: Sequence[str], *, recursive: bool, is_own: Callable[[str], bool]
    ) -> None:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        self.n_unwatched = 0
        self._is_own = is_own
        self._held = held = _Held()

        class _Handler(FileSystemEventHandler):
            @override
            def on_any_event(self, event: FileSystemEvent) -> None:
                kind = _WATCHDOG_KINDS.get(event.event_type)
                path, target = os.fsdecode(event.src_path), os.fsdecode(event.dest_path)
                is_folder = event.is_directory
                if kind is None or is_own(path) or (kind == WRITTEN and is_folder):
                    return
                held.put([Change(kind, path, time.time_ns(), target, is_folder)])

        self._observer = Observer()
        for folder in folders:
            self._observer.schedule(_Handler(), folder, recursive=recursive)
        self._observer.start()

    def take(self, timeout_s: float, limit: int) -> list[Change]:
        """Changes in their order, waiting for the first."""
        return self._held.take(timeout_s, limit)

    def watch(self, folder: str) -> None:
        """Nothing: watchdog watches new folders itself."""

    def close(self, timeout_s: float) -> bool:
        """End; False when a thread did not in time."""
        self._observer.stop()
        self._observer.join(timeout_s)
        return not self._observer.is_alive()


_WATCHDOG_KINDS: Final = {
    "created": CREATED,
    "modified": WRITTEN,
    "closed": CLOSED,
    "moved": RENAMED,
    "deleted": DELETED,
    "attrib": ATTRIBUTES,
}
