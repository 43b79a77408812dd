"""Other series below the one that is seen: small plots over the same hours."""

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QRectF, QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from soc_copilot.domain.load import LoadInterval, Trace
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.load_tables import hour_text
from soc_copilot.ui.plots.load_plot import LoadPlot
from soc_copilot.ui.plots.plot_card import value_words
from soc_copilot.ui.plots.timeplot import LEFT_AXIS_PX
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel

MOST_LANES: Final = 3  # chosen: beside the one that is seen; more cannot be read at 800 px
LEAST_PX: Final = 40  # chosen: height of a small plot
HEAD_PX: Final = 22  # of the row with its name
AXIS_PX: Final = 22  # of the times below the last one
NAME_CHARS: Final = 60


class LanePlot(LoadPlot):
    """Actual and forecast alone; what was detected is shaded, without its words.

    Of many hours the actual ones alone: nothing else can be told apart in so little room.
    """

    head_room = 1.0

    @override
    def _paint_lines(self) -> None:
        super()._paint_lines()
        self.set_lines([line for line in self.lines if line.key != "benchmark"])

    @override
    def _has_room(self, key: str) -> bool:
        return key == "value" or not self._is_dense

    @override
    def _label(
        self, painter: Any, one: LoadInterval, box: QRectF, left: float, right: float
    ) -> float:
        painter.fillRect(QRectF(box.left(), box.top(), box.width(), 2), self._tone(one, 1.0))
        return left


class Lane(QWidget):
    """One small plot with its name.

    Signals:
        let_go: A person does not want it any longer.
    """

    let_go = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.plot = LanePlot(theme)
        self.plot.setMinimumHeight(LEAST_PX)
        self.name = ElidedLabel("", "strong")
        self.values = PlainLabel("", "small")
        self.close_button = link_button()
        self.close_button.setFixedSize(HEAD_PX, HEAD_PX)
        self.close_button.clicked.connect(self.let_go.emit)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(LEFT_AXIS_PX, 0, 0, 0)
        head.setSpacing(GRID)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        head.addWidget(self.name, 1)
        head.addWidget(self.values)
        head.addWidget(self.close_button)
        column.addLayout(head)
        column.addWidget(self.plot, 1)
        self._theme = theme
        theme.changed.connect(self._paint)
        self._paint()

    def show_trace(self, trace: Trace, first: float, last: float, *, grey: bool) -> None:
        """Draw a series."""
        name = render_safe(trace.name, NAME_CHARS)
        self.name.setText(name + (f" · {trace.unit}" if trace.unit else ""))
        self.close_button.setToolTip(f"Do not show {name} beside others (C where it is seen)")
        self.close_button.setAccessibleName(f"Do not show {name} beside others")
        self.plot.set_greyed(grey)
        if self.plot.trace is not trace:
            self.plot.show_trace(trace)
        self.plot.show_hours(first, last)
        self.show_cursor(None)

    def show_cursor(self, second: float | None) -> None:
        """The crosshair, with this series' values; what it has, where nothing of it is in sight."""
        self.plot.show_cursor(second)
        trace = self.plot.trace
        if trace is None:
            return
        first, last = self.plot.span
        if trace.n and not (trace.start < last and first < trace.end):
            has = f"{hour_text(trace.start)[:10]} to {hour_text(trace.end - 1)[:10]}"
            self.values.setText(f"Nothing in these hours; it has {has}")
        elif second is None:
            self.values.setText("")
        else:
            words = (
                f"{line.name} {value_words(self.plot, self.plot.value_at(line.key, second))}"
                for line in self.plot.lines
            )
            self.values.setText("   ".join(words))

    def show_axis(self, *, visible: bool) -> None:
        """Times below it, or none."""
        self.plot.showAxis("bottom", visible)
        self.plot.setMinimumHeight(LEAST_PX + (AXIS_PX if visible else 0))

    def _paint(self) -> None:
        self.close_button.setIcon(self._theme.icon("close"))


class LaneStack(QWidget):
    """Up to three small plots; the wheel, dragging and the crosshair act on all of them.

    Each is drawn in a turn of the event loop of its own, so that ten years of four series do not
    hold the window up.

    Signals:
        moved: First and last hour that a person wants to see.
        hovered: Seconds since 1970, or None.
        let_go: Key of a series that is not to be shown any longer.
    """

    moved = Signal(float, float)
    hovered = Signal(object)
    let_go = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.lanes: list[Lane] = []
        self._shown: tuple[tuple[Trace, bool], ...] = ()
        self._view = (0.0, 1.0)
        self._drawn: dict[int, tuple[object, ...]] = {}
        self._waiting: list[int] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._draw_next)
        self.hide()

    @property
    def n(self) -> int:
        """How many are shown."""
        return len(self._shown)

    def show_traces(self, traces: Sequence[tuple[Trace, bool]], first: float, last: float) -> None:
        """Show these series, each with whether it is greyed, over these hours."""
        self._view = (first, last)
        shown = tuple(traces[:MOST_LANES])
        if [id(trace) for trace, _ in shown] != [id(trace) for trace, _ in self._shown]:
            self._arrange(len(shown))
        self._shown = shown
        for place, (trace, grey) in enumerate(shown):
            width = self.lanes[place].plot.width()
            state = (id(trace), trace.n, trace.intervals, self._view, width, grey)
            if self._drawn.get(place) != state:
                self._drawn[place] = state
                if place not in self._waiting:
                    self._waiting.append(place)
        if self._waiting and not self._turn.isActive():
            self._turn.start()

    def show_cursor(self, second: float | None) -> None:
        """The crosshair in all of them."""
        for lane in self.lanes[: self.n]:
            lane.show_cursor(second)

    def redraw(self) -> None:
        """Draw everything anew: colours changed."""
        self._drawn.clear()

    @Slot()
    def _draw_next(self) -> None:
        place = self._waiting.pop(0) if self._waiting else self.n
        if place < self.n:
            trace, grey = self._shown[place]
            self.lanes[place].show_trace(trace, *self._view, grey=grey)
        if self._waiting:
            self._turn.start()

    def _arrange(self, n: int) -> None:
        while len(self.lanes) < n:
            self.lanes.append(self._make(len(self.lanes)))
        for place, lane in enumerate(self.lanes):
            lane.setVisible(place < n)
            lane.show_axis(visible=place + 1 == n)
        self._drawn.clear()
        self.setVisible(n > 0)

    def _make(self, place: int) -> Lane:
        lane = Lane(self._theme)
        lane.plot.moved.connect(self.moved)
        lane.plot.hovered.connect(self.hovered)
        lane.let_go.connect(lambda: self._tell(place))
        self._column.addWidget(lane, 1)
        return lane

    def _tell(self, place: int) -> None:
        if place < self.n:
            self.let_go.emit(self._shown[place][0].key)
