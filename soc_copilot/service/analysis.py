"""The phishing pipeline inside the service: built, started on the event loop, stopped."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, Final

import numpy as np

from soc_copilot.domain.phishing import Analyser
from soc_copilot.domain.summary import DetectorHealth
from soc_copilot.phishing.cache import Cache, MemoryCache
from soc_copilot.phishing.engine import Engine, Reader
from soc_copilot.phishing.operations import OperationalAlert, OperationalWatch
from soc_copilot.phishing.orchestrator import Orchestrator, PartHealth
from soc_copilot.phishing.queue import EmbeddedQueue, JobQueue
from soc_copilot.phishing.redis_store import RedisCache, RedisSessions, connect
from soc_copilot.phishing.sessions import MemorySessions, Sessions
from soc_copilot.service.analysed import AnalysisRecorder
from soc_copilot.service.analyze import AnalyzeEndpoints, AnalyzeParts
from soc_copilot.service.analyze_metrics import AnalyzeMetrics
from soc_copilot.service.analyze_schema import DESCRIBED
from soc_copilot.service.config import ServiceConfig
from soc_copilot.service.front import Route
from soc_copilot.service.limits import RateLimiter
from soc_copilot.service.metrics import Metrics
from soc_copilot.service.security import Guard
from soc_copilot.service.sockets import HEARTBEAT_S, Hub, alert_message

logger = logging.getLogger(__name__)

_TICK_S: Final = 1.0  # chosen: how late an operational alert may be
_TIMED: Final = 100  # chosen: answers over which mean and p95 are taken
_SAVE_TICKS: Final = 60  # chosen: how much of what is known a crash may take


class AnalysisSide:
    """Everything of `/analyze` and `/ws`.

    Args:
        config: What to do.
        parts: Models that are asked.
        read: Takes contents apart.
        missing: Models that could not be loaded, with the reason.
        halted: Why nothing may be analysed now; empty when it may.
        told: Told of operational alerts, on the event loop; must be quick.
        recorder: Has answers stored; None stores none.
        heartbeat_s: Of WebSockets.

    Thread:
        `open`, `start` and `stop` on the event loop's.
    """

    def __init__(
        self,
        config: ServiceConfig,
        parts: Sequence[Analyser],
        read: Reader,
        *,
        missing: Sequence[tuple[str, str]] = (),
        halted: Callable[[], str] = lambda: "",
        told: Callable[[OperationalAlert], None] = lambda alert: None,
        recorder: AnalysisRecorder | None = None,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._config = config
        self._parts = parts
        self._read = read
        self._missing = missing
        self._halted = halted
        self._told = told
        self._recorder = recorder
        self._heartbeat_s = heartbeat_s
        self._n_answers = self._n_errors = 0
        self._times_ms: deque[float] = deque(maxlen=_TIMED)
        self._hub: Hub | None = None
        self._engine: Engine | None = None
        self._queue: JobQueue | None = None
        self._cache: Cache | None = None
        self._endpoints: AnalyzeEndpoints | None = None
        self._watch: OperationalWatch | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    described: Final[dict[str, dict[str, Any]]] = DESCRIBED

    @property
    def hub(self) -> Hub:
        """Who listens; only while open."""
        assert self._hub is not None  # noqa: S101 - set by open
        return self._hub

    def trouble(self) -> str:
        """What is wrong with the pipeline now; empty when nothing is."""
        active = self._watch.active() if self._watch is not None else ()
        # A cache that helps little is worth knowing; nothing is wrong with the answers.
        return " ".join(alert.message for alert in active if alert.code != "cache")

    def health(self) -> tuple[PartHealth, ...]:
        """How each model is doing."""
        return self._engine.health() if self._engine is not None else ()

    def state(self) -> str:
        """In a word, as detectors tell it: "ok", "degraded", or "open" where a model is out."""
        states = {part.state for part in self.health()}
        if states & {"open", "missing"}:
            return "open"
        return "degraded" if self.trouble() or states & {"degraded", "half-open"} else "ok"

    def brief(self) -> dict[str, Any]:
        """The same and each model's, for /health, which tells no secrets."""
        return {"state": self.state(), "models": {one.name: one.state for one in self.health()}}

    def standing(self) -> DetectorHealth:
        """How the whole pipeline is doing, as detectors tell it: models, queue and cache."""
        parts = self.health()
        trouble = self.trouble()
        told = [f"{part.name} {part.state}" for part in parts]
        waiting = sum(n for state, n in self.counts().items() if state in {"queued", "running"})
        known = f"; {len(self._cache):,} answers known" if isinstance(self._cache, Sized) else ""
        figures = f"Models: {', '.join(told) or 'none'}; {waiting:,} contents wait{known}."
        times = np.fromiter(self._times_ms, np.float64)
        return DetectorHealth(
            name="analyze",
            title="Phishing pipeline",
            version=self._engine.version if self._engine is not None else "",
            state=self.state(),
            detail=f"{trouble} {figures}".strip(),
            mean_ms=float(times.mean()) if times.size else 0.0,
            p95_ms=float(np.percentile(times, 95)) if times.size else 0.0,
            n_batches=self._n_answers,
            n_failures=self._n_errors,
            retry_in_s=max((part.retry_in_s for part in parts), default=0.0),
        )

    def _noted(self, seconds: float, is_error: bool) -> None:
        self._n_answers += 1
        self._n_errors += is_error
        self._times_ms.append(seconds * 1e3)
        if self._watch is not None:
            self._watch.answered(seconds, is_error)

    def counts(self) -> Mapping[str, int]:
        """Jobs by state."""
        return self._queue.counts() if self._queue is not None else {}

    def info(self) -> dict[str, Any] | None:
        """Which models are loaded, for /model/info."""
        if self._engine is None:
            return None
        return {
            "model_version": self._engine.version,
            "models": [
                {"name": one.name, "version": one.version, "state": one.state, "detail": one.detail}
                for one in self._engine.health()
            ],
        }

    def open(self, guard: Guard, limiter: RateLimiter, metrics: Metrics) -> dict[str, Route]:
        """Build everything; returns the endpoints by path."""
        options = self._config.phishing
        counted = AnalyzeMetrics(metrics.registry)

        def looked(is_known: bool) -> None:
            counted.looked(is_known)
            watch.looked(is_known)

        orchestrator = Orchestrator(
            self._parts,
            timeout_s=options.part_timeout_s,
            seen=counted.seen,
            missing=self._missing,
        )
        self._cache = self._make_cache()
        engine = self._engine = Engine(orchestrator, self._cache, self._read, looked)
        queue = self._queue = self._make_queue(engine)
        watch = self._watch = OperationalWatch(
            lambda: queue.n_waiting,
            engine.health,
            self._on_alert,
            trouble=lambda: queue.trouble,
        )
        hub = self._hub = Hub(guard, max_sockets=options.sockets, heartbeat_s=self._heartbeat_s)
        counted.watch(queue.counts, engine.health, lambda: len(hub))
        parts = AnalyzeParts(
            engine, queue, hub, limiter, counted, self._make_sessions(), self._config.timeout_s,
            is_near=not self.is_shared, halted=self._halted, noted=self._noted,
            recorder=self._recorder,
        )  # fmt: skip
        self._endpoints = AnalyzeEndpoints(parts)
        return self._endpoints.routes()

    @property
    def is_shared(self) -> bool:
        """True when answers and jobs are in Redis."""
        return bool(self._config.phishing.redis_url)

    def _make_cache(self) -> Cache:
        options = self._config.phishing
        if self.is_shared:
            return RedisCache(connect(options.redis_url))
        return MemoryCache(Path(options.cache_file) if options.cache_file else None)

    def _make_sessions(self) -> Sessions:
        if self.is_shared:
            return RedisSessions(connect(self._config.phishing.redis_url))
        return MemorySessions()

    def _make_queue(self, engine: Engine) -> JobQueue:
        options = self._config.phishing
        local = EmbeddedQueue(engine.work, halted=self._halted, max_waiting=options.queue_size)
        if not self.is_shared:
            return local
        redis = connect(options.redis_url)  # and says what to install, where it is not
        from soc_copilot.phishing.redis_queue import RedisQueue

        return RedisQueue(redis, local=local, max_waiting=options.queue_size)

    def start(self) -> None:
        """Begin to work; call on the running event loop."""
        assert self._endpoints is not None  # noqa: S101 - set by open
        self._loop = asyncio.get_running_loop()
        self._endpoints.start()
        self._ticker = asyncio.create_task(self._tick())

    def tell_all(self, message: Mapping[str, Any]) -> None:
        """Send a message to everyone who listens; any thread, once started."""
        assert self._loop is not None  # noqa: S101 - set by start
        self._loop.call_soon_threadsafe(self.hub.tell_all, message)

    def stop(self) -> bool:
        """Analyse no more; False when something is still busy."""
        if self._ticker is not None:
            self._ticker.cancel()
        if self._hub is not None:
            self._hub.close()
        ends = [one.close() for one in (self._queue, self._engine) if one is not None]
        return all(ends)

    def _on_alert(self, alert: OperationalAlert) -> None:
        self.hub.tell_all(alert_message(alert.code, alert.message, is_active=alert.is_active))
        self._told(alert)

    async def _tick(self) -> None:
        assert self._watch is not None  # noqa: S101 - set by open
        n = 0
        while True:
            try:
                self._watch.look()
                n += 1
                if n % _SAVE_TICKS == 0 and isinstance(self._cache, MemoryCache):
                    await asyncio.to_thread(self._cache.save)
            except Exception:
                logger.exception("The pipeline could not be looked at.")
            await asyncio.sleep(_TICK_S)
