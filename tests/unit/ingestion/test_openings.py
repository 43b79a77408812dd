"""Where reading begins in a file that was just opened."""

import gzip
import os

import pytest

from soc_copilot.domain.clock import SYSTEM_CLOCK
from soc_copilot.ingestion.files import HandlePool, Identity, open_log
from soc_copilot.ingestion.followed import Followed
from soc_copilot.ingestion.generations import Generations
from soc_copilot.ingestion.openings import Openings
from soc_copilot.ingestion.packed import NotYetError, PackedReader
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle


class Desk:
    """Openings for the log in a folder, and handles that are closed in the end."""

    def __init__(self, folder):
        self.path, self.opened = folder / "app.log", []
        self.followed = Followed(
            self.path, 1, Generations(1), HandlePool(), ReadLimits(), ReadStyle(multiline=None),
            SYSTEM_CLOCK, follow=True, is_shared=False,
        )  # fmt: skip
        self.openings = Openings(self.followed)

    def open(self, name="app.log", data=None, **options):
        path = self.path.with_name(name)
        if data is not None:
            path.write_bytes(data)
        fd = open_log(path)
        self.opened.append(fd)
        return self.openings.reader_for(fd, path, **options), fd

    def read(self, reader, fd):
        self.followed.generations.begin(reader.generation, reader.identity)
        chunks = reader.read(fd, 1 << 20)
        self.followed.hand_out(chunks)
        return b"".join(chunk.data for chunk in chunks)


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    for fd in desk.opened:
        os.close(fd)


def test_a_new_file_begins_at_its_start_or_its_end(desk):
    reader, fd = desk.open(data=b"one\nhalf")
    assert desk.read(reader, fd) == b"one\n"
    reader, _ = desk.open("other.log", b"one\nhalf", at_end=True)
    assert reader.position == 4
    assert [chunk.start for chunk in desk.followed.out][:1] == [-1]


def test_a_file_that_is_read_already_has_no_second_reader(desk):
    reader, fd = desk.open(data=b"one\n")
    desk.read(reader, fd)
    assert desk.open()[0] is None


def test_a_file_that_was_announced_takes_the_generation_that_waits(desk):
    spot = desk.openings.new_spot(desk.path, Identity(0, 0), 0)
    desk.followed.generations.note(spot)
    assert desk.open(data=b"one\n")[0].generation == spot.generation


def test_a_copy_begins_after_what_was_read(desk):
    reader, fd = desk.open(data=b"one\n")
    desk.read(reader, fd)
    desk.followed.generations.end(reader.generation)
    copy, copy_fd = desk.open("app.log.1", b"one\ntwo\n")
    assert desk.read(copy, copy_fd) == b"two\n"


def test_a_rotated_file_too_short_to_be_told_is_not_judged(desk):
    with pytest.raises(NotYetError):
        desk.open("app.log.1.gz", gzip.compress(b"one\n")[:4], is_rotated=True)
    reader, _ = desk.open("app.log.2", b"", is_rotated=True)
    assert not isinstance(reader, PackedReader)


def test_a_packed_file_that_repeats_what_was_read_is_done_at_once(desk):
    reader, fd = desk.open(data=b"one\ntwo\n")
    desk.read(reader, fd)
    desk.followed.generations.end(reader.generation)
    packed, _ = desk.open("app.log.1.gz", gzip.compress(b"one\ntwo\n"), is_rotated=True)
    assert isinstance(packed, PackedReader)
    assert packed.is_done
    assert desk.followed.out[-1].checkpoint.finished


def test_a_packed_file_with_the_inode_of_one_that_was_read_is_read_anew(desk):
    first, second = (gzip.compress(line, 0, mtime=0) for line in (b"one\n", b"two\n"))
    assert len(first) == len(second)
    reader, fd = desk.open("app.log.1.gz", first)
    assert desk.read(reader, fd) == b"one\n"
    desk.followed.generations.end(reader.generation)
    again, _ = desk.open("app.log.1.gz")
    assert again.generation == reader.generation
    assert again.is_done
    heir, fd = desk.open("app.log.1.gz", second)
    assert heir.generation > reader.generation
    assert desk.read(heir, fd) == b"two\n"


def test_a_copy_is_known_although_its_log_was_truncated_since(desk):
    reader, fd = desk.open(data=b"one\n")
    desk.read(reader, fd)
    desk.path.write_bytes(b"six\n")  # truncated and written again, not yet seen
    assert desk.open("app.log.1", b"one\ntwo\nthree\n", is_rotated=True)[0] is None


def test_a_longer_file_that_begins_like_a_living_log_is_another(desk):
    reader, fd = desk.open(data=b"one\n")
    desk.read(reader, fd)
    other, fd = desk.open("app.log.1", b"one\ntwo\n", is_rotated=True)
    assert desk.read(other, fd) == b"one\ntwo\n"
