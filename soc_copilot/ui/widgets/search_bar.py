"""The bar above the events: expression with history, time range, source, help on the syntax."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import QStringListModel, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from soc_copilot.domain.clock import from_us, to_us, utc_now
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.event_search import EventQuery
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import PlainLabel

TYPING_MS: Final = 400  # chosen: after the last key, before the archive is searched
HISTORY_KEPT: Final = 30
TIMES: Final = (  # what is offered, and how far back it goes
    ("All time", None),
    ("Last 15 minutes", timedelta(minutes=15)),
    ("Last hour", timedelta(hours=1)),
    ("Last 24 hours", timedelta(days=1)),
    ("Last 7 days", timedelta(days=7)),
    ("Last 30 days", timedelta(days=30)),
)
EXAMPLES: Final = (
    ("failed password", "both words in the line, in any case"),
    ('"GET /admin"', "exactly this text"),
    ("user:root", "a field's whole value; * stands for anything"),
    ("url:*/wp-login*", "part of a value"),
    ("source.ip:10.0.0.0/8", "an address in a network"),
    ("status:>=500", "numbers: >, >=, <, <=, 400..499"),
    ("time:2026-03-14..2026-03-15", "times, both ends included"),
    ("/union\\s+select/", "a regular expression"),
    ("status:404 NOT agent:*bot*", "AND is implied; OR, NOT, ( )"),
    ("url.query:*", "events that have the field"),
)


@dataclass(frozen=True, slots=True)
class _Brush:
    since: datetime
    until: datetime


class SearchBar(QWidget):
    """What is looked for. GUI thread only.

    Signals:
        asked: An `EventQuery` to be answered now.
        typing: The text changed; what is being answered is out of date.
        left: Back to the results.
        history_changed: JSON text of the expressions used, newest first.
    """

    asked = Signal(object)
    typing = Signal()
    left = Signal()
    history_changed = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._brush: _Brush | None = None
        self._history: list[str] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TYPING_MS)
        self._timer.timeout.connect(self.ask)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(self._build_row())
        self.problem = PlainLabel("", "error", wrap=True)
        self.problem.hide()
        column.addWidget(self.problem)
        self.help = self._build_help()
        self.help.hide()
        column.addWidget(self.help)

    def _build_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.text = QLineEdit()
        self.text.setPlaceholderText("Search events: failed password user:root status:>=500")
        self.text.setAccessibleName("Search events")
        self.text.setClearButtonEnabled(True)
        self.text.setMaxLength(4_096)
        self._past = QStringListModel(self)
        completer = QCompleter(self._past, self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.activated.connect(self.submit)
        self.text.setCompleter(completer)
        self.text.textEdited.connect(self._on_typed)
        self.text.textChanged.connect(self._on_changed)
        self.text.returnPressed.connect(self.submit)
        self.time_combo = QComboBox()
        self.time_combo.setAccessibleName("Time range")
        for words, back in TIMES:
            self.time_combo.addItem(words, back)
        self.time_combo.activated.connect(self._on_time)
        self.source_combo = QComboBox()
        self.source_combo.setAccessibleName("Source")
        self.source_combo.setMaxVisibleItems(20)
        self.source_combo.setMinimumWidth(136)
        self.source_combo.setMaximumWidth(200)
        self.source_combo.addItem("All sources", None)
        self.source_combo.activated.connect(self.ask)
        self.help_button = QPushButton("Syntax")
        self.help_button.setCheckable(True)
        self.help_button.setToolTip("What can be searched for, with examples (F2)")
        self.help_button.toggled.connect(self._on_help)
        self.count = PlainLabel("", "strong")
        self.total = PlainLabel("", "muted")
        row.addWidget(self.text, 1)
        for widget in (self.time_combo, self.source_combo, self.help_button):
            row.addWidget(widget)
        row.addWidget(self.count)
        row.addWidget(self.total)
        return row

    def _build_help(self) -> Card:
        card = Card(padding=12)
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(0)
        half = (len(EXAMPLES) + 1) // 2
        for place, (example, meaning) in enumerate(EXAMPLES):
            button = link_button(example)
            button.setStyleSheet("text-align: left;")
            button.setFont(self._desk.theme.mono_font())
            button.clicked.connect(lambda _checked=False, text=example: self.set_text(text))
            row, side = place % half, 2 * (place // half)
            grid.addWidget(button, row, side, Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(PlainLabel(meaning, "muted"), row, side + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        card.body.addLayout(grid)
        return card

    # -- what is asked

    @property
    def query(self) -> EventQuery:
        """What the bar shows, as a query of now."""
        since, until = None, None
        back = self.time_combo.currentData()
        if self._brush is not None:
            since, until = to_us(self._brush.since), to_us(self._brush.until)
        elif back is not None:
            since = to_us(utc_now() - back)
        source = self.source_combo.currentData()
        ids = None if source is None else frozenset({int(source)})
        return EventQuery(self.text.text().strip(), since, until, ids)

    @property
    def brush(self) -> tuple[datetime, datetime] | None:
        """The time range picked in the histogram, None when none is."""
        return None if self._brush is None else (self._brush.since, self._brush.until)

    @property
    def is_default(self) -> bool:
        """True when every event is asked for."""
        return self.query == EventQuery()

    def set_brush(self, brush: tuple[datetime, datetime] | None) -> None:
        """Take a time range picked in the histogram, and ask."""
        self._brush = None if brush is None else _Brush(*brush)
        self._show_times()
        self.ask()

    def set_text(self, text: str) -> None:
        """Ask for another expression."""
        self.text.setText(text)
        self.submit()

    def set_query(self, query: EventQuery) -> None:
        """Show a query as it was asked for elsewhere, and ask it."""
        self.text.setText(query.text)
        self.time_combo.setCurrentIndex(0)
        self._brush = None
        if query.since_us is not None and query.until_us is not None:
            self._brush = _Brush(from_us(query.since_us), from_us(query.until_us))
        ids = query.source_ids or frozenset()
        place = self.source_combo.findData(next(iter(ids))) if len(ids) == 1 else 0
        self.source_combo.setCurrentIndex(max(0, place))
        self._show_times()
        self.submit()

    def add_condition(self, words: str) -> None:
        """Ask for what is asked for now and, besides, this."""
        text = self.text.text().strip()
        wrapped = f"({text})" if " OR " in text else text
        self.set_text(f"{wrapped} {words}".strip())

    def clear(self) -> None:
        """Ask for every event."""
        self.set_query(EventQuery())

    def ask(self) -> None:
        """Ask now."""
        self._timer.stop()
        self.show_problem("")
        self.asked.emit(self.query)

    def submit(self) -> None:
        """Ask now, and remember the expression."""
        text = self.text.text().strip()
        if text:
            self._history = [text, *(one for one in self._history if one != text)]
            self._history = self._history[:HISTORY_KEPT]
            self._past.setStringList(self._history)
            self.history_changed.emit(json.dumps(self._history))
        self.ask()

    def show_problem(self, text: str) -> None:
        """Say why the expression cannot be understood."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def show_count(self, count: str, total: str) -> None:
        """Say how much was found, of how much."""
        self.count.setText(count)
        self.total.setText(total)

    # -- what is known

    def set_sources(self, names: Mapping[int, str]) -> None:
        """The sources to choose from; what is chosen stays."""
        chosen = self.source_combo.currentData()
        self.source_combo.clear()
        self.source_combo.addItem("All sources", None)
        for source_id, name in sorted(names.items(), key=lambda one: one[1].casefold()):
            self.source_combo.addItem(render_safe(name, 48), source_id)
        self.source_combo.setCurrentIndex(max(0, self.source_combo.findData(chosen)))

    def set_history(self, text: str | None) -> None:
        """Take back what `history_changed` gave; anything damaged is ignored."""
        try:
            found = json.loads(text or "[]")
        except ValueError:
            return
        if isinstance(found, list):
            self._history = [str(one) for one in found][:HISTORY_KEPT]
            self._past.setStringList(self._history)

    # -- typing

    def _on_typed(self) -> None:
        self.typing.emit()
        self._timer.start()

    def _on_changed(self, text: str) -> None:
        if not text:  # the clear button tells of no edit
            self._on_typed()

    def _on_time(self) -> None:
        if self.time_combo.currentIndex() < len(TIMES):
            self._brush = None
        self._show_times()
        self.ask()

    def _show_times(self) -> None:
        """An entry of its own stands for a range picked with the mouse."""
        if self._brush is None and self.time_combo.currentIndex() >= len(TIMES):
            self.time_combo.setCurrentIndex(0)
        while self.time_combo.count() > len(TIMES):
            self.time_combo.removeItem(len(TIMES))
        if self._brush is not None:
            times = self._desk.times
            words = f"{times.short(self._brush.since)} to {times.short(self._brush.until)}"
            self.time_combo.addItem(words)
            self.time_combo.setCurrentIndex(len(TIMES))

    def _on_help(self, shown: bool) -> None:
        self.help.setVisible(shown)
