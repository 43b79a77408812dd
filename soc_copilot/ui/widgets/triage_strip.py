"""The line under the alerts: what was done, what is selected, and where closing is asked."""

from typing import Final

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.alerts import Disposition
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.key_button import KeyButton

HEIGHT_PX: Final = 32
CLOSE_KEYS: Final = {
    Qt.Key.Key_T: Disposition.TRUE_POSITIVE,
    Qt.Key.Key_F: Disposition.FALSE_POSITIVE,
    Qt.Key.Key_B: Disposition.BENIGN,
    Qt.Key.Key_D: Disposition.DUPLICATE,
}
HINTS: Final = (
    "J K move    X select    A take    E close    S suppress    C note    Ctrl+Z undo    ? all keys"
)


def _row(widget: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(GRID)
    return row


class TriageStrip(QStackedWidget):
    """One line of fixed height, so that asking something never moves the table."""

    close_chosen = Signal(object, str)  # Disposition, note
    note_entered = Signal(str)
    left = Signal()  # nothing is asked any more: the focus belongs to the table
    undo_clicked = Signal()
    unselect_clicked = Signal()
    cancel_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT_PX)
        self._idle, self._closing = QWidget(), _ClosePanel()
        self._noting = _NotePanel()
        self._make_idle()
        for panel in (self._idle, self._closing, self._noting):
            self.addWidget(panel)
        self._closing.chosen.connect(self._on_chosen)
        self._closing.cancelled.connect(self.dismiss)
        self._noting.entered.connect(self._on_note)
        self._noting.cancelled.connect(self.dismiss)

    @property
    def is_asking(self) -> bool:
        """True while a disposition or a note is asked for."""
        return self.currentWidget() is not self._idle

    @property
    def note_field(self) -> QLineEdit:
        """Where the note is typed in the panel that is open."""
        return self._noting.field if self.currentWidget() is self._noting else self._closing.field

    def ask_close(self, subject: str) -> None:
        """Ask how to close: `subject` is "214 alerts", empty for the current one."""
        self._closing.ask(subject)
        self.setCurrentWidget(self._closing)
        self._closing.setFocus()

    def ask_note(self, subject: str) -> None:
        """Ask for a note."""
        self._noting.ask(subject)
        self.setCurrentWidget(self._noting)
        self._noting.field.setFocus()

    def dismiss(self) -> None:
        """Ask nothing any more."""
        if self.is_asking:
            self.setCurrentWidget(self._idle)
            self.left.emit()

    def show_done(self, words: str, *, can_undo: bool) -> None:
        """Say what was done; stays until the next thing is done."""
        self.words.setText(words)
        self.undo.setVisible(can_undo)

    def show_selection(self, words: str) -> None:
        """Say what is selected for an action on several alerts; empty for nothing."""
        self.selection.setText(words)
        self.selection.setVisible(bool(words))
        self.unselect.setVisible(bool(words))
        self.hints.setVisible(not words and self.progress.isHidden())

    def show_progress(self, done: int, total: int) -> None:
        """How far a long action is; `total` 0 hides the bar again."""
        self.progress.setVisible(total > 0)
        self.cancel.setVisible(total > 0)
        self.hints.setVisible(total == 0 and self.selection.isHidden())
        if total > 0:
            self.progress.setRange(0, total)
            self.progress.setValue(done)

    def _make_idle(self) -> None:
        row = _row(self._idle)
        self.words = ElidedLabel("", "")
        self.undo = KeyButton("Undo", "Ctrl+Z")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(200)
        self.cancel = QPushButton("Cancel")
        self.selection = PlainLabel("", "strong")
        self.unselect = KeyButton("Unselect", "Esc")
        self.hints = PlainLabel(HINTS, "small")
        self.hints.setMinimumWidth(0)
        row.addWidget(self.selection)
        row.addWidget(self.unselect)
        row.addWidget(self.words, 1)
        for widget in (self.undo, self.progress, self.cancel, self.hints):
            row.addWidget(widget)
        for widget in (self.undo, self.progress, self.cancel, self.selection, self.unselect):
            widget.hide()
        self.undo.clicked.connect(self.undo_clicked)
        self.unselect.clicked.connect(self.unselect_clicked)
        self.cancel.clicked.connect(self.cancel_clicked)

    def _on_chosen(self, disposition: Disposition, note: str) -> None:
        self.dismiss()
        self.close_chosen.emit(disposition, note)

    def _on_note(self, text: str) -> None:
        self.dismiss()
        self.note_entered.emit(text)


class _Panel(QWidget):
    """A question in the strip; Esc takes it back."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.field = QLineEdit()
        self.field.setMaxLength(2_000)
        self.field.installEventFilter(self)
        self.subject = PlainLabel("", "strong")
        self.cancel = KeyButton("Cancel", "Esc")
        self.cancel.clicked.connect(self.cancelled)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
            return
        super().keyPressEvent(event)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()  # Esc means this question, not the page's filter
            if event.type() == QEvent.Type.KeyPress:
                self.cancelled.emit()
            return True
        return super().eventFilter(watched, event)


class _ClosePanel(_Panel):
    chosen = Signal(object, str)

    def __init__(self) -> None:
        super().__init__()
        row = _row(self)
        row.addWidget(self.subject)
        self.buttons: dict[Disposition, KeyButton] = {}
        for key, disposition in CLOSE_KEYS.items():
            button = KeyButton(disposition.label, chr(key))
            button.clicked.connect(lambda _c=False, d=disposition: self._choose(d))
            self.buttons[disposition] = button
            row.addWidget(button)
        self.field.setPlaceholderText("Note, optional: Tab first, then Enter")
        self.field.returnPressed.connect(self.setFocus)
        self.field.setAccessibleName("Note")
        row.addWidget(self.field, 1)
        row.addWidget(self.cancel)
        self.setTabOrder(self, self.field)

    def ask(self, subject: str) -> None:
        self.subject.setText(f"Close {subject} as" if subject else "Close as")
        self.field.clear()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        disposition = CLOSE_KEYS.get(Qt.Key(event.key()))
        if disposition is not None and not event.modifiers():
            self._choose(disposition)
            return
        if event.key() == Qt.Key.Key_Tab and self.hasFocus():
            self.field.setFocus(Qt.FocusReason.TabFocusReason)
            return
        super().keyPressEvent(event)

    def _choose(self, disposition: Disposition) -> None:
        self.chosen.emit(disposition, self.field.text().strip())


class _NotePanel(_Panel):
    entered = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        row = _row(self)
        row.addWidget(self.subject)
        self.field.setPlaceholderText("What did you find?")
        self.field.setAccessibleName("Note")
        self.field.returnPressed.connect(self._enter)
        self.add = KeyButton("Add", "Enter")
        self.add.clicked.connect(self._enter)
        row.addWidget(self.field, 1)
        row.addWidget(self.add)
        row.addWidget(self.cancel)

    def ask(self, subject: str) -> None:
        self.subject.setText(f"Note on {subject}" if subject else "Note")
        self.field.clear()

    def _enter(self) -> None:
        if text := self.field.text().strip():
            self.entered.emit(text)
