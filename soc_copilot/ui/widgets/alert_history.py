"""All changes to alerts: who, when, from what to what, with a search."""

from typing import Final

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.alert_changes import ROLE_CHANGE, AlertChangeModel, ChangeColumn
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets import Card, EmptyState, PlainLabel
from soc_copilot.ui.widgets.filter_bar import DEBOUNCE_MS
from soc_copilot.ui.widgets.key_button import KeyButton
from soc_copilot.ui.widgets.tables import desk_table

WIDTHS: Final = {
    ChangeColumn.AT: 136,
    ChangeColumn.ACTOR: 136,
    ChangeColumn.SURFACE: 104,
    ChangeColumn.ALERT: 80,
    ChangeColumn.FIELD: 104,
    ChangeColumn.OLD: 200,
}


class AlertHistoryView(QWidget):
    """The sub-page of the Alerts page with every change, newest first."""

    left = Signal()  # back to the alerts
    alert_chosen = Signal(int)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.model = AlertChangeModel(desk, self)
        self.table = desk_table(
            self.model, "All changes to alerts", WIDTHS, stretch=ChangeColumn.NEW
        )
        self.table.activated.connect(self._on_activated)
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._debounce.timeout.connect(lambda: self.model.set_text(self.search.text()))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(self._make_head())
        card = Card(padding=4)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.table)
        self._empty = EmptyState(desk.theme, "history", "", "")
        self._stack.addWidget(self._empty)
        card.body.addWidget(self._stack)
        column.addWidget(card, 1)
        self.model.loaded.connect(self._on_loaded)
        self.model.failed.connect(desk.error)

    @override
    def setFocus(self, reason: Qt.FocusReason = Qt.FocusReason.OtherFocusReason) -> None:
        self.table.setFocus(reason)

    def refresh(self) -> None:
        """Read from the newest change again."""
        self.model.reload()

    def focus_search(self) -> None:
        """Put the cursor into the search."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _make_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        back = KeyButton("Alerts", "Esc")
        back.setToolTip("Back to the alerts")
        back.clicked.connect(self.left)
        self.search = QLineEdit()
        self.search.setPlaceholderText("who, what, a value, an entity, alert:17 …")
        self.search.setAccessibleName("Search the changes")
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(420)
        self.search.textChanged.connect(lambda _text: self._debounce.start())
        self.search.returnPressed.connect(self.table.setFocus)
        row.addWidget(back)
        row.addWidget(PlainLabel("All changes to alerts", "title"))
        row.addSpacing(GRID)
        row.addWidget(self.search, 1)
        row.addStretch(1)
        row.addWidget(PlainLabel("Enter opens the alert", "small"))
        return row

    def _on_loaded(self) -> None:
        is_empty = self.model.rowCount() == 0
        self._stack.setCurrentIndex(1 if is_empty else 0)
        if self.search.text().strip():
            self._empty.title.setText("No change matches")
            self._empty.text.setText("Every word must occur. Use fewer or shorter words.")
        else:
            self._empty.title.setText("Nothing has happened yet")
            self._empty.text.setText(
                "Every change to an alert appears here with who made it, when, and the old and "
                "new value. The first one comes with the first alert."
            )

    def _on_activated(self, index: QModelIndex) -> None:
        change = index.data(ROLE_CHANGE)
        if change is not None:
            self.alert_chosen.emit(change.alert_id)
