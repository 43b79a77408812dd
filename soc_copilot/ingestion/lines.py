"""Bytes to whole lines, without a Python step per line."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.records import MAX_LINE_BYTES

_NEWLINE = 10


@dataclass(frozen=True, slots=True)
class Cut:
    r"""Consecutive whole lines.

    Attributes:
        data: The lines, each ended by b"\n", cut to `max_line_bytes`, NUL padding left out.
        offsets: int64, where each line begins in the file.
        lengths: int64, bytes of each line in the file, before the cut.
        end: Offset after the last line.
        n_too_long: Lines that were cut.
        n_skipped: NUL bytes left out in front of lines.
    """

    data: bytes
    offsets: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    end: int
    n_too_long: int = 0
    n_skipped: int = 0


def cut_lines(
    raw: bytes, start: int, stop: int, at: int, max_lines: int, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[Cut]:
    r"""Whole lines of `raw[start:stop]`, at most `max_lines` in each cut.

    Args:
        raw: A block as read.
        start: Where the first line begins in it.
        stop: Just after a b"\n".
        at: Offset in the file of `raw[start]`.
        max_lines: Lines in one cut.
        max_line_bytes: Bytes kept of a line, its line end included.
    """
    block = np.frombuffer(raw, np.uint8)[start:stop]
    ends = np.flatnonzero(block == _NEWLINE).astype(np.int64, copy=False) + 1
    has_nul = raw.find(b"\0", start, stop) >= 0
    for first in range(0, len(ends), max_lines):
        part = ends[first : first + max_lines]
        begin = int(ends[first - 1]) if first else 0
        starts = np.empty_like(part)
        starts[0] = begin
        starts[1:] = part[:-1]
        end = int(part[-1])
        skipped = 0
        if has_nul:
            text = starts if block[starts].all() else _after_nuls(block, begin, end, starts)
            skipped = int((text - starts).sum())
            starts = text
        lengths = part - starts
        too_long = int((lengths > max_line_bytes).sum())
        if skipped or too_long:
            data = _rebuild(block, starts, part, max_line_bytes)
        else:
            data = raw[start + begin : start + end]
        yield Cut(data, starts + at, lengths, at + end, too_long, skipped)


def _after_nuls(
    block: npt.NDArray[np.uint8], begin: int, end: int, starts: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    # Each line holds at least its line end, so there is always a byte that is not NUL.
    solid = np.flatnonzero(block[begin:end]).astype(np.int64, copy=False) + begin
    return solid[np.searchsorted(solid, starts)]


def _rebuild(
    block: npt.NDArray[np.uint8],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    max_line_bytes: int,
) -> bytes:
    # +1 where a kept range begins, -1 after it: the running sum is 1 on bytes to keep. The
    # last byte of a cut line is its line end, so its text keeps one byte less.
    low, high = int(starts[0]), int(ends[-1])
    kept_ends = np.minimum(ends - 1, starts + max_line_bytes - 1)
    steps = np.zeros(high - low + 1, np.int8)
    np.add.at(steps, starts - low, 1)
    np.add.at(steps, kept_ends - low, -1)
    keep = np.cumsum(steps[:-1], dtype=np.int8).astype(bool)
    keep[ends - 1 - low] = True
    return bytes(block[low:high][keep])
