"""Jobs in Redis as RQ keeps them, and the one place where each one's answer is set."""

import logging
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from redis import Redis
from rq import Queue
from rq.job import Job as RqJob
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from typing_extensions import override

from soc_copilot.domain.errors import DetectorError, ParseError, SocCopilotError
from soc_copilot.domain.phishing import Analysis
from soc_copilot.phishing.engine import Engine
from soc_copilot.phishing.redis_store import PREFIX
from soc_copilot.phishing.tasks import Job, JobState, Priority, Task, decode_task, encode_task

logger = logging.getLogger(__name__)

OPEN_KEY: Final = f"{PREFIX}open"
"""Hash: jobs that were taken and whose end nobody has taken note of yet, with who asked."""
DONE_CHANNEL: Final = f"{PREFIX}done"
ANSWER_S: Final = 86_400  # chosen: a service that was off for a day still learns how jobs ended
JOB_TIMEOUT_S: Final = 10  # chosen: five times a part's; a worker that is gone is noticed after it
RETRIES: Final = 3  # chosen: a content that kills its workers ends after as many
_RESULT_S: Final = 60  # chosen: RQ's own notes of a job that ended
_NAMES: Final = {
    Priority.INTERACTIVE: "phishing-interactive",
    Priority.DROP: "phishing-drop",
    Priority.BULK: "phishing-bulk",
}


class AnalysisJob(RqJob):
    """A job that can only be one thing: a content to be analysed.

    RQ calls whatever function a job names. Whoever may write to Redis could have any called;
    here the names are not looked at.
    """

    engine: Engine | None = None

    @override
    def perform(self) -> Any:
        assert self.engine is not None  # noqa: S101 - set by the worker
        return perform(self.connection, self.engine, self.args)

    @property
    @override
    def success_callback(self) -> None:
        return None

    @property
    @override
    def failure_callback(self) -> None:
        return None

    @property
    @override
    def stopped_callback(self) -> None:
        return None


class Answer(msgspec.Struct, omit_defaults=True):
    """How a job ended."""

    state: JobState
    priority: int = 0
    user_id: str = ""
    session_id: str = ""
    analysis: Analysis | None = None
    error: str = ""
    is_unreadable: bool = False


def queues(redis: Redis) -> list[Queue]:
    """One queue for each priority, the first first."""
    return [
        Queue(_NAMES[priority], connection=redis, job_class=AnalysisJob, serializer=JSONSerializer)
        for priority in Priority
    ]


def job_of(redis: Redis, task: Task, timeout_s: int) -> AnalysisJob:
    """A task as a job, not queued yet."""
    job = AnalysisJob.create(
        "soc_copilot.phishing.redis_jobs.perform",
        args=(encode_task(task),),
        connection=redis,
        result_ttl=_RESULT_S,
        failure_ttl=_RESULT_S,
        timeout=timeout_s,
        id=task.id,
        origin=_NAMES[task.priority],
        status=JobStatus.QUEUED,
        serializer=JSONSerializer,
        description="content",  # RQ's own would hold the content, and be logged
    )
    job.retries_left = RETRIES
    assert isinstance(job, AnalysisJob)  # noqa: S101 - its own class
    return job


def perform(redis: Redis, engine: Engine, args: Sequence[Any]) -> str:
    """Analyse a job's content, unless it was before; returns how it ended.

    Raises:
        ParseError: The job is none of ours.
    """
    (data,) = args if len(args) == 1 and isinstance(args[0], str) else ("",)
    task = decode_task(data)
    if redis.exists(answer_key(task.id)):
        return "known"
    analysis = engine.known(task)
    result: Analysis | SocCopilotError
    if analysis is not None:
        result = analysis
    else:
        (result,) = engine.work([task])
    return "set" if end(redis, task, result) else "known"


def end(redis: Redis, task: Task, result: Analysis | SocCopilotError) -> bool:
    """Set a job's answer, if it has none, and say so; False where it had one.

    This is what makes a job that was done twice count once.
    """
    answer = Answer("done", int(task.priority), task.user_id, task.session_id)
    if isinstance(result, SocCopilotError):
        answer.state, answer.error = "failed", str(result)
        answer.is_unreadable = isinstance(result, ParseError)
    else:
        answer.analysis = result
    return set_answer(redis, task.id, answer)


def set_answer(redis: Redis, job_id: str, answer: Answer) -> bool:
    """Set a job's answer, if it has none, and say so; False where it had one."""
    data = msgspec.json.encode(answer)
    if not redis.set(answer_key(job_id), data, nx=True, ex=ANSWER_S):
        return False
    redis.hincrby(f"{PREFIX}counts", answer.state, 1)
    redis.publish(DONE_CHANNEL, job_id)
    return True


def answer_key(job_id: str) -> str:
    """Where a job's answer is."""
    return f"{PREFIX}answer:{job_id}"


def answer_of(redis: Redis, job_id: str) -> Job | None:
    """The job with its answer; None while it has none."""
    found = redis.get(answer_key(job_id))
    if not isinstance(found, bytes):
        return None
    try:
        told = msgspec.json.decode(found, type=Answer)
        priority = Priority(told.priority)
    except (msgspec.DecodeError, ValueError):
        logger.exception("An answer in Redis is none of ours. id=%s", job_id)
        error: SocCopilotError = DetectorError("The answer in Redis cannot be read.")
        return Job(job_id, "failed", Priority.INTERACTIVE, error=error)
    kind = ParseError if told.is_unreadable else DetectorError
    return Job(
        job_id, told.state, priority, told.user_id, told.session_id, told.analysis,
        kind(told.error) if told.error else None,
    )  # fmt: skip
