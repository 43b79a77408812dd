import contextlib
import socket

from soc_copilot.service.protocol import BoundedProtocol, bounded
from tests.unit.service.parts import PATIENCE_S, TOKEN, Service


def test_each_bound_has_its_own_class() -> None:
    assert bounded(1_000).max_head_bytes == 1_000
    assert bounded(2_000).max_head_bytes == 2_000
    assert issubclass(bounded(1_000), BoundedProtocol)


def test_who_sends_too_slowly_is_cut_off_and_who_waits_for_an_answer_is_not() -> None:
    with Service(limits__read_timeout_s=0.5) as service:
        address = ("127.0.0.1", service.server.port)
        head = (
            f"POST /check HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN.decode()}\r\n"
        )
        for sent in (
            "",
            "POST",
            head,
            f"{head}Content-Length: 9\r\nContent-Type: application/json\r\n\r\n{{",
        ):
            with socket.create_connection(address, PATIENCE_S) as sock:
                sock.sendall(sent.encode())
                with contextlib.suppress(ConnectionResetError):
                    assert sock.recv(1) == b""
        kept = service.connect()
        for _ in range(3):
            kept.request("GET", "/health")
            assert kept.getresponse().read()
        service.scorer.gate.clear()
        body = b'{"path":"/"}'
        kept.request(
            "POST", "/check", body,
            {"Authorization": f"Bearer {TOKEN.decode()}", "Content-Type": "application/json"},
        )  # fmt: skip
        assert service.scorer.entered.wait(PATIENCE_S)
        # Cutting off slow senders goes on all the while: another one is.
        with (
            socket.create_connection(address, PATIENCE_S) as sock,
            contextlib.suppress(ConnectionResetError),
        ):
            assert sock.recv(1) == b""
        service.scorer.gate.set()
        assert kept.getresponse().status == 200
        kept.close()


def test_calls_sent_at_once_are_answered_in_order() -> None:
    with Service() as service:
        call = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", service.server.port), PATIENCE_S) as sock:
            sock.sendall((call * 3 + last).encode())
            answer = b""
            while part := sock.recv(65536):
                answer += part
        assert answer.count(b"HTTP/1.1 200") == 4
