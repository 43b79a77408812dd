import contextlib
import json
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from soc_copilot.service import sockets
from soc_copilot.service.sockets import (
    MAX_MESSAGE_BYTES,
    MAX_OUTBOX,
    MAX_PER_USER,
    MESSAGES_PER_S,
    _Socket,
)
from tests.unit.phishing.parts import PATIENCE_S
from tests.unit.service.analysis_parts import BEARER, Analysing, heard
from tests.unit.service.parts import TOKEN


@pytest.fixture(scope="module")
def service():
    with Analysing(allowed_origins=["https://desk.example"], phishing__sockets=40) as found:
        yield found


def wait_for(service: Analysing, n: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while len(service.side.hub) != n:
        assert time.monotonic() < end
        time.sleep(0.01)


def refused(service: Analysing, user: str = "ann", **options: object) -> int:
    with pytest.raises(InvalidStatus) as caught, service.listen(user, **options):
        pass
    return caught.value.response.status_code


def test_a_ping_is_answered(service: Analysing) -> None:
    with service.listen() as listener:
        listener.send('{"type":"ping"}')
        assert heard(listener)["type"] == "pong"
        listener.send('{"type":"pong"}')
        listener.send('{"type":"ping"}')
        assert heard(listener)["type"] == "pong"
    wait_for(service, 0)


def test_who_may_not_come_in_stays_out(
    service: Analysing, caplog: pytest.LogCaptureFixture
) -> None:
    assert refused(service, headers={}) == 401
    assert refused(service, headers={"Authorization": "Bearer wrong"}) == 401
    assert refused(service, headers={**BEARER, "Origin": "https://evil.example"}) == 403
    assert refused(service, "a%20b") == 404
    assert refused(service, "x" * 200) == 404
    assert refused(service, "ann/../bob") == 404
    words = ["soc-copilot", "bearer.wrong"]
    with pytest.raises(InvalidStatus) as caught, service.listen(headers={}, subprotocols=words):
        pass
    assert caught.value.response.status_code == 401
    body = json.loads(caught.value.response.body or b"")
    assert body["error"]["code"] == "bad_token"
    wait_for(service, 0)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_page_that_may_call_shows_the_token_as_a_subprotocol(service: Analysing) -> None:
    words = ["soc-copilot", f"bearer.{TOKEN.decode()}"]
    headers = {"Origin": "https://desk.example"}
    with service.listen(headers=headers, subprotocols=words) as listener:
        assert listener.subprotocol == "soc-copilot"  # the token does not come back
        listener.send('{"type":"ping"}')
        assert heard(listener)["type"] == "pong"


@pytest.mark.parametrize(
    "message",
    [
        "",
        "no json",
        "[]",
        "[" * 4_000,
        '{"type":"shutdown"}',
        '{"type":1}',
        '{"type":[]}',
        b'{"type":"ping"}',
    ],
)
def test_what_is_no_message_ends_the_connection(service: Analysing, message: str | bytes) -> None:
    with service.listen() as listener:
        listener.send(message)
        with pytest.raises(ConnectionClosed) as caught:
            listener.recv(PATIENCE_S)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1003
    wait_for(service, 0)


def test_a_message_that_is_too_long_ends_the_connection(service: Analysing) -> None:
    with service.listen() as listener:
        listener.send(" " * (MAX_MESSAGE_BYTES + 1))
        with pytest.raises(ConnectionClosed) as caught:
            listener.recv(PATIENCE_S)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_messages_are_counted() -> None:
    socket = _Socket("ann", MESSAGES_PER_S)
    assert all(socket.may_say(10.0 + i / 100) for i in range(MESSAGES_PER_S))
    assert not socket.may_say(10.3)
    assert socket.may_say(11.5)  # a second later there is room


def flood(listener: ClientConnection) -> None:
    for _ in range(100_000):
        listener.send('{"type":"pong"}')
    listener.recv(PATIENCE_S)


def test_who_says_too_much_is_cut_off() -> None:
    with Analysing() as service, service.listen() as listener:
        with pytest.raises(ConnectionClosed) as caught:
            flood(listener)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1008
        assert service.side.hub.n_cut_off == 1


def test_a_reader_that_is_too_slow_is_given_up() -> None:
    socket = _Socket("ann", MESSAGES_PER_S)
    assert all(socket.offer("x") for _ in range(MAX_OUTBOX))
    assert not socket.offer("x")
    assert socket.is_slow.is_set()
    assert socket.close_code == 1013


def handshake(service: Analysing) -> socket.socket:
    """A connection that is open and reads no more."""
    raw = socket.create_connection(("127.0.0.1", service.server.port), PATIENCE_S)
    raw.sendall(
        b"GET /ws/ann HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %b\r\n"
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" % TOKEN
    )
    assert raw.recv(1) == b"H"
    return raw


def test_who_does_not_read_is_gone_and_cleaned_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_GONE_S", 0.1)
    monkeypatch.setattr(sockets, "CLOSING_S", 0.1)
    with Analysing() as service, handshake(service):
        wait_for(service, 1)
        message = {"type": "analysis_update", "text": "x" * 60_000}
        end = time.monotonic() + PATIENCE_S
        while not service.side.hub.n_cut_off:
            assert time.monotonic() < end
            service.side.tell_all(message)
            time.sleep(0.001)
        wait_for(service, 0)
        end = time.monotonic() + PATIENCE_S
        while service.server.n_connections:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_the_number_of_connections_is_bounded(service: Analysing) -> None:
    with contextlib.ExitStack() as sockets:
        for _ in range(MAX_PER_USER):
            sockets.enter_context(service.listen("ann"))
        assert refused(service) == 429
        for i in range(40 - MAX_PER_USER):
            sockets.enter_context(service.listen(f"user-{i}"))
        assert refused(service, "bob") == 503
    wait_for(service, 0)
    with service.listen() as listener:
        listener.send('{"type":"ping"}')
        assert heard(listener)["type"] == "pong"


def test_silence_is_broken_by_a_heartbeat() -> None:
    with Analysing(heartbeat_s=0.05) as service, service.listen() as listener:
        assert heard(listener)["type"] == "ping"
        assert heard(listener)["type"] == "ping"


def test_the_end_of_the_service_ends_connections() -> None:
    with Analysing() as service, service.listen() as listener:
        service.server.stop()
        with pytest.raises(ConnectionClosed):
            listener.recv(PATIENCE_S)
    assert len(service.side.hub) == 0
