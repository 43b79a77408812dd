"""What the comparison with the core rule set rests on: bytes as sent, and equal false positives."""

import socket
import threading

import numpy as np
import pytest

from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training.data import Row
from tests.benchmarks.bench_crs import Sent, compare, threshold_with
from tests.tools.raw_http import Answer, completed, drive, message


def test_a_request_goes_out_byte_for_byte() -> None:
    headers = {"Host": "shop", "X-A": "caf\u00e9", "Connection": "close", "Content-Length": "99"}
    request = Request("PUT", "/a%00/..;/b", "q=%F1'--", headers, "x=1&y=\u2028")
    assert message(completed(request)) == (
        b"PUT /a%00/..;/b?q=%F1'-- HTTP/1.1\r\nHost: shop\r\nX-A: caf\xe9\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n"
        b"x=1&y=\xe2\x80\xa8"
    )


@pytest.mark.parametrize("path", ["/a b", "/a\tb", "/a\r\nHost: b", "/a\x00", "/a\x7f", ""])
def test_what_ends_the_target_cannot_be_sent(path: str) -> None:
    assert message(completed(Request(path=path))) is None


def test_a_request_without_headers_gets_a_browsers() -> None:
    headers = completed(Request()).headers
    assert list(headers) == ["Host", "User-Agent", "Accept"]
    kept = {"user-agent": "curl/8", "Accept-Charset": "utf-8"}
    assert dict(completed(Request(headers=kept)).headers) == {
        "Host": "www.example.com",
        "user-agent": "curl/8",
    }


@pytest.mark.parametrize(
    ("n_allowed", "n_flagged"), [(0, 0), (1, 1), (2, 1), (3, 3), (4, 4), (9, 4)]
)
def test_no_more_normal_rows_than_the_peer_flags(n_allowed: int, n_flagged: int) -> None:
    normal = np.array([0.1, 0.9, 0.5, 0.5])
    assert (normal >= threshold_with(normal, n_allowed)).sum() == n_flagged


def test_each_set_is_read_at_the_peers_own_rate() -> None:
    rows = [
        ("a", True),
        ("a", True),
        ("a", False),
        ("a", False),
        ("b", True),
        ("scanner_logs", True),
    ]
    sent = [Sent(Row(name, "g", bad, "", Request()), Request(), b"") for name, bad in rows]
    peer = np.array([True, False, True, False, False, True])
    ours = np.array([0.7, 0.3, 0.6, 0.4, 0.65, 0.1])
    pooled, a, b, apart = compare(sent, peer, ours, threshold=0.5)
    assert (pooled.name, pooled.attacks, pooled.normal) == ("pooled", 3, 2)
    assert (a.peer_tpr, a.peer_fpr, a.our_tpr) == (0.5, 0.5, 0.5)
    assert (a.default_tpr, a.default_fpr) == (0.5, 0.5)
    assert (b.peer_fpr, b.peer_tpr, b.our_tpr) == (None, 0.0, 1.0)  # at the pool's threshold
    assert (apart.name, apart.our_tpr) == ("scanner_logs", 0.0)


def test_answers_keep_the_order_of_their_requests() -> None:
    """A server that closes some connections, answers in pieces, and once not at all."""
    wires = [b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % (200 + i) for i in range(40)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_answer, args=(server,), daemon=True)
        thread.start()
        answers = drive(server.getsockname()[1], wires, 1)
        thread.join(60)
    assert [answer.status for answer in answers] == [0 if i == 33 else 200 + i for i in range(40)]
    assert all(isinstance(answer, Answer) and answer.took_s > 0 for answer in answers)


def _answer(server: socket.socket) -> None:
    n = 0
    while n < 40:
        connection, _ = server.accept()
        with connection:
            while n < 40 and (got := connection.recv(4096)):
                status, n = int(got[5:8]), n + 1
                if status == 233:
                    break
                close = b"Connection: close\r\n" * (status % 7 == 0)
                head = b"HTTP/1.1 %d X\r\n%sContent-Length: 5\r\n\r\n" % (status, close)
                body = b"" if status == 204 else b"12345"
                connection.sendall(head[:20])
                connection.sendall(head[20:] + body[:2])
                connection.sendall(body[2:])
                if close:
                    break
