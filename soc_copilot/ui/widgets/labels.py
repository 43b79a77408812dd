"""Labels that show text as it is: nothing from a log is ever taken for markup."""

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QStyleOption, QWidget
from typing_extensions import override

from soc_copilot.domain.text import render_safe

TIP_CHARS = 1_000  # chosen: characters of a tooltip
WORD_PX = 240  # chosen: a wrapped label asks for no more, however long a word is


def safe_tip(text: str) -> str:
    """A tooltip that shows the text itself, wrapped, whatever it contains."""
    lines = [escape(render_safe(line)) for line in text[:TIP_CHARS].splitlines()]
    return "<p style='white-space:pre-wrap'>" + "<br/>".join(lines) + "</p>" if text else ""


class PlainLabel(QLabel):
    """A label for plain text only; the one place where a QLabel is made.

    Args:
        text: Shown literally, hidden characters made visible (line breaks stay).
        kind: Look: "", "muted", "small", "title", "heading", "number", "strong", "key",
            "error", "ok", or a severity's word in lower case.
    """

    def __init__(
        self,
        text: str = "",
        kind: str = "",
        *,
        wrap: bool = False,
        selectable: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        if selectable:
            flags = Qt.TextInteractionFlag
            self.setTextInteractionFlags(flags.TextSelectableByMouse)
        self.set_kind(kind)
        self.setText(text)

    @override
    def setText(self, text: str) -> None:
        super().setText("\n".join(render_safe(line) for line in text.split("\n")))

    @override
    def minimumSizeHint(self) -> QSize:
        # Qt asks for the longest word's width; a word of 8 KiB would push the desk off the screen.
        hint = super().minimumSizeHint()
        return hint.boundedTo(QSize(WORD_PX, hint.height())) if self.wordWrap() else hint

    def set_kind(self, kind: str) -> None:
        """Change the look."""
        if self.property("kind") != kind:
            self.setProperty("kind", kind)
            if self.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):  # else Qt does it later
                self.style().unpolish(self)
                self.style().polish(self)


class ElidedLabel(PlainLabel):
    """One line that ends in an ellipsis when it does not fit, whole in the tooltip."""

    def __init__(
        self,
        text: str = "",
        kind: str = "",
        *,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        self._mode = mode
        super().__init__(text, kind, parent=parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @override
    def setText(self, text: str) -> None:
        super().setText(text)
        self._update_tip()

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().averageCharWidth() * 4, super().minimumSizeHint().height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_tip()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        option = QStyleOption()
        option.initFrom(self)
        shown = self.fontMetrics().elidedText(self.text(), self._mode, self.width())
        self.style().drawItemText(
            painter,
            self.rect(),
            int(self.alignment() | Qt.AlignmentFlag.AlignVCenter),
            option.palette,
            self.isEnabled(),
            shown,
            self.foregroundRole(),
        )
        painter.end()

    def _update_tip(self) -> None:
        fits = self.fontMetrics().horizontalAdvance(self.text()) <= self.width()
        self.setToolTip("" if fits else safe_tip(self.text()))


def styled(widget: QWidget) -> QStyle:
    """The widget's style after a property changed: polished again."""
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    return style
