"""Listeners by kind: each kind gives what it says, and nothing is opened before the start."""

import contextlib

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.source_options import LISTENERS, SourceOptions
from soc_copilot.ingestion.datagrams import UdpListener
from soc_copilot.ingestion.listeners import check_address, make_listener
from soc_copilot.ingestion.streams import TcpListener, TlsListener
from tests.unit.ingestion.wires import Wire


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("syslog-udp", UdpListener),
        ("syslog-tcp", TcpListener),
        ("syslog-tls", TlsListener),
        ("json-tcp", TcpListener),
    ],
)
def test_each_kind_has_its_listener(kind, made):
    assert kind in LISTENERS
    listener = make_listener(kind, "127.0.0.1:0", SourceOptions())
    assert type(listener) is made
    assert listener.status().state == "stopped"


def test_other_kinds_are_refused():
    with pytest.raises(
        SourceError, match=r"no listener of kind \"file\"\. There are json-tcp, sys"
    ):
        make_listener("file", "5514", SourceOptions())


def test_json_lines_are_never_counted_frames(tmp_path):
    wire = Wire(make_listener("json-tcp", "0", SourceOptions()), tmp_path / "spool")
    wire.connect(b'12 {"a": 1}\n{"b": 2}').close()
    assert wire.wait_for(2) == [b'12 {"a": 1}', b'{"b": 2}']
    wire.close()


def test_the_number_of_connections_is_the_option(tmp_path):
    options = SourceOptions.checked("syslog-tcp", {"max_connections": 1})
    wire = Wire(make_listener("syslog-tcp", "0", options), tmp_path / "spool")
    with wire.connect(b"<13>a\n"):
        wire.wait_for(1)
        with wire.connect(b"<13>b\n") as turned_away:
            turned_away.settimeout(30.0)
            with contextlib.suppress(ConnectionResetError):  # its message was never read
                assert turned_away.recv(1) == b""
    wire.stop()
    assert "turned away because 1 senders were connected already: 1." in wire.events[0].message
    wire.close()


def test_addresses_are_checked_before_anything_is_stored():
    assert check_address("5514") == "127.0.0.1:5514"
    with pytest.raises(SourceError):
        check_address("somewhere")


def test_a_bad_address_or_certificate_is_told_at_the_start(tmp_path):
    for kind, address in (("syslog-udp", "somewhere"), ("syslog-tls", "0")):
        listener = make_listener(kind, address, SourceOptions())
        with pytest.raises(SourceError):
            listener.start(None)
        assert listener.status().state == "stopped"
        assert listener.stop(1.0)
