"""One look for every plain table: rows of one height, no grid, keyboard first."""

from collections.abc import Mapping
from typing import TypeVar

from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from soc_copilot.ui.theme import ROW_HEIGHT

ColumnKey = TypeVar("ColumnKey", bound=int)  # a number, or a model's IntEnum


def desk_table(
    model: QAbstractItemModel,
    name: str,
    widths: Mapping[ColumnKey, int],
    *,
    stretch: int | None = None,
    sortable: bool = False,
) -> QTableView:
    """A table view in the desk's look.

    Args:
        model: What it shows.
        name: For screen readers.
        widths: Width in px of columns that do not keep the default one.
        stretch: The column that takes what room is left.
        sortable: True when the model sorts.
    """
    view = QTableView()
    view.setObjectName("desktable")
    view.setModel(model)
    view.setAccessibleName(name)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTextElideMode(Qt.TextElideMode.ElideRight)
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    view.setTabKeyNavigation(False)  # Tab leaves the table; the arrows move within
    rows = view.verticalHeader()
    rows.setVisible(False)
    rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    rows.setMinimumSectionSize(ROW_HEIGHT)
    rows.setDefaultSectionSize(ROW_HEIGHT)
    columns = view.horizontalHeader()
    columns.setHighlightSections(False)
    columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    columns.setMinimumSectionSize(48)
    for column, width in widths.items():
        view.setColumnWidth(column, width)
    if stretch is not None:
        columns.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
    view.setSortingEnabled(sortable)
    return view
