"""Wake-ups when files change. Only hints: notifications get lost, so polling is the truth."""

import logging
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

    class _Waker(FileSystemEventHandler):
        def __init__(self, events: tuple[threading.Event, ...]) -> None:
            self._events = events

        @override
        def on_any_event(self, event: FileSystemEvent) -> None:
            for wake in self._events:
                wake.set()


class ChangeHints:
    """Sets an event when something changes in a watched folder.

    Without watchdog, or where the system refuses (too many watches, a network folder),
    nothing is ever set and the caller's polling does all the work.

    Args:
        wake: Set on every change in any folder.
    """

    def __init__(self, wake: threading.Event) -> None:
        self._wake = wake
        self._observer: BaseObserver | None = None
        self._watches: dict[int, ObservedWatch] = {}

    def start(self) -> str:
        """Begin to listen; returns why not, empty when it works."""
        if not HAS_WATCHDOG:
            return "File change notifications are not available; files are polled."
        observer = Observer()
        try:
            observer.start()
        except (OSError, RuntimeError) as error:
            logger.warning("File change notifications failed. reason=%s", error)
            return f"File change notifications are not available ({error}); files are polled."
        self._observer = observer
        return ""

    def watch(self, key: int, folder: Path, *, recursive: bool, hint: threading.Event) -> str:
        """Listen to one folder; returns why not, empty when it works."""
        if self._observer is None:
            return ""
        try:
            self._watches[key] = self._observer.schedule(
                _Waker((hint, self._wake)), str(folder), recursive=recursive, event_filter=_EVENTS
            )
        except (OSError, RuntimeError) as error:
            logger.warning("A folder cannot be watched. source=%s reason=%s", key, error)
            return f'"{folder}" is polled only: the system refuses to watch it ({error}).'
        return ""

    def unwatch(self, key: int) -> None:
        """Stop listening to one folder."""
        watch = self._watches.pop(key, None)
        if self._observer is None or watch is None or watch in self._watches.values():
            return
        try:
            self._observer.unschedule(watch)
        except KeyError:
            logger.debug("The watch was gone already. source=%s", key)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop listening and join the observer's threads."""
        observer, self._observer = self._observer, None
        self._watches.clear()
        if observer is not None:
            observer.stop()
            observer.join(timeout_s)
