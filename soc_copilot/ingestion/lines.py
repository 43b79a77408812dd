"""Bytes to whole lines, without a Python step per line."""

from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.records import MAX_LINE_BYTES, LongLine
from soc_copilot.ingestion.encodings import Encoding, Units, get_encoding

_NEWLINE = 10
_UTF8 = get_encoding("utf-8")
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cut:
    r"""Consecutive whole lines, or bytes that are none.

    Attributes:
        data: The lines in UTF-8, each ended by b"\n", cut to `max_line_bytes`, NUL padding
            left out.
        offsets: int64, where each line begins in the file.
        lengths: int64, bytes of each line in the file, before the cut.
        end: Offset after the last.
        n_skipped: Bytes that are no lines (NUL padding, a byte order mark).
        long_lines: The lines that were cut.
        n_undecodable: Lines with bytes that mean nothing in the encoding.
        record_starts: int64, the first line of each record; None when each line is one.
    """

    data: bytes
    offsets: Positions
    lengths: Positions
    end: int
    n_skipped: int = 0
    long_lines: tuple[LongLine, ...] = ()
    n_undecodable: int = 0
    record_starts: Positions | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    r"""Whole lines of one block.

    Attributes:
        data: Holds the lines in UTF-8, each ended by b"\n".
        begin: Where the first line begins in `data`.
        ends: int64, where each line ends in `data`.
        offsets: int64, where each line begins in the file, NUL padding passed over.
        stops: int64, offset in the file after each line.
        at: Offset in the file where they begin, padding before the first included.
        long_lines: The lines that were cut.
        bad: Marks lines with undecodable bytes; None when there are none.
    """

    data: bytes
    begin: int
    ends: Positions
    offsets: Positions
    stops: Positions
    at: int
    long_lines: tuple[LongLine, ...] = ()
    bad: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> Positions:
        """int64, where each line begins in `data`."""
        return _starts(self.ends, self.begin)

    def cut(self, first: int, last: int, record_starts: Positions | None = None) -> Cut:
        """The lines from `first` up to, not including, `last`.

        Args:
            first: Index of a line.
            last: Index of a later line, or the number of lines.
            record_starts: Which of these lines begin a record, counted from `first`.
        """
        low = int(self.ends[first - 1]) if first else self.begin
        at = int(self.stops[first - 1]) if first else self.at
        end = int(self.stops[last - 1])
        offsets = self.offsets[first:last]
        lengths = self.stops[first:last] - offsets
        return Cut(
            self.data[low : int(self.ends[last - 1])],
            offsets,
            lengths,
            end,
            end - at - int(lengths.sum()),
            tuple(
                replace(line, index=line.index - first)
                for line in self.long_lines
                if first <= line.index < last
            ),
            int(self.bad[first:last].sum()) if self.bad is not None else 0,
            record_starts,
        )


def whole_lines(
    block: bytes,
    start: int,
    stop: int,
    at: int,
    *,
    encoding: Encoding = _UTF8,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Lines | None:
    """The whole lines of `block[start:stop]`; None when there are none.

    Args:
        block: A block as read.
        start: Where the first line begins in it.
        stop: Nothing is looked at from here on.
        at: Offset in the file of `block[start]`.
        encoding: What the bytes are in.
        max_line_bytes: Bytes kept of a line, its line end included.
    """
    size = encoding.size
    units = encoding.units(block, start, stop)
    ends = np.flatnonzero(units == _NEWLINE).astype(np.int64, copy=False) + 1
    if not len(ends):
        return None
    begins = starts = _starts(ends, 0)
    high = start + int(ends[-1]) * size
    if block.find(b"\0", start, high) >= 0 and not units[starts].all():
        starts = _after_nuls(units[: ends[-1]], starts)
    lengths = (ends - starts) * size
    long_at = np.flatnonzero(lengths > max_line_bytes)
    long_lines: tuple[LongLine, ...] = ()
    data, begin, data_ends = block, start, ends * size + start
    if len(long_at) or starts is not begins:
        kept_ends = ends - 1
        for i in long_at.tolist():
            low = start + int(starts[i]) * size
            kept = encoding.whole(block[low : low + encoding.aligned(max_line_bytes) - size])
            kept_ends[i] = starts[i] + len(kept) // size
        data = _rebuild(units, starts, kept_ends, ends)
        begin, data_ends = 0, np.cumsum(kept_ends + 1 - starts) * size
        long_lines = tuple(
            LongLine(i, length, line_hash(block[stop - length : stop - size], encoding))
            for i, length, stop in zip(
                long_at.tolist(),
                lengths[long_at].tolist(),
                (start + ends[long_at] * size).tolist(),
                strict=True,
            )
        )
    if data is block and encoding != _UTF8:
        data, begin, data_ends = block[start:high], 0, data_ends - start
    return _decoded(
        Lines(data, begin, data_ends, starts * size + at, ends * size + at, at, long_lines),
        encoding,
    )


def _decoded(lines: Lines, encoding: Encoding) -> Lines:
    """The lines in UTF-8, those with undecodable bytes marked."""
    if encoding.size == 1 and lines.data.isascii():
        return lines
    high = int(lines.ends[-1])
    is_whole = lines.begin == 0 and high == len(lines.data)
    raw = lines.data if is_whole else lines.data[lines.begin : high]
    data, bad = encoding.to_utf8(raw, lines.ends - lines.begin)
    if data is raw:
        return lines if bad is None else replace(lines, bad=bad)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE).astype(np.int64, copy=False)
    return replace(lines, data=data, begin=0, ends=ends + 1, bad=bad)


def line_hash(line: bytes, encoding: Encoding) -> str:
    """BLAKE2b-128 (hex) of a line given without its line feed; a CR before that is left out."""
    return blake2b(line.removesuffix(encoding.carriage_return), digest_size=16).hexdigest()


def _starts(ends: Positions, begin: int) -> Positions:
    starts = np.empty_like(ends)
    starts[0] = begin
    starts[1:] = ends[:-1]
    return starts


def _after_nuls(units: Units, starts: Positions) -> Positions:
    # Each line holds at least its line end, so there is always a unit that is not NUL.
    solid = np.flatnonzero(units).astype(np.int64, copy=False)
    return solid[np.searchsorted(solid, starts)]


def _rebuild(
    units: Units,
    starts: Positions,
    kept_ends: Positions,
    ends: Positions,
) -> bytes:
    # +1 where a kept range begins, -1 after it: the running sum is 1 on units to keep.
    low, high = int(starts[0]), int(ends[-1])
    steps = np.zeros(high - low + 1, np.int8)
    np.add.at(steps, starts - low, 1)
    np.add.at(steps, kept_ends - low, -1)
    keep = np.cumsum(steps[:-1], dtype=np.int8).astype(bool)
    keep[ends - 1 - low] = True
    kept: bytes = units[low:high][keep].tobytes()
    return kept
