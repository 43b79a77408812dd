"""A service of another process: found by the audit trail, asked on loopback, told on changes."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.summary import DetectorHealth
from soc_copilot.governance.database import Governance
from soc_copilot.ui.serve_watch import MOST_BYTES, ServeWatch, ask, standing_of

OK = {"status": "ok", "detail": "", "phishing": {"state": "ok", "models": {"url": "ok"}}}


class Answering(http.server.ThreadingHTTPServer):
    """Says what it is told to say."""

    daemon_threads = True

    def __init__(self) -> None:
        self.body = json.dumps(OK).encode()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/health" else 404)
                self.end_headers()
                self.wfile.write(owner.body)

            def log_message(self, *_args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()


@pytest.fixture
def service() -> Iterator[Answering]:
    made = Answering()
    yield made
    made.end()


@pytest.fixture
def told(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[tuple[DetectorHealth, ...]]]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path))
    Governance.open().close()
    watch, found = ServeWatch(Governance.open, ask_s=0.02), []
    watch.told.connect(found.append)
    watch.start()
    yield found
    assert watch.join(60_000)


def state(found: list[tuple[DetectorHealth, ...]]) -> str:
    return found[-1][0].state if found and found[-1] else ""


def test_a_service_is_followed_from_its_start_to_its_end(
    told: list[tuple[DetectorHealth, ...]], service: Answering, qtbot: QtBot
) -> None:
    with Governance.open() as governance:
        governance.audit.record("service.started", "service", None, service.url)
        qtbot.waitUntil(lambda: state(told) == "ok")
        assert told[-1][0].detail == "Models: url ok."
        changed: dict[str, Any] = {"state": "open", "models": {"url": "ok", "email": "missing"}}
        service.body = json.dumps({**OK, "phishing": changed}).encode()
        qtbot.waitUntil(lambda: state(told) == "open")
        assert "email missing" in told[-1][0].detail
        governance.audit.record("service.stopped", "service", service.url, None)
        qtbot.waitUntil(lambda: told[-1] == ())


def test_one_that_was_killed_is_missed_only_where_it_was_there(
    told: list[tuple[DetectorHealth, ...]], service: Answering, qtbot: QtBot
) -> None:
    with Governance.open() as governance:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        governance.audit.record("service.started", "service", None, f"http://127.0.0.1:{port}")
        governance.audit.record("service.started", "service", None, service.url)
        qtbot.waitUntil(lambda: state(told) == "ok")
        assert len(told) == 1  # nothing was told of the one that nobody knew
        service.end()
        qtbot.waitUntil(lambda: state(told) == "missing")
        assert "does not answer" in told[-1][0].detail


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>", b"[]", b'{"status": "ok"}', b'{"phishing": {"state": 5, "models": {}}}',
        b'{"phishing": {"state": "ok", "models": []}}', b"x" * (3 * MOST_BYTES),
        b'{"phishing": {"state": "<b>x</b>", "models": {}}}', b"\xff\xfe",
    ],
)  # fmt: skip
def test_what_is_no_answer_of_a_service_says_nothing(service: Answering, body: bytes) -> None:
    service.body = body
    assert ask(service.url) is None


@pytest.mark.parametrize(
    "url", ["", "https://127.0.0.1:1", "http://192.0.2.1:80", "http://127.0.0.1", "file:///etc"]
)
def test_nothing_but_loopback_is_asked(url: str) -> None:
    assert ask(url) is None


def test_words_of_a_stranger_are_cut_and_names_are_words() -> None:
    models = {"url": "ok", "<img>": "ok", "email": 5}
    found = standing_of(
        {"status": "halted", "detail": "x" * 9_999, "phishing": {"state": "ok", "models": models}}
    )
    assert found is not None
    assert found.state == "halted"
    assert len(found.detail) < 400
    assert found.detail.endswith("Models: url ok.")
