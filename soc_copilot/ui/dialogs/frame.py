"""The common shape of a dialog: title, one sentence, content, buttons at the right."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel

MARGIN = 3 * GRID  # px around a dialog's content
REASON_CHARS = 500  # chosen: longest reason that is taken


class DeskDialog(QDialog):
    """A dialog in the desk's look. Enter accepts, Esc rejects, everything else by Tab.

    Args:
        parent: The window that it belongs to.
        title: Its heading, also the window's title.
        text: What it is about, in a sentence or two; empty for none.
        accept: Words on the accepting button.
        kind: Look of that button: "primary" or "danger-solid".
        width: Of the dialog, px.

    Attributes:
        body: Layout for the content.
        accept_button: Enable it once what is needed is there.
    """

    def __init__(
        self,
        parent: QWidget | None,
        title: str,
        text: str,
        accept: str,
        *,
        kind: str = "primary",
        width: int = 520,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setModal(True)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(width)
        column = QVBoxLayout(self)
        column.setContentsMargins(MARGIN, MARGIN, MARGIN, 2 * GRID)
        column.setSpacing(2 * GRID)
        head = QVBoxLayout()
        head.setSpacing(GRID // 2)
        head.addWidget(PlainLabel(title, "title"))
        if text:
            head.addWidget(PlainLabel(text, "muted", wrap=True))
        column.addLayout(head)
        self.body = QVBoxLayout()
        self.body.setSpacing(2 * GRID)
        column.addLayout(self.body)
        column.addStretch(1)
        column.addLayout(self._make_footer(accept, kind))

    def _make_footer(self, accept: str, kind: str) -> QHBoxLayout:
        self.footer = QHBoxLayout()
        self.footer.setSpacing(GRID)
        self.footer.addStretch(1)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setAutoDefault(False)
        self.cancel_button.clicked.connect(self.reject)
        self.accept_button = QPushButton(accept)
        self.accept_button.setProperty("kind", kind)
        self.accept_button.setDefault(True)
        self.accept_button.clicked.connect(self.accept)
        self.footer.addWidget(self.cancel_button)
        self.footer.addWidget(self.accept_button)
        return self.footer

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        # As high as the text needs at this width: Qt guesses for a narrower one.
        layout = self.layout()
        if layout is not None and layout.hasHeightForWidth():
            self.resize(self.width(), layout.totalHeightForWidth(self.width()))

    def fit(self) -> None:
        """Grow to what the content needs now; never shrink, so that nothing jumps."""
        layout = self.layout()
        if layout is not None and layout.hasHeightForWidth():
            layout.activate()
            needed = layout.totalHeightForWidth(self.width())
            self.resize(self.width(), max(self.height(), needed))

    def add_field(self, title: str, field: QWidget, hint: str = "") -> None:
        """Put a titled field below what is there; the title names it for screen readers."""
        box = QVBoxLayout()
        box.setSpacing(GRID // 2)
        label = PlainLabel(title, "strong")
        label.setBuddy(field)
        field.setAccessibleName(title)
        box.addWidget(label)
        box.addWidget(field)
        if hint:
            box.addWidget(PlainLabel(hint, "small", wrap=True))
        self.body.addLayout(box)


class ReasonDialog(DeskDialog):
    """Asks for a reason and one confirmation.

    Args:
        parent: The window that it belongs to.
        title: Its heading.
        text: What will happen.
        accept: Words on the button that does it.
        kind: Look of that button.
        required: False when the reason may stay empty.
        example: Shown in the empty field.
    """

    def __init__(
        self,
        parent: QWidget | None,
        title: str,
        text: str,
        accept: str,
        *,
        kind: str = "primary",
        required: bool = True,
        example: str = "",
    ) -> None:
        super().__init__(parent, title, text, accept, kind=kind)
        self._required = required
        self.reason_edit = QLineEdit()
        self.reason_edit.setMaxLength(REASON_CHARS)
        self.reason_edit.setPlaceholderText(example)
        self.reason_edit.textChanged.connect(self._check)
        hint = "Kept in the audit trail, with your name and the time."
        self.add_field("Reason" if required else "Reason (may stay empty)", self.reason_edit, hint)
        self.reason_edit.setFocus()
        self._check()

    @property
    def reason(self) -> str:
        """What was typed, without blanks around it."""
        return self.reason_edit.text().strip()

    def _check(self) -> None:
        self.accept_button.setEnabled(bool(self.reason) or not self._required)
