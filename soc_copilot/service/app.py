"""The service's endpoints: what is answered to whom, apart from HTTP and from threads."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec

from soc_copilot import __version__
from soc_copilot.detection.web.detector import Verdict
from soc_copilot.detection.web.request import Request
from soc_copilot.service.config import ServiceConfig
from soc_copilot.service.events import EventScorer, read_events
from soc_copilot.service.gathering import Connection
from soc_copilot.service.lanes import Queue
from soc_copilot.service.limits import RateLimiter
from soc_copilot.service.metrics import CONTENT_TYPE, Metrics
from soc_copilot.service.scoring import ModelInfo, told
from soc_copilot.service.wire import (
    Checked,
    RefusedError,
    is_address,
    read_batch,
    read_check,
    read_json,
)

JSON: Final = b"application/json"

# Headers of a call by nginx that are about the call, not about the visitor's request.
_OURS: Final = frozenset(
    (b"host", b"authorization", b"content-length", b"transfer-encoding", b"connection",
     b"x-original-method", b"x-original-uri", b"x-original-host", b"x-original-authorization",
     b"x-original-origin", b"x-real-ip")
)  # fmt: skip
_RENAMED: Final = (
    (b"x-original-host", "host"),
    (b"x-original-authorization", "authorization"),
    (b"x-original-origin", "origin"),
)

_INLINE_BYTES: Final = 32 * 1024  # chosen: read in less than a millisecond

Header = tuple[bytes, bytes]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in, with its whole body.

    Attributes:
        headers: By name in lower case; a visitor's that stand several times are joined.
        address: Of who called.
        connection: Where the answer goes, as far as that can be told.
    """

    method: str
    headers: Mapping[bytes, bytes]
    body: bytes
    address: str
    connection: Connection | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()
    content_type: bytes = JSON


Endpoint = Callable[[Call], Awaitable[Answer]]


@dataclass(slots=True)
class Parts:
    """What the endpoints work with.

    Attributes:
        halted: Why nothing may be scored now; empty when it may.
        events: Scores host events; None where that is switched off.
        recording: What is wrong with recording, one sentence; empty when nothing is.
        phishing: Tells of the phishing models.
        analysis: Tells how the phishing pipeline stands, without secrets; None where it is off.
    """

    config: ServiceConfig
    gatherer: Queue
    limiter: RateLimiter
    metrics: Metrics
    info: ModelInfo
    halted: Callable[[], str] = lambda: ""
    events: EventScorer | None = None
    recording: Callable[[], str] = lambda: ""
    phishing: Callable[[], dict[str, Any] | None] = lambda: None
    analysis: Callable[[], dict[str, Any] | None] = lambda: None
    began_s: float = field(default_factory=time.monotonic)


class Endpoints:
    """One method for each endpoint.

    Thread:
        The event loop's; nothing here blocks it.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)

    async def check(self, call: Call) -> Answer:
        """Score one request."""
        began = time.perf_counter()
        self._admit(call, 1)
        checked = await _parsed(call.body, read_check)
        (verdict,) = await self._parts.gatherer.submit((checked,), call.connection)
        answer = self._stamp(began)
        if checked.id:
            answer["id"] = checked.id
        answer.update(told(verdict, self._parts.info))
        return Answer(200, msgspec.json.encode(answer))

    async def check_batch(self, call: Call) -> Answer:
        """Score several requests."""
        began = time.perf_counter()
        self._refuse_if_halted()
        most = self._parts.config.most_per_call
        batch = await _parsed(call.body, lambda value: read_batch(value, most))
        self._parts.limiter.take(call.address, len(batch))
        verdicts = await self._parts.gatherer.submit(batch, call.connection)
        answer = self._stamp(began)
        info = self._parts.info
        answer["n_threats"] = sum(verdict.is_threat for verdict in verdicts)
        answer["results"] = [
            {"id": checked.id, **told(verdict, info)} if checked.id else told(verdict, info)
            for checked, verdict in zip(batch, verdicts, strict=True)
        ]
        return Answer(200, msgspec.json.encode(answer))

    async def check_nginx(self, call: Call) -> Answer:
        """Score the request that nginx asks about by `auth_request`: 200 lets it in, 403 not."""
        began = time.perf_counter()
        self._admit(call, 1)
        checked = read_original(call, "")
        (verdict,) = await self._parts.gatherer.submit((checked,), call.connection)
        stamp = self._stamp(began)
        headers: tuple[Header, ...] = (
            (b"x-soc-verdict", b"threat" if verdict.is_threat else b"pass"),
            (b"x-soc-score", b"%.6f" % verdict.score),
            (b"x-soc-class", verdict.kind.encode("ascii", "replace")),
            (b"x-soc-request-id", stamp["request_id"].encode("ascii")),
        )
        if not verdict.is_threat:
            return Answer(200, b"", headers)
        stamp.update(told(verdict, self._parts.info))
        return Answer(403, msgspec.json.encode(stamp), headers)

    async def check_mirror(self, call: Call) -> Answer:
        """Queue the request that nginx mirrors, body and all; answered before it is scored."""
        self._admit(call, 1)
        checked = read_original(call, call.body.decode("utf-8", "backslashreplace"))
        future = self._parts.gatherer.submit((checked,))
        future.add_done_callback(_forget)
        return Answer(204, b"")

    async def predict(self, call: Call) -> Answer:
        """Score host events."""
        began = time.perf_counter()
        scorer = self._parts.events
        if scorer is None:
            raise RefusedError(
                404, "not_found", "Host events are switched off; see host_events in the settings."
            )
        self._refuse_if_halted()
        most = self._parts.config.most_per_call
        events = await _parsed(call.body, lambda value: read_events(value, most))
        self._parts.limiter.take(call.address, len(events))
        results = await scorer.submit(events)
        answer = self._stamp(began)
        answer["n_threats"] = sum(bool(result["is_threat"]) for result in results)
        answer["model_version"] = scorer.version
        answer["results"] = results
        return Answer(200, msgspec.json.encode(answer))

    async def health(self, call: Call) -> Answer:
        """Whether requests are scored now; needs no token and tells nothing secret."""
        reason = self._parts.halted() and "The kill switch is engaged."
        trouble = reason or self._parts.recording()
        told_state: dict[str, Any] = {
            "status": "halted" if reason else "degraded" if trouble else "ok",
            "detail": trouble,
        }
        if (analysis := self._parts.analysis()) is not None:
            told_state["phishing"] = analysis
        return Answer(503 if reason else 200, msgspec.json.encode(told_state))

    async def model_info(self, call: Call) -> Answer:
        """Which models are loaded, and what they take for a threat."""
        parts = self._parts
        answer: dict[str, Any] = {
            "version": __version__,
            "uptime_s": round(time.monotonic() - parts.began_s, 1),
            "web": {
                "model_version": parts.info.version,
                "budget": parts.info.budget,
                "threshold": parts.info.shown_threshold,
                "device": parts.info.device,
            },
            "host": parts.events.info() if parts.events is not None else None,
            "phishing": parts.phishing(),
            "limits": msgspec.to_builtins(parts.config.limits),
            "rate_limit": msgspec.to_builtins(parts.config.rate_limit),
        }
        return Answer(200, msgspec.json.encode(answer))

    async def metrics(self, call: Call) -> Answer:
        """Counters in Prometheus's text format."""
        return Answer(200, self._parts.metrics.text(), content_type=CONTENT_TYPE)

    def _admit(self, call: Call, n: int) -> None:
        self._refuse_if_halted()
        self._parts.limiter.take(call.address, n)

    def _refuse_if_halted(self) -> None:
        if reason := self._parts.halted():
            raise RefusedError(503, "kill_switch", reason)

    def _stamp(self, began: float) -> dict[str, Any]:
        """What every answer begins with."""
        return {
            "request_id": f"{self._prefix}-{next(self._numbers):x}",
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "took_ms": round((time.perf_counter() - began) * 1e3, 3),
        }


async def _parsed(body: bytes, read: Callable[[Any], T]) -> T:
    """What a JSON body says; a long one is read on another thread."""
    if len(body) <= _INLINE_BYTES:
        return read(read_json(body))
    return await asyncio.to_thread(lambda: read(read_json(body)))


def read_original(call: Call, body: str) -> Checked:
    """The visitor's request, of which nginx tells in headers.

    Args:
        call: X-Original-URI holds its target, X-Original-Method its method, X-Real-IP who sent
            it; all other headers are the visitor's own.
        body: The visitor's.

    Raises:
        RefusedError: X-Original-URI is missing (422).
    """
    found = call.headers
    target = found.get(b"x-original-uri")
    if not target:
        raise RefusedError(
            422,
            "bad_request",
            'The header "X-Original-URI" is missing; in nginx: '
            "proxy_set_header X-Original-URI $request_uri;",
        )
    path, _, query = _latin(target).partition("?")
    headers = {_latin(name): _latin(text) for name, text in found.items() if name not in _OURS}
    headers.update((to, _latin(found[name])) for name, to in _RENAMED if name in found)
    client = _latin(found.get(b"x-real-ip", b""))
    method = _latin(found.get(b"x-original-method", b"")) or call.method
    request = Request(method[:32], path, query, headers, body)
    return Checked(request, client if is_address(client) else "")


def _latin(raw: bytes) -> str:
    """Bytes of a head as text: UTF-8 where they are, else each as it is."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _forget(future: "asyncio.Future[Sequence[Verdict]] | asyncio.Future[list[Verdict]]") -> None:
    """Take note of how it ended, so that nobody complains that nobody did."""
    if not future.cancelled():
        future.exception()
