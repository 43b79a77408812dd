"""A source before it is added: paths that may be meant, and its first lines taken apart."""

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject
from typing_extensions import override

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.widgets.labels import safe_tip

PREVIEW_LINES: Final = 3
CELL_CHARS: Final = 300  # chosen: of a previewed value
# Columns of the preview in the order that tells most, with the words for a screen.
PREVIEW_TITLES = {
    "@timestamp": "Time (UTC)",
    "host.name": "Host",
    "process.name": "Process",
    "source.ip": "From",
    "user.name": "User",
    "http.request.method": "Method",
    "url.original": "URL",
    "http.response.status_code": "Status",
    "event.action": "Action",
    "event.outcome": "Outcome",
    "log.level": "Level",
    "message": "Message",
}
MAX_COLUMNS = 7  # chosen: what fits beside each other


class CompletionModel(QAbstractListModel):
    """Paths that what was typed may become; shown safely, inserted as they are."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths: tuple[str, ...] = ()

    def set_paths(self, paths: tuple[str, ...]) -> None:
        """Replace all of them."""
        if paths != self._paths:
            self.beginResetModel()
            self._paths = paths
            self.endResetModel()

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._paths)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        path = self._paths[index.row()]
        if role == Role.EditRole:
            return path
        return render_safe(path) if role == Role.DisplayRole else None


class PreviewModel(RowModel):
    """The first lines of a source, taken apart: one row a line, one column a field."""

    _columns: tuple[str, ...] = ()

    def show_lines(self, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
        """Replace everything."""
        self.beginResetModel()
        self._columns, self._rows = tuple(columns), tuple(rows[:PREVIEW_LINES])
        self.headers = [PREVIEW_TITLES.get(name, render_safe(name, 40)) for name in columns]
        self.endResetModel()

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        value = self._rows[index.row()].get(self._columns[index.column()], "")
        if role == Role.DisplayRole:
            return render_safe(value, CELL_CHARS)
        return safe_tip(value) if role == Role.ToolTipRole else None


def telling_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns worth showing: known ones first, in their order, then others."""
    known = [name for name in PREVIEW_TITLES if name in columns]
    others = [name for name in columns if name not in PREVIEW_TITLES]
    if "url.original" in columns:  # its parts would only repeat it
        others = [name for name in others if not name.startswith("url.")]
    return tuple((known + others)[:MAX_COLUMNS])
