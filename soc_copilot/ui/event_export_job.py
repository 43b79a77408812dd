"""Writing search results to a file: CSV or JSON lines, whole or not at all. No Qt here."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from soc_copilot.domain import columns as c
from soc_copilot.domain.alert_export import csv_line
from soc_copilot.domain.text import csv_cell
from soc_copilot.ui.event_search import EventQuery, EventRow, EventSearcher, all_rows
from soc_copilot.ui.export_file import export_lines

PAGE_ROWS: Final = 5_000  # chosen: a few MiB of events in memory at a time
CSV_COLUMNS: Final = (
    c.TIMESTAMP, c.SOURCE_ID, c.FILE_PATH, c.OFFSET, c.DATASET, c.KIND, c.HOST, c.USER,
    c.SOURCE_IP, c.ACTION, c.OUTCOME, c.METHOD, c.URL, c.STATUS, c.ORIGINAL,
)  # fmt: skip


def export_events(
    searcher: EventSearcher,
    query: EventQuery,
    path: Path,
    progress: Callable[[int], None],
) -> int:
    """Write every hit to a file; ".csv" makes a table, anything else JSON lines.

    JSON lines have every column of an event; the table has the common ones. The file appears
    when it is complete; when the progress callback raises, nothing is left.

    Returns:
        Number of events written.

    Raises:
        PolicyError: The expression cannot be understood.
        StoreError: The file cannot be written.
    """
    rows = all_rows(searcher, query, threading.Event(), PAGE_ROWS)
    return export_lines(path, _lines(rows, is_csv=path.suffix.lower() == ".csv"), progress)


def _lines(rows: Iterator[EventRow], *, is_csv: bool) -> Iterator[str]:
    if is_csv:
        yield csv_line(CSV_COLUMNS)
    for row in rows:
        if is_csv:
            yield csv_line(_cell(row.values.get(name)) for name in CSV_COLUMNS)
        else:
            yield json.dumps(row.values, default=_plain, separators=(",", ":")) + "\n"


def _cell(value: Any) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, int | float) else csv_cell(str(value))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
