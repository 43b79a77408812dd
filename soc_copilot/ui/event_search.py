"""What the Events page asks of the archive, and what it gets back. No Qt here."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.findings import Evidence

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

EventKey = tuple[int, int, int, int]
"""(time in microseconds, source, generation, offset): the order of results."""

# Columns shown first, in this order; the rest follows by name.
FIRST_FIELDS: Final = (
    c.TIMESTAMP, c.DATASET, c.CATEGORY, c.ACTION, c.OUTCOME, c.HOST, c.USER, c.USER_TARGET,
    c.SOURCE_IP, c.SOURCE_PORT, c.DESTINATION_IP, c.SENDER, c.METHOD, c.URL, c.STATUS,
    c.BODY_BYTES, c.USER_AGENT, c.REFERRER, c.PROCESS, c.PID, c.COMMAND, c.PATH, c.MESSAGE,
)  # fmt: skip
_PLUMBING: Final = (c.ORIGINAL,)  # shown as the line itself


@dataclass(frozen=True, slots=True)
class EventQuery:
    """What is looked for.

    Attributes:
        text: An expression of the search language; empty for every event.
        since_us: Only events at or after this time, microseconds since 1970 UTC.
        until_us: Only events before this time.
        source_ids: Only events of these sources, None for all.
    """

    text: str = ""
    since_us: int | None = None
    until_us: int | None = None
    source_ids: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as it was stored.

    Attributes:
        values: Its columns that have a value, by name.
        is_partial: A last line without its line end; shown, never scored.
    """

    values: Mapping[str, Any]
    is_partial: bool = False

    @property
    def at(self) -> datetime:
        """When it happened."""
        moment: datetime = self.values[c.TIMESTAMP]
        return moment

    @property
    def source_id(self) -> int:
        """The source that it came from."""
        return int(self.values[c.SOURCE_ID])

    @property
    def raw(self) -> str:
        """Its line, without its line end."""
        return str(self.values.get(c.ORIGINAL, ""))

    @property
    def key(self) -> EventKey:
        """Its place in the order of results."""
        values = self.values
        return to_us(self.at), self.source_id, int(values[c.GENERATION]), int(values[c.OFFSET])

    @property
    def host(self) -> str:
        """The machine it tells of, empty when the log does not say."""
        return str(self.values.get(c.HOST, ""))

    @property
    def who(self) -> str:
        """User and address, as far as they are known."""
        parts = (self.values.get(c.USER), self.values.get(c.SOURCE_IP))
        return " · ".join(str(part) for part in parts if part)

    @property
    def what(self) -> str:
        """What happened, in a word or two."""
        values = self.values
        if self.is_partial:
            return "partial line"
        if values.get(c.KIND) == c.KIND_UNPARSED:
            return "unparsed"
        if c.METHOD in values:
            path = values.get(c.URL_PATH) or values.get(c.URL, "")
            parts = (values[c.METHOD], values.get(c.STATUS, ""), path)
            return " ".join(str(part) for part in parts if part)
        words = (values.get(c.ACTION), values.get(c.OUTCOME))
        said = " ".join(str(word) for word in words if word)
        return said or str(values.get(c.PROCESS) or values.get(c.DATASET, ""))

    def fields(self) -> tuple[tuple[str, Any], ...]:
        """Name and value of every column but the line, telling ones first."""
        known = [name for name in FIRST_FIELDS if name in self.values]
        rest = sorted(set(self.values) - set(known) - set(_PLUMBING))
        return tuple((name, self.values[name]) for name in (*known, *rest))

    def evidence(self) -> Evidence:
        """The event as a piece of evidence, for the view of the lines around it."""
        values = self.values
        _, source_id, generation, offset = self.key
        return Evidence(
            f"{source_id}-{generation}-{offset}",
            source_id,
            generation,
            str(values.get(c.FILE_PATH, "")),
            offset,
            int(values.get(c.LENGTH, 0)),
            self.at,
            self.raw,
        )


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page of results.

    Attributes:
        rows: In the order of the results, newest first.
        has_more: There may be more after the last one.
        n_scanned: Events that were looked at, not passed over.
        problems: What could not be read, one sentence each.
        took_s: Seconds it took.
    """

    rows: tuple[EventRow, ...]
    has_more: bool = False
    n_scanned: int = 0
    problems: tuple[str, ...] = ()
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class EventBars:
    """Hits over time.

    Attributes:
        start, end: Of the time that the bars cover.
        counts: Hits in each of equal parts of it, oldest first; empty when the archive is.
        total: Hits altogether.
        n_events: Events in the archive.
    """

    start: datetime = field(default_factory=lambda: from_us(0))
    end: datetime = field(default_factory=lambda: from_us(1))
    counts: tuple[int, ...] = ()
    total: int = 0
    n_events: int = 0


class EventSearcher(Protocol):
    """The archive as the window sees it. Used on worker threads, one call at a time."""

    def search(
        self, query: EventQuery, after: EventKey | None, limit: int, cancel: threading.Event
    ) -> EventPage:
        """The page after a place, newest first; raises PolicyError for a wrong expression."""
        ...

    def bars(self, query: EventQuery, cancel: threading.Event) -> EventBars:
        """Hits over time."""
        ...

    def around(self, evidence: Evidence, before: int, after: int) -> tuple[EventRow, ...]:
        """Events of the same file before and after a line, that one among them, oldest first."""
        ...


class OpenSearcher(Protocol):
    """Gives the searcher of a connection."""

    def __call__(self, governance: "Governance") -> EventSearcher:
        """The searcher; called on the worker thread that owns the connection."""
        ...


def all_rows(
    searcher: EventSearcher, query: EventQuery, cancel: threading.Event, page_rows: int
) -> Iterator[EventRow]:
    """Every hit, newest first, read page by page."""
    after: EventKey | None = None
    while not cancel.is_set():
        page = searcher.search(query, after, page_rows, cancel)
        yield from page.rows
        if not page.has_more or not page.rows:
            return
        after = page.rows[-1].key


def quoted(text: str) -> str:
    """A value as the search language takes it literally."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def condition(name: str, value: object) -> str:
    """The expression that finds events with this value in a column."""
    if isinstance(value, datetime):
        return f"{name}:{value.isoformat()}"
    if isinstance(value, bool | int | float):
        return f"{name}:{value}"
    return f"{name}:{quoted(str(value))}"
