"""Reading the alert table's pages: what a job brings back from the database."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from soc_copilot.domain.alerts import AlertCursor, AlertFilter, AlertRow

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

PAGE_ROWS: Final = 256
TAIL_ROWS: Final = 1_024  # chosen: read at once when a person goes to the oldest alert
MAX_LIVE_ROWS: Final = 1_000  # farther behind than this, start again from the newest page


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Rows of one page; where changes after it begin; how long it took."""

    rows: tuple[AlertRow, ...]
    token: int
    took_s: float


@dataclass(frozen=True, slots=True)
class LiveChanges:
    """Alerts changed since the last look, and those above the table's first row."""

    token: int
    changed: tuple[AlertRow, ...]
    fresh: tuple[AlertRow, ...]


def matches(row: AlertRow, query: AlertFilter) -> bool:
    """True when a row that matched a query's text still matches its other parts."""
    return (
        (not query.severities or row.severity in query.severities)
        and (not query.statuses or row.status in query.statuses)
        and (not query.detectors or row.detector in query.detectors)
        and (query.since is None or row.last_seen >= query.since)
        and (query.until is None or row.first_seen < query.until)
        and (query.entity is None or row.entity == query.entity)
        and (query.technique is None or row.technique == query.technique)
        and (query.mine is None or row.assignee in {query.mine, None})
        and query.suppressed in {None, row.suppressed_by is not None}
        and query.suppression in {None, row.suppressed_by}
    )


def read_page(
    governance: "Governance", query: AlertFilter, before: AlertCursor | None
) -> AlertPage:
    """The page after a place, newest first; the first one also tells the change token."""
    start = time.perf_counter()
    token = 0
    if before is None:  # taken first: a change after it is seen again, never missed
        token = governance.alerts.change_token()
    rows = governance.alerts.page(query, before, PAGE_ROWS)
    return AlertPage(rows, token, time.perf_counter() - start)


def read_oldest(governance: "Governance", query: AlertFilter, _before: None) -> AlertPage:
    """The far end of the table, newest first."""
    start = time.perf_counter()
    token = governance.alerts.change_token()
    rows = governance.alerts.page_after(query, None, TAIL_ROWS)
    return AlertPage(rows, token, time.perf_counter() - start)


def read_live(
    governance: "Governance", query: AlertFilter, top: AlertCursor | None, token: int
) -> LiveChanges:
    """What happened since a token, and above a place; None asks only for the former."""
    new_token, ids = governance.alerts.changed_since(token)
    changed = governance.alerts.get(ids) if ids else ()
    if top is None:
        return LiveChanges(new_token, changed, ())
    return LiveChanges(new_token, changed, governance.alerts.newer(query, top, MAX_LIVE_ROWS + 1))
