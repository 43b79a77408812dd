"""Scores over the last quarter of an hour in table cells: a heat map over one time axis."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QHelpEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyleOptionViewItem,
    QTableView,
    QToolTip,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.clock import from_us
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.host_rows import BAND_ROLES, BAND_WORDS, ORDINARY, THREAT, band
from soc_copilot.ui.models.host_streams import ROLE_STRIP, Strip
from soc_copilot.ui.stream_history import COLUMN_S, N_COLUMNS, SPAN_S
from soc_copilot.ui.theme import GRID, SMALL_PX, Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.delegates import (
    MARK_PX,
    ROLE_SEVERITY,
    CellDelegate,
    Index,
    paint_severity_shape,
)
from soc_copilot.ui.widgets.histogram import STEPS_S
from soc_copilot.ui.widgets.labels import safe_tip

TICK_PX: Final = 88  # least distance between two time labels
# Chosen: opacity of a column's ground by band; what is ordinary stays calm, the rest is seen
# from afar. The bar on it tells the value.
GROUNDS: Final = (0.0, 0.0, 0.18, 0.28)
LEAST_BAR_PX: Final = 2.0  # a score of zero is still seen: there were events


class StateDelegate(CellDelegate):
    """A band as shape and word: the shape by `ROLE_SEVERITY`, the word is the cell's text."""

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        box = self.paint_ground(painter, option, index)
        severity = index.data(ROLE_SEVERITY)
        if severity is None:
            return
        color = self._theme.severity_color(Severity(severity))
        self.paint_marked(painter, box, Severity(severity), str(index.data()), color)


class StripDelegate(CellDelegate):
    """Draws strips, and one crosshair through all of them.

    Args:
        theme: Colours.
        times: How a time is written.
        now: The present, seconds since 1970: the right end of every strip.
    """

    def __init__(
        self,
        theme: Theme,
        times: TimeFormat,
        now: Callable[[], float] = time.time,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, parent)
        self._times, self._now = times, now
        self.cursor_s: float | None = None
        self.is_greyed = False

    def time_at(self, x: float, box: QRectF) -> float | None:
        """The time at a place within a strip, None beside it."""
        if not box.left() <= x <= box.right() or box.width() <= 0:
            return None
        return self._now() - SPAN_S * (1 - (x - box.left()) / box.width())

    def x_at(self, second: float, box: QRectF) -> float:
        """Where a time stands."""
        return box.right() - (self._now() - second) / SPAN_S * box.width()

    def describe(self, strip: Strip, second: float) -> str:
        """What a strip shows at a time, in words."""
        back = int((strip.head_s - second) // COLUMN_S)
        start = strip.head_s - (back + 1) * COLUMN_S
        times = " to ".join(
            self._times.short(from_us(int(at * 1_000_000))) for at in (start, start + COLUMN_S)
        )
        if strip.cells is None or not 0 <= back < N_COLUMNS:
            return f"{times}: no events"
        score = float(strip.cells[N_COLUMNS - 1 - back])
        if np.isnan(score):
            return f"{times}: no events"
        word = BAND_WORDS[band(score, strip.threshold)].lower()
        return f"{times}: {score:.2f}, {word} (a threat from {strip.threshold:.2f} on)"

    def brief(self, strip: Strip, second: float) -> str:
        """The same in as few words as a line beside a title has room for."""
        times, _, words = self.describe(strip, second).rpartition(": ")
        return f"{times.partition(' to ')[0]}   {words.partition(' (')[0]}"

    @staticmethod
    def inner(rect: QRect) -> QRectF:
        """The strip within its cell."""
        return QRectF(rect).adjusted(GRID, 3, -GRID, -4)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        self.paint_ground(painter, option, index)
        strip = index.data(ROLE_STRIP)
        if not isinstance(strip, Strip):
            return
        box = self.inner(option.rect)
        painter.save()
        painter.setClipRect(box.adjusted(-1, -1, 1, 1))
        painter.fillRect(box, self._theme.color("track", 0.55))
        if strip.cells is not None:
            self._paint_cells(painter, box, strip)
            level = box.bottom() - strip.threshold * box.height()
            painter.setPen(QPen(self._theme.color("muted", 0.7), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(box.left(), level), QPointF(box.right(), level))
        for second in strip.marks_s:
            self._paint_mark(painter, box, second)
        if self.cursor_s is not None:
            x = self.x_at(self.cursor_s, box)
            painter.setPen(QPen(self._theme.color("text"), 1))
            painter.drawLine(QPointF(x, box.top() - 3), QPointF(x, box.bottom() + 4))
        painter.restore()

    def _paint_cells(self, painter: QPainter, box: QRectF, strip: Strip) -> None:
        cells = strip.cells
        if cells is None:
            return
        for place in np.flatnonzero(~np.isnan(cells)).tolist():
            score = min(max(float(cells[place]), 0.0), 1.0)
            end_s = strip.head_s - (N_COLUMNS - 1 - place) * COLUMN_S
            left = max(self.x_at(end_s - COLUMN_S, box), box.left())
            right = min(self.x_at(end_s, box), box.right())
            if right <= left:
                continue
            level = band(score, strip.threshold)
            role = "muted" if self.is_greyed else BAND_ROLES[level]
            column = QRectF(left, box.top(), max(right - left - 0.5, 1.0), box.height())
            painter.fillRect(column, self._theme.color(role, GROUNDS[level]))
            tall = max(score * box.height(), LEAST_BAR_PX)
            column.setTop(box.bottom() - tall)
            painter.fillRect(column, self._theme.color(role))

    def _paint_mark(self, painter: QPainter, box: QRectF, second: float) -> None:
        x = self.x_at(second, box)
        if box.left() <= x <= box.right():
            shape = QRectF(x - MARK_PX / 2, box.center().y() - MARK_PX / 2, MARK_PX, MARK_PX)
            color = self._theme.color("critical")
            paint_severity_shape(painter, shape, Severity.CRITICAL, color)

    @override
    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        strip = index.data(ROLE_STRIP)
        second = self.time_at(event.pos().x(), self.inner(option.rect))
        if isinstance(strip, Strip) and second is not None:
            QToolTip.showText(event.globalPos(), safe_tip(self.describe(strip, second)), view)
            return True
        return super().helpEvent(event, view, option, index)


class StripLegend(QWidget):
    """What the colours mean, in words."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.setAccessibleName(
            "Bars: a score, higher is worse; dotted: the score from which it is a threat"
        )
        self.setToolTip(safe_tip(
            "Each bar is the highest score of five seconds: the taller, the worse. Dotted: the "
            "score from which it is a threat."
        ))  # fmt: skip
        theme.changed.connect(self.update)

    @override
    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._theme.font(SMALL_PX))
        words = sum(metrics.horizontalAdvance(word) for word in BAND_WORDS[ORDINARY:])
        return QSize(words + (THREAT - ORDINARY + 1) * 3 * GRID, metrics.height() + GRID)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._theme.font(SMALL_PX))
        metrics, x = painter.fontMetrics(), 0.0
        middle = self.height() / 2
        for level in range(ORDINARY, THREAT + 1):
            word, role, tall = BAND_WORDS[level], BAND_ROLES[level], 4.0 * level
            ground = QRectF(x, middle - 6, 8, 12)
            painter.fillRect(ground, self._theme.color(role, GROUNDS[level]))
            painter.fillRect(QRectF(x, middle + 6 - tall, 8, tall), self._theme.color(role))
            painter.setPen(self._theme.color("muted"))
            wide = metrics.horizontalAdvance(word)
            painter.drawText(
                QRectF(x + 12, 0, wide + 1, self.height()), Qt.AlignmentFlag.AlignVCenter, word
            )
            x += wide + 3 * GRID


class StripHeader(QHeaderView):
    """A table's header whose strip column is the time axis."""

    def __init__(
        self, delegate: StripDelegate, section: int, theme: Theme, times: TimeFormat
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._delegate, self._section = delegate, section
        self._theme, self._times = theme, times
        theme.changed.connect(self.viewport().update)
        times.changed.connect(self.viewport().update)

    @override
    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        painter.save()
        super().paintSection(painter, rect, logicalIndex)
        painter.restore()
        if logicalIndex != self._section:
            return
        box = self._delegate.inner(rect)
        painter.save()
        painter.setFont(self._theme.font(SMALL_PX))
        painter.setPen(self._theme.color("muted"))
        metrics = painter.fontMetrics()
        zone = self._times.zone_name()
        zone_left = box.right() - metrics.horizontalAdvance(zone)
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter
        for second, words in self.ticks(box.width()):
            wide = metrics.horizontalAdvance(words)
            left = self._delegate.x_at(second, box) - wide / 2
            if left >= box.left() and left + wide <= zone_left - GRID:
                painter.drawText(QRectF(left, rect.top(), wide, rect.height()), middle, words)
        painter.drawText(
            QRectF(zone_left, rect.top(), box.right() - zone_left + 1, rect.height()), middle, zone
        )
        painter.restore()

    def ticks(self, width: float) -> list[tuple[float, str]]:
        """Round times on the axis, seconds since 1970, with their words."""
        end_s = self._delegate.time_at(1.0, QRectF(0, 0, 1, 1)) or 0.0
        wanted = SPAN_S * TICK_PX / max(width, 1.0)
        step = next((s for s in STEPS_S if s >= max(wanted, 60)), STEPS_S[-1])
        zone = self._times.tz()
        offset = datetime.fromtimestamp(end_s, UTC).astimezone(zone).utcoffset() or timedelta()
        shift = int(offset.total_seconds())
        first = -(-(int(end_s) - SPAN_S + shift) // step) * step - shift
        return [
            (float(s), f"{datetime.fromtimestamp(s, UTC).astimezone(zone):%H:%M}")
            for s in range(first, int(end_s) + 1, step)
        ]


class StripHover(QObject):
    """Follows the mouse over a table's strips; the crosshair goes through all of them.

    Args:
        view: The table.
        delegate: Of its strip column.
        column: Which one that is.
    """

    told = Signal(int, str)  # line (-1 beside the strips), what it shows there

    def __init__(self, view: QTableView, delegate: StripDelegate, column: int) -> None:
        super().__init__(view)
        self._view, self._delegate, self._column = view, delegate, column
        view.viewport().setMouseTracking(True)
        view.viewport().installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            self._move(event)
        elif event.type() == QEvent.Type.Leave:
            self._show(None, -1, "")
        return super().eventFilter(watched, event)

    def _move(self, event: QMouseEvent) -> None:
        index = self._view.indexAt(event.position().toPoint())
        if not index.isValid() or index.column() != self._column:
            self._show(None, -1, "")
            return
        box = self._delegate.inner(self._view.visualRect(index))
        second = self._delegate.time_at(event.position().x(), box)
        strip = index.data(ROLE_STRIP)
        if second is None or not isinstance(strip, Strip):
            self._show(None, -1, "")
        else:
            self._show(second, index.row(), self._delegate.brief(strip, second))

    def _show(self, second: float | None, row: int, words: str) -> None:
        if second is not None or self._delegate.cursor_s is not None:
            self._delegate.cursor_s = second
            self._view.viewport().update()
            self.told.emit(row, words)
