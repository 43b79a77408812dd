"""The whole of a series as a strip, with a brush for the part that is looked at."""

from typing import Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from soc_copilot.domain.load import Trace
from soc_copilot.ui.plots.history import reduce_points
from soc_copilot.ui.plots.timeplot import LEFT_AXIS_PX
from soc_copilot.ui.theme import Theme

HEIGHT_PX: Final = 48
EDGE_PX: Final = 6  # chosen: so close to an edge of the brush, the edge is meant
LEAST_HOURS: Final = 12.0
MARK_PX: Final = 4  # chosen: height of what marks an interval
RIGHT_PX: Final = 8  # as the plot above has it


class BrushStrip(QWidget):
    """Drag the brush, or an edge of it; a click moves it there, a double click shows all.

    Signals:
        moved: First and last hour that a person wants to see.
    """

    moved = Signal(float, float)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._trace: Trace | None = None
        self._first, self._last = 0.0, 1.0
        self._drag: tuple[str, float] | None = None
        self._drawn: tuple[int, int, int, int] | None = None
        self._points = QPolygonF()
        self.is_greyed = False
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Overview of the series; arrows move the part that is seen")
        theme.changed.connect(self.update)

    @override
    def sizeHint(self) -> QSize:
        return QSize(400, HEIGHT_PX)

    @property
    def reach(self) -> tuple[float, float]:
        """First and last hour of the whole strip."""
        trace = self._trace
        if trace is None:
            return 0.0, 1.0
        return float(trace.start), float(trace.start + max(trace.room, 1))

    def show_trace(self, trace: Trace | None, first: float, last: float) -> None:
        """Show a series and the part of it that is looked at."""
        self._trace, self._first, self._last = trace, first, last
        self.update()

    # -- places

    def _groove(self) -> QRectF:
        return QRectF(LEFT_AXIS_PX, 2, max(self.width() - LEFT_AXIS_PX - RIGHT_PX, 1),
                      self.height() - 4)  # fmt: skip

    def _x(self, hour: float) -> float:
        (low, high), box = self.reach, self._groove()
        return box.left() + (hour - low) / (high - low) * box.width()

    def _hour(self, x: float) -> float:
        (low, high), box = self.reach, self._groove()
        return low + (x - box.left()) / box.width() * (high - low)

    # -- painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter, box, trace = QPainter(self), self._groove(), self._trace
        painter.fillRect(box, self._theme.color("track"))
        if trace is None:
            return
        self._plan(trace, box)
        tone = "muted" if self.is_greyed else "accent"
        painter.setPen(QPen(self._theme.color(tone), 1))
        painter.drawPolyline(self._points)
        for one in trace.intervals:
            role = ("low", "low", "medium", "high", "critical")[one.grade]
            left = self._x(one.first)
            wide = max(self._x(one.last + 1) - left, 2.0)
            painter.fillRect(QRectF(left, box.top(), wide, MARK_PX), self._theme.color(role))
        self._paint_brush(painter, box)
        head = self._x(trace.end)
        if head < box.right() - 1:
            painter.setPen(QPen(self._theme.color("text"), 1))
            painter.drawLine(QPointF(head, box.top()), QPointF(head, box.bottom()))
        if self.hasFocus():
            painter.setPen(QPen(self._theme.color("accent"), 1))
            painter.drawRect(box.adjusted(0, 0, -1, -1))

    def _paint_brush(self, painter: QPainter, box: QRectF) -> None:
        left = min(max(self._x(self._first), box.left()), box.right() - 3)
        right = max(min(self._x(self._last), box.right()), left + 3)
        veil = QColor(self._theme.color("surface", 0.55))
        painter.fillRect(QRectF(box.left(), box.top(), left - box.left(), box.height()), veil)
        painter.fillRect(QRectF(right, box.top(), box.right() - right, box.height()), veil)
        painter.setPen(QPen(self._theme.color("accent"), 1))
        painter.drawRect(QRectF(left, box.top(), right - left, box.height() - 1))

    def _plan(self, trace: Trace, box: QRectF) -> None:
        """The line, made anew only where hours or the width changed."""
        wanted = (id(trace), trace.n, int(box.width()), trace.room)
        if wanted == self._drawn:
            return
        self._drawn = wanted
        values = trace.columns["value"][: trace.n]
        x, y = reduce_points(np.arange(len(values), dtype=np.float64), values,
                             max(int(box.width()), 1))  # fmt: skip
        known = np.isfinite(y)
        if not known.any():
            self._points = QPolygonF()
            return
        x, y = x[known], y[known]
        low, high = float(y.min()), float(y.max())
        span = max(high - low, 1e-9)
        left, share = box.left(), box.width() / max(trace.room, 1)
        bottom, tall = box.bottom() - 3, box.height() - MARK_PX - 6
        self._points = QPolygonF(
            [
                QPointF(left + a * share, bottom - (b - low) / span * tall)
                for a, b in zip(x.tolist(), y.tolist(), strict=True)
            ]
        )

    # -- the mouse and the keys

    def _what(self, x: float) -> str:
        left, right = self._x(self._first), self._x(self._last)
        if abs(x - left) <= EDGE_PX:
            return "left"
        if abs(x - right) <= EDGE_PX:
            return "right"
        return "whole" if left < x < right else ""

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._trace is None or event.button() != Qt.MouseButton.LeftButton:
            return
        x = event.position().x()
        what = self._what(x)
        if not what:  # it jumps there
            middle, half = self._hour(x), (self._last - self._first) / 2
            self._tell(middle - half, middle + half)
            what = "whole"
        self._drag = (what, self._hour(x))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._drag is None:
            shape = {"left": Qt.CursorShape.SizeHorCursor, "right": Qt.CursorShape.SizeHorCursor}
            self.setCursor(shape.get(self._what(x), Qt.CursorShape.ArrowCursor))
            return
        what, at = self._drag
        now = self._hour(x)
        if what == "whole":
            self._tell(self._first + now - at, self._last + now - at)
            self._drag = (what, now)
        elif what == "left":
            self._tell(min(now, self._last - LEAST_HOURS), self._last)
        else:
            self._tell(self._first, max(now, self._first + LEAST_HOURS))

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._drag = None

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._trace is not None:
            self._tell(*self.reach)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        width = self._last - self._first
        steps = {Qt.Key.Key_Left: -width / 4, Qt.Key.Key_Right: width / 4}
        if event.key() in steps:
            by = steps[Qt.Key(event.key())]
            self._tell(self._first + by, self._last + by)
        elif event.key() in {Qt.Key.Key_Plus, Qt.Key.Key_Minus}:
            part = width * (0.125 if event.key() == Qt.Key.Key_Plus else -0.25)
            self._tell(self._first + part, self._last - part)
        else:
            super().keyPressEvent(event)

    def _tell(self, first: float, last: float) -> None:
        self._first, self._last = clamp(first, last, *self.reach)
        self.moved.emit(self._first, self._last)
        self.update()


def clamp(first: float, last: float, low: float, high: float) -> tuple[float, float]:
    """Keep a part within the whole, as wide as it is where there is room."""
    width = min(max(last - first, LEAST_HOURS), max(high - low, LEAST_HOURS))
    first = min(max(first, low), max(high - width, low))
    return first, first + width
