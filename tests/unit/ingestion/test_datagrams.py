"""Syslog over UDP on a real socket: one datagram, one message, and every loss counted."""

import socket
import sys

import pytest

from soc_copilot.ingestion import datagrams
from soc_copilot.ingestion.datagrams import UdpListener, kernel_drops, receiver
from tests.unit.ingestion.wires import Wire, wait_until


@pytest.fixture
def wire(tmp_path):
    made = []

    def listen(address="127.0.0.1:0", **options):
        made.append(Wire(UdpListener(address), tmp_path / "spool", **options))
        return made[-1]

    yield listen
    for one in made:
        one.close()


@pytest.fixture(params=["many at once", "one by one"])
def either_way(request, monkeypatch):
    if request.param == "one by one":
        monkeypatch.setattr(datagrams, "receiver", datagrams._OneByOne)


def client(wire, family=socket.AF_INET, host="127.0.0.1"):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.connect((host, wire.port))
    return sock


@pytest.mark.usefixtures("either_way")
def test_each_datagram_is_one_line_with_its_sender(wire):
    it = wire()
    status = it.listener.status()
    assert (status.state, status.address) == ("listening", f"udp 127.0.0.1:{it.port}")
    with client(it) as one, client(it) as two:
        for sock in (one, two):
            sock.send(b"<13>hello")
            it.wait_for(1 if sock is one else 2)
        ports = [sock.getsockname()[1] for sock in (one, two)]
    assert it.content() == b"".join(b"127.0.0.1:%d\t<13>hello\n" % port for port in ports)


@pytest.mark.usefixtures("either_way")
def test_a_forged_second_line_stays_in_its_message(wire):
    it = wire()
    with client(it) as sock:
        sock.send(b"<13>a\n<34>su: root\0end\r\n")
        sock.send(b"")
        sock.send(b"\n")
        sock.send(b"<13>last\0")
        assert it.wait_for(4) == [b"<13>a#012<34>su: root#000end", b"", b"", b"<13>last"]


@pytest.mark.usefixtures("either_way")
def test_the_greatest_datagram_is_kept(wire):
    it = wire()
    with client(it) as sock:
        sock.send(b"x" * 65_507)
        sock.send(b"y")
        assert it.wait_for(2) == [b"x" * 65_507, b"y"]


@pytest.mark.usefixtures("either_way")
def test_ipv6_senders_stand_in_brackets(wire):
    it = wire("[::1]:0")
    with client(it, socket.AF_INET6, "::1") as sock:
        sock.send(b"<13>six")
        it.wait_for(1)
        assert it.content() == b"[::1]:%d\t<13>six\n" % sock.getsockname()[1]


@pytest.mark.usefixtures("either_way")
def test_stopping_takes_what_has_arrived(wire, monkeypatch):
    monkeypatch.setattr(datagrams, "_NAP_S", 0.2)  # the listener sleeps while these arrive
    it = wire()
    with client(it) as sock:
        sock.send(b"first")
        it.wait_for(1)
        for i in range(600):
            sock.send(b"%d" % i)
        assert it.stop()
        assert it.messages() == [b"first", *(b"%d" % i for i in range(600))]
        assert it.lost() == {}
    assert it.listener.status().state == "stopped"


def test_a_full_spool_refuses_and_counts(wire):
    it = wire(max_bytes=800)
    with client(it) as sock:
        for i in range(100):
            sock.send(b"%04d" % i)
        wait_until(lambda: it.listener.n_received == 100, "all were taken")
        stored = len(it.messages())
        assert 0 < stored < 100
        assert "refused and counted" in it.listener.status().detail
        assert it.lost() == {"refused": 100 - stored}
        it.spool.release(10**9)
        sock.send(b"room")
        wait_until(lambda: it.messages()[-1:] == [b"room"], "it has room again")
    wait_until(lambda: it.listener.status().detail == "", "all is well")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux tells its drops")
def test_what_the_kernel_dropped_is_counted(wire, monkeypatch):
    monkeypatch.setattr(datagrams, "_enlarge", lambda sock: None)
    monkeypatch.setattr(datagrams, "_NAP_S", 0.5)
    it = wire()
    n = 3_000
    with client(it) as sock:
        sock.send(b"first")
        it.wait_for(1)
        for _ in range(n - 1):
            sock.send(b"z" * 1_000)
    assert it.stop()
    received = len(it.messages())
    assert it.listener.n_dropped > 0
    assert "drops bursts. Allow more: sysctl" in it.listener._detail()
    assert received + it.listener.n_dropped == n
    assert it.lost() == {"overflow": n - received}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is one way")
def test_linux_takes_many_at_once_and_knows_its_drops():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        assert isinstance(receiver(sock), datagrams._ManyAtOnce)
        assert kernel_drops(sock) == 0


def test_a_system_that_does_not_tell_its_drops_is_said(wire, monkeypatch):
    monkeypatch.setattr(datagrams.sys, "platform", "darwin")
    it = wire()
    assert "does not tell how many" in it.listener.status().detail
    with client(it) as sock:
        sock.send(b"x")
        it.wait_for(1)


@pytest.mark.usefixtures("either_way")
def test_more_senders_than_are_remembered_keep_their_names(wire, monkeypatch):
    monkeypatch.setattr(datagrams, "_SENDERS", 2)
    it = wire()
    ports = []
    for i in range(7):
        with client(it) as sock:
            sock.send(b"x")
            ports.append(sock.getsockname()[1])
            it.wait_for(i + 1)
    assert it.content() == b"".join(b"127.0.0.1:%d\tx\n" % port for port in ports)


def test_it_starts_again_after_a_stop(wire, tmp_path):
    it = wire()
    port = it.port
    it.stop()
    again = UdpListener(f"127.0.0.1:{port}")
    again.start(it.spool)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"again", ("127.0.0.1", port))
        it.wait_for(1)
    assert again.stop(5.0)
    assert again.stop(5.0)
