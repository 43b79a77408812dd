"""Event logs as a source: positions, growth, quarantine."""

import json
import os
import sys
import time

import pytest

from soc_copilot.ingestion.evtx import COMMAND, SCAN_S, EvtxSource, Position
from soc_copilot.ingestion.reader import ReadLimits
from tests.tools import evtx_writer

POISONED = """
import os, signal, sys, time
content = os.read(0, 1 << 20)
os.lseek(0, 0, 0)
if b"KILL" in content[:64]: os.kill(os.getpid(), signal.SIGKILL)
if b"HANG" in content[:64]: time.sleep(600)
if b"BLOAT" in content[:64]:
    while True: sys.stdout.write("x" * 65536)
from soc_copilot.ingestion.evtx_child import main
sys.exit(main(sys.argv[1:]))
"""


class Reading:
    """Polls a source until nothing is left, with a clock that needs no waiting."""

    def __init__(self, source):
        self.source = source
        self.chunks = []
        self.now_s = 1_000.0
        source._clock = self

    def now_ns(self):
        return time.time_ns()

    def monotonic_s(self):
        return self.now_s

    def __call__(self, max_bytes=1 << 20):
        """New chunks."""
        first = len(self.chunks)
        self.now_s += SCAN_S
        deadline = time.monotonic() + 60
        while True:
            got = self.source.poll(max_bytes)
            self.chunks += got
            if not got and self.source._reading is None and not self.source._waiting:
                return self.chunks[first:]
            assert time.monotonic() < deadline, "the source does not come to an end"
            if not got:
                time.sleep(0.002)

    def users(self):
        lines = b"".join(chunk.data for chunk in self.chunks).split(b"\n")[:-1]
        return [json.loads(x)["Event"]["EventData"]["TargetUserName"] for x in lines]

    def events(self):
        return [event for chunk in self.chunks for event in chunk.events]

    def checkpoints(self):
        return list({chunk.generation: chunk.checkpoint for chunk in self.chunks}.values())


def old(path):
    """Make the file look as if it were last written a while ago."""
    then = path.stat().st_mtime_ns - 60_000_000_000
    os.utime(path, ns=(then, then))


def users(*numbers):
    return [f"user{i}" for i in numbers]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "a.evtx"
    evtx_writer.write(path, 45)
    old(path)
    return path


def reading(path, **how):
    return Reading(EvtxSource(path, source_id=3, **how))


def check_places(chunks):
    """Positions follow each other without a gap, from a first one that expects none."""
    places = {}
    for chunk in chunks:
        assert chunk.start == places.get(chunk.generation, -1)
        assert chunk.lengths.sum() == chunk.checkpoint.offset - max(chunk.start, 0)
        places[chunk.generation] = chunk.checkpoint.offset


def test_file_is_read_once(log):
    read = reading(log, limits=ReadLimits(max_lines=7))
    read()
    assert read.users() == users(*range(1, 46))
    check_places(read.chunks)
    assert max(chunk.n_lines for chunk in read.chunks) == 7
    assert read() == []
    assert read.source.status().state == "live"
    assert read.source.status().lag_bytes == 0
    read.source.close()


def test_grown_file_gives_its_new_records_only(log):
    read = reading(log)
    read()
    evtx_writer.write(log, 70)
    read()
    assert read.users() == users(*range(1, 71))
    check_places(read.chunks)
    assert read.events() == []


def test_restart_goes_on_after_any_chunk(log):
    whole = reading(log, limits=ReadLimits(max_lines=10))
    whole()
    for n in range(1, len(whole.chunks)):
        kept = whole.chunks[:n]
        again = reading(log, checkpoints=[kept[-1].checkpoint])
        again()
        again.chunks = kept + again.chunks
        assert again.users() == users(*range(1, 46))
        check_places(again.chunks)


def test_file_that_did_not_change_is_not_read_again_after_a_restart(log):
    read = reading(log)
    read()
    again = reading(log, checkpoints=read.checkpoints())
    again.source.command = ("/nonexistent",)
    assert again() == []


def test_closing_in_the_middle_repeats_nothing(log):
    read = reading(log, limits=ReadLimits(max_lines=5))
    deadline = time.monotonic() + 60
    while not read.chunks and time.monotonic() < deadline:
        read.chunks += read.source.poll(2_000)
    read.source.close()
    read.source.close()
    assert 0 < len(read.users()) < 45
    read()
    assert read.users() == users(*range(1, 46))
    check_places(read.chunks)


def test_another_log_under_the_same_name_is_a_new_generation(log):
    read = reading(log)
    read()
    evtx_writer.write(log, 45, start_s=1_800_000_000.0)
    read()
    assert read.users() == users(*range(1, 46)) * 2
    assert {chunk.generation for chunk in read.chunks} == {1, 2}
    assert [event.kind for event in read.events()] == ["new-generation"]
    check_places(read.chunks)


def test_renamed_log_is_known_again(log):
    read = reading(log.parent)
    read()
    log.rename(log.with_name("Archive-a.evtx"))
    evtx_writer.write(log, 10, first=46)
    again = reading(log.parent, checkpoints=read.checkpoints())
    again()
    assert again.users() == users(*range(46, 56))


def test_records_written_over_are_counted_as_lost(log):
    read = reading(log)
    read()
    evtx_writer.write(log, 20, first=100)
    read()
    (event,) = read.events()
    assert (event.kind, event.is_loss, event.n_lost) == ("lost", True, 54)
    assert read.users()[45:] == users(*range(100, 120))


def test_damaged_records_are_counted_as_refused(log):
    raw = bytearray(log.read_bytes())
    place = raw.find("user7".encode("utf-16-le"))
    raw[place - 4 : place] = b"\xff\xff\xff\xff"
    log.write_bytes(raw)
    old(log)
    read = reading(log)
    read()
    (event,) = read.events()
    assert event.kind == "refused"
    assert event.n_lost == 45 - len(read.users())
    assert read.source.status().state == "live"


def test_folder_is_read_file_by_file(tmp_path):
    (tmp_path / "sub").mkdir()
    for name, first in (("b.evtx", 20), ("A.EVTX", 1), ("sub/c.evtx", 40)):
        evtx_writer.write(tmp_path / name, 5, first=first)
    (tmp_path / "d.txt").write_text("x")
    (tmp_path / "link.evtx").symlink_to(tmp_path / "b.evtx")
    read = reading(tmp_path)
    read()
    assert read.users() == users(*range(1, 6), *range(20, 25))
    deep = reading(tmp_path, recursive=True)
    deep()
    assert set(deep.users()) == set(users(*range(1, 6), *range(20, 25), *range(40, 45)))
    assert deep.source.status().n_files == 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("poison", [b"KILL", b"HANG", b"BLOAT"])
def test_poisoned_file_is_quarantined_and_others_go_on(tmp_path, poison, log):
    (tmp_path / "Poison.evtx").write_bytes(poison + bytes(5_000))  # sorts before a.evtx
    old(tmp_path / "Poison.evtx")
    read = reading(tmp_path)
    read.source.command = (sys.executable, "-I", "-c", POISONED)
    read.source.quiet_s = 2.0
    read()
    assert read.users() == users(*range(1, 46))
    (event,) = read.events()
    assert event.kind == "quarantined"
    assert event.is_loss
    status = read.source.status()
    assert status.state == "quarantined"
    assert "Poison.evtx" in status.detail
    assert read() == []  # not tried again as long as it stays as it is
    read.now_s += 4_000
    evtx_writer.write(tmp_path / "Poison.evtx", 3)
    old(tmp_path / "Poison.evtx")
    read()
    assert read.users()[45:] == users(1, 2, 3)
    assert read.source.status().state == "live"
    check_places(read.chunks)


def test_file_that_is_no_log_is_told_once(tmp_path, log):
    (tmp_path / "b.evtx").write_bytes(b"x" * 5_000)
    old(tmp_path / "b.evtx")
    read = reading(tmp_path)
    read()
    assert read.users() == users(*range(1, 46))
    assert [event.kind for event in read.events()] == ["refused"]
    assert read.source.status().state == "error"
    assert read() == []


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="nothing is forbidden to this user"
)
def test_file_without_permission_is_denied_then_read(log):
    log.chmod(0)
    read = reading(log)
    read()
    assert read.source.status().state == "denied"
    log.chmod(0o600)
    read.now_s += 10
    read()
    assert read.users() == users(*range(1, 46))


def test_missing_path_is_told_and_waited_for(tmp_path):
    read = reading(tmp_path / "a.evtx")
    read()
    assert read.source.status().state == "missing"
    evtx_writer.write(tmp_path / "a.evtx", 2)
    read()
    assert read.users() == users(1, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="there are channels there")
def test_channel_elsewhere_is_an_error_that_says_so():
    read = reading("channel:Security")
    read()
    status = read.source.status()
    assert (status.state, status.name) == ("error", "channel:Security")
    assert "Windows only" in status.detail


def test_cursor_is_read_back_or_taken_as_the_beginning():
    at = Position(5, 7, 9)
    assert Position.of(at.cursor) == at
    for text in ("", "5", "a:b:c", "1:2:3:4", "-1:0:0"):
        assert Position.of(text) == Position()


def test_child_is_our_own_module():
    assert COMMAND[-1] == "soc_copilot.ingestion.evtx_child"
