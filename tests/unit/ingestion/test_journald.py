"""The journal as a source: a stand-in for journalctl, and real journals where they can be made."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from soc_copilot.ingestion.journald import _ENTRY_BYTES, JournalSource
from soc_copilot.ingestion.reader import ReadLimits
from tests.tools import fake_journalctl

REMOTE = Path("/usr/lib/systemd/systemd-journal-remote")
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="runs a script")
pytestmark = UNIX


class Reading:
    """Polls a source until it has nothing more, with a clock that needs no waiting."""

    def __init__(self, path, **how):
        self.now_s = 1_000.0
        self.chunks = []
        self.source = JournalSource(path, source_id=3, clock=self, **how)

    def now_ns(self):
        return time.time_ns()

    def monotonic_s(self):
        return self.now_s

    def __call__(self):
        self.now_s += 11
        deadline = time.monotonic() + 60
        while True:
            got = self.source.poll(1 << 16)
            self.chunks += got
            is_over = self.source._run is None and self.now_s < self.source._next_look_s
            if is_over and not got:
                self.source.close()
                return self
            assert time.monotonic() < deadline, "the source does not come to an end"
            if not got:
                time.sleep(0.002)

    def messages(self):
        lines = b"".join(chunk.data for chunk in self.chunks).split(b"\n")[:-1]
        return [json.loads(line)["MESSAGE"] for line in lines]

    def events(self):
        return [event for chunk in self.chunks for event in chunk.events]


def entry(i, message=None):
    cursor = f"s=aa;i={i:x};b=bb;m={i:x};t={i:x};x={i:x}"
    return json.dumps({"__CURSOR": cursor, "MESSAGE": message or f"m{i}"}) + "\n"


def texts(*numbers):
    return [f"m{i}" for i in numbers]


@pytest.fixture
def journal(tmp_path, monkeypatch):
    tool = tmp_path / "bin" / "journalctl"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} {fake_journalctl.__file__} "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    path = tmp_path / "a.journal"
    path.write_text("".join(map(entry, range(1, 31))))
    return path


def check_places(chunks):
    at = -1
    for chunk in chunks:
        assert chunk.start == at
        assert chunk.lengths.sum() == chunk.checkpoint.offset - max(chunk.start, 0)
        at = chunk.checkpoint.offset


def test_entries_are_read_once_and_then_as_they_come(journal):
    read = Reading(journal, from_start=True, limits=ReadLimits(max_lines=7))()
    assert read.messages() == texts(*range(1, 31))
    with journal.open("a") as file:
        file.write(entry(31))
    read()
    assert read.messages() == texts(*range(1, 32))
    assert read.events() == []
    check_places(read.chunks)
    assert read.source.status().state == "live"


def test_new_source_begins_at_the_end(journal):
    read = Reading(journal)()
    assert read.messages() == []
    assert [chunk.start for chunk in read.chunks] == [-1]
    with journal.open("a") as file:
        file.write(entry(31))
    assert Reading(journal, checkpoints=[read.chunks[-1].checkpoint])().messages() == ["m31"]


def test_end_of_an_empty_journal_is_its_beginning(journal):
    journal.write_text("")
    read = Reading(journal)()
    journal.write_text(entry(1))
    assert Reading(journal, checkpoints=[read.chunks[-1].checkpoint])().messages() == ["m1"]


def test_restart_goes_on_after_any_chunk(journal):
    whole = Reading(journal, from_start=True, limits=ReadLimits(max_lines=4))()
    for n in range(1, len(whole.chunks)):
        kept = whole.chunks[:n]
        again = Reading(journal, checkpoints=[kept[-1].checkpoint])()
        check_places(kept + again.chunks)
        again.chunks = kept + again.chunks
        assert again.messages() == texts(*range(1, 31))


def test_closing_in_the_middle_repeats_nothing(journal):
    journal.write_text("".join(entry(i, f"m{i}" + "x" * 9_000) for i in range(1, 41)))
    read = Reading(journal, from_start=True)
    deadline = time.monotonic() + 60
    while not read.chunks and time.monotonic() < deadline:
        read.chunks += read.source.poll(1 << 16)
    assert 0 < len(read.messages()) < 40
    read.source.close()
    read()
    assert [m.rstrip("x") for m in read.messages()] == texts(*range(1, 41))
    check_places(read.chunks)


def test_vacuum_before_the_place_is_no_loss(journal):
    read = Reading(journal, from_start=True)()
    journal.write_text("".join(map(entry, (30, 31, 32))))
    assert read().messages() == texts(*range(1, 33))
    assert read.events() == []


def test_vacuum_past_the_place_is_told_with_the_count_and_skips_nothing(journal):
    read = Reading(journal, from_start=True)()
    journal.write_text("".join(map(entry, range(36, 40))))
    assert read().messages() == texts(*range(1, 31), *range(36, 40))
    (event,) = read.events()
    assert (event.kind, event.is_loss, event.n_lost) == ("lost", True, 5)


def test_replaced_journal_is_told_without_a_count(journal):
    read = Reading(journal, from_start=True)()
    journal.write_text(entry(40).replace("s=aa", "s=cc"))
    (event,) = read().events()
    assert (event.is_loss, event.n_lost) == (True, None)
    assert read.messages()[-1] == "m40"


def test_long_entry_is_shortened_and_marked(journal):
    journal.write_text(entry(1) + entry(2, "x" * 300_000) + entry(3))
    read = Reading(journal, from_start=True)()
    assert [len(m) < 65_536 for m in read.messages()] == [True] * 3
    assert sum(chunk.n_too_long for chunk in read.chunks) == 1
    check_places(read.chunks)


def test_entry_without_bound_is_read_without_its_large_fields(journal):
    journal.write_text(entry(1) + entry(2, "x" * (_ENTRY_BYTES + 200_000)) + entry(3))
    read = Reading(journal, from_start=True)
    for _ in range(3):
        read()
    assert read.messages() == ["m1", None, "m3"]
    assert [event.kind for event in read.events()] == ["note"]
    check_places(read.chunks)


def test_text_that_looks_like_a_cursor_moves_nothing(journal):
    journal.write_text(entry(1, '"__CURSOR":"s=aa;i=ff"') + entry(2))
    read = Reading(journal, from_start=True)()
    assert "i=2;" in read.chunks[-1].checkpoint.cursor


def test_missing_permission_says_which_group(journal):
    journal.with_suffix(".error").write_text(
        "1 No journal files were opened due to insufficient permissions."
    )
    read = Reading(journal, from_start=True)()
    assert read.source.status().state == "denied"
    journal.with_suffix(".error").unlink()
    assert read().messages() == texts(*range(1, 31))
    assert read.source.status().state == "live"


def test_failure_is_told_in_its_own_words(journal):
    journal.with_suffix(".error").write_text("1 Bad message")
    status = Reading(journal)().source.status()
    assert status.state == "error"
    assert "Bad message" in status.detail


def test_machine_without_journalctl_says_so(journal, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    status = Reading("system")().source.status()
    assert status.state == "error"
    assert "journalctl is not on this machine" in status.detail


def test_missing_journal_is_waited_for(journal):
    content = journal.read_text()
    journal.unlink()
    read = Reading(journal, from_start=True)()
    assert read.source.status().state == "missing"
    journal.write_text(content)
    assert read().messages() == texts(*range(1, 31))


def write_journal(path, numbers, boot="b"):
    export = b""
    for i in numbers:
        fields = {
            "__REALTIME_TIMESTAMP": 1_773_133_200_000_000 + i * 1_000,
            "__MONOTONIC_TIMESTAMP": 1_000 + i,
            "_BOOT_ID": boot * 32,
            "_HOSTNAME": "gate",
            "MESSAGE": f"m{i}",
        }
        export += "".join(f"{k}={v}\n" for k, v in fields.items()).encode()
        export += b"BINARY\n" + (3).to_bytes(8, "little") + b"a\xff\n\n\n"
    command = [str(REMOTE), "-o", str(path), "-"]
    subprocess.run(command, input=export, check=True, capture_output=True)


@pytest.mark.skipif(
    not REMOTE.exists() or shutil.which("journalctl") is None, reason="no journal can be made"
)
def test_real_journal_over_boots_restarts_and_a_vacuum(tmp_path):
    write_journal(tmp_path / "a.journal", range(1, 301))
    read = Reading(tmp_path, from_start=True, limits=ReadLimits(max_lines=50))()
    write_journal(tmp_path / "b.journal", range(301, 351), boot="c")
    write_journal(tmp_path / "a.journal", range(351, 361))
    again = Reading(tmp_path, checkpoints=[read.chunks[-1].checkpoint])()
    read.chunks += again.chunks
    assert sorted(read.messages(), key=lambda m: int(m[1:])) == texts(*range(1, 361))
    check_places(read.chunks)
    assert read.events() == []
    last = read.chunks[-1].checkpoint
    (tmp_path / "a.journal").unlink()
    (tmp_path / "b.journal").unlink()
    write_journal(tmp_path / "c.journal", range(400, 410))
    third = Reading(tmp_path, checkpoints=[last])()
    assert third.messages() == texts(*range(400, 410))
    assert [event.is_loss for event in third.events()] == [True]
