"""Writing alerts to a file: CSV or JSON lines, whole or not at all. No Qt here."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from soc_copilot.domain.alert_export import CSV_COLUMNS, alert_to_csv, alert_to_json, csv_line
from soc_copilot.domain.alerts import AlertDetail
from soc_copilot.ui.export_file import export_lines
from soc_copilot.ui.models.alert_view import Target

if TYPE_CHECKING:
    from soc_copilot.governance.alerts import AlertStore

Progress = Callable[[int, int], None]


def export_alerts(store: "AlertStore", target: Target, path: Path, progress: Progress) -> int:
    """Write the target's alerts to a file; ".csv" makes a table, anything else JSON lines.

    The file appears when it is complete; when the progress callback raises, nothing is left.

    Returns:
        Number of alerts written.

    Raises:
        StoreError: The file cannot be written.
    """
    total = len(target.ids) if target.query is None else store.count(target.query)
    lines = _lines(_details(store, target), is_csv=path.suffix.lower() == ".csv")
    return export_lines(path, lines, lambda done: progress(done, total))


def _details(store: "AlertStore", target: Target) -> Iterator[AlertDetail]:
    if target.query is None:
        yield from map(store.detail, target.ids)
        return
    for detail in store.export(target.query):
        if detail.row.id not in target.excluded:
            yield detail


def _lines(details: Iterable[AlertDetail], *, is_csv: bool) -> Iterator[str]:
    if is_csv:
        yield csv_line(CSV_COLUMNS)
    for detail in details:
        yield csv_line(alert_to_csv(detail)) if is_csv else alert_to_json(detail) + "\n"
