"""Panels and the inviting empty state."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.ui.theme import GRID, PANEL_PADDING, Theme
from soc_copilot.ui.widgets.labels import PlainLabel

TEXT_WIDTH = 520  # px, chosen: about 70 letters a line


def hline() -> QFrame:
    """A horizontal rule of the theme's line colour."""
    line = QFrame()
    line.setObjectName("hline")
    line.setFixedHeight(1)
    return line


class Card(QFrame):
    """A panel with an optional title row: title, hint beside it, and room at the right.

    Attributes:
        body: Layout for the content.
        header: Layout of the title row; add widgets at its end for the right side.
    """

    clicked = Signal()

    def __init__(
        self,
        title: str = "",
        hint: str = "",
        *,
        clickable: bool = False,
        padding: int = PANEL_PADDING,
    ) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setProperty("clickable", clickable)
        self._clickable = clickable
        if clickable:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setAccessibleName(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(padding, padding - 4, padding, padding - 4)
        outer.setSpacing(GRID)
        self.header = QHBoxLayout()
        self.header.setSpacing(GRID)
        if title:
            self.title = PlainLabel(title, "heading")
            self.hint = PlainLabel(hint, "small")
            self.header.addWidget(self.title)
            self.header.addWidget(self.hint)
            self.header.addStretch(1)
            outer.addLayout(self.header)
        self.body = QVBoxLayout()
        self.body.setSpacing(GRID)
        outer.addLayout(self.body, 1)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        inside = self.rect().contains(event.position().toPoint())
        if self._clickable and event.button() == Qt.MouseButton.LeftButton and inside:
            self.clicked.emit()
        super().mouseReleaseEvent(event)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = {Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space}
        if self._clickable and event.key() in keys:
            self.clicked.emit()
            return
        super().keyPressEvent(event)


class EmptyState(QWidget):
    """Says what will appear here, why it is empty now, and offers the next step.

    Args:
        theme: For the drawing's colour.
        icon: Name of a drawing.
        title: What will be here.
        text: Why it is empty now.
        actions: Buttons, the first one is the main way on; they follow the actions' state.
    """

    def __init__(
        self, theme: Theme, icon: str, title: str, text: str, actions: Sequence[QAction] = ()
    ) -> None:
        super().__init__()
        self._theme, self._icon = theme, icon
        column = QVBoxLayout(self)
        column.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        column.setSpacing(GRID)
        column.addStretch(2)
        self._drawing = PlainLabel()
        self.title = PlainLabel(title, "title", wrap=True)
        self.text = PlainLabel(text, "muted", wrap=True)
        for label in (self._drawing, self.title):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.text.setMaximumWidth(TEXT_WIDTH)
        middle = QHBoxLayout()  # not an alignment: that would cut the text's height
        middle.addStretch(1)
        middle.addWidget(self.text, 100)
        middle.addStretch(1)
        column.addLayout(middle)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(GRID)
        self.buttons.addStretch(1)
        for place, action in enumerate(actions):
            button = QPushButton(action.text().rstrip("…"))
            if place == 0:
                button.setProperty("kind", "primary")
            button.clicked.connect(action.trigger)
            button.setEnabled(action.isEnabled())
            action.enabledChanged.connect(button.setEnabled)
            self.buttons.addWidget(button)
        self.buttons.addStretch(1)
        column.addSpacing(GRID)
        column.addLayout(self.buttons)
        column.addStretch(3)
        theme.changed.connect(self._paint)
        self._paint()

    def _paint(self) -> None:
        scale = self.devicePixelRatioF()
        pixmap = self._theme.icon(self._icon, "muted", 40).pixmap(40, 40)
        pixmap.setDevicePixelRatio(max(pixmap.devicePixelRatioF(), scale))
        self._drawing.setPixmap(pixmap)
