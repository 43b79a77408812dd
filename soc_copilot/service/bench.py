"""How fast the service answers: clients in a process of their own, over loopback."""

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote_plus

import numpy as np
from typing_extensions import override

from soc_copilot.domain.errors import SourceError

CONCURRENT: Final = (1, 20, 100)
_REQUESTS: Final = 20_000  # chosen: distinct ones, sent again and again where more are asked for
_ATTACK_SHARE: Final = 0.05  # chosen: above what a busy site sees
_SEED: Final = 5
_WARM_S: Final = 1.0
_END_S: Final = 10.0  # chosen: for the last answers
_FIRST_S: Final = 60.0  # chosen: for the first answer, on a machine that does much else
_LOOK_S: Final = 0.01
_ATTACKS: Final = (
    "1' or '1'='1", "1 union select user,password from users--", "<script>alert(1)</script>",
    "../../../../etc/passwd", ";cat /etc/passwd", "{{7*7}}", "${jndi:ldap://192.0.2.1/a}",
    "http://169.254.169.254/latest/meta-data/", "<img src=x onerror=alert(1)>", "|id", "%0d%0aX:1",
)  # fmt: skip
_WORDS: Final = (
    "red", "shoes", "blue", "shirt", "garden", "lamp", "table", "winter", "coat", "small",
    "running", "cotton", "leather", "kitchen", "summer", "wooden",
)  # fmt: skip
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 "
    "Mobile/15E148 Safari/604.1",
)


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """What one measurement found.

    Attributes:
        rate_per_s: Requests a second that were to be sent; 0 for as many as are answered.
        n_requests: Answered.
        n_errors: Answers other than 200, and connections that broke.
        p50_ms, p99_ms: From when a request was to be sent to its answer.
    """

    concurrent: int
    rate_per_s: float
    n_requests: int
    n_errors: int
    requests_per_s: float
    p50_ms: float
    p99_ms: float

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return asdict(self)


def made_up(n: int, seed: int = _SEED) -> list[dict[str, Any]]:
    """Requests of our own making, each distinct, some of them attacks."""
    rng = random.Random(seed)  # noqa: S311 - made-up traffic
    rows = []
    for i in range(n):
        value = "+".join(rng.sample(_WORDS, 3))
        if rng.random() < _ATTACK_SHARE:
            value = quote_plus(rng.choice(_ATTACKS))
        rows.append(
            {
                "method": "GET",
                "path": f"/shop/{rng.choice(_WORDS)}/{i}",
                "query": f"q={value}&page={rng.randrange(40)}&session={rng.getrandbits(48):x}",
                "headers": {
                    "Host": "shop.example",
                    "User-Agent": rng.choice(_AGENTS),
                    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
                    "Referer": f"https://shop.example/{rng.choice(_WORDS)}",
                    "Cookie": f"sid={rng.getrandbits(64):016x}; cart={rng.randrange(99)}",
                },
            }
        )
    return rows


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What clients are to do.

    Attributes:
        port: Of the service on this machine.
        token: Its bearer token.
        concurrent: Kept connections.
        seconds: How long, after a second to get warm; longer until something is answered.
        rate_per_s: Over all connections; 0 sends the next on each as soon as one is answered.
        path: Of the endpoint.
    """

    port: int
    token: str
    concurrent: int
    seconds: float
    rate_per_s: float = 0.0
    path: str = "/check"


def drive(plan: LoadPlan, bodies: Sequence[bytes]) -> LoadFigures:
    """Send requests over kept connections."""
    messages = [_message(plan, body) for body in bodies]
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_drive(plan, messages))


def _message(plan: LoadPlan, body: bytes) -> bytes:
    return (
        b"POST %b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        % (plan.path.encode("ascii"), plan.port, plan.token.encode("ascii"), len(body), body)
    )


class _Load:
    """What all connections share."""

    def __init__(self, messages: Sequence[bytes], rate_per_s: float) -> None:
        self._messages = messages
        self._at = 0
        self._step_s = 1.0 / rate_per_s if rate_per_s else 0.0
        self._due_s = time.perf_counter()
        self.latencies_s: list[float] = []
        self.n_errors = 0
        self.is_over = False

    def next(self) -> bytes:
        self._at += 1
        return self._messages[self._at % len(self._messages)]

    def due_s(self) -> float:
        """When the next request is to be sent."""
        if not self._step_s:
            return time.perf_counter()
        self._due_s += self._step_s
        return self._due_s


class _Client(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._sent_s = 0.0
        self.is_done = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._send()

    def _send(self) -> None:
        self._sent_s = self._load.due_s()
        wait_s = self._sent_s - time.perf_counter()
        if wait_s > 0:
            asyncio.get_running_loop().call_later(wait_s, self._send_now)
        else:
            self._send_now()

    def _send_now(self) -> None:
        assert self._transport is not None  # noqa: S101 - connected
        if self._load.is_over:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.write(self._load.next())

    @override
    def data_received(self, data: bytes) -> None:
        self._data += data
        head, mark, body = self._data.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self._data = b""
        self._load.latencies_s.append(time.perf_counter() - self._sent_s)
        self._load.n_errors += not head.startswith(b"HTTP/1.1 200")
        self._send()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._load.n_errors += not self._load.is_over
        if not self.is_done.done():
            self.is_done.set_result(None)


async def _drive(plan: LoadPlan, messages: Sequence[bytes]) -> LoadFigures:
    load = _Load(messages, plan.rate_per_s)
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: _Client(load), "127.0.0.1", plan.port))[1]
        for _ in range(plan.concurrent)
    ]
    await _measured(load, min(_WARM_S, plan.seconds))
    load.latencies_s.clear()
    began = time.perf_counter()
    await _measured(load, plan.seconds)
    took_s = time.perf_counter() - began
    found = np.array(load.latencies_s)
    load.is_over = True
    await asyncio.wait([client.is_done for client in clients], timeout=_END_S)
    p50, p99 = np.percentile(found, (50, 99)) * 1e3
    return LoadFigures(
        concurrent=plan.concurrent,
        rate_per_s=plan.rate_per_s,
        n_requests=len(found),
        n_errors=load.n_errors,
        requests_per_s=len(found) / took_s,
        p50_ms=float(p50),
        p99_ms=float(p99),
    )


async def _measured(load: _Load, seconds: float) -> None:
    """Go on for so long, and until something was answered.

    Raises:
        SourceError: Nothing was.
    """
    await asyncio.sleep(seconds)
    until = time.perf_counter() + _FIRST_S
    while not load.latencies_s:
        if load.n_errors or time.perf_counter() > until:
            raise SourceError("The service does not answer: there is nothing to measure.")
        await asyncio.sleep(_LOOK_S)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def drive_apart(plan: LoadPlan, requests: Path) -> LoadFigures:
    """As `drive`, in a process of its own: clients must not wait for the service's Python.

    Args:
        plan: What to do.
        requests: File of JSON bodies, one a line.

    Raises:
        SourceError: The clients did not end well.
    """
    command = [sys.executable, "-m", "soc_copilot.service.bench"]
    given = json.dumps([asdict(plan), str(requests)])
    found = subprocess.run(command, input=given, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    if found.returncode:
        raise SourceError(f"The clients failed: {found.stderr.strip()[-500:]}")
    return LoadFigures(**json.loads(found.stdout))


def _main() -> None:
    plan, path = json.load(sys.stdin)
    figures = drive(LoadPlan(**plan), Path(path).read_bytes().splitlines())
    sys.stdout.write(json.dumps(figures.to_json()))


if __name__ == "__main__":
    _main()
