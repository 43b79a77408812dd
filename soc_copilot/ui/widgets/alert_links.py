"""A few open alerts as links, and the way to all of them."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton
from typing_extensions import override

from soc_copilot.domain.alerts import AlertRow
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.theme import severity_role
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip

MOST_SHOWN: Final = 5  # chosen: by name; all of them are one click away
WHO_CHARS: Final = 80  # chosen: of an address
TITLE_CHARS: Final = 60  # chosen: of an alert's title
AROUND_PX: Final = 60  # the card's padding, a button's own, its icon and what stands beside it


class AlertLinks(Card):
    """Open alerts about what is selected.

    Args:
        desk: The desk.
        nothing: What to say when there is none.

    Signals:
        chosen: Number of the alert to open.
        all_wanted: All of them are to be listed.
    """

    chosen = Signal(int)
    all_wanted = Signal()

    def __init__(self, desk: Desk, nothing: str) -> None:
        super().__init__("Alerts")
        self._desk, self._alerts = desk, ()
        self.setMinimumWidth(200)
        self.nothing = PlainLabel(nothing, "muted", wrap=True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.who = ElidedLabel("", "small")
        self.body.addWidget(self.who)
        self.body.addWidget(self.nothing)
        self.buttons = [self._button(place) for place in range(MOST_SHOWN)]
        for button in self.buttons:
            self.body.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        self.all_button = link_button("Show all")
        self.all_button.clicked.connect(self.all_wanted.emit)
        self.header.addWidget(self.all_button)
        self.body.addStretch(1)
        self.show_alerts(())
        desk.theme.changed.connect(self._paint)

    _alerts: tuple[AlertRow, ...]

    def show_alerts(self, alerts: Sequence[AlertRow], who: str = "") -> None:
        """Show these, given in the order that they are to stand in; whom they are about."""
        self.who.setText(f"Of {render_safe(who, WHO_CHARS)}" if who else "")
        self.who.setVisible(bool(who))
        self._alerts = tuple(alerts)
        count = len(alerts)
        self.hint.setText(f"{count:,} open" if count else "")
        self.nothing.setVisible(not count)
        self.all_button.setVisible(bool(count))
        self._paint()

    def _button(self, place: int) -> QPushButton:
        button = link_button()
        button.setIconSize(QSize(10, 10))
        button.setMinimumWidth(40)
        button.clicked.connect(lambda: self._choose(place))
        return button

    def _paint(self) -> None:
        for place, button in enumerate(self.buttons):
            button.setVisible(place < len(self._alerts))
            if place < len(self._alerts):
                alert = self._alerts[place]
                button.setText(self._fitting(alert))
                who = render_safe(alert.entity, TITLE_CHARS)
                at = self._desk.times.absolute(alert.last_seen)
                tip = f"{alert.severity.label}: {alert.title}\n{who}, last seen {at}"
                button.setToolTip(safe_tip(tip))
                role = severity_role(alert.severity)
                button.setIcon(self._desk.theme.icon("alerts", role, 16))

    def _fitting(self, alert: AlertRow) -> str:
        """Title and count; a title too long for the card ends in an ellipsis."""
        letters, count = self.fontMetrics(), f" ({alert.count:,})"
        title = render_safe(alert.title, TITLE_CHARS)
        room = self.contentsRect().width() - AROUND_PX - letters.horizontalAdvance(f" {count}")
        title = letters.elidedText(title, Qt.TextElideMode.ElideRight, room)
        return f" {title.replace('&', '&&')}{count}"

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._paint()

    def _choose(self, place: int) -> None:
        if place < len(self._alerts):
            self.chosen.emit(self._alerts[place].id)
