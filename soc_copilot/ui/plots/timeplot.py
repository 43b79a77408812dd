"""Lines over the shared time axis, with a crosshair that reads out values."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QContextMenuEvent, QMouseEvent, QPen
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from soc_copilot.ui.plots.history import reduce_points
from soc_copilot.ui.theme import SMALL_PX, Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.histogram import STEPS_S

TICK_PX: Final = 96  # least distance between two time labels
LEFT_AXIS_PX: Final = 44  # the same in every plot, so that their times stand below each other
ANTIALIAS_POINTS: Final = 2_000  # above this many points a smooth line costs too much

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a plot: its key, its name for people and its colour."""

    key: str
    name: str
    color: QColor


class _Axis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """Labels only: the lines across the plot stand for the ticks."""

    @override
    def drawPicture(self, p: Any, axisSpec: Any, tickSpecs: Any, textSpecs: Any) -> None:
        super().drawPicture(p, axisSpec, [], textSpecs)


class TimeAxis(_Axis):
    """Clock times at round distances, in the zone that the window shows."""

    def __init__(self, times: TimeFormat) -> None:
        super().__init__("bottom")
        self._times = times
        self.setStyle(tickLength=0, tickTextOffset=6)

    @override
    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        wanted = (maxVal - minVal) * TICK_PX / max(size, 1.0)
        step = next((s for s in STEPS_S if s >= wanted), STEPS_S[-1])
        moment = datetime.fromtimestamp(minVal, UTC).astimezone(self._times.tz())
        shift = int((moment.utcoffset() or timedelta()).total_seconds())
        first = -(-(int(minVal) + shift) // step) * step - shift
        return [(step, [float(s) for s in range(first, int(maxVal) + 1, step)])]

    @override
    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        zone = self._times.tz()
        form = "%H:%M:%S" if spacing < 60 else "%H:%M"
        return [datetime.fromtimestamp(v, UTC).astimezone(zone).strftime(form) for v in values]


class ValueAxis(_Axis):
    """Three or four values with their unit; zero always among them."""

    def __init__(self, form: Callable[[float], str]) -> None:
        super().__init__("left")
        self._form = form
        self.setStyle(tickLength=0, tickTextOffset=6, autoExpandTextSpace=False)
        self.setWidth(LEFT_AXIS_PX)

    @override
    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[Any]:
        step = nice_step(maxVal - minVal, max(2, int(size // 36)))
        count = int(maxVal / step + 1e-9)
        return [(step, [i * step for i in range(count + 1)])]

    @override
    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [self._form(value) for value in values]


def nice_step(span: float, n_steps: int) -> float:
    """A distance of 1, 2 or 5 times a power of ten that cuts the span into about so many."""
    rough = max(span, 1e-9) / n_steps
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999))


class TimePlot(pg.PlotWidget):  # type: ignore[misc]  # pyqtgraph has no types
    """Lines over time. The owner gives range and data; the plot reads nothing itself.

    Args:
        theme: Colours; followed when it changes.
        times: Zone of the axis.
        form: Writes a value of the y axis, unit included.
        least: The y axis reaches at least this far, so that noise does not look like a peak.
    """

    hovered = Signal(object)  # float seconds since 1970, or None
    menu_wanted = Signal(object)  # QPoint, global
    bottom_axis: type[TimeAxis] = TimeAxis
    left_axis: type[ValueAxis] = ValueAxis

    def __init__(
        self,
        theme: Theme,
        times: TimeFormat,
        form: Callable[[float], str],
        least: float = 1.0,
        parent: QWidget | None = None,
    ) -> None:
        self._axes: dict[str, Any] = {
            "bottom": self.bottom_axis(times), "left": self.left_axis(form)
        }  # fmt: skip
        super().__init__(parent=parent, axisItems=self._axes, enableMenu=False)
        self._theme, self._least = theme, least
        self.form = form
        self._lines: tuple[Line, ...] = ()
        self._curves: dict[str, Any] = {}
        self._data: dict[str, tuple[Array, Array]] = {}
        self._greyed = False
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.hide()
        self.addItem(self._cursor, ignoreBounds=True)
        plot = self.getPlotItem()
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.getViewBox().setDefaultPadding(0)
        plot.setContentsMargins(0, 4, 8, 0)
        self.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCacheMode(self.CacheModeFlag.CacheNone)  # the lines move with the range
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.paint_theme()
        theme.changed.connect(self.paint_theme)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is drawn."""
        return self._lines

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Say which series there are; data of others is dropped."""
        if tuple(lines) == self._lines:
            return
        self._lines = tuple(lines)
        keys = {line.key for line in lines}
        for key in [key for key in self._curves if key not in keys]:
            self.removeItem(self._curves.pop(key))
            self._data.pop(key, None)
        for line in lines:
            if line.key not in self._curves:
                self._curves[line.key] = self.plot([], [], connect="finite")
        self._pen_all()

    def set_range(self, start_s: float, end_s: float) -> None:
        """Show this part of time."""
        self.setXRange(start_s, end_s, padding=0)

    def set_data(self, key: str, x: Array, y: Array) -> None:
        """Draw a series; at most two points per pixel reach the screen."""
        if key not in self._curves:
            return
        self._data[key] = (x, y)
        shown_x, shown_y = reduce_points(x, y, int(self.getViewBox().width()))
        self._curves[key].setData(
            shown_x, shown_y, antialias=len(shown_x) <= ANTIALIAS_POINTS, connect="finite"
        )

    def fit(self) -> None:
        """Let the y axis reach from zero to a round number above the highest value."""
        highest = self._least
        for _, y in self._data.values():
            if len(y) and not np.isnan(y).all():
                highest = max(highest, float(np.nanmax(y)))
        step = nice_step(highest, 3)
        self.setYRange(0, step * np.ceil(highest / step * 1.05), padding=0)

    def set_greyed(self, greyed: bool) -> None:
        """Draw everything muted: the numbers are not of now."""
        if greyed != self._greyed:
            self._greyed = greyed
            self._pen_all()

    def show_cursor(self, second: float | None) -> None:
        """Put the crosshair at a time, or take it away."""
        self._cursor.setVisible(second is not None)
        if second is not None:
            self._cursor.setPos(second)

    def value_at(self, key: str, second: float) -> float | None:
        """The series' value nearest to a time, None where there is a gap."""
        x, y = self._data.get(key, (np.empty(0), np.empty(0)))
        if not len(x) or not x[0] - 1 <= second <= x[-1] + 1:
            return None
        place = min(int(np.searchsorted(x, second)), len(x) - 1)
        if place and abs(x[place - 1] - second) <= abs(x[place] - second):
            place -= 1
        return None if np.isnan(y[place]) else float(y[place])

    def numbers_csv(self) -> str:
        """Everything that is drawn, one line per second, as comma-separated values."""
        out = io.StringIO()
        writer = csv.writer(out)
        columns = [self._data.get(line.key, (np.empty(0), np.empty(0))) for line in self._lines]
        writer.writerow(["time", *(line.key for line in self._lines)])
        seconds = np.unique(np.concatenate([x for x, _ in columns])) if columns else np.empty(0)
        tables = [dict(zip(x.tolist(), y.tolist(), strict=True)) for x, y in columns]
        for second in seconds.tolist():
            cells = [table.get(second, float("nan")) for table in tables]
            stamp = datetime.fromtimestamp(second, UTC).isoformat()
            writer.writerow([stamp, *("" if np.isnan(cell) else f"{cell:g}" for cell in cells)])
        return out.getvalue()

    def paint_theme(self) -> None:
        """Take the theme's present colours."""
        self.setBackground(self._theme.color("surface"))
        for axis in self._axes.values():
            axis.setPen(pg.mkPen(None))
            axis.setTextPen(self._theme.color("muted"))
            axis.setStyle(tickFont=self._theme.font(SMALL_PX))
            axis.setTickFont(self._theme.font(SMALL_PX))
        self._axes["left"].setGrid(False)
        self._cursor.setPen(pg.mkPen(self._theme.color("muted"), width=1))
        self._pen_all()

    @override
    def drawBackground(self, painter: Any, rect: Any) -> None:
        super().drawBackground(painter, rect)
        view = self.getViewBox()
        painter.setPen(QPen(self._theme.color("line"), 0))
        box = view.sceneBoundingRect()
        (_, top) = view.viewRange()[1]
        for _, values in self._axes["left"].tickValues(0, top, box.height()):
            for value in values:
                y = view.mapViewToScene(QPointF(0, value)).y()
                painter.drawLine(QPointF(box.left(), y), QPointF(box.right(), y))

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        view = self.getViewBox()
        place = self.mapToScene(event.position().toPoint())
        inside = view.sceneBoundingRect().contains(place)
        self.hovered.emit(view.mapSceneToView(place).x() if inside else None)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)
        super().leaveEvent(event)

    @override
    def wheelEvent(self, event: Any) -> None:
        event.ignore()  # the page scrolls

    @override
    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        self.menu_wanted.emit(event.globalPos())

    def _pen_all(self) -> None:
        for line in self._lines:
            color = self._theme.color("muted", 0.5) if self._greyed else line.color
            self._curves[line.key].setPen(pg.mkPen(color, width=1.5))
