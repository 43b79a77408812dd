"""The phishing pipeline's endpoints: what is answered at once, what waits, who is told."""

import asyncio
import functools
import itertools
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from soc_copilot import __version__
from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.domain.phishing import Analysis
from soc_copilot.phishing.engine import Engine
from soc_copilot.phishing.queue import JobQueue
from soc_copilot.phishing.sessions import Sessions
from soc_copilot.phishing.tasks import ENDED, Job, Task
from soc_copilot.service.analysed import AnalysisRecorder, Asked, asked_of
from soc_copilot.service.analyze_metrics import AnalyzeMetrics
from soc_copilot.service.analyze_wire import (
    AnalyzeCall,
    JobsCall,
    SessionCall,
    answer_to,
    job_told,
    read_call,
    refusal_of,
    task_of,
    update_of,
)
from soc_copilot.service.app import Answer, Call
from soc_copilot.service.front import Route
from soc_copilot.service.gathering import Connection
from soc_copilot.service.limits import RateLimiter
from soc_copilot.service.sockets import Hub
from soc_copilot.service.wire import RefusedError

logger = logging.getLogger(__name__)

_INLINE_BYTES: Final = 64 * 1024  # chosen: read and hashed in less than a millisecond
_LOOK_S: Final = 0.25  # chosen: how often to see whether somebody still waits
_NO_FAULT: Final = frozenset({"kill_switch", "stopping", "unreadable", "gone"})
_POST: Final = frozenset({"POST"})

T = TypeVar("T")
Noted = Callable[[float, bool], None]
"""Told of each answer: the seconds it took, and whether there was none for a fault of ours."""


@dataclass(slots=True)
class AnalyzeParts:
    """What the endpoints work with.

    Attributes:
        is_near: The queue takes tasks without waiting for anything.
        halted: Why nothing may be analysed now; empty when it may.
        recorder: Has answers stored; None stores none.
    """

    engine: Engine
    queue: JobQueue
    hub: Hub
    limiter: RateLimiter
    metrics: AnalyzeMetrics
    sessions: Sessions
    timeout_s: float
    is_near: bool = True
    halted: Callable[[], str] = lambda: ""
    noted: Noted = lambda seconds, is_error: None
    recorder: AnalysisRecorder | None = None


@dataclass(slots=True)
class _Waiter:
    """Somebody who waits for an answer.

    Attributes:
        until_s: So long, by the monotonic clock.
        is_given_up: There will be none that anybody waits for.
    """

    future: "asyncio.Future[Analysis]"
    connection: Connection | None
    until_s: float
    is_given_up: bool = False


class AnalyzeEndpoints:
    """One method for each endpoint.

    Thread:
        The event loop's; nothing here blocks it. `on_jobs` may be called on any.
    """

    def __init__(self, parts: AnalyzeParts) -> None:
        self._parts = parts
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._waiting: dict[str, _Waiter] = {}  # those who have waited for longest first
        self._sweeper: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def routes(self) -> dict[str, Route]:
        """The endpoints by path."""
        return {
            "/": Route("root", self.root),
            "/analyze": Route("analyze", self.analyze, _POST, is_json=True, is_hot=True),
            "/analyze/jobs": Route("analyze_jobs", self.jobs, _POST, is_json=True),
            "/analyze/session": Route("analyze_session", self.session, _POST, is_json=True),
            "/analyze/cancel": Route("analyze_cancel", self.cancel, _POST, is_json=True),
        }

    def start(self) -> None:
        """Begin to work; call on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._parts.queue.start(self.on_jobs)

    async def root(self, call: Call) -> Answer:
        """What this is, and where it is described."""
        told = {"name": "SOC Copilot", "version": __version__, "description": "/openapi.json"}
        return Answer(200, msgspec.json.encode(told))

    async def analyze(self, call: Call) -> Answer:
        """Analyse one content, or queue it."""
        began = time.perf_counter()
        parts = self._parts
        if reason := parts.halted():
            raise RefusedError(503, "kill_switch", reason)
        parts.limiter.take(call.address)
        asked, task = await self._read(call.body)
        analysis = await self._known(task)
        if analysis is not None:
            job = Job(task.id, "done", task.priority, task.user_id, task.session_id, analysis)
            await self._apart(functools.partial(self._note, job))
            self._tell(job)
        elif not asked.wait:
            return await self._queued(task)
        else:
            analysis = await self._analysed(task, call, began)
        took_s = time.perf_counter() - began
        parts.metrics.answered(task.kind, analysis.prediction, took_s)
        parts.noted(took_s, False)
        if parts.recorder is not None:
            parts.recorder.answered(await self._kept(task), analysis)
        return Answer(200, msgspec.json.encode(answer_to(task, analysis, took_s * 1e3)))

    async def jobs(self, call: Call) -> Answer:
        """How far jobs have come."""
        asked = read_call(call.body, JobsCall)
        found = await self._apart(lambda: [self._parts.queue.job(one) for one in asked.job_ids])
        told = [
            job_told(job) if job is not None else {"request_id": name, "status": "unknown"}
            for name, job in zip(asked.job_ids, found, strict=True)
        ]
        return Answer(200, msgspec.json.encode({"jobs": told}))

    async def cancel(self, call: Call) -> Answer:
        """Take back jobs that still wait."""
        asked = read_call(call.body, JobsCall)
        done = await self._apart(lambda: [self._parts.queue.cancel(one) for one in asked.job_ids])
        told = [one for one, is_done in zip(asked.job_ids, done, strict=True) if is_done]
        return Answer(200, msgspec.json.encode({"cancelled": told}))

    async def session(self, call: Call) -> Answer:
        """What was answered lately in a session."""
        asked = read_call(call.body, SessionCall)
        try:
            found = await self._apart(
                lambda: self._parts.sessions.recent(asked.user_id, asked.session_id)
            )
        except SocCopilotError as error:
            raise refusal_of(error) from error
        return Answer(200, msgspec.json.encode({"answers": [msgspec.Raw(one) for one in found]}))

    def on_jobs(self, jobs: Sequence[Job]) -> None:
        """Hear of jobs whose state changed; any thread.

        Raises:
            RuntimeError: The event loop is closed.
        """
        assert self._loop is not None  # noqa: S101 - set by start
        for job in jobs:
            self._note(job)
        self._loop.call_soon_threadsafe(self._changed, tuple(jobs))

    def _note(self, job: Job) -> None:
        if job.session_id and job.state in ENDED:
            data = msgspec.json.encode(job_told(job))
            self._parts.sessions.note(job.user_id, job.session_id, data)

    def _changed(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if self._parts.recorder is not None and job.state in ENDED:
                self._parts.recorder.ended(job.id, job.analysis)
            waiter = self._waiting.pop(job.id, None) if job.state in ENDED else None
            if waiter is not None and not waiter.future.done():
                future = waiter.future
                if job.analysis is not None:
                    future.set_result(job.analysis)
                else:
                    future.set_exception(
                        job.error or RefusedError(503, "stopping", "The service is stopping.", 1.0)
                    )
            self._tell(job)

    def _tell(self, job: Job) -> None:
        if job.user_id and len(self._parts.hub):
            self._parts.hub.tell(job.user_id, update_of(job))

    async def _read(self, body: bytes) -> tuple[AnalyzeCall, Task]:
        request_id = f"{self._prefix}-{next(self._numbers):x}"

        def read() -> tuple[AnalyzeCall, Task]:
            asked = read_call(body, AnalyzeCall)
            return asked, task_of(asked, request_id)

        return read() if len(body) <= _INLINE_BYTES else await asyncio.to_thread(read)

    async def _known(self, task: Task) -> Analysis | None:
        engine = self._parts.engine
        if engine.is_near and len(task.raw) <= _INLINE_BYTES:
            return engine.known(task)
        return await asyncio.to_thread(engine.known, task)

    async def _kept(self, task: Task) -> Asked:
        """What is kept of a task; hashing a large one may take a while."""
        if len(task.raw) <= _INLINE_BYTES:
            return asked_of(task)
        return await asyncio.to_thread(asked_of, task)

    async def _queued(self, task: Task) -> Answer:
        if self._parts.recorder is not None:
            self._parts.recorder.queued(task.id, await self._kept(task))
        try:
            await self._submit(task)
        except RefusedError:
            if self._parts.recorder is not None:
                self._parts.recorder.ended(task.id, None)
            raise
        return Answer(202, msgspec.json.encode({"request_id": task.id, "status": "queued"}))

    async def _submit(self, task: Task) -> None:
        try:
            await self._apart(functools.partial(self._parts.queue.submit, (task,)))
        except SocCopilotError as error:
            raise refusal_of(error) from error

    async def _analysed(self, task: Task, call: Call, began: float) -> Analysis:
        assert self._loop is not None  # noqa: S101 - set by start
        until_s = time.monotonic() + self._parts.timeout_s
        waiter = _Waiter(self._loop.create_future(), call.connection, until_s)
        self._waiting[task.id] = waiter
        if self._sweeper is None:
            self._sweep()
        try:
            await self._submit(task)
            return await waiter.future
        except SocCopilotError as error:
            if waiter.is_given_up:
                await self._apart(functools.partial(self._parts.queue.cancel, task.id))
            refusal = refusal_of(error)
            if refusal.code not in _NO_FAULT:
                self._parts.noted(time.perf_counter() - began, True)
            raise refusal from error
        finally:
            self._waiting.pop(task.id, None)

    def _sweep(self) -> None:
        """Give up what nobody waits for and what took too long; one look for all who wait."""
        assert self._loop is not None  # noqa: S101 - set by start
        now_s, next_s = time.monotonic(), _LOOK_S
        for waiter in self._waiting.values():
            if waiter.future.done():
                continue
            if waiter.connection is not None and waiter.connection.disconnected:
                error = RefusedError(503, "gone", "Nobody waits for the answer.")
            elif waiter.until_s <= now_s:
                words = f"The content was not analysed within {self._parts.timeout_s:g} s."
                error = RefusedError(504, "timeout", words)
            else:
                next_s = min(next_s, waiter.until_s - now_s)
                continue
            waiter.is_given_up = True
            waiter.future.set_exception(error)
        is_over = not self._waiting
        self._sweeper = None if is_over else self._loop.call_later(next_s, self._sweep)

    async def _apart(self, work: Callable[[], T]) -> T:
        """Do it here, or where it may wait."""
        return work() if self._parts.is_near else await asyncio.to_thread(work)
