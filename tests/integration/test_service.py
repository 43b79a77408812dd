"""The checking service as a process: from a call to an alert, the kill switch, the end."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.governance.database import Governance

PATIENCE_S = 120.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends by SIGTERM")


class Served:
    """`soc-copilot serve` on a free port, with a client."""

    def __init__(self, folder: Path, options: str = "") -> None:
        self.folder = folder
        self.db = folder / "governance.db"
        self.token_path = folder / "service.token"
        config = folder / "service.yaml"
        config.write_text(
            f"port: 0\ntoken_file: {self.token_path}\nrate_limit: {{global_per_s: 50}}\n"
            f"limits: {{body_kib: 64}}\n{options}",
            encoding="utf-8",
        )
        with (folder / "log").open("wb") as log:
            self._child = subprocess.Popen(
            [sys.executable, "-m", "soc_copilot.cli", "serve", "--db", self.db,
             "--config", config, "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
        )  # fmt: skip
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            self.end()
            raise AssertionError((folder / "log").read_text())
        told = json.loads(line)
        self.n_checked = 0
        self.port = int(told["url"].rpartition(":")[2])
        assert told["token_file"] == str(self.token_path)

    def call(self, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        token = token or self.token_path.read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request("POST" if data else "GET", path, data, headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        self.n_checked += path == "/check" and answer.status == 200
        return answer.status, json.loads(raw) if raw.startswith(b"{") else raw

    def end(self) -> int:
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
        try:
            return self._child.wait(PATIENCE_S)
        finally:
            self._child.kill()
            if self._child.stdout is not None:
                self._child.stdout.close()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    with Governance.open(tmp_path / "governance.db") as governance:
        for name in ("host", "load", "phishing"):  # they have no say here, and take long to load
            governance.settings.set(f"detection.{name}.enabled", value=False)
    found = Served(tmp_path, "host_events: false\nphishing: {enabled: no}\n")
    yield found
    found.end()


def until(condition: Any) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_from_a_call_to_an_alert_and_back_through_the_kill_switch(served: Served) -> None:
    status, answer = served.call("/check", {"path": "/api/users", "query_params": {"id": "123"}})
    assert (status, answer["is_threat"]) == (200, False)
    attack = {
        "path": "/", "client_ip": "192.0.2.7", "headers": {"X-Api-Version": "${jndi:ldap://x/a}"},
    }  # fmt: skip
    status, answer = served.call("/check", attack)
    assert (status, answer["is_threat"], answer["attack_class"]) == (200, True, "jndi")
    assert answer["part"] == "header X-Api-Version"
    assert served.call("/check", attack, token="x" * 43)[0] == 401
    assert served.token_path.stat().st_mode & 0o777 == 0o600

    with Governance.open(served.db) as governance:
        _, found = governance.alerts.changed_since(-1)
        found = until(lambda: governance.alerts.changed_since(-1)[1])
        (alert,) = governance.alerts.get(found)
        # The header stands in no line of a log: the verdict came with the request.
        assert (alert.detector, alert.rule, alert.entity) == ("web", "web.jndi", "192.0.2.7")
        assert alert.score == pytest.approx(answer["score"], abs=1e-5)
        (source,) = governance.sources.list()
        assert source.kind == "service"

        governance.kill_switch.engage("a drill")
        began = time.monotonic()
        status, answer = until(lambda: (r := served.call("/check", attack))[0] == 503 and r)
        assert time.monotonic() - began < 1.0 + 5.0  # a second; the machine may be busy
        assert "a drill" in answer["error"]["message"]
        assert answer["error"]["code"] == "kill_switch"
        assert served.call("/health")[1]["status"] == "halted"
        assert served.call("/check/batch", {"requests": [attack]})[0] == 503
        governance.kill_switch.release("drill over")
        until(lambda: served.call("/check", attack)[0] == 200)

    assert served.end() == 0
    with Governance.open(served.db) as governance:
        ledger = governance.sources.ledger(source.id)
        # Answered means recorded: what was asked last is stored before the end, too.
        assert sum(part.totals.lines for part in ledger) == served.n_checked >= 3
        assert all(part.totals.adds_up for part in ledger)
        actions = [row.action for row in governance.audit.rows()]
        assert actions.index("service.stopped") < actions.index("service.started")
        assert governance.audit.verify().ok


def test_a_configuration_with_a_mistake_ends_before_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text("port: 8765\nprot: 1\n", encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-m", "soc_copilot.cli", "serve", "--db", tmp_path / "g.db",
         "--config", path],
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert found.returncode == 2
    assert 'service.yaml, line 2: The service has no option "prot"' in found.stderr


def encrypting(n: int) -> list[dict[str, Any]]:
    """What a program does that encrypts documents in place and renames them."""
    events: list[dict[str, Any]] = []
    for i in range(n):
        path = f"/home/ann/documents/{i % 7}/letter{i}.docx"
        common = {"stream": "laptop7", "user": "ann", "process": "updater", "path": path}
        events += [
            {**common, "timestamp": 1_760_000_000 + i / 20, "operation": "write", "size": 21_000,
             "previous_size": 20_500, "entropy": 7.99, "previous_entropy": 4.6},
            {**common, "timestamp": 1_760_000_000.02 + i / 20, "operation": "rename",
             "target": f"{path}.locked", "size": 21_000, "entropy": 7.99},
        ]  # fmt: skip
    return events


def test_what_predict_scores_is_stored_and_becomes_an_alert(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    with Governance.open(tmp_path / "governance.db") as governance:
        for name in ("load", "phishing"):
            governance.settings.set(f"detection.{name}.enabled", value=False)
    served = Served(tmp_path, "host_events: true\nphishing: {enabled: no}\n")
    try:
        quiet = {"timestamp": 1_760_000_000.0, "operation": "write", "path": "/a/b", "size": 9}
        until(lambda: served.call("/predict", quiet)[0] == 200)  # the model is being loaded
        events, answers = encrypting(60), []
        for at in range(0, len(events), 20):
            some = {"events": events[at : at + 20]}
            _, answer = until(  # no faster than the limit allows
                lambda some=some: (r := served.call("/predict", some))[0] == 200 and r
            )
            answers += answer["results"]
        n_threats = sum(one["is_threat"] for one in answers)
        assert 0 < n_threats < len(events) == len(answers)
        with Governance.open(served.db) as governance:
            found = until(lambda: governance.alerts.changed_since(-1)[1])
            (alert,) = governance.alerts.get(found)
            assert (alert.detector, alert.rule) == ("host", "host.predicted")
            assert alert.entity == "laptop7"
            governance.kill_switch.engage("a drill")
            until(lambda: served.call("/predict", quiet)[0] == 503)
            governance.kill_switch.release("drill over")
            until(lambda: served.call("/predict", quiet)[0] == 200)
    finally:
        assert served.end() == 0
    with Governance.open(served.db) as governance:
        (source,) = governance.sources.list()
        ledger = governance.sources.ledger(source.id)
        assert sum(part.totals.lines for part in ledger) >= 1 + len(events) + 1
        assert all(part.totals.adds_up for part in ledger)
        (alert,) = governance.alerts.get(governance.alerts.changed_since(-1)[1])
        assert alert.count == n_threats  # each once
