"""/analyze of the service as a process, with our models: verdicts, live updates, kill switch."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from soc_copilot.governance.database import Governance
from tests.integration.test_service import PATIENCE_S, Served, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends by SIGTERM")

MAIL = (
    "From: Example Bank <support@secure-login.example>\r\nSubject: Verify your account now\r\n"
    "Content-Type: text/html\r\n\r\n<p>Your account is suspended. "
    '<a href="http://login.secure-login.example/verify">bank.example</a></p>'
)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    found = Served(tmp_path)
    yield found
    found.end()


def test_contents_are_analysed_until_the_kill_switch_is_engaged(served: Served) -> None:
    headers = {"Authorization": f"Bearer {served.token_path.read_text().strip()}"}
    url = f"ws://127.0.0.1:{served.port}/ws/ann"
    with connect(url, additional_headers=headers, proxy=None, open_timeout=PATIENCE_S) as socket:
        for kind, content, part in (
            ("url", "https://example.com/about", "url"),
            ("text", "Shall we have lunch at noon?", "text"),
            ("email", MAIL, "email"),
        ):
            body = {"content": content, "content_type": kind, "user_id": "ann"}
            status, answer = served.call("/analyze", body)
            assert (status, answer["degraded"]) == (200, False)
            assert part in [one["name"] for one in answer["explanation"]["parts"]]
            told = json.loads(socket.recv(PATIENCE_S))
            assert told["request_id"] == answer["request_id"]
            assert told["prediction"] == answer["prediction"]
        assert answer["links"][0]["defanged"].startswith("hxxp[://]")
        assert served.call("/analyze", body)[1]["cached"] is True

        with Governance.open(served.db) as governance:
            governance.kill_switch.engage("a drill")
            status, answer = until(lambda: (r := served.call("/analyze", body))[0] == 503 and r)
            assert answer["error"]["code"] == "kill_switch"
            queued = {**body, "wait": False, "priority": "bulk"}
            assert served.call("/analyze", queued)[0] == 503
            governance.kill_switch.release("drill over")
            until(lambda: served.call("/analyze", body)[0] == 200)
    assert served.end() == 0
