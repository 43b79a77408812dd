"""Searching stored events: what the window and the command line ask."""

import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import numpy as np
import polars as pl

from soc_copilot.archive import matching
from soc_copilot.archive.around import around
from soc_copilot.archive.query import parse
from soc_copilot.archive.scan import EventKey, Progress, Request, Scanner, SegmentGoneError
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.events import event_id
from soc_copilot.governance.database import Governance

T = TypeVar("T")

PARTIAL: Final = "partial"  # `event.kind` of a line that waits for its line end
TRIES: Final = 5  # chosen: lists of segments read before a search gives up
_EVENT_ID: Final = re.compile(r"([0-9]{1,9})-([0-9]{1,9})-([0-9]{1,18})")
_FRAME_KEYS: Final = (c.SOURCE_ID, c.GENERATION, c.OFFSET)


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """A stored event; every text in it is hostile.

    Attributes:
        source_name: For people.
        generation: Of the file within the source.
        offset: Byte offset of its line.
        length: Bytes of its line, with the line end.
        at: Its time, aware UTC.
        path: The file it was read from.
        raw: The line without its line end.
        columns: All other values it has, by column name.
        is_partial: It is a last line that waits for its line end; it was not scored yet.
    """

    event_id: str
    source_id: int
    source_name: str
    generation: int
    offset: int
    length: int
    at: datetime
    path: str
    raw: str
    columns: Mapping[str, object]
    is_partial: bool = False

    @property
    def key(self) -> EventKey:
        """Its place in the order of results."""
        return to_us(self.at), self.source_id, self.generation, self.offset


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of results.

    Attributes:
        events: In the order asked for; lines that wait for their end come first.
        next_key: What to ask the next page with; None when this was the last.
        n_scanned: Events that were looked at, not passed over.
        damaged: What could not be read, one sentence each.
        is_cancelled: The search was stopped; there may be more.
    """

    events: tuple[FoundEvent, ...]
    next_key: EventKey | None
    n_scanned: int
    damaged: tuple[str, ...] = ()
    is_cancelled: bool = False


@dataclass(frozen=True, slots=True)
class TimeHistogram:
    """How many events match in each stretch of time.

    Attributes:
        start_us: Where the first stretch begins, microseconds since 1970 UTC.
        width_us: How long each is.
        counts: One for each; empty when there are no events.
    """

    start_us: int
    width_us: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Scope:
    since_us: int | None
    until_us: int | None
    source_ids: frozenset[int] | None


class EventSearch:
    """Questions to the event archive of one database.

    Thread:
        The thread that opened the database. Calls block until done or cancelled.
    """

    def __init__(self, governance: Governance) -> None:
        self._governance = governance
        self._scanner = Scanner(governance.archive_folder)

    def search(
        self,
        text: str = "",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        source_ids: Collection[int] | None = None,
        limit: int = 100,
        after: EventKey | None = None,
        newest_first: bool = True,
        cancel: threading.Event | None = None,
        progress: Progress | None = None,
    ) -> SearchPage:
        """One page of the events that meet an expression.

        Args:
            text: As `archive.query` says; nothing finds every event.
            since: Only events at or after this aware time.
            until: Only events before it.
            source_ids: Only events of these sources.
            limit: Events of a page.
            after: `next_key` of the page before.
            newest_first: The order.
            cancel: Set from any thread, it ends the search with what was found so far.
            progress: Told events done and events there are.

        Raises:
            PolicyError: The expression cannot be understood.
            StoreError: The database cannot be read, or the archive changes all the time.
        """
        scope = _scope(since, until, source_ids)
        request = Request(
            parse(text), scope.since_us, scope.until_us, scope.source_ids, max(limit, 1), after,
            newest_first,
        )  # fmt: skip
        found = self._asked(
            scope,
            lambda segments: self._scanner.search(
                segments, request, cancel=cancel, progress=progress
            ),
        )
        names = self._names()
        stored = _events(found.frame, names)
        waiting = [] if after is not None else _events(self._partials(request), names)
        return SearchPage(
            (*waiting, *stored),
            stored[-1].key if stored and found.has_more else None,
            found.n_scanned,
            tuple(found.damaged),
            found.is_cancelled,
        )

    def count(
        self,
        text: str = "",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        source_ids: Collection[int] | None = None,
        cancel: threading.Event | None = None,
        progress: Progress | None = None,
    ) -> int:
        """How many stored events meet an expression; see `search`."""
        scope = _scope(since, until, source_ids)
        request = Request(parse(text), scope.since_us, scope.until_us, scope.source_ids)
        return self._asked(
            scope,
            lambda segments: self._scanner.count(
                segments, request, cancel=cancel, progress=progress
            ),
        )[0]

    def histogram(
        self,
        text: str = "",
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        source_ids: Collection[int] | None = None,
        bins: int = 60,
        cancel: threading.Event | None = None,
        progress: Progress | None = None,
    ) -> TimeHistogram:
        """When the events that meet an expression happened; see `search`.

        The stretches of time lie between `since` and `until` or, where these are not given,
        the first and the last event.
        """
        scope = _scope(since, until, source_ids)
        request = Request(parse(text), scope.since_us, scope.until_us, scope.source_ids)

        def ask(segments: Sequence[Segment]) -> TimeHistogram:
            span = _span(segments, scope)
            if span is None:
                return TimeHistogram(0, 1, ())
            width = max(-(-(span[1] - span[0]) // bins), 1)
            counts = np.zeros(bins, dtype=np.int64)
            for times in self._scanner.times(segments, request, cancel=cancel, progress=progress):
                places = (times.to_numpy() - span[0]) // width
                counts += np.bincount(places[(places >= 0) & (places < bins)], minlength=bins)
            return TimeHistogram(span[0], width, tuple(counts.tolist()))

        return self._asked(scope, ask)

    def around(self, event: str, *, before: int = 10, after: int = 10) -> tuple[FoundEvent, ...]:
        """The events before and after one in the same file, in the file's order.

        Args:
            event: The event's id; the event itself is among the results.
            before: How many before it.
            after: How many after it; a last line that waits for its end counts.

        Raises:
            PolicyError: This is no event id.
            StoreError: The database cannot be read, or the archive changes all the time.
        """
        match = _EVENT_ID.fullmatch(event)
        if match is None:
            raise PolicyError(f'"{event}" is no event id. Expected one such as 1-1-2048.')
        source_id, generation, offset = (int(number) for number in match.groups())
        place = (source_id, generation, offset)
        frame = self._asked(
            _Scope(None, None, frozenset({source_id})),
            lambda segments: around(self._scanner, segments, place, before, after),
        )
        names = self._names()
        found = _events(frame, names)
        n_after = sum(one.offset > offset for one in found)
        for waiting in _events(self._partials(Request()), names):
            is_next = (waiting.source_id, waiting.generation) == place[:2]
            if is_next and waiting.offset >= offset and n_after < after:
                found.append(waiting)
        return tuple(found)

    def _asked(self, scope: _Scope, ask: Callable[[Sequence[Segment]], T]) -> T:
        """The answer, asked again with a fresh list when a file was compacted meanwhile."""
        for _ in range(TRIES):
            try:
                return ask(self._segments(scope))
            except SegmentGoneError as error:
                gone = error
        raise StoreError(
            f"{gone} It is still listed: the archive folder may have been changed by hand. "
            "Restore the file, or compact the archive to see what is left."
        )

    def _segments(self, scope: _Scope) -> tuple[Segment, ...]:
        only = scope.source_ids
        return self._governance.segments.list(
            source_id=next(iter(only)) if only is not None and len(only) == 1 else None,
            since_us=scope.since_us,
            until_us=scope.until_us,
        )

    def _names(self) -> dict[int, str]:
        return {source.id: source.name for source in self._governance.sources.list()}

    def _partials(self, request: Request) -> pl.DataFrame:
        """Lines that wait for their end and meet the request, as events."""
        rows = [
            {
                c.SOURCE_ID: stored.source_id,
                c.GENERATION: stored.generation,
                c.OFFSET: stored.partial.offset,
                c.LENGTH: stored.partial.length,
                c.FILE_PATH: stored.path,
                c.ORIGINAL: stored.partial.text,
                c.TIMESTAMP: from_us(stored.partial.seen_ns // 1_000),
                c.KIND: PARTIAL,
            }
            for stored in self._governance.sources.partials()
            if request.source_ids is None or stored.source_id in request.source_ids
        ]
        if not rows:
            return pl.DataFrame()
        frame = pl.DataFrame(rows)
        return frame.filter(matching.expression(request.conditions(), frozenset(frame.columns)))


def _scope(
    since: datetime | None, until: datetime | None, source_ids: Collection[int] | None
) -> _Scope:
    return _Scope(
        None if since is None else to_us(since),
        None if until is None else to_us(until),
        None if source_ids is None else frozenset(source_ids),
    )


def _span(segments: Sequence[Segment], scope: _Scope) -> tuple[int, int] | None:
    """From when to when there can be events; None when there are none."""
    if not segments:
        return None
    first = min(segment.min_us for segment in segments)
    last = max(segment.max_us for segment in segments) + 1
    start = first if scope.since_us is None else scope.since_us
    end = last if scope.until_us is None else scope.until_us
    return (start, end) if start < end else None


def _events(frame: pl.DataFrame, names: Mapping[int, str]) -> list[FoundEvent]:
    return [_event(row, names) for row in frame.iter_rows(named=True)] if frame.width else []


def _event(row: dict[str, Any], names: Mapping[int, str]) -> FoundEvent:
    source_id, generation, offset = (int(row.pop(name)) for name in _FRAME_KEYS)
    return FoundEvent(
        event_id=event_id(source_id, generation, offset),
        source_id=source_id,
        source_name=names.get(source_id, f"source {source_id} (removed)"),
        generation=generation,
        offset=offset,
        length=int(row.pop(c.LENGTH)),
        at=row.pop(c.TIMESTAMP),
        path=row.pop(c.FILE_PATH) or "",
        raw=row.pop(c.ORIGINAL) or "",
        is_partial=row.get(c.KIND) == PARTIAL,
        columns={name: value for name, value in row.items() if value is not None},
    )
