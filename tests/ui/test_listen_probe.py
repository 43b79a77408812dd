"""A look at an address, a folder, a journal before it becomes a source."""

import os
import socket
from contextlib import closing

import pytest

from soc_copilot.ui.listen_probe import (
    FIRST_PORTS,
    free_port,
    look_at_address,
    look_at_drop_folder,
    look_at_event_logs,
    look_at_folders,
    look_at_journal,
    reach_text,
)


@pytest.fixture
def taken():
    """A TCP port of this machine that somebody listens on."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def test_a_free_port_can_be_listened_on():
    port = free_port("syslog-udp", "127.0.0.1")
    assert port >= FIRST_PORTS["syslog-udp"]
    found = look_at_address("syslog-udp", "127.0.0.1", str(port))
    assert (found.place, found.problem) == (f"127.0.0.1:{port}", "")
    assert "this machine" in found.note


def test_a_port_that_is_taken_is_named_with_one_that_is_free(taken):
    found = look_at_address("syslog-tcp", "127.0.0.1", str(taken))
    assert f"Port {taken} is taken" in found.problem
    assert "is free" in found.problem
    assert look_at_address("syslog-udp", "127.0.0.1", str(taken)).problem == ""


@pytest.mark.parametrize(
    ("host", "port", "word"),
    [
        ("127.0.0.1", "x", "no address"),
        ("127.0.0.1", "0", "from 1 to 65535"),
        ("127.0.0.1", "99999", "from 1 to 65535"),
        ("here", "5514", "no IP address"),
        ("192.0.2.1", "5514", "Cannot listen"),
    ],
)
def test_what_is_no_address_is_said(host, port, word):
    assert word in look_at_address("syslog-tcp", host, port).problem


def test_nothing_typed_is_no_problem_yet():
    assert look_at_address("syslog-tcp", "127.0.0.1", "").problem == ""
    assert look_at_address("syslog-tcp", "", "5514").place == ""
    assert look_at_folders("").place == look_at_event_logs(" ").place == ""


def test_an_open_address_is_warned_of():
    assert "this machine" in reach_text("syslog-udp", "127.0.0.1")
    assert "unencrypted" in reach_text("syslog-tcp", "192.0.2.7")
    assert "client certificates" in reach_text("syslog-tls", "192.0.2.7")


def test_folders_are_looked_at_one_by_one(tmp_path):
    one, two = tmp_path / "a", tmp_path / "b"
    one.mkdir()
    two.mkdir()
    both = f"{one}{os.pathsep}{two}"
    found = look_at_folders(both)
    assert (found.place, found.problem) == (both, "")
    assert found.note.startswith("2 folders.")
    (tmp_path / "c").touch()
    assert "is not a folder" in look_at_folders(f"{one}{os.pathsep}{tmp_path / 'c'}").problem
    assert "there is none" in look_at_folders(str(tmp_path / "d")).problem
    assert "whole path" in look_at_folders("a").problem
    assert "NUL" in look_at_folders("/a\0").problem


def test_an_event_log_is_known_by_its_signature(tmp_path):
    real, fake = tmp_path / "real.evtx", tmp_path / "fake.evtx"
    real.write_bytes(b"ElfFile\0" + bytes(100))
    fake.write_bytes(b"no log")
    assert look_at_event_logs(str(real)).place == str(real)
    assert "signature" in look_at_event_logs(str(fake)).problem
    assert look_at_event_logs(str(tmp_path)).note == "2 .evtx files now."


def test_without_journalctl_no_journal_can_be_read(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert "no journalctl" in look_at_journal("").problem
    monkeypatch.setattr("shutil.which", lambda _name: "/usr/bin/journalctl")
    assert look_at_journal("").place == "system"
    assert look_at_journal(str(tmp_path)).place == str(tmp_path)
    assert "there is none" in look_at_journal(str(tmp_path / "x")).problem


def test_a_channel_is_a_place_on_windows_only(monkeypatch):
    monkeypatch.setattr("soc_copilot.ui.listen_probe.is_windows", lambda: False)
    assert "Only Windows" in look_at_event_logs("channel:Security").problem
    monkeypatch.setattr("soc_copilot.ui.listen_probe.is_windows", lambda: True)
    assert look_at_event_logs("channel:Security").place == "channel:Security"


def test_a_drop_folder_is_a_folder(tmp_path):
    assert look_at_drop_folder(" ").place == ""
    assert look_at_drop_folder(str(tmp_path / "nowhere")).problem
    (tmp_path / "a.eml").write_bytes(b"x")
    assert look_at_drop_folder(str(tmp_path / "a.eml")).problem
    found = look_at_drop_folder(str(tmp_path))
    assert (found.place, found.problem) == (str(tmp_path), "")
    assert found.note.startswith("1 file now")
