"""Load: series against their forecasts, what was detected, a replay to steer, an exercise."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget
from typing_extensions import override

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.load import LoadInterval, Trace
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.open_series import OpenSeries
from soc_copilot.ui.event_search import EventQuery
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.live import Live
from soc_copilot.ui.load_desk import DETECTOR, LoadDesk
from soc_copilot.ui.models.load_tables import (
    REPLAY,
    IntervalModel,
    SeriesModel,
    hour_text,
    numbers_text,
    row_of,
)
from soc_copilot.ui.pages.detector_page import DetectorPage
from soc_copilot.ui.plots.load_plot import HOUR_S, LoadPlot
from soc_copilot.ui.plots.plot_card import PlotCard
from soc_copilot.ui.web_facts import OPEN
from soc_copilot.ui.widgets.brush_strip import BrushStrip, clamp
from soc_copilot.ui.widgets.load_lanes import MOST_LANES, LaneStack
from soc_copilot.ui.widgets.load_lists import LoadLists
from soc_copilot.ui.widgets.load_parts import (
    SIDE_PX,
    ExercisePanel,
    FiguresCard,
    NowCard,
    ReplayControls,
)
from soc_copilot.ui.widgets.progress_strip import ProgressStrip

if TYPE_CHECKING:
    from soc_copilot.pipeline.load_replay import LoadReplay

PLOT_PX: Final = 140  # chosen: least height of the series that is seen
LEAST_PLOT_PX: Final = 100  # the same with others below it
LISTS_PX: Final = 172  # chosen: of the lower part, when several series are seen
SPLIT: Final = (430, 210)  # upper to lower part, as shares
VIEW_HOURS: Final = 14 * 24.0  # chosen: what is seen of a series at first
AHEAD_SHARE: Final = 0.04  # chosen: of the view that stays free at the right
LOOK_S: Final = 5.0  # chosen: how often the database is asked for new hours
LIST_S: Final = 1.0  # chosen: between two readings of the list of series
BAND_WORDS: Final = "95% of clean hours"  # what the shade around the forecast means
HINTS: Final = "J K move    Space play    O open    X exercise    C compare    A all    ? all keys"


class LoadPage(DetectorPage):
    """One series above with its overview; all series and what was detected in it below.

    Args:
        desk: The desk.
        live: Where the summaries are kept.
        series: Owner of the replays.
        now: The present, seconds since 1970.
    """

    name = "load"
    title = "Load"
    detector = DETECTOR
    icon = "load"
    empty_title = "Hourly series are watched for manipulation here"
    what_comes = (
        "A metered load, or any series of hours, beside its forecast: what is off, since when, "
        "by how much, and which attack it looks like. "
    )
    stands_still = "live series stand still"

    def __init__(
        self, desk: Desk, live: Live, series: LoadDesk, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(desk, live, now)
        self._series = series
        self._key = ""
        self._n_sources = 0
        self._view = (0.0, VIEW_HOURS)
        self._follows = True
        self._wants_all = False  # older hours are on their way
        self._drawn: tuple[object, ...] = ()
        self._rows_at, self._look_at = 0.0, time.monotonic() + LOOK_S
        self._problem = ""
        self._kept: list[str] = []  # series that stay in sight below the one that is seen
        self._alone: list[int] = []  # how the page was divided before there were any
        self._picked: int | None = None  # first hour of the interval that a person chose
        self._looks = Latest(desk.jobs, desk.error)
        self._build()
        self._bind()

    # -- building

    def _build(self) -> None:
        self.intervals, self.list = IntervalModel(self), SeriesModel(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.trouble)
        full = QWidget()
        row = QHBoxLayout(full)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self._divide(self._build_plot(), self._build_tables(), SPLIT)
        row.addWidget(self.splitter, 1)
        row.addWidget(self._build_side())
        column.addWidget(self.stack, 1)
        self.strip = ProgressStrip(HINTS)
        column.addWidget(self.strip)
        self._add_states(full, (
            ("nothing", "The sample shows in a minute how it works. Or replay a file of your own, "
             "or add a series that is written now.", ("load.sample", "load.open", "sources.add")),
            ("stopped", "Ingestion is stopped, so nothing comes in. A replay needs none.",
             ("ingestion.start", "load.sample", "load.open")),
            ("waiting", "No source has given a series so far. The sample or a file of your own can "
             "be replayed meanwhile.", ("load.sample", "load.open", "sources.add")),
            ("starting", "Ingestion is starting: the detectors load, which may take a minute once.",
             ("load.sample", "load.open")),
            ("off", "", ("go.settings", "load.open")),
        ))  # fmt: skip

    def _build_plot(self) -> QWidget:
        theme = self.desk.theme
        self.plot = LoadPlot(theme)
        self.plot_card = PlotCard("Series", self.plot)
        self.plot.setMinimumHeight(PLOT_PX)
        self.brush = BrushStrip(theme)
        self.controls = ReplayControls(theme)
        self.lanes = LaneStack(theme)
        self.plot_card.body.addWidget(self.lanes, 1)
        self.plot_card.body.addWidget(self.brush)
        self.plot_card.body.addWidget(self.controls)
        return self.plot_card

    def _build_tables(self) -> QWidget:
        self.lists = lists = LoadLists(self.desk.theme, self.list, self.intervals)
        self.list_card, self.found_card = lists.list_card, lists.found_card
        self.series_table, self.table = lists.series_table, lists.table
        self.open_button = lists.open_button
        return lists

    def _build_side(self) -> QWidget:
        side = QWidget()
        side.setFixedWidth(SIDE_PX)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.now_card, self.exercise, self.figures = NowCard(), ExercisePanel(), FiguresCard()
        column.addWidget(self.now_card, 1)
        column.addWidget(self.exercise)
        column.addWidget(self.figures)
        return side

    def _bind(self) -> None:
        desk = self.desk
        self._bind_keys(
            {
                "sample": self._series.open_sample,
                "open": self.ask_file,
                "play": self.toggle,
                "exercise": self.exercise.ask,
                "all": self.show_all,
                "follow": lambda: self._set_follow(not self._follows),
                "following": lambda: self._step_series(1),
                "former": lambda: self._step_series(-1),
                "compare": self.compare,
                "alone": self.see_alone,
                "close": self.close_series,
            }
        )
        self.lists.compare_button.clicked.connect(self.compare)
        self.open_button.clicked.connect(self.desk.actions.action("load.open").trigger)
        self.plot.moved.connect(self._on_moved)
        self.brush.moved.connect(self._on_moved)
        self.lanes.moved.connect(self._on_moved)
        self.lanes.let_go.connect(self._let_go)
        self.lanes.hovered.connect(self.show_cursor)
        self.plot.hovered.connect(self.show_cursor)
        self.plot.menu_wanted.connect(self._plot_menu)
        self.controls.play_wanted.connect(self.toggle)
        self.controls.sought.connect(self._seek)
        self.controls.speed_chosen.connect(self._set_speed)
        self.controls.follow_wanted.connect(self._set_follow)
        self.exercise.wanted.connect(self._inject)
        self.exercise.clear_wanted.connect(self._clear_exercises)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.series_table.selectionModel().currentRowChanged.connect(self._on_series)
        self.strip.cancelled.connect(self._series.cancel)
        self._series.changed.connect(self.refresh)
        self._series.opened.connect(self.choose)
        desk.theme.changed.connect(self._repaint)
        self.show_cursor(None)

    # -- the page's life

    @override
    def open(self, **args: Any) -> None:
        """Show a series: `open(series=KEY)`, or replay a file: `open(file="/a/b.csv")`."""
        if "series" in args:
            self.choose(str(args["series"]))
        if "file" in args:
            self._series.open(Path(str(args["file"])))

    @override
    def save_state(self) -> dict[str, str]:
        if self._alone:
            self.splitter.setSizes(self._alone)  # as it is with one series
        return super().save_state()

    @override
    def look(self) -> None:
        self._series.look()
        self._looks.ask(
            lambda governance: sum(row.enabled for row in governance.sources.list()), self._take
        )

    def _take(self, n_sources: int) -> None:
        self._has_looked = True
        self._n_sources = n_sources
        self.refresh()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.lists.fit(self.width())

    @override
    def refresh(self) -> None:
        """Draw the hours that came meanwhile; twice a second while seen."""
        traces = {trace.key: trace for trace in self._series.traces()}
        self._show_state(has_any=bool(traces), has_sources=bool(self._n_sources))
        self._show_trouble()
        self._series.tell_exercises()
        if (now := time.monotonic()) >= self._look_at:
            self._look_at = now + LOOK_S
            self._series.look()
        if self._series.is_opening:
            self.strip.show_work("Reading the series …")
        else:
            self.strip.show_done(self._series.notes.get(self._key, ""))
        if traces and self._key not in traces:
            self.choose(next(iter(traces)))
            return
        self._show_list()
        self._show_trace(traces.get(self._key))

    @override
    def _show_trouble(self) -> None:
        if self.replay is not None and not self.desk.killswitch.engaged:
            text = self.replay.error  # a replay needs no ingestion
            self.trouble.setText(text)
            self.trouble.setVisible(bool(text))
            return
        super()._show_trouble()

    # -- which series

    @property
    def replay(self) -> "LoadReplay | None":
        """The replay of the series that is seen, None for a live one."""
        return self._series.replays.get(self._key)

    @property
    def trace(self) -> Trace | None:
        """The series that is seen."""
        return self.plot.trace

    def choose(self, key: str) -> None:
        """Show another series, its newest hours; beside others the same hours, where it has any."""
        trace = next((one for one in self._series.traces() if one.key == key), None)
        first, last = self._view
        stays = bool(self._kept) and not self._follows and trace is not None
        if not (stays and trace is not None and trace.start < last and first < trace.end):
            self._follows, self._view = True, (0.0, last - first if self._kept else VIEW_HOURS)
        self._key, self._picked, self._problem = key, None, ""
        self._drawn = ()
        self._rows_at = 0.0
        self.refresh()

    def _step_series(self, step: int) -> None:
        rows = self.list.rows
        at = self.list.place_of(self._key)
        if rows and at is not None:
            self.choose(rows[(at + step) % len(rows)].key)

    def compare(self) -> None:
        """Keep the series that is seen and see the next one with it, or let go of a kept one."""
        keys, at = [row.key for row in self.list.rows], self.list.place_of(self._key)
        if self._key in self._kept:
            self._let_go(self._key)
            return
        others = [key for key in keys[(at or 0) + 1 :] + keys[: at or 0] if key not in self._kept]
        if at is None or not others:
            self.desk.info("There is no other series to see beside this one. O opens a file.")
        elif len(self._kept) >= MOST_LANES:
            self.desk.info(f"At most {MOST_LANES + 1} series are seen at a time. Shift+C clears.")
        else:
            self._kept.append(self._key)
            self.choose(others[0])

    def see_alone(self) -> None:
        """See one series again."""
        self._kept.clear()
        self.refresh()

    def _let_go(self, key: str) -> None:
        self._kept.remove(key)
        self._rows_at = 0.0
        self.refresh()

    def _show_lanes(self) -> None:
        """The series that stay in sight, over the same hours; they share the room and the axis."""
        traces = {one.key: one for one in self._series.traces()}
        self._kept = [key for key in self._kept if key in traces]
        engaged, replays = self.desk.killswitch.engaged, self._series.replays
        shown = [
            (traces[key], engaged and key not in replays)
            for key in self._kept
            if key != self._key
        ]  # fmt: skip
        self.lanes.show_traces(shown, *self._view)
        if bool(shown) is bool(self._alone):
            return
        self.plot.showAxis("bottom", not shown)
        self.plot.setMinimumHeight(LEAST_PLOT_PX if shown else PLOT_PX)
        if shown:
            self._alone = self.splitter.sizes()
            self.splitter.setSizes([sum(self._alone), LISTS_PX])
        else:
            self.splitter.setSizes(self._alone)
            self._alone = []

    def close_series(self) -> None:
        """Take a replay away; a live series stays."""
        if self.replay is not None:
            self._series.close(self._key)

    def _on_series(self, current: QModelIndex, _former: QModelIndex) -> None:
        if not self._is_moving and 0 <= current.row() < len(self.list.rows):
            self.choose(self.list.rows[current.row()].key)

    def _show_list(self) -> None:
        if (now := time.monotonic()) < self._rows_at:
            return
        self._rows_at = now + LIST_S
        rows = [row_of(one.trace, REPLAY) for one in self._series.replays.values()]
        rows += [row_of(one) for one in self._series.live.values()]
        self._is_moving = True
        self.list.set_rows(rows)
        kept = f", {len(self._kept)} kept" if self._kept else ""
        self.list_card.hint.setText(f"{len(rows):,}{kept}" if rows else "")
        self.lists.compare_button.setEnabled(len(rows) > 1)
        self.lists.compare_button.setText("Let go" if self._key in self._kept else "Compare")
        place = self.list.place_of(self._key)
        if place is not None and self.series_table.currentIndex().row() != place:
            self.series_table.selectRow(place)
        self._is_moving = False

    # -- what is seen of it

    def _show_trace(self, trace: Trace | None) -> None:
        replay = self.replay
        for widget in (self.controls.play, self.controls.speed, self.controls.slider):
            widget.setVisible(replay is not None)
        self.exercise.show_state(
            can=replay is not None,
            n=len(replay.attacks) if replay is not None else 0,
            problem=self._problem,
        )
        if trace is None:
            self._show_lanes()
            return
        if self._follows:
            self._follow(trace)
        elif self._wants_all and not self._series.has_older(trace.key):
            self._wants_all = False
            self._view = (float(trace.start), float(trace.start + trace.room))
        grey = self.desk.killswitch.engaged and replay is None
        state = (id(trace), trace.n, trace.intervals, self._view, self.plot.width(), grey)
        if state != self._drawn:
            self._drawn = state
            self.plot.set_greyed(grey)
            self.brush.is_greyed = grey
            if self.plot.trace is not trace:
                self.plot.show_trace(trace)
            self.plot.show_hours(*self._view)
            self.show_cursor(None)
            self.brush.show_trace(trace, *self._view)
            self._show_intervals(trace)
            self.now_card.show_trace(trace, self._chosen())
        self._show_lanes()
        title = render_safe(trace.name, 60) + (f" · {trace.unit}" if trace.unit else "")
        if self.plot_card.title.text() != title:
            self.plot_card.title.setText(title)
        self._show_replay(trace)

    def _show_replay(self, trace: Trace) -> None:
        replay = self.replay
        self.controls.follow.setChecked(self._follows)
        if replay is None:
            self.controls.at.setText(hour_text(trace.end - 1) if trace.n else "")
            self.figures.show_live(trace, self._series.standings.get(trace.key))
            return
        self.controls.show_replay(
            replay.place, trace.end - 1, replay.speed,
            paused=replay.is_paused, over=replay.is_over,
        )  # fmt: skip
        figures = replay.figures
        self.figures.show_figures(figures.standing() if figures is not None else None, trace.unit)

    def _follow(self, trace: Trace) -> None:
        width = self._view[1] - self._view[0]
        end = trace.end + width * AHEAD_SHARE
        low = float(trace.start)
        first = max(end - width, low)
        self._view = (first, first + width)

    def _on_moved(self, first: float, last: float) -> None:
        """A person looks elsewhere: the newest hours are no longer followed."""
        trace = self.plot.trace
        if trace is None:
            return
        low, high = float(trace.start), float(trace.start + trace.room)
        self._view = clamp(first, last, low, high + (last - first) * AHEAD_SHARE)
        self._follows = self._view[1] >= trace.end > self._view[0] and (
            abs(self._view[1] - trace.end - (last - first) * AHEAD_SHARE) < 1
        )
        self._show_trace(trace)

    def _set_follow(self, follows: bool) -> None:
        self._follows = follows
        self.refresh()

    def show_all(self) -> None:
        """See every hour of the series."""
        trace = self.plot.trace
        if trace is not None:
            if self._series.has_older(trace.key):
                self._series.look(trace.key)
            self._follows, self._wants_all = False, True
            self._view = (float(trace.start), float(trace.start + trace.room))
            self._show_trace(trace)

    def show_cursor(self, second: float | None) -> None:
        """The crosshair; the legend reads out values at its hour."""
        if second is not None:
            second = second // HOUR_S * HOUR_S
        at = hour_text(second / HOUR_S) if second is not None else self._years()
        self.plot.show_cursor(second)
        self.lanes.show_cursor(second)
        if second is not None:
            self.plot_card.read_out(at, second)
            return
        words = [(line.name, line.color.name()) for line in self.plot.lines]
        words.insert(-1, (BAND_WORDS, self.desk.theme.color("ok").name()))
        self.plot_card.show_legend(at, words)

    def _years(self) -> str:
        """What is seen, with its years, which the axis has no room for."""
        first, last = (hour_text(hour)[:4] for hour in self._view)
        years = first if first == last else f"{first} to {last}"
        return f"{years}, the series' clock" if self.plot.trace is not None else ""

    def _repaint(self) -> None:
        self._drawn = ()
        self.lanes.redraw()
        self.show_cursor(None)
        self.refresh()

    def _plot_menu(self, where: QPoint) -> None:
        clipboard = QGuiApplication.clipboard()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.desk.actions.action("load.all"))
        menu.addSeparator()
        menu.addAction("Copy as image", lambda: clipboard.setPixmap(self.plot.grab()))
        menu.addAction("Copy the numbers", lambda: clipboard.setText(self.numbers()))
        menu.popup(where)

    def numbers(self) -> str:
        """The hours that are seen, every one, as comma-separated values."""
        trace = self.plot.trace
        return "" if trace is None else numbers_text(trace, *self._view)

    # -- what was detected

    def _show_intervals(self, trace: Trace) -> None:
        self._is_moving = True
        self.intervals.set_rows(trace.intervals)
        n = len(trace.intervals)
        n_exercises = sum(one.is_exercise for one in trace.intervals)
        exercises = "an exercise" if n_exercises == 1 else "exercises"
        words = f"{n:,}" + (f", {n_exercises:,} of them {exercises}" if n_exercises else "")
        self.found_card.hint.setText(words if n else "none so far")
        place = None if self._picked is None else self.intervals.place_of(self._picked)
        if place is None:
            self._picked = None
            self.table.clearSelection()
        elif self.table.currentIndex().row() != place:
            self.table.selectRow(place)
        self._is_moving = False
        for name in ("alerts", "events"):
            self.desk.actions.action(f"load.{name}").setEnabled(True)

    def _chosen(self) -> LoadInterval | None:
        place = None if self._picked is None else self.intervals.place_of(self._picked)
        return None if place is None else self.intervals.row(place)

    def _on_current(self, current: QModelIndex, _former: QModelIndex) -> None:
        one = self.intervals.row(current.row())
        if self._is_moving or one is None:
            return
        self._picked = one.first
        half = max((self._view[1] - self._view[0]) / 2, one.n_hours)
        middle = (one.first + one.last) / 2
        self._follows, self._drawn = False, ()
        self._on_moved(middle - half, middle + half)

    @override
    def show_alerts(self) -> None:
        trace = self.plot.trace
        entity = trace.name if trace is not None else None
        query = AlertFilter(statuses=OPEN, detectors=(DETECTOR,), entity=entity, suppressed=False)
        self.desk.open_page("alerts", filter=query)

    @override
    def show_events(self) -> None:
        found = self._key.partition("/")[0]
        if found.isdecimal():
            self.desk.open_page("events", query=EventQuery(source_ids=frozenset({int(found)})))

    # -- the replay and the exercise

    def ask_file(self) -> None:
        """Choose a file to replay."""
        dialog = OpenSeries(self.desk, self.window())

        def accepted() -> None:
            path, columns = dialog.answer
            self._series.open(path, **columns)  # type: ignore[arg-type]  # as the dialog says

        dialog.accepted.connect(accepted)
        dialog.open()

    def toggle(self) -> None:
        """Pause the replay, go on, or play it again from its beginning."""
        replay = self.replay
        if replay is None:
            return
        if replay.is_over:
            self._seek(0.0)
            replay.resume()
        elif replay.is_paused:
            replay.resume()
        else:
            replay.pause()
        self.refresh()

    def _seek(self, share: float) -> None:
        if (replay := self.replay) is not None:
            first = replay.trace.start + replay.opened.context
            whole = len(replay.opened.series.values) - replay.opened.context
            replay.seek(first + round(share * whole))

    def _set_speed(self, speed: float) -> None:
        if (replay := self.replay) is not None:
            replay.set_speed(speed)

    def _inject(self, template: str, size: float, n_hours: int, where: str) -> None:
        replay, trace = self.replay, self.plot.trace
        if replay is None or trace is None:
            return
        hour = replay.target if where == "next" else round(sum(self._view) / 2 - n_hours / 2)
        room = trace.start + trace.room
        if hour + n_hours > room:
            hour = room - n_hours
        self._problem = self._series.inject(self._key, template, size, hour, n_hours)
        self.refresh()

    def _clear_exercises(self) -> None:
        if (replay := self.replay) is not None:
            replay.clear()
        self._problem = ""
        self.refresh()
