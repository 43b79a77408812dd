"""A window with the lines around a piece of evidence, as the log file has them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut, QTextCursor
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from soc_copilot.domain.findings import Evidence
from soc_copilot.ui.context import Desk
from soc_copilot.ui.event_search import OpenSearcher
from soc_copilot.ui.evidence_file import (
    LINES_AFTER,
    LINES_BEFORE,
    EvidenceContext,
    read_context,
    stored_context,
)
from soc_copilot.ui.theme import GRID, PANEL_PADDING
from soc_copilot.ui.widgets import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.key_button import KeyButton
from soc_copilot.ui.widgets.raw_text import RawTextView

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance


class EvidenceContextWindow(QDialog):
    """Reads the lines with a job and shows them; steps through an alert's evidence.

    The file itself is asked first; where it no longer has the line, the archive is.

    Args:
        desk: The desk.
        parent: The window.
        opener: Gives the archive's searcher; None where there is none to ask.
    """

    def __init__(
        self, desk: Desk, parent: QWidget | None = None, opener: OpenSearcher | None = None
    ) -> None:
        super().__init__(parent)
        self._desk, self._opener = desk, opener
        self._lines: tuple[Evidence, ...] = ()
        self._at, self._generation = 0, 0
        self._shown: EvidenceContext | None = None
        self.setWindowTitle("Evidence in context")
        self.setModal(False)
        self.resize(1000, 640)
        self.place = ElidedLabel("", "heading", mode=Qt.TextElideMode.ElideMiddle)
        self.step = PlainLabel("", "muted")
        self.message = PlainLabel("", "error", wrap=True)
        self.text = RawTextView(desk.theme, "Lines around the evidence")
        self.previous = KeyButton("Previous", "P")
        self.following = KeyButton("Next", "N")
        close = QPushButton("Close")
        for button, slot in (
            (self.previous, lambda: self.move_by(-1)),
            (self.following, lambda: self.move_by(1)),
            (close, self.close),
        ):
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        for key, step in (("N", 1), ("P", -1)):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.activated.connect(lambda step=step: self.move_by(step))
        head = QHBoxLayout()
        head.setSpacing(GRID)
        head.addWidget(self.place, 1)
        for widget in (self.step, self.previous, self.following, close):
            head.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[PANEL_PADDING] * 4)
        column.setSpacing(GRID)
        column.addLayout(head)
        column.addWidget(self.message)
        column.addWidget(self.text, 1)
        desk.theme.changed.connect(self._fill)

    def show_evidence(self, lines: Sequence[Evidence], first: Evidence) -> None:
        """Open on one line of an alert's evidence."""
        self._lines = tuple(lines)
        self._at = self._lines.index(first)
        self._read()
        self.show()
        self.activateWindow()
        self.text.setFocus()

    def move_by(self, step: int) -> None:
        """Go to another line of the same alert."""
        target = self._at + step
        if 0 <= target < len(self._lines):
            self._at = target
            self._read()

    @property
    def shown(self) -> EvidenceContext | None:
        """What was read, None while it is on its way."""
        return self._shown

    def _read(self) -> None:
        self._generation += 1
        generation, evidence = self._generation, self._lines[self._at]
        self._shown = None
        self.place.setText(f"{evidence.path or 'stream'}, byte {evidence.offset:,}")
        self.step.setText(f"{self._at + 1} of {len(self._lines)}")
        self.previous.setEnabled(self._at > 0)
        self.following.setEnabled(self._at + 1 < len(self._lines))

        def done(context: EvidenceContext) -> None:
            if generation == self._generation:
                self._shown = context
                self._fill()

        def failed(text: str) -> None:
            if generation == self._generation:
                self.text.clear()  # it shows another line of evidence
                self.message.setText(text)
                self.message.show()

        opener = self._opener
        self._desk.jobs.submit(
            lambda governance: _context(governance, evidence, opener), done, failed
        )

    def _fill(self) -> None:
        if self._shown is None:
            return
        evidence = self._lines[self._at]
        self.message.set_kind("muted" if self._shown.is_from_archive else "error")
        self.message.setText(self._shown.message)
        self.message.setVisible(bool(self._shown.message))
        self.text.clear()
        width = len(f"{self._shown.lines[-1].offset:,}")
        at = 0
        for number, line in enumerate(self._shown.lines):
            spans = evidence.highlights if line.is_evidence else ()
            prefix = f"{line.offset:>{width},}  "
            self.text.add_line(line.text, spans, prefix=prefix, strong=line.is_evidence)
            if line.is_evidence:
                at = number
        cursor = QTextCursor(self.text.document().findBlockByNumber(at))
        self.text.setTextCursor(cursor)
        # Once more when the lines are wrapped: before that nobody knows how high they are.
        QTimer.singleShot(0, self.text, self.text.centerCursor)


def _context(
    governance: "Governance", evidence: Evidence, opener: OpenSearcher | None
) -> EvidenceContext:
    """The lines around, from the file, else from the archive. Worker thread."""
    context = read_context(evidence)
    if not context.message or opener is None:
        return context
    rows = opener(governance).around(evidence, LINES_BEFORE, LINES_AFTER)
    if not any(row.key[3] == evidence.offset for row in rows):
        return context
    return stored_context(evidence, [(row.key[3], row.raw) for row in rows])
