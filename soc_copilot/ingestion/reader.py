"""One file, from its stored position to its end: whole lines out, the position with them."""

import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.records import MAX_LINE_BYTES, Checkpoint, RecordChunk
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.files import HEAD_BYTES, MARKER_BYTES, Identity, digest, read_at
from soc_copilot.ingestion.lines import Cut, cut_lines
from soc_copilot.ingestion.multiline import OFF, MultilineRule

BLOCK_BYTES = 1024 * 1024  # measured: larger reads are no faster, smaller ones cost more calls
RACY_NS = 100_000_000  # chosen: two writes within one tick of a file's clock look like one
_NONE = np.empty(0, np.int64)


class FileShrunkError(Exception):
    """The file ends before the place that was read."""


class FileRewrittenError(Exception):
    """The bytes before the position are not those that were read."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much is read and held at once.

    Attributes:
        block_bytes: Bytes of one read.
        max_lines: Lines of one chunk.
        max_line_bytes: Bytes kept of one line.
    """

    block_bytes: int = BLOCK_BYTES
    max_lines: int = 2_500
    max_line_bytes: int = MAX_LINE_BYTES


@dataclass(frozen=True, slots=True)
class ReadStyle:
    """What a source's bytes are, and when its lines are complete.

    Attributes:
        encoding: A Python codec's name, or "auto" to tell it from the first bytes.
        multiline: Which lines make one event; None makes each line one.
        partial_after_s: How long a last line without a line end stays quiet before it is shown.
    """

    encoding: str = "auto"
    multiline: MultilineRule | None = None
    partial_after_s: float = 5.0

    @classmethod
    def of(cls, options: SourceOptions, partial_after_s: float) -> "ReadStyle":
        """The style that a source's options ask for.

        Args:
            options: The source's.
            partial_after_s: Taken where the options leave it open, seconds.
        """
        mode = options.text("multiline")
        return cls(
            options.text("encoding"),
            None if mode == OFF else MultilineRule(mode, options.text("multiline_pattern")),
            options.number("partial_after_s", partial_after_s),
        )


@dataclass(slots=True)
class LongLine:
    """A line that outgrew what is kept, while its end is still looked for."""

    kept: bytes
    scanned: int
    tail: bytes  # last bytes scanned, to see that they are still there


class Stat(NamedTuple):
    """What a read goes by.

    Attributes:
        size: Bytes of the content.
        mtime_ns: When it was last written, nanoseconds since 1970 UTC.
    """

    size: int
    mtime_ns: int


class FileReader:
    """Reads one generation of a plain file; the caller owns the handle.

    The fingerprint covers only bytes before the position: what was never handed out may
    change without harm, such as padding that turns into data.

    Args:
        checkpoint: Where to go on, hashes included.
        identity: The file's own.
        is_new: True when the store holds no position of this generation yet.
        limits: How much at once.
        clock: Where read times come from.
        style: What the bytes are, and when lines are complete.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        identity: Identity,
        *,
        is_new: bool,
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
        style: ReadStyle | None = None,
    ) -> None:
        self.source_id = checkpoint.source_id
        self.generation = checkpoint.generation
        self.path = checkpoint.path
        self.identity = identity
        self.position = checkpoint.offset
        self.size = max(checkpoint.size_bytes, checkpoint.offset)
        self.is_caught_up = False
        self.last_read_ns = 0
        self._is_new = is_new
        self._limits = limits or ReadLimits()
        self._clock = clock
        self._style = style or ReadStyle()
        self._head = b""
        self._marker = b""
        self._long: LongLine | None = None
        self._nul_at: int | None = None  # where padding up to the end of the file begins
        self._data_after = 0  # padding before this offset is followed by data
        self._seen: tuple[int, int] = (-1, -1)
        self._is_racy = True

    @property
    def lag_bytes(self) -> int:
        """Bytes between the position and the end of the file as last seen."""
        return max(self.size - self.position, 0)

    @property
    def partial_bytes(self) -> int:
        """Bytes of a last line that has no line end yet, 0 while more can be read."""
        return self.lag_bytes if self.is_caught_up and self._nul_at is None else 0

    def load(self, fd: int) -> None:
        """Take the fingerprint's bytes from the file, once it is known to be the right one."""
        self._head = self._bytes_at(fd, 0, min(self.position, HEAD_BYTES))
        size = min(self.position, MARKER_BYTES)
        self._marker = self._bytes_at(fd, self.position - size, size)

    def announce(self) -> RecordChunk:
        """The first position, without lines, so that it is stored at once."""
        chunk = self._chunk(-1 if self._is_new else self.position, None)
        self._is_new = False
        return chunk

    def may_have_news(self, stat: os.stat_result) -> bool:
        """False when nothing can have changed since the last read, judged by size and time."""
        return (
            not self.is_caught_up
            or self._is_racy
            or self._nul_at is not None
            or self._seen != (stat.st_size, stat.st_mtime_ns)
        )

    def read(self, fd: int, max_bytes: int) -> list[RecordChunk]:
        """Whole lines from the position on, about `max_bytes` of them.

        Raises:
            FileShrunkError: The file is shorter than what was read.
            FileRewrittenError: Other bytes stand where ours were read.
            OSError: The system's refusal.
        """
        stat = self._stat(fd)
        now_ns = self._clock.now_ns()
        if stat.size < self._scanned:
            raise FileShrunkError
        if self._head and self._bytes_at(fd, 0, len(self._head)) != self._head:
            raise FileRewrittenError
        self.size = stat.size
        chunks: list[RecordChunk] = []
        budget = max_bytes
        while budget > 0:
            before = self._scanned
            step = self._step(fd, budget)
            moved = self._scanned - before
            if moved <= 0:
                break
            if step:
                chunks += step
                self.last_read_ns = now_ns
            budget -= moved
        self.is_caught_up = budget > 0
        self.size = max(self.size, self._scanned)
        self._seen = (stat.size, stat.mtime_ns)
        self._is_racy = now_ns - stat.mtime_ns < RACY_NS
        return chunks

    def finish(self, fd: int) -> list[RecordChunk]:
        """What is left of a file that nobody writes any more, and its end mark.

        A last line without a line end is handed out as it stands: none will come.
        """
        start, size = self.position, max(self._stat(fd).size, self.position)
        kept = self._limits.max_line_bytes - 1
        end = size if self._nul_at is None else max(self._nul_at, start)
        left = self._long.kept if self._long else self._bytes_at(fd, start, min(end - start, kept))
        text = left.lstrip(b"\0")
        offset = start + len(left) - len(text) if text else end
        cut = None
        if text:
            places, lengths = np.array([offset], np.int64), np.array([end - offset], np.int64)
            cut = Cut(text + b"\n", places, lengths, end, int(end - offset > kept))
        skipped = (offset - start) + (size - end)
        self.position = self.size = size
        self._long = None
        self.load(fd)
        self.is_caught_up = True
        return [self._chunk(start, cut, finished=True, skipped=skipped)]

    def abandon(self) -> RecordChunk:
        """The end mark of a file that is lost from the position on."""
        return self._chunk(self.position, None, finished=True)

    def spot(self, *, finished: bool = False) -> Checkpoint:
        """The checkpoint at the position."""
        return Checkpoint(
            source_id=self.source_id,
            generation=self.generation,
            path=self.path,
            offset=self.position,
            size_bytes=self.size,
            device=self.identity.device,
            inode=self.identity.inode,
            head_hash=digest(self._head),
            head_bytes=len(self._head),
            marker_hash=digest(self._marker),
            marker_bytes=len(self._marker),
            finished=finished,
        )

    def _bytes_at(self, fd: int, offset: int, size: int) -> bytes:
        """Bytes of the content; a packed file's are not those of the handle."""
        return read_at(fd, offset, size)

    def _stat(self, fd: int) -> Stat:
        """Size and time of the content."""
        stat = os.fstat(fd)
        return Stat(stat.st_size, stat.st_mtime_ns)

    @property
    def _scanned(self) -> int:
        return self._long.scanned if self._long else self.position

    def _step(self, fd: int, budget: int) -> list[RecordChunk]:
        """One read; moves `_scanned` when there was anything."""
        if self._long:
            return self._step_long(fd, self._long)
        if self._nul_at is not None and self._is_still_padding(fd, self._nul_at):
            return []
        self._nul_at = None
        m = len(self._marker)
        wanted = max(min(budget, self._limits.block_bytes), self._limits.max_line_bytes)
        raw = self._bytes_at(fd, self.position - m, m + wanted)
        if raw[:m] != self._marker:
            raise FileRewrittenError
        usable = self._usable(fd, raw, self.position - m)
        if usable <= m:
            return []
        last = raw.rfind(b"\n", m, usable)
        if last >= 0:
            return self._emit(raw, m, last + 1)
        if raw[m] == 0:
            return [self._skip_padding(fd, raw, m)]
        if usable - m >= self._limits.max_line_bytes:
            kept = raw[m : m + self._limits.max_line_bytes - 1]
            scanned = self.position + usable - m
            self._long = LongLine(kept, scanned, raw[max(usable - MARKER_BYTES, m) : usable])
        return []

    def _step_long(self, fd: int, line: LongLine) -> list[RecordChunk]:
        if self._nul_at is not None and self._is_still_padding(fd, self._nul_at):
            return []
        self._nul_at = None
        m = len(line.tail)
        raw = self._bytes_at(fd, line.scanned - m, m + self._limits.block_bytes)
        if raw[:m] != line.tail:
            raise FileRewrittenError
        usable = self._usable(fd, raw, line.scanned - m)
        if usable <= m:
            return []
        newline = raw.find(b"\n", m, usable)
        if newline < 0:
            line.scanned += usable - m
            line.tail = raw[usable - min(usable, MARKER_BYTES) : usable]
            return []
        start = self.position
        end = line.scanned + newline + 1 - m
        lengths = np.array([end - start], np.int64)
        cut = Cut(line.kept + b"\n", np.array([start], np.int64), lengths, end, 1)
        self._long = None
        self.position = end
        self.load(fd)
        return [self._chunk(start, cut)]

    def _usable(self, fd: int, raw: bytes, at: int) -> int:
        """How much of the block may be used: padding up to the end of the file may not."""
        if not raw or raw[-1] != 0 or at + len(raw) <= self._data_after:
            return len(raw)
        place = at + len(raw)
        while block := self._bytes_at(fd, place, BLOCK_BYTES):
            text = block.lstrip(b"\0")
            if text:
                self._data_after = place + len(block) - len(text)
                return len(raw)
            place += len(block)
        solid = len(raw.rstrip(b"\0"))
        self._nul_at = at + solid
        return solid

    def _is_still_padding(self, fd: int, at: int) -> bool:
        stat = self._stat(fd)
        if self._seen != (stat.size, stat.mtime_ns):
            return False
        return not self._bytes_at(fd, at, 64).strip(b"\0")

    def _skip_padding(self, fd: int, raw: bytes, m: int) -> RecordChunk:
        start = self.position
        text = raw[m:].lstrip(b"\0")
        self.position = start + len(raw) - m - len(text) if text else self._data_after
        self.load(fd)
        return self._chunk(start, None, skipped=self.position - start)

    def _emit(self, raw: bytes, m: int, stop: int) -> list[RecordChunk]:
        base, limits = self.position, self._limits
        chunks = []
        for cut in cut_lines(raw, m, stop, base, limits.max_lines, limits.max_line_bytes):
            start, self.position = self.position, cut.end
            end = m + cut.end - base
            self._marker = raw[max(end - MARKER_BYTES, 0) : end]
            if len(self._head) < HEAD_BYTES:  # then it holds all bytes before `start`
                new = raw[m + start - base : end]
                self._head += new[: HEAD_BYTES - len(self._head)]
            chunks.append(self._chunk(start, cut, skipped=cut.n_skipped))
        return chunks

    def _chunk(
        self, start: int, cut: Cut | None, *, finished: bool = False, skipped: int = 0
    ) -> RecordChunk:
        self.size = max(self.size, self.position)
        return RecordChunk(
            source_id=self.source_id,
            generation=self.generation,
            path=self.path,
            start=start,
            data=cut.data if cut else b"",
            offsets=cut.offsets if cut else _NONE,
            lengths=cut.lengths if cut else _NONE,
            read_ns=self._clock.now_ns(),
            checkpoint=self.spot(finished=finished),
            n_too_long=cut.n_too_long if cut else 0,
            n_skipped_bytes=skipped,
        )


def last_line_start(fd: int, size: int, max_line_bytes: int = MAX_LINE_BYTES) -> int:
    """Where to start in order to see only what is written from now on.

    That is after the last line end, so that a line half written is seen whole later;
    padding at the end does not count as written.
    """
    end = size
    while end > 0:
        begin = max(end - max_line_bytes, 0)
        block = read_at(fd, begin, end - begin).rstrip(b"\0")
        if block:
            newline = block.rfind(b"\n")
            return (
                begin + newline + 1
                if newline >= 0
                else (begin if begin == 0 else begin + len(block))
            )
        end = begin
    return 0
