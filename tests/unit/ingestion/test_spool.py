"""The spool: whole lines, bounds, one process, and what a crash or a full disk leaves."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion import spool as spool_module
from soc_copilot.ingestion.spool import FolderLock, SpoolWriter

MIB = 1024 * 1024


@pytest.fixture
def make(tmp_path):
    made = []

    def open_spool(max_bytes=MIB, **options):
        writer = SpoolWriter(tmp_path / "spool", max_bytes, **options)
        made.append(writer)
        return writer

    yield open_spool
    for writer in made:
        writer.close()


def content(writer):
    return b"".join(s.path.read_bytes() for s in writer.segments())


def test_lines_are_appended_and_numbered_by_byte(make):
    writer = make()
    assert writer.write([b"one", b"two"]) == 2
    assert writer.write([]) == 0
    assert writer.write([b"three"]) == 1
    assert content(writer) == b"one\ntwo\nthree\n"
    assert writer.end == writer.used_bytes == 14
    (segment,) = writer.segments()
    assert segment.path.name == f"{0:020d}.spool"
    assert (segment.first, segment.end) == (0, 14)


def test_a_new_segment_is_named_by_its_first_byte(make):
    writer = make(segment_bytes=10)
    for i in range(6):
        writer.write([b"line-%d" % i])
    segments = writer.segments()
    assert [s.first for s in segments] == [0, 14, 28]
    assert [s.path.name for s in segments] == [f"{n:020d}.spool" for n in (0, 14, 28)]
    assert content(writer).split() == [b"line-%d" % i for i in range(6)]


def test_opening_again_goes_on_where_it_stopped(make):
    first = make(segment_bytes=10)
    first.write([b"a" * 12])
    first.write([b"b"])
    first.close()
    again = make(segment_bytes=10)
    assert again.n_cut_bytes == 0
    again.write([b"c"])
    assert content(again) == b"a" * 12 + b"\nb\nc\n"
    assert again.end == 17


@pytest.mark.parametrize("torn", [b"x", b"y" * 200_000])
def test_a_torn_last_line_is_cut_off_at_opening(make, torn):
    writer = make()
    writer.write([b"whole"])
    path = writer.segments()[-1].path
    writer.close()
    with path.open("ab") as f:
        f.write(torn)
    again = make()
    assert again.n_cut_bytes == len(torn)
    again.write([b"next"])
    assert content(again) == b"whole\nnext\n"


def test_a_spool_of_nothing_but_a_torn_line_is_empty(make, tmp_path):
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / f"{7:020d}.spool").write_bytes(b"torn")
    writer = make()
    assert (writer.n_cut_bytes, writer.end, writer.used_bytes) == (4, 7, 0)


def test_it_takes_what_fits_and_no_more(make):
    writer = make(max_bytes=100)
    assert writer.write([b"x" * 9] * 12) == 10
    assert writer.used_bytes == 100
    assert writer.is_full
    assert writer.write([b"y"]) == 0
    assert writer.trouble == ""


def test_a_full_spool_has_room_again_once_segments_go(make):
    writer = make(max_bytes=800)
    while writer.write([b"x" * 19]):
        pass
    assert writer.used_bytes == 800
    assert len(writer.segments()) == 8, "a small spool has small segments"
    assert writer.release(99) == 0, "the segment is not read to its end"
    assert writer.release(100) == 1
    assert writer.used_bytes == 700
    assert writer.write([b"y" * 19] * 6) == 5


def test_the_newest_segment_stays_so_that_numbers_do(make):
    writer = make(segment_bytes=10)
    writer.write([b"a" * 20])
    assert writer.release(10**9) == 0
    writer.write([b"b" * 20])
    assert writer.release(10**9) == 1
    assert [s.first for s in writer.segments()] == [21]
    writer.close()
    assert make().end == 42


def test_a_burst_is_spread_over_segments(make):
    writer = make(max_bytes=800)
    assert writer.write([b"x" * 39] * 20) == 20
    assert [s.size for s in writer.segments()] == [120] * 6 + [80]
    assert writer.release(240) == 2


def test_a_spool_filled_by_one_line_has_room_once_that_is_stored(make):
    writer = make(max_bytes=800)
    assert writer.write([b"x" * 799]) == 1
    assert writer.release(799) == 0
    assert writer.release(800) == 1
    assert writer.write([b"y" * 799]) == 1
    assert writer.segments()[0].first == 800


def test_waiting_for_room_ends_when_a_segment_goes(make):
    writer = make(segment_bytes=10)
    writer.write([b"a" * 20])
    writer.write([b"b" * 20])
    assert writer.wait_for_room(0.0) is False
    release = threading.Timer(0.2, writer.release, (21,))
    release.start()
    has_come = writer.wait_for_room(5.0)
    release.join()
    assert writer.segments()[0].first == 21, "the segment went"
    assert has_come


def test_bytes_that_readers_have_are_never_numbered_again(make):
    writer = make()
    writer.write([b"abc"])
    writer.close()
    later = make(at_least=1_000)
    assert later.end == 1_000
    later.write([b"def"])
    assert [s.first for s in later.segments()] == [0, 1_000]
    later.close()
    assert make(at_least=900).end == 1_004


def test_only_one_process_may_use_it(make, tmp_path):
    make()
    with pytest.raises(SourceError, match=rf"in use by process {os.getpid()}\..*stop the other"):
        SpoolWriter(tmp_path / "spool", MIB)
    code = (
        "import sys, pathlib; from soc_copilot.ingestion.spool import SpoolWriter\n"
        "SpoolWriter(pathlib.Path(sys.argv[1]), 1000)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "spool")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "is in use by process" in result.stderr


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match=r"Cannot use the spool .*Give this user"):
        SpoolWriter(tmp_path / "file" / "spool", MIB)


def test_a_refused_opening_lets_go_of_the_lock(make, tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(SpoolWriter, "_open", refuse)
        with pytest.raises(SourceError, match="Input/output error"):
            SpoolWriter(tmp_path / "spool", MIB)
    assert make().end == 0


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_only_the_user_may_read_it(make, tmp_path):
    make().write([b"secret"])
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    assert [p for p in (tmp_path / "spool").glob("*.spool") if p.stat().st_mode & 0o077] == []


def refuse_room(*args):
    raise OSError(errno.ENOSPC, "No space left on device")


class FullDisk:
    """Takes `room` bytes, then no more."""

    def __init__(self, room):
        self.room = room
        self.write = os.write

    def __call__(self, fd, data):
        if self.room <= 0:
            refuse_room()
        n = self.write(fd, bytes(data)[: self.room])
        self.room -= n
        return n


@pytest.mark.parametrize("room", range(9))
def test_a_full_disk_leaves_whole_lines_and_is_tried_again(make, monkeypatch, room):
    writer = make()
    disk = FullDisk(room)
    monkeypatch.setattr(spool_module.os, "write", disk)
    lines = [b"a", b"bc", b"def"]
    n = writer.write(lines)
    assert n == (0 if room < 2 else 1 if room < 5 else 2)
    assert "No space left on device. Make room on its disk" in writer.trouble
    assert content(writer) == b"".join(line + b"\n" for line in lines[:n])
    disk.room = 1_000
    assert writer.write(lines[n:]) == len(lines) - n
    assert writer.trouble == ""
    assert content(writer) == b"a\nbc\ndef\n"
    assert writer.used_bytes == writer.end == 9


def test_a_torn_line_that_cannot_be_cut_off_keeps_others_out(make, monkeypatch):
    writer = make()
    disk = FullDisk(3)
    monkeypatch.setattr(spool_module.os, "write", disk)
    with monkeypatch.context() as patch:
        patch.setattr(spool_module.os, "ftruncate", refuse_room)
        assert writer.write([b"a", b"bc"]) == 1
        disk.room = 1_000
        assert writer.write([b"bc"]) == 0, "it would stand behind the torn one"
    assert writer.write([b"bc"]) == 1
    assert content(writer) == b"a\nbc\n"


def test_a_segment_that_cannot_be_begun_takes_nothing(make, monkeypatch):
    writer = make(segment_bytes=1)
    writer.write([b"a"])
    with monkeypatch.context() as patch:
        patch.setattr(spool_module.os, "open", refuse_room)
        assert writer.write([b"b"]) == 0
        assert writer.trouble
    assert writer.write([b"b"]) == 1
    assert content(writer) == b"a\nb\n"


def test_a_segment_that_cannot_be_deleted_is_tried_again(make, monkeypatch):
    writer = make(segment_bytes=1)
    writer.write([b"a"])
    writer.write([b"b"])

    def refuse(self, missing_ok=False):
        raise PermissionError(errno.EACCES, "Access is denied")

    with monkeypatch.context() as patch:
        patch.setattr(type(writer.folder), "unlink", refuse)
        assert writer.release(2) == 0
    assert writer.used_bytes == 4
    assert writer.release(2) == 1
    assert writer.used_bytes == 2


def test_everything_is_brought_to_the_disk_off_the_writing_thread(make, monkeypatch):
    synced = []
    reached = threading.Event()
    fsync = os.fsync

    def note(fd):
        fsync(fd)
        synced.append((threading.get_ident(), os.fstat(fd).st_ino, os.fstat(fd).st_size))
        reached.set()

    monkeypatch.setattr(spool_module.os, "fsync", note)
    writer = make(segment_bytes=4)
    writer.write([b"abc"])
    assert reached.wait(60.0), "without closing"
    writer.write([b"defgh"])  # begins a segment
    segments = writer.segments()
    writer.close()
    sizes = {ino: size for _, ino, size in synced}
    assert [sizes[s.path.stat().st_ino] for s in segments] == [4, 6]
    assert sizes.keys() >= {writer.folder.stat().st_ino}, "the names, too"
    assert threading.get_ident() not in {thread for thread, _, _ in synced}


def test_a_failed_sync_is_told(make, monkeypatch):
    told = threading.Event()

    def refuse(fd):
        told.set()
        raise OSError(errno.EIO, "Input/output error")

    writer = make()
    with monkeypatch.context() as patch:
        patch.setattr(spool_module.os, "fsync", refuse)
        writer.write([b"abc"])
        assert told.wait(60.0)
        writer.close()
        assert "Input/output error" in writer.trouble


def test_a_closed_spool_takes_nothing_and_wakes_who_waits(make):
    writer = make()
    writer.close()
    writer.close()
    assert writer.write([b"late"]) == 0
    assert writer.wait_for_room(30.0) is True
    assert not any(t.name == "spool-sync" for t in threading.enumerate())


def test_many_threads_write_whole_lines(make):
    writer = make(segment_bytes=1_000)

    def write(letter):
        for i in range(300):
            assert writer.write([b"%c-%d" % (letter, i)] * 2) == 2

    threads = [threading.Thread(target=write, args=(letter,)) for letter in b"abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = content(writer).split(b"\n")[:-1]
    assert sorted(lines) == sorted(
        b"%c-%d" % (c, i) for c in b"abcd" for i in range(300) for _ in "ab"
    )


def test_what_is_held_stays_though_it_is_stored(tmp_path):
    spool = SpoolWriter(tmp_path, 1 << 20, segment_bytes=10)
    for _ in range(3):
        spool.write([b"x" * 20])
    spool.hold(21)
    assert spool.release(63) == 1
    assert [segment.first for segment in spool.segments()] == [21, 42]
    spool.hold(None)
    assert spool.release(63) == 1
    spool.close()


def test_two_locks_of_one_folder_have_names_of_their_own(tmp_path):
    first = FolderLock(tmp_path, "a.lock")
    second = FolderLock(tmp_path, "b.lock")
    with pytest.raises(SourceError, match=f"in use by process {os.getpid()}"):
        FolderLock(tmp_path, "a.lock")
    first.release()
    FolderLock(tmp_path, "a.lock").release()
    second.release()
