"""A thousand hostile requests to the real detector: refused or scored, none harms the service."""

import http.client
import json
import random
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.service.scoring import WebScorer
from tests.unit.service.parts import PATIENCE_S, TOKEN, Service, config

N_REQUESTS = 1_000
MAX_S = 20.0  # for one call; the machine may be busy
MAX_GROWTH_MIB = 150
pytestmark = pytest.mark.skipif(
    not Path(RESIDENT := "/proc/self/status").exists(), reason="reads Linux memory figures"
)


class _Real(Service):
    """The service with the shipped model."""

    def __init__(self, **values: Any) -> None:
        super().__init__(WebScorer.load(config(**values)), **values)  # type: ignore[arg-type]

    def __exit__(self, *what: object) -> None:
        assert self.server.stop()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with _Real(limits__body_kib=256, timeout_s=PATIENCE_S) as found:
        yield found


def deep(n: int, left: str = "[", right: str = "]") -> bytes:
    return b'{"path":"/","body":' + (left * n + right * n).encode() + b"}"


def encoded(text: str, n: int) -> str:
    """Percent-encoded again and again."""
    for _ in range(n):
        text = "".join(f"%{byte:02x}" for byte in text.encode())[:60_000]
    return text


def hostile(rng: random.Random) -> bytes | str | dict[str, Any]:
    """One body; a dict or text is sent as JSON."""
    n = rng.choice((10, 1_000, 50_000))
    kinds: list[Any] = [
        lambda: rng.randbytes(n),
        lambda: json.dumps({"path": "/"})[: rng.randrange(13)].encode(),
        lambda: {"path": "/" + "a" * n},
        lambda: {"path": "/", "query": "\0" * n},
        lambda: {"path": "/", "body": "\0\r\n\x1b[2J" * (n // 10)},
        lambda: {"path": "/\ud800"},
        lambda: b'{"path":"/\\udfff\\ud800"}',
        lambda: deep(n),
        lambda: deep(n, '{"a":', "}"),
        lambda: {"path": "/", "body": "[" * n},
        lambda: {"path": "/", "body": "<a>" * (n // 3)},
        lambda: b'{"path":"/","query_params":{"a":' + b"9" * n + b"}}",
        lambda: b'{"path":"/","query_params":{"a":1e' + b"9" * n + b"}}",
        lambda: b'{"path":1e999}',
        lambda: b'{"path":NaN}',
        lambda: b'{"path":"/","path":"/"}',
        lambda: {"path": ["/"] * 10},
        lambda: {"path": "/", "headers": {f"x-{i}": "1" for i in range(300)}},
        lambda: {"path": "/", "headers": {"x": "\r\nSet-Cookie: a=b"}},
        lambda: {"path": "/", "query": encoded("<script>", rng.randrange(1, 7))},
        lambda: {"path": "/", "query": "%25" * (n // 3) + "3c"},
        lambda: {"path": "/", "query": "&amp;" * (n // 5)},
        lambda: {"path": "/", "query": "%u003c%c0%bc" * (n // 12)},
        lambda: {"path": "/", "query": "a=" + "=&a=".join("x" * 3 for _ in range(n // 10))},
        lambda: {"path": "/" + "../" * (n // 3)},
        lambda: {"path": "/", "body": '<!ENTITY a "&b;&b;">' * (n // 20)},
        lambda: {"path": "/", "body": zlib.compress(b"a" * 10_000_000).hex()},
        lambda: {"path": "/", "method": "G" * n},
        lambda: {"path": "/", "client_ip": "1.2.3.4" * n},
        lambda: {"path": "/" + chr(rng.randrange(0x10000, 0x10FFFF)) * (n // 8)},
        lambda: rng.choice([[], "", None, 1, True, {}, [[]], "x" * n]),
        lambda: b"\xff" * n,
        lambda: b" " * n + b'{"path":"/"}',
    ]
    return rng.choice(kinds)()  # type: ignore[no-any-return]


def resident_mib() -> float:
    with open(RESIDENT, encoding="ascii") as file:  # noqa: PTH123 - a special file
        line = next(line for line in file if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.timeout(600)
def test_a_thousand_hostile_requests_are_refused_or_scored(service: Service) -> None:
    rng = random.Random(11)  # noqa: S311 - made-up attacks
    connection = service.connect()
    statuses: dict[int, int] = {}
    slowest_s = 0.0
    grown_from = 0.0
    for number in range(N_REQUESTS):
        body = hostile(rng)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {TOKEN.decode()}",
            "Content-Type": "application/json",
        }
        if rng.random() < 0.05:
            data, headers["Content-Encoding"] = zlib.compress(b"a" * 10_000_000), "deflate"
        began = time.monotonic()
        try:
            connection.request("POST", rng.choice(("/check", "/check/batch")), data, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (ConnectionError, http.client.HTTPException):
            # Refused by its length: answered and closed before all of it was sent.
            assert len(data) > 256 * 1024
            connection.close()
            continue
        slowest_s = max(slowest_s, time.monotonic() - began)
        statuses[status] = statuses.get(status, 0) + 1
        told = json.loads(text)
        assert status == 200 or told["error"]["message"], (status, data[:100])
        if number == N_REQUESTS // 2:
            grown_from = resident_mib()
    connection.close()
    assert statuses.keys() <= {200, 400, 413, 415, 422}, statuses
    assert statuses[200] > 50
    assert slowest_s < MAX_S
    assert resident_mib() - grown_from < MAX_GROWTH_MIB
    assert service.check({"path": "/index.html"})[2]["is_threat"] is False
