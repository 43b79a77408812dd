"""Packed logs: read once, unpacked in memory piece by piece, offsets in unpacked bytes."""

import os
from dataclasses import dataclass, replace

from typing_extensions import override

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceEvent
from soc_copilot.ingestion.assembler import Trail
from soc_copilot.ingestion.files import HEAD_BYTES, MARKER_BYTES, Identity, digest, read_at
from soc_copilot.ingestion.generations import Copy, Generations
from soc_copilot.ingestion.reader import (
    FileReader,
    FileRewrittenError,
    FileShrunkError,
    ReadLimits,
    ReadStyle,
    Stat,
)
from soc_copilot.ingestion.unpacking import UNDECIDED, Unpacker, UnpackLimits, packing_of

CUT_AFTER_S = 60.0  # chosen: a packer that writes nothing for so long has ended
_STUCK_BYTES = 8 * 1024 * 1024  # chosen: bytes of zeros in one line that no log has
_SKIP_BYTES = 64 * 1024  # zeros passed over at once; fewer are the plain reader's business


class NotYetError(Exception):
    """A packed file is still being written; what it repeats cannot be told yet."""


class PackedReader(FileReader):
    """Reads one generation of a packed file: forward only, then done until the file grows.

    What was unpacked and not read yet stands in a window that never holds much more than
    one call reads, so that everything about lines is the plain reader's.

    Attributes:
        refusal: Why it cannot be read further as it is now, empty when it can; handed out
            as an event, too.

    Args:
        checkpoint: Where to go on, in unpacked bytes; what comes before is unpacked again
            and compared with the hashes. Its `compression` says what it is packed in.
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
        self._packing = checkpoint.compression or "gzip"
        self._unpacker = Unpacker(self._packing, unpack_limits)
        self._is_skipping = checkpoint.offset > 0
        self._first = b""  # the unpacked head
        self._window = b""  # unpacked, from a little before what is read next
        self._end = 0  # unpacked offset after the window
        self._packed = Stat(checkpoint.size_bytes, 0)
        self._last_packed = b""  # packed bytes before where the file was done
        self._grew_at_s = clock.monotonic_s()
        self._stuck_at = -1  # what is unpacked ends before the line does that begins here
        self.refusal = ""

    @property
    @override
    def lag_bytes(self) -> int:
        return 0 if self.is_done else max(self._packed.size - self._unpacker.packed_at, 0)

    @property
    @override
    def partial_bytes(self) -> int:
        return 0

    @override
    def load(self, fd: int) -> None:
        self._packed = super()._stat(fd)
        if self.is_done:
            self._note_end(fd)
        elif not self._is_skipping:
            super().load(fd)

    @override
    def may_have_news(self, stat: os.stat_result) -> bool:
        return not self.is_done or self._packed != (stat.st_size, stat.st_mtime_ns)

    @override
    def spot(self, *, finished: bool = False) -> Checkpoint:
        base = super().spot(finished=finished or self.is_done)
        if self.position and not self._lines.trail.marker:  # not compared: what was stored holds
            k = self._known
            base = replace(
                base,
                head_hash=k.head_hash,
                head_bytes=k.head_bytes,
                marker_hash=k.marker_hash,
                marker_bytes=k.marker_bytes,
            )
        return replace(base, compression=self._packing, size_bytes=self._packed.size)

    @override
    def read(self, fd: int, max_bytes: int) -> list[RecordChunk]:
        """Whole lines from the position on, about `max_bytes` of them.

        Raises:
            FileShrunkError: The packed file is shorter than what was read.
            FileRewrittenError: Other bytes stand where ours were read.
            OSError: The system's refusal.
        """
        stat = super()._stat(fd)
        if self.is_done and not self._goes_on(fd, stat):
            return []
        if stat.size < self._unpacker.packed_at:
            raise FileShrunkError
        if stat != self._packed:
            self._packed, self._grew_at_s = stat, self._clock.monotonic_s()
        try:
            has_more = self._fill(fd, max_bytes)
        except SourceError as error:
            return [*self._read_window(fd, max_bytes), self._give_up(fd, str(error))]
        chunks = self._read_window(fd, max_bytes)
        self.is_caught_up = self.is_caught_up and not has_more
        if self.is_caught_up and not self._is_skipping and self._unpacker.is_at_member_end:
            chunks += self._complete(fd)
        elif self.is_caught_up and self._clock.monotonic_s() - self._grew_at_s >= CUT_AFTER_S:
            chunks.append(self._give_up(fd, "It ends in the middle of packed data."))
        return chunks

    @override
    def passed(self, fd: int, start: int) -> list[Checkpoint]:
        return []  # what was unpacked before is not kept

    @override
    def finish(self, fd: int) -> list[RecordChunk]:
        if self.is_done:
            return [self.abandon()]
        if not self._unpacker.is_at_member_end:
            return [self._give_up(fd, "It ends in the middle of packed data.")]
        return self._complete(fd)

    def _goes_on(self, fd: int, stat: Stat) -> bool:
        """True when a file that was done has grown."""
        if stat == self._packed:
            return False
        at, n = self._unpacker.packed_at, len(self._last_packed)
        if self.refusal or not n or read_at(fd, at - n, n) != self._last_packed:
            raise FileRewrittenError
        self.is_done = False
        return True

    def _fill(self, fd: int, max_bytes: int) -> bool:
        """Unpack about `max_bytes` into the window; False when the file has no more.

        Raises:
            FileRewrittenError: What was read before does not stand in it.
            SourceError: It is damaged or beyond the limits.
        """
        unread = self._end - self._scanned
        budget = max_bytes if self._stuck_at == self._scanned else max_bytes - unread
        if budget <= 0:
            return True
        parts = [self._window]
        try:
            for piece in self._unpacker.pieces(fd):
                if len(self._first) < HEAD_BYTES:
                    self._first += piece[: HEAD_BYTES - len(self._first)]
                parts.append(piece)
                self._end += len(piece)
                if self._is_skipping:
                    parts = [self._skip(b"".join(parts))]
                budget -= len(piece)
                if budget <= 0:
                    return True
            return False
        finally:
            self._window = b"".join(parts)

    def _skip(self, text: bytes) -> bytes:
        """Forget what was read before, but for its last bytes; compare those once there."""
        known = self._known
        if self._end < known.offset:
            return text[-MARKER_BYTES:]
        start = self._end - len(text)
        marker = text[max(known.offset - known.marker_bytes - start, 0) : known.offset - start]
        head = self._first[: known.head_bytes]
        if digest(marker) != known.marker_hash or digest(head) != known.head_hash:
            raise FileRewrittenError
        self._is_skipping = False
        self._go_on_after(Trail(self._first[: known.offset], marker))
        return text[max(known.offset - MARKER_BYTES - start, 0) :]

    def _read_window(self, fd: int, max_bytes: int) -> list[RecordChunk]:
        if self._is_skipping:
            self.is_caught_up = True  # as far as the window goes
            return []
        chunks = self._skip_zeros(fd)
        before = self._scanned
        chunks += super().read(fd, max_bytes)
        self._stuck_at = before if self._scanned == before else -1
        self._window = self._bytes_at(fd, max(self._scanned - MARKER_BYTES, 0), self._end)
        if len(self._window) > max_bytes + _STUCK_BYTES:
            where = f"after {self._scanned:,} unpacked bytes"
            chunks.append(self._give_up(fd, f"It holds too many zeros in one line {where}."))
        return chunks

    def _skip_zeros(self, fd: int) -> list[RecordChunk]:
        """Pass over zeros at the start of a line, which would fill the window otherwise."""
        start = self.position
        if self._scanned != start or self._end - start < _SKIP_BYTES:
            return []
        text = self._bytes_at(fd, start, self._end - start)
        n = len(text) - len(text.lstrip(b"\0"))
        if n < _SKIP_BYTES:
            return []
        return [self._pass_over(fd, start + n)]

    @override
    def _bytes_at(self, fd: int, offset: int, size: int) -> bytes:
        start = self._end - len(self._window)
        if offset < start:  # only the head is asked for from so far back
            return self._first[offset : offset + size]
        return self._window[offset - start : offset - start + size]

    @override
    def _stat(self, fd: int) -> Stat:
        return Stat(self._end, self._packed.mtime_ns)

    def _complete(self, fd: int) -> list[RecordChunk]:
        """The end of the file: a last line without line end counts, none will come."""
        chunks = super().finish(fd)
        self._note_end(fd)
        return chunks

    def _note_end(self, fd: int) -> None:
        self.is_done = self.is_caught_up = True
        at = self._unpacker.packed_at
        self._last_packed = read_at(fd, max(at - MARKER_BYTES, 0), min(at, MARKER_BYTES))

    def _give_up(self, fd: int, reason: str) -> RecordChunk:
        """The end mark of a file of which the rest is lost, with the event that says so."""
        self.refusal = f'Cannot unpack "{self.path}" to its end: {reason}'
        self._note_end(fd)
        event = SourceEvent(
            "refused",
            f"{self.refusal} Its lines up to unpacked byte {self.position:,} are kept; the "
            "rest is lost unless the file is replaced by a whole one.",
            self._clock.now_ns(),
            self.generation,
            is_loss=True,
            start=self.position,
            end=max(self._end, self.position),
        )
        return replace(self.abandon(), events=(event,))


@dataclass(frozen=True, slots=True)
class _Walk:
    """What unpacking a file found: which marks stand in it, and how far it goes."""

    found: frozenset[int]  # indexes of the marks
    end: int
    is_at_end: bool  # nothing follows `end`
    is_whole: bool  # `end` is the end of the last member


def packed_copy(fd: int, packing: str, path: str, known: Generations, now_ns: int) -> Copy | None:
    """What a packed file repeats of a log of the same family; the farthest reach.

    Unpacks no farther than the farthest candidate. A candidate that was finished at the very
    size that a gzip file's own trailer gives is taken by that and its first bytes.

    Raises:
        NotYetError: The file is still being written.
    """
    is_settled = now_ns - os.fstat(fd).st_mtime_ns > CUT_AFTER_S * 1e9
    head, is_cut = _unpacked_head(fd, packing)
    related = known.family(path)
    if is_cut and not is_settled and any(c.head_bytes > len(head) for c in related):
        raise NotYetError
    marks = [(c, c) for c in related]
    marks += [(t, c) for c in related for t in known.traces(c.generation) if t.offset]
    alike = [mark for mark in marks if digest(head[: mark[0].head_bytes]) == mark[0].head_hash]
    if packing == "gzip":
        trailer = read_at(fd, max(os.fstat(fd).st_size - 4, 0), 4)
        size = int.from_bytes(trailer, "little")
        for _, c in alike:
            if c.finished and c.offset % 2**32 == size and c.head_bytes == HEAD_BYTES:
                return Copy(c, c.offset, is_whole=True)
    return _farthest(fd, packing, alike, is_settled=is_settled) if alike else None


def head_of(fd: int) -> bytes:
    """The first bytes of a file's content, unpacked; what can be had of a damaged one."""
    packing = packing_of(fd)
    if packing in {"", UNDECIDED}:
        return read_at(fd, 0, HEAD_BYTES)
    return _unpacked_head(fd, packing)[0]


def repeats(fd: int, packing: str, lost: Checkpoint) -> bool:
    """True when the packed file holds what was read of the generation."""
    try:
        walk = _walk(fd, packing, [lost])
    except SourceError:
        return False
    return bool(walk.found)


def _farthest(
    fd: int, packing: str, marks: list[tuple[Checkpoint, Checkpoint]], *, is_settled: bool
) -> Copy | None:
    """The farthest of marks, each with the generation it was left by, that stands in the file."""
    try:
        walk = _walk(fd, packing, [mark for mark, _ in marks])
    except SourceError:
        return None
    reached = [marks[n] for n in walk.found]
    whole = [c for mark, c in reached if mark.offset == c.offset]
    if whole:
        best = max(whole, key=lambda c: (c.offset, c.generation))
        return Copy(best, best.offset, walk.is_at_end and walk.end == best.offset)
    goes_farther = any(mark.offset > walk.end for mark, _ in marks)
    if goes_farther and not walk.is_whole and not is_settled:
        raise NotYetError
    shorter = [(mark.offset, c) for mark, c in reached if c.offset > walk.end]
    if not shorter:
        return None
    _, c = max(shorter, key=lambda pair: (pair[0], pair[1].generation))
    return Copy(c, walk.end, is_whole=True)


def _walk(fd: int, packing: str, marks: list[Checkpoint]) -> _Walk:
    """Unpack up to each mark's offset in turn and compare what stands before it.

    Raises:
        SourceError: It is damaged or beyond the limits before the first mark that fits.
    """
    unpacker = Unpacker(packing)
    pieces = unpacker.pieces(fd)
    found: set[int] = set()
    head = tail = b""
    end = 0
    is_at_end = False
    try:
        for n in sorted(range(len(marks)), key=lambda n: marks[n].offset):
            c = marks[n]
            while end < c.offset and not is_at_end:
                piece = next(pieces, b"")
                is_at_end = not piece
                head += piece[: HEAD_BYTES - len(head)]
                tail = (tail + piece)[-(len(piece) + MARKER_BYTES) :]
                end += len(piece)
            stop = len(tail) - (end - c.offset)
            is_here = end >= c.offset and digest(tail[max(stop - c.marker_bytes, 0) : stop]) == (
                c.marker_hash
            )
            if is_here and digest(head[: c.head_bytes]) == c.head_hash:
                found.add(n)
        is_at_end = is_at_end or not next(pieces, b"")
    except SourceError:
        if not found:
            raise
    return _Walk(frozenset(found), end, is_at_end, is_at_end and unpacker.is_at_member_end)


def _unpacked_head(fd: int, packing: str) -> tuple[bytes, bool]:
    """The first unpacked bytes, and whether the file is cut before its end."""
    unpacker = Unpacker(packing)
    head = b""
    try:
        for piece in unpacker.pieces(fd):
            head += piece
            if len(head) >= HEAD_BYTES:
                return head[:HEAD_BYTES], False
    except SourceError:
        return head, False
    return head, not unpacker.is_at_member_end
