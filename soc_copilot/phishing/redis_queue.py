"""Tasks wait in Redis and are worked off by other processes and machines (RQ)."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from redis import Redis, RedisError
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.job import JobStatus
from rq.registry import StartedJobRegistry
from rq.worker_registration import clean_worker_registry

from soc_copilot.domain.errors import DetectorError, PolicyError
from soc_copilot.phishing.queue import MAX_WAITING, EmbeddedQueue, Listener, QueueFullError
from soc_copilot.phishing.redis_jobs import (
    DONE_CHANNEL,
    JOB_TIMEOUT_S,
    OPEN_KEY,
    AnalysisJob,
    Answer,
    answer_of,
    job_of,
    queues,
    set_answer,
)
from soc_copilot.phishing.redis_store import PREFIX
from soc_copilot.phishing.tasks import JOB_STATES, Job, JobState, Priority, Task, decode_task

logger = logging.getLogger(__name__)

_LISTEN_S: Final = 0.1  # chosen: how late a stop is noticed
_LOOK_S: Final = 0.5  # chosen: how often jobs are looked for that went astray
_ASTRAY_S: Final = 2.0  # chosen: between being taken out and being begun; longer, and it is lost
_AGAIN_S: Final = 0.5  # chosen: between attempts while Redis is gone
_JOIN_S: Final = 10.0
_TOLD: Final = 20_000  # chosen: ends remembered, so that each is told once
_PAGE: Final = 500  # chosen: open jobs looked at in one go


class RedisQueue:
    """Hands tasks to RQ and hears how they went.

    No job is lost: each is noted in the same transaction as it is queued, and looked after until
    its answer is there. One that a worker took and did not begin, or began and did not end, is
    queued again. None is done twice in effect: an answer can be set once.

    Args:
        redis: The connection.
        local: Does what somebody waits for while Redis or its workers are gone; None for nobody.
        max_waiting: Tasks that may wait.
        job_timeout_s: A worker that takes longer for a job is taken for dead.

    Thread:
        Any; `submit`, `job` and `cancel` wait for Redis.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        local: EmbeddedQueue | None = None,
        max_waiting: int = MAX_WAITING,
        job_timeout_s: int = JOB_TIMEOUT_S,
    ) -> None:
        self._redis = redis
        self._local = local
        self._max_waiting = max_waiting
        self._job_timeout_s = job_timeout_s
        self._queues = queues(redis)
        self._listener: Listener = lambda jobs: None
        self._counts: dict[str, int] = dict.fromkeys(JOB_STATES, 0)
        self._n_workers = 0
        self._trouble = "Redis was not reached yet."
        self._missing_since: dict[str, float] = {}
        self._told: OrderedDict[str, None] = OrderedDict()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(work,), name=f"redis-{name}", daemon=True)
            for name, work in (("ends", self._hear), ("jobs", self._look_after))
        ]

    @property
    def n_waiting(self) -> int:
        """Tasks that wait, as of half a second ago."""
        return self._counts["queued"] + (self._local.n_waiting if self._local else 0)

    @property
    def trouble(self) -> str:
        """What is wrong with Redis now, one sentence; empty when nothing is."""
        if self._trouble:
            return self._trouble
        return "" if self._n_workers else "No worker takes jobs; start one: soc-copilot worker."

    def start(self, listener: Listener) -> None:
        """Begin to listen; changes are told to the listener."""
        self._listener = listener
        if self._local is not None:
            self._local.start(listener)
        for thread in self._threads:
            thread.start()

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks, all of them or none.

        Raises:
            QueueFullError: There is no room.
            PolicyError: Redis cannot be reached and nobody else may do them.
        """
        can_do_here = self._local is not None and all(
            task.priority is Priority.INTERACTIVE for task in tasks
        )
        if can_do_here and self.trouble:
            assert self._local is not None  # noqa: S101 - just asked
            self._local.submit(tasks)
            return
        if self._counts["queued"] + len(tasks) > self._max_waiting:
            raise QueueFullError(f"{self._counts['queued']:,} contents wait already.")
        try:
            self._push(tasks)
        except RedisError as error:
            self._fail(error)
            if can_do_here:
                assert self._local is not None  # noqa: S101 - just asked
                self._local.submit(tasks)
                return
            raise PolicyError("The queue in Redis cannot be reached now.") from error

    def job(self, job_id: str) -> Job | None:
        """How far a task has come; None for one that is not known, or not any more."""
        if self._local is not None and (found := self._local.job(job_id)) is not None:
            return found
        try:
            if (ended := answer_of(self._redis, job_id)) is not None:
                return ended
            rq_job = self._fetch(job_id)
            if rq_job is None:
                return None
            task = decode_task(rq_job.args[0])
            is_begun = rq_job.get_status() == JobStatus.STARTED
        except RedisError as error:
            self._fail(error)
            raise PolicyError("The queue in Redis cannot be reached now.") from error
        state: JobState = "running" if is_begun else "queued"
        return Job(job_id, state, task.priority, task.user_id, task.session_id)

    def cancel(self, job_id: str) -> bool:
        """Take back a task that still waits; False where it does not."""
        if self._local is not None and self._local.cancel(job_id):
            return True
        try:
            rq_job = self._fetch(job_id)
            if rq_job is None:
                return False
            # Whoever takes it out of the list has it: this call, or a worker.
            if not any(self._redis.lrem(queue.key, 1, job_id) for queue in self._queues):
                return False
            task = decode_task(rq_job.args[0])
            answer = Answer("cancelled", int(task.priority), task.user_id, task.session_id)
            is_ours = set_answer(self._redis, job_id, answer)
            rq_job.delete()
        except RedisError as error:
            self._fail(error)
            raise PolicyError("The queue in Redis cannot be reached now.") from error
        return is_ours

    def counts(self) -> Mapping[str, int]:
        """Jobs by state, over all machines, as of half a second ago; those done here included."""
        local = self._local.counts() if self._local is not None else {}
        return {state: self._counts[state] + local.get(state, 0) for state in JOB_STATES}

    def close(self) -> bool:
        """Listen no more; what waits stays in Redis. False when something is still busy."""
        self._stop.set()
        is_done = self._local.close() if self._local is not None else True
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(_JOIN_S)
        self._redis.close()
        return is_done and not any(thread.is_alive() for thread in self._threads)

    def _push(self, tasks: Sequence[Task]) -> None:
        """Queue tasks and note them, in one transaction."""
        with self._redis.pipeline() as pipeline:
            for task in tasks:
                job = job_of(self._redis, task, self._job_timeout_s)
                queue = self._queues[task.priority]
                pipeline.hset(OPEN_KEY, task.id, int(task.priority))
                # What enqueue_job does; itself it can do so for one job of a transaction only.
                pipeline.sadd(queue.redis_queues_keys, queue.key)
                job.enqueued_at = datetime.now(UTC)
                job.save(pipeline=pipeline)
                queue.push_job_id(job.id, pipeline=pipeline)
            pipeline.execute()

    def _fetch(self, job_id: str) -> AnalysisJob | None:
        try:
            found = AnalysisJob.fetch(job_id, self._redis, self._queues[0].serializer)
        except NoSuchJobError:
            return None
        assert isinstance(found, AnalysisJob)  # noqa: S101 - its own class
        return found

    def _fail(self, error: RedisError) -> None:
        if not self._trouble:
            logger.warning("Redis cannot be reached. reason=%s", error)
        self._trouble = "Redis cannot be reached."

    # On threads of its own

    def _run(self, work: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                work()
            except RedisError as error:
                self._fail(error)
                self._stop.wait(_AGAIN_S)
            except Exception:
                logger.exception("The queue in Redis could not be looked after.")
                self._stop.wait(_AGAIN_S)

    def _hear(self) -> None:
        """Hear of ends as they come."""
        with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(DONE_CHANNEL)
            while not self._stop.is_set():
                message: Any = pubsub.get_message(timeout=_LISTEN_S)
                if message is not None and message["type"] == "message":
                    self._take(message["data"].decode())

    def _look_after(self) -> None:
        """Look for ends that were not heard of, and for jobs that went astray."""
        while not self._stop.wait(_LOOK_S):
            for queue in self._queues:
                StartedJobRegistry(queue=queue).cleanup()
            clean_worker_registry(self._queues[0])
            self._count()
            cursor = 0
            while True:
                page: Any
                cursor, page = self._redis.hscan(OPEN_KEY, cursor, count=_PAGE)
                for name in page:
                    self._look_at(name.decode())
                if cursor == 0 or self._stop.is_set():
                    break
            if self._trouble:
                logger.info("Redis is reached.")
            self._trouble = ""

    def _count(self) -> None:
        ended: Any = self._redis.hgetall(f"{PREFIX}counts")
        counts: dict[str, int] = {state: int(ended.get(state.encode(), 0)) for state in JOB_STATES}
        counts["queued"] = sum(queue.count for queue in self._queues)
        counts["running"] = sum(
            StartedJobRegistry(queue=queue).get_job_count(cleanup=False) for queue in self._queues
        )
        self._counts = counts
        self._n_workers = Worker.count(queue=self._queues[0])

    def _take(self, job_id: str) -> None:
        """Tell of an end, once."""
        job = answer_of(self._redis, job_id)
        if job is None:
            return
        self._redis.hdel(OPEN_KEY, job_id)
        self._missing_since.pop(job_id, None)
        if job_id in self._told:
            return
        self._told[job_id] = None
        if len(self._told) > _TOLD:
            self._told.popitem(last=False)
        try:
            self._listener([job])
        except RuntimeError:  # the event loop that listened is closed
            logger.info("A content was analysed after the end.")

    def _look_at(self, job_id: str) -> None:
        """See to it that an open job comes to an end."""
        if answer_of(self._redis, job_id) is not None:
            self._redis.publish(DONE_CHANNEL, job_id)  # others may not have heard of it either
            self._take(job_id)
            return
        rq_job = self._fetch(job_id)
        if rq_job is None:
            self._give_up(job_id, "It is gone from Redis.")
            return
        status = rq_job.get_status(refresh=False)
        if status == JobStatus.STARTED:
            self._missing_since.pop(job_id, None)
            return
        if status in {JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED}:
            self._give_up(job_id, "Its workers died or failed, several times.")
            return
        if any(self._redis.lpos(queue.key, job_id) is not None for queue in self._queues):
            self._missing_since.pop(job_id, None)
            return
        now_s = time.monotonic()
        if now_s - self._missing_since.setdefault(job_id, now_s) >= _ASTRAY_S:
            # Taken out of the list by a worker that was gone before it began.
            logger.warning("A job went astray and is queued again. id=%s", job_id)
            self._missing_since.pop(job_id, None)
            queue = self._queues[decode_task(rq_job.args[0]).priority]
            queue.push_job_id(job_id, at_front=True)

    def _give_up(self, job_id: str, why: str) -> None:
        error = DetectorError(f"The content was not analysed. {why}")
        set_answer(self._redis, job_id, Answer("failed", error=str(error)))
        self._take(job_id)
