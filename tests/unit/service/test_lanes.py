import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor

from soc_copilot.service.lanes import LONG_CHARS
from tests.unit.service.parts import PATIENCE_S, TOKEN, FakeScorer, Service

LONG = {"path": "/upload", "body": "attack" + "x" * LONG_CHARS}


def test_a_short_request_does_not_wait_for_a_long_one():
    slow = FakeScorer()
    slow.gate.clear()
    with Service(long_scorer=slow) as service, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(service.check, LONG)
        assert slow.entered.wait(PATIENCE_S)
        assert service.check({"path": "/short"})[0] == 200
        assert not waiting.done()
        slow.gate.set()
        assert waiting.result(PATIENCE_S)[2]["is_threat"]
        assert [len(batch) for batch in slow.batches] == [1]
    assert slow.is_closed


def test_what_is_long_counts_all_parts_and_all_requests_of_a_call():
    slow = FakeScorer()
    with Service(long_scorer=slow) as service:
        part = "x" * (LONG_CHARS // 4)
        headers = {"A": part, "B": part}
        assert service.check({"path": "/" + part, "query": part, "headers": headers})[0] == 200
        many = [{"path": "/a", "body": part}] * 5
        assert service.call("POST", "/check/batch", {"requests": many})[0] == 200
        assert service.check({"path": "/a", "body": part})[0] == 200
    assert [len(batch) for batch in slow.batches] == [1, 5]
    assert [len(batch) for batch in service.scorer.batches] == [1]


def test_too_many_long_requests_are_refused_and_short_ones_are_not():
    slow = FakeScorer()
    slow.gate.clear()
    sent = []
    with Service(long_scorer=slow, queue__size=1) as service:
        for _ in range(2):  # the first is being scored, the second waits
            sent.append(_send(service, LONG))
            assert slow.entered.wait(PATIENCE_S)
        assert _until(lambda: b"waiting_requests 1.0" in service.call("GET", "/metrics")[2])
        status, headers, answer = service.check(LONG)
        assert (status, answer["error"]["code"]) == (503, "queue_full")
        assert "retry-after" in headers
        assert service.check({"path": "/short"})[0] == 200
        slow.gate.set()
        assert [connection.getresponse().status for connection in sent] == [200, 200]
        for connection in sent:
            connection.close()


def _send(service: Service, body: object) -> http.client.HTTPConnection:
    connection = service.connect()
    headers = {"Authorization": f"Bearer {TOKEN.decode()}", "Content-Type": "application/json"}
    connection.request("POST", "/check", json.dumps(body), headers)
    return connection


def _until(is_so) -> bool:
    pause = threading.Event()
    return any(is_so() or pause.wait(0.02) for _ in range(int(PATIENCE_S / 0.02)))
