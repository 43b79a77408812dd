from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView

from soc_copilot.ui.theme import ROW_HEIGHT
from soc_copilot.ui.widgets.tables import desk_table


def test_rows_have_one_height_and_tab_leaves_the_table(qtbot):
    model = QStandardItemModel(3, 2)
    view = desk_table(model, "Things", {0: 120}, stretch=1)
    qtbot.addWidget(view)
    assert {view.rowHeight(row) for row in range(3)} == {ROW_HEIGHT}
    assert view.columnWidth(0) == 120
    assert view.accessibleName() == "Things"
    assert not view.tabKeyNavigation()
    assert view.editTriggers() == QAbstractItemView.EditTrigger.NoEditTriggers
    assert view.textElideMode() == Qt.TextElideMode.ElideRight
