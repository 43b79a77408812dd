"""What the service's tests share: a scorer without a model, and a client."""

import http.client
import json
import threading
from collections.abc import Sequence
from typing import Any

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.service.config import ServiceConfig, make_config
from soc_copilot.service.scoring import ModelInfo
from soc_copilot.service.server import CheckServer
from soc_copilot.service.wire import Checked

TOKEN = b"test-token-" + b"x" * 32
PATIENCE_S = 30.0


class FakeScorer:
    """Takes requests whose path or query holds "attack" for SQL injection.

    Holds every batch while `gate` is cleared; fails on a path that holds "fail".
    """

    def __init__(self, threshold: float = 0.9) -> None:
        self.info = ModelInfo("fake-1", "0.1%", threshold, "cpu")
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.batches: list[list[Checked]] = []
        self.is_closed = False

    def score(self, requests: Sequence[Checked]) -> list[Verdict]:
        self.batches.append(list(requests))
        self.entered.set()
        assert self.gate.wait(PATIENCE_S)
        if any("fail" in checked.request.path for checked in requests):
            raise RuntimeError("as asked for")
        return [self._verdict(checked) for checked in requests]

    def _verdict(self, checked: Checked) -> Verdict:
        request = checked.request
        if "attack" not in request.target + request.body:
            return Verdict(0.1, is_threat=False, kind="", reasons=())
        return Verdict(
            0.99, is_threat=True, kind="sqli", reasons=("Because.",), technique="T1190",
            capec="CAPEC-66", part="query", marked=((0, 1),), text="attack", decoding=("percent",),
        )  # fmt: skip

    def close(self) -> None:
        self.is_closed = True


def config(**values: Any) -> ServiceConfig:
    """A configuration on a free port without rate limits and host events; "__" for a dot."""
    named = {key.replace("__", "."): value for key, value in values.items()}
    off = {"rate_limit.global_per_s": 0, "rate_limit.per_address_per_s": 0, "host_events": "no"}
    return make_config({"port": 0, **off, **named})


class Service:
    """A running service, and a client for it."""

    def __init__(self, scorer: FakeScorer | None = None, **values: Any) -> None:
        self.scorer = scorer or FakeScorer()
        ours = ("halted", "observer", "recording", "long_scorer", "phishing")
        given = {key: values.pop(key) for key in ours if key in values}
        self.server = CheckServer(config(**values), TOKEN, [self.scorer], **given)

    def __enter__(self) -> "Service":
        self.server.start()
        return self

    def __exit__(self, *what: object) -> None:
        self.scorer.gate.set()
        assert self.server.stop()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE_S)

    def call(
        self, method: str, path: str, body: Any = None, **headers: str | None
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON body; a header that is None is left out."""
        sent: dict[str, str | None] = {"Authorization": f"Bearer {TOKEN.decode()}"}
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connect()
        try:
            final = {name: value for name, value in sent.items() if value is not None}
            connection.request(method, path, data, final)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        is_json = answer.getheader("content-type") == "application/json" and raw
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(raw) if is_json else raw

    def check(self, body: Any, **headers: str | None) -> tuple[int, dict[str, str], Any]:
        return self.call("POST", "/check", body, **headers)
