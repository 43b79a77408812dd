"""One detector's own thread: calls one after the other, each waited for with a limit."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any


class LaneBusyError(Exception):
    """The call did not end in time; it still runs, and its result will be dropped."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"The call did not end within {timeout_s:g} s.")


def _nothing() -> None:
    """What a finished job holds instead of its call."""


class _Job:
    __slots__ = ("done", "elapsed_s", "error", "fn", "result")

    def __init__(self, fn: Callable[[], Any]) -> None:
        self.fn = fn
        self.done = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None
        self.elapsed_s = 0.0


class Lane:
    """A thread that runs calls in the order given.

    The thread is a daemon: a call that never returns cannot keep the process alive.

    Thread:
        Methods are for one thread, the owner's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._last: _Job | None = None
        self._thread: threading.Thread | None = None
        self.elapsed_s = 0.0
        """Seconds that the last finished call took."""

    @property
    def is_busy(self) -> bool:
        """True while a call runs that nobody waits for any more."""
        return self._last is not None and not self._last.done.is_set()

    def submit(self, fn: Callable[[], Any]) -> None:
        """Hand over a call; `result` waits for it.

        Raises:
            LaneBusyError: An earlier call still runs.
        """
        if self.is_busy:
            raise LaneBusyError(0.0)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        self._last = _Job(fn)
        self._jobs.put(self._last)

    def result(self, timeout_s: float) -> Any:
        """What the submitted call returned.

        Raises:
            LaneBusyError: It did not end in time.
            Exception: What the call raised.
        """
        job = self._last
        assert job is not None, "result() without submit()"  # noqa: S101 - our own mistake
        if not job.done.wait(timeout_s):
            raise LaneBusyError(timeout_s)
        self.elapsed_s = job.elapsed_s
        result, job.result = job.result, None
        error, job.error = job.error, None
        if error is not None:
            raise error
        return result

    def call(self, fn: Callable[[], Any], timeout_s: float) -> Any:
        """`submit` and `result` in one."""
        self.submit(fn)
        return self.result(timeout_s)

    def close(self, timeout_s: float) -> bool:
        """End the thread; False means that its call still runs."""
        if self._thread is None:
            return True
        self._jobs.put(None)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._thread = None
        return True

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            began = time.perf_counter()
            try:
                job.result = job.fn()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - handed to who waits
                job.error = error
            job.elapsed_s = time.perf_counter() - began
            job.fn = _nothing  # lets go of the batch
            job.done.set()
            del job
