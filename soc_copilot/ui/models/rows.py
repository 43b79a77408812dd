"""What every table model shares: rows in memory, a header, numbers at the right."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from typing_extensions import override

from soc_copilot.ui.widgets.labels import safe_tip

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
Row = TypeVar("Row")


class RowModel(QAbstractTableModel):
    """A table whose rows are held in memory. GUI thread only.

    Subclasses say what a cell holds, in `data`.

    Class attributes:
        headers: One word for each column; a model whose columns vary sets its own.
        header_tips: What a column means, by column, where the word does not say it.
        numbers: Columns whose cells stand at the right.
    """

    headers: Sequence[str] = ()
    header_tips: ClassVar[Mapping[int, str]] = {}
    numbers: ClassVar[frozenset[int]] = frozenset()
    _rows: Sequence[Any] = ()

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.headers)

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(self.headers):
            return None
        if role == Role.DisplayRole:
            return self.headers[section]
        if role == Role.ToolTipRole:
            return safe_tip(self.header_tips.get(section, ""))
        return self.alignment(section) if role == Role.TextAlignmentRole else None

    def alignment(self, column: int) -> int:
        """Where the text of a column stands."""
        side = Qt.AlignmentFlag
        return int(
            (side.AlignRight if column in self.numbers else side.AlignLeft) | side.AlignVCenter
        )

    def repaint(self) -> None:
        """Tell views that every cell may look different."""
        self.repaint_rows(0, len(self._rows) - 1)

    def repaint_rows(self, first: int, last: int) -> None:
        """Tell views that the rows from one to the other look different."""
        if last >= first:
            self.dataChanged.emit(self.index(first, 0), self.index(last, len(self.headers) - 1))

    def replace_rows(self, rows: Sequence[Any]) -> None:
        """Show these rows; what is selected stays when their number does."""
        if len(rows) == len(self._rows):
            self._rows = rows
            self.repaint()
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()


class GivenRows(RowModel, Generic[Row]):
    """A table that is given all its rows at once. GUI thread only.

    Subclasses say what a cell holds, in `cell`.
    """

    _rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def row(self, place: int) -> Row | None:
        """What stands at a place."""
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these; nothing happens when they are the same."""
        if tuple(rows) != self._rows:
            self.replace_rows(tuple(rows))

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        row = self.row(index.row()) if index.isValid() else None
        return None if row is None else self.cell(row, index.column(), role)

    def cell(self, row: Row, column: int, role: int) -> Any:
        """What a cell holds."""
        raise NotImplementedError
