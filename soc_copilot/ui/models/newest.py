"""The Overview's ten newest alerts."""

from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from typing_extensions import override

from soc_copilot.domain.alerts import AlertRow
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.delegates import ROLE_SEVERITY
from soc_copilot.ui.widgets.labels import safe_tip

Index = QModelIndex | QPersistentModelIndex


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


class NewestModel(QAbstractTableModel):
    """A few alerts, replaced as a whole."""

    def __init__(self, times: TimeFormat, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._times = times
        self._rows: tuple[AlertRow, ...] = ()

    def set_rows(self, rows: tuple[AlertRow, ...]) -> None:
        """Show these alerts; keeps the selection when their number stays."""
        if len(rows) == len(self._rows):
            self._rows = rows
            if rows:
                last = self.index(len(rows) - 1, len(TITLES) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row(self, place: int) -> AlertRow | None:
        """The alert in a row."""
        return self._rows[place] if 0 <= place < len(self._rows) else None

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(TITLES)

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(TITLES):
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._align(section)
        return TITLES[section] if role == Qt.ItemDataRole.DisplayRole else None

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row(index.row()) if index.isValid() else None
        if row is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(row, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            if index.column() == Column.LAST_SEEN:
                return safe_tip(self._times.absolute(row.last_seen))
            return safe_tip(f"{row.title}\n{row.entity}")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._align(index.column())
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

    @staticmethod
    def _align(column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag
        right = column in {Column.COUNT, Column.SCORE}
        return (side.AlignRight if right else side.AlignLeft) | side.AlignVCenter
