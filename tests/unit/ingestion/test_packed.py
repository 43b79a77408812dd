"""Packed files are read once, known by what is in them, and given up with a reason."""

import gzip
import os
from dataclasses import replace

import pytest

from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.files import Identity, digest, open_log
from soc_copilot.ingestion.generations import Copy, Generations
from soc_copilot.ingestion.packed import (
    CUT_AFTER_S,
    NotYetError,
    PackedReader,
    packed_copy,
)
from soc_copilot.ingestion.unpacking import UnpackLimits


class StillClock:
    def __init__(self):
        self.at = 0.0

    def now_ns(self):
        return 10**18

    def monotonic_s(self):
        return self.at


class Packed:
    """A packed file and a reader on it."""

    def __init__(self, path, data, **options):
        path.write_bytes(data)
        self.path, self.clock, self.options = path, StillClock(), options
        self.fd = open_log(path)
        self.spot = Checkpoint(1, 1, str(path), 0, compression="gzip")
        self.lines, self.events = [], []
        self.open(is_new=True)

    def open(self, *, is_new=False):
        self.reader = PackedReader(
            self.spot, Identity(1, 1), is_new=is_new, clock=self.clock, **self.options
        )
        self.reader.load(self.fd)

    def append(self, data):
        with self.path.open("ab") as f:
            f.write(data)

    def read(self, times=4, max_bytes=1 << 20):
        for _ in range(times):
            for chunk in self.reader.read(self.fd, max_bytes):
                self.lines += chunk.data.split(b"\n")[:-1]
                self.events += chunk.events
                self.spot = chunk.checkpoint
        return self.lines


@pytest.fixture
def packed(tmp_path):
    made = []

    def build(data, **options):
        made.append(Packed(tmp_path / f"{len(made)}.gz", data, **options))
        return made[-1]

    yield build
    for one in made:
        os.close(one.fd)


LINES = [b"line %06d" % n for n in range(20_000)]
TEXT = b"".join(line + b"\n" for line in LINES)


def test_it_is_read_once_in_small_steps_and_the_window_stays_small(packed):
    log = packed(gzip.compress(TEXT))
    for _ in range(400):
        log.read(times=1, max_bytes=2_000)
        assert len(log.reader._window) < 600_000
    assert log.lines == LINES
    assert log.spot.finished
    assert log.spot.offset == len(TEXT)


def test_a_restart_in_the_middle_goes_on_after_what_was_read(packed):
    log = packed(gzip.compress(TEXT))
    log.read(times=1, max_bytes=60_000)
    assert 0 < log.spot.offset < len(TEXT)
    log.open()
    assert log.read(times=40) == LINES


def test_another_member_that_is_added_later_is_read_too(packed):
    log = packed(gzip.compress(b"one\n"))
    assert log.read() == [b"one"]
    log.append(gzip.compress(b"two\n"))
    assert log.read() == [b"one", b"two"]
    assert log.events == []


def test_a_cut_file_gives_its_lines_and_says_that_the_rest_is_lost(packed):
    log = packed(gzip.compress(TEXT)[:-5000])
    log.read()
    assert log.events == []  # it may still be written
    assert not log.spot.finished
    log.clock.at = CUT_AFTER_S
    log.read()
    assert "middle of packed data" in log.reader.refusal
    assert len(log.lines) > 1000
    assert log.lines == LINES[: len(log.lines)]
    assert [(e.kind, e.is_loss) for e in log.events] == [("refused", True)]
    assert log.spot.finished


def test_a_damaged_file_keeps_the_lines_before_the_damage(packed):
    data = bytearray(gzip.compress(TEXT))
    data[len(data) // 2] ^= 0xFF
    log = packed(bytes(data))
    log.read(times=10)
    assert "damaged" in log.reader.refusal
    assert [(e.kind, e.is_loss) for e in log.events] == [("refused", True)]


def test_zeros_do_not_fill_the_memory(packed):
    log = packed(
        gzip.compress(b"one\n" + bytes(30 << 20) + b"two\n"),
        unpack_limits=UnpackLimits(max_ratio=10_000),
    )
    for _ in range(60):
        log.read(times=1)
        assert len(log.reader._window) < 4 << 20
    assert log.lines == [b"one", b"two"]
    log = packed(
        gzip.compress(b"one\ntext" + bytes(30 << 20)), unpack_limits=UnpackLimits(max_ratio=10_000)
    )
    for _ in range(60):
        log.read(times=1)
        assert len(log.reader._window) < 12 << 20
    assert "zeros" in log.reader.refusal
    assert log.lines == [b"one"]


def spot(text, path="a.log", **changes):
    head, mark = text[:1024], text[-256:]
    hashes = (digest(head), len(head), digest(mark), len(mark))
    return replace(Checkpoint(1, 1, path, len(text), 0, 0, 0, *hashes), **changes)


def copy_in(log, *spots, path="a.log.1.gz", now_ns=0):
    known = Generations(1)
    for each in spots:
        known.note(each)
    return packed_copy(log.fd, "gzip", path, known, now_ns)


def test_a_copy_is_known_and_whether_more_follows(packed):
    log = packed(gzip.compress(b"one\ntwo\n"))
    part, whole = spot(b"one\n"), spot(b"one\ntwo\n", generation=2)
    assert copy_in(log, part) == Copy(part, 4, is_whole=False)
    assert copy_in(log, part, whole) == Copy(whole, 8, is_whole=True)
    assert copy_in(log, spot(b"two\n")) is None
    assert copy_in(log, part, path="b.log.1.gz") is None


def test_a_copy_made_before_the_last_lines_were_read_is_known_by_where_reading_stood(packed):
    log = packed(gzip.compress(b"one\ntwo\n"))
    passed, now = spot(b"one\n"), spot(b"one\ntwo\nthree\n")
    assert copy_in(log, passed, now) == Copy(now, 8, is_whole=True)


def test_a_copy_that_is_still_written_is_not_judged(packed):
    log = packed(gzip.compress(TEXT)[:9000])
    with pytest.raises(NotYetError):
        copy_in(log, spot(TEXT))
    written_ns = os.fstat(log.fd).st_mtime_ns
    settled = copy_in(log, spot(TEXT), now_ns=written_ns + 10**12)
    assert settled is None or settled.is_whole
