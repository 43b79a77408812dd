"""Wake-ups when files change. Only hints: notifications get lost, so polling is the truth."""

import logging
import os
import threading
from pathlib import Path

from typing_extensions import override

try:
    from watchdog.events import (
        FileClosedEvent,
        FileCreatedEvent,
        FileDeletedEvent,
        FileModifiedEvent,
        FileMovedEvent,
        FileSystemEvent,
        FileSystemEventHandler,
    )
    from watchdog.observers import Observer
    from watchdog.observers.api import BaseObserver, ObservedWatch

    HAS_WATCHDOG = True
except ImportError:  # pragma: no cover - an unusual platform
    HAS_WATCHDOG = False

logger = logging.getLogger(__name__)

_PATHS_KEPT = 1_000  # chosen: of more changes between two looks, "something" is said


class Hint:
    """What changed since somebody last asked.

    Thread:
        Any.
    """

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._is_anything = False
        self._lock = threading.Lock()

    @property
    def is_set(self) -> bool:
        """True when something changed."""
        return self._is_anything or bool(self._paths)

    def note(self, path: str) -> None:
        """This file changed."""
        with self._lock:
            self._paths.add(path)
            if len(self._paths) > _PATHS_KEPT:
                self._is_anything = True

    def set(self) -> None:
        """Something changed; nobody knows what."""
        self._is_anything = True

    def take(self) -> frozenset[str] | None:
        """The files that changed, None for "any may have"; nothing is set afterwards."""
        if not self.is_set:
            return _NOTHING
        with self._lock:
            paths, self._paths = self._paths, set()
            is_anything, self._is_anything = self._is_anything, False
        return None if is_anything else frozenset(paths)


_NOTHING = frozenset[str]()


if HAS_WATCHDOG:
    # It logs an error when a change arrives while it is being stopped: no loss, only a hint.
    logging.getLogger("watchdog.observers").setLevel(logging.CRITICAL)
    # Opening and closing for reading are left out: our own reads would wake us.
    _EVENTS: list[type[FileSystemEvent]] = [
        FileClosedEvent,
        FileCreatedEvent,
        FileDeletedEvent,
        FileModifiedEvent,
        FileMovedEvent,
    ]

    class _Folder(FileSystemEventHandler):
        """One watched folder and who wants to know of what in it."""

        def __init__(self, wake: threading.Event) -> None:
            self._wake = wake
            self._of_files: dict[str, dict[int, Hint]] = {}
            self._of_all: dict[int, Hint] = {}
            self.watch: ObservedWatch | None = None

        @property
        def is_wanted(self) -> bool:
            return bool(self._of_files or self._of_all)

        def add(self, key: int, hint: Hint, path: str) -> None:
            # Replaced as a whole, because the observer's thread reads them.
            if path:
                of_file = {**self._of_files.get(path, {}), key: hint}
                self._of_files = {**self._of_files, path: of_file}
            else:
                self._of_all = {**self._of_all, key: hint}

        def remove(self, key: int) -> None:
            self._of_all = {k: hint for k, hint in self._of_all.items() if k != key}
            files = {
                path: {k: hint for k, hint in hints.items() if k != key}
                for path, hints in self._of_files.items()
            }
            self._of_files = {path: hints for path, hints in files.items() if hints}

        @override
        def on_any_event(self, event: FileSystemEvent) -> None:
            for name in (event.src_path, event.dest_path):
                if not name:
                    continue
                path = os.fsdecode(name)
                hints = (*self._of_all.values(), *self._of_files.get(path, {}).values())
                for hint in hints:
                    hint.note(path)
                if hints:
                    self._wake.set()


class ChangeHints:
    """Sets hints when something changes in watched folders.

    Without watchdog, or where the system refuses (too many watches or open files, a network
    folder), nothing is ever set and the caller's polling does all the work.

    Args:
        wake: Set on every change that somebody wants to know of.
    """

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._observer: BaseObserver | None = None
        self._folders: dict[tuple[str, bool], _Folder] = {}
        self._lock = threading.Lock()
        self._why_not = "Files are polled."

    def start(self) -> str:
        """Begin to listen; returns why not, empty when it works."""
        if not HAS_WATCHDOG:
            self._why_not = "File change notifications are not available; files are polled."
            return self._why_not
        observer = Observer()
        try:
            observer.start()
        except (OSError, RuntimeError) as error:
            logger.warning("File change notifications failed. reason=%s", error)
            self._why_not = f"There are no file change notifications ({error}); files are polled."
            return self._why_not
        self._observer = observer
        return ""

    def watch(self, key: int, folder: Path, *, recursive: bool, hint: Hint, path: str = "") -> str:
        """Listen to one folder; returns why not, empty when it works.

        Args:
            key: Whose hint it is.
            folder: Where to listen.
            recursive: In folders below it, too.
            hint: Told what changed.
            path: The one file that matters, all of them when empty.
        """
        with self._lock:
            if self._observer is None:
                return self._why_not
            place = (str(folder), recursive)
            listener = self._folders.get(place) or _Folder(self._wake)
            if listener.watch is None:
                try:
                    listener.watch = self._observer.schedule(
                        listener, place[0], recursive=recursive, event_filter=_EVENTS
                    )
                except (OSError, RuntimeError) as error:
                    logger.warning("A folder cannot be watched. source=%s reason=%s", key, error)
                    return f'"{folder}" is polled only: the system refuses to watch it ({error}).'
                self._folders[place] = listener
            listener.add(key, hint, path)
        return ""

    def unwatch(self, key: int) -> None:
        """Stop telling this one."""
        with self._lock:
            for place, listener in list(self._folders.items()):
                listener.remove(key)
                if not listener.is_wanted and self._observer and listener.watch:
                    del self._folders[place]
                    try:
                        self._observer.unschedule(listener.watch)
                    except KeyError:
                        logger.debug("The watch was gone already. source=%s", key)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop listening and join the observer's threads."""
        with self._lock:
            observer, self._observer = self._observer, None
            self._folders.clear()
        if observer is not None:
            observer.stop()
            observer.join(timeout_s)
