"""Every packing is told by its first bytes and unpacked in pieces, within limits."""

import bz2
import gzip
import lzma
import os

import pytest
from backports import zstd

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.files import open_log
from soc_copilot.ingestion.unpacking import (
    UNDECIDED,
    DamagedError,
    Unpacker,
    UnpackLimits,
    packing_of,
    packing_of_head,
)

PACKERS = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
each_packing = pytest.mark.parametrize("packing", PACKERS)


@pytest.fixture
def open_bytes(tmp_path):
    opened = []

    def build(data):
        path = tmp_path / f"{len(opened)}"
        path.write_bytes(data)
        opened.append(open_log(path))
        return opened[-1]

    yield build
    for fd in opened:
        os.close(fd)


@each_packing
def test_a_packing_is_told_and_never_too_early(packing):
    data = PACKERS[packing](b"one\n" * 50)
    told = [packing_of_head(data[:n]) for n in range(11)]
    assert told[0] == ""
    assert told[10] == packing
    assert set(told[1:]) == {UNDECIDED, packing}


@pytest.mark.parametrize(
    "text", [b"BZh is text\n", b"GET / HTTP/1.1\n", b"(\n", b"\x1f\x8b text", b""]
)
def test_text_is_not_packed(text):
    assert packing_of_head(text) == ""


@each_packing
def test_all_members_are_unpacked_and_growth_goes_on(open_bytes, tmp_path, packing):
    pack = PACKERS[packing]
    fd = open_bytes(pack(b"one\n") + pack(b"two\n"))
    assert packing_of(fd) == packing
    unpacker = Unpacker(packing)
    assert b"".join(unpacker.pieces(fd)) == b"one\ntwo\n"
    assert unpacker.is_at_member_end
    more = pack(b"three\n" * 1000)
    got = b""
    for part in (more[:2], more[2:30], more[30:]):
        with (tmp_path / "0").open("ab") as f:
            f.write(part)
        got += b"".join(unpacker.pieces(fd))
    assert got == b"three\n" * 1000
    assert unpacker.unpacked_bytes == 8 + 6000
    assert unpacker.is_at_member_end


@each_packing
def test_a_cut_file_gives_what_is_there_and_is_not_at_its_end(open_bytes, packing):
    text = os.urandom(300_000)
    data = PACKERS[packing](text)
    unpacker = Unpacker(packing)
    got = b"".join(unpacker.pieces(open_bytes(data[: len(data) * 2 // 3])))
    assert text.startswith(got)
    assert not unpacker.is_at_member_end


@each_packing
def test_a_damaged_file_is_told(open_bytes, packing):
    text = os.urandom(200_000)
    data = bytearray(PACKERS[packing](text))
    for n in range(len(data) // 2, len(data) // 2 + 64):
        data[n] ^= 0x5A
    data[-6] ^= 0xFF
    with pytest.raises(DamagedError, match="damaged after"):
        list(Unpacker(packing).pieces(open_bytes(bytes(data))))


@each_packing
def test_what_follows_the_packed_data_is_told(open_bytes, packing):
    fd = open_bytes(PACKERS[packing](b"one\n") + b"plain text\n")
    with pytest.raises(DamagedError, match="is not packed"):
        list(Unpacker(packing).pieces(fd))


@each_packing
def test_a_bomb_is_refused_early(open_bytes, packing):
    unpacker = Unpacker(packing)
    fd = open_bytes(PACKERS[packing](bytes(80 * 1024 * 1024)))
    with pytest.raises(SourceError, match="times its size"):
        any(len(piece) > 256 * 1024 for piece in unpacker.pieces(fd))
    assert unpacker.unpacked_bytes < 80 * 1024 * 1024


def test_a_file_that_unpacks_to_too_much_is_refused(open_bytes):
    fd = open_bytes(gzip.compress(b"one\ntwo\n"))
    with pytest.raises(SourceError, match="more than 5 bytes"):
        list(Unpacker("gzip", UnpackLimits(max_bytes=5)).pieces(fd))


def test_a_window_larger_than_the_memory_given_is_refused(open_bytes):
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    fd = open_bytes(packer.compress(b"abc" * 100) + packer.flush())
    with pytest.raises(DamagedError, match="memory"):
        list(Unpacker("zstd").pieces(fd))
