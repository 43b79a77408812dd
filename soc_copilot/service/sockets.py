"""Live updates over WebSockets: who is connected, what each is told, and who is cut off."""

import asyncio
import contextlib
import logging
import re
from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from soc_copilot.service.app import Answer
from soc_copilot.service.front import Receive, Scope, Send, refused
from soc_copilot.service.security import Guard
from soc_copilot.service.wire import RefusedError

logger = logging.getLogger(__name__)

PROTOCOL: Final = "soc-copilot"
MAX_MESSAGE_BYTES: Final = 4_096  # chosen: a ping is 20
MAX_OUTBOX: Final = 256  # chosen: messages that wait for a slow reader; more, and it is cut off
MESSAGES_PER_S: Final = 20  # chosen: from one connection; a heartbeat needs one in 20 s
HEARTBEAT_S: Final = 20.0  # chosen: under the minute after which proxies give up
MAX_PER_USER: Final = 32  # chosen: windows and programs of one person
_GONE_S: Final = 5.0  # chosen: for a refused one to go
CLOSING_S: Final = 5.0  # chosen: what is sent last gets this long to be read
_PATH: Final = re.compile(r"/ws/([A-Za-z0-9._@+-]{1,128})")
_BEARER: Final = "bearer."

# Close codes: RFC 6455 and its registry.
_BAD_DATA: Final = 1003
_POLICY: Final = 1008
_GOING_AWAY: Final = 1001
_TRY_LATER: Final = 1013


class _Socket:
    """One connection."""

    def __init__(self, user_id: str, per_s: int) -> None:
        self.user_id = user_id
        self.outbox: asyncio.Queue[str] = asyncio.Queue(MAX_OUTBOX)
        self.close_code = 0
        self.is_slow = asyncio.Event()
        self._per_s = per_s
        self._came_s: deque[float] = deque()

    def offer(self, text: str) -> bool:
        """Send it soon; False when so much waits already that the reader is given up."""
        try:
            self.outbox.put_nowait(text)
        except asyncio.QueueFull:
            self.close_code = _TRY_LATER
            self.is_slow.set()
            return False
        return True

    def may_say(self, now_s: float) -> bool:
        """False when too many messages came within the last second."""
        came = self._came_s
        while came and came[0] <= now_s - 1.0:
            came.popleft()
        came.append(now_s)
        return len(came) <= self._per_s


class Hub:
    """Everyone who listens.

    Args:
        guard: Says who may come in.
        max_sockets: Open at a time.
        per_s: Messages a second that one connection may send.
        heartbeat_s: After so long without a message one is sent.

    Thread:
        The event loop's.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        max_sockets: int,
        per_s: int = MESSAGES_PER_S,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._guard = guard
        self._max_sockets = max_sockets
        self._per_s = per_s
        self._heartbeat_s = heartbeat_s
        self._by_user: dict[str, set[_Socket]] = {}
        self._n = 0
        self.n_sent = 0
        self.n_cut_off = 0  # readers too slow, senders too fast

    def __len__(self) -> int:
        return self._n

    def tell(self, user_id: str, message: Mapping[str, Any]) -> None:
        """Send a message to every connection of one user."""
        if sockets := self._by_user.get(user_id):
            text = msgspec.json.encode(message).decode()
            for socket in sockets:
                self._offer(socket, text)

    def tell_all(self, message: Mapping[str, Any]) -> None:
        """Send a message to everyone."""
        text = msgspec.json.encode(message).decode()
        for sockets in self._by_user.values():
            for socket in sockets:
                self._offer(socket, text)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold one connection until it ends (ASGI)."""
        await receive()  # websocket.connect
        try:
            user_id = self._admit(scope)
        except RefusedError as error:
            await _refuse(scope, receive, send, refused(error))
            return
        socket = _Socket(user_id, self._per_s)
        self._by_user.setdefault(user_id, set()).add(socket)
        self._n += 1
        try:
            chosen = PROTOCOL if PROTOCOL in scope.get("subprotocols", ()) else None
            await send({"type": "websocket.accept", "subprotocol": chosen})
            await self._hold(socket, receive, send)
        finally:
            self._n -= 1
            sockets = self._by_user[user_id]
            sockets.discard(socket)
            if not sockets:
                del self._by_user[user_id]

    def _admit(self, scope: Scope) -> str:
        """The user's id.

        Raises:
            RefusedError: The connection may not come in.
        """
        found = dict(scope["headers"])
        headers = list(scope["headers"])
        if b"authorization" not in found:  # a web page cannot set it
            for name in scope.get("subprotocols", ()):
                if name.startswith(_BEARER):
                    token = name.removeprefix(_BEARER).encode("ascii", "replace")
                    found[b"authorization"] = b"Bearer " + token
                    headers.append((b"authorization", found[b"authorization"]))
                    break
        self._guard.check(headers, found, is_open=False)
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            raise RefusedError(404, "not_found", "Live updates are at /ws/USER.")
        if self._n >= self._max_sockets:
            raise RefusedError(503, "too_many", "Too many listen already.", 1.0)
        if len(self._by_user.get(match[1], ())) >= MAX_PER_USER:
            raise RefusedError(429, "too_many", "This user listens often enough already.", 1.0)
        return match[1]

    def _offer(self, socket: _Socket, text: str) -> None:
        if socket.close_code == 0 and not socket.offer(text):
            self.n_cut_off += 1

    async def _hold(self, socket: _Socket, receive: Receive, send: Send) -> None:
        """Write and read until either ends, or the reader is too slow."""
        tasks = [
            asyncio.create_task(self._write(socket, send)),
            asyncio.create_task(self._read(socket, receive)),
            asyncio.create_task(_wait(socket.is_slow)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            # A send on a connection that is gone raises an OSError by ASGI's rules.
            if isinstance(end, Exception) and not isinstance(end, OSError):
                logger.error("A WebSocket failed.", exc_info=end)
        if socket.close_code:
            try:
                async with asyncio.timeout(_GONE_S):  # one that does not read holds it up
                    await send({"type": "websocket.close", "code": socket.close_code})
            except (OSError, RuntimeError, TimeoutError):
                logger.debug("A WebSocket was gone before it was closed.")

    async def _write(self, socket: _Socket, send: Send) -> None:
        while True:
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    text = await socket.outbox.get()
            except TimeoutError:
                text = msgspec.json.encode({"type": "ping", "time": _now()}).decode()
            await send({"type": "websocket.send", "text": text})
            self.n_sent += 1

    async def _read(self, socket: _Socket, receive: Receive) -> None:
        """Answer pings until the other side ends, or does not keep to the rules."""
        loop = asyncio.get_running_loop()
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            if not socket.may_say(loop.time()):
                self.n_cut_off += 1
                socket.close_code = _POLICY
                return
            answer = _answer(message.get("text"))
            if answer is None:
                socket.close_code = _BAD_DATA
                return
            if answer and not socket.offer(answer):
                self.n_cut_off += 1
                return

    def close(self) -> None:
        """Ask everyone to go."""
        for sockets in self._by_user.values():
            for socket in sockets:
                socket.close_code = socket.close_code or _GOING_AWAY
                socket.is_slow.set()


def alert_message(code: str, message: str, *, is_active: bool) -> dict[str, Any]:
    """What everyone is told of the system itself."""
    return {
        "type": "system_alert", "code": code, "message": message, "active": is_active,
        "time": _now(),
    }  # fmt: skip


def _answer(text: str | None) -> str | None:
    """What is answered to a message: "" for nothing; None where there is no such message."""
    if text is None or len(text) > MAX_MESSAGE_BYTES:
        return None
    try:
        told = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    kind = told.get("type") if isinstance(told, dict) else None
    if not isinstance(kind, str) or kind not in {"ping", "pong"}:
        return None
    if kind == "pong":
        return ""  # an answer to our heartbeat
    return msgspec.json.encode({"type": "pong", "time": _now()}).decode()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Answer) -> None:
    """Answer the handshake with HTTP, so that the other side learns why."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _POLICY})
        return
    headers = [
        *answer.headers,
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
    ]
    start: MutableMapping[str, Any] = {
        "type": "websocket.http.response.start", "status": answer.status, "headers": headers,
    }  # fmt: skip
    await send(start)
    await send({"type": "websocket.http.response.body", "body": answer.body})
    # uvicorn takes a return before the connection is gone for a mistake, and logs each. It tells
    # of the end twice: of its own closing, and when the connection is gone.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_GONE_S):
            await receive()
            await receive()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Ending:
    """Cuts off connections that are closed and whose other side does not read what is left.

    Thread:
        The event loop's.
    """

    def __init__(self) -> None:
        self._since_s: dict[Any, float] = {}

    def look(self, connections: Iterable[Any], now_s: float) -> int:
        """Abort those that have been closing for too long; returns how many."""
        closing = {
            one
            for one in connections
            if isinstance(one, WebSocketsSansIOProtocol) and one.transport.is_closing()
        }
        since_s = self._since_s
        self._since_s = {one: since_s.get(one, now_s) for one in closing}
        late = [one for one, at_s in self._since_s.items() if now_s - at_s >= CLOSING_S]
        for one in late:
            one.transport.abort()
        return len(late)
