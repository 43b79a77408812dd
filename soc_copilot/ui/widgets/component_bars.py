"""The parts of a score: a name, a bar, a value."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget
from typing_extensions import override

from soc_copilot.domain.findings import Component, Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.delegates import paint_bar
from soc_copilot.ui.widgets.labels import safe_tip

ROW_PX: Final = 26
NAME_SHARE: Final = 0.5  # of the width at most; the bar takes what is left
MAX_VALUE_SHARE: Final = 0.4
GAP_PX: Final = 12
MIN_BAR_PX: Final = 48
TEXT_CHARS: Final = 200


class ComponentBars(QWidget):
    """One row a part, strongest first, painted."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._parts: tuple[Component, ...] = ()
        self._severity = Severity.INFO
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def set_parts(self, parts: Sequence[Component], severity: Severity) -> None:
        """Show these parts in the severity's colour."""
        self._parts, self._severity = tuple(parts), severity
        self.setAccessibleName(
            "; ".join(f"{render_safe(p.name)} {render_safe(p.value)}" for p in parts)
        )
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(240, ROW_PX * len(self._parts))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._theme.font())
        metrics = painter.fontMetrics()
        values = [render_safe(part.value, TEXT_CHARS) for part in self._parts]
        widest = max((metrics.horizontalAdvance(value) for value in values), default=0)
        value_px = min(widest + 2, int(self.width() * MAX_VALUE_SHARE))
        names = [render_safe(part.name, TEXT_CHARS) for part in self._parts]
        widest = max((metrics.horizontalAdvance(name) for name in names), default=0)
        name_px = min(widest + 2, int(self.width() * NAME_SHARE))
        value_px = min(value_px, self.width() - name_px - MIN_BAR_PX - 2 * GAP_PX)
        bar_px = self.width() - name_px - value_px - 2 * GAP_PX
        side, elide = Qt.AlignmentFlag, Qt.TextElideMode.ElideRight
        rows = zip(self._parts, names, values, strict=True)
        for number, (part, name, value) in enumerate(rows):
            top = number * ROW_PX
            painter.setPen(self._theme.color("text"))
            painter.drawText(
                QRectF(0, top, name_px, ROW_PX),
                side.AlignVCenter | side.AlignLeft,
                metrics.elidedText(name, elide, name_px),
            )
            color = self._theme.severity_color(self._severity)
            bar = QRectF(name_px + GAP_PX, top, max(bar_px, 8), ROW_PX)
            paint_bar(painter, bar, part.weight, color, self._theme.color("track"))
            painter.setPen(self._theme.color("text"))
            painter.drawText(
                QRectF(self.width() - value_px, top, value_px, ROW_PX),
                side.AlignVCenter | side.AlignRight,
                metrics.elidedText(value, elide, value_px),
            )

    @override
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            number = event.pos().y() // ROW_PX
            if 0 <= number < len(self._parts):
                part = self._parts[number]
                QToolTip.showText(event.globalPos(), safe_tip(f"{part.name}: {part.value}"), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)
