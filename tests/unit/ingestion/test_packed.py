"""Packed files are unpacked in pieces, within limits, and known by what is in them."""

import gzip
import os

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.files import digest, open_log
from soc_copilot.ingestion.packed import Unpacker, UnpackLimits, is_packed, unpacked_copy_of


@pytest.fixture
def packed(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    fd = open_log(path)
    yield fd
    os.close(fd)


def test_all_members_are_unpacked(packed):
    unpacker = Unpacker()
    assert is_packed(packed)
    assert b"".join(unpacker.pieces(packed)) == b"one\ntwo\n"
    assert unpacker.is_at_member_end


def test_a_file_that_unpacks_to_too_much_is_refused(packed):
    with pytest.raises(SourceError, match="more than 5 bytes"):
        list(Unpacker(UnpackLimits(max_bytes=5)).pieces(packed))


def test_a_copy_is_known_and_whether_more_follows(packed):
    def spot(text):
        mark = digest(text)
        n = len(text)
        return Checkpoint(1, 1, "a", n, 0, 0, 0, mark, n, mark, n)

    part, whole = spot(b"one\n"), spot(b"one\ntwo\n")
    assert unpacked_copy_of(packed, [part]) == (part, False)
    assert unpacked_copy_of(packed, [part, whole]) == (whole, True)
    assert unpacked_copy_of(packed, [spot(b"two\n")]) is None
