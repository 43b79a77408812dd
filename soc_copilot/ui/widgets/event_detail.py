"""The pane beside the events: one event's line, and every column of it."""

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QStackedWidget, QVBoxLayout

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.event_search import EventRow, condition
from soc_copilot.ui.models.events import FieldColumn, FieldModel
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card, EmptyState
from soc_copilot.ui.widgets.key_button import KeyButton
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.raw_text import FittedRawText
from soc_copilot.ui.widgets.tables import desk_table

LINE_CHARS = 4_000  # chosen: of the line here; the rest is in the view of the lines around
FIELD_PX = 168


class EventDetailPane(QFrame):
    """Everything about one event. It reads nothing; the page hands it an `EventRow`.

    Signals:
        around_requested: The lines around the event are wanted.
        condition_chosen: Words to add to the search.
    """

    around_requested = Signal()
    condition_chosen = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._row: EventRow | None = None
        self._source = ""
        self._stack = QStackedWidget()
        self.empty = EmptyState(
            desk.theme,
            "events",
            "No event selected",
            "Press J for the newest one, or click a row. All that is known of it appears here.",
        )
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._build())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._stack)
        self.setObjectName("card")
        desk.theme.changed.connect(self._fill)
        desk.times.changed.connect(self._fill)

    @property
    def row(self) -> EventRow | None:
        """The event shown, None when none is."""
        return self._row

    def show_event(self, row: EventRow | None, source: str = "") -> None:
        """Show an event of a source, or nothing."""
        self._row, self._source = row, source
        self._fill()

    def _build(self) -> Card:
        card = Card()
        card.setStyleSheet("#card { border: 0; background: transparent; }")
        head = QHBoxLayout()
        head.setSpacing(GRID)
        self.time = PlainLabel("", "heading", selectable=True)
        self.source = ElidedLabel("", "muted")
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy the line and every field as text")
        self.copy_button.clicked.connect(self.copy_text)
        head.addWidget(self.time)
        head.addWidget(self.source, 1)
        head.addWidget(self.copy_button)
        card.body.addLayout(head)
        self.raw = FittedRawText(self._desk.theme, "Line")
        card.body.addWidget(self.raw)
        self.place = ElidedLabel("", "small", mode=Qt.TextElideMode.ElideMiddle)
        self.around_button = KeyButton("Lines around", "Enter")
        self.around_button.clicked.connect(self.around_requested)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.around_button)
        row.addWidget(self.place, 1)
        card.body.addLayout(row)
        self.fields = FieldModel(self._desk, self)
        self.table = desk_table(
            self.fields, "Fields", {FieldColumn.NAME: FIELD_PX}, stretch=FieldColumn.VALUE
        )
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.doubleClicked.connect(lambda index: self._search(index.row()))
        self.table.setToolTip("")
        card.body.addWidget(self.table, 1)
        hint = "Double click a field to search for its value; right click for more."
        card.body.addWidget(PlainLabel(hint, "small", wrap=True))
        return card

    def _fill(self) -> None:
        row = self._row
        self._stack.setCurrentIndex(0 if row is None else 1)
        self.fields.show_event(row)
        self.raw.clear()
        if row is None:
            return
        self.time.setText(self._desk.times.absolute(row.at))
        self.source.setText(render_safe(self._source, 120))
        for line in row.raw[:LINE_CHARS].split("\n"):
            self.raw.add_line(line)
        if len(row.raw) > LINE_CHARS:
            self.raw.add_caption(f"… {len(row.raw) - LINE_CHARS:,} more characters")
        self.raw.verticalScrollBar().setValue(0)
        evidence = row.evidence()
        self.place.setText(f"{evidence.path or 'stream'}, byte {evidence.offset:,}")

    def copy_text(self) -> None:
        """Put the event on the clipboard as plain, safe text."""
        if self._row is not None:
            lines = [self._row.raw]
            lines += [
                f"{name}\t{self.fields.value_text(value)}" for name, value in self._row.fields()
            ]
            safe = [render_safe(part) for line in lines for part in line.split("\n")]
            QGuiApplication.clipboard().setText("\n".join(safe))

    def _search(self, row: int, *, without: bool = False) -> None:
        found = self.fields.field_at(row)
        if found is not None:
            words = condition(*found)
            self.condition_chosen.emit(f"NOT {words}" if without else words)

    def _show_menu(self, where: QPoint) -> None:
        index = self.table.indexAt(where)
        found = self.fields.field_at(index.row()) if index.isValid() else None
        if found is None:
            return
        row, text = index.row(), self.fields.value_text(found[1])
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Search for this value", lambda: self._search(row))
        menu.addAction("Leave this value out", lambda: self._search(row, without=True))
        menu.addAction("Copy the value", lambda: QGuiApplication.clipboard().setText(_safe(text)))
        menu.popup(self.table.viewport().mapToGlobal(where))


def _safe(text: str) -> str:
    return "\n".join(map(render_safe, text.split("\n")))
