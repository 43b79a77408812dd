"""A button that shows the key which does the same."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget
from typing_extensions import override

from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel


class KeyButton(QPushButton):
    """Words and, beside them, the key in a small frame."""

    def __init__(self, text: str, key: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words, self.key = PlainLabel(text), PlainLabel(key, "key")
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 8 if key else 12, 4)
        row.setSpacing(GRID)
        row.addWidget(self.words)
        row.addWidget(self.key)
        self.key.setVisible(bool(key))
        for label in (self.words, self.key):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(text)

    @classmethod
    def for_action(cls, action: QAction, text: str, key: str) -> "KeyButton":
        """A button that triggers an action and is enabled with it."""
        button = cls(text, key)
        button.clicked.connect(action.trigger)
        button.setEnabled(action.isEnabled())
        action.enabledChanged.connect(button.setEnabled)
        return button

    @override
    def sizeHint(self) -> QSize:
        return self._row.sizeHint().expandedTo(QSize(0, 30))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()
