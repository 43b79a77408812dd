"""The service's door (ASGI): who may come in, how much is read, how refusals are told."""

import logging
import math
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from soc_copilot.service.app import JSON, Answer, Call, Endpoint, Endpoints
from soc_copilot.service.metrics import Metrics
from soc_copilot.service.security import Guard
from soc_copilot.service.wire import RefusedError

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CALL: Final = "soc_copilot.call"  # key of a scope: the call that was let in
CYCLE: Final = "soc_copilot.cycle"  # key of a scope: uvicorn's cycle, where there is one
ANY: Final = frozenset[str]()
_GET: Final = frozenset({"GET"})
_POST: Final = frozenset({"POST"})
_PLAIN: Final = (b"identity", b"")
# Never kept by a browser or proxy, never taken for another type.
_ALWAYS: Final = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class ClientGoneError(Exception):
    """The client went away before its call was complete."""


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and what it takes.

    Attributes:
        name: In metrics.
        methods: Empty for any.
        is_open: Needs no token.
        is_json: Takes a JSON body; else whatever body comes is the visitor's or nobody's.
        is_hot: Answered here, without the framework's way to it, which costs more than scoring.
    """

    name: str
    endpoint: Endpoint
    methods: frozenset[str] = _GET
    is_open: bool = False
    is_json: bool = False
    is_hot: bool = False


def make_routes(endpoints: Endpoints) -> dict[str, Route]:
    """Every endpoint by path."""
    return {
        "/check": Route("check", endpoints.check, _POST, is_json=True, is_hot=True),
        "/check/batch": Route("check_batch", endpoints.check_batch, _POST, is_json=True),
        "/check/nginx": Route("check_nginx", endpoints.check_nginx, _GET, is_hot=True),
        "/check/mirror": Route("check_mirror", endpoints.check_mirror, ANY, is_hot=True),
        "/predict": Route("predict", endpoints.predict, _POST, is_json=True),
        "/health": Route("health", endpoints.health, is_open=True),
        "/model/info": Route("model_info", endpoints.model_info),
        "/metrics": Route("metrics", endpoints.metrics),
    }


class Front:
    """Lets calls in, reads their bodies within limits, and answers them.

    Args:
        routes: Endpoints by path.
        guard: Says who may come in.
        metrics: Told of every answer.
        max_body_bytes: Of a call.
        app: Answers all that is not hot.
        sockets: Holds WebSockets; None where there are none.
    """

    def __init__(
        self,
        routes: dict[str, Route],
        guard: Guard,
        metrics: Metrics,
        max_body_bytes: int,
        app: App,
        sockets: App | None = None,
    ) -> None:
        self._routes = routes
        self._guard = guard
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._app = app
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] == "websocket" and self._sockets is not None:
            await self._sockets(scope, receive, send)
        if scope["type"] != "http":
            return  # the server is told to speak nothing else
        began = time.perf_counter()
        route = self._routes.get(scope["path"])
        name = route.name if route is not None else "other"
        try:
            found = dict(scope["headers"])
            is_open = route is None or route.is_open
            self._guard.check(scope["headers"], found, is_open=is_open)
            if route is not None:
                scope[CALL] = await self._read(route, scope, found, receive)
        except RefusedError as error:
            answer = refused(error)
        except ClientGoneError:
            return
        else:
            if route is None or not route.is_hot:
                status = await self._pass_on(scope, receive, send)
                self._metrics.answered(name, status, time.perf_counter() - began, scope["method"])
                return
            answer = await answer_of(route, scope[CALL])
        await _send(send, answer)
        self._metrics.answered(name, answer.status, time.perf_counter() - began, scope["method"])

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Let the framework answer; returns the status."""
        status = 0

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_ALWAYS]
            await send(message)

        await self._app(scope, receive, watched)
        return status

    async def _read(
        self, route: Route, scope: Scope, found: dict[bytes, bytes], receive: Receive
    ) -> Call:
        method = scope["method"]
        if route.methods and method not in route.methods:
            allowed = ", ".join(sorted(route.methods))
            raise RefusedError(405, "bad_method", f"This endpoint takes {allowed}.")
        if route.is_json:
            _check_type(found)
        length = found.get(b"content-length")
        if length is not None and int(length) > self._max_body_bytes:
            raise self._too_large()
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body") or message["type"] != "http.request":
            body = await self._rest(message, receive)
        elif len(body) > self._max_body_bytes:
            raise self._too_large()
        if not route.is_json and len(found) != len(scope["headers"]):
            found = _joined(scope["headers"])
        client = scope["client"]
        return Call(method, found, body, client[0] if client else "", scope.get(CYCLE))

    async def _rest(self, message: MutableMapping[str, Any], receive: Receive) -> bytes:
        """A body that comes in parts; read no further than it may be long."""
        parts, n = [], 0
        while True:
            if message["type"] != "http.request":
                raise ClientGoneError
            part = message.get("body", b"")
            n += len(part)
            if n > self._max_body_bytes:
                raise self._too_large()
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)
            message = await receive()

    def _too_large(self) -> RefusedError:
        return RefusedError(
            413, "too_large", f"The body has more than {self._max_body_bytes:,} bytes."
        )


async def answer_of(route: Route, call: Call) -> Answer:
    """What the endpoint answers, refusals included."""
    try:
        return await route.endpoint(call)
    except RefusedError as error:
        return refused(error)
    except Exception:
        logger.exception("A call could not be answered. endpoint=%s", route.name)
        return refused(RefusedError(500, "internal", "The service failed; see its log."))


def refused(error: RefusedError) -> Answer:
    """The answer that tells of a refusal."""
    told: dict[str, Any] = {"code": error.code, "message": str(error)}
    headers: list[tuple[bytes, bytes]] = []
    if error.retry_after_s is not None:
        told["retry_after_s"] = round(error.retry_after_s, 3)
        headers.append((b"retry-after", b"%d" % math.ceil(error.retry_after_s)))
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b'Bearer realm="soc-copilot"'))
    if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", str(error).removeprefix("This endpoint takes ")[:-1].encode()))
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers.append((b"connection", b"close"))  # the rest of the body is not read
    return Answer(error.status, msgspec.json.encode({"error": told}), tuple(headers))


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name, several of one name with commas between: none of a visitor's is lost."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = b"%b, %b" % (found[name], value) if name in found else value
    return found


def _check_type(found: dict[bytes, bytes]) -> None:
    """Only plain JSON: what has to be unpacked first could be a bomb."""
    if found.get(b"content-encoding", b"").lower() not in _PLAIN:
        raise RefusedError(415, "bad_type", "The body must not be compressed.")
    kind = found.get(b"content-type", b"")
    if kind != JSON and kind.partition(b";")[0].strip().lower() != JSON:
        raise RefusedError(415, "bad_type", "The body must be application/json.")


async def _send(send: Send, answer: Answer) -> None:
    headers = [*_ALWAYS, *answer.headers]
    if answer.status != HTTPStatus.NO_CONTENT:
        headers += [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
        ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
