"""The reading end of a spool: from a byte number on, whole lines and what happened between."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.records import LongLine, SourceEvent
from soc_copilot.ingestion.files import MARKER_BYTES, open_log, read_at
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.spool import (
    EVENT_MARK,
    SpoolSegment,
    SpoolWriter,
    read_event,
    whole_line,
)


def _none() -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class SpoolCut:
    r"""Consecutive bytes of a spool.

    Attributes:
        start, end: Byte numbers of the first one and of the one after the last.
        data: The lines, each ended by b"\n".
        offsets: int64, number of each line's first byte.
        lengths: int64, bytes of each line in the spool, line end included.
        n_skipped: Bytes that are no lines: `end - start == lengths.sum() + n_skipped`.
        long_lines: Those that were cut when they were received.
        events: What happened to the source.
        marker: The last bytes before `end`, at most `MARKER_BYTES`; empty where they are gone.
    """

    start: int
    end: int
    data: bytes = b""
    offsets: npt.NDArray[np.int64] = field(default_factory=_none)
    lengths: npt.NDArray[np.int64] = field(default_factory=_none)
    n_skipped: int = 0
    long_lines: tuple[LongLine, ...] = ()
    events: tuple[SourceEvent, ...] = ()
    marker: bytes = b""


class SpoolReader:
    """Reads a spool once through, from a byte number on.

    Args:
        spool: Its writing end, in the same process.
        position: Number of the first byte to read.
        limits: How much is read and held at once.

    Thread:
        One at a time.
    """

    def __init__(self, spool: SpoolWriter, position: int, limits: ReadLimits) -> None:
        self.position = position
        self._spool = spool
        self._limits = limits
        self._fd = -1
        self._open_first = -1

    def read(self, max_bytes: int, now_ns: int) -> list[SpoolCut]:
        """What stands from the position on, about `max_bytes` of it.

        Args:
            max_bytes: Bytes wanted at most; one block is read in any case.
            now_ns: The time for events about bytes that are gone.

        Raises:
            OSError: The system's refusal; it can be tried again.
            SourceError: Something other than a plain file is in a segment's place.
        """
        cuts: list[SpoolCut] = []
        budget = max_bytes
        while budget > 0 and (segment := self._next_segment()) is not None:
            before = self.position
            cuts += self._step(segment, budget, now_ns)
            budget -= self.position - before
        return cuts

    def before(self, n_bytes: int) -> bytes | None:
        """The bytes just before the position, as they stand in the spool; None if gone."""
        start = self.position - n_bytes
        for segment in self._spool.segments():
            if segment.first <= start and self.position <= segment.end:
                try:
                    fd = self._handle(segment)
                except FileNotFoundError:
                    return None
                return read_at(fd, start - segment.first, n_bytes)
        return None

    def close(self) -> None:
        """Close the file; reading goes on where it stopped."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = self._open_first = -1

    def _next_segment(self) -> SpoolSegment | None:
        for segment in self._spool.segments():
            if segment.end > self.position and segment.size:
                return segment
        self._let_go()
        return None

    def _let_go(self) -> None:
        # The file must not stay open once it was read: it is deleted when it is stored.
        if self._open_first != self._spool.segments()[-1].first:
            self.close()

    def _step(self, segment: SpoolSegment, budget: int, now_ns: int) -> Iterator[SpoolCut]:
        if segment.first > self.position:
            yield self._lose(segment.first, "the files that held them are gone", now_ns)
            return
        try:
            fd = self._handle(segment)
        except FileNotFoundError:
            yield self._lose(segment.end, f'"{segment.path.name}" is gone', now_ns)
            return
        at = self.position - segment.first
        wanted = min(max(budget, self._limits.block_bytes), segment.size - at)
        raw = read_at(fd, at, wanted)
        stop = raw.rfind(b"\n") + 1
        if not stop:
            end = self.position + wanted
            yield self._lose(end, f'"{segment.path.name}" holds no whole lines there', now_ns)
            return
        yield from self._cuts(raw, stop)

    def _handle(self, segment: SpoolSegment) -> int:
        if self._open_first != segment.first:
            self.close()
            self._fd = open_log(segment.path, follow=False)
            self._open_first = segment.first
        return self._fd

    def _lose(self, end: int, why: str, now_ns: int) -> SpoolCut:
        start, self.position = self.position, end
        event = SourceEvent(
            "lost",
            f"{end - start:,} bytes of received messages cannot be read: {why}.",
            now_ns,
            is_loss=True,
            start=start,
            end=end,
        )
        return SpoolCut(start, end, n_skipped=end - start, events=(event,))

    def _cuts(self, raw: bytes, stop: int) -> Iterator[SpoolCut]:
        base = self.position
        ends = np.flatnonzero(np.frombuffer(raw, np.uint8, stop) == ord("\n")).astype(np.int64) + 1
        for first in range(0, len(ends), self._limits.max_lines):
            part = ends[first : first + self._limits.max_lines]
            begin, end = int(ends[first - 1]) if first else 0, int(part[-1])
            starts = np.empty_like(part)
            starts[0] = begin
            starts[1:] = part[:-1]
            data = raw[begin:end]
            cut = SpoolCut(
                base + begin,
                base + end,
                data,
                starts + base,
                part - starts,
                marker=data[-MARKER_BYTES:],
            )
            self.position = base + end
            yield _told_apart(cut) if b"\0" in data else cut


def _told_apart(cut: SpoolCut) -> SpoolCut:
    """A cut with marked lines in it: events taken out, lengths of cut lines put aside."""
    lines: list[bytes] = []
    kept: list[int] = []
    long_lines: list[LongLine] = []
    events: list[SourceEvent] = []
    for n, line in enumerate(cut.data.split(b"\n")[:-1]):
        if line.startswith(EVENT_MARK):
            event = read_event(line)
            events += [event] if event else []
            continue
        if (whole := whole_line(line)) is not None:
            line, length, digest = whole
            long_lines.append(LongLine(len(lines), length, digest))
        kept.append(n)
        lines.append(line)
    index = np.array(kept, np.int64)
    lengths = cut.lengths[index]
    return SpoolCut(
        cut.start,
        cut.end,
        b"".join(line + b"\n" for line in lines),
        cut.offsets[index],
        lengths,
        cut.end - cut.start - int(lengths.sum()),
        tuple(long_lines),
        tuple(events),
        cut.marker,
    )
