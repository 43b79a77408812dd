"""The line under a table: hints, what is being done with a way to end it, what was done."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QWidget

from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel

HEIGHT_PX = 32
SOON_MS = 250  # chosen: work shorter than this is not announced, it would only flicker


class ProgressStrip(QWidget):
    """One line of fixed height, so that work never moves the table. GUI thread only.

    Signals:
        cancelled: The person wants the work to end.
    """

    cancelled = Signal()

    def __init__(self, hints: str) -> None:
        super().__init__()
        self.setFixedHeight(HEIGHT_PX)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.text = ElidedLabel("", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.bar.setFixedWidth(160)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancelled)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(lambda: self.show_work("Searching …"))
        row.addWidget(self.text, 1)
        row.addWidget(self.bar)
        row.addWidget(self.cancel_button)
        row.addWidget(PlainLabel(hints, "small"))
        self._show_working(working=False)

    def show_busy(self, busy: bool) -> None:
        """Announce a search once it takes longer than a moment."""
        if busy:
            self._soon.start()
        else:
            self._soon.stop()
            self._show_working(working=False)

    def show_work(self, text: str, done: int = 0, total: int = 0) -> None:
        """Say what is being done, and offer to end it; how far it is, where the total is known."""
        self.text.setText(text)
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self._show_working(working=True)

    def show_done(self, text: str) -> None:
        """Say what was done."""
        self._soon.stop()
        self.text.setText(text)
        self._show_working(working=False)

    def _show_working(self, *, working: bool) -> None:
        self.bar.setVisible(working)
        self.cancel_button.setVisible(working)
