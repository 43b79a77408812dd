"""The Overview's ten newest alerts."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QObject, Qt
from typing_extensions import override

from soc_copilot.domain.alerts import AlertRow
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.rows import GivenRows
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.delegates import ROLE_SEVERITY
from soc_copilot.ui.widgets.labels import safe_tip


class Column(IntEnum):
    """Places of the columns."""

    SEVERITY = 0
    LAST_SEEN = 1
    ENTITY = 2
    WHAT = 3
    DETECTOR = 4
    COUNT = 5
    SCORE = 6


TITLES = ("Severity", "Last seen", "Entity", "What", "Detector", "Count", "Score")


class NewestModel(GivenRows[AlertRow]):
    """A few alerts, replaced as a whole."""

    headers = TITLES
    numbers = frozenset({Column.COUNT, Column.SCORE})

    def __init__(self, times: TimeFormat, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._times = times

    @override
    def set_rows(self, rows: Sequence[AlertRow]) -> None:
        """Show these alerts, and their ages of now; the selection stays when their number does."""
        self.replace_rows(tuple(rows))

    @override
    def cell(self, row: AlertRow, column: int, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            if column == Column.LAST_SEEN:
                return safe_tip(self._times.absolute(row.last_seen))
            return safe_tip(f"{row.title}\n{row.entity}")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.alignment(column)
        return row.severity if role == ROLE_SEVERITY else None

    def _text(self, row: AlertRow, column: int) -> str:
        return (
            row.severity.label,
            self._times.short(row.last_seen),
            render_safe(row.entity, 120),
            render_safe(row.title, 200),
            row.detector,
            f"{row.count:,}",
            f"{row.score:.3f}".lstrip("0") or "0",
        )[column]
