"""Gzip-packed logs: read once, unpacked in memory piece by piece, offsets in unpacked bytes."""

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from typing_extensions import override

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordChunk
from soc_copilot.ingestion.assembler import Trail
from soc_copilot.ingestion.files import HEAD_BYTES, MARKER_BYTES, Identity, digest, read_at
from soc_copilot.ingestion.reader import (
    FileReader,
    FileRewrittenError,
    FileShrunkError,
    ReadLimits,
    Stat,
    ReadStyle,
)

MAX_UNPACKED_BYTES = 4 * 1024**3  # chosen: more than a day of a busy server's log
MAX_RATIO = 1_000  # chosen: logs pack 5 to 50 times; deflate's own limit is 1,032
_RATIO_SLACK_BYTES = 1024 * 1024  # a tiny file of one repeated line is no bomb
_PIECE_BYTES = 256 * 1024
_GZIP_WRAPPER = 31  # zlib: the largest window, with gzip header and checksum


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """Where unpacking stops, against files made to fill the memory or the disk."""

    max_bytes: int = MAX_UNPACKED_BYTES
    max_ratio: int = MAX_RATIO


def is_packed(fd: int) -> bool:
    """True for gzip, by its whole header: magic, deflate, and no reserved flag."""
    header = read_at(fd, 0, 10)
    return len(header) == 10 and header[:3] == b"\x1f\x8b\x08" and header[3] < 0x20


class Unpacker:
    """Unpacks an open gzip file forward, several members and later growth included.

    Args:
        limits: Where it stops.
    """

    def __init__(self, limits: UnpackLimits | None = None) -> None:
        self._limits = limits or UnpackLimits()
        self._decoder = zlib.decompressobj(_GZIP_WRAPPER)
        self._rest = b""
        self.packed_at = 0
        self.unpacked_bytes = 0

    @property
    def is_at_member_end(self) -> bool:
        """True when everything taken in so far is whole members."""
        return self._decoder.eof and not self._rest.strip(b"\0")

    def pieces(self, fd: int) -> Iterator[bytes]:
        """Unpacked bytes from where the last call stopped, until the file has no more.

        Raises:
            SourceError: It is damaged or unpacks beyond the limits.
        """
        while True:
            if not self._rest:
                self._rest = read_at(fd, self.packed_at, _PIECE_BYTES)
                self.packed_at += len(self._rest)
            if self._decoder.eof:
                self._rest = self._rest.lstrip(b"\0")  # padding between members is allowed
                if self._rest:
                    self._decoder = zlib.decompressobj(_GZIP_WRAPPER)
            if not self._rest:
                return
            try:
                piece = self._decoder.decompress(self._rest, _PIECE_BYTES)
            except zlib.error as error:
                raise SourceError(
                    f"It is damaged after {self.unpacked_bytes:,} unpacked bytes ({error}). "
                    "Replace the file or remove it."
                ) from error
            self._rest = self._decoder.unused_data or self._decoder.unconsumed_tail
            self.unpacked_bytes += len(piece)
            self._check_limits()
            if piece:
                yield piece

    def _check_limits(self) -> None:
        taken = self.packed_at - len(self._rest)
        if self.unpacked_bytes > self._limits.max_bytes:
            raise SourceError(
                f"It unpacks to more than {self._limits.max_bytes:,} bytes. "
                "Unpack it yourself and add the result."
            )
        if self.unpacked_bytes > taken * self._limits.max_ratio + _RATIO_SLACK_BYTES:
            raise SourceError(
                f"It unpacks to more than {self._limits.max_ratio:,} times its size, which no "
                "log does. Remove it, or unpack it yourself and add the result."
            )


def unpacked_copy_of(fd: int, known: Iterable[Checkpoint]) -> tuple[Checkpoint, bool] | None:
    """The generation whose read part this packed file repeats, and whether nothing follows.

    Unpacks no farther than the farthest candidate; a candidate that was finished at the very
    size that the file's own trailer gives is taken by that and its first bytes.
    """
    pieces = Unpacker()
    head = b""
    try:
        for piece in pieces.pieces(fd):
            head += piece
            if len(head) >= HEAD_BYTES:
                break
    except SourceError:
        return None
    candidates = [
        c
        for c in known
        if c.marker_bytes
        and c.head_bytes <= len(head)
        and digest(head[: c.head_bytes]) == c.head_hash
    ]
    trailer = read_at(fd, max(os.fstat(fd).st_size - 4, 0), 4)
    packed_size = int.from_bytes(trailer, "little")
    for c in candidates:
        if c.finished and c.offset % 2**32 == packed_size and c.head_bytes == HEAD_BYTES:
            return c, True
    return _farthest(fd, candidates)


def _farthest(fd: int, candidates: list[Checkpoint]) -> tuple[Checkpoint, bool] | None:
    """Unpack up to each candidate's offset in turn and compare what stands before it."""
    found: Checkpoint | None = None
    unpacker = Unpacker()
    tail, end = b"", 0
    pieces = unpacker.pieces(fd)
    try:
        for c in sorted(candidates, key=lambda c: c.offset):
            while end < c.offset and (piece := next(pieces, b"")):
                tail = (tail + piece)[-(len(piece) + MARKER_BYTES) :]
                end += len(piece)
            stop = len(tail) - (end - c.offset)
            if end >= c.offset and digest(tail[stop - c.marker_bytes : stop]) == c.marker_hash:
                found = c
        if found is None:
            return None
        return found, end == found.offset and not next(pieces, b"")
    except SourceError:
        return (found, False) if found else None


class PackedReader(FileReader):
    """Reads one generation of a gzip file: forward only, then done until the file grows.

    Args:
        checkpoint: Where to go on, in unpacked bytes; what comes before is unpacked again
            and compared with the hashes.
        identity: The packed file's own.
        is_new: True when the store holds no position of this generation yet.
        is_done: True when there is nothing to read in it as it is now.
        limits: How much at once.
        clock: Where read times come from.
        style: What the unpacked bytes are.
        unpack_limits: Where unpacking stops.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        identity: Identity,
        *,
        is_new: bool,
        is_done: bool = False,
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
        style: ReadStyle | None = None,
        unpack_limits: UnpackLimits | None = None,
    ) -> None:
        super().__init__(
            checkpoint, identity, is_new=is_new, limits=limits, clock=clock, style=style
        )
        self.is_done = is_done
        self._known = checkpoint
        self._unpacker = Unpacker(unpack_limits)
        self._all_seen = b"" if checkpoint.offset else None  # the head, while skipping
        self._head = self._marker = b""  # while skipping
        self._pending = b""  # unpacked, after the position or the last byte scanned
        self._at = 0  # unpacked offset after `_pending`
        self._packed_size = checkpoint.size_bytes
        self._refusal = ""
        self._done_at: tuple[int, int] | None = None

    @property
    @override
    def lag_bytes(self) -> int:
        return 0 if self.is_done else max(self._packed_size - self._unpacker.packed_at, 0)

    @property
    @override
    def partial_bytes(self) -> int:
        return 0

    @override
    def load(self, fd: int) -> None:
        stat = os.fstat(fd)
        self._packed_size = stat.st_size
        if self.is_done:
            self._seen = Stat(stat.st_size, stat.st_mtime_ns)
            self._done_at = self._seen
            self.is_caught_up, self._is_racy = True, False

    @override
    def spot(self, *, finished: bool = False) -> Checkpoint:
        keeps = self._all_seen is not None or (self.is_done and not self._lines.trail.head)
        base = super().spot(finished=finished or self.is_done)
        if keeps:  # nothing compared yet: the hashes are those that were stored
            k = self._known
            base = replace(
                base,
                head_hash=k.head_hash,
                head_bytes=k.head_bytes,
                marker_hash=k.marker_hash,
                marker_bytes=k.marker_bytes,
            )
        return replace(base, compression="gzip", size_bytes=self._packed_size)

    @override
    def read(self, fd: int, max_bytes: int) -> list[RecordChunk]:
        stat = os.fstat(fd)
        seen = Stat(stat.st_size, stat.st_mtime_ns)
        if self.is_done:
            if self._done_at == seen:
                return []
            raise FileRewrittenError
        if self._refusal and self._seen == seen:
            raise SourceError(self._refusal)
        if stat.st_size < self._unpacker.packed_at:
            raise FileShrunkError
        self._refusal, self._seen, self._packed_size = "", seen, stat.st_size
        now_ns = self._clock.now_ns()
        chunks: list[RecordChunk] = []
        budget = max_bytes
        try:
            for piece in self._unpacker.pieces(fd):
                chunks += self._take(piece)
                budget -= len(piece)
                if budget <= 0:
                    break
            else:
                if self._unpacker.is_at_member_end and self._all_seen is None:
                    chunks += self._complete(seen)
        except SourceError as error:
            self._refusal = f'Cannot unpack "{self.path}": {error}'
        if chunks:
            self.last_read_ns = now_ns
        elif self._refusal:
            raise SourceError(self._refusal)
        self.is_caught_up = budget > 0
        self._is_racy = not self.is_done
        return chunks

    @override
    def finish(self, fd: int) -> list[RecordChunk]:
        if self.is_done:
            return [self.abandon()]
        return self._complete(self._seen)

    def _take(self, piece: bytes) -> list[RecordChunk]:
        self._at += len(piece)
        if self._all_seen is not None:
            piece = self._skip(piece)
            if self._all_seen is not None:
                return []
        return self._take_text(self._pending + piece)

    def _take_text(self, text: bytes) -> list[RecordChunk]:
        chunks: list[RecordChunk] = []
        before, lines = -1, self._lines
        while lines.scanned > before:
            before = lines.scanned
            chunks += self._chunks(lines.take(text, 0, len(text)))
            text = text[lines.scanned - before :]
        self._pending = text
        return chunks

    def _skip(self, piece: bytes) -> bytes:
        """Pass over what was read before, compare its hashes, return what follows it."""
        known = self._known
        before = self._at - len(piece)
        if before < HEAD_BYTES:
            self._head += piece[: HEAD_BYTES - before]
        self._marker = (self._marker + piece)[-(len(piece) + MARKER_BYTES) :]
        if self._at < known.offset:
            return b""
        over = self._at - known.offset
        self._marker = self._marker[: len(self._marker) - over][-MARKER_BYTES:]
        self._head = self._head[: min(HEAD_BYTES, known.offset)]
        marker = self._marker[len(self._marker) - known.marker_bytes :]
        if (known.head_bytes and digest(self._head[: known.head_bytes]) != known.head_hash) or (
            known.marker_bytes and digest(marker) != known.marker_hash
        ):
            raise FileRewrittenError
        self._all_seen = None
        self._go_on_after(Trail(self._head, self._marker))
        return piece[len(piece) - over :]

    def _complete(self, seen: tuple[int, int]) -> list[RecordChunk]:
        """The end of the file: a last line without line end counts, none will come."""
        text, self._pending = self._pending, b""
        chunks = self._chunks(self._lines.take(text, 0, len(text), ended=True))
        self.is_done, self._done_at = True, seen
        self.is_caught_up = True
        return [*chunks, self._chunk(self.position, finished=True)]
