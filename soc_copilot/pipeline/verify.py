"""Showing that each line of a source's files stands exactly once in the archive.

The files are read again from their beginning, by the reader that ingestion uses, and compared
with what is stored: every line must lie in exactly one event, with the same text and length.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import polars as pl

from soc_copilot.archive.scan import Scanner, SegmentGoneError
from soc_copilot.archive.segments import DAMAGE
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.errors import PolicyError, SourceError
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.records import Checkpoint, RecordBatch, RecordChunk
from soc_copilot.governance.database import Governance
from soc_copilot.ingestion.files import Identity, opened
from soc_copilot.ingestion.generations import fits
from soc_copilot.ingestion.packed import PackedReader, repeats
from soc_copilot.ingestion.reader import (
    FileReader,
    FileRewrittenError,
    FileShrunkError,
    ReadStyle,
)
from soc_copilot.ingestion.siblings import siblings
from soc_copilot.ingestion.unpacking import packing_of
from soc_copilot.parsing.batch import BatchParser
from soc_copilot.pipeline.sources import has_sender

READ_BYTES: Final = 16 * 1024 * 1024  # chosen: of a file, compared at once
EXAMPLES: Final = 20  # chosen: places named in a report
_PARTS: Final = (c.OFFSET, c.LENGTH, c.ORIGINAL)
_GONE_WAYS: Final = {"refused": "refused", "lost": "lost"}

Progress = Callable[[int, int], None]
"""Told the bytes compared, and how many there are."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A line that is not as it should be.

    Attributes:
        what: "missing", "doubled", "differing", "unexpected" (stored, but not in the file).
        generation: Of the file.
        offset: Of the line's first byte.
    """

    what: str
    generation: int
    offset: int


@dataclass(slots=True)
class Verification:
    """What comparing a source's files with the archive showed.

    Attributes:
        n_lines: Lines read again, up to the stored positions.
        n_same: Of these, lines that stand in exactly one event with the same bytes.
        n_missing: Lines in no event, for no reason that is known.
        n_doubled: Lines in more than one event.
        n_differing: Lines in an event of another text or length.
        n_unexpected: Events of which the file has no line.
        n_refused: Lines in no event because their batch was refused, as the source's events say.
        n_lost: Lines in no event that were declared lost.
        n_removed: Lines in no event before the first that is kept: removed by retention,
            older than the source, or read while the archive was off.
        bytes_not_stored: Bytes after the stored positions: to be stored yet.
        unreadable: Files and segments that could not be read again, one sentence each.
        examples: The first places where something is wrong.
        is_cancelled: The comparison was stopped.
    """

    n_lines: int = 0
    n_same: int = 0
    n_missing: int = 0
    n_doubled: int = 0
    n_differing: int = 0
    n_unexpected: int = 0
    n_refused: int = 0
    n_lost: int = 0
    n_removed: int = 0
    bytes_not_stored: int = 0
    unreadable: list[str] = field(default_factory=list)
    examples: list[Finding] = field(default_factory=list)
    is_cancelled: bool = False

    @property
    def is_sound(self) -> bool:
        """True when nothing is wrong with what was compared, and something was."""
        return not (self.n_wrong or self.is_cancelled or self.is_empty)

    @property
    def n_wrong(self) -> int:
        """Lines and events that are not as they should be."""
        return self.n_missing + self.n_doubled + self.n_differing + self.n_unexpected

    @property
    def is_empty(self) -> bool:
        """True when there were lines to compare and none of them could be.

        Their files cannot be read again, or all are older than what the archive keeps.
        """
        return self.n_lines == self.n_removed and bool(self.n_lines or self.unreadable)

    def note(self, what: str, generation: int, offsets: Sequence[int]) -> None:
        """Count lines that are wrong, and keep the first as examples."""
        name = f"n_{what}"
        setattr(self, name, getattr(self, name) + len(offsets))
        room = EXAMPLES - len(self.examples)
        self.examples += [Finding(what, generation, at) for at in offsets[: max(room, 0)]]


def verify_source(
    governance: Governance,
    source_id: int,
    *,
    from_offset: int = 0,
    to_offset: int | None = None,
    cancel: threading.Event | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Compare a source's files with the archive.

    Args:
        governance: The database; its archive is read.
        source_id: Which source.
        from_offset: Only lines that begin at or after this byte of their file.
        to_offset: Only lines that begin before it.
        cancel: Set from any thread, it ends the comparison.
        progress: Told how far it is.

    Raises:
        PolicyError: The source has no files that could be read again.
        SourceError: There is no such source.
        StoreError: The database cannot be read.
    """
    source = governance.sources.get(source_id)
    if source.kind in {"journald", "evtx", "mail"}:
        raise PolicyError(
            f'"{source.name}" is no source of text lines: its events cannot be compared byte by '
            "byte with where they came from."
        )
    checkpoints = governance.sources.checkpoints(source_id)
    work = _Work(governance, source, from_offset, to_offset, cancel, progress)
    work.total = sum(checkpoint.offset for checkpoint in checkpoints)
    for checkpoint in checkpoints:
        work.compare(checkpoint)
        if work.report.is_cancelled:
            break
    return work.report


class _Work:
    """One comparison in progress."""

    def __init__(
        self,
        governance: Governance,
        source: SourceRow,
        from_offset: int,
        to_offset: int | None,
        cancel: threading.Event | None,
        progress: Progress | None,
    ) -> None:
        self.report = Verification()
        self.total = 0
        self._governance = governance
        self._source = source
        self._range = (from_offset, to_offset)
        self._cancel, self._progress = cancel, progress
        self._scanner = Scanner(governance.archive_folder)
        self._segments: tuple[Segment, ...] = ()
        self._done = 0
        self._parser = BatchParser()
        self._parser.set_format(source.id, "plain", has_sender=has_sender(source))
        self._gaps = [
            (event.event.generation, event.event.start, event.event.end, event.event.kind)
            for event in governance.sources.events(source.id, limit=100_000)
            if event.event.kind in _GONE_WAYS and event.event.end > event.event.start
        ]

    def compare(self, checkpoint: Checkpoint) -> None:
        """Compare one file as far as its stored position."""
        before = self._done
        with ExitStack() as stack:
            fd = stack.enter_context(_found(checkpoint))
            if fd is None:
                if checkpoint.offset:
                    self.report.unreadable.append(_gone(checkpoint))
                return
            try:
                self._compare_file(checkpoint, fd)
            except (FileShrunkError, FileRewrittenError, SourceError, OSError) as error:
                reason = str(error) or "it was changed since"
                self.report.unreadable.append(
                    f'"{checkpoint.path}" cannot be read again to the end: {reason}.'
                )
        self._done = before + checkpoint.offset

    def _compare_file(self, checkpoint: Checkpoint, fd: int) -> None:
        first = self._first_offset(checkpoint.generation)
        held = pl.DataFrame(schema={c.OFFSET: pl.Int64, c.LENGTH: pl.Int64, c.ORIGINAL: pl.String})
        for chunks in self._pieces(checkpoint, fd):
            if self._cancel is not None and self._cancel.is_set():
                self.report.is_cancelled = True
                return
            lines = pl.concat([held, self._lines(chunks)])
            end = int(lines[c.OFFSET][-1] + lines[c.LENGTH][-1]) if lines.height else 0
            if end:
                held = self._compare_lines(checkpoint, lines, end, first)
            if self._progress is not None:
                self._progress(self._done + min(end, checkpoint.offset), self.total)
        if held.height:
            self._compare_lines(checkpoint, held, checkpoint.offset + 1, first)

    def _pieces(self, checkpoint: Checkpoint, fd: int) -> Iterator[list[RecordChunk]]:
        """The file's lines from its beginning to the stored position, piece by piece."""
        packing = packing_of(fd)
        style = ReadStyle.of(self._source.options, 5.0)
        # The encoding is asked for, not continued in, so that a byte order mark is passed over.
        style = replace(style, multiline=None, encoding=checkpoint.encoding or style.encoding)
        begin = replace(
            Checkpoint(checkpoint.source_id, checkpoint.generation, checkpoint.path, 0),
            compression=packing or None,
        )
        identity = Identity.of(os.fstat(fd))
        kind = PackedReader if packing else FileReader
        reader = kind(begin, identity, is_new=True, style=style)
        reader.load(fd)
        while reader.position < checkpoint.offset:
            before = reader.position
            chunks = reader.read(fd, READ_BYTES)
            is_done = isinstance(reader, PackedReader) and reader.is_done
            is_over = reader.position == before and (reader.is_caught_up or is_done)
            if is_over and checkpoint.finished:  # the last line lacks its line end
                chunks += reader.finish(fd)
            if filled := [chunk for chunk in chunks if chunk.n_lines]:
                yield filled
            if is_over:
                break
        if not packing:
            beyond = os.fstat(fd).st_size - checkpoint.offset
            self.report.bytes_not_stored += max(beyond, 0)

    def _lines(self, chunks: list[RecordChunk]) -> pl.DataFrame:
        if not chunks:
            return pl.DataFrame(
                schema={c.OFFSET: pl.Int64, c.LENGTH: pl.Int64, c.ORIGINAL: pl.String}
            )
        events = self._parser.parse(RecordBatch(1, tuple(chunks))).events.frame
        return events.select(_PARTS)

    def _compare_lines(
        self, checkpoint: Checkpoint, lines: pl.DataFrame, end: int, first: int
    ) -> pl.DataFrame:
        """Compare lines with the events in their place; what must wait for more comes back."""
        start = int(lines[c.OFFSET][0])
        lines = lines.filter(pl.col(c.OFFSET) < checkpoint.offset)
        if lines.is_empty():
            return lines
        events = self._events(checkpoint.generation, start, min(end, checkpoint.offset))
        open_at = events.filter(pl.col(c.OFFSET) + pl.col(c.LENGTH) > end)[c.OFFSET].min()
        if isinstance(open_at, int) and end <= checkpoint.offset:
            # An event of several lines goes on beyond this piece: it is compared with the next.
            held = lines.filter(pl.col(c.OFFSET) >= open_at)
            lines = lines.filter(pl.col(c.OFFSET) < open_at)
            events = events.filter(pl.col(c.OFFSET) < open_at)
        else:
            held = lines.clear()
        self._judge(checkpoint.generation, lines, events, first)
        return held

    def _judge(
        self, generation: int, lines: pl.DataFrame, events: pl.DataFrame, first: int
    ) -> None:
        low, high = self._range
        inside = pl.col(c.OFFSET) >= low
        if high is not None:
            inside &= pl.col(c.OFFSET) < high
        once = events.unique(c.OFFSET, keep="first").sort(c.OFFSET)
        matched = lines.sort(c.OFFSET).join_asof(
            once.select(pl.col(c.OFFSET).alias("at"), pl.col(c.LENGTH).alias("size"),
                        pl.col(c.ORIGINAL).alias("text")),
            left_on=c.OFFSET, right_on="at", strategy="backward", coalesce=False,
        )  # fmt: skip
        covered = pl.col("at").is_not_null() & (pl.col(c.OFFSET) < pl.col("at") + pl.col("size"))
        matched = matched.with_columns(covered.alias("covered"))
        told = matched.filter("covered").group_by("at", maintain_order=True).agg(
            (pl.col(c.ORIGINAL).str.join("\n") == pl.col("text").first()).alias("same_text"),
            (pl.col(c.LENGTH).sum() == pl.col("size").first()).alias("same_size"),
        )  # fmt: skip
        same = told.filter(pl.col("same_text") & pl.col("same_size"))["at"].to_list()
        doubled = events.filter(pl.col(c.OFFSET).is_duplicated())[c.OFFSET].unique().to_list()
        unexpected = once.filter(~pl.col(c.OFFSET).is_in(told["at"].to_list())).filter(inside)
        matched = matched.filter(inside)
        report = self.report
        report.n_lines += matched.height
        there = matched.filter("covered")
        is_doubled = pl.col("at").is_in(doubled)
        is_same = pl.col("at").is_in(same)
        report.n_same += there.filter(is_same & ~is_doubled).height
        report.note("doubled", generation, there.filter(is_doubled)[c.OFFSET].to_list())
        differing = there.filter(~is_same & ~is_doubled)[c.OFFSET].to_list()
        report.note("differing", generation, differing)
        report.note("unexpected", generation, unexpected[c.OFFSET].to_list())
        self._explain(generation, matched.filter(~pl.col("covered"))[c.OFFSET].to_list(), first)

    def _explain(self, generation: int, offsets: list[int], first: int) -> None:
        """Why lines are in no event, as far as it is known."""
        missing = []
        gaps = [gap for gap in self._gaps if gap[0] == generation]
        for offset in offsets:
            kind = next((kind for _, start, end, kind in gaps if start <= offset < end), None)
            if kind == "refused":
                self.report.n_refused += 1
            elif kind == "lost":
                self.report.n_lost += 1
            elif offset < first:
                self.report.n_removed += 1
            else:
                missing.append(offset)
        self.report.note("missing", generation, missing)

    def _first_offset(self, generation: int) -> int:
        """Where the first event of a file that is kept begins; far beyond it when none is."""
        first = 1 << 62
        for events in self._read(generation, 0, 1 << 62, (c.OFFSET,)):
            found = events[c.OFFSET].min()
            first = min(first, found) if isinstance(found, int) else first
        return first

    def _events(self, generation: int, start: int, end: int) -> pl.DataFrame:
        found = [frame.select(_PARTS) for frame in self._read(generation, start, end, _PARTS)]
        if not found:
            return pl.DataFrame(
                schema={c.OFFSET: pl.Int64, c.LENGTH: pl.Int64, c.ORIGINAL: pl.String}
            )
        return pl.concat(found)

    def _read(
        self, generation: int, start: int, end: int, columns: Sequence[str]
    ) -> Iterator[pl.DataFrame]:
        """Stored events of a stretch of a file; asked again when a file was compacted."""
        while True:
            try:
                yield from self._frames(generation, start, end, columns)
            except SegmentGoneError:
                self._segments = ()
            else:
                return

    def _frames(
        self, generation: int, start: int, end: int, columns: Sequence[str]
    ) -> list[pl.DataFrame]:
        if not self._segments:
            self._segments = self._governance.segments.list(source_id=self._source.id)
        where = (
            (pl.col(c.SOURCE_ID) == self._source.id)
            & (pl.col(c.GENERATION) == generation)
            & (pl.col(c.OFFSET) >= start)
            & (pl.col(c.OFFSET) < end)
        )
        needed = {*columns, c.SOURCE_ID, c.GENERATION, c.OFFSET}
        frames = []
        for segment in self._segments:
            try:
                frames += [
                    self._scanner.read(segment, group, needed, where)
                    for group in self._scanner.groups(segment)
                    if group.may_hold(generation, start, end)
                ]
            except DAMAGE:
                message = f'The archive file "{segment.name}" is damaged.'
                if message not in self.report.unreadable:
                    self.report.unreadable.append(message)
        return [frame for frame in frames if frame.height]


@contextmanager
def _found(checkpoint: Checkpoint) -> Iterator[int | None]:
    """The file that a stored position belongs to: in its place, rotated or packed since."""
    path = Path(checkpoint.path)
    for candidate in (path, *(sibling.path for sibling in siblings(path, rotations_only=True))):
        with opened(candidate) as fd:
            if fd is not None and _is_it(checkpoint, fd):
                yield fd
                return
    yield None


def _is_it(checkpoint: Checkpoint, fd: int) -> bool:
    packing = packing_of(fd)
    if packing:
        return repeats(fd, packing, checkpoint)
    return checkpoint.compression is None and fits(checkpoint, fd)


def _gone(checkpoint: Checkpoint) -> str:
    return (
        f'"{checkpoint.path}" (file {checkpoint.generation} of its source, '
        f"{checkpoint.offset:,} bytes) cannot be read again: it is gone or holds something else."
    )
