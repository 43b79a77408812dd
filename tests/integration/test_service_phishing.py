"""/analyze of the service as a process, with our models: verdicts, live updates, kill switch."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from soc_copilot.governance.database import Governance
from tests.integration.test_service import PATIENCE_S, Served, until
from tests.tools.archived import archived_lines

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
        phish, statuses = answer, [200]

        def ask() -> tuple[int, Any]:
            status, answer = served.call("/analyze", body)
            statuses.append(status)
            return status, answer

        assert phish["links"][0]["defanged"].startswith("hxxp[://]")
        again = ask()[1]
        assert (again["cached"], again["prediction"]) == (True, "phish")

        with Governance.open(served.db) as governance:
            governance.kill_switch.engage("a drill")
            status, answer = until(lambda: (r := ask())[0] == 503 and r)
            assert answer["error"]["code"] == "kill_switch"
            queued = {**body, "wait": False, "priority": "bulk"}
            assert served.call("/analyze", queued)[0] == 503
            governance.kill_switch.release("drill over")
            until(lambda: ask()[0] == 200)
    assert served.end() == 0
    with Governance.open(served.db) as governance:
        _, ids = governance.alerts.changed_since(-1)
        (alert,) = [one for one in governance.alerts.get(ids) if one.detector == "phishing"]
        assert (alert.rule, alert.entity) == ("phishing.email", "support@secure-login.example")
        assert alert.score == pytest.approx(phish["score"], abs=1e-5)  # not scored again
        n_answered = statuses.count(200)
        assert alert.count == n_answered
        told = [json.loads(line) for line in archived_lines(governance)]
    kinds = Counter(one["phishing.content_type"] for one in told)
    assert kinds == {"url": 1, "text": 1, "email": n_answered}
    assert "lunch" not in json.dumps(told)  # of what is benign nothing is kept
    assert {one["phishing.model_version"] for one in told} == {phish["model_version"]}
