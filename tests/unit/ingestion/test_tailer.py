"""Real files through every accident: each line once, whole, in order."""

import gzip
import os
import shutil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from soc_copilot.domain.records import MAX_LINE_BYTES
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from soc_copilot.ingestion.tailer import FileTailer
from soc_copilot.ingestion.unpacking import packing_of_head


class Log:
    """A tailer and a store of what it handed out."""

    def __init__(self, path, **options):
        self.path, self.options = path, {"linger_s": 0.0, **options}
        self.lines, self.committed = [], {}
        self.tailer = FileTailer(path, **self.options)

    def poll(self, times=8):
        for _ in range(times):
            for chunk in self.tailer.poll():
                self.commit(chunk)
        return self.lines

    def commit(self, chunk):
        key = chunk.generation
        held = self.committed.get(key)
        assert chunk.start == (held.offset if held else -1)
        assert (
            int(chunk.lengths.sum()) + chunk.n_skipped_bytes
            == chunk.checkpoint.offset - max(chunk.start, 0)
            or chunk.start == -1
        )
        self.committed[key] = chunk.checkpoint
        self.lines += chunk.data.split(b"\n")[:-1]

    def restart(self):
        self.tailer.close()
        self.tailer = FileTailer(
            self.path, **{**self.options, "checkpoints": tuple(self.committed.values())}
        )

    @property
    def messages(self):
        return " ".join(self.tailer.status().messages)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "app.log"


def write(path, data):
    with path.open("ab") as f:
        f.write(data)


def test_a_new_source_starts_at_the_end_and_stores_its_position_at_once(path):
    write(path, b"old\nhalf")
    log = Log(path)
    assert log.poll() == []
    assert log.committed[1].offset == 4
    log.restart()
    write(path, b" line\nnew\n")
    assert log.poll() == [b"half line", b"new"]


def test_a_source_without_a_file_reads_it_from_the_start_even_after_a_restart(path):
    log = Log(path)
    log.poll()
    assert log.tailer.status().state == "waiting"
    log.restart()
    write(path, b"first\n")
    assert log.poll() == [b"first"]


def test_a_last_line_is_held_back_until_its_line_end(path):
    log = Log(path, from_start=True)
    write(path, b"one\ntw")
    assert log.poll() == [b"one"]
    assert "waits for its line end" in log.tailer.status().detail
    write(path, b"o\n")
    assert log.poll() == [b"one", b"two"]


def test_a_renamed_log_is_read_to_its_end_with_its_writer_still_on_it(path):
    log = Log(path, from_start=True)
    with path.open("ab", buffering=0) as writer:
        writer.write(b"a\n")
        log.poll()
        path.rename(path.with_name("app.log.1"))
        writer.write(b"b\n")
        log.poll()
        path.touch()
        writer.write(b"c\n")
        log.poll()
    write(path, b"d\n")
    assert sorted(log.poll()) == [b"a", b"b", b"c", b"d"]
    assert "rotated" in log.messages
    assert log.committed[1].finished


def test_a_burst_of_renames_between_two_looks_loses_nothing(path):
    log = Log(path, from_start=True)
    write(path, b"a\n")
    log.poll()
    for n in range(3):
        write(path, b"more %d\n" % n)
        rotate(path)
    write(path, b"z\n")
    assert sorted(log.poll()) == [b"a", b"more 0", b"more 1", b"more 2", b"z"]


def test_rotations_while_stopped_lose_nothing(path):
    log = Log(path, from_start=True)
    write(path, b"a\n")
    log.poll()
    for n in range(3):
        write(path, b"more %d\n" % n)
        rotate(path)
    write(path, b"z\n")
    log.restart()
    assert sorted(log.poll()) == [b"a", b"more 0", b"more 1", b"more 2", b"z"]


def rotate(path):
    for n in range(8, 0, -1):
        older = path.with_name(f"app.log.{n}")
        if older.exists():
            older.rename(path.with_name(f"app.log.{n + 1}"))
    path.rename(path.with_name("app.log.1"))


@pytest.mark.parametrize("stopped", [False, True])
def test_copytruncate_goes_on_from_the_copy(path, stopped):
    log = Log(path, from_start=True)
    write(path, b"a\n")
    log.poll()
    write(path, b"b\n")
    shutil.copyfile(path, path.with_name("app.log.1"))
    os.truncate(path, 0)
    write(path, b"c, longer than what was there before\n")
    if stopped:
        log.restart()
    assert sorted(log.poll()) == [b"a", b"b", b"c, longer than what was there before"]


@pytest.mark.parametrize("share", [0.999, 0.7, 0.4, 0.1])
def test_a_copy_shorter_than_what_was_read_at_once_is_not_read_again(path, share):
    """Lines written between the copy and the truncation may have been read by then."""
    log = Log(path, from_start=True)
    lines = [b"line %09d" % n for n in range(2_000)]
    write(path, b"".join(line + b"\n" for line in lines))
    log.poll()
    copied = path.read_bytes()[: int(2_000 * share) * 15]
    path.with_name("app.log.1").write_bytes(copied)
    os.truncate(path, 0)
    write(path, b"after\n")
    assert log.poll() == [*lines, b"after"]


def test_truncation_is_confirmed_twice_and_declared(path):
    log = Log(path, from_start=True)
    write(path, b"a line\n")
    log.poll()
    os.truncate(path, 0)
    log.poll(times=1)
    assert len(log.committed) == 1
    write(path, b"b\n")
    assert log.poll() == [b"a line", b"b"]
    assert "may be lost" in log.messages


def test_regrowth_past_the_old_position_is_seen(path):
    log = Log(path, from_start=True)
    write(path, b"first\n")
    log.poll()
    path.open("wb").close()
    write(path, b"quite different and much longer\nand more\n")
    assert log.poll() == [b"first", b"quite different and much longer", b"and more"]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_recreated_file_is_read_from_its_start(path, stopped):
    log = Log(path, from_start=True)
    write(path, b"first\n")
    log.poll()
    path.unlink()
    write(path, b"other\nthird\n")  # may well get the same inode
    if stopped:
        log.restart()
    assert log.poll() == [b"first", b"other", b"third"]


def test_a_deleted_file_is_read_to_its_end(path):
    log = Log(path, from_start=True)
    write(path, b"a\n")
    log.poll()
    write(path, b"b\nlast without end")
    path.unlink()
    assert log.poll() == [b"a", b"b", b"last without end"]
    assert log.committed[1].finished
    assert log.tailer.status().state == "missing"


def test_a_symlink_that_is_set_to_another_file_is_followed(tmp_path, path):
    one, two = tmp_path / "one", tmp_path / "two"
    write(one, b"a\n")
    write(two, b"b\n")
    path.symlink_to(one)
    log = Log(path, from_start=True)
    log.poll()
    path.unlink()
    path.symlink_to(two)
    write(one, b"c\n")
    assert sorted(log.poll()) == [b"a", b"b", b"c"]


def test_a_folder_in_the_place_of_the_log_is_told_not_raised(path):
    path.mkdir()
    log = Log(path)
    log.poll()
    assert log.tailer.status().state == "error"


def test_a_denied_file_is_tried_again(path, monkeypatch):
    import soc_copilot.ingestion.files as module

    def refuse(path, *, follow=True):
        raise PermissionError(13, "Permission denied")

    write(path, b"a\n")
    log = Log(path, from_start=True)
    with monkeypatch.context() as patch:
        patch.setattr(module, "open_log", refuse)
        log.poll(times=1)
        assert log.tailer.status().state == "denied"
    log.tailer._retry_at_s = 0.0
    assert log.poll() == [b"a"]
    assert log.tailer.status().state == "live"


def test_padding_is_skipped_counted_and_looked_at_again(path):
    log = Log(path, from_start=True)
    write(path, b"a\n" + bytes(5000))
    assert log.poll() == [b"a"]
    with path.open("r+b") as f:
        f.seek(2)
        f.write(b"b\n")
    assert log.poll() == [b"a", b"b"]
    write(path, b"c\n")
    assert log.poll() == [b"a", b"b", b"c"]


def test_a_huge_line_is_cut_and_the_position_passes_it(path):
    log = Log(path, from_start=True)
    write(path, b"x" * 3_000_000)
    assert log.poll() == []
    write(path, b"y" * 3_000_000 + b"\nnext\n")
    log.poll()
    assert [len(line) for line in log.lines] == [MAX_LINE_BYTES - 1, 4]
    assert log.committed[1].offset == 6_000_006


def test_a_packed_log_is_read_once(path):
    path.write_bytes(gzip.compress(b"a\nb\nno end"))
    log = Log(path, from_start=True)
    assert log.poll() == [b"a", b"b", b"no end"]
    log.restart()
    assert log.poll() == [b"a", b"b", b"no end"]
    assert log.committed[1].compression == "gzip"


def test_a_rotated_log_that_gets_packed_is_not_read_again(path):
    log = Log(path, from_start=True)
    write(path, b"a\nb\n")
    log.poll()
    write(path, b"c\n")
    path.with_name("app.log.1.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    write(path, b"d\n")
    log.restart()
    assert sorted(log.poll()) == [b"a", b"b", b"c", b"d"]


def test_a_packed_log_that_appears_piece_by_piece_is_read_as_one(path):
    packed = gzip.compress(b"a\nb\n")
    log = Log(path, from_start=True)
    path.touch()
    log.poll()
    for part in (packed[:12], packed[12:]):
        write(path, part)
        log.poll()
    assert log.lines == [b"a", b"b"]


def test_a_bomb_is_refused_with_a_reason(path):
    path.write_bytes(gzip.compress(bytes(64 * 1024 * 1024)))
    log = Log(path, from_start=True)
    log.poll(times=80)
    assert log.tailer.status().state == "error"
    assert "times its size" in log.tailer.status().detail


def test_a_damaged_packed_file_is_refused_with_a_reason(path):
    packed = bytearray(gzip.compress(b"a\n" * 1000))
    packed[-6] ^= 0xFF  # the checksum
    path.write_bytes(packed)
    log = Log(path, from_start=True)
    log.poll()
    assert log.tailer.status().state == "error"
    assert "damaged" in log.tailer.status().detail


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.binary(max_size=12), max_size=30),
    st.lists(st.integers(1, 9), min_size=1, max_size=20),
    st.lists(st.booleans(), min_size=1, max_size=20),
)
def test_any_split_and_any_restart_give_the_same_lines(tmp_path_factory, lines, steps, stops):
    lines = [line.replace(b"\n", b" ").lstrip(b"\0") for line in lines]
    data = b"".join(line + b"\n" for line in lines)
    assume(not packing_of_head(data[:10]))
    assume(not data.startswith(b"\xef\xbb\xbf"))  # a mark, which is no part of the first line
    path = tmp_path_factory.mktemp("split") / "app.log"
    path.touch()
    style = ReadStyle("utf-8")  # what is made here is no text in any encoding
    log = Log(path, from_start=True, limits=ReadLimits(max_lines=3), style=style)
    at = n = 0
    while at < len(data):
        step = steps[n % len(steps)]
        write(path, data[at : at + step])
        at += step
        log.poll(times=1)
        if stops[n % len(stops)]:
            log.restart()
        n += 1
    assert log.poll(times=2) == lines
