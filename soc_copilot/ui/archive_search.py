"""The archive of a database behind the Events page. No Qt here."""

import threading
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import from_us, utc_now
from soc_copilot.domain.findings import Evidence
from soc_copilot.ui.event_search import (
    EventBars,
    EventKey,
    EventPage,
    EventQuery,
    EventRow,
    EventSearcher,
)
from soc_copilot.ui.widgets.histogram import STEPS_S, TARGET_BUCKETS, nice_span

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance
    from soc_copilot.pipeline.search import FoundEvent


class ArchiveSearcher:
    """Asks the archive and the list of its files, on the thread of the connection."""

    def __init__(self, governance: "Governance") -> None:
        from soc_copilot.pipeline.search import EventSearch  # late: Polars need not delay us

        self._governance = governance
        self._search: EventSearch = EventSearch(governance)

    def search(
        self, query: EventQuery, after: EventKey | None, limit: int, cancel: threading.Event
    ) -> EventPage:
        """One page; see `EventSearcher`."""
        began_s = time.perf_counter()
        since, until = _times(query)
        page = self._search.search(
            query.text,
            since=since,
            until=until,
            source_ids=query.source_ids,
            limit=limit,
            after=after,
            cancel=cancel,
        )
        return EventPage(
            tuple(map(_row, page.events)),
            has_more=page.next_key is not None,
            n_scanned=page.n_scanned,
            problems=page.damaged,
            took_s=time.perf_counter() - began_s,
        )

    def bars(self, query: EventQuery, cancel: threading.Event) -> EventBars:
        """Hits over time; see `EventSearcher`."""
        segments = self._governance.segments.list()
        n_events = sum(segment.n_rows for segment in segments)
        if not segments:
            return EventBars()
        since, until = _times(query)
        if since is not None:
            end = until or utc_now()
            start, end, count = since, max(end, since + timedelta(seconds=1)), 0
            count = even_parts(end - start)
        else:
            first = from_us(min(segment.min_us for segment in segments))
            last = from_us(max(segment.max_us for segment in segments) + 1)
            span = nice_span(first, last)
            start, end, count = span.start, span.end, span.n_buckets
        found = self._search.histogram(
            query.text,
            since=start,
            until=end,
            source_ids=query.source_ids,
            bins=count,
            cancel=cancel,
        )
        return EventBars(start, end, found.counts, sum(found.counts), n_events)

    def around(self, evidence: Evidence, before: int, after: int) -> tuple[EventRow, ...]:
        """Events of the same file; see `EventSearcher`."""
        found = self._search.around(evidence.event_id, before=before, after=after)
        return tuple(map(_row, found))


class Searchers:
    """One searcher for each connection, which remembers what it read of the files."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Governance, EventSearcher]] = {}

    def __call__(self, governance: "Governance") -> EventSearcher:
        """The searcher of a connection; on the worker thread that owns it."""
        known = self._known.get(id(governance))
        if known is None:
            known = self._known[id(governance)] = (governance, ArchiveSearcher(governance))
        return known[1]


DEFAULT_PARTS: Final = 96


def even_parts(length: timedelta) -> int:
    """Into how many parts of a round length a time divides, 96 when into none."""
    seconds = length.total_seconds()
    for step in STEPS_S:
        if seconds % step == 0 and seconds / step <= TARGET_BUCKETS:
            return max(1, round(seconds / step))
    return DEFAULT_PARTS


def _times(query: EventQuery) -> tuple[datetime | None, datetime | None]:
    since = None if query.since_us is None else from_us(query.since_us)
    return since, None if query.until_us is None else from_us(query.until_us)


def _row(event: "FoundEvent") -> EventRow:
    values = {
        **event.columns,
        c.TIMESTAMP: event.at,
        c.SOURCE_ID: event.source_id,
        c.GENERATION: event.generation,
        c.OFFSET: event.offset,
        c.LENGTH: event.length,
        c.FILE_PATH: event.path,
        c.ORIGINAL: event.raw,
    }
    return EventRow(values, is_partial=event.is_partial)
