"""Bytes in the order of the file to records: encoding, lines, records, in one place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from soc_copilot.domain.records import LongLine
from soc_copilot.ingestion.encodings import (
    TELLING_BYTES,
    Encoding,
    check_wanted,
    get_encoding,
    tell,
)
from soc_copilot.ingestion.files import HEAD_BYTES, MARKER_BYTES
from soc_copilot.ingestion.lines import Cut, Lines, Positions, whole_lines
from soc_copilot.ingestion.multiline import Grouper

if TYPE_CHECKING:
    from soc_copilot.ingestion.reader import ReadLimits, ReadStyle

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Trail:
    """What a place in a file is known by: the file's first bytes and those just before it."""

    head: bytes = b""
    marker: bytes = b""

    def past(self, block: bytes, start: int, stop: int) -> "Trail":
        """The trail once `block[start:stop]`, which follows the place, is passed over."""
        if stop - start >= MARKER_BYTES:
            marker = block[stop - MARKER_BYTES : stop]
        else:
            marker = (self.marker + block[start:stop])[-MARKER_BYTES:]
        head = self.head
        if len(head) < HEAD_BYTES:  # then it holds all bytes before the place
            head += block[start : min(stop, start + HEAD_BYTES - len(head))]
        return Trail(head, marker)


class _LongScan:
    """A line that outgrew what is kept, while its end is still looked for."""

    def __init__(self, kept: bytes, encoding: Encoding) -> None:
        self.kept = kept
        self._encoding = encoding
        self._hash = blake2b(digest_size=16)
        self._held = b""  # a last carriage return, perhaps part of the line end

    def take(self, text: bytes) -> None:
        """The line goes on."""
        text = self._held + text
        cr = self._encoding.carriage_return
        self._held = cr if text.endswith(cr) else b""
        self._hash.update(text[: len(text) - len(self._held)])

    def end(self, *, has_newline: bool) -> str:
        """The hash of the whole line without its line end."""
        if not has_newline:
            self._hash.update(self._held)
        return self._hash.hexdigest()


class LineAssembler:
    """Turns the bytes of one file, given in order, into cuts of whole records.

    Nothing depends on how the bytes are divided over the calls.

    Args:
        offset: Where the first byte stands that will be given.
        style: What the bytes are, and which lines belong together.
        limits: How much at once.
        encoding: A codec's name as it was stored, empty when it is not known yet.

    Attributes:
        position: Everything before is handed out.
        scanned: Everything before need not be given again; past `position` inside a line
            that outgrew what is kept.
        seen: Everything before was looked at.
        rest_at: Where the last line without a line end begins; past `position` while a
            record may go on.
        n_open: Whole lines that wait, since more may belong to their record.
        trail: What `position` is known by.

    Raises:
        SourceError: The encoding or the pattern cannot be used.
    """

    def __init__(
        self, offset: int, style: "ReadStyle", limits: "ReadLimits", encoding: str = ""
    ) -> None:
        self.position = self.scanned = self.seen = self.rest_at = offset
        self.n_open = 0
        self.trail = Trail()
        check_wanted(style.encoding)
        self.encoding: Encoding | None = get_encoding(encoding) if encoding else None
        self._style = style
        self._limits = limits
        self._long: _LongScan | None = None
        self._long_trail = Trail()
        rule = style.multiline
        self._grouper = (
            Grouper(rule, limits.max_record_lines, limits.max_line_bytes) if rule else None
        )

    @property
    def scan_trail(self) -> Trail:
        """What `scanned` is known by."""
        return self._long_trail if self._long else self.trail

    @property
    def is_record_open(self) -> bool:
        """True while whole lines wait, since more may belong to their record."""
        return self.n_open > 0

    @property
    def was_full(self) -> bool:
        """True once a record was ended because it had too many lines or bytes."""
        return self._grouper is not None and self._grouper.was_full

    @property
    def unit_bytes(self) -> int:
        """Bytes that offsets are a multiple of."""
        return self.encoding.size if self.encoding else 1

    def aligned(self, n_bytes: int) -> int:
        """Down to whole units."""
        return n_bytes - n_bytes % self.unit_bytes

    def tell(self, head: bytes, *, ended: bool = False) -> int:
        """Find the encoding from the file's first bytes; the size of the mark before the text."""
        told = tell(head[:TELLING_BYTES], self._style.encoding, ended=ended)
        if told is None:
            return 0
        self.encoding = told[0]
        return told[1]

    def skip(self, end: int, trail: Trail) -> Cut:
        """Pass over bytes that are no lines, up to `end`."""
        n_skipped = end - self.position
        self.position = self.scanned = self.rest_at = end
        self.seen = max(self.seen, end)
        self.trail = trail
        return Cut(b"", _NONE, _NONE, end, n_skipped)

    def take(
        self, block: bytes, start: int, stop: int, *, close: bool = False, ended: bool = False
    ) -> Iterator[Cut]:
        """Cuts of the whole records in the bytes that follow `scanned`; moves it cut by cut.

        Args:
            block: Holds the bytes.
            start: Where they begin in it.
            stop: Where they end in it.
            close: No line will join the last record.
            ended: No byte will follow at all: a last line without a line end is one.
        """
        self.seen = self.scanned + stop - start
        if self.encoding is None:
            size = self.tell(block[start : min(stop, start + TELLING_BYTES)], ended=ended)
            if size:
                trail = self.trail.past(block, start, start + size)
                yield self.skip(self.position + size, trail)
                start += size
        encoding = self.encoding
        if encoding is None:
            return
        if self._long:
            yield from self._go_on(self._long, encoding, block, start, stop, ended=ended)
            return
        if block[start : min(start + encoding.size, stop)] == bytes(encoding.size):
            text = block[start:stop].lstrip(b"\0")
            n_nuls = encoding.aligned(stop - start - len(text))
            trail = self.trail.past(block, start, start + n_nuls)
            yield self.skip(self.position + n_nuls, trail)
            start += n_nuls
        if ended:
            yield from self._take_last(encoding, block[start:stop])
        else:
            yield from self._take_lines(encoding, block, start, stop, close=close)

    def _take_lines(
        self, encoding: Encoding, block: bytes, start: int, stop: int, *, close: bool
    ) -> Iterator[Cut]:
        at, limit = self.position, self._limits.max_line_bytes
        self.rest_at, self.n_open = at, 0
        stop = start + encoding.aligned(stop - start)
        lines = whole_lines(block, start, stop, at, encoding=encoding, max_line_bytes=limit)
        if lines is None:
            if stop - start >= limit:
                self._begin_long(encoding, block, start, stop)
            return
        self.rest_at = int(lines.stops[-1])
        n, starts = len(lines), None
        if self._grouper:
            starts = self._grouper.starts(lines)
            first = int(starts[-1])
            end = at + stop - start
            if not close and not self._grouper.is_over(lines, first, end, encoding.size):
                self.n_open = n - first
                n, starts = first, starts[:-1]
        yield from self._cuts(lines, n, starts, block, start)

    def _cuts(
        self, lines: Lines, n: int, starts: Positions | None, block: bytes, start: int
    ) -> Iterator[Cut]:
        """The first `n` lines, in cuts that split no record; moves the position past them."""
        first = 0
        while first < n:
            last = min(first + self._limits.max_lines, n)
            record_starts = None
            if starts is not None and len(starts) < n:
                last = _record_end(starts, first, last, n)
                low, high = np.searchsorted(starts, [first, last]).tolist()
                if high - low < last - first:
                    record_starts = starts[low:high] - first
            cut = lines.cut(first, last, record_starts)
            low, high = start + self.position - lines.at, start + cut.end - lines.at
            self.trail = self.trail.past(block, low, high)
            self.position = self.scanned = cut.end
            yield cut
            first = last

    def _take_last(self, encoding: Encoding, text: bytes) -> Iterator[Cut]:
        """Everything up to the file's end, a last line without a line end included."""
        self.n_open = 0
        size, at = encoding.size, self.position
        n_solid = len(text.rstrip(b"\0"))
        solid = text[: min(n_solid + n_solid % size, len(text))]
        n_odd = len(solid) % size
        even, odd = solid[: len(solid) - n_odd], solid[len(solid) - n_odd :]
        if odd or (even and even[-size:] != encoding.newline):
            padded = even + encoding.newline
            limit = self._limits.max_line_bytes
            lines = whole_lines(padded, 0, len(padded), at, encoding=encoding, max_line_bytes=limit)
            assert lines is not None  # noqa: S101 - a line end was put there
            lines = _unended(lines, solid, odd)
            starts = self._grouper.starts(lines) if self._grouper else None
            yield from self._cuts(lines, len(lines), starts, solid, 0)
        else:
            yield from self._take_lines(encoding, solid, 0, len(solid), close=True)
        if len(solid) < len(text):
            yield self.skip(at + len(text), self.trail.past(text, len(solid), len(text)))

    def _begin_long(self, encoding: Encoding, block: bytes, start: int, stop: int) -> None:
        limit = encoding.aligned(self._limits.max_line_bytes)
        line = _LongScan(encoding.whole(block[start : start + limit - encoding.size]), encoding)
        line.take(block[start:stop])
        self._long, self._long_trail = line, self.trail.past(block, start, stop)
        self.scanned = self.position + stop - start

    def _go_on(
        self, line: _LongScan, encoding: Encoding, block: bytes, start: int, stop: int,
        *, ended: bool,
    ) -> Iterator[Cut]:  # fmt: skip
        newline = encoding.find_newline(block, start, stop)
        end = start + encoding.aligned(stop - start) if newline < 0 else newline
        if newline < 0 and ended:
            end = stop
        line.take(block[start:end])
        self.scanned += end - start
        if newline >= 0:
            end += encoding.size
            self.scanned += encoding.size
        self._long_trail = self._long_trail.past(block, start, end)
        if newline < 0 and not ended:
            return
        length = self.scanned - self.position
        kept = line.kept + encoding.newline
        data, bad = encoding.to_utf8(kept, np.array([len(kept)]))
        long_line = LongLine(0, length, line.end(has_newline=newline >= 0))
        offsets, lengths = np.array([[self.position], [length]], np.int64)
        self.position = self.rest_at = self.scanned
        self.trail, self._long = self._long_trail, None
        n_bad = int(bad is not None)
        yield Cut(data, offsets, lengths, self.position, 0, (long_line,), n_bad)


def _record_end(starts: Positions, first: int, last: int, n: int) -> int:
    """Where a cut that begins at line `first` ends: at a record's start up to `last`, if any."""
    if last >= n:
        return n
    begun = int(np.searchsorted(starts, last, "right")) - 1
    if int(starts[begun]) > first:
        return int(starts[begun])
    return int(starts[begun + 1]) if begun + 1 < len(starts) else n


def _unended(lines: Lines, text: bytes, odd: bytes) -> Lines:
    """The lines as they stand in the file, where the last one has no line end.

    Args:
        lines: Made with a line end put after the last, half a UTF-16 unit left out.
        text: The bytes in the file.
        odd: The half unit, or nothing.
    """
    stops = lines.stops.copy()
    stops[-1] = lines.at + len(text)
    last, offset = len(lines) - 1, int(lines.offsets[-1])
    long_lines = lines.long_lines
    if long_lines and long_lines[-1].index == last:
        whole = text[offset - lines.at :]
        hashed = blake2b(whole, digest_size=16).hexdigest()
        long_lines = (*long_lines[:-1], LongLine(last, len(whole), hashed))
    lines = replace(lines, stops=stops, long_lines=long_lines)
    if not odd:
        return lines
    ends, bad = lines.ends.copy(), np.zeros(len(lines), np.bool_)
    shown = f"\\x{odd[0]:02x}\n".encode()
    ends[-1] += len(shown) - 1
    bad |= False if lines.bad is None else lines.bad
    bad[-1] = True
    return replace(lines, data=lines.data[:-1] + shown, ends=ends, bad=bad)
