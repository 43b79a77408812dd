"""Small drawings of the Overview: number tiles, sparklines, bars by name, score bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget
from typing_extensions import override

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.plots.history import reduce_points
from soc_copilot.ui.theme import SMALL_PX, Theme
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.delegates import paint_bar
from soc_copilot.ui.widgets.labels import PlainLabel, safe_tip

ROW_PX: Final = 26
ROOM_FOR_BAR_PX: Final = 72  # chosen: enough to tell a half from a third
LEAST_BAR_PX: Final = 20  # chosen: a shorter bar or sparkline tells nothing
ALIGN_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
ALIGN_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Sparkline(QWidget):
    """The last quarter of an hour in one line, without axes."""

    def __init__(self, theme: Theme, role: str) -> None:
        super().__init__()
        self._theme, self.role = theme, role
        self._values = np.empty(0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(48)
        self.setMaximumWidth(120)
        theme.changed.connect(self.update)

    @override
    def sizeHint(self) -> QSize:
        return QSize(110, 32)

    def set_values(self, values: npt.NDArray[np.floating]) -> None:
        """Draw these; gaps are passed over."""
        self._values = np.asarray(values, float)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        draw_spark(QPainter(self), QRectF(self.rect()), self._values, self._theme.color(self.role))


def draw_spark(
    painter: QPainter, box: QRectF, values: npt.NDArray[np.float64], color: QColor
) -> None:
    """A line from zero to the highest value; draws nothing without two values."""
    places = np.arange(len(values), dtype=float)
    places, values = reduce_points(places, values, max(1, int(box.width())))
    known = ~np.isnan(values)
    if known.sum() < 2:
        return
    highest = max(float(np.nanmax(values)), 1e-9)
    x = box.left() + places[known] / max(places[-1], 1.0) * box.width()
    y = box.bottom() - 2 - values[known] / highest * (box.height() - 4)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.3))
    painter.drawPolyline(
        QPolygonF([QPointF(*xy) for xy in zip(x.tolist(), y.tolist(), strict=True)])
    )


class Tile(Card):
    """A large number with words beside it and a sparkline; a click leads on."""

    def __init__(self, theme: Theme, title: str, role: str) -> None:
        super().__init__(clickable=True)
        self.setAccessibleName(title)
        self.number = PlainLabel("0", "number")
        self.words: list[PlainLabel] = [PlainLabel("", "small") for _ in range(2)]
        self.spark = Sparkline(theme, role)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.number)
        for label in self.words:
            row.addWidget(label, 0, Qt.AlignmentFlag.AlignBottom)
            label.setContentsMargins(0, 0, 0, 4)
        row.addStretch(1)
        row.addWidget(self.spark, 2)
        self.body.setSpacing(2)
        self.body.addWidget(PlainLabel(title, "muted"))
        self.body.addLayout(row)
        self.setFixedHeight(86)

    def show_number(self, number: str, *words: tuple[str, str]) -> None:
        """Show a number and up to two (text, kind) beside it."""
        self.number.setText(number)
        for place, label in enumerate(self.words):
            text, kind = words[place] if place < len(words) else ("", "small")
            label.setText(text)
            label.set_kind(kind)
            label.setVisible(bool(text))
        self.setAccessibleDescription(" ".join([number, *(text for text, _ in words)]))


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of a bar list: name, share of the bar in [0, 1], words at its right."""

    key: str
    name: str
    share: float
    text: str
    color: QColor
    tip: str = ""
    spark: npt.NDArray[np.float32] | None = None
    is_heading: bool = False


class BarList(QWidget):
    """Names with bars or sparklines; arrows move, Enter or a click chooses."""

    chosen = Signal(str)

    def __init__(self, theme: Theme, empty: str) -> None:
        super().__init__()
        self._theme, self._empty = theme, empty
        self._bars: tuple[Bar, ...] = ()
        self._at = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumHeight(3 * ROW_PX)
        theme.changed.connect(self.update)

    @property
    def bars(self) -> tuple[Bar, ...]:
        """What is shown."""
        return self._bars

    @property
    def _n_shown(self) -> int:
        return min(len(self._bars), self.height() // ROW_PX)

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Show these rows."""
        self._bars = tuple(bars)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._theme.font())
        if not self._bars:
            painter.setPen(self._theme.color("muted"))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._empty)
        for row in range(self._n_shown):
            self._paint_row(painter, row)

    def _paint_row(self, painter: QPainter, row: int) -> None:
        bar, box = self._bars[row], QRect(0, row * ROW_PX, self.width(), ROW_PX)
        metrics = painter.fontMetrics()
        if bar.is_heading:
            painter.setPen(self._theme.color("muted"))
            painter.drawText(box, ALIGN_LEFT, bar.name)
            return
        if row == self._at:
            painter.fillRect(box, self._theme.color("hover"))
            if self.hasFocus():
                painter.setPen(self._theme.color("accent"))
                painter.drawRect(box.adjusted(0, 0, -1, -1))
        name_px, text_px = self._columns(metrics)
        name = QRect(box.left() + 4, box.top(), name_px - 12, ROW_PX)
        painter.setPen(self._theme.color("text"))
        safe = render_safe(bar.name, 200)
        painter.drawText(
            name, ALIGN_LEFT, metrics.elidedText(safe, Qt.TextElideMode.ElideRight, name.width())
        )
        middle = QRectF(name_px, box.top(), box.width() - name_px - text_px, ROW_PX)
        if middle.width() < LEAST_BAR_PX:
            pass  # the name and the number say more than a stump of a bar
        elif bar.spark is None:
            paint_bar(painter, middle, bar.share, bar.color, self._theme.color("track"))
        else:
            draw_spark(painter, middle.adjusted(0, 4, 0, -4), bar.spark.astype(float), bar.color)
        painter.setPen(self._theme.color("muted"))
        painter.drawText(box.adjusted(0, 0, -4, 0), ALIGN_RIGHT, bar.text)

    def _columns(self, metrics: QFontMetrics) -> tuple[int, int]:
        """Room for the names and for the texts, the same in every row.

        As much as they need, but a name too long leaves a bar its room: without bars the
        rows cannot be compared.
        """
        rows = [bar for bar in self._bars if not bar.is_heading]
        names = (metrics.horizontalAdvance(render_safe(bar.name, 200)) for bar in rows)
        texts = (metrics.horizontalAdvance(bar.text) for bar in rows)
        text_px = max(texts, default=0) + 16
        name_px = max(max(names, default=0) + 18, int(self.width() * 0.4))
        most = max(int(self.width() * 0.6), self.width() - text_px - ROOM_FOR_BAR_PX)
        return min(name_px, most), text_px

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._move_to(int(event.position().y()) // ROW_PX)
        tip = self._bars[self._at].tip or self._bars[self._at].name if self._at >= 0 else ""
        self.setToolTip(safe_tip(tip))

    @override
    def leaveEvent(self, event: object) -> None:
        self._move_to(-1)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._move_to(int(event.position().y()) // ROW_PX)
            self._choose()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        if event.key() in steps:
            step = steps[Qt.Key(event.key())]
            at = max(self._at + step, 0)
            while 0 <= at < self._n_shown and self._bars[at].is_heading:
                at += step
            if 0 <= at < self._n_shown:  # else it stays at the first or last row
                self._move_to(at)
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._choose()
        else:
            super().keyPressEvent(event)

    def _move_to(self, row: int) -> None:
        inside = 0 <= row < self._n_shown and not self._bars[row].is_heading
        self._at = row if inside else -1
        self.update()

    def _choose(self) -> None:
        if 0 <= self._at < len(self._bars):
            self.chosen.emit(self._bars[self._at].key)


class ScoreBars(QWidget):
    """Events by score from 0 to 1, one row of bars for each detector, on a log scale."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._scores: dict[str, npt.NDArray[np.int64]] = {}
        self.setMinimumHeight(84)
        self.setMouseTracking(True)
        theme.changed.connect(self.update)

    def set_scores(self, scores: Mapping[str, npt.NDArray[np.int64]]) -> None:
        """Show these counts, 20 for each detector."""
        self._scores = dict(scores)
        self.update()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.setToolTip(safe_tip(self.describe(event.position().x(), event.position().y())))

    def describe(self, x: float, y: float) -> str:
        """What is drawn at a place, in words."""
        rows = list(self._scores.items())
        if not rows or not self.width():
            return ""
        name, counts = rows[min(max(int(y / (self.height() - 16) * len(rows)), 0), len(rows) - 1)]
        place = min(max(int(x / self.width() * len(counts)), 0), len(counts) - 1)
        low, high = place / len(counts), (place + 1) / len(counts)
        return f"{name}: {counts[place]:,} events scored {low:.2f} to {high:.2f}"

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._theme.font(SMALL_PX))
        painter.setPen(self._theme.color("muted"))
        if not self._scores:
            words = "Scores appear with the first lines."
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, words)
            return
        high = (self.height() - 16) / len(self._scores)
        for row, (name, counts) in enumerate(self._scores.items()):
            self._paint_detector(
                painter, QRectF(0, row * high, self.width(), high - 4), name, counts
            )
        painter.setPen(self._theme.color("muted"))
        foot = QRectF(0, self.height() - 16, self.width(), 16)
        painter.drawText(foot, ALIGN_LEFT, "0")
        painter.drawText(foot, Qt.AlignmentFlag.AlignCenter, "score, events on a log scale")
        painter.drawText(foot, ALIGN_RIGHT, "1")

    def _paint_detector(
        self, painter: QPainter, box: QRectF, name: str, counts: npt.NDArray[np.int64]
    ) -> None:
        heights = np.log10(counts + 1.0)
        heights = heights / max(float(heights.max()), 1.0)
        slot, room = box.width() / len(counts), box.height() - 16
        color = self._theme.series_color(name)
        for place, share in enumerate(heights.tolist()):
            tall = max(1.0, share * room)
            painter.fillRect(
                QRectF(box.left() + place * slot, box.bottom() - tall, slot - 2, tall),
                color if share else self._theme.color("line"),
            )
        painter.setPen(color)
        painter.drawText(QRectF(box.left(), box.top(), box.width(), 14), ALIGN_LEFT, name)
