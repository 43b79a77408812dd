"""Ingestion on a thread of its own: the worker, and the thread that owns it."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import BatchSummary, DetectorHealth

logger = logging.getLogger(__name__)

INGEST_NICE = 10  # chosen: about a tenth of the window's weight when both want the processor
BEAT_S = 0.5  # chosen: how often the state is told when no batch tells it
JOIN_MS = 45_000  # longer than the session's own limit for storing what is buffered


class Session(Protocol):
    """What is driven; `pipeline.session.IngestSession` is one."""

    @property
    def device_name(self) -> str:
        """Where models run, for people."""
        ...

    @property
    def trouble(self) -> str:
        """Why the last batch is still held, empty when none is."""
        ...

    def open(self) -> None:
        """Open files, database and detectors on the calling thread."""
        ...

    def run_batch(self, stop: threading.Event) -> BatchSummary | None:
        """Store one batch; blocks for about 0.25 s at most when idle."""
        ...

    def add_source(self, source: SourceRow) -> None:
        """Read one more source."""
        ...

    def remove_source(self, source_id: int) -> None:
        """Stop reading a source."""
        ...

    def request_flush(self) -> None:
        """Hand over what is buffered at once."""
        ...

    def health(self) -> tuple[DetectorHealth, ...]:
        """How each detector is doing."""
        ...

    def statuses(self) -> tuple[SourceStatus, ...]:
        """How each source stands."""
        ...

    def close(self) -> None:
        """Store what is buffered, join, close."""
        ...


@dataclass(frozen=True, slots=True)
class SessionBeat:
    """How ingestion stands, whether or not a batch was stored."""

    device: str
    trouble: str
    sources: tuple[SourceStatus, ...]
    detectors: tuple[DetectorHealth, ...]


class IngestWorker(QObject):
    """Drive one session. Takes no parent: a child object cannot change thread."""

    opened = Signal(object)  # frozenset of the ids of the sources that it reads
    batch_stored = Signal(object)  # BatchSummary, frozen
    beat = Signal(object)  # SessionBeat, frozen
    failed = Signal(str)
    finished = Signal()

    def __init__(self, factory: Callable[[], Session]) -> None:
        super().__init__()
        self._factory, self._stop = factory, threading.Event()
        self._session: Session | None = None

    def request_stop(self) -> None:
        """Ask the loop to end; callable from any thread, returns at once."""
        self._stop.set()

    def add_source(self, source: SourceRow) -> None:
        """Read one more source from the next batch on; any thread."""
        if (session := self._session) is not None:
            session.add_source(source)

    def remove_source(self, source_id: int) -> None:
        """Stop reading a source before the next batch; any thread."""
        if (session := self._session) is not None:
            session.remove_source(source_id)

    @Slot()
    def run(self) -> None:
        """Store batches until asked to stop."""
        _yield_to_the_window()
        try:
            self._drive()
        except SocCopilotError as error:
            logger.error("Ingestion stopped. reason=%s", error)
            self.failed.emit(str(error))
        except Exception as error:
            logger.exception("Ingestion stopped.")
            self.failed.emit(f"Ingestion stopped: {type(error).__name__}: {error}")
        finally:
            self._session = None
            self.finished.emit()

    def _drive(self) -> None:
        session = self._factory()  # files and connections open on this thread
        if self._stop.is_set():
            return
        session.open()
        self._session = session
        try:
            self.opened.emit(frozenset(status.source_id for status in session.statuses()))
            last_beat_s = 0.0
            while not self._stop.is_set():
                summary = session.run_batch(self._stop)
                if summary is not None:
                    self.batch_stored.emit(summary)
                if time.monotonic() - last_beat_s >= BEAT_S:
                    last_beat_s = time.monotonic()
                    self._tell(session)
        finally:
            session.close()

    def _tell(self, session: Session) -> None:
        self.beat.emit(
            SessionBeat(session.device_name, session.trouble, session.statuses(), session.health())
        )


def _yield_to_the_window() -> None:
    """Lower the calling thread's priority, where threads have one of their own (Linux).

    Threads that it starts inherit it, so parsing and scoring take what the window leaves.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), INGEST_NICE)


class WorkerThread:
    """Own a worker and its QThread; call it from the GUI thread only."""

    def __init__(self, worker: IngestWorker) -> None:
        self.worker, self._thread = worker, QThread()
        self._thread.setObjectName("ingestion")
        worker.moveToThread(self._thread)
        self._thread.started.connect(worker.run)
        # Direct, because a queued quit() would wait for a GUI thread blocked in join().
        worker.finished.connect(self._thread.quit, Qt.ConnectionType.DirectConnection)

    def start(self) -> None:
        """Start the thread and, with it, the worker."""
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """True until the thread has ended."""
        return self._thread.isRunning()

    def join(self, timeout_ms: int = JOIN_MS) -> bool:
        """Stop the worker and wait; False means it is still busy."""
        self.worker.request_stop()
        return not self._thread.isRunning() or self._thread.wait(timeout_ms)
