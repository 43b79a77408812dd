"""A searcher that answers from a list, and a page of events on it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.findings import Evidence
from soc_copilot.ui.event_search import EventBars, EventKey, EventPage, EventQuery, EventRow

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def event(number: int, raw: str = "", **values: object) -> EventRow:
    """The number-th event of source 1, newest is 0."""
    columns = {
        c.TIMESTAMP: NOON - timedelta(seconds=number),
        c.SOURCE_ID: 1,
        c.GENERATION: 1,
        c.OFFSET: 1_000_000 - 100 * number,
        c.LENGTH: 100,
        c.FILE_PATH: "/var/log/web.log",
        c.ORIGINAL: raw or f"line {number} user=ana",
        c.DATASET: "plain",
    }
    return EventRow({**columns, **values})


class ListSearcher:
    """Finds rows whose line holds the text; counts what it was asked."""

    def __init__(self, rows: list[EventRow]) -> None:
        self.rows = rows
        self.asked: list[EventQuery] = []
        self.hold: Callable[[threading.Event], None] | None = None
        self.cancelled: list[str] = []

    def __call__(self, governance: object) -> "ListSearcher":
        return self

    def search(
        self, query: EventQuery, after: EventKey | None, limit: int, cancel: threading.Event
    ) -> EventPage:
        self.asked.append(query)
        if "(" in query.text:
            raise PolicyError('Cannot understand the search at character 1: this "(" is open.')
        if self.hold is not None:
            self.hold(cancel)
            if cancel.is_set():
                self.cancelled.append(query.text)
        fitting = [row for row in self.rows if query.text in row.raw]
        if after is not None:
            fitting = [row for row in fitting if row.key < after]
        return EventPage(tuple(fitting[:limit]), len(fitting) > limit, len(self.rows))

    def bars(self, query: EventQuery, cancel: threading.Event) -> EventBars:
        if not self.rows:
            return EventBars()
        total = sum(query.text in row.raw for row in self.rows)
        return EventBars(NOON - timedelta(hours=1), NOON, (0, total), total, len(self.rows))

    def around(self, evidence: Evidence, before: int, after: int) -> tuple[EventRow, ...]:
        place = next(n for n, row in enumerate(self.rows) if row.key[3] == evidence.offset)
        near = self.rows[max(0, place - after) : place + before + 1]
        return tuple(reversed(near))
