"""Everything that runs beside the GUI thread: short jobs, the watcher, ingestion."""

import inspect
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot
from shiboken6 import isValid

from soc_copilot.domain.errors import SocCopilotError

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

logger = logging.getLogger(__name__)

T = TypeVar("T")
PROGRESS_S = 0.1  # chosen: a job reports at most this often, so the GUI is never flooded
JOIN_MS = 10_000  # chosen: how long a thread may take to end before we say so


class JobCancelledError(Exception):
    """Raised inside a job by `JobControl.report` once the job was cancelled."""


@dataclass
class Job:
    """A piece of work handed to the runner. Keep it to cancel it.

    Attributes:
        cancelled: Set by `cancel`; from then on none of its callbacks is called, except
            that a running long job still ends (its `failed` is not called).
    """

    run: "Callable[[Governance, JobControl], Any]"
    done: Callable[[Any], None] | None = None
    failed: Callable[[str], None] | None = None
    progress: Callable[[int, int], None] | None = None
    _cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def cancelled(self) -> bool:
        """True once `cancel` was called."""
        return self._cancel.is_set()

    def cancel(self) -> None:
        """Ask the job to end; its callbacks stay silent from now on. Any thread."""
        self._cancel.set()


class JobControl:
    """What a running job uses to report progress and to hear that it was cancelled."""

    def __init__(self, job: Job, emit: Callable[[Job, int, int], None]) -> None:
        self._job, self._emit, self._last_s = job, emit, 0.0

    @property
    def cancelled(self) -> bool:
        """True when the job should end soon."""
        return self._job.cancelled

    def report(self, done: int, total: int) -> None:
        """Say how far the job is; at most ten reports a second reach the GUI thread.

        Raises:
            JobCancelledError: The job was cancelled.
        """
        if self._job.cancelled:
            raise JobCancelledError
        now = time.monotonic()
        if now - self._last_s >= PROGRESS_S or done >= total:
            self._last_s = now
            self._emit(self._job, done, total)


class _LaneWorker(QObject):
    """Runs jobs one after the other on its thread, with a Governance of its own."""

    succeeded = Signal(object, object)
    broke = Signal(object, str)
    moved = Signal(object, object, object)  # int would be 32 bits
    finished = Signal()

    def __init__(self, opener: "Callable[[], Governance]") -> None:
        super().__init__()
        self._opener = opener
        self._governance: Governance | None = None
        self._wake = threading.Condition()
        self._queue: deque[Job] = deque()
        self._stopping = False

    def put(self, job: Job) -> None:
        """Queue a job; any thread."""
        with self._wake:
            self._queue.append(job)
            self._wake.notify()

    def request_stop(self) -> None:
        """End after the running job; queued ones are dropped. Any thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()

    @Slot()
    def run(self) -> None:
        """Take jobs until asked to stop."""
        try:
            while (job := self._next()) is not None:
                if not job.cancelled:
                    self._run_one(job)
        finally:
            if self._governance is not None:
                self._governance.close()
            self.finished.emit()

    def _next(self) -> Job | None:
        with self._wake:
            while not self._queue and not self._stopping:
                self._wake.wait()
            return None if self._stopping else self._queue.popleft()

    def _run_one(self, job: Job) -> None:
        try:
            if self._governance is None:
                self._governance = self._opener()
            result = job.run(self._governance, JobControl(job, self.moved.emit))
        except JobCancelledError:
            return
        except SocCopilotError as error:
            self.broke.emit(job, str(error))
        except Exception as error:
            logger.exception("A job failed.")
            self.broke.emit(job, f"{type(error).__name__}: {error}")
        else:
            self.succeeded.emit(job, result)


def is_there(callback: Callable[..., object]) -> bool:
    """False for a method of an object that was deleted while its job ran.

    Also for a function within a method, when it uses that method's `self`.
    """
    owner = getattr(callback, "__self__", None)
    if owner is None and inspect.isfunction(callback):
        held = zip(callback.__code__.co_freevars, callback.__closure__ or (), strict=True)
        owner = next((cell.cell_contents for name, cell in held if name == "self"), None)
    return not isinstance(owner, QObject) or isValid(owner)


class _Lane(QObject):
    """A worker and its thread; started by its first job."""

    def __init__(self, opener: "Callable[[], Governance]", name: str, parent: QObject) -> None:
        super().__init__(parent)
        self._worker = _LaneWorker(opener)
        self._thread = QThread()
        self._thread.setObjectName(name)
        self._worker.moveToThread(self._thread)
        self._thread.started.connect(self._worker.run)
        self._worker.finished.connect(self._thread.quit, Qt.ConnectionType.DirectConnection)
        self._worker.succeeded.connect(self.on_succeeded)
        self._worker.broke.connect(self.on_broke)
        self._worker.moved.connect(self.on_moved)

    def put(self, job: Job) -> None:
        if not self._thread.isRunning():
            self._thread.start()
        self._worker.put(job)

    def join(self, timeout_ms: int) -> bool:
        self._worker.request_stop()
        return not self._thread.isRunning() or self._thread.wait(timeout_ms)

    @Slot(object, object)
    def on_succeeded(self, job: Job, result: object) -> None:
        if job.done is not None and not job.cancelled and is_there(job.done):
            job.done(result)

    @Slot(object, str)
    def on_broke(self, job: Job, text: str) -> None:
        if job.failed is not None and not job.cancelled and is_there(job.failed):
            job.failed(text)

    @Slot(object, object, object)
    def on_moved(self, job: Job, done: int, total: int) -> None:
        if job.progress is not None and not job.cancelled and is_there(job.progress):
            job.progress(done, total)


class JobRunner(QObject):
    """Short database jobs, searches, long jobs and models, each in a thread of their own.

    So an analyst's decision never waits for a count, nor a count for an export.

    Call it from the GUI thread only; the callbacks come back on the GUI thread.
    """

    def __init__(self, opener: "Callable[[], Governance]", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._short = _Lane(opener, "jobs", self)
        self._search = _Lane(opener, "searches", self)
        self._long = _Lane(opener, "long jobs", self)
        self._model = _Lane(opener, "models", self)
        self._closed = False

    def submit(
        self,
        fn: "Callable[[Governance], T]",
        done: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> Job:
        """Run a short job (well under a second) after those already queued.

        Args:
            fn: Called on the worker thread with that thread's own Governance.
            done: Called on the GUI thread with what `fn` returned.
            failed: Called on the GUI thread with a sentence for the operator.
        """
        return self._put(self._short, Job(lambda governance, _: fn(governance), done, failed))

    def submit_search(
        self,
        fn: "Callable[[Governance], T]",
        done: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> Job:
        """Run a read that may take seconds (text search, counting) beside the short jobs.

        Args:
            fn: As for `submit`; it must not write.
            done: As for `submit`.
            failed: As for `submit`.
        """
        return self._put(self._search, Job(lambda governance, _: fn(governance), done, failed))

    def submit_model(
        self,
        fn: "Callable[[Governance], T]",
        done: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> Job:
        """Run something with a model, which the first time takes seconds to load.

        Args:
            fn: As for `submit`. Always the same thread, so a model may be kept between calls.
            done: As for `submit`.
            failed: As for `submit`.
        """
        return self._put(self._model, Job(lambda governance, _: fn(governance), done, failed))

    def submit_long(
        self,
        fn: "Callable[[Governance, JobControl], T]",
        done: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Job:
        """Run a long job (verify, export, bulk action) that reports progress.

        Args:
            fn: Called with that thread's Governance and a `JobControl`; it calls
                `control.report(done, total)` now and then, which also ends it when cancelled.
            done: As for `submit`.
            failed: As for `submit`.
            progress: Called on the GUI thread with (done, total), at most ten times a second.
        """
        return self._put(self._long, Job(fn, done, failed, progress))

    def join(self, timeout_ms: int = JOIN_MS) -> bool:
        """Drop what is queued, finish what runs, end the threads; False when one is busy."""
        self._closed = True
        ends = [lane.join(timeout_ms) for lane in self._lanes]
        return all(ends)

    @property
    def _lanes(self) -> tuple[_Lane, ...]:
        return self._short, self._search, self._long, self._model

    def _put(self, lane: _Lane, job: Job) -> Job:
        if self._closed:
            job.cancel()
        else:
            lane.put(job)
        return job
