"""The band that no page can hide: processing is halted, by whom, since when, why."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.killswitch import engaged_by
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel

REASON_SHOWN = 240  # characters, chosen: two lines at the smallest window


class KillSwitchBand(QFrame):
    """Visible exactly while the kill switch counts as engaged. GUI thread only."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("band")
        self._desk = desk
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        row.setSpacing(GRID + GRID // 2)
        self._sign = PlainLabel()
        self.text = PlainLabel(wrap=True, selectable=True)
        self.release_button = QPushButton("Release…")
        self.release_button.clicked.connect(lambda: desk.actions.trigger("killswitch.toggle"))
        row.addWidget(self._sign)
        row.addWidget(self.text, 1)
        row.addWidget(self.release_button)
        desk.killswitch_changed.connect(self.show_state)
        desk.times.changed.connect(self._refresh)
        desk.theme.changed.connect(self._paint)
        self._paint()
        self.show_state(desk.killswitch)

    def show_state(self, state: KillSwitchState) -> None:
        """Say what the state is, or vanish when the switch is released."""
        self.text.setText(band_text(state, self._desk))
        self.setVisible(state.engaged)

    def _refresh(self) -> None:
        self.show_state(self._desk.killswitch)

    def _paint(self) -> None:
        self._sign.setPixmap(self._desk.theme.icon("halt", "on_critical").pixmap(16, 16))


def band_text(state: KillSwitchState, desk: Desk) -> str:
    """The band's sentence for a state."""
    reason = render_safe(state.reason, REASON_SHOWN)
    if not state.readable:
        return (
            f"The kill switch cannot be read, so it counts as engaged: {reason} "
            "Nothing is processed; sources keep their positions."
        )
    return (
        f"Kill switch engaged at {engaged_by(state, desk.times)}: “{reason}”. "
        "Nothing is processed; sources keep their positions."
    )
