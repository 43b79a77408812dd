"""A series against its forecast: band, benchmark, what was detected, and how grave it was."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QImage, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from soc_copilot.domain.load import LoadInterval, Trace
from soc_copilot.ui.plots.history import reduce_points
from soc_copilot.ui.plots.timeplot import TICK_PX, Line, TimeAxis, TimePlot, ValueAxis, nice_step
from soc_copilot.ui.theme import SMALL_PX, Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.units import count_text

HOUR_S: Final = 3600.0
DAY_H: Final = 24
LEAST_HOURS: Final = 12.0  # chosen: no closer may one look
STRIP_PX: Final = 5  # chosen: height of the row of severities
LABEL_PX: Final = 52  # chosen: a narrower interval has no label
# Measured: 2,000 points up and down, smoothed and wider than a pixel, take 2.7 s; plain, 10 ms.
DENSE_HOURS: Final = 600
MOST_SHADED: Final = 200  # chosen: intervals drawn at once
EDGE_PX: Final = 8  # so close to an end of the axis a label would be cut
ZOOM: Final = 1.25  # chosen: a step of the wheel
_STEPS_H: Final = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336)
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
_MONTH_H: Final = 730.5
SHORT_WORDS: Final = {
    "pulse": "pulses", "point_burst": "single hours", "scaling": "constant share",
    "ramp_up": "ramp up", "ramp_up_down": "ramp up, down", "random": "random share",
    "smooth_curve": "smooth curve", "seasonal": "daily wave",
}  # fmt: skip


class ClockAxis(TimeAxis):
    """Hours, days, months or years of the series' own clock."""

    @override
    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        wanted = (maxVal - minVal) / HOUR_S * TICK_PX / max(size, 1.0)
        step = next((s for s in _STEPS_H if s >= wanted), 0)
        if step:
            width = step * HOUR_S
            first = -(-minVal // width)
            return [(width, [i * width for i in range(int(first), int(maxVal // width) + 1)])]
        months = next((m for m in _MONTHS if m * _MONTH_H >= wanted), _MONTHS[-1])
        return [(months * _MONTH_H * HOUR_S, _month_starts(minVal, maxVal, months))]

    @override
    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [_tick(datetime.fromtimestamp(v, UTC), spacing) for v in values]


def _month_starts(first: float, last: float, step: int) -> list[float]:
    year = datetime.fromtimestamp(first, UTC).year
    found, month = [], 0
    while (at := datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) <= last:
        if at >= first:
            found.append(at)
        month += step
    return found


def _tick(at: datetime, spacing: float) -> str:
    if spacing >= 12 * _MONTH_H * HOUR_S:
        return f"{at:%Y}"
    if spacing >= _MONTH_H * HOUR_S:
        return f"{at:%Y}" if at.month == 1 else f"{at:%b}"
    if spacing >= DAY_H * HOUR_S or at.hour == 0:
        return f"{at:%b} {at.day}"
    return f"{at:%H:%M}"


class LevelAxis(ValueAxis):
    """Round values between the lowest and the highest; zero only where it lies there."""

    @override
    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        step = nice_step(maxVal - minVal, max(2, int(size // 48)))
        first, last = int(np.ceil(minVal / step)), int(np.floor(maxVal / step))
        values = [i * step for i in range(first, last + 1)]
        edge = (maxVal - minVal) * EDGE_PX / max(size, 1.0)
        whole = [value for value in values if minVal + edge <= value <= maxVal - edge]
        return [(step, whole or values)]

    @override
    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [level_text(value, spacing) for value in values]


def level_text(value: float, step: float = 0.0) -> str:
    """A value with as many digits as tell two ticks apart: "32.5k"."""
    for limit, divisor, unit in ((1e3, 1.0, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M")):
        if abs(value) < limit:
            shown, apart = value / divisor, step / divisor
            digits = 0 if apart >= 1 or not apart else min(3, int(np.ceil(-np.log10(apart))))
            if not apart:
                return count_text(value)
            return f"{shown:.{digits}f}{unit}" if shown else "0"
    return f"{value:.3g}"


class LoadPlot(TimePlot):
    """Draws the hours of one trace that are seen; the wheel zooms, dragging moves.

    Signals:
        moved: First and last hour that a person wants to see.
    """

    moved = Signal(float, float)
    head_room = 4.0  # chosen: parts of a sixteenth that labels have above the highest value
    bottom_axis = ClockAxis
    left_axis = LevelAxis

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        self._trace: Trace | None = None
        self._first, self._last = 0.0, 1.0
        self._shaded: tuple[LoadInterval, ...] = ()
        self._grabbed: float | None = None
        self._is_dense = False
        self._edges = (np.empty(0), np.empty(0), np.empty(0))  # of the band: hours, lower, upper
        super().__init__(theme, TimeFormat("UTC"), level_text, parent=parent)
        self._low, self._high = pg.PlotDataItem(), pg.PlotDataItem()
        for edge in (self._low, self._high):
            edge.setPen(pg.mkPen(None))
            self.addItem(edge)
        self._band = pg.FillBetweenItem(self._low, self._high)
        self._band.setZValue(-10)
        self.addItem(self._band)
        self._paint_lines()

    @property
    def trace(self) -> Trace | None:
        """What is drawn."""
        return self._trace

    @property
    def span(self) -> tuple[float, float]:
        """First and last hour that are seen."""
        return self._first, self._last

    def show_trace(self, trace: Trace | None) -> None:
        """Draw another series."""
        self._trace = trace
        self.draw()

    def show_hours(self, first: float, last: float) -> None:
        """Look at these hours."""
        self._first, self._last = first, max(last, first + LEAST_HOURS)
        self.draw()

    def draw(self) -> None:
        """Read the trace again, as far as it is seen."""
        trace, first, last = self._trace, self._first, self._last
        self.set_range(first * HOUR_S, last * HOUR_S)
        if trace is None:
            for line in self.lines:
                self.set_data(line.key, np.empty(0), np.empty(0))
            self._set_band(np.empty(0), np.empty(0), np.empty(0))
            self._shaded = ()
            return
        low, high = int(first) - 1, int(last) + 1
        is_dense = high - low > DENSE_HOURS
        if is_dense is not self._is_dense:
            self._is_dense = is_dense
            self._pen_all()
        for line in self.lines:
            if not self._has_room(line.key):
                self.set_data(line.key, np.empty(0), np.empty(0))
                continue
            hours, values = trace.window(line.key, low, high)
            self.set_data(line.key, hours * HOUR_S, values.copy())
            if is_dense:
                curve = self._curves[line.key]
                curve.setData(curve.xData, curve.yData, antialias=False, connect="finite")
        hours, (lower, upper) = trace.windows(("lower", "upper"), low, high)
        if not self._has_room("band"):
            hours = lower = upper = np.empty(0)
        self._set_band(hours * HOUR_S, lower, upper)
        seen = [one for one in trace.intervals if one.last >= low and one.first <= high]
        self._shaded = tuple(seen[-MOST_SHADED:])
        self.fit()
        self.viewport().update()

    def _has_room(self, key: str) -> bool:
        """Whether a line, or the band, is drawn of the hours that are seen."""
        return True

    @override
    def fit(self) -> None:
        parts = [y for _, y in self._data.values() if len(y)]
        edges = list(self._edges[1:])
        found = np.concatenate([*parts, *edges]) if parts else np.empty(0)
        found = found[np.isfinite(found)]
        if not len(found):
            self.setYRange(0, 1, padding=0)
            return
        low, high = float(found.min()), float(found.max())
        room = max((high - low) * 0.06, abs(high) * 0.01, 1e-9)
        # A little more above for the labels of intervals, and below for the row of severities.
        self.setYRange(low - 1.5 * room, high + self.head_room * room, padding=0)

    def _set_band(self, x: Any, lower: Any, upper: Any) -> None:
        known = np.isfinite(lower) & np.isfinite(upper)
        width = max(int(self.getViewBox().width()), 1)
        low_x, low_y = _edge(x[known], lower[known], width, np.min)
        high_x, high_y = _edge(x[known], upper[known], width, np.max)
        self._edges = (low_x, low_y, high_y)
        if self._is_dense:  # filled column by column, see `_fill_columns`
            low_x = low_y = high_x = high_y = np.empty(0)
        self._low.setData(low_x, low_y)
        self._high.setData(high_x, high_y)

    def _paint_lines(self) -> None:
        color = self._theme.color
        self.set_lines(
            [
                Line("benchmark", "typical day", color("muted")),
                Line("forecast", "forecast", color("ok")),
                Line("value", "actual", color("text")),
            ]
        )
        self._band.setBrush(pg.mkBrush(color("muted" if self._greyed else "ok", 0.18)))

    @override
    def _pen_all(self) -> None:
        super()._pen_all()
        for key, style, width in (
            ("benchmark", Qt.PenStyle.DotLine, 1.0), ("forecast", Qt.PenStyle.SolidLine, 1.5),
            ("value", Qt.PenStyle.SolidLine, 1.5),
        ):  # fmt: skip
            line = next((one for one in self.lines if one.key == key), None)
            if line is not None and key in self._curves:
                color = self._theme.color("muted", 0.5) if self._greyed else line.color
                if self._is_dense:
                    style, width = Qt.PenStyle.SolidLine, 1.0
                self._curves[key].setPen(pg.mkPen(color, width=width, style=style))

    @override
    def paint_theme(self) -> None:
        super().paint_theme()
        if hasattr(self, "_band"):
            self._paint_lines()

    # -- painting

    @override
    def drawBackground(self, painter: Any, rect: Any) -> None:
        pg.PlotWidget.drawBackground(self, painter, rect)
        view = self.getViewBox()
        box = view.sceneBoundingRect()
        bottom, top = view.viewRange()[1]
        painter.setPen(QPen(self._theme.color("line"), 0))
        for _, values in self._axes["left"].tickValues(bottom, top, box.height()):
            for value in values:
                y = view.mapViewToScene(QPointF(0, value)).y()
                painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))
        painter.save()
        painter.setClipRect(box)
        if self._is_dense:
            self._fill_columns(painter, box, bottom, top)
        for one in self._shaded:
            shade = self._box_of(one, box)
            painter.fillRect(shade, self._tone(one, 0.14))
            if one.is_exercise:  # hatched: nobody takes it for a real one
                hatch = QBrush(self._tone(one, 0.30), Qt.BrushStyle.BDiagPattern)
                painter.fillRect(shade, hatch)
        painter.restore()

    def _fill_columns(self, painter: Any, box: QRectF, bottom: float, top: float) -> None:
        """The band of many hours, pixel by pixel: as one polygon a year of it takes Qt 80 ms."""
        x, lower, upper = self._edges
        wide, tall = int(box.width()), int(box.height())
        if len(x) < 2 or wide < 1 or tall < 1:
            return
        seen = self._first + (np.arange(wide) + 0.5) / wide * (self._last - self._first)
        at = np.searchsorted(x, seen * HOUR_S, side="right") - 1
        known = (at >= 0) & (seen * HOUR_S < x[-1] + (x[-1] - x[-2]))
        edges = (np.where(known, edge[at], np.nan) for edge in (upper, lower))
        with np.errstate(invalid="ignore"):
            high, low = (np.round((top - edge) / (top - bottom) * tall) for edge in edges)
            rows = np.arange(tall)[:, None]
            inside = (rows >= high) & (rows < np.maximum(low, high + 1))
        color = self._theme.color("muted" if self._greyed else "ok", 0.18)
        pixels = np.where(inside, np.uint32(color.rgba()), np.uint32(0))
        image = QImage(pixels.tobytes(), wide, tall, QImage.Format.Format_ARGB32)
        painter.drawImage(box.topLeft(), image)

    @override
    def drawForeground(self, painter: Any, rect: Any) -> None:
        super().drawForeground(painter, rect)
        if self._trace is None:
            return
        box = self.getViewBox().sceneBoundingRect()
        painter.save()
        painter.setClipRect(box)
        painter.setFont(self._theme.font(SMALL_PX, bold=True))
        boxes = [self._box_of(one, box) for one in self._shaded]
        left = box.left()
        for place, one in enumerate(self._shaded):
            is_last = place + 1 == len(boxes)
            right = box.right() if is_last else boxes[place + 1].left() - 8
            left = self._label(painter, one, boxes[place], left, right)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        self._grades(painter, box, self._trace)
        painter.restore()

    def _label(
        self, painter: Any, one: LoadInterval, box: QRectF, left: float, right: float
    ) -> float:
        """Above an interval, as far as its neighbours leave room; returns where it ends."""
        painter.fillRect(QRectF(box.left(), box.top(), box.width(), 2), self._tone(one, 1.0))
        if right - left < LABEL_PX:
            return left
        words = SHORT_WORDS.get(one.template, "odd values")
        text = f"{words} {one.size if one.template else one.deviation:+.0%}"
        metrics = painter.fontMetrics()
        marked = f"exercise: {text}"
        if one.is_exercise and metrics.horizontalAdvance(marked) + 8 <= right - left:
            text = marked
        wanted, start = metrics.horizontalAdvance(text) + 4, box.left() + 3
        if start + wanted > right:
            start = max(left, min(start, right - wanted))
        room = min(right - start, wanted)
        if room < LABEL_PX:
            return left
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.setPen(self._tone(one, 1.0))
        where = QRectF(start, box.top() + 5, room, metrics.height())
        painter.drawText(where, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop, text)
        return float(where.right()) + 8

    def _grades(self, painter: Any, box: QRectF, trace: Trace) -> None:
        """The worst grade of each pixel, and a tick where something is odd about a value."""
        low = min(max(int(self._first) - trace.start, 0), trace.n)
        high = min(max(int(self._last) + 2 - trace.start, low), trace.n)
        places = np.flatnonzero((trace.grades[low:high] > 0) | (trace.odds[low:high] > 0)) + low
        if not len(places):
            return
        share = box.width() / (self._last - self._first)
        columns: dict[int, tuple[int, bool]] = {}
        for place in places[-20_000:].tolist():
            x = int((trace.start + place - self._first) * share)
            grade, odd = columns.get(x, (0, False))
            columns[x] = max(grade, int(trace.grades[place])), odd or bool(trace.odds[place])
        wide = max(share, 1.0)
        y = box.bottom() - STRIP_PX
        for x, (grade, odd) in columns.items():
            if grade:
                color = self._color(grade)
                painter.fillRect(QRectF(box.left() + x, y, wide, STRIP_PX), color)
            if odd:
                tick = QRectF(box.left() + x + wide / 2 - 1, y - 6, 2, 5)
                painter.fillRect(tick, self._theme.color("muted"))

    def _box_of(self, one: LoadInterval, box: QRectF) -> QRectF:
        share = box.width() / (self._last - self._first)
        left = box.left() + (one.first - self._first) * share
        right = box.left() + (one.last + 1 - self._first) * share
        left = max(left, box.left())
        return QRectF(left, box.top(), max(min(right, box.right()) - left, 1.0), box.height())

    def _tone(self, one: LoadInterval, alpha: float) -> Any:
        return self._color(one.grade, alpha)

    def _color(self, grade: int, alpha: float = 1.0) -> Any:
        role = ("low", "low", "medium", "high", "critical")[grade]
        return self._theme.color("muted" if self._greyed else role, alpha)

    # -- the mouse

    def _hour_at(self, event: Any) -> float:
        place = self.mapToScene(event.position().toPoint())
        return float(self.getViewBox().mapSceneToView(place).x()) / HOUR_S

    @override
    def wheelEvent(self, event: Any) -> None:
        if self._trace is None or not event.angleDelta().y():
            event.ignore()
            return
        factor = ZOOM ** (-event.angleDelta().y() / 120)
        at, width = self._hour_at(event), self._last - self._first
        new = max(width * factor, LEAST_HOURS)
        left = at - (at - self._first) * new / width
        self.moved.emit(left, left + new)
        event.accept()

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._trace is not None:
            self._grabbed = self._hour_at(event)
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is None:
            super().mouseMoveEvent(event)
            return
        by = self._grabbed - self._hour_at(event)
        self.moved.emit(self._first + by, self._last + by)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None
        self.unsetCursor()


def _edge(x: Any, y: Any, width: int, pick: Any) -> tuple[Any, Any]:
    """One point per pixel: the lowest of the lower edge, the highest of the upper."""
    if len(x) <= 2 * width:
        return x, y
    per = -(-len(x) // width)
    whole = len(x) // per * per
    return x[:whole:per], pick(y[:whole].reshape(-1, per), axis=1)


def sparkline(painter: QPainter, box: QRectF, values: Any, color: Any) -> None:
    """A line without axes, as high as its box."""
    x, y = reduce_points(np.arange(len(values), dtype=np.float64), values, int(box.width()))
    known = np.isfinite(y)
    if known.sum() < 2:
        return
    low, high = float(y[known].min()), float(y[known].max())
    span, wide = max(high - low, 1e-9), max(len(values) - 1, 1)
    points = [
        QPointF(box.left() + a / wide * box.width(), box.bottom() - (b - low) / span * box.height())
        for a, b in zip(x[known].tolist(), y[known].tolist(), strict=True)
    ]
    painter.setPen(QPen(color, 1.2))
    painter.drawPolyline(QPolygonF(points))
