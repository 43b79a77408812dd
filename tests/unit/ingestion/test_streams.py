"""Messages over TCP and TLS on real sockets: many senders, hostile ones, and a quiet stop."""

import contextlib
import logging
import os
import random
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from datetime import UTC, datetime

import pytest
import trustme

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import MAX_LINE_BYTES
from soc_copilot.ingestion import streams
from soc_copilot.ingestion.spool import whole_line
from soc_copilot.ingestion.streams import TcpListener, TlsListener
from tests.unit.ingestion.wires import PATIENCE_S, Wire, wait_until


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("papers")
    ca, other = trustme.CA(), trustme.CA()
    issued = ca.issue_cert("localhost")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "cert.pem")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    ca.issue_cert(
        "localhost", not_after=datetime(2020, 2, 3, tzinfo=UTC)
    ).private_key_and_cert_chain_pem.write_to_path(folder / "old.pem")
    for name, authority in (("sender", ca), ("stranger", other)):
        authority.issue_cert("sender@example.org").private_key_and_cert_chain_pem.write_to_path(
            folder / f"{name}.pem"
        )
    return folder


@pytest.fixture
def wire(tmp_path):
    made = []

    def listen(listener=None, max_bytes=1 << 30, **options):
        listener = listener or TcpListener("127.0.0.1:0", **options)
        made.append(Wire(listener, tmp_path / f"spool{len(made)}", max_bytes))
        return made[-1]

    yield listen
    for one in made:
        one.close()


@pytest.fixture
def tls(wire, papers):
    def listen(**options):
        files = {"certificate": str(papers / "cert.pem"), "key": str(papers / "key.pem")}
        return wire(TlsListener("127.0.0.1:0", **files, **options))

    return listen


def tls_client(wire, papers, certificate=None, version=None, data=b""):
    context = ssl.create_default_context(cafile=papers / "ca.pem")
    if version:
        context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(papers / certificate)
    sock = context.wrap_socket(wire.connect(), server_hostname="localhost")
    try:
        sock.sendall(data)
    except OSError:
        sock.close()
        raise
    return sock


def hears_the_end(sock):
    sock.settimeout(PATIENCE_S)
    return sock.recv(1) == b""


def test_messages_stand_behind_their_sender(wire):
    it = wire()
    assert it.listener.status().address == f"tcp 127.0.0.1:{it.port}"
    with it.connect(b"<13>one\n7 <13>two") as sock:
        it.wait_for(2)
        port = sock.getsockname()[1]
        assert it.listener.status().n_connections == 1
    assert it.content() == b"127.0.0.1:%d\t<13>one\n127.0.0.1:%d\t<13>two\n" % (port, port)
    wait_until(lambda: it.listener.status().n_connections == 0, "it is gone")


def test_ipv6_senders_stand_in_brackets(wire):
    it = wire(TcpListener("[::1]:0"))
    with it.connect(b"<13>six\n", "::1") as sock:
        it.wait_for(1)
        assert it.content() == b"[::1]:%d\t<13>six\n" % sock.getsockname()[1]


def test_many_senders_at_once_lose_nothing(wire):
    it = wire()

    def send(name):
        rng = random.Random(name)  # noqa: S311 - test data
        data = b"".join(
            b"%d %b" % (len(m), m) if rng.random() < 0.5 else m + b"\n"
            for m in (b"<13>%d-%d" % (name, i) for i in range(500))
        )
        with it.connect() as sock:
            while data:
                step = rng.randrange(1, 3_000)
                sock.sendall(data[:step])
                data = data[step:]

    threads = [threading.Thread(target=send, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    messages = it.wait_for(4_000)
    assert sorted(messages) == sorted(b"<13>%d-%d" % (n, i) for n in range(8) for i in range(500))
    for name in range(8):
        own = [m for m in messages if m.startswith(b"<13>%d-" % name)]
        assert own == [b"<13>%d-%d" % (name, i) for i in range(500)], "in order"


def test_a_sender_of_single_bytes_holds_up_nobody(wire):
    it = wire()
    with it.connect() as slow, it.connect() as fast:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i, byte in enumerate(b"9 <13>slow"):
            slow.send(bytes([byte]))
            fast.sendall(b"<13>fast\n")
            it.wait_for(i + 1)
        slow.sendall(b"!")
        assert it.wait_for(11)[-1] in {b"<13>slow!", b"<13>fast"}
        assert b"<13>slow!" in it.messages()


def test_a_last_message_without_a_line_end_is_kept(wire):
    it = wire()
    it.connect(b"<13>one\n<13>no end").close()
    assert it.wait_for(2) == [b"<13>one", b"<13>no end"]


def test_an_incomplete_counted_message_is_counted(wire):
    it = wire()
    it.connect(b"7 <13>one99 <13>cut").close()
    it.wait_for(1)
    wait_until(lambda: it.lost(), "it is told")
    assert it.lost() == {"unterminated": 1}
    assert it.messages() == [b"<13>one"]


def test_a_reset_connection_counts_what_was_open(wire):
    it = wire()
    with it.connect(b"<13>one\n<13>cut") as sock:
        it.wait_for(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: it.lost(), "it is told")
    assert it.lost() == {"unterminated": 1}


def test_giant_messages_are_cut_counted_and_passed(wire):
    it = wire()
    giant = b"<13>" + os.urandom(1 << 20).hex().encode()
    with it.connect(giant + b"\n%d " % len(giant) + giant + b"<13>after\n"):
        it.wait_for(3)
    lines = it.content().split(b"\n")
    for line in lines[:2]:
        kept, length, _ = whole_line(line)
        assert length == len(giant) + 1
        assert len(kept) == MAX_LINE_BYTES - 1
    assert whole_line(lines[0])[2] == whole_line(lines[1])[2]
    assert lines[2].endswith(b"\t<13>after")


def test_a_full_spool_makes_senders_wait_and_loses_nothing(wire):
    it = wire(max_bytes=64 * 1024)
    n = 20_000
    data = b"".join(b"<13>message %06d\n" % i for i in range(n))
    sender = threading.Thread(target=lambda: it.connect(data).close())
    sender.start()
    wait_until(lambda: it.listener.status().detail, "it waits")
    assert it.listener.status().detail == "Senders wait until there is room."
    got = []
    while len(got) < n:
        segments = it.spool.segments()
        for segment in segments[:-1]:
            got += [x.partition(b"\t")[2] for x in segment.path.read_bytes().split(b"\n")[:-1]]
        it.spool.release(segments[-1].first)
        if it.listener.n_received == n and len(got) + it.content().count(b"\n") == n:
            got += it.messages()
    sender.join()
    assert got == [b"<13>message %06d" % i for i in range(n)]
    assert it.lost() == {}


def test_stopping_while_the_spool_is_full_keeps_what_was_taken(wire):
    it = wire(max_bytes=64 * 1024)
    with it.connect(b"".join(b"<13>message %06d\n" % i for i in range(3_000))) as sock:
        wait_until(lambda: it.listener.status().detail, "it waits")
        sock.sendall(b"<13>never read\n")
        assert it.stop()
    messages = it.messages()
    assert messages == [b"<13>message %06d" % i for i in range(len(messages))]
    assert len(messages) == it.listener.n_received
    assert it.spool.used_bytes > 64 * 1024
    assert it.lost() == {"lost": None}, "what the system had taken is nobody's any more"


def test_stopping_tells_senders_and_takes_all_that_they_sent(wire):
    it = wire()
    sent, begun = [], threading.Event()

    def send():
        with it.connect() as sock:
            sock.setblocking(False)
            for i in range(10**9):
                with contextlib.suppress(BlockingIOError):
                    if sock.recv(1) == b"":
                        return  # the listener ended its side: a polite sender goes elsewhere
                with contextlib.suppress(BlockingIOError):
                    message = b"<13>message %06d\n" % i
                    assert sock.send(message) == len(message)
                    sent.append(message[:-1])
                begun.set()

    sender = threading.Thread(target=send)
    sender.start()
    assert begun.wait(PATIENCE_S)
    assert it.stop()
    sender.join()
    assert it.messages() == sent
    assert it.lost() == {}


def test_a_quiet_sender_does_not_hold_up_the_stop(wire):
    it = wire()
    with it.connect(b"<13>one\n<13>half a message") as sock:
        it.wait_for(1)
        began = time.monotonic()
        assert it.stop(20.0)
        assert time.monotonic() - began < 10.0
        assert hears_the_end(sock)
    assert it.messages() == [b"<13>one"]
    assert it.lost() == {"unterminated": 1}


def test_a_sender_that_never_ends_is_cut_off_in_time_and_told(wire):
    it = wire()
    stop = threading.Event()

    def send():
        with it.connect() as sock, contextlib.suppress(OSError):
            while not stop.is_set():
                sock.sendall(b"<13>more\n" * 100)

    sender = threading.Thread(target=send)
    sender.start()
    it.wait_for(1)
    assert it.stop(0.5)
    stop.set()
    sender.join()
    assert it.lost().keys() >= {"lost"}


def test_senders_beyond_the_limit_are_turned_away(wire):
    it = wire(max_connections=2)
    with it.connect(b"<13>a\n"), it.connect(b"<13>b\n"):
        it.wait_for(2)
        with it.connect() as third:
            assert hears_the_end(third)
        assert it.listener.status().n_connections == 2
    it.stop()
    assert "turned away because 2 senders were connected already: 1." in it.events[0].message


def test_silent_connections_make_room(wire, monkeypatch):
    monkeypatch.setattr(streams, "_UNPROVEN_S", 0.0)
    it = wire(max_connections=2)
    with it.connect(b"<13>a\n") as speaker, it.connect() as silent:
        it.wait_for(1)
        wait_until(lambda: it.listener.status().n_connections == 2, "both are there")
        with it.connect(b"<13>c\n"):
            it.wait_for(2)
            assert hears_the_end(silent)
            speaker.sendall(b"<13>still here\n")
            it.wait_for(3)


def test_silence_ends_a_connection_after_very_long(wire, monkeypatch):
    monkeypatch.setattr(streams, "_IDLE_S", 0.05)
    monkeypatch.setattr(streams, "_TICK_S", 0.01)
    it = wire()
    with it.connect(b"<13>a\n") as sock:
        assert hears_the_end(sock)


def test_silence_that_was_ours_ends_no_connection(wire, monkeypatch):
    monkeypatch.setattr(streams, "_IDLE_S", 1.5)  # its next message takes less
    monkeypatch.setattr(streams, "_TICK_S", 0.01)
    it = wire(max_bytes=64 * 1024)
    with it.connect(b"".join(b"<13>message %06d\n" % i for i in range(3_000))) as sock:
        wait_until(lambda: it.listener.status().detail, "it waits")
        waited = time.monotonic()
        wait_until(lambda: time.monotonic() - waited > 1.7, "all have been silent for long")
        while it.listener.n_received < 3_000:
            it.spool.release(10**9)
        sock.sendall(b"<13>still here\n")
        wait_until(lambda: it.listener.n_received == 3_001, "its next message came")


def test_a_listener_that_cannot_listen_says_so(wire, monkeypatch):
    def refuse(sock, backlog):
        raise OSError(98, "Address already in use")

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "listen", refuse)
        with pytest.raises(SourceError, match="the port is in use by another program"):
            wire()
    it = wire()
    with pytest.raises(SourceError, match=f"TCP 127.0.0.1:{it.port}: the port is in use"):
        wire(TcpListener(f"127.0.0.1:{it.port}"))


def test_thousands_of_connections_opened_and_dropped(wire):
    it = wire(max_connections=64)
    for i in range(2_000):
        sock = it.connect()
        if i % 2:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    def is_served():  # turned away while many of the dropped ones still wait to be taken
        with it.connect(b"<13>alive\n") as sock:
            sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                sock.recv(1)
        return b"<13>alive\n" in it.content()

    wait_until(is_served, "somebody is served again")
    assert set(it.wait_for(1)) == {b"<13>alive"}
    wait_until(lambda: it.listener.status().n_connections == 0, "all are gone")


def test_a_system_without_descriptors_makes_new_senders_wait(wire, monkeypatch):
    monkeypatch.setattr(streams, "_PAUSE_S", 0.01)
    monkeypatch.setattr(streams, "_TICK_S", 0.01)
    it = wire()
    with it.connect(b"<13>old\n") as old:
        it.wait_for(1)
        real, left = socket.socket.accept, [3]

        def refuse_at_first(sock):
            left[0] -= 1
            if left[0] >= 0:
                raise OSError(24, "Too many open files")
            return real(sock)

        monkeypatch.setattr(socket.socket, "accept", refuse_at_first)
        with it.connect(b"<13>new\n"):
            old.sendall(b"<13>still served\n")
            assert set(it.wait_for(3)) == {b"<13>old", b"<13>still served", b"<13>new"}
            assert left[0] < 0
    it.stop()
    assert it.events[0].message == "New senders wait: Too many open files."


def test_memory_stays_flat_under_hostile_senders(wire):
    it = wire()
    rng = random.Random(7)  # noqa: S311 - test data
    socks = [it.connect() for _ in range(20)]
    tracemalloc.start()
    try:
        for _ in range(40):
            for i, sock in enumerate(socks):
                junk = b"y" * 65_536 if i % 2 else rng.randbytes(65_536).replace(b"\n", b"x")
                sock.sendall(b"999999999 " + junk if i % 3 else junk)
        bound = len(socks) * (2 * MAX_LINE_BYTES + streams._RECEIVE_BYTES) * 2
        _, peak = tracemalloc.get_traced_memory()
        assert peak < bound + 16 * 2**20
    finally:
        tracemalloc.stop()
    for sock in socks:
        sock.close()
    it.connect(b"<13>alive\n").close()
    wait_until(lambda: b"<13>alive" in it.messages(), "it lives")


def test_a_port_can_be_used_again_at_once(wire):
    it = wire()
    port = it.port
    sock = it.connect(b"<13>a\n")
    it.wait_for(1)
    it.stop()
    again = wire(TcpListener(f"127.0.0.1:{port}"))
    again.connect(b"<13>b\n").close()
    assert again.wait_for(1) == [b"<13>b"]
    sock.close()


# TLS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_messages_come_over_tls(tls, papers, version):
    it = tls()
    assert it.listener.status().address.startswith("tls 127.0.0.1:")
    data = b"".join(b"%d %b" % (len(m), m) for m in (b"<13>%06d" % i for i in range(5_000)))
    with tls_client(it, papers, version=version, data=data) as sock:
        assert sock.version() == version.name.replace("v1_", "v1.")
        assert it.wait_for(5_000) == [b"<13>%06d" % i for i in range(5_000)]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_versions_are_refused(tls, papers):
    it = tls()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(papers / "ca.pem")
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(it.connect(), server_hostname="localhost")


def test_half_open_handshakes_hold_up_nobody(tls, papers, monkeypatch):
    monkeypatch.setattr(streams, "_HANDSHAKE_S", 0.3)
    monkeypatch.setattr(streams, "_TICK_S", 0.05)
    it = tls()
    half = [it.connect(b"\x16\x03\x01\x02\x00\x01"[: i % 7]) for i in range(60)]
    with tls_client(it, papers, data=b"7 <13>one"):
        it.wait_for(1)
    for sock in half:
        assert hears_the_end(sock)
        sock.close()
    it.stop()
    assert "TLS handshakes that failed: " in it.events[0].message
    assert not any(e.is_loss for e in it.events)


def test_who_speaks_no_tls_is_sent_away(tls, papers):
    it = tls()
    for junk in (b"<13>plain\n", b"GET / HTTP/1.0\r\n\r\n", os.urandom(5_000)):
        with contextlib.suppress(OSError), it.connect(junk) as sock:
            sock.settimeout(PATIENCE_S)
            while sock.recv(100):
                pass
    with tls_client(it, papers, data=b"7 <13>one"):
        assert it.wait_for(1) == [b"<13>one"]


def test_senders_show_certificates_when_asked(tls, papers):
    it = tls(client_ca=str(papers / "ca.pem"))
    with tls_client(it, papers, "sender.pem", data=b"7 <13>one"):
        assert it.wait_for(1) == [b"<13>one"]
    for certificate in (None, "stranger.pem"):
        with contextlib.suppress(OSError), tls_client(it, papers, certificate, data=b"3 bad") as s:
            hears_the_end(s)
    assert it.stop()
    assert it.messages() == [b"<13>one"]
    assert [e.kind for e in it.events] == ["connection"] * len(it.events) != []


def test_stopping_ends_a_tls_stream_so_that_its_sender_sees_it(tls, papers):
    it = tls()
    with tls_client(it, papers, data=b"7 <13>one") as sock:
        it.wait_for(1)
        raw = socket.socket(fileno=os.dup(sock.fileno()))
        raw.settimeout(PATIENCE_S)
        stopper = threading.Thread(target=it.stop, args=(20.0,))
        stopper.start()
        # What rsyslog does before each message: nothing but the end may be waiting there.
        assert raw.recv(1, socket.MSG_PEEK) == b""
        raw.close()
        sock.sendall(b"7 <13>two")
        stopper.join()
    assert it.messages() == [b"<13>one", b"<13>two"]


def test_a_certificate_past_its_date_is_told(wire, papers):
    old = str(papers / "old.pem")
    it = wire(TlsListener("127.0.0.1:0", certificate=old, key=""))
    assert "expired on 2020-02-03" in it.listener.status().detail


def test_a_bad_certificate_opens_no_port(wire, papers):
    with pytest.raises(SourceError, match="holds no PEM"):
        wire(TlsListener("127.0.0.1:0", certificate=str(papers / "ca.pem"), key=""))


def test_nothing_is_logged_about_each_connection(wire, caplog):
    it = wire()
    with caplog.at_level(logging.INFO):
        for _ in range(20):
            it.connect(b"<13>x\n").close()
        it.wait_for(20)
    assert len(caplog.records) <= 1
