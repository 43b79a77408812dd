"""A bounded queue of requests, gathered into batches and scored off the event loop."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.service.wire import Checked, RefusedError

logger = logging.getLogger(__name__)

BACKLOG: Final = 4
"""So many times the batch size are scored together when they wait already.

Measured with 100 connections: 2,500 requests/s in batches of 32, 3,600 with the backlog at once."""

_SWEEP_S: Final = 0.05  # chosen: how late a request may be told that it took too long
_JOIN_S: Final = 10.0  # chosen: for a batch at hand; a scorer that hangs is left behind
_RETRY_S: Final = 1.0  # chosen: a full queue is worked off in less

Halted = Callable[[], str]
"""Why nothing may be scored now, one sentence; empty when it may."""


class Scorer(Protocol):
    """What scores; `WebDetector` is one."""

    def score(self, requests: Sequence[Checked]) -> list[Verdict]:
        """One verdict each, in order; called from one thread."""
        ...


class Connection(Protocol):
    """Where an answer goes; uvicorn's cycle of request and response is one."""

    @property
    def disconnected(self) -> bool:
        """True once nobody waits for the answer any more."""
        ...


Observer = Callable[[Sequence[Checked], Sequence[Verdict], float], None]
"""Told of every scored batch before it is answered, on the scoring thread: seconds it took."""


class Job:
    """The requests of one call, on their way.

    Attributes:
        future: Its verdicts, or a `RefusedError`.
        deadline_s: On the loop's clock.
    """

    __slots__ = ("connection", "deadline_s", "future", "requests")

    def __init__(
        self,
        requests: Sequence[Checked],
        future: "asyncio.Future[list[Verdict]]",
        deadline_s: float,
        connection: Connection | None,
    ) -> None:
        self.requests = requests
        self.future = future
        self.deadline_s = deadline_s
        self.connection = connection

    @property
    def is_over(self) -> bool:
        """True when nobody waits for it any more."""
        gone = self.connection
        return self.future.done() or (gone is not None and gone.disconnected)


class Gatherer:
    """Takes requests on the event loop, scores them in batches on threads of its own.

    Args:
        scorers: One for each thread.
        queue_size: Requests that may wait.
        batch_size: Requests for which nobody waits any longer; of those that wait already
            `BACKLOG` times as many are scored together, or all of one call.
        batch_wait_s: How long requests may wait for others.
        timeout_s: How long a call may take.
        halted: Asked before each batch.
        observer: Told of each batch.
        n_open: Calls that could still come before one of those waiting is answered.

    Thread:
        `start`, `submit` and `stop` on the event loop's.
    """

    def __init__(
        self,
        scorers: Sequence[Scorer],
        *,
        queue_size: int,
        batch_size: int,
        batch_wait_s: float,
        timeout_s: float,
        halted: Halted = lambda: "",
        observer: Observer | None = None,
        n_open: Callable[[], int] | None = None,
    ) -> None:
        self._scorers = scorers
        self._queue_size = queue_size
        self._batch_size = batch_size
        self._batch_wait_s = batch_wait_s
        self._timeout_s = timeout_s
        self._halted = halted
        self._observer = observer
        self._n_open = n_open
        self._condition = threading.Condition()
        self._jobs: deque[Job] = deque()  # to be scored
        self._open: deque[Job] = deque()  # not known to be answered
        self._n_waiting = 0
        self._n_calls = 0
        self._n_idle = 0
        self._wake_at = 1  # calls waiting at which a gathering thread is woken
        self._is_stopped = False
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self.n_dropped = 0  # requests that nobody waited for any more, never scored
        self.n_timeouts = 0  # calls

    @property
    def n_waiting(self) -> int:
        """Requests that wait to be scored."""
        return self._n_waiting

    def start(self) -> None:
        """Start the scoring threads; call on the running event loop."""
        self._loop = asyncio.get_running_loop()
        for number, scorer in enumerate(self._scorers):
            thread = threading.Thread(
                target=self._work, args=(scorer,), name=f"scoring-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._sweep()

    def submit(
        self, requests: Sequence[Checked], connection: Connection | None = None
    ) -> "asyncio.Future[list[Verdict]]":
        """Queue the requests of one call.

        Raises:
            RefusedError: The queue is full (503).
        """
        loop = self._loop
        if loop is None or self._is_stopped:
            raise RefusedError(503, "stopping", "The service is stopping.", _RETRY_S)
        n = len(requests)
        future: asyncio.Future[list[Verdict]] = loop.create_future()
        job = Job(requests, future, loop.time() + self._timeout_s, connection)
        with self._condition:
            if self._n_waiting + n > self._queue_size:
                raise RefusedError(
                    503,
                    "queue_full",
                    f"{self._n_waiting:,} requests wait to be scored already.",
                    _RETRY_S,
                )
            self._n_waiting += n
            self._n_calls += 1
            self._jobs.append(job)
            if self._n_idle and self._n_calls >= self._wake_at:
                self._condition.notify()
        self._open.append(job)
        return future

    def stop(self) -> bool:
        """Score no more; what waits is refused. False when a thread is still busy."""
        with self._condition:
            self._is_stopped = True
            left, self._jobs = list(self._jobs), deque()
            self._n_waiting = self._n_calls = 0
            self._condition.notify_all()
        if self._sweeper is not None:
            self._sweeper.cancel()
        _refuse(left, RefusedError(503, "stopping", "The service is stopping.", _RETRY_S))
        until = time.monotonic() + _JOIN_S
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0.0))
        if alive := [thread.name for thread in self._threads if thread.is_alive()]:
            logger.error("A scoring thread is still busy. threads=%s", alive)
        return not alive

    # On the event loop

    def _sweep(self) -> None:
        """Answer calls whose time is over."""
        assert self._loop is not None  # noqa: S101 - set by start
        now = self._loop.time()
        while self._open and (self._open[0].future.done() or self._open[0].deadline_s <= now):
            job = self._open.popleft()
            if not job.future.done():
                self.n_timeouts += 1
                message = f"The request was not scored within {self._timeout_s:g} s."
                _refuse([job], RefusedError(504, "timeout", message))
        self._sweeper = self._loop.call_later(_SWEEP_S, self._sweep)

    def _answer(self, jobs: Sequence[Job], verdicts: Sequence[Verdict]) -> None:
        at = 0
        for job in jobs:
            n = len(job.requests)
            if not job.future.done():
                job.future.set_result(list(verdicts[at : at + n]))
            at += n

    # On a scoring thread

    def _work(self, scorer: Scorer) -> None:
        while (jobs := self._gather()) is not None:
            if not jobs:
                continue
            try:
                self._score(scorer, jobs)
            except RuntimeError:  # the loop is closed: nobody waits any more
                logger.info("A batch was scored after the end.")
                return

    def _gather(self) -> list[Job] | None:
        """The next batch; None at the end, empty when nobody waits for it any more."""
        with self._condition:
            self._n_idle += 1
            while not self._jobs and not self._is_stopped:
                self._wake_at = 1
                self._condition.wait()
            self._wait_for_company()
            self._n_idle -= 1
            if self._is_stopped:
                return None
            taken: list[Job] = []
            n = 0
            most = self._batch_size * BACKLOG
            while self._jobs and (not taken or n + len(self._jobs[0].requests) <= most):
                job = self._jobs.popleft()
                self._n_calls -= 1
                self._n_waiting -= len(job.requests)
                if job.is_over:
                    self.n_dropped += len(job.requests)
                    continue
                taken.append(job)
                n += len(job.requests)
        gone = [job for job in taken if job.is_over]
        return taken if not gone else [job for job in taken if job not in gone]

    def _wait_for_company(self) -> None:
        """Let a batch grow, as long as anybody is there who could add to it."""
        until = time.monotonic() + self._batch_wait_s
        while not self._is_stopped and self._jobs:
            most = self._batch_size
            if self._n_open is not None:
                most = min(most, self._n_open())
            left_s = until - time.monotonic()
            if self._n_calls >= most or self._n_waiting >= self._batch_size or left_s <= 0:
                return
            self._wake_at = most
            self._condition.wait(left_s)

    def _score(self, scorer: Scorer, jobs: list[Job]) -> None:
        assert self._loop is not None  # noqa: S101 - set by start
        if reason := self._halted():
            refusal = RefusedError(503, "kill_switch", reason)
            self._loop.call_soon_threadsafe(_refuse, jobs, refusal)
            return
        requests = [request for job in jobs for request in job.requests]
        began = time.perf_counter()
        try:
            verdicts = scorer.score(requests)
            if self._observer is not None:
                self._observer(requests, verdicts, time.perf_counter() - began)
        except Exception:
            logger.exception("A batch could not be scored. requests=%s", len(requests))
            if len(jobs) > 1:  # one of them may be the reason: the others get their answers
                for job in jobs:
                    self._score(scorer, [job])
                return
            message = "The detector failed on this request; the service's log says why."
            self._loop.call_soon_threadsafe(_refuse, jobs, RefusedError(503, "failed", message))
            return
        self._loop.call_soon_threadsafe(self._answer, jobs, verdicts)


def _refuse(jobs: Sequence[Job], error: RefusedError) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)
