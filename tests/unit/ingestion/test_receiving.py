"""Addresses, sockets that the system refuses, and counts told in few words."""

import errno
import logging
import socket
import threading

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.receiving import (
    Address,
    Listener,
    Tally,
    Waker,
    bound_socket,
    host_and_port,
)
from soc_copilot.ingestion.spool import SpoolWriter


class StillClock:
    def __init__(self):
        self.at = 0.0

    def now_ns(self):
        return 7

    def monotonic_s(self):
        return self.at


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("5514", "127.0.0.1", 5514),
        (":5514", "127.0.0.1", 5514),
        (" localhost:0 ", "127.0.0.1", 0),
        ("0.0.0.0:514", "0.0.0.0", 514),  # noqa: S104 - parsed, not bound
        ("192.0.2.1:65535", "192.0.2.1", 65535),
        ("[::1]:5514", "::1", 5514),
        ("[::]:5514", "::", 5514),
    ],
)
def test_addresses_are_read(text, host, port):
    address = Address.parse(text)
    assert (address.host, address.port) == (host, port)
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "65536", "127.0.0.1", "::1:514", "[127.0.0.1]:5", "example.org:514", "*:514",
     "127.0.0.1:-1", "[::1]", "1.2.3.4.5:6", "127.0.0.1:5514:1", "udp://127.0.0.1:5"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_an_example(text):
    with pytest.raises(SourceError, match=r"is no address to listen on\. Give a port such as"):
        Address.parse(text)


def test_people_write_ipv6_in_brackets():
    assert host_and_port("::1", 5) == "[::1]:5"
    assert host_and_port("127.0.0.1", 5) == "127.0.0.1:5"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use_is_named(kind):
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(
            SourceError, match=rf"127\.0\.0\.1:{port}: the port is in use .*Choose another port"
        ):
            bound_socket(Address("127.0.0.1", port), kind)


def test_an_address_of_another_machine_is_named():
    with pytest.raises(SourceError, match=r"this machine has no address 192\.0\.2\.1\. Use 127"):
        bound_socket(Address("192.0.2.1", 0), socket.SOCK_DGRAM)


@pytest.mark.parametrize(
    ("code", "port", "words"),
    [
        (errno.EACCES, 514, "ports below 1024 need special rights. Choose a port such as 5514"),
        (errno.EACCES, 5514, "the port is in use"),  # what Windows says
        (errno.ENOBUFS, 5514, "Cannot listen on UDP 127.0.0.1:5514: No buffer space available."),
    ],
)
def test_other_refusals_are_said(monkeypatch, code, port, words):
    class Refusing(socket.socket):
        def bind(self, address):
            raise OSError(code, "No buffer space available")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(SourceError) as caught:
        bound_socket(Address("127.0.0.1", port), socket.SOCK_DGRAM)
    assert words in str(caught.value)


def test_counts_are_told_at_once_and_then_every_ten_seconds():
    clock = StillClock()
    tally = Tally(clock)
    assert tally.take() == ()
    tally.add("refused", "{n} were refused.", 1_000, is_loss=True)
    (event,) = tally.take()
    assert (event.kind, event.message) == ("refused", "1,000 were refused.")
    assert (event.n_lost, event.is_loss, event.at_ns) == (1_000, True, 7)
    tally.add("refused", "{n} were refused.", 2, is_loss=True)
    tally.add("refused", "{n} were refused.", 3, is_loss=True)
    clock.at = 9.9
    assert tally.take() == ()
    clock.at = 10.0
    assert [e.n_lost for e in tally.take()] == [5]
    assert tally.messages == ("1,000 were refused.", "5 were refused.")


def test_the_last_telling_leaves_nothing_out():
    tally = Tally(StillClock())
    tally.add("a", "{n} {braces}", is_loss=True, is_known=False)
    tally.take()
    tally.add("a", "{n} {braces}", 4, is_loss=True, is_known=False)
    tally.add("b", "{n} others")
    assert [(e.message, e.n_lost, e.is_loss) for e in tally.take(is_last=True)] == [
        ("4 {braces}", None, True),
        ("1 others", None, False),
    ]
    assert tally.take(is_last=True) == ()


def test_a_waker_ends_a_wait_once_and_bears_being_closed():
    waker = Waker()
    waker.wake()
    waker.wake()
    assert waker.reading.recv(10) == b"\0\0"
    waker.close()
    waker.wake()


class Broken(Listener):
    word = "udp"
    held = None

    def _open(self, address):
        return address.host, address.port

    def _receive(self, spool):
        if self.held is not None:
            self.held.wait(30.0)
            return
        raise RuntimeError("our fault")

    def _close(self):
        pass

    def _wake(self):
        pass


@pytest.fixture
def spool(tmp_path):
    writer = SpoolWriter(tmp_path / "spool", 1 << 20)
    yield writer
    writer.close()


def test_a_failure_of_ours_is_told_not_hidden(spool, caplog):
    listener = Broken("5514")
    with caplog.at_level(logging.CRITICAL):
        listener.start(spool)
        listener._thread.join(10.0)
        status = listener.status()
    assert status.state == "error"
    assert "RuntimeError: our fault" in status.detail
    assert listener.stop(1.0)
    assert listener.status().state == "stopped"


def test_a_listener_that_hangs_does_not_hold_the_application(spool, monkeypatch):
    listener = Broken("5514")
    listener.held = threading.Event()
    listener.start(spool)
    monkeypatch.setattr(listener._thread, "join", lambda timeout: None)
    assert listener.stop(0.01) is False
    with pytest.raises(SourceError, match="is still stopping"):
        listener.start(spool)
    listener.held.set()
    monkeypatch.undo()
    assert listener.stop(10.0)
