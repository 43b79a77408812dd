import json
import socket
import threading
import time
import zlib

import pytest

from tests.unit.service.parts import PATIENCE_S, TOKEN, FakeScorer, Service

REQUEST = {"path": "/a", "query_params": {"id": "1"}}


def raw(service: Service, data: bytes, *, half_close: bool = False) -> bytes:
    """Send bytes and read until the service closes or answers once."""
    with socket.create_connection(("127.0.0.1", service.server.port), PATIENCE_S) as sock:
        sock.sendall(data)
        if half_close:
            sock.shutdown(socket.SHUT_WR)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = sock.recv(65536)
            if not part:
                break
            answer += part
        return answer


def post(length: int | None, *more: str) -> bytes:
    lines = [
        "POST /check HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {TOKEN.decode()}",
        "Content-Type: application/json", *more,
    ]  # fmt: skip
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.fixture(scope="module")
def service():
    with Service(limits__body_kib=8, limits__header_kib=8) as found:
        yield found


def test_a_call_is_answered(service: Service) -> None:
    status, headers, answer = service.check(REQUEST)
    assert (status, answer["is_threat"], answer["model_version"]) == (200, False, "fake-1")
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert service.check({"path": "/attack"})[2]["attack_class"] == "sqli"


def test_who_may_not_come_in_stays_out(service: Service) -> None:
    assert service.check(REQUEST, Authorization=None)[0] == 401
    status, headers, answer = service.check(REQUEST, Authorization="Bearer wrong")
    assert (status, answer["error"]["code"]) == (401, "bad_token")
    assert headers["www-authenticate"].startswith("Bearer")
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example"):
        assert service.check(REQUEST, Host=host)[0] == 421
    assert service.check(REQUEST, Origin="https://evil.example")[0] == 403
    # Without the token nobody learns whether there is an endpoint but the open one.
    assert service.call("GET", "/metrics", Authorization=None)[0] == 401
    assert service.call("GET", "/health", Authorization=None)[0] == 200
    assert service.call("GET", "/health", Host="evil.example")[0] == 421


def test_no_page_elsewhere_gets_leave_to_call(service: Service) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    status, found, _ = service.call("OPTIONS", "/check", **headers)
    assert status == 403
    assert not [name for name in found if name.startswith("access-control")]


def test_what_is_no_endpoint_or_method_is_told(service: Service) -> None:
    status, _, answer = service.call("GET", "/nothing")
    assert (status, answer["error"]["code"]) == (404, "not_found")
    status, headers, answer = service.call("GET", "/check")
    assert (status, headers["allow"]) == (405, "POST")
    for method in ("PUT", "DELETE", "OPTIONS"):
        assert service.call(method, "/check", REQUEST)[0] == 405
    assert service.call("POST", "/model/info", REQUEST)[1]["allow"] == "GET"


def test_only_plain_json_is_read(service: Service) -> None:
    bomb = zlib.compress(b"[" * 10_000_000)
    assert service.check(bomb, Content_Encoding="gzip")[0] == 415
    assert service.check(b"a=1", Content_Type="application/x-www-form-urlencoded")[0] == 415
    assert service.check(b"{}", Content_Type=None)[0] == 415
    kind = "Application/JSON; charset=utf-8"
    assert service.check(json.dumps(REQUEST).encode(), Content_Type=kind)[0] == 200


def test_too_large_a_body_is_refused_before_it_is_read(service: Service) -> None:
    answer = raw(service, post(10**12))  # nothing of the body is sent
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer
    chunk = b"2000\r\n" + b"a" * 0x2000 + b"\r\n"
    answer = raw(service, post(None, "Transfer-Encoding: chunked") + chunk * 3)
    assert answer.startswith(b"HTTP/1.1 413 ")
    exact = json.dumps({"path": "/" + "a" * 8_000}).encode().ljust(8 * 1024)
    assert service.check(exact)[0] == 200
    assert service.check(exact + b" ")[0] == 413


def test_a_body_in_parts_is_put_together(service: Service) -> None:
    body = json.dumps({"path": "/attack"}).encode()
    parts = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    assert raw(service, post(None, "Transfer-Encoding: chunked") + parts).startswith(
        b"HTTP/1.1 200 "
    )


def test_too_large_a_head_is_refused(service: Service) -> None:
    assert raw(service, post(0, "X-A: " + "a" * 20_000)).startswith(b"HTTP/1.1 431 ")
    assert raw(service, post(0, *(f"X-{i}: 1" for i in range(2_000)))).startswith(b"HTTP/1.1 431 ")
    endless = b"GET /health HTTP/1.1\r\nX-A: " + b"a" * 300_000  # no end of the head in sight
    assert raw(service, endless).startswith(b"HTTP/1.1 431 ")
    assert raw(service, b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n").startswith(
        b"HTTP/1.1 431 "
    )


@pytest.mark.parametrize(
    "data",
    [
        b"\0" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /check HTTP/9.9\r\n\r\n",
        b"POST /check HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /check HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /check HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /check HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /check HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused(service: Service, data: bytes) -> None:
    answer = raw(service, data, half_close=True)
    assert answer.startswith((b"HTTP/1.1 4", b"")), answer
    assert b" 500 " not in answer
    assert service.check(REQUEST)[0] == 200


def test_a_call_that_breaks_off_harms_nobody(service: Service) -> None:
    for data in (post(100) + b'{"pa', post(100), b"POST /che"):
        with socket.create_connection(("127.0.0.1", service.server.port)) as sock:
            sock.sendall(data)
    assert service.check(REQUEST)[0] == 200


def test_rates_are_limited_and_the_wait_is_told() -> None:
    with Service(rate_limit__global_per_s=5, limits__batch=50) as service:
        answers = [service.check(REQUEST) for _ in range(60)]
        refused = [answer for answer in answers if answer[0] == 429]
        assert refused
        _, headers, answer = refused[0]
        assert headers["retry-after"] == "1"
        assert 0 < answer["error"]["retry_after_s"] <= 1
        assert "Wait" in answer["error"]["message"]
        # More than the rate lets through in a second can never be taken.
        assert service.call("POST", "/check/batch", {"requests": [REQUEST] * 6})[0] == 413
        # Callers without the token use up nothing of it.
        time.sleep(1.05)
        for _ in range(20):
            assert service.check(REQUEST, Authorization=None)[0] == 401
        assert service.check(REQUEST)[0] == 200
        text = service.call("GET", "/metrics")[2].decode()
        assert f"soc_copilot_rate_limited_global {len(refused)}.0" in text


def test_a_full_queue_and_a_hanging_scorer_are_told_and_the_loop_goes_on() -> None:
    scorer = FakeScorer()
    scorer.gate.clear()
    with Service(scorer, queue__size=2, timeout_s=1.0) as service:
        answers: list[int] = []

        def ask() -> None:
            answers.append(service.check(REQUEST)[0])

        threads = [threading.Thread(target=ask) for _ in range(3)]
        threads[0].start()
        assert scorer.entered.wait(PATIENCE_S)
        for thread in threads[1:]:
            thread.start()
        end = time.monotonic() + PATIENCE_S
        while b"soc_copilot_waiting_requests 2.0" not in service.call("GET", "/metrics")[2]:
            assert time.monotonic() < end
        status, headers, answer = service.check(REQUEST)
        assert (status, answer["error"]["code"]) == (503, "queue_full")
        assert int(headers["retry-after"]) >= 1
        for thread in threads:
            thread.join(PATIENCE_S)
        assert answers == [504, 504, 504]


def test_the_kill_switch_closes_every_way_to_a_verdict() -> None:
    reason = ["The kill switch is engaged by ann: a drill."]
    with Service(halted=lambda: reason[0]) as service:
        for path, body in (
            ("/check", REQUEST),
            ("/check/batch", {"requests": [REQUEST]}),
        ):
            status, _, answer = service.call("POST", path, body)
            assert (status, answer["error"]["code"]) == (503, "kill_switch")
            assert "a drill" in answer["error"]["message"]
        for path in ("/check/nginx", "/check/mirror"):
            assert service.call("GET", path, X_Original_URI="/a")[0] == 503
        status, _, answer = service.call("GET", "/health", Authorization=None)
        assert (status, answer["status"]) == (503, "halted")
        assert "drill" not in answer["detail"]  # the reason is for those with the token
        assert service.scorer.batches == []
        reason[0] = ""
        assert service.check(REQUEST)[0] == 200


def test_clients_that_go_away_cost_no_scoring() -> None:
    scorer = FakeScorer()
    scorer.gate.clear()
    with Service(scorer) as service:
        threading.Thread(target=service.check, args=(REQUEST,), daemon=True).start()
        assert scorer.entered.wait(PATIENCE_S)
        body = json.dumps({"path": "/gone"}).encode()
        socks = [socket.create_connection(("127.0.0.1", service.server.port)) for _ in range(5)]
        for sock in socks:
            sock.sendall(post(len(body)) + body)
        end = time.monotonic() + PATIENCE_S
        while b"soc_copilot_waiting_requests 5.0" not in service.call("GET", "/metrics")[2]:
            assert time.monotonic() < end
        for sock in socks:
            sock.close()
        # One connection is that of the call that is being scored, one that of this question.
        while b"soc_copilot_connections 2.0" not in service.call("GET", "/metrics")[2]:
            assert time.monotonic() < end
        scorer.gate.set()
        assert service.check({"path": "/last"})[0] == 200
        assert b"soc_copilot_dropped_requests 5.0" in service.call("GET", "/metrics")[2]
    paths = [checked.request.path for batch in scorer.batches for checked in batch]
    assert paths == ["/a", "/last"]
