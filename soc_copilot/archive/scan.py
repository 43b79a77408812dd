"""Searching segments: newest first, passing over what cannot match, stopping early."""

import heapq
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from soc_copilot.archive import matching
from soc_copilot.archive.query import EVERYTHING, And, Query, Range
from soc_copilot.archive.segments import DAMAGE, ROW, Group, Layout, read, read_layout
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.errors import SocCopilotError

logger = logging.getLogger(__name__)

KEY: Final = (c.TIMESTAMP, c.SOURCE_ID, c.GENERATION, c.OFFSET)
LAYOUTS_KEPT: Final = 256  # chosen: footers held in memory, at most about 1 MiB each

EventKey = tuple[int, int, int, int]
"""(`@timestamp` in microseconds, source, generation, offset): the order of results."""
Progress = Callable[[int, int], None]
"""Told the events looked at or passed over, and how many there are."""


class SegmentGoneError(SocCopilotError):
    """A file went while it was searched: it was compacted. Ask again with a new list."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to look for.

    Attributes:
        query: The conditions.
        since_us: Only events at or after this time, microseconds since 1970 UTC.
        until_us: Only events before this time.
        source_ids: Only events of these sources; None for all.
        limit: Events wanted at most.
        after: Only events that come after this one in the order of the results.
        newest_first: The order of the results.
    """

    query: Query = EVERYTHING
    since_us: int | None = None
    until_us: int | None = None
    source_ids: frozenset[int] | None = None
    limit: int = 100
    after: EventKey | None = None
    newest_first: bool = True

    def conditions(self) -> Query:
        """The query and the times as one."""
        until = None if self.until_us is None else self.until_us - 1
        if self.since_us is None and until is None:
            return self.query
        return And((Range(c.TIMESTAMP, self.since_us, until), self.query))


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        frame: The events, in the order asked for; empty without columns when there are none.
        n_scanned: Events that were looked at, not passed over.
        damaged: What could not be read, one sentence a segment.
        has_more: There may be more after the last one.
        is_cancelled: The search was told to stop.
    """

    frame: pl.DataFrame = field(default_factory=pl.DataFrame)
    n_scanned: int = 0
    damaged: list[str] = field(default_factory=list)
    has_more: bool = False
    is_cancelled: bool = False


@dataclass(slots=True)
class _Edge:
    """The time beyond which no event is wanted any more; None while any is."""

    us: int | None = None


@dataclass(frozen=True, slots=True)
class _Hits:
    """Events of one group that match: their keys and row numbers."""

    segment: Segment
    group: Group
    keys: pl.DataFrame


class Scanner:
    """Reads events back from an archive's folder.

    Thread:
        One at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._layouts: OrderedDict[str, Layout] = OrderedDict()

    def search(
        self,
        segments: Sequence[Segment],
        request: Request,
        *,
        cancel: threading.Event | None = None,
        progress: Progress | None = None,
    ) -> Found:
        """The first events that match, in the order asked for.

        Raises:
            SegmentGoneError: A file is gone; nothing was found out.
        """
        found = Found()
        kept: list[_Hits] = []
        n_kept, edge = 0, _Edge()
        for hits in self._walk(segments, request, found, edge, cancel, progress):
            kept.append(hits)
            n_kept += hits.keys.height
            if n_kept >= request.limit:
                kept, n_kept, edge.us = _trimmed(kept, request)
        kept, n_kept, _ = _trimmed(kept, request)
        found.has_more = n_kept >= request.limit
        if kept:
            found.frame = self._whole(kept, request, found)
        return found

    def count(
        self,
        segments: Sequence[Segment],
        request: Request,
        *,
        cancel: threading.Event | None = None,
        progress: Progress | None = None,
    ) -> tuple[int, Found]:
        """How many events match, and what else was found out on the way."""
        found = Found()
        walk = self._walk(segments, request, found, _Edge(), cancel, progress)
        return sum(hits.keys.height for hits in walk), found

    def times(
        self,
        segments: Sequence[Segment],
        request: Request,
        *,
        cancel: threading.Event | None = None,
        progress: Progress | None = None,
    ) -> Iterator[pl.Series]:
        """`@timestamp` of all events that match, microseconds since 1970 UTC, in pieces."""
        for hits in self._walk(segments, request, Found(), _Edge(), cancel, progress):
            yield hits.keys[c.TIMESTAMP].to_physical()

    def groups(self, segment: Segment) -> tuple[Group, ...]:
        """A segment's groups.

        Raises:
            SegmentGoneError: The file is gone.
            Exception: One of `segments.DAMAGE`.
        """
        return self._layout(segment).groups

    def newest_us(self, segment: Segment) -> int:
        """When the last of its events was read, microseconds since 1970 UTC; 0 at level 0.

        Raises:
            SegmentGoneError: The file is gone.
            Exception: One of `segments.DAMAGE`.
        """
        return self._layout(segment).newest_us

    def read(
        self,
        segment: Segment,
        group: Group,
        columns: Collection[str] | None = None,
        where: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """Events of a group; see `segments.read`.

        Raises:
            SegmentGoneError: The file is gone.
            Exception: One of `segments.DAMAGE`.
        """
        with _gone(segment):
            return read(self._folder, segment, group, columns, where=where)

    def _layout(self, segment: Segment) -> Layout:
        known = self._layouts.get(segment.name)
        if known is None:
            with _gone(segment):
                known = read_layout(self._folder, segment)
            self._layouts[segment.name] = known
            if len(self._layouts) > LAYOUTS_KEPT:
                self._layouts.popitem(last=False)
        else:
            self._layouts.move_to_end(segment.name)
        return known

    def _walk(
        self,
        segments: Sequence[Segment],
        request: Request,
        found: Found,
        edge: _Edge,
        cancel: threading.Event | None,
        progress: Progress | None,
    ) -> Iterator[_Hits]:
        """Matching events group by group, those that come first in the results first."""
        query = request.conditions()
        total = sum(segment.n_rows for segment in segments)
        done = 0
        for segment, group, n_passed in self._ordered(segments, request, query, found):
            done += n_passed
            if cancel is not None and cancel.is_set():
                found.is_cancelled = True
                return
            if group is not None:
                if edge.us is not None and _is_beyond(group, edge.us, request):
                    return
                found.n_scanned += group.n_rows
                done += group.n_rows
                try:
                    with _gone(segment):
                        keys = self._keys(segment, group, query, request)
                except DAMAGE as error:
                    self._note_damage(segment, error, found)
                    continue
                if keys.height:
                    yield _Hits(segment, group, keys)
            if progress is not None:
                progress(done, total)

    def _ordered(
        self, segments: Sequence[Segment], request: Request, query: Query, found: Found
    ) -> Iterator[tuple[Segment, Group | None, int]]:
        """Groups that may match in the order of the results, and events passed over."""
        heap: list[tuple[int, int, Segment, Group | None]] = []
        for i, segment in enumerate(segments):
            if request.source_ids is None or request.source_ids & segment.shares.keys():
                rank = -segment.max_us if request.newest_first else segment.min_us
                heap.append((rank, i, segment, None))
            else:
                yield segment, None, segment.n_rows
        heapq.heapify(heap)
        n = len(heap)
        while heap:
            _, _, segment, group = heapq.heappop(heap)
            if group is not None:
                yield segment, group, 0
                continue
            try:
                layout = self._layout(segment)
            except DAMAGE as error:
                self._note_damage(segment, error, found)
                continue
            for k, one in enumerate(layout.groups):
                grams = layout.grams[k] if layout.grams else None
                rank = -one.max_us if request.newest_first else one.min_us
                if _starts_before(one, request) and matching.may_match(query, one, grams):
                    n += 1
                    heapq.heappush(heap, (rank, len(segments) + n, segment, one))
                else:
                    yield segment, None, one.n_rows

    def _keys(self, segment: Segment, group: Group, query: Query, request: Request) -> pl.DataFrame:
        """Keys and row numbers of a group's events that match."""
        needed = {*KEY, ROW, *matching.columns(query)}
        light, heavy = matching.split(query)
        there = frozenset(group.columns) or self._columns(segment)
        looked_at = matching.columns(light)
        if looked_at and c.TIMESTAMP not in looked_at:
            # Most groups have no match at all, which their one or two columns tell.
            condition = matching.expression(light, there)
            some = {c.SOURCE_ID, *looked_at}  # a column that is always there keeps the rows
            if read(self._folder, segment, group, some, where=condition).is_empty():
                return pl.DataFrame(schema={ROW: pl.UInt32})
        before = matching.expression(light, there) & _admitted(request)
        hint = matching.raw_hint(heavy)
        frame = read(self._folder, segment, group, needed, where=before, hint=hint)
        return frame.filter(matching.expression(heavy, there)).select(*KEY, ROW)

    def _columns(self, segment: Segment) -> frozenset[str]:
        return frozenset(pl.read_parquet_schema(self._folder / segment.name))

    def _whole(self, kept: list[_Hits], request: Request, found: Found) -> pl.DataFrame:
        frames = []
        for hits in kept:
            try:
                with _gone(hits.segment):
                    rows = hits.keys[ROW]
                    frames.append(read(self._folder, hits.segment, hits.group, rows=rows))
            except DAMAGE as error:
                self._note_damage(hits.segment, error, found)
        return (
            _sorted(pl.concat(frames, how="diagonal_relaxed"), request)
            if frames
            else pl.DataFrame()
        )

    def _note_damage(self, segment: Segment, error: BaseException, found: Found) -> None:
        logger.error("A segment cannot be read. name=%s reason=%s", segment.name, error)
        message = (
            f'The archive file "{segment.name}" is damaged; its {segment.n_rows:,} events are '
            "missing from what was found. Restore it from a backup."
        )
        if message not in found.damaged:
            found.damaged.append(message)


class _gone:  # noqa: N801 - reads as a word in a with statement
    """Turn a missing file into `SegmentGoneError`."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            raise SegmentGoneError(f'The archive file "{self._segment.name}" is gone.') from error


def _admitted(request: Request) -> pl.Expr:
    """Events of the sources asked for that come after the last one seen."""
    admitted = pl.lit(value=True)
    if request.source_ids is not None:
        admitted &= pl.col(c.SOURCE_ID).is_in(sorted(request.source_ids))
    if request.after is None:
        return admitted
    beyond, equal = pl.lit(value=False), pl.lit(value=True)
    for name, value in zip(KEY, request.after, strict=True):
        column = pl.col(name).to_physical()
        beyond |= equal & (column < value if request.newest_first else column > value)
        equal &= column == value
    return admitted & beyond


def _starts_before(group: Group, request: Request) -> bool:
    """False when all of the group was on former pages."""
    if request.after is None:
        return True
    if request.newest_first:
        return group.min_us <= request.after[0]
    return group.max_us >= request.after[0]


def _is_beyond(group: Group, edge_us: int, request: Request) -> bool:
    return group.max_us < edge_us if request.newest_first else group.min_us > edge_us


def _sorted(frame: pl.DataFrame, request: Request) -> pl.DataFrame:
    return frame.sort(KEY, descending=request.newest_first)


def _trimmed(kept: list[_Hits], request: Request) -> tuple[list[_Hits], int, int | None]:
    """The first `limit` of the hits, how many they are, and the last one's time if full."""
    if not kept:
        return kept, 0, None
    tagged = pl.concat(
        [h.keys.with_columns(pl.lit(i, dtype=pl.UInt32).alias("~hits")) for i, h in enumerate(kept)]
    )
    best = _sorted(tagged, request).head(request.limit)
    left = [
        _Hits(
            kept[int(part["~hits"][0])].segment,
            kept[int(part["~hits"][0])].group,
            part.drop("~hits"),
        )
        for part in best.partition_by("~hits", maintain_order=True)
    ]
    is_full = best.height >= request.limit
    edge = int(best[c.TIMESTAMP].to_physical()[-1]) if is_full else None
    return left, best.height, edge
