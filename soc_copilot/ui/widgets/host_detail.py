"""One stream in full: its score, what it is made of, why, its last events, its alerts."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from soc_copilot.domain.alerts import AlertDetail, AlertRow
from soc_copilot.domain.findings import Component
from soc_copilot.domain.streams import MAX_REASONS
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.host_rows import BAND_ROLES, BAND_WORDS, ORDINARY, HostRow, band
from soc_copilot.ui.models.host_streams import BAND_SEVERITIES
from soc_copilot.ui.models.stream_events import Column, StreamEventsModel
from soc_copilot.ui.theme import GRID, severity_role
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.component_bars import ComponentBars
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.tables import desk_table

MOST_SHOWN: Final = 3  # chosen: alerts by name; all of them are one click away
REASON_CHARS: Final = 400  # chosen: of a reason that is shown
CALM: Final = "Nothing in the last 15 minutes looks like an attack."
UNUSUAL: Final = "Some of the last 15 minutes was unusual, but below the threshold: no alert."
SILENT: Final = (
    "No file changed here since this window was opened. Change one, or try the exercise in a "
    "demonstration folder, and its score appears within seconds."
)


class HostDetail(QWidget):
    """Three cards below the strips."""

    alert_chosen = Signal(int)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._row: HostRow | None = None
        self._told: AlertDetail | None = None
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        row.addWidget(self._build_score(), 6)
        row.addWidget(self._build_why(), 6)
        row.addWidget(self._build_events(), 7)
        desk.theme.changed.connect(self._paint)

    # -- building

    def _build_score(self) -> Card:
        card = Card("Score")
        card.setMinimumWidth(256)
        self.name = ElidedLabel("", "strong")
        self.number = PlainLabel("—", "number")
        self.word = PlainLabel("")
        self.threshold = PlainLabel("", "small")
        line = QHBoxLayout()
        line.setSpacing(GRID)
        for label in (self.number, self.word, self.threshold):
            line.addWidget(label, 0, Qt.AlignmentFlag.AlignBottom)
        line.addStretch(1)
        self.highest = PlainLabel("", "small", wrap=True)
        self.bars = ComponentBars(self._desk.theme)
        card.body.addWidget(self.name)
        card.body.addLayout(line)
        card.body.addWidget(self.highest)
        card.body.addSpacing(GRID // 2)
        card.body.addWidget(self.bars)
        card.body.addStretch(1)
        card.body.addLayout(self._build_buttons())
        return card

    def _build_buttons(self) -> QHBoxLayout:
        line = QHBoxLayout()
        line.setSpacing(GRID)
        self.buttons: dict[str, QPushButton] = {}
        for name, text in (("exercise", "Exercise"), ("unwatch", "Stop watching")):
            action = self._desk.actions.action(f"host.{name}")
            button = self.buttons[name] = QPushButton(text)
            button.setToolTip(self._desk.actions.specs[f"host.{name}"].help)
            button.clicked.connect(action.trigger)
            button.hide()
            line.addWidget(button)
        line.addStretch(1)
        return line

    def _build_why(self) -> Card:
        card = Card("Why")
        card.setMinimumWidth(256)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, GRID, 0)
        column.setSpacing(GRID)
        self.reasons = [PlainLabel("", wrap=True, selectable=True) for _ in range(MAX_REASONS)]
        for label in self.reasons:
            label.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
            column.addWidget(label)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        area.setMinimumHeight(64)
        for one in (area.viewport(), inside):  # the card's ground shows through
            one.setAutoFillBackground(False)
        card.body.addWidget(area, 1)
        self.alerts_title = PlainLabel("", "heading")
        card.body.addWidget(self.alerts_title)
        self.alert_buttons = [self._alert_button(place) for place in range(MOST_SHOWN)]
        for button in self.alert_buttons:
            card.body.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self.all_alerts = link_button("All of them on the Alerts page")
        self.all_alerts.clicked.connect(self._desk.actions.action("host.alerts").trigger)
        card.body.addWidget(self.all_alerts, 0, Qt.AlignmentFlag.AlignLeft)
        return card

    def _alert_button(self, place: int) -> QPushButton:
        button = link_button()
        button.setIconSize(QSize(10, 10))
        button.clicked.connect(lambda: self._choose(place))
        return button

    def _build_events(self) -> Card:
        card = Card("Last events", "newest first")
        card.setMinimumWidth(300)
        self.events = StreamEventsModel(self._desk.times, self)
        widths = {Column.TIME: 74, Column.WHAT: 84, Column.SCORE: 56}
        self.table = desk_table(self.events, "Last events", widths, stretch=Column.FILE)
        self.table.setTextElideMode(Qt.TextElideMode.ElideLeft)  # a path's end names the file
        self.nothing = PlainLabel("", "muted", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.archive = link_button("All of its events")
        self.archive.clicked.connect(self._desk.actions.action("host.events").trigger)
        card.header.addWidget(self.archive)
        card.body.addWidget(self.table, 1)
        card.body.addWidget(self.nothing, 1)
        return card

    # -- showing

    def show_row(self, row: HostRow | None, *, can_exercise: bool = False) -> None:
        """Show a stream, or nothing."""
        if row is None or self._row is None or row.key != self._row.key:
            self._told = None
        self._row = row
        self.setEnabled(row is not None)
        self.buttons["unwatch"].setVisible(row is not None and bool(row.folder))
        self.buttons["exercise"].setVisible(can_exercise)
        self.archive.setVisible(row is not None and row.source_id is not None)
        self.name.setText("" if row is None else render_safe(row.name, 200))
        self._show_score(row)
        self._show_reasons(row)
        self._show_alerts(() if row is None else row.alerts)
        events = () if row is None or row.record is None else tuple(row.record.events)
        self.events.set_events(events)
        self.table.setVisible(bool(events))
        self.nothing.setVisible(not events)
        self.nothing.setText("None since this window was opened.")

    def show_told(self, detail: AlertDetail) -> None:
        """What an alert says of a stream that has no score of its own yet."""
        row = self._row
        if row is not None and detail.row.id in {alert.id for alert in row.alerts}:
            self._told = detail
            self._show_score(row)
            self._show_reasons(row)

    def _show_score(self, row: HostRow | None) -> None:
        parts: Sequence[Component] = ()
        if row is None or (row.record is None and self._told is None):
            self._show_number("—", "", "", "")
        elif row.record is not None:
            now, top = row.record.latest, row.record.top
            level = band(now.score, now.threshold)
            at = self._desk.times.short(top.at)
            which = (
                f"Its last score: {top.score:.2f} at {at}."
                if row.record.is_silent
                else f"Highest of the last 15 min: {top.score:.2f} at {at}."
            )
            self._show_number(
                f"{now.score:.2f}",
                BAND_WORDS[level],
                BAND_ROLES[level],
                f"a threat from {now.threshold:.2f} on",
                f"{which} Its parts:",
            )
            parts = top.components
            self.bars.set_parts(parts, BAND_SEVERITIES[band(top.score, top.threshold)])
        elif self._told is not None:
            told = self._told
            at = self._desk.times.short(told.row.last_seen)
            self._show_number(
                f"{told.row.score:.2f}", "from its alert", "",
                f"a threat from {told.threshold:.2f} on",
                f"No event since this window was opened; last seen {at}. Its parts then:",
            )  # fmt: skip
            parts = told.components
            self.bars.set_parts(parts, told.row.severity)
        self.bars.setVisible(bool(parts))

    def _show_number(self, number: str, word: str, kind: str, limit: str, text: str = "") -> None:
        self.number.setText(number)
        self.number.set_kind("number")
        self.word.setText(word)
        self.word.set_kind(kind or "muted")
        self.threshold.setText(limit)
        self.highest.setText(text)

    def _show_reasons(self, row: HostRow | None) -> None:
        words: tuple[str, ...] = ()
        if row is None:
            words = ("Choose a stream above.",)
        elif row.record is not None:
            words = row.record.top.reasons or (CALM if row.worst <= ORDINARY else UNUSUAL,)
        elif self._told is not None:
            words = (self._told.summary,)
        elif row.folder:
            words = (SILENT,)
        for place, label in enumerate(self.reasons):
            label.setVisible(place < len(words))
            label.setText(render_safe(words[place], REASON_CHARS) if place < len(words) else "")
            label.set_kind("muted" if words[:1] in {(CALM,), (SILENT,), (UNUSUAL,)} else "")

    def _show_alerts(self, alerts: tuple[AlertRow, ...]) -> None:
        count = len(alerts)
        self.alerts_title.setText(
            "No open alert" if not count else f"{count:,} open alert{'s' if count > 1 else ''}"
        )
        for button, place in zip(self.alert_buttons, range(MOST_SHOWN), strict=True):
            button.setVisible(place < count)
            if place < count:
                alert = alerts[place]
                title = render_safe(alert.title, 60).replace("&", "&&")
                button.setText(f"{alert.severity.label}: {title}")
                button.setToolTip(self._desk.times.absolute(alert.last_seen))
                role = severity_role(alert.severity)
                button.setIcon(self._desk.theme.icon("alerts", role, 16))
        self.all_alerts.setVisible(bool(count))

    def _choose(self, place: int) -> None:
        if self._row is not None and place < len(self._row.alerts):
            self.alert_chosen.emit(self._row.alerts[place].id)

    def _paint(self) -> None:
        if self._row is not None:
            self._show_alerts(self._row.alerts)
