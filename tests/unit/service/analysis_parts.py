"""What the tests of /analyze share: the service over parts without models, and a listener."""

import json
from collections.abc import Sequence
from typing import Any

from websockets.sync.client import ClientConnection, connect

from soc_copilot.domain.errors import ParseError
from soc_copilot.domain.phishing import Content, ContentType
from soc_copilot.service.analysed import AnalysisRecorder
from soc_copilot.service.analysis import AnalysisSide
from tests.unit.phishing.parts import FakePart
from tests.unit.service.parts import PATIENCE_S, TOKEN, Service, config

BEARER = {"Authorization": f"Bearer {TOKEN.decode()}"}


def read(kind: ContentType, raw: bytes, screenshot: bytes | None) -> Content:
    if raw == b"broken":
        raise ParseError("It is broken.")
    return Content(kind, raw, raw.decode("utf-8", "replace"), screenshot=screenshot)


class Analysing(Service):
    """A running service that answers /analyze with fake parts."""

    def __init__(
        self,
        parts: Sequence[FakePart] = (),
        missing: Sequence[tuple[str, str]] = (),
        heartbeat_s: float = PATIENCE_S,
        recorder: AnalysisRecorder | None = None,
        **values: Any,
    ) -> None:
        self.parts = list(parts) or [FakePart("a"), FakePart("b", ("email",))]
        self.reason = ""
        self.alerts: list[str] = []
        values = {"phishing__part_timeout_s": PATIENCE_S, "timeout_s": PATIENCE_S, **values}
        self.side = AnalysisSide(
            config(**values), self.parts, read, missing=missing, halted=lambda: self.reason,
            told=lambda alert: self.alerts.append(alert.code), heartbeat_s=heartbeat_s,
            recorder=recorder,
        )  # fmt: skip
        super().__init__(phishing=self.side, halted=lambda: self.reason, **values)

    def __exit__(self, *what: object) -> None:
        for part in self.parts:
            part.gate.set()
            part.hang.set()
        super().__exit__(*what)

    def analyze(self, content: str, kind: str = "url", **more: Any) -> tuple[int, Any]:
        body = {"content": content, "content_type": kind, **more}
        status, _, answer = self.call("POST", "/analyze", body)
        return status, answer

    def listen(self, user: str = "ann", **options: Any) -> ClientConnection:
        headers = options.pop("headers", BEARER)
        return connect(
            f"ws://127.0.0.1:{self.server.port}/ws/{user}", additional_headers=headers,
            open_timeout=PATIENCE_S, proxy=None, **options,
        )  # fmt: skip


def heard(socket: ClientConnection) -> dict[str, Any]:
    """The next message."""
    found = json.loads(socket.recv(PATIENCE_S))
    assert isinstance(found, dict)
    return found
