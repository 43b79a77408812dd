"""Counts over time as stacked bars, with a brush that picks a time range."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QMenu, QSizePolicy, QWidget
from typing_extensions import override

from soc_copilot.domain.clock import from_us, to_us, utc_now
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.theme import SMALL_PX, Theme
from soc_copilot.ui.timeformat import TimeFormat

_S: Final = 1_000_000  # microseconds in a second
# Bucket widths and tick distances that a person can read off an axis, in seconds.
STEPS_S: Final = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000, 15_552_000, 31_536_000,
)  # fmt: skip
TARGET_BUCKETS: Final = 128  # chosen: bars of some ten pixels at the usual width
LABEL_PX: Final = 96  # least distance between two tick labels
MIN_BRUSH_PX: Final = 4  # a shorter drag is a click
TOP_PX: Final = 18  # the line of words above the bars
AXIS_PX: Final = 20
SIDE_PX: Final = 16
MIN_BAR_PX: Final = 2.0  # a severity that occurs is seen, however tall its neighbours


class Bucket(Protocol):
    """One bar: where it begins, and its counts, the lowest part first."""

    @property
    def start(self) -> datetime:
        """Where it begins."""
        ...

    @property
    def counts(self) -> Sequence[int]:
        """One count for each part of the bar."""
        ...


@dataclass(frozen=True, slots=True)
class PlainBucket:
    """A bar of one part."""

    start: datetime
    counts: tuple[int]


@dataclass(frozen=True, slots=True)
class Span:
    """A time range cut into equal buckets whose edges fall on round times."""

    start: datetime
    end: datetime
    n_buckets: int

    @property
    def step(self) -> timedelta:
        """Width of one bucket."""
        return (self.end - self.start) / self.n_buckets


def nice_span(start: datetime, end: datetime, target: int = TARGET_BUCKETS) -> Span:
    """The smallest span of round buckets that covers `start` to `end`, about `target` many."""
    first, last = to_us(start), max(to_us(end), to_us(start) + 1)
    wanted = (last - first) / _S / target
    step = next((s for s in STEPS_S if s >= wanted), STEPS_S[-1]) * _S
    low = first // step * step
    count = -(-(last - low) // step)
    return Span(from_us(low), from_us(low + count * step), count)


def step_words(step: timedelta) -> str:
    """A bucket's width in words: "5 min", "2 h", "1 d"."""
    seconds = round(step.total_seconds())
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {word}"
    return f"{seconds} s"


class TimeHistogram(QWidget):
    """Bars over time; drag to pick a range, double click to let it go.

    Args:
        theme: Colours; repainted when it changes.
        times: Zone of the axis; repainted when it changes.

    Class attributes:
        noun: What is counted, in the plural.
        parts: Name of each part of a bar, the lowest first; one part needs no name.
    """

    noun = "events"
    parts: tuple[str, ...] = ("",)

    range_chosen = Signal(object, object)  # datetime, datetime
    range_cleared = Signal()

    def __init__(self, theme: Theme, times: TimeFormat, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._times = theme, times
        self._buckets: tuple[Bucket, ...] = ()
        self._span = nice_span(utc_now() - timedelta(hours=1), utc_now())
        self._brush: tuple[datetime, datetime] | None = None
        self._drag: tuple[float, float] | None = None
        self._hover: int | None = None
        self._bars: QPixmap | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{self.noun.capitalize()} over time")
        theme.changed.connect(self._on_look_changed)
        times.changed.connect(self._on_look_changed)

    @override
    def sizeHint(self) -> QSize:
        return QSize(640, 108)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(240, 88)

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """What is drawn, oldest first, zero buckets included."""
        return self._buckets

    @property
    def brush(self) -> tuple[datetime, datetime] | None:
        """The range picked, None when none is."""
        return self._brush

    def set_data(self, span: Span, buckets: Sequence[Bucket]) -> None:
        """Draw these buckets, which must be the span's, oldest first."""
        self._span, self._buckets = span, tuple(buckets)
        self._bars = None
        self.update()

    def set_brush(self, brush: tuple[datetime, datetime] | None) -> None:
        """Show a range as picked, without telling anyone."""
        self._brush = brush
        self.update()

    def describe(self, index: int) -> str:
        """One bucket in words: its time range and its counts, the highest part first."""
        bucket = self._buckets[index]
        counted = list(zip(bucket.counts, self.parts, strict=True))
        words = [f"{count:,} {part or self.noun}" for count, part in reversed(counted) if count]
        end = bucket.start + self._span.step
        times = f"{self._times.short(bucket.start)} to {self._times.short(end)}"
        return f"{times}   {', '.join(words) or f'no {self.noun}'}"

    def colors(self) -> list[QColor]:
        """The colour of each part of a bar."""
        return [self._theme.color("accent")]

    # -- painting

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self._buckets:
            self._paint_words(painter, f"{self.noun.capitalize()} over time appear here.")
            return
        if self._bars is None:
            self._bars = self._draw_bars()
        painter.drawPixmap(0, 0, self._bars)
        self._paint_brush(painter)
        self._paint_hover(painter)

    def _plot(self) -> QRectF:
        return QRectF(
            SIDE_PX, TOP_PX + 8, self.width() - 2 * SIDE_PX, self.height() - TOP_PX - 8 - AXIS_PX
        )

    def _paint_words(self, painter: QPainter, left: str, right: str = "") -> None:
        painter.setFont(self._theme.font(SMALL_PX))
        painter.setPen(self._theme.color("muted"))
        box = QRectF(SIDE_PX, 4, self.width() - 2 * SIDE_PX, TOP_PX)
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, left)
        if right:
            painter.setPen(self._theme.color("text"))
            painter.drawText(
                box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, right
            )

    def _draw_bars(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(self.size() * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(QColor(0, 0, 0, 0))
        painter = QPainter(pixmap)
        peak = max(sum(bucket.counts) for bucket in self._buckets)
        self._paint_words(
            painter, f"{self.noun.capitalize()} per {step_words(self._span.step)}, highest {peak:,}"
        )
        self._draw_axis(painter)
        plot, colours = self._plot(), self.colors()
        slot = plot.width() / len(self._buckets)
        gap = 1.0 if slot >= 4 else 0.0
        for index, bucket in enumerate(self._buckets):
            left = round(plot.left() + index * slot)
            width = max(1.0, round(plot.left() + (index + 1) * slot) - left - gap)
            self._draw_bar(
                painter, bucket, QRectF(left, plot.top(), width, plot.height()), peak, colours
            )
        painter.end()
        return pixmap

    def _draw_bar(
        self,
        painter: QPainter,
        bucket: Bucket,
        slot: QRectF,
        peak: int,
        colours: list[QColor],
    ) -> None:
        if not any(bucket.counts):
            painter.fillRect(
                QRectF(slot.left(), slot.bottom() - 1, slot.width(), 1), self._theme.color("line")
            )
            return
        bottom = slot.bottom()
        for count, colour in zip(bucket.counts, colours, strict=True):
            if not count:
                continue
            height = max(MIN_BAR_PX, round(slot.height() * count / peak))
            height = min(height, bottom - slot.top())
            painter.fillRect(QRectF(slot.left(), bottom - height, slot.width(), height), colour)
            bottom -= height

    def _draw_axis(self, painter: QPainter) -> None:
        plot = self._plot()
        painter.setFont(self._theme.font(SMALL_PX))
        metrics = painter.fontMetrics()
        zone = self._times.zone_name()
        zone_left = self.width() - SIDE_PX - metrics.horizontalAdvance(zone)
        painter.setPen(self._theme.color("muted"))
        baseline = self.height() - AXIS_PX / 2 + metrics.ascent() / 2 - 1
        painter.drawText(QPointF(zone_left, baseline), zone)
        for moment, words in self._ticks(plot.width()):
            x = self._x_of(moment)
            width = metrics.horizontalAdvance(words)
            left = x - width / 2
            if left < SIDE_PX / 2 or left + width > zone_left - 8:
                continue
            painter.setPen(self._theme.color("muted"))
            painter.drawText(QPointF(left, baseline), words)
            painter.setPen(QPen(self._theme.color("line"), 1))
            painter.drawLine(QPointF(x, plot.bottom() + 1), QPointF(x, plot.bottom() + 4))

    def _ticks(self, width: float) -> list[tuple[datetime, str]]:
        start, end = self._span.start, self._span.end
        total_s = (end - start).total_seconds()
        wanted = total_s * LABEL_PX / max(width, 1)
        step = next((s for s in STEPS_S if s >= wanted), STEPS_S[-1])
        zone = start.astimezone(self._times.tz()).utcoffset() or timedelta(0)
        shift = int(zone.total_seconds())
        first = -(-(to_us(start) // _S + shift) // step) * step - shift
        moments = range(first, to_us(end) // _S + 1, step)
        return [(from_us(s * _S), self._label(from_us(s * _S), step, total_s)) for s in moments]

    def _label(self, moment: datetime, step: int, total_s: float) -> str:
        shown = moment.astimezone(self._times.tz())
        if total_s > 300 * 86_400:
            return f"{shown:%b %Y}" if step >= 2_592_000 else f"{shown:%Y-%m-%d}"
        if step >= 86_400:
            return f"{shown:%b %d}"
        if step < 60:
            return f"{shown:%H:%M:%S}"
        at_midnight = shown.hour == shown.minute == 0
        if total_s > 86_400:
            return f"{shown:%b %d}" if at_midnight else f"{shown:%b %d %H:%M}"
        return f"{shown:%H:%M}"

    def _paint_brush(self, painter: QPainter) -> None:
        plot = self._plot()
        if self._drag is not None:
            left, right = sorted(self._drag)
        elif self._brush is not None:
            left, right = self._x_of(self._brush[0]), self._x_of(self._brush[1])
        else:
            return
        left, right = max(left, plot.left()), min(right, plot.right())
        if right <= left:
            return
        box = QRectF(left, plot.top() - 4, right - left, plot.height() + 4)
        painter.fillRect(box, self._theme.color("accent", 0.16))
        painter.setPen(QPen(self._theme.color("accent"), 2))
        painter.drawLine(box.topLeft(), box.bottomLeft())
        painter.drawLine(box.topRight(), box.bottomRight())

    def _paint_hover(self, painter: QPainter) -> None:
        if self._hover is None or self._hover >= len(self._buckets):
            return
        plot = self._plot()
        slot = plot.width() / len(self._buckets)
        column = QRectF(plot.left() + self._hover * slot, plot.top(), slot, plot.height())
        painter.fillRect(column, self._theme.color("text", 0.08))
        self._paint_words(painter, "", self.describe(self._hover))

    # -- places and times

    def _x_of(self, moment: datetime) -> float:
        plot = self._plot()
        share = (moment - self._span.start) / (self._span.end - self._span.start)
        return plot.left() + share * plot.width()

    def _index_at(self, x: float) -> int | None:
        plot = self._plot()
        if not self._buckets or not plot.left() <= x < plot.right():
            return None
        return min(
            int((x - plot.left()) / plot.width() * len(self._buckets)), len(self._buckets) - 1
        )

    def _bucket_range(self, left: float, right: float) -> tuple[datetime, datetime]:
        plot, count = self._plot(), len(self._buckets)
        edge = plot.width() / count
        first = min(max(int((left - plot.left()) // edge), 0), count - 1)
        last = min(max(int(-(-(right - plot.left()) // edge)), first + 1), count)
        return (
            self._span.start + first * self._span.step,
            self._span.start + last * self._span.step,
        )

    # -- mouse and keys

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._buckets:
            self._drag = (event.position().x(), event.position().x())

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        self._hover = self._index_at(x)
        if self._drag is not None:
            self._drag = (self._drag[0], x)
        self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._drag is None:
            return
        left, right = sorted(self._drag)
        self._drag = None
        if right - left >= MIN_BRUSH_PX:
            self._brush = self._bucket_range(left, right)
            self.range_chosen.emit(*self._brush)
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.clear_brush()

    @override
    def leaveEvent(self, event: object) -> None:
        self._hover = None
        self.update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and (self._brush or self._drag):
            self.clear_brush()
            return
        super().keyPressEvent(event)

    def clear_brush(self) -> None:
        """Let go of the picked range and say so."""
        had = self._brush is not None
        self._brush = self._drag = None
        self.update()
        if had:
            self.range_cleared.emit()

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.addAction("Copy as image", self.copy_image)
        menu.addAction("Copy the numbers", self.copy_numbers)
        if self._brush is not None:
            menu.addAction("Clear the time range", self.clear_brush)
        menu.exec(event.globalPos())
        menu.deleteLater()

    def copy_image(self) -> None:
        """Put a picture of the plot on the clipboard."""
        QGuiApplication.clipboard().setPixmap(self.grab())

    def copy_numbers(self) -> None:
        """Put the buckets on the clipboard as tab-separated text."""
        header = "\t".join(["start", *(part.capitalize() or self.noun for part in self.parts)])
        rows = [
            "\t".join([bucket.start.isoformat(), *map(str, bucket.counts)])
            for bucket in self._buckets
        ]
        QGuiApplication.clipboard().setText("\n".join([header, *rows]))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._bars = None
        super().resizeEvent(event)

    def _on_look_changed(self) -> None:
        self._bars = None
        self.update()


class SeverityHistogram(TimeHistogram):
    """Bars of alerts by severity, the worst on top, where the eye looks first."""

    noun = "alerts"
    parts = tuple(severity.label.lower() for severity in Severity)

    @override
    def colors(self) -> list[QColor]:
        return [self._theme.severity_color(severity) for severity in Severity]
