"""The Load page: replays, the plot and its overview, exercises, live series, empty states."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from pytestqt.qtbot import QtBot

from soc_copilot.detection.load.series import clock
from soc_copilot.detection.load.states import pack
from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.load import HourRow, LoadInterval, SeriesUpdate, Standing, Trace
from soc_copilot.pipeline.bench_load import made
from soc_copilot.ui.dialogs.open_series import OpenSeries
from soc_copilot.ui.dialogs.series_fields import SeriesFields, columns_of
from soc_copilot.ui.live import Live
from soc_copilot.ui.load_desk import LIVE_DAYS, LoadDesk
from soc_copilot.ui.models.load_tables import (
    IntervalColumn,
    IntervalModel,
    SeriesColumn,
    SeriesModel,
    hour_text,
    interval_words,
    number_text,
    row_of,
)
from soc_copilot.ui.pages.load import VIEW_HOURS, LoadPage
from soc_copilot.ui.plots.load_plot import HOUR_S, SHORT_WORDS, ClockAxis, LevelAxis, level_text
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.brush_strip import BrushStrip, clamp
from soc_copilot.ui.widgets.delegates import PAD
from soc_copilot.ui.widgets.load_lanes import MOST_LANES
from soc_copilot.ui.widgets.load_lists import LoadLists
from soc_copilot.ui.widgets.load_parts import FiguresCard
from tests.tools.make_load_sample import attacks
from tests.ui.desk_support import DeskBench, desk_bench

START = 412_000
HOURS = 168 + 400


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made_desk:
        yield made_desk


@pytest.fixture
def series(bench: DeskBench) -> Iterator[LoadDesk]:
    owner = LoadDesk(bench.desk)
    yield owner
    assert owner.join()


@pytest.fixture
def page(bench: DeskBench, series: LoadDesk, qtbot: QtBot) -> Iterator[LoadPage]:
    found = LoadPage(bench.desk, Live(bench.desk), series)
    qtbot.addWidget(found)
    bench.show(found)
    yield found
    found.hide()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "meter.csv"
    rows = [f"{clock(START + i)},{v}" for i, v in enumerate(made(HOURS, seed=5))]
    path.write_text("time,load\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture
def playing(page: LoadPage, series: LoadDesk, file: Path, qtbot: QtBot) -> LoadPage:
    series.open(file, unit="MW")
    qtbot.waitUntil(lambda: page.replay is not None and page.replay.is_over)
    page.refresh()
    return page


def store(bench: DeskBench, key: str, n: int, *intervals: LoadInterval, first: int = START) -> None:
    rows = tuple(HourRow(first + i, 100.0 + i % 24, 100.0, 95.0, 105.0) for i in range(n))
    update = SeriesUpdate(key, key.replace("/", " "), "MW", rows, intervals)
    bench.governance.batches.store(BatchCommit(0, (), (), series=(update,)))


def shown_state(page: LoadPage) -> str:
    return next(name for name, state in page.empty.items() if page.stack.currentWidget() is state)


# -- empty


def test_each_reason_to_be_empty_has_its_own_words(bench: DeskBench, page: LoadPage) -> None:
    assert shown_state(page) == "nothing"
    log = bench.folder / "a.log"
    log.touch()
    bench.governance.sources.add("file", log)
    page.look()
    bench.settle()
    assert shown_state(page) == "stopped"
    bench.desk.set_ingestion("running")
    assert shown_state(page) == "waiting"


def test_the_sample_shows_a_newcomer_every_change_in_it(
    bench: DeskBench, page: LoadPage, qtbot: QtBot
) -> None:
    sample = bench.desk.actions.action("load.sample")
    assert page.empty["nothing"].buttons.itemAt(1).widget().text() == sample.text()  # the first
    sample.trigger()
    qtbot.waitUntil(lambda: page.replay is not None and page.replay.is_over, timeout=120_000)
    page.refresh()
    trace = page.trace
    assert trace is not None
    assert page.plot_card.title.text() == "town-load · MW"
    for name in ("forecast", "lower", "upper", "benchmark"):
        assert np.isfinite(trace.columns[name][trace.n - 1])
    for one, told in zip(attacks(), trace.intervals, strict=True):  # each found, nothing else
        assert trace.start + one.start <= told.first < trace.start + one.end
    first, _ = page.plot.span
    assert trace.intervals[-1].first > first  # the last one is in sight at the end
    assert page.replay is not None
    assert page.replay.figures is not None
    assert page.replay.figures.drift is not None
    assert not page.replay.figures.drift.is_drifting


# -- a replay


def test_a_file_is_played_and_drawn(playing: LoadPage) -> None:
    trace = playing.trace
    assert trace is not None
    assert trace.n == HOURS
    assert playing.plot_card.title.text() == "meter · MW"
    assert playing.list.rows[0].kind == "replay"
    assert playing.controls.play.text() == "Again"
    assert "100%" in playing.controls.at.text()
    assert playing.now_card.word.text() == "Quiet" or playing.intervals.rows
    assert playing.figures.text_of("rate") != "—"
    first, last = playing.plot.span
    assert last - first == VIEW_HOURS
    assert last > trace.end  # room for what comes
    x, y = playing.plot._data["value"]
    assert len(x) <= 2 * playing.plot.width()
    assert np.isfinite(y).any()


def test_a_replay_is_steered(playing: LoadPage, qtbot: QtBot) -> None:
    replay = playing.replay
    assert replay is not None
    playing.controls.sought.emit(0.25)
    replay.pause()
    qtbot.waitUntil(lambda: replay.trace.n < HOURS)
    qtbot.waitUntil(lambda: abs(replay.progress - 0.25) < 0.01 or replay.is_over)
    playing.controls.speed_chosen.emit(300.0)
    assert replay.speed == 300.0
    if not replay.is_over:
        playing.refresh()
        assert playing.controls.play.text() == "Resume"
    playing.controls.speed_chosen.emit(0.0)
    replay.resume()
    qtbot.waitUntil(lambda: replay.is_over and replay.trace.n == HOURS)
    playing.refresh()
    playing.desk.actions.trigger("load.play")
    qtbot.waitUntil(lambda: replay.is_over and replay.trace.n == HOURS)


def test_keys_on_the_slider_add_up_while_the_replay_hurries(
    playing: LoadPage, qtbot: QtBot
) -> None:
    replay, slider = playing.replay, playing.controls.slider
    assert replay is not None
    replay.pause()
    for _ in range(4):
        qtbot.keyClick(slider, Qt.Key.Key_PageDown)  # 5% back each
        playing.refresh()  # the page draws what is there meanwhile
    assert abs(replay.place - 0.8) < 0.01
    qtbot.waitUntil(lambda: replay.progress == replay.place)
    playing.refresh()
    assert "80%" in playing.controls.at.text()


def test_an_exercise_is_marked_on_the_page_in_alerts_and_in_history(
    bench: DeskBench, playing: LoadPage, series: LoadDesk, qtbot: QtBot
) -> None:
    trace = playing.trace
    assert trace is not None
    playing._on_moved(START + 300, START + 500)
    combo = playing.exercise.amount
    combo.setCurrentIndex(combo.findData(50))
    playing.exercise.where.setCurrentIndex(1)
    bench.desk.actions.trigger("load.exercise")
    qtbot.waitUntil(lambda: any(one.is_exercise for one in trace.intervals))
    qtbot.waitUntil(lambda: playing.replay is not None and playing.replay.is_over)
    playing.refresh()
    bench.settle()
    assert playing.exercise.hint.text() == "1 in the values"
    assert "exercise" in playing.found_card.hint.text()
    row = next(r for r in playing.intervals.rows if r.is_exercise)
    assert interval_words(row).startswith("Exercise: ")
    (alert,) = bench.governance.alerts.page(AlertFilter(detectors=("load",)))
    assert alert.title.startswith("Exercise: ")
    assert "load.exercise" in bench.actions_audited()
    playing.exercise.clear_wanted.emit()
    qtbot.waitUntil(lambda: not any(one.is_exercise for one in trace.intervals))


def test_what_cannot_be_put_in_is_said_beside_it(playing: LoadPage) -> None:
    playing._on_moved(START, START + 100)  # the history
    playing._inject("scaling", 0.2, 24, "middle")
    assert "history" in playing.exercise.told.text()


def test_closing_a_replay_empties_the_page(playing: LoadPage, bench: DeskBench) -> None:
    bench.desk.actions.trigger("load.close")
    bench.settle()
    assert playing.replay is None
    assert shown_state(playing) == "nothing"


# -- looking around


def test_wheel_drag_brush_and_keys_move_the_view(playing: LoadPage, qtbot: QtBot) -> None:
    plot, trace = playing.plot, playing.trace
    assert trace is not None
    middle = QPointF(plot.width() / 2, plot.height() / 2)
    wheel = QWheelEvent(
        middle, plot.mapToGlobal(middle), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    plot.wheelEvent(wheel)
    assert plot.span[1] - plot.span[0] < VIEW_HOURS
    assert not playing._follows
    first = plot.span[0]
    playing.brush.setFocus()
    qtbot.keyClick(playing.brush, Qt.Key.Key_Left)
    assert plot.span[0] < first
    playing.desk.actions.trigger("load.all")
    assert plot.span[0] == trace.start
    assert plot.span[1] >= trace.end
    playing.desk.actions.trigger("load.follow")
    assert playing._follows
    assert plot.span[1] >= trace.end


def test_the_brush_moves_jumps_and_is_sized(qtbot: QtBot) -> None:
    brush = BrushStrip(Theme("dark"))
    qtbot.addWidget(brush)
    brush.resize(1_000, 48)
    trace = Trace("k", "meter", "", 0, 1_000)
    trace.fill("value", 0, np.arange(1_000.0))
    brush.show_trace(trace, 100, 200)
    told: list[tuple[float, float]] = []
    brush.moved.connect(lambda a, b: told.append((a, b)))
    left = Qt.MouseButton.LeftButton
    at = QPoint(round(brush._x(150)), 20)
    qtbot.mousePress(brush, left, pos=at)
    qtbot.mouseMove(brush, QPoint(round(brush._x(250)), 20))
    qtbot.mouseRelease(brush, left)
    assert told
    assert abs(told[-1][0] - 200) < 3
    qtbot.mousePress(brush, left, pos=QPoint(round(brush._x(800)), 20))
    qtbot.mouseRelease(brush, left)
    assert abs(sum(told[-1]) / 2 - 800) < 3
    qtbot.mouseDClick(brush, left, pos=at)
    assert told[-1] == (0.0, 1_000.0)
    brush.show_trace(None, 0, 1)
    brush.grab()
    assert clamp(-50, 50, 0, 1_000) == (0, 100)
    assert clamp(950, 1_050, 0, 1_000) == (900, 1_000)


def test_an_interval_can_be_chosen_and_copied(playing: LoadPage) -> None:
    trace = playing.trace
    assert trace is not None
    one = LoadInterval(START + 300, START + 320, 2, 0.3, "scaling", 0.9, 0.3, 0.9, ("Why.",))
    trace.intervals = (one,)
    playing.refresh()
    playing.table.selectRow(0)
    first, last = playing.plot.span
    assert first <= one.first <= one.last <= last
    assert playing.now_card.title.text() == "Chosen"
    assert playing.now_card.words.text() == "Why."
    text = playing.numbers()
    assert text.startswith("time,value,forecast,lower,upper,benchmark\n")
    assert hour_text(one.first) in text
    playing._plot_menu(playing.mapToGlobal(QPoint(10, 10)))
    QGuiApplication.clipboard().clear()
    playing.show_cursor((START + 310) * HOUR_S)
    assert playing.plot_card.hint.text() == hour_text(START + 310)
    playing.show_cursor(None)
    assert [label.text() for label in playing.plot_card._labels if not label.isHidden()] == [
        "typical day", "forecast", "95% of clean hours", "actual",
    ]  # fmt: skip


# -- what comes in


def test_stored_series_are_shown_a_month_at_first_then_all(
    bench: DeskBench, page: LoadPage, series: LoadDesk, qtbot: QtBot
) -> None:
    found = LoadInterval(START + 2_000, START + 2_010, 3, 0.45, "ramp_up", 0.8, 0.4, 0.9, ("W.",))
    store(bench, "7/meter", 2_100, found)
    store(bench, "rate/7", 3)
    page.look()
    qtbot.waitUntil(lambda: len(series.live) == 2)
    page.choose("7/meter")
    assert page.replay is None
    assert page.trace is not None
    assert page.trace.n == 30 * 24
    assert [row.kind for row in page.list.rows] == ["live", "events/h"]
    assert page.intervals.rows == (found,)
    assert not page.exercise.inject.isEnabled()
    page.show_all()
    qtbot.waitUntil(lambda: page.trace is not None and page.trace.n == 2_100)
    store(bench, "7/meter", 2, first=START + 2_100)
    page.look()
    qtbot.waitUntil(lambda: series.live["7/meter"].n == 2_102)
    asked: list[tuple[str, object]] = []
    bench.desk.page_requested.connect(lambda name, args: asked.append((name, args)))
    bench.desk.actions.trigger("load.alerts")
    bench.desk.actions.trigger("load.events")
    assert [name for name, _ in asked] == ["alerts", "events"]


def test_so_many_days_as_the_setting_says_are_held(
    bench: DeskBench, page: LoadPage, series: LoadDesk, qtbot: QtBot
) -> None:
    found = LoadInterval(START + 480, START + 490, 3, 0.45, "ramp_up", 0.8, 0.4, 0.9, ("W.",))
    old = LoadInterval(START + 30, START + 40, 3, 0.45)
    bench.governance.settings.set(LIVE_DAYS, 2)
    store(bench, "7/meter", 60)
    page.look()
    qtbot.waitUntil(lambda: "7/meter" in series.live)
    assert series.live["7/meter"].n == 48
    store(bench, "7/meter", 440, old, found, first=START + 60)
    page.look()
    qtbot.waitUntil(lambda: series.live["7/meter"].end == START + 500)
    trace = series.live["7/meter"]
    assert (trace.n, trace.start) == (48, START + 452)
    assert trace.columns["value"].tolist() == [100.0 + i % 24 for i in range(392, 440)]
    assert trace.intervals == (found,)
    assert series.has_older("7/meter")
    page.choose("7/meter")
    page.show_all()
    qtbot.waitUntil(lambda: series.live["7/meter"].n == 500)
    page.look()
    bench.settle()
    assert series.live["7/meter"].n == 500  # asked for, so all of it stays


def test_several_series_are_a_list_to_choose_from(
    bench: DeskBench, page: LoadPage, series: LoadDesk, qtbot: QtBot
) -> None:
    for name in ("1/a", "2/b", "3/c"):
        store(bench, name, 50)
    page.look()
    qtbot.waitUntil(lambda: len(series.live) == 3)
    page.choose("1/a")
    page.series_table.selectRow(2)
    assert page.trace is not None
    assert page.trace.key == "3/c"
    bench.desk.actions.trigger("load.following")
    assert page.trace is not None
    assert page.trace.key == "1/a"
    assert page.list.data(page.list.index(0, SeriesColumn.NAME)) == "1 a"
    page.series_table.grab()


@pytest.fixture
def three(
    bench: DeskBench, page: LoadPage, series: LoadDesk, qtbot: QtBot
) -> Callable[[], list[str]]:
    """Three series of which the last one is from another time; gives what the lanes show."""
    for name, first in (("1/a", START), ("2/b", START + 10), ("3/c", START + 5_000)):
        store(bench, name, 400, first=first)
    page.look()
    qtbot.waitUntil(lambda: len(series.live) == 3)
    page.choose("1/a")

    def lanes() -> list[str]:
        qtbot.waitUntil(lambda: not page.lanes._turn.isActive())
        shown = page.lanes.lanes[: page.lanes.n]
        return [lane.name.text() for lane in shown]

    return lanes


def test_series_are_seen_below_each_other_over_the_same_hours(
    bench: DeskBench, page: LoadPage, three: Callable[[], list[str]], qtbot: QtBot
) -> None:
    compare = bench.desk.actions.action("load.compare")
    sizes = page.splitter.sizes()
    page._on_moved(START + 50, START + 150)
    compare.trigger()
    assert page.trace is not None
    assert (page.trace.key, three()) == ("2/b", ["1 a · MW"])  # kept, and the next one beside it
    assert page.plot.span == (START + 50, START + 150)  # the same hours
    lane = page.lanes.lanes[0]
    assert lane.plot.span == page.plot.span
    assert not page.plot._axes["bottom"].isVisible()  # the times stand below the last one alone
    assert lane.plot._axes["bottom"].isVisible()
    assert page.splitter.sizes()[1] < sizes[1]
    lane.plot.moved.emit(START + 100.0, START + 200.0)
    assert (page.plot.span, three()) == ((START + 100, START + 200), ["1 a · MW"])
    assert lane.plot.span == page.plot.span
    lane.plot.hovered.emit((START + 120.5) * HOUR_S)
    assert lane.values.text().startswith("forecast 100")
    assert page.plot._cursor.isVisible()
    compare.trigger()
    assert (page.trace.key, three()) == ("3/c", ["1 a · MW", "2 b · MW"])
    assert "Nothing in these hours; it has 20" in lane.values.text()  # it shows what it has not
    assert [one.plot._axes["bottom"].isVisible() for one in page.lanes.lanes] == [False, True]
    page.choose("1/a")  # one that is kept stands above, not twice
    assert three() == ["2 b · MW"]
    assert page.lists.compare_button.text() == "Let go"
    compare.trigger()
    page.lanes.lanes[0].close_button.click()
    assert three() == []
    assert page.plot._axes["bottom"].isVisible()
    assert page.splitter.sizes() == sizes


def test_one_series_is_seen_alone_again(
    bench: DeskBench, page: LoadPage, series: LoadDesk, three: Callable[[], list[str]]
) -> None:
    for _ in range(5):
        bench.desk.actions.trigger("load.compare")
    assert len(three()) == 2
    assert "no other series" in bench.messages[-1][1]
    bench.desk.theme.set_choice("light")
    page.save_state()  # as at the end of the program
    bench.desk.actions.trigger("load.alone")
    assert three() == []
    bench.desk.actions.trigger("load.compare")
    assert three() == ["3 c · MW"]
    del series.live["3/c"]
    page.refresh()
    assert three() == []  # what is gone is let go


def test_four_series_of_ten_years_are_drawn_one_in_a_turn(
    page: LoadPage, series: LoadDesk, qtbot: QtBot
) -> None:
    n = 87_660
    values = made(24 * 365)[np.arange(n) % 8_760]
    for key in ("6/a", "7/b", "8/c", "9/d", "9/e"):
        trace = Trace(key, key, "MW", START, n)
        for name in ("value", "forecast", "lower", "upper", "benchmark"):
            trace.fill(name, START, values)
        series.live[key] = trace
    page.choose("6/a")
    for _ in range(4):
        page.desk.actions.trigger("load.compare")
    assert page.lanes.n == MOST_LANES
    page.show_all()
    drawn: list[int] = []
    for place, lane in enumerate(page.lanes.lanes):
        lane.plot.show_hours = lambda _first, _last, place=place: drawn.append(place)
    page._drawn = ()
    page.lanes.redraw()
    page._show_trace(page.trace)
    assert drawn == []  # nothing of them in the turn of the series that is seen
    page.lanes._draw_next()
    assert drawn == [0]
    qtbot.waitUntil(lambda: drawn == [0, 1, 2])


def test_ten_years_are_drawn_without_a_stall(page: LoadPage, series: LoadDesk) -> None:
    import time

    n = 87_660
    trace = Trace("9/long", "long", "MW", START, n)
    for name in ("value", "forecast", "lower", "upper", "benchmark"):
        part = {"lower": 0.5, "upper": 1.5}.get(name, 1.0)
        trace.fill(name, START, part * made(24 * 365)[np.arange(n) % 8_760])
    trace.grades[::500] = 2
    series.live[trace.key] = trace
    page.choose(trace.key)
    page.show_all()
    began = time.perf_counter()
    page._drawn = ()
    page._show_trace(trace)
    page.plot.grab()
    page.brush.grab()
    assert time.perf_counter() - began < 2.0  # measured: 0.1 s; lines smoothed by Qt took 6 s
    image = page.plot.grab().toImage()
    color, ground = page.desk.theme.color("ok"), page.desk.theme.color("surface")
    shade = [
        round(0.18 * a + 0.82 * b) for a, b in zip(color.getRgb(), ground.getRgb(), strict=True)
    ]
    middle = [image.pixelColor(page.plot.width() // 2, y).getRgb() for y in range(image.height())]
    near = [p for p in middle if max(abs(a - b) for a, b in zip(p, shade, strict=True)) <= 2]
    assert len(near) > 20  # the band is there, though it is no polygon
    assert max(len(one.xData) for one in page.plot._curves.values()) <= 2 * page.plot.width()


# -- parts


def test_figures_are_dashes_without_a_replay(qtbot: QtBot) -> None:
    card = FiguresCard()
    qtbot.addWidget(card)
    card.show_figures(None, "MW")
    assert card.text_of("mape") == "—"


def test_a_live_series_has_the_error_of_its_last_week(qtbot: QtBot) -> None:
    card = FiguresCard()
    qtbot.addWidget(card)
    trace = Trace("1/a", "a", "MW", START, 200)
    card.show_live(trace, None)
    assert card.text_of("mape") == "—"
    for i in range(200):
        worst = i < 32 or i == 199  # before the last week, and under suspicion
        trace.put(HourRow(START + i, 100.0, 50.0 if worst else 98.0, grade=3 if i == 199 else 0))
    card.show_live(trace, None)
    assert card.text_of("mape") == "2.00%"
    assert card.text_of("mae") == "2 MW"
    assert card.text_of("rate") == "—"
    card.show_live(trace, Standing(hours_per_s=9_000.0, p50_us=80, p95_us=90, p99_us=120))
    assert card.text_of("mape") == "2.00%"  # of what is here, until it is told
    assert card.text_of("drift") == "after two weeks"
    assert card.text_of("latency") == "80 / 90 / 120 µs"
    told = Standing(3.0, 0.03, 0.01, 3.0, True, 80, 90, 120, 9_000.0, 2**20, 2**30)
    card.show_live(trace, told)
    assert card.text_of("mape") == "3.00%"
    assert card.text_of("drift") == "3.00, drifting"
    assert card.text_of("memory") == "1.0 MB of 1.1 GB"


def test_a_live_series_shows_how_its_detector_stands(
    bench: DeskBench, page: LoadPage, series: LoadDesk, qtbot: QtBot
) -> None:
    told = Standing(p50_us=80, p95_us=90, p99_us=120, hours_per_s=9_000.0, memory_bytes=2**20)
    drift = {"mae": 1.0, "mape": 0.02, "baseline_mape": 0.01, "ratio": 1.5, "is_drifting": False}
    state = pack([({"key": "7/meter", "drift": drift}, b"")], told, [])
    store(bench, "7/meter", 300)
    store(bench, "rate/7", 30)
    bench.governance.batches.store(BatchCommit(0, (), (), states={"load": state}))
    page.look()
    qtbot.waitUntil(lambda: "7/meter" in series.standings)
    page.choose("7/meter")
    assert page.figures.text_of("drift") == "1.50, steady"
    assert page.figures.text_of("rate") == "9,000"
    page.choose("rate/7")
    series.live["rate/7"].columns["forecast"][:] = np.nan  # counted, and nothing else
    page.refresh()
    assert page.figures.text_of("drift") == "—"
    assert page.figures.text_of("rate") == "—"


def test_where_there_is_little_room_the_size_of_an_attack_stays(
    bench: DeskBench, page: LoadPage, series: LoadDesk, qtbot: QtBot
) -> None:
    one = LoadInterval(START + 20, START + 30, 3, 0.45, "scaling", 0.8, 0.4, 0.9, ("W.",))
    store(bench, "7/meter", 60, one)
    page.look()
    qtbot.waitUntil(lambda: "7/meter" in series.live)
    whole = hour_text(one.first)
    for width, since in ((1_600, whole), (1_416, whole), (1_310, whole[5:]), (1_096, whole[5:])):
        page.resize(width, 730)
        page.choose("7/meter")
        bench.settle()  # the layouts follow
        at = page.intervals.index(0, IntervalColumn.SINCE)
        assert page.intervals.data(at) == since
        assert isinstance(page.lists, LoadLists)
        room = page.table.columnWidth(IntervalColumn.WHAT)
        longest = max(len(words) for words in SHORT_WORDS.values())
        text = max(
            (f"Exercise: {words} +40%" for words in SHORT_WORDS.values() if len(words) == longest),
            key=page.table.fontMetrics().horizontalAdvance,
        )
        assert room - 2 * PAD >= page.table.fontMetrics().horizontalAdvance(text), width
        assert page.series_table.columnWidth(SeriesColumn.NAME) >= 96
    assert hour_text(one.first) in page.intervals.data(at, Qt.ItemDataRole.ToolTipRole)
    assert page.controls.follow.width() < 120  # the slider's place stays empty for a live series


def test_axes_have_round_values_and_dates(qtbot: QtBot) -> None:
    axis, day = ClockAxis(TimeFormat("UTC")), 86_400.0
    ((step, ticks),) = axis.tickValues(0.0, 3 * day, 600)
    assert step in {6 * HOUR_S, 12 * HOUR_S, day}
    assert axis.tickStrings([0.0], 1, step) == ["Jan 1"]
    ((_, years),) = axis.tickValues(0.0, 365.25 * 10 * day, 300)
    assert len(years) in range(2, 7)
    level = LevelAxis(level_text)
    ((step, ticks),) = level.tickValues(14_000, 22_000, 200)
    assert 14_000 <= ticks[0] <= ticks[-1] <= 22_000
    assert level.tickStrings(ticks, 1, step)[0].endswith("k")
    ((_, ticks),) = level.tickValues(9.8, 30, 40)
    assert 10 not in ticks  # its label would be cut
    assert ticks
    assert number_text(16_280.4) == "16,280"
    assert number_text(0.12345) == "0.1235" or number_text(0.12345) == "0.1234"


def test_the_list_follows_an_hour_that_was_judged_anew() -> None:
    model, trace = SeriesModel(), Trace("1/a", "a", "MW", START, 4)
    for grade in (0, 3):
        trace.put(HourRow(START, 120.0, 100.0, grade=grade))
        model.set_rows([row_of(trace, "live")])
    assert model.rows[0].grade == 3
    trace.put(HourRow(START + 1, 100.0, 100.0))
    assert row_of(trace, "live").grade == 0
    trace.intervals = (LoadInterval(START, START, 2, 0.3),)
    assert row_of(trace, "live").grade == 2
    fresh = Trace("1/b", "b", "MW", START, 4)
    fresh.put(HourRow(START, 120.0))
    assert row_of(fresh, "live").state == "learning"
    assert row_of(fresh, "events/h").state == "counted"
    assert model.data(model.index(0, SeriesColumn.STATE)) == ""
    assert model.data(model.index(0, SeriesColumn.OFF)) == "+20.0%"


def test_the_interval_table_passes_the_model_checks(qtmodeltester: object) -> None:
    model = IntervalModel()
    qtmodeltester.check(model)  # type: ignore[attr-defined]
    model.set_rows(
        (LoadInterval(START, START + 3, 4, 0.6), LoadInterval(START + 9, START + 9, 1, 0.1))
    )
    qtmodeltester.check(model)  # type: ignore[attr-defined]
    assert model.data(model.index(0, IntervalColumn.SINCE)) == hour_text(START + 9)


def test_the_dialog_offers_the_columns_of_the_file(
    bench: DeskBench, page: LoadPage, file: Path, qtbot: QtBot
) -> None:
    page.ask_file()
    dialog = bench.dialog(OpenSeries, page.window())
    assert not dialog.accept_button.isEnabled()
    dialog.take(str(bench.folder / "none.csv"))
    qtbot.waitUntil(lambda: "Cannot read" in dialog.told.text())
    dialog.take(str(file))
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    assert dialog.value.currentText() == "load"
    dialog.accept()
    qtbot.waitUntil(lambda: page.replay is not None and page.replay.is_over)


def test_columns_of_a_source_are_numbers_or_keys(qtbot: QtBot) -> None:
    assert columns_of("when;load") == [("1", "1: when"), ("2", "2: load")]
    assert columns_of('{"at": 1, "mw": 2}') == [("at", "at"), ("mw", "mw")]
    assert [name for name, _ in columns_of("")] == ["1", "2"]
    fields = SeriesFields()
    qtbot.addWidget(fields)
    fields.show_head("a,b,c")
    fields.value.setCurrentIndex(2)
    assert fields.options() == {
        "series_time": "1", "series_value": "3", "series_unit": "", "series_stamps": "end",
    }  # fmt: skip
