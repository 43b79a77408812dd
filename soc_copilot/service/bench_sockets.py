"""How fast live updates go out: listeners in a process of their own, over loopback."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

from typing_extensions import override

from soc_copilot.domain.errors import SourceError
from soc_copilot.service.analysis import AnalysisSide
from soc_copilot.service.files import allow_connections
from soc_copilot.service.sockets import MAX_PER_USER

_AT_ONCE: Final = 50  # chosen: handshakes under way
_PATIENCE_S: Final = 60.0
_AHEAD: Final = 32  # chosen: messages that may be on their way to each; 256 would be too slow
_LOOK_S: Final = 0.002
_MESSAGE: Final[dict[str, Any]] = {
    "type": "analysis_update",
    "request_id": "0123456789ab-ffff",
    "status": "done",
    "content_type": "url",
    "prediction": "phish",
    "score": 0.912345,
    "confidence": 0.812345,
    "degraded": False,
    "cached": False,
    "timestamp": "2026-01-01T00:00:00.000000Z",
}


@dataclass(frozen=True, slots=True)
class SocketFigures:
    """What was measured.

    Attributes:
        messages_per_s: Over all clients, as they arrived.
    """

    clients: int
    n_messages: int
    messages_per_s: float

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Plan:
    port: int
    token: str
    clients: int
    seconds: float


class _Listener(asyncio.Protocol):
    """One connection: all messages are equally long, so bytes tell how many came."""

    def __init__(self, head: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._head = head
        self._start = b""
        self.n_bytes = 0
        self.is_open: asyncio.Future[None] = loop.create_future()
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._head)

    @override
    def data_received(self, data: bytes) -> None:
        if self.is_open.done():
            self.n_bytes += len(data)
            return
        self._start += data
        head, mark, rest = self._start.partition(b"\r\n\r\n")
        if not mark:
            return
        if not head.startswith(b"HTTP/1.1 101"):
            self.is_open.set_exception(SourceError(f"Refused: {head[:60]!r}"))
            return
        self.n_bytes = len(rest)
        self.is_open.set_result(None)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_open.done():
            self.is_open.set_exception(SourceError("The connection was closed."))


async def _listen(plan: _Plan, say: Callable[[], None]) -> tuple[int, float]:
    """Bytes that came within the time, and the time."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def opened(number: int) -> _Listener:
        head = (
            f"GET /ws/bench-{number // MAX_PER_USER} HTTP/1.1\r\nHost: 127.0.0.1:{plan.port}\r\n"
            f"Authorization: Bearer {plan.token}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        async with gate:
            _, made = await loop.create_connection(
                lambda: _Listener(head.encode()), "127.0.0.1", plan.port
            )
            await asyncio.wait_for(made.is_open, _PATIENCE_S)
        return made

    listeners = await asyncio.gather(*[opened(number) for number in range(plan.clients)])
    say()
    until = time.perf_counter() + _PATIENCE_S
    while not all(one.n_bytes for one in listeners):
        if time.perf_counter() > until:
            raise SourceError("Some listeners hear nothing.")
        await asyncio.sleep(_LOOK_S)
    before, began = sum(one.n_bytes for one in listeners), time.perf_counter()
    await asyncio.sleep(plan.seconds)
    took_s = time.perf_counter() - began
    return sum(one.n_bytes for one in listeners) - before, took_s


def bench_sockets(
    side: AnalysisSide, port: int, token: str, clients: int, seconds: float
) -> SocketFigures:
    """Tell everyone something as fast as it goes out.

    Raises:
        SourceError: The listeners did not end well.
    """
    given = json.dumps(asdict(_Plan(port, token, clients, seconds)))
    command = [sys.executable, "-m", "soc_copilot.service.bench_sockets", given]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None  # noqa: S101 - a pipe
        assert child.stderr is not None  # noqa: S101 - a pipe
        if child.stdout.readline() != "ready\n":
            raise SourceError(f"The listeners failed: {child.stderr.read()[-500:]}")
        sent, before = 0, side.hub.n_sent
        while child.poll() is None:
            if sent * clients - (side.hub.n_sent - before) < _AHEAD * clients:
                side.tell_all(_MESSAGE)
                sent += 1
            else:
                time.sleep(_LOOK_S)
        found, failed = child.stdout.read(), child.stderr.read()
    if child.returncode:
        raise SourceError(f"The listeners failed: {failed[-500:]}")
    n_bytes, took_s = json.loads(found)
    n = n_bytes // _frame_bytes()
    return SocketFigures(clients, n, n / took_s)


def _frame_bytes() -> int:
    """A message on the wire: RFC 6455, unmasked, 126 to 65,535 bytes long."""
    import msgspec

    return 4 + len(msgspec.json.encode(_MESSAGE))


def _main() -> None:
    def say() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    plan = _Plan(**json.loads(sys.argv[1]))
    allow_connections(plan.clients)
    sys.stdout.write(json.dumps(asyncio.run(_listen(plan, say))))


if __name__ == "__main__":
    _main()
