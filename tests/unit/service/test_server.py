import socket
import threading

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.service.server import CheckServer
from tests.unit.service.parts import TOKEN, FakeScorer, Service, config


def test_it_listens_until_it_is_stopped_and_lets_go_of_the_model() -> None:
    with Service() as service:
        assert service.server.is_running
        assert service.server.url == f"http://127.0.0.1:{service.server.port}"
        kept = service.connect()
        kept.request("GET", "/health")
        assert kept.getresponse().status == 200
    assert not service.server.is_running
    assert service.scorer.is_closed
    kept.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.server.port), 5)


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = CheckServer(config(port=port), TOKEN, [FakeScorer()])  # type: ignore[list-item]
        with pytest.raises(SourceError, match=f"port {port}"):
            server.start()
        assert server.stop()


def test_a_start_that_fails_lets_go_of_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("as asked for")

    monkeypatch.setattr(CheckServer, "_front", fail)
    scorer = FakeScorer()
    server = CheckServer(config(), TOKEN, [scorer])  # type: ignore[list-item]
    with pytest.raises(SourceError, match="did not start: as asked for"):
        server.start()
    assert scorer.is_closed
    assert not server.is_running
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), 5)
    assert not [t for t in threading.enumerate() if t.name.startswith("scoring-")]


def test_more_connections_than_allowed_are_answered_503() -> None:
    with Service(limits__connections=3) as service:
        kept = [service.connect() for _ in range(4)]
        statuses = []
        for connection in kept:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        for connection in kept:
            connection.close()
        assert statuses[0] == 200
        assert statuses[-1] == 503


def test_observers_hear_of_every_batch() -> None:
    heard: list[int] = []
    with Service(observer=lambda requests, verdicts, s: heard.append(len(verdicts))) as service:
        service.check({"path": "/a"})
    assert heard == [1]
