"""Raw log text in a monospaced view: plain, inert, with the suspicious parts marked."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import (
    QFont,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy, QWidget
from typing_extensions import override

from soc_copilot.domain.findings import Highlight
from soc_copilot.domain.text import render_safe_spans
from soc_copilot.ui.theme import SMALL_PX, Theme

GAP_PX = 5  # px of the empty line between two pieces of evidence


class RawTextView(QPlainTextEdit):
    """A read-only view that only ever inserts plain text with formats, never markup."""

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._n_blocks = theme, 0
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(4)
        flags = Qt.TextInteractionFlag
        self.setTextInteractionFlags(flags.TextSelectableByMouse | flags.TextSelectableByKeyboard)

    def add_caption(self, text: str, *, is_first: bool = False) -> None:
        """A small muted line, such as where the next one comes from.

        Args:
            text: What it says.
            is_first: Something new begins here: leave a little room above.
        """
        if is_first and self._n_blocks:
            self._insert_block([(" ", self._format(self._theme.font(GAP_PX), "muted"))])
        form = self._format(self._theme.font(SMALL_PX), "muted")
        self._insert_block([(text, form)])

    def add_line(
        self, raw: str, spans: Sequence[Highlight] = (), *, prefix: str = "", strong: bool = False
    ) -> None:
        """A line of log text with its hidden characters made visible.

        Args:
            raw: As it was read.
            spans: [start, end) character ranges of `raw` to mark.
            prefix: Muted text before it.
            strong: Tint the whole line.
        """
        safe, moved = render_safe_spans(raw, tuple(spans))
        plain = self._format(self._theme.mono_font(), "text")
        marked = QTextCharFormat(plain)
        marked.setBackground(self._theme.color("mark"))
        parts = [(prefix, self._format(self._theme.mono_font(), "muted"))] if prefix else []
        at = 0
        for start, end in sorted(moved):
            start = max(start, at)
            if end > start:
                parts += [(safe[at:start], plain), (safe[start:end], marked)]
                at = end
        parts.append((safe[at:], plain))
        self._insert_block(parts, strong=strong)

    @override
    def clear(self) -> None:
        super().clear()
        self._n_blocks = 0

    @property
    def n_blocks(self) -> int:
        """Captions and lines added since the last `clear`."""
        return self._n_blocks

    def _insert_block(
        self, parts: Sequence[tuple[str, QTextCharFormat]], *, strong: bool = False
    ) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        block = QTextBlockFormat()
        if strong:
            block.setBackground(self._theme.color("selection"))
        if self._n_blocks:
            cursor.insertBlock(block)
        else:
            cursor.setBlockFormat(block)
        self._n_blocks += 1
        for text, form in parts:
            cursor.insertText(text, form)

    def _format(self, font: QFont, role: str) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setFont(font)
        form.setForeground(self._theme.color(role))
        return form


class FittedRawText(RawTextView):
    """As high as its text, within limits, so that a page of it scrolls as one."""

    MIN_PX, MAX_PX = 56, 320

    def __init__(self, theme: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(theme, name, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.document().documentLayout().documentSizeChanged.connect(self._on_size_changed)

    @override
    def sizeHint(self) -> QSize:
        height, block = 0.0, self.document().firstBlock()
        while block.isValid() and height < self.MAX_PX:
            height += self.blockBoundingRect(block).height()
            block = block.next()
        around = self.height() - self.viewport().height() + 2 * self.document().documentMargin()
        return QSize(200, max(self.MIN_PX, min(round(height + around), self.MAX_PX)))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()  # other widths wrap into other heights

    def _on_size_changed(self) -> None:
        self.updateGeometry()
