"""The service on a thread of its own: socket, event loop, scoring threads."""

import asyncio
import logging
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final

import uvicorn

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.domain.errors import SourceError
from soc_copilot.service.analysis import AnalysisSide
from soc_copilot.service.app import Endpoints, Parts
from soc_copilot.service.config import ServiceConfig
from soc_copilot.service.events import EventScorer
from soc_copilot.service.events import Observer as EventObserver
from soc_copilot.service.front import Front, make_routes
from soc_copilot.service.gathering import Gatherer, Observer
from soc_copilot.service.lanes import MAX_LONG, Lanes
from soc_copilot.service.limits import RateLimiter
from soc_copilot.service.metrics import Metrics
from soc_copilot.service.openapi import make_description
from soc_copilot.service.protocol import BoundedProtocol, bounded
from soc_copilot.service.scoring import ModelInfo, WebScorer
from soc_copilot.service.security import Guard
from soc_copilot.service.sockets import HEARTBEAT_S, MAX_MESSAGE_BYTES, Ending
from soc_copilot.service.wire import Checked

logger = logging.getLogger(__name__)

_START_S: Final = 60.0  # chosen: a busy machine imports slowly
_STOP_S: Final = 30.0  # chosen: the longest timeout of a call, and some
_GRACE_S: Final = 5  # chosen: calls that are being answered get this long at the end
_KEEP_ALIVE_S: Final = 75  # chosen: as nginx keeps its own
_SLOW_LOOK_S: Final = 1.0  # chosen: how often slow senders are looked for
_BACKLOG: Final = 2_048  # chosen: connections that wait to be accepted


class CheckServer:
    """Listens and answers from `start` to `stop`.

    Args:
        config: What to do.
        token: That callers must show.
        scorers: Loaded models, one for each scoring thread.
        long_scorer: One more for long requests, so that others need not wait for them; None
            scores all alike.
        halted: Why nothing may be scored now; empty when it may. Called often, must be quick.
        observer: Told of every scored batch, on a scoring thread, before it is answered.
        recording: What is wrong with recording; empty when nothing is.
        event_observer: Told of every call of host events that was scored, on the scoring thread.
        phishing: Answers /analyze and holds WebSockets; None for neither.

    Thread:
        `start` and `stop` on one.
    """

    def __init__(
        self,
        config: ServiceConfig,
        token: bytes,
        scorers: list[WebScorer],
        *,
        long_scorer: WebScorer | None = None,
        halted: Callable[[], str] = lambda: "",
        observer: Observer | None = None,
        recording: Callable[[], str] = lambda: "",
        event_observer: EventObserver | None = None,
        phishing: AnalysisSide | None = None,
    ) -> None:
        self._config = config
        self._token = token
        self._scorers = scorers
        self._long_scorer = long_scorer
        self._halted = halted
        self._observer = observer
        self._recording = recording
        self._phishing = phishing
        self._thread = threading.Thread(target=self._run, name="service", daemon=True)
        self._is_ready = threading.Event()
        self._failure: BaseException | None = None
        self._server: uvicorn.Server | None = None
        self._socket: socket.socket | None = None
        self._events = (
            EventScorer(config.timeout_s, halted, event_observer) if config.host_events else None
        )
        self.metrics = Metrics()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        host = self._config.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def info(self) -> ModelInfo:
        """The model that scores."""
        return self._scorers[0].info

    @property
    def is_running(self) -> bool:
        """False before `start`, after `stop`, and when it died."""
        return self._thread.is_alive()

    @property
    def n_connections(self) -> int:
        """Open connections, WebSockets included."""
        return self._n_connections()

    def start(self) -> None:
        """Listen; returns once calls are answered.

        Raises:
            SourceError: The address cannot be listened on.
        """
        self._socket = _listen(self._config.host, self._config.port)
        self.port = self._socket.getsockname()[1]
        if self._events is not None:
            self._events.start(self._config.device)
        self._thread.start()
        if not self._is_ready.wait(_START_S) or self._failure is not None:
            self.stop()
            raise SourceError(f"The service did not start: {self._failure or 'it took too long'}.")

    def stop(self) -> bool:
        """Take no more calls and finish those at hand; False when it is still busy."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)
        if self._events is not None:
            self._events.close()
        if self._socket is not None:
            self._socket.close()
        is_done = not self._thread.is_alive()
        if is_done:
            for scorer in (*self._scorers, self._long_scorer):
                if scorer is not None:
                    scorer.close()
        else:
            logger.error("The service does not end.")
        return is_done

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(self._serve())
        except BaseException as error:
            logger.error("The service ended.", exc_info=error)
            self._failure = error
        finally:
            self._is_ready.set()

    async def _serve(self) -> None:
        assert self._socket is not None  # noqa: S101 - set by start
        limits = self._config.limits
        gatherer = self._gatherer()
        front = self._front(gatherer)
        phishing, n_sockets = self._phishing, 0
        if phishing is not None:
            phishing.start()
            n_sockets = self._config.phishing.sockets
        server = self._server = uvicorn.Server(
            uvicorn.Config(
                front,
                http=bounded(limits.header_kib * 1024),
                ws="websockets-sansio" if phishing is not None else "none",
                ws_max_size=MAX_MESSAGE_BYTES,
                ws_ping_interval=HEARTBEAT_S,
                ws_ping_timeout=HEARTBEAT_S,
                ws_per_message_deflate=False,  # messages are short, and memory is per connection
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                limit_concurrency=limits.connections + n_sockets,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        gatherer.start()
        slow = asyncio.create_task(self._cut_slow(server))
        ready = asyncio.create_task(self._tell_ready(server))
        try:
            await server.serve(sockets=[self._socket])
        finally:
            slow.cancel()
            ready.cancel()
            if phishing is not None:
                phishing.stop()
            gatherer.stop()

    def _gatherer(self) -> Gatherer | Lanes:
        inference = self._config.inference
        size = self._config.queue.size

        def gatherer(scorers: list[WebScorer], queue_size: int, batch_size: int) -> Gatherer:
            return Gatherer(
                scorers,
                queue_size=queue_size,
                batch_size=batch_size,
                batch_wait_s=inference.batch_timeout_ms / 1e3,
                timeout_s=self._config.timeout_s,
                halted=self._halted,
                observer=self._observe,
                n_open=self._n_connections,
            )

        short = gatherer(self._scorers, size, inference.batch_size)
        if self._long_scorer is None:
            return short
        most = max(MAX_LONG, self._config.most_per_call)  # a whole call must fit
        return Lanes(short, gatherer([self._long_scorer], min(size, most), 1))

    def _front(self, gatherer: Gatherer | Lanes) -> Front:
        config = self._config
        limiter = RateLimiter(config.rate_limit)
        parts = Parts(
            config,
            gatherer,
            limiter,
            self.metrics,
            self._scorers[0].info,
            halted=self._halted,
            events=self._events,
            recording=self._trouble,
            phishing=self._phishing.info if self._phishing is not None else lambda: None,
            analysis=self._phishing.brief if self._phishing is not None else lambda: None,
        )
        self._watch(gatherer, limiter)
        routes = make_routes(Endpoints(parts))
        guard = Guard(self._token, config.allowed_hosts, config.allowed_origins)
        limit = config.limits.body_kib * 1024
        if self._phishing is None:
            return Front(routes, guard, self.metrics, limit, make_description(routes))
        routes |= self._phishing.open(guard, limiter, self.metrics)
        app = make_description(routes, self._phishing.described)
        return Front(routes, guard, self.metrics, limit, app, self._phishing.hub.serve)

    def _watch(self, gatherer: Gatherer | Lanes, limiter: RateLimiter) -> None:
        watch = self.metrics.watch
        watch("waiting_requests", "Requests that wait to be scored.", lambda: gatherer.n_waiting)
        watch("dropped_requests", "Requests whose client went away.", lambda: gatherer.n_dropped)
        watch("timeouts", "Calls not scored in time.", lambda: gatherer.n_timeouts)
        watch("connections", "Open connections.", self._n_connections)
        watch("halted", "1 while the kill switch is engaged.", lambda: bool(self._halted()))
        for scope in ("global", "address"):
            watch(
                f"rate_limited_{scope}",
                "Calls refused by this rate limit.",
                lambda scope=scope: limiter.n_refused[scope],  # type: ignore[misc]
            )

    def _observe(
        self, requests: Sequence[Checked], verdicts: Sequence[Verdict], seconds: float
    ) -> None:
        self.metrics.scored(verdicts, seconds)
        if self._observer is not None:
            self._observer(requests, verdicts, seconds)

    def _trouble(self) -> str:
        found = self._recording()
        return found or (self._phishing.trouble() if self._phishing is not None else "")

    def _n_connections(self) -> int:
        return len(self._server.server_state.connections) if self._server is not None else 0

    async def _tell_ready(self, server: uvicorn.Server) -> None:
        while not server.started:
            await asyncio.sleep(0.01)
        self._is_ready.set()

    async def _cut_slow(self, server: uvicorn.Server) -> None:
        loop, ending = asyncio.get_running_loop(), Ending()
        while True:
            await asyncio.sleep(_SLOW_LOOK_S)
            ending.look(server.server_state.connections, loop.time())
            before = loop.time() - self._config.limits.read_timeout_s
            for connection in tuple(server.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.close_if_slow(before)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SourceError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another host or port."
        ) from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """A faster loop where it exists: uvloop, about a fifth more calls a second."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
