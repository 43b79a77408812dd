"""The frame of event log files."""

import struct

import pytest

from soc_copilot.ingestion import evtx_file
from soc_copilot.ingestion.evtx_file import NoEventLogError
from tests.tools import evtx_writer


def reader(raw):
    return lambda offset, size: raw[offset : offset + size]


def frame_of(raw):
    return evtx_file.read_frame(reader(raw), len(raw))


def test_chunks_are_found_with_their_numbers():
    frame = frame_of(evtx_writer.log(45, first=100))
    assert [(c.index, c.first, c.last) for c in frame.chunks] == [
        (0, 100, 119),
        (1, 120, 139),
        (2, 140, 144),
    ]
    assert all(c.is_sound for c in frame.chunks)
    assert frame.n_damaged == 0


def test_chunks_of_a_log_that_went_round_are_put_in_order():
    raw = bytearray(evtx_writer.log(40, first=100))
    raw[4096 : 4096 + 65536] = evtx_writer.log(20, first=140)[4096:]
    assert [c.first for c in frame_of(bytes(raw)).chunks] == [120, 140]


def test_room_not_used_yet_is_no_damage():
    frame = frame_of(evtx_writer.log(20) + bytes(3 * 65536))
    assert (len(frame.chunks), frame.n_damaged) == (1, 0)
    frame = frame_of(evtx_writer.log(20) + b"x" * 65536)
    assert (len(frame.chunks), frame.n_damaged) == (1, 1)


@pytest.mark.parametrize("raw", [b"", b"ElfFile\0", b"PK" * 4096])
def test_other_files_are_told(raw):
    with pytest.raises(NoEventLogError):
        frame_of(raw)


def test_records_are_followed_as_far_as_their_heads_lead():
    raw = evtx_writer.log(20)
    (chunk,) = frame_of(raw).chunks
    content = bytearray(evtx_file.chunk_at(reader(raw), 0))
    records, end = evtx_file.records(chunk, content)
    assert [r.number for r in records] == list(range(1, 21))
    assert end == chunk.end
    assert records[1].filetime - records[0].filetime == 10_000_000
    (size,) = struct.unpack_from("<I", content, 512 + 4)
    content[512 + size] ^= 1
    records, end = evtx_file.records(chunk, content)
    assert ([r.number for r in records], end) == ([1], 512 + size)


def test_records_behind_the_end_are_not_of_the_log():
    raw = evtx_writer.log(20)
    (chunk,) = frame_of(raw).chunks
    content = bytearray(evtx_file.chunk_at(reader(raw), 0))
    content[chunk.end : chunk.end + 400] = content[512:912]
    assert len(evtx_file.records(chunk, content)[0]) == 20


def test_only_chunks_with_something_new_are_wanted():
    chunks = frame_of(evtx_writer.log(60)).chunks
    assert [c.index for c in evtx_file.wanted(chunks, 0)] == [0, 1, 2]
    assert [c.index for c in evtx_file.wanted(chunks, 20)] == [1, 2]
    assert [c.index for c in evtx_file.wanted(chunks, 60)] == [2]
    raw = bytearray(evtx_writer.log(60))
    raw[4096 + 30] ^= 1
    assert 0 in [c.index for c in evtx_file.wanted(frame_of(bytes(raw)).chunks, 60)]
