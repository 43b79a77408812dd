"""One file, from its stored position to its end: whole lines out, the position with them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple

import numpy as np

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import (
    MAX_LINE_BYTES,
    Checkpoint,
    PartialLine,
    RecordChunk,
    SourceEvent,
)
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.assembler import LineAssembler, Trail
from soc_copilot.ingestion.encodings import (
    AUTO,
    TELLING_BYTES,
    Encoding,
    check_wanted,
    get_encoding,
    tell,
)
from soc_copilot.ingestion.files import HEAD_BYTES, MARKER_BYTES, Identity, digest, read_at
from soc_copilot.ingestion.lines import Cut
from soc_copilot.ingestion.multiline import MAX_RECORD_LINES, OFF, MultilineRule

BLOCK_BYTES = 1024 * 1024  # measured: larger reads are no faster, smaller ones cost more calls
RACY_NS = 100_000_000  # chosen: two writes within one tick of a file's clock look like one
RECORD_IDLE_S = 2.0  # chosen: a writer that stops in the middle of an event for longer is done
LINE_IDLE_S = 0.5  # chosen: the same while one line is there; most traces are one write
PARTIAL_BYTES = 8 * 1024  # chosen: how much of a waiting line is shown
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
        max_line_bytes: Bytes kept of one line, and at most taken into one record.
        max_record_lines: Lines of one record.
    """

    block_bytes: int = BLOCK_BYTES
    max_lines: int = 2_500
    max_line_bytes: int = MAX_LINE_BYTES
    max_record_lines: int = MAX_RECORD_LINES


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

    def check(self) -> None:
        """Find out whether a file can be read in this style.

        Raises:
            SourceError: The encoding or the pattern cannot be used.
        """
        check_wanted(self.encoding)
        if self.multiline:
            self.multiline.check()


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
        clock: Where times come from.
        style: What the bytes are, and when lines are complete.

    Raises:
        SourceError: The style asks for an encoding or a pattern that cannot be used.
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
        self._began_ns = checkpoint.began_ns
        self.path = checkpoint.path
        self.identity = identity
        self.size = max(checkpoint.size_bytes, checkpoint.offset)
        self.is_caught_up = False
        self.last_read_ns = 0
        self._is_new = is_new
        self._limits = limits or ReadLimits()
        self._clock = clock
        self._style = style or ReadStyle()
        # Lines stored before encodings were told apart were read as UTF-8.
        known = checkpoint.encoding or ("" if is_new or checkpoint.offset == 0 else "utf-8")
        self._lines = LineAssembler(checkpoint.offset, self._style, self._limits, known)
        self._nul_at: int | None = None  # where padding up to the end of the file begins
        self._data_after = 0  # padding before this offset is followed by data
        self._seen = Stat(-1, -1)
        self._is_racy = True
        self._quiet_at = -1  # how far the file held data when that last changed
        self._quiet_since_s = 0.0
        self._shown: tuple[int, int] | None = None  # offset and length of the partial line
        self._told: set[str] = set()

    @property
    def position(self) -> int:
        """Offset up to which everything was handed out."""
        return self._lines.position

    @property
    def lag_bytes(self) -> int:
        """Bytes between the position and the end of the file as last seen, padding left out.

        More than `partial_bytes` once caught up means that lines wait for the rest of their
        event.
        """
        end = self.size if self._nul_at is None else self._nul_at
        return max(end - self.position, 0)

    @property
    def is_record_open(self) -> bool:
        """True while whole lines wait, since more may belong to their record."""
        return self._lines.is_record_open

    @property
    def partial_bytes(self) -> int:
        """Bytes of a last line that has no line end yet, 0 while more can be read."""
        return max(self._lines.seen - self._lines.rest_at, 0) if self.is_caught_up else 0

    def load(self, fd: int) -> None:
        """Take the fingerprint's bytes from the file, once it is known to be the right one."""
        lines = self._lines
        if self._is_new and lines.position > 0:
            lines.tell(self._bytes_at(fd, 0, TELLING_BYTES), ended=True)
            if lines.encoding and lines.encoding.size > 1:
                # The place was found byte by byte; it may be in the middle of a character.
                kept = self._limits.max_line_bytes
                start = last_line_start(fd, lines.position, kept, encoding=lines.encoding)
                self._lines = LineAssembler(start, self._style, self._limits, lines.encoding.name)
        self._lines.trail = self._trail_at(fd, self.position)

    def announce(self) -> RecordChunk:
        """The first position, without lines, so that it is stored at once."""
        chunk = self._chunk(-1 if self._is_new else self.position)
        self._is_new = False
        return chunk

    def may_have_news(self, stat: os.stat_result) -> bool:
        """False when nothing can have changed since the last read, judged by size and time."""
        return (
            not self.is_caught_up
            or self._is_racy
            or self._nul_at is not None
            or self._seen != (stat.st_size, stat.st_mtime_ns)
            or self._clock.monotonic_s() >= self._due_s
        )

    def read(self, fd: int, max_bytes: int) -> list[RecordChunk]:
        """Whole records from the position on, about `max_bytes` of them.

        A chunk without lines may show a last line that waits for its line end.

        Raises:
            FileShrunkError: The file is shorter than what was read.
            FileRewrittenError: Other bytes stand where ours were read.
            SourceError: The bytes are in an encoding that is not read.
            OSError: The system's refusal.
        """
        stat = self._stat(fd)
        now_ns = self._clock.now_ns()
        lines, head = self._lines, self._lines.trail.head
        if stat.size < lines.scanned:
            raise FileShrunkError
        if head and self._bytes_at(fd, 0, len(head)) != head:
            raise FileRewrittenError
        self.size = stat.size
        chunks: list[RecordChunk] = []
        budget = max_bytes
        while budget > 0:
            before = lines.scanned
            chunks += self._step(fd, budget)
            if lines.scanned <= before:
                break
            budget -= lines.scanned - before
        self.is_caught_up = budget > 0
        if self.is_caught_up:
            chunks += self._wait(fd)
        if chunks:
            self.last_read_ns = now_ns
        self.size = max(self.size, lines.scanned)
        self._seen = stat
        self._is_racy = now_ns - stat.mtime_ns < RACY_NS
        return chunks

    def passed(self, fd: int, start: int) -> list[Checkpoint]:
        """Places between `start` and the position, each half as far as the next.

        A copy of the file that ends anywhere between can be known by one of them, however much
        was read at once. None when the file changed since it was read.
        """
        end, head = self.position, self._lines.trail.head
        places: list[int] = []
        at = end // 2
        while at > max(start, MARKER_BYTES):
            places.append(at)
            at //= 2
        if not places:
            return []
        trails = [self._trail_at(fd, at) for at in reversed(places)]
        if self._stat(fd).size < end or self._bytes_at(fd, 0, len(head)) != head:
            return []
        spot = self.spot()
        return [
            replace(
                spot, offset=at, head_hash=digest(trail.head), head_bytes=len(trail.head),
                marker_hash=digest(trail.marker), marker_bytes=len(trail.marker),
            )
            for at, trail in zip(reversed(places), trails, strict=True)
        ]  # fmt: skip

    def finish(self, fd: int) -> list[RecordChunk]:
        """What is left of a file that nobody writes any more, and its end mark.

        A last line without a line end is handed out as it stands: none will come.
        """
        lines, chunks = self._lines, list[RecordChunk]()
        before = -1
        with suppress(FileRewrittenError):
            while lines.scanned > before:
                before = lines.scanned
                chunks += self._step(fd, BLOCK_BYTES)
        size = max(self._stat(fd).size, lines.scanned)
        end = size
        if self._nul_at is not None:  # where the encoding is not known, half a character before it
            end = min(max(self._nul_at, lines.scanned) + (4 if not lines.encoding else 0), size)
        block = self._bytes_at(fd, lines.scanned, end - lines.scanned)
        chunks += self._chunks(lines.take(block, 0, len(block), ended=True))
        start = self.position
        cut = lines.skip(size, self._trail_at(fd, size)) if size > start else None
        self.size = size
        self.is_caught_up = True
        if chunks and cut is None:
            chunks[-1] = replace(chunks[-1], checkpoint=self.spot(finished=True))
            return chunks
        return [*chunks, self._chunk(start, cut, finished=True)]

    def abandon(self) -> RecordChunk:
        """The end mark of a file that is lost from the position on."""
        return self._chunk(self.position, finished=True)

    def spot(self, *, finished: bool = False) -> Checkpoint:
        """The checkpoint at the position."""
        lines = self._lines
        return Checkpoint(
            source_id=self.source_id,
            generation=self.generation,
            path=self.path,
            offset=lines.position,
            size_bytes=self.size,
            device=self.identity.device,
            inode=self.identity.inode,
            head_hash=digest(lines.trail.head),
            head_bytes=len(lines.trail.head),
            marker_hash=digest(lines.trail.marker),
            marker_bytes=len(lines.trail.marker),
            finished=finished,
            encoding=lines.encoding.name if lines.encoding else "",
            began_ns=self._began_ns,
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
        return self._lines.scanned

    def _trail_at(self, fd: int, offset: int) -> Trail:
        size = min(offset, MARKER_BYTES)
        head = self._bytes_at(fd, 0, min(offset, HEAD_BYTES))
        return Trail(head, self._bytes_at(fd, offset - size, size))

    def _go_on_after(self, trail: Trail) -> None:
        """Take what the position is known by; the encoding with it, if nobody knew it."""
        self._lines.trail = trail
        if self._lines.encoding is None and self.position:
            self._lines.tell(trail.head, ended=True)

    def _step(self, fd: int, budget: int, *, close: bool = False) -> list[RecordChunk]:
        """One read; moves what was scanned when there was anything.

        Args:
            fd: The open file.
            budget: About how many bytes.
            close: Let a record go that may have gone on, unless there is more by now.
        """
        if self._nul_at is not None and not close and self._is_still_padding(fd, self._nul_at):
            return []
        self._nul_at = None
        lines, limits = self._lines, self._limits
        marker = lines.scan_trail.marker
        m, at = len(marker), lines.scanned - len(marker)
        # Enough to see that a record is over and how the text is encoded, whatever the budget.
        least = limits.max_line_bytes + 4
        if lines.encoding is None:
            least = max(least, TELLING_BYTES)
        raw = self._bytes_at(fd, at, m + max(min(budget, limits.block_bytes), least))
        if raw[:m] != marker:
            raise FileRewrittenError
        usable = self._usable(fd, raw, at)
        if lines.encoding is None and usable > m:
            try:
                mark = lines.tell(raw[m:usable])
            except SourceError as error:
                raise SourceError(f'Cannot read "{self.path}": {error}') from error
            if mark:
                self._nul_at = None
                return [self._pass_over(fd, lines.position + mark)]
        if usable < len(raw):  # padding may begin in the middle of a UTF-16 character
            usable += -(at + usable) % lines.unit_bytes
            self._nul_at = at + usable
        elif self._is_leading_padding(raw[m:usable]):
            return [self._pass_over(fd, lines.aligned(self._data_after))]
        if close and at + usable != self._quiet_at:
            close = False
        return self._chunks(lines.take(raw, m, usable, close=close))

    def _is_leading_padding(self, raw: bytes) -> bool:
        """True for zeros before a line's first character."""
        lines = self._lines
        is_at_line = lines.position == lines.scanned < lines.aligned(self._data_after)
        return is_at_line and not raw.strip(b"\0")

    def _pass_over(self, fd: int, end: int) -> RecordChunk:
        """Move the position over bytes that are no lines."""
        start = self.position
        return self._chunk(start, self._lines.skip(end, self._trail_at(fd, end)))

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
        if self._seen != self._stat(fd):
            return False
        return not self._bytes_at(fd, at, 64).strip(b"\0")

    # Quiet

    @property
    def _due_s(self) -> float:
        """When something is due although the file stays as it is, on the monotonic clock."""
        lines = self._lines
        if lines.is_record_open:
            wait_s = RECORD_IDLE_S if lines.n_open > 1 else LINE_IDLE_S
            return self._quiet_since_s + wait_s
        if lines.seen > lines.position and not self._is_shown:
            return self._quiet_since_s + self._style.partial_after_s
        return inf

    @property
    def _is_shown(self) -> bool:
        lines = self._lines
        return self._shown == (lines.position, lines.seen - lines.position)

    def _wait(self, fd: int) -> list[RecordChunk]:
        """What a file that was read to its end leads to by staying quiet."""
        lines, now_s = self._lines, self._clock.monotonic_s()
        if lines.seen != self._quiet_at:
            self._quiet_at, self._quiet_since_s = lines.seen, now_s
        chunks: list[RecordChunk] = []
        if lines.is_record_open and now_s >= self._due_s:
            chunks = self._step(fd, self._limits.block_bytes, close=True)
        if not lines.is_record_open and now_s >= self._due_s:
            partial = self._partial(fd)
            if partial:
                chunks.append(replace(self._chunk(self.position), partial=partial))
            self._shown = (lines.position, lines.seen - lines.position)
        elif self._shown and self._shown[0] == lines.position == lines.seen:
            self._shown = None  # it was taken back
            chunks.append(self._chunk(self.position))
        return chunks

    def _partial(self, fd: int) -> PartialLine | None:
        """The line that waits for its end; None when that is but a byte order mark."""
        lines = self._lines
        length = lines.seen - lines.position
        head = self._bytes_at(fd, lines.position, min(length, PARTIAL_BYTES))
        encoding, mark = lines.encoding, 0
        if encoding is None:
            told = tell(head[:TELLING_BYTES], self._style.encoding, ended=True)
            encoding, mark = told or (get_encoding("utf-8"), 0)
        text = encoding.text(encoding.whole(head[mark:])).removesuffix("\r")
        if not text:
            return None
        return PartialLine(lines.position, length, text, self._clock.now_ns())

    # Chunks

    def _chunks(self, cuts: Iterator[Cut]) -> list[RecordChunk]:
        start, chunks = self.position, []
        for cut in cuts:
            chunks.append(self._chunk(start, cut))
            start = cut.end
        return chunks

    def _chunk(self, start: int, cut: Cut | None = None, *, finished: bool = False) -> RecordChunk:
        self.size = max(self.size, self.position)
        cut = cut or Cut(b"", _NONE, _NONE, self.position)
        return RecordChunk(
            source_id=self.source_id,
            generation=self.generation,
            path=self.path,
            start=start,
            data=cut.data,
            offsets=cut.offsets,
            lengths=cut.lengths,
            read_ns=self._clock.now_ns(),
            checkpoint=self.spot(finished=finished),
            n_too_long=len(cut.long_lines),
            n_skipped_bytes=cut.n_skipped,
            record_starts=cut.record_starts,
            long_lines=cut.long_lines,
            n_undecodable=cut.n_undecodable,
            events=tuple(self._notes(cut)),
        )

    def _notes(self, cut: Cut) -> Iterator[SourceEvent]:
        """What a person should know of how the lines were read, each once."""
        encoding = self._lines.encoding
        name = encoding.name if encoding else ""
        if name not in {"", "utf-8"} and self._style.encoding == AUTO:
            yield from self._note("decoding", f'"{self.path}" is read as {name}.')
        if cut.n_undecodable:
            yield from self._note(
                "decoding",
                f'"{self.path}" holds bytes that mean nothing in {name}, from byte '
                f"{int(cut.offsets[0]):,} or soon after; they are shown as \\xNN. If there are "
                "many, set the source's encoding.",
                key="undecodable",
            )
        if self._lines.was_full:
            yield from self._note(
                "note",
                f'An event of "{self.path}" was ended before its lines were, at '
                f"{self._limits.max_record_lines:,} lines or {self._limits.max_line_bytes:,} "
                "bytes; the lines after that are an event of their own.",
            )

    def _note(self, kind: str, message: str, *, key: str = "") -> Iterator[SourceEvent]:
        if (key or kind) not in self._told:
            self._told.add(key or kind)
            yield SourceEvent(kind, message, self._clock.now_ns(), self.generation)


def last_line_start(
    fd: int,
    size: int,
    max_line_bytes: int = MAX_LINE_BYTES,
    *,
    encoding: Encoding | None = None,
) -> int:
    """Where to start in order to see only what is written from now on.

    That is after the last line end, so that a line half written is seen whole later;
    padding at the end does not count as written.

    Args:
        fd: The open file.
        size: Its size, or where to look back from.
        max_line_bytes: How much is looked at at once; of a longer last line the rest is seen.
        encoding: What the bytes are in; None takes a line feed's byte wherever it stands.
    """
    unit = encoding or get_encoding("utf-8")
    end = unit.aligned(size)
    while end > 0:
        begin = unit.aligned(max(end - max_line_bytes, 0))
        block = read_at(fd, begin, end - begin).rstrip(b"\0")
        if block:
            newline = unit.rfind_newline(block + bytes(len(block) % unit.size))
            if newline >= 0:
                return begin + newline + unit.size
            return begin if begin == 0 else begin + len(block) + len(block) % unit.size
        end = begin
    return 0
