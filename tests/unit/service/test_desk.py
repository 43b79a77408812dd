import http.client
import json
import socket
import threading
from pathlib import Path

import pytest

from soc_copilot.domain.alerts import AlertStatus
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.setting import Value
from soc_copilot.governance.database import Governance
from soc_copilot.phishing.operations import OperationalAlert
from soc_copilot.service.desk import ServingSession, config_of
from soc_copilot.settings import SETTINGS

ACTOR = Actor("ana", "window")
ATTACK = {
    "path": "/a",
    "query": "id=1' union select password from users--",
    "client_ip": "192.0.2.9",
}


def settings(port: int) -> dict[str, Value]:
    own: dict[str, Value] = {
        "service.port": port,
        "service.rate_per_s": 7,
        "archive.enabled": False,
    }
    quick: dict[str, Value] = {"ingestion.batch_interval_s": 0.1, "detection.host.enabled": False}
    return {setting.key: setting.default for setting in SETTINGS} | own | quick


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def ask(port: int, token: bytes) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token.decode()}", "Content-Type": "application/json"}
    connection.request("POST", "/check", json.dumps(ATTACK), headers)
    found: dict[str, object] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def test_what_is_asked_becomes_an_alert_beside_what_logs_bring(
    tmp_path: Path, free_port: int
) -> None:
    db = tmp_path / "g.db"
    log = tmp_path / "access.log"
    log.write_text("")
    with Governance.open(db, actor=ACTOR, home=tmp_path) as governance:
        row = governance.sources.add("file", log)
    session = ServingSession(db, settings(free_port), ACTOR, home=tmp_path)
    session.open()
    try:
        assert session.url == f"http://127.0.0.1:{free_port}"
        assert session.trouble == ""
        assert {status.source_id for status in session.statuses()} > {row.id}
        token = next(tmp_path.rglob("service.token")).read_bytes().strip()
        assert ask(free_port, token)["is_threat"]
        session.request_flush()
        stop = threading.Event()
        while (summary := session.run_batch(stop)) is None or not sum(summary.raised):
            pass  # the suite's own limit would tell
        assert session.device_name
        (standing,) = [one for one in session.health() if one.name == "analyze"]
        assert standing.state == "ok"
        assert "url ok" in standing.detail
        assert standing in summary.detectors
        assert session._service is not None
        operating = session._service._operating
        operating.told(OperationalAlert("slow", "Answers are slow."))
        while operating.n_waiting:
            session.run_batch(stop)
    finally:
        session.close()
    with Governance.open(db, actor=ACTOR, home=tmp_path) as governance:
        actions = [found.action for found in governance.audit.rows()]
        assert actions.count("service.started") == actions.count("service.stopped") == 1
        _, ids = governance.alerts.changed_since(-1)
        rows = {row.detector: row.status for row in governance.alerts.get(ids)}
    # What was wrong with the service is over with it.
    assert rows == {"web": AlertStatus.NEW, "service": AlertStatus.CLOSED}


def test_logs_are_read_although_the_service_cannot_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        session = ServingSession(tmp_path / "g.db", settings(port), ACTOR, home=tmp_path)
        session.open()
        try:
            assert "did not start" in session.trouble
            assert str(port) in session.trouble
            assert session.url == ""
            assert session.health()
        finally:
            session.close()


def test_the_desks_settings_are_the_services() -> None:
    config = config_of(settings(4321) | {"detection.web.budget": "1%"})
    assert (config.port, config.budget, config.host) == (4321, "1%", "127.0.0.1")
    assert config.rate_limit.global_per_s == config.rate_limit.per_address_per_s == 7
