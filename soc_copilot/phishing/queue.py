"""Tasks wait their turn: interactive ones first, bounded, to be asked about and cancelled."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import DetectorError, KillSwitchEngagedError, PolicyError
from soc_copilot.phishing.engine import Result
from soc_copilot.phishing.tasks import ENDED, JOB_STATES, Job, JobState, Priority, Task

logger = logging.getLogger(__name__)

MAX_WAITING: Final = 10_000  # chosen: a large mailbox's part that waits at a time
MAX_BYTES: Final = 256 * 1024 * 1024  # chosen: of what waits
BATCH: Final = {Priority.INTERACTIVE: 32, Priority.DROP: 8, Priority.BULK: 8}
"""Scored together. Chosen: an interactive one waits at most for a small batch of others."""
_TURNS: Final = 9  # chosen: batches in a row, after which a lower priority has one turn
_KEPT: Final = 10_000  # chosen: ended jobs that can be asked about
_KEPT_S: Final = 300.0  # chosen: as long as answers are known
_LOOK_S: Final = 0.25  # chosen: how often an engaged kill switch is looked at
_JOIN_S: Final = 10.0

Work = Callable[[Sequence[Task]], Sequence[Result]]
"""Analyses tasks; one result each, in order."""
Listener = Callable[[Sequence[Job]], None]
"""Told of jobs whose state changed, on the thread that changed it."""


class QueueFullError(PolicyError):
    """No more tasks can wait."""


class JobQueue(Protocol):
    """Where tasks wait; embedded, or shared by several machines."""

    @property
    def n_waiting(self) -> int:
        """Tasks that wait."""
        ...

    @property
    def trouble(self) -> str:
        """What keeps tasks from being worked off, one sentence; empty when nothing does."""
        ...

    def start(self, listener: Listener) -> None:
        """Begin to work; changes are told to the listener."""
        ...

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks, all of them or none.

        Raises:
            QueueFullError: There is no room.
            PolicyError: The queue cannot be reached, or is closed.
        """
        ...

    def job(self, job_id: str) -> Job | None:
        """How far a task has come; None for one that is not known, or not any more."""
        ...

    def cancel(self, job_id: str) -> bool:
        """Take back a task that still waits; False where it does not."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Jobs by state: those that wait and run now, and those that ended since the start."""
        ...

    def close(self) -> bool:
        """Begin nothing more; False when something is still busy."""
        ...


class EmbeddedQueue:
    """Tasks wait and are worked off in this process.

    Args:
        work: Analyses them.
        halted: Why nothing may be analysed now; empty when it may. Asked before each batch:
            interactive tasks are then refused, others wait.
        n_threads: That work.
        max_waiting: Tasks that may wait.
        max_bytes: Of their contents together.
        clock: Where the time comes from.

    Thread:
        Any.
    """

    def __init__(
        self,
        work: Work,
        *,
        halted: Callable[[], str] = lambda: "",
        n_threads: int = 1,
        max_waiting: int = MAX_WAITING,
        max_bytes: int = MAX_BYTES,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._work = work
        self._halted = halted
        self._max_waiting = max_waiting
        self._max_bytes = max_bytes
        self._clock = clock
        self._listener: Listener = lambda jobs: None
        self._condition = threading.Condition()
        self._waiting: dict[Priority, OrderedDict[str, Task]] = {
            one: OrderedDict() for one in Priority
        }
        self._jobs: dict[str, Job] = {}  # that wait or run
        self._ended: OrderedDict[str, tuple[float, Job]] = OrderedDict()
        self._counts: dict[str, int] = dict.fromkeys(JOB_STATES, 0)
        self._n_bytes = 0
        self._n_turns = 0
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._run, name=f"phishing-{number}", daemon=True)
            for number in range(n_threads)
        ]

    @property
    def n_waiting(self) -> int:
        """Tasks that wait."""
        return self._counts["queued"]

    @property
    def trouble(self) -> str:
        """What keeps tasks from being worked off; nothing does."""
        return ""

    def start(self, listener: Listener) -> None:
        """Begin to work; changes are told to the listener."""
        self._listener = listener
        for thread in self._threads:
            thread.start()

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks, all of them or none.

        Raises:
            QueueFullError: There is no room.
            PolicyError: The queue is closed, or a task of this id is there already.
        """
        n_bytes = sum(map(_size, tasks))
        with self._condition:
            if self._is_closed:
                raise PolicyError("The queue is closed.")
            n = self.n_waiting
            if n + len(tasks) > self._max_waiting or self._n_bytes + n_bytes > self._max_bytes:
                raise QueueFullError(f"{n:,} contents wait to be analysed already.")
            for task in tasks:
                if task.id in self._jobs:
                    raise PolicyError(f'A job "{task.id}" is there already.')
            for task in tasks:
                self._waiting[task.priority][task.id] = task
                self._jobs[task.id] = _job(task, "queued")
            self._n_bytes += n_bytes
            self._counts["queued"] += len(tasks)
            self._condition.notify()

    def job(self, job_id: str) -> Job | None:
        """How far a task has come; None for one that is not known, or not any more."""
        with self._condition:
            self._forget()
            found = self._ended.get(job_id)
            return found[1] if found is not None else self._jobs.get(job_id)

    def cancel(self, job_id: str) -> bool:
        """Take back a task that still waits; False where it does not."""
        with self._condition:
            job = self._jobs.get(job_id)
            if job is None or job.state != "queued":
                return False
            self._n_bytes -= _size(self._waiting[job.priority].pop(job_id))
            changed = [self._change(job, "cancelled")]
        self._listener(changed)
        return True

    def counts(self) -> Mapping[str, int]:
        """Jobs by state: those that wait and run now, and those that ended since the start."""
        return dict(self._counts)

    def close(self) -> bool:
        """Begin nothing more; what waits is cancelled. False when something is still busy."""
        with self._condition:
            self._is_closed = True
            left = [job for job in self._jobs.values() if job.state == "queued"]
            for tasks in self._waiting.values():
                tasks.clear()
            self._n_bytes = 0
            changed = [self._change(job, "cancelled") for job in left]
            self._condition.notify_all()
        if changed:
            self._listener(changed)
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_JOIN_S)
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        if alive:
            logger.error("A thread of the queue is still busy. threads=%s", alive)
        return not alive

    # On the queue's threads

    def _run(self) -> None:
        while (tasks := self._take()) is not None:
            if tasks:
                self._end(tasks, self._results(tasks))

    def _take(self) -> list[Task] | None:
        """The next batch; None at the end, empty when there is nothing to do now."""
        with self._condition:
            while not self.n_waiting and not self._is_closed:
                self._condition.wait()
            if self._is_closed:
                return None
            priority = self._next()
            if self._halted() and priority is not Priority.INTERACTIVE:
                self._condition.wait(_LOOK_S)
                return []
            waiting = self._waiting[priority]
            n = min(len(waiting), BATCH[priority])
            tasks = [waiting.popitem(last=False)[1] for _ in range(n)]
            self._n_bytes -= sum(map(_size, tasks))
            changed = [self._change(self._jobs[task.id], "running") for task in tasks]
        # Whoever waits for an answer need not hear that it is on its way.
        if priority is not Priority.INTERACTIVE:
            self._listener(changed)
        return tasks

    def _next(self) -> Priority:
        """Whose turn it is: the first that waits, and now and then the one after it."""
        there = [priority for priority in Priority if self._waiting[priority]]
        if len(there) > 1 and self._n_turns >= _TURNS and not self._halted():
            self._n_turns = 0
            return there[1]
        self._n_turns += 1
        return there[0]

    def _results(self, tasks: Sequence[Task]) -> Sequence[Result]:
        if reason := self._halted():
            return [KillSwitchEngagedError(reason) for _ in tasks]
        try:
            return self._work(tasks)
        except Exception:
            logger.exception("Contents could not be analysed. n=%s", len(tasks))
            return [DetectorError("The pipeline failed; see the log.") for _ in tasks]

    def _end(self, tasks: Sequence[Task], results: Sequence[Result]) -> None:
        with self._condition:
            changed = [
                self._change(self._jobs[task.id], *_ended(result))
                for task, result in zip(tasks, results, strict=True)
            ]
        try:
            self._listener(changed)
        except RuntimeError:  # the event loop that listened is closed
            logger.info("Contents were analysed after the end. n=%s", len(changed))

    # Under the lock

    def _change(self, job: Job, state: JobState, result: Result | None = None) -> Job:
        self._counts[job.state] -= 1
        self._counts[state] += 1
        error = result if isinstance(result, Exception) else None
        analysis = result if not isinstance(result, Exception) else None
        job = Job(job.id, state, job.priority, job.user_id, job.session_id, analysis, error)
        if state in ENDED:
            self._jobs.pop(job.id, None)
            self._ended[job.id] = (self._clock.monotonic_s() + _KEPT_S, job)
            self._forget()
        else:
            self._jobs[job.id] = job
        return job

    def _forget(self) -> None:
        now_s = self._clock.monotonic_s()
        while self._ended:
            until_s, _ = next(iter(self._ended.values()))
            if until_s > now_s and len(self._ended) <= _KEPT:
                return
            self._ended.popitem(last=False)


def _ended(result: Result) -> tuple[JobState, Result]:
    return ("failed" if isinstance(result, Exception) else "done"), result


def _job(task: Task, state: JobState) -> Job:
    return Job(task.id, state, task.priority, task.user_id, task.session_id)


def _size(task: Task) -> int:
    return len(task.raw) + len(task.screenshot or b"")
