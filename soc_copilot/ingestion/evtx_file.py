"""The frame of a Windows event log file: its chunks and record numbers, not what they say.

Source: Metz, Windows XML Event Log (EVTX) format, the libevtx documentation.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

HEADER_BYTES: Final = 4096  # standard
CHUNK_BYTES: Final = 65_536  # standard
_CHUNK_HEADER_BYTES: Final = 512
_FILE_MAGIC: Final = b"ElfFile\0"
_CHUNK_MAGIC: Final = b"ElfChnk\0"
_RECORD_MAGIC: Final = 0x2A2A
_RECORD: Final = struct.Struct("<IIQQ")  # magic, size, number, FILETIME
_LEAST_RECORD: Final = 28  # standard: its head, and its size once more at the end
_MOST_CHUNKS: Final = 1 << 17  # chosen: 8 GiB, more than Windows lets a log grow to by default


class NoEventLogError(Exception):
    """The file does not begin like an event log."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record's place in its log.

    Attributes:
        number: EventRecordID; grows by one from record to record.
        filetime: When it was written, 100 ns since 1601.
    """

    number: int
    filetime: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a chunk's head says.

    Attributes:
        index: Its place in the file.
        first, last: Numbers of its first and last record. An export may leave out some between.
        end: Where its records end in it.
        is_sound: Its head has the right checksum.
    """

    index: int
    first: int
    last: int
    end: int
    is_sound: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """An event log's chunks.

    Attributes:
        header: The file's first bytes.
        chunks: Those in use, by the number of their first record.
        n_damaged: Chunks without a head that can be read.
    """

    header: bytes
    chunks: tuple[Chunk, ...]
    n_damaged: int


ReadAt = Callable[[int, int], bytes]


def read_frame(read_at: ReadAt, size: int) -> Frame:
    """The frame of a log of `size` bytes.

    Raises:
        NoEventLogError: It is none.
    """
    header = read_at(0, HEADER_BYTES)
    if len(header) < HEADER_BYTES or not header.startswith(_FILE_MAGIC):
        raise NoEventLogError
    chunks, n_damaged = [], 0
    for index in range(min((size - HEADER_BYTES) // CHUNK_BYTES, _MOST_CHUNKS)):
        head = read_at(HEADER_BYTES + index * CHUNK_BYTES, _CHUNK_HEADER_BYTES)
        chunk = _chunk(index, head)
        if chunk is not None:
            chunks.append(chunk)
        elif head.strip(b"\0"):  # room not used yet is all zeros
            n_damaged += 1
    return Frame(header, tuple(sorted(chunks, key=lambda c: (c.first, c.index))), n_damaged)


def _chunk(index: int, head: bytes) -> Chunk | None:
    if not head.startswith(_CHUNK_MAGIC) or len(head) < _CHUNK_HEADER_BYTES:
        return None
    first, last, _, _, end = struct.unpack_from("<QQIII", head, 24)
    (checksum,) = struct.unpack_from("<I", head, 124)
    is_sound = zlib.crc32(head[:120] + head[128:]) == checksum and first <= last
    return Chunk(index, first, last, end, is_sound)


def chunk_at(read_at: ReadAt, index: int) -> bytes:
    """A chunk's bytes."""
    return read_at(HEADER_BYTES + index * CHUNK_BYTES, CHUNK_BYTES)


def records(chunk: Chunk, content: bytes) -> tuple[list[Record], int]:
    """The records of a chunk as far as their heads can be followed, and where that ends.

    Old records may lie behind the end that a sound head gives; they are not of the log.
    """
    found = []
    at = _CHUNK_HEADER_BYTES
    stop = min(len(content), chunk.end) if chunk.is_sound else len(content)
    while at + _LEAST_RECORD <= stop:
        magic, size, number, filetime = _RECORD.unpack_from(content, at)
        if magic != _RECORD_MAGIC or size < _LEAST_RECORD or at + size > stop:
            break
        found.append(Record(number, filetime))
        at += size
    return found, at


def lone_chunk(header: bytes, chunk: bytes) -> bytes:
    """A log file of one chunk only, so that what a chunk holds is read without the others."""
    head = bytearray(header)
    struct.pack_into("<QQ", head, 8, 0, 0)  # first and last chunk
    struct.pack_into("<H", head, 42, 1)  # chunks
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    return bytes(head) + chunk


def wanted(chunks: Sequence[Chunk], after: int) -> list[Chunk]:
    """Chunks that may hold records with numbers above `after`.

    The newest one's head may lag behind its records, and a broken head may say anything.
    """
    newest = max((c.last for c in chunks if c.is_sound), default=0)
    return [c for c in chunks if not c.is_sound or c.last > after or c.last == newest]
