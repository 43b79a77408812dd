"""Takes jobs out of Redis and answers them, until asked to stop (`soc-copilot worker`)."""

import logging
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from redis import Redis, RedisError
from rq import Queue, SimpleWorker
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer
from typing_extensions import override

from soc_copilot.phishing.engine import Engine
from soc_copilot.phishing.redis_jobs import JOB_TIMEOUT_S, AnalysisJob, queues

logger = logging.getLogger(__name__)

_GRACE_S: Final = 1  # chosen: clocks of two machines differ
_WAIT_S: Final = 0.25  # chosen: how often an engaged kill switch is looked at
_AGAIN_S: Final = (0.5, 10.0)  # chosen: first and longest wait for a Redis that is gone
_TTL_S: Final = 60  # chosen: RQ asks again for jobs three quarters of that later


class AnalysisWorker(SimpleWorker):
    """RQ's worker, which does the work itself: the models are loaded once.

    Attributes:
        engine: Answers tasks.
        halted: Why nothing may be analysed now; empty when it may.
        stop: Set once it was asked to stop.
    """

    engine: Engine
    halted: Callable[[], str]
    stop: threading.Event

    @override
    def get_heartbeat_ttl(self, job: RqJob, working_time: float = 0.0) -> int:
        return int(job.timeout or JOB_TIMEOUT_S) + _GRACE_S

    @override
    def execute_job(self, job: RqJob, queue: Queue) -> None:
        if self.halted():
            queue.push_job_id(job.id, at_front=True)
            while self.halted() and not self.stop.wait(_WAIT_S):
                self.heartbeat()
            return
        assert isinstance(job, AnalysisJob)  # noqa: S101 - the worker's job class
        job.engine = self.engine
        super().execute_job(job, queue)

    @override
    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stop.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def run_worker(
    redis: Redis,
    engine: Engine,
    *,
    halted: Callable[[], str] = lambda: "",
    ready: Callable[[], None] = lambda: None,
) -> int:
    """Work until SIGTERM or Ctrl-C; a Redis that goes away is waited for. Returns jobs done.

    Args:
        redis: Where jobs are.
        engine: Answers them.
        halted: Why nothing may be analysed now; empty when it may. Asked before each job.
        ready: Called once Redis was reached.

    Thread:
        The main one, as signals are taken.
    """
    stop = threading.Event()
    wait_s, n_done, is_ready = _AGAIN_S[0], 0, False
    while not stop.is_set():
        try:
            redis.ping()
            worker = _made(redis, engine, halted, stop)
            if not is_ready:
                ready()
            is_ready, wait_s = True, _AGAIN_S[0]
            worker.work(logging_level="WARNING")
            n_done += worker.successful_job_count or 0
        except RedisError as error:
            logger.warning("Redis cannot be reached. reason=%s again_in_s=%s", error, wait_s)
        if not stop.is_set():
            stop.wait(wait_s)
            wait_s = min(wait_s * 2, _AGAIN_S[1])
    return n_done


def _made(
    redis: Redis, engine: Engine, halted: Callable[[], str], stop: threading.Event
) -> AnalysisWorker:
    options: dict[str, Any] = {"job_class": AnalysisJob, "serializer": JSONSerializer}
    worker = AnalysisWorker(
        queues(redis), connection=redis, worker_ttl=_TTL_S, log_job_description=False, **options
    )
    worker.engine, worker.halted, worker.stop = engine, halted, stop
    return worker
