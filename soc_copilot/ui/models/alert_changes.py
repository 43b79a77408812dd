"""Everything that ever happened to any alert, newest first, paged by key."""

from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QObject
from PySide6.QtCore import Signal as QtSignal
from typing_extensions import override

from soc_copilot.domain.alerts import AlertChange
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.widgets import safe_tip

PAGE_ROWS: Final = 256
CELL_CHARS: Final = 240
ROLE_CHANGE: Final = Role.UserRole + 10  # the AlertChange


class ChangeColumn(IntEnum):
    """Columns of the table, left to right."""

    AT = 0
    ACTOR = 1
    SURFACE = 2
    ALERT = 3
    FIELD = 4
    OLD = 5
    NEW = 6


_SAID_ONCE: Final = {
    ChangeColumn.AT,
    ChangeColumn.ACTOR,
    ChangeColumn.SURFACE,
    ChangeColumn.ALERT,
}
TITLES: Final = ("When", "Who", "Where from", "Alert", "What", "Old", "New")


class AlertChangeModel(RowModel):
    """Pages of changes, read on the worker. GUI thread only."""

    headers = TITLES

    loaded = QtSignal()
    failed = QtSignal(str)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rows: list[AlertChange] = []
        self._text = ""
        self._generation = 0
        self._exhausted, self._is_busy = True, False
        desk.times.changed.connect(self.repaint)
        desk.theme.changed.connect(self.repaint)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        change, column = self._rows[index.row()], ChangeColumn(index.column())
        if role == Role.DisplayRole:
            return render_safe(self._cell(change, column), CELL_CHARS)
        if role == Role.ToolTipRole:
            if column is ChangeColumn.AT:
                times = self._desk.times
                return safe_tip(f"{times.relative(change.at)}, {times.absolute(change.at)}")
            return safe_tip(self._cell(change, column))
        if role == Role.ForegroundRole and self._is_quiet(index.row(), column):
            return self._desk.theme.color("muted")
        return change if role == ROLE_CHANGE else None

    @override
    def canFetchMore(self, parent: Index) -> bool:
        return not (parent.isValid() or self._exhausted or self._is_busy)

    @override
    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._read(self._rows[-1].id if self._rows else None)

    def set_text(self, text: str) -> None:
        """Show only changes in which these words occur."""
        if text.strip() != self._text:
            self._text = text.strip()
            self.reload()

    def reload(self) -> None:
        """Read from the newest change again."""
        self._generation += 1
        if not self._is_busy:
            self._read(None)

    def _read(self, before: int | None) -> None:
        self._is_busy = True
        text, generation = self._text, self._generation

        def done(rows: tuple[AlertChange, ...]) -> None:
            self._is_busy = False
            if generation != self._generation:
                self._read(None)
            elif before is None:
                self._reset(rows)
            else:
                self._append(rows)

        def failed(message: str) -> None:
            self._is_busy = False
            self.failed.emit(message)
            if generation != self._generation:
                self._read(None)  # asked anew meanwhile

        self._desk.jobs.submit(
            lambda governance: governance.alerts.history(before, PAGE_ROWS, text), done, failed
        )

    def _reset(self, rows: tuple[AlertChange, ...]) -> None:
        self.beginResetModel()
        self._rows = list(rows)
        self._exhausted = len(rows) < PAGE_ROWS
        self.endResetModel()
        self.loaded.emit()

    def _append(self, rows: tuple[AlertChange, ...]) -> None:
        self._exhausted = len(rows) < PAGE_ROWS
        if rows:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(rows) - 1)
            self._rows += rows
            self.endInsertRows()

    def _cell(self, change: AlertChange, column: ChangeColumn) -> str:
        match column:
            case ChangeColumn.AT:
                return self._desk.times.short(change.at)
            case ChangeColumn.ACTOR:
                return change.actor
            case ChangeColumn.SURFACE:
                return change.surface
            case ChangeColumn.ALERT:
                return str(change.alert_id)
            case ChangeColumn.FIELD:
                return change.field
            case ChangeColumn.OLD:
                return _words(change, change.old)
            case ChangeColumn.NEW:
                return _words(change, change.new)

    def _is_quiet(self, row: int, column: ChangeColumn) -> bool:
        """True for what matters less: old values, and what the row above says already."""
        if column not in _SAID_ONCE:
            return column is ChangeColumn.OLD
        if row == 0:
            return False
        here, above = self._rows[row], self._rows[row - 1]
        return (here.at, here.actor, here.surface, here.alert_id) == (
            above.at,
            above.actor,
            above.surface,
            above.alert_id,
        )


def _words(change: AlertChange, value: str | None) -> str:
    if value is None:
        return ""
    return value.replace("_", " ") if change.field in {"status", "disposition"} else value
