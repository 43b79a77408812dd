"""The message bar: names the thing and the way out, never a modal box."""

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.widgets.labels import PlainLabel, styled

LEVELS = {  # level: (colour role, icon)
    "info": ("accent", "info"),
    "ok": ("ok", "check"),
    "warning": ("medium", "warning"),
    "error": ("critical", "warning"),
}
_KEEP = 50  # chosen: messages that wait behind the one shown


class MessageBar(QFrame):
    """Shows one message at a time until a person dismisses it; later ones wait their turn.

    An "info" or "ok" message gives way to the next one; warnings and errors stay.
    """

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("messagebar")
        self._theme = theme
        self._waiting: list[tuple[str, str, str]] = []
        self._current: tuple[str, str, str] | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 6, 6, 6)
        column.setSpacing(GRID)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self._sign = PlainLabel()
        self.text = PlainLabel(wrap=True, selectable=True)
        self._more = PlainLabel("", "small")
        self.details_button = self._button("Details", self._toggle_details)
        self.copy_button = self._button("Copy", self._copy)
        self.close_button = self._button("Dismiss", self.dismiss)
        row.addWidget(self._sign)
        row.addWidget(self.text, 1)
        row.addWidget(self._more)
        for button in (self.details_button, self.copy_button, self.close_button):
            row.addWidget(button)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setMaximumHeight(160)
        self.details.hide()
        column.addLayout(row)
        column.addWidget(self.details)
        theme.changed.connect(self._paint)
        self.hide()

    def show_message(self, level: str, text: str, details: str = "") -> None:
        """Show a message, or queue it behind a warning or error that nobody read yet."""
        message = (level, text, details)
        if message == self._current or message in self._waiting:
            return
        if self._current is not None and self._current[0] in {"warning", "error"}:
            self._waiting = [*self._waiting, message][-_KEEP:]
            self._paint()
            return
        self._present(message)

    def dismiss(self) -> None:
        """Take the message away; the next one that waits comes up."""
        self._current = None
        if self._waiting:
            self._present(self._waiting.pop(0))
        else:
            self.hide()

    @property
    def current(self) -> tuple[str, str, str] | None:
        """Level, text and details of what is shown, None when nothing is."""
        return self._current

    def _present(self, message: tuple[str, str, str]) -> None:
        self._current = message
        level, text, details = message
        self.text.setText(text)
        self.details.setPlainText("\n".join(map(render_safe, details.splitlines())))
        self.details.hide()
        self.details_button.setText("Details")
        self.details_button.setVisible(bool(details))
        self.setProperty("level", level)
        styled(self)
        self._paint()
        self.show()

    def _paint(self) -> None:
        if self._current is None:
            return
        role, icon = LEVELS.get(self._current[0], LEVELS["info"])
        self._sign.setPixmap(self._theme.icon(icon, role).pixmap(16, 16))
        self._more.setText(f"{len(self._waiting)} more" if self._waiting else "")

    def _toggle_details(self) -> None:
        hidden = self.details.isHidden()
        self.details.setVisible(hidden)
        self.details_button.setText("Hide details" if hidden else "Details")

    def _copy(self) -> None:
        if self._current is not None:
            _, text, details = self._current
            lines = f"{text}\n\n{details}".strip().split("\n")
            QGuiApplication.clipboard().setText("\n".join(map(render_safe, lines)))

    def _button(self, text: str, slot: object) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("kind", "flat")
        button.clicked.connect(slot)
        return button
