"""The band shown while the disk is full: where, how much is left, what to do."""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton

from soc_copilot.domain.governance import DiskState
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.source_facts import size_text
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel


class DiskBand(QFrame):
    """Visible exactly while batches are refused for want of room. GUI thread only."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.setObjectName("diskband")
        self._desk = desk
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        row.setSpacing(GRID + GRID // 2)
        self._sign = PlainLabel()
        self.text = PlainLabel(wrap=True, selectable=True)
        self.settings_button = QPushButton("Archive size…")
        self.settings_button.clicked.connect(
            lambda: desk.open_page("settings", key="archive.max_gib")
        )
        row.addWidget(self._sign)
        row.addWidget(self.text, 1)
        row.addWidget(self.settings_button)
        desk.disk_changed.connect(self.show_state)
        desk.theme.changed.connect(self._paint)
        self._paint()
        self.hide()

    def show_state(self, state: DiskState) -> None:
        """Say how things stand, or vanish once there is room again."""
        self.text.setText(band_text(state))
        self.setVisible(state.is_full)

    def _paint(self) -> None:
        self._sign.setPixmap(self._desk.theme.icon("warning", "background").pixmap(16, 16))


def band_text(state: DiskState) -> str:
    """The band's sentences for a state."""
    folder = render_safe(str(state.folder), 160)
    kept = (
        f"{size_text(state.reserve_bytes)} are set aside, so that the kill switch and the audit "
        "trail still work."
        if state.reserve_bytes
        else "What was set aside for the kill switch and the audit trail is used up."
    )
    return (
        f"The disk is full: {size_text(state.free_bytes)} left for “{folder}”. Nothing is stored; "
        "files keep their positions, TCP senders wait, and what UDP sends meanwhile is counted. "
        f"Free some room, or let the archive keep less; reading goes on by itself. {kept}"
    )
