"""Plots over time: round ticks, honest read-outs, no more points than the screen can show."""

import csv
import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QContextMenuEvent, QWheelEvent
from pytestqt.qtbot import QtBot

from soc_copilot.ui.plots.timeplot import Line, TimeAxis, TimePlot, ValueAxis, nice_step
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat

START = datetime(2026, 3, 1, 12, 0, 7, tzinfo=UTC).timestamp()
LINES = (Line("a", "first", QColor("#ff0000")), Line("b", "second", QColor("#00ff00")))


@pytest.fixture
def plot(qtbot: QtBot) -> TimePlot:
    made = TimePlot(Theme("dark"), TimeFormat("UTC"), lambda v: f"{v:g}/s", 10.0)
    qtbot.addWidget(made)
    made.resize(400, 200)
    made.set_lines(LINES)
    made.set_range(START, START + 60)
    made.show()
    return made


def draw(plot: TimePlot, key: str, *values: float) -> None:
    plot.set_data(key, START + np.arange(len(values), dtype=float), np.array(values, float))


@pytest.mark.parametrize(
    ("span", "n_steps", "step"), [(10, 3, 5), (100, 4, 50), (0.9, 3, 0.5), (4, 4, 1), (7e6, 4, 2e6)]
)
def test_steps_are_one_two_or_five_times_a_power_of_ten(
    span: float, n_steps: int, step: float
) -> None:
    assert nice_step(span, n_steps) == pytest.approx(step)


def test_a_span_of_nothing_still_has_a_step() -> None:
    assert nice_step(0.0, 3) > 0


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "Europe/Berlin"])
def test_time_labels_stand_at_round_times_of_the_zone_shown(qtbot: QtBot, zone: str) -> None:
    axis = TimeAxis(TimeFormat(zone))
    ((step, places),) = axis.tickValues(START, START + 7_200, 500)
    labels = axis.tickStrings(places, 1.0, step)
    assert labels
    assert all(label.endswith((":00", ":30")) for label in labels)


def test_time_labels_never_overlap(qtbot: QtBot) -> None:
    axis = TimeAxis(TimeFormat("UTC"))
    for span in (30, 120, 900, 7_200, 86_400):
        ((_, places),) = axis.tickValues(START, START + span, 300)
        assert len(places) <= 300 / 90


def test_zero_is_among_the_values(qtbot: QtBot) -> None:
    ((_, values),) = ValueAxis(str).tickValues(0, 17, 120)
    assert values[0] == 0
    assert len(values) >= 2


def test_values_are_written_with_their_unit(plot: TimePlot) -> None:
    assert plot.getAxis("left").tickStrings([0, 5], 1.0, 5.0) == ["0/s", "5/s"]


def test_at_most_two_points_for_each_pixel_are_drawn(plot: TimePlot) -> None:
    values = np.random.default_rng(1).random(50_000)
    plot.set_data("a", START + np.arange(50_000, dtype=float) / 900, values)
    drawn, _ = plot._curves["a"].getData()
    assert len(drawn) <= 2 * plot.getViewBox().width()


def test_the_highest_value_survives_the_reduction(plot: TimePlot) -> None:
    values = np.zeros(50_000)
    values[12_345] = 99.0
    plot.set_data("a", START + np.arange(50_000, dtype=float) / 900, values)
    _, drawn = plot._curves["a"].getData()
    assert np.nanmax(drawn) == 99.0


def test_the_read_out_is_the_nearest_value(plot: TimePlot) -> None:
    draw(plot, "a", 1, 2, 3)
    assert [plot.value_at("a", START + at) for at in (0.4, 0.6, 1.9)] == [1, 2, 3]


def test_there_is_no_read_out_in_a_gap(plot: TimePlot) -> None:
    draw(plot, "a", 1, np.nan, 3)
    assert plot.value_at("a", START + 1) is None


@pytest.mark.parametrize("at", [-5.0, 9.0])
def test_there_is_no_read_out_beside_the_data(plot: TimePlot, at: float) -> None:
    draw(plot, "a", 1, 2, 3)
    assert plot.value_at("a", START + at) is None


def test_there_is_no_read_out_of_an_unknown_series(plot: TimePlot) -> None:
    assert plot.value_at("nothing", START) is None


@pytest.mark.parametrize(("highest", "at_least"), [(0.2, 10.0), (37.0, 37.0), (1_234.0, 1_234.0)])
def test_the_axis_reaches_above_the_highest_value(
    plot: TimePlot, highest: float, at_least: float
) -> None:
    draw(plot, "a", 0, highest)
    plot.fit()
    low, top = plot.viewRange()[1]
    assert low == 0
    assert at_least <= top <= 2.5 * max(at_least, 10.0)


def test_a_plot_of_gaps_alone_keeps_the_least_range(plot: TimePlot) -> None:
    draw(plot, "a", np.nan, np.nan)
    plot.fit()
    assert plot.viewRange()[1][1] >= 10.0


def test_a_series_that_is_gone_no_longer_counts(plot: TimePlot) -> None:
    draw(plot, "a", 5_000)
    plot.set_lines(LINES[1:])
    plot.fit()
    assert plot.viewRange()[1][1] < 100


def test_data_of_a_series_that_is_not_drawn_is_ignored(plot: TimePlot) -> None:
    draw(plot, "nothing", 5_000)
    plot.fit()
    assert plot.viewRange()[1][1] < 100


def test_the_numbers_leave_with_a_cell_for_every_gap(plot: TimePlot) -> None:
    draw(plot, "a", 1, np.nan)
    draw(plot, "b", 3, 4.5, 6)
    rows = list(csv.reader(io.StringIO(plot.numbers_csv())))
    assert rows == [
        ["time", "a", "b"],
        ["2026-03-01T12:00:07+00:00", "1", "3"],
        ["2026-03-01T12:00:08+00:00", "", "4.5"],
        ["2026-03-01T12:00:09+00:00", "", "6"],
    ]


def test_lines_of_a_halted_desk_lose_their_colour_and_get_it_back(plot: TimePlot) -> None:
    colors = []
    for greyed in (False, True, False):
        plot.set_greyed(greyed)
        colors.append(plot._curves["a"].opts["pen"].color().name())
    assert colors == ["#ff0000", Theme("dark").hex("muted"), "#ff0000"]


def test_the_mouse_is_told_as_a_time(plot: TimePlot, qtbot: QtBot) -> None:
    seen: list[float | None] = []
    plot.hovered.connect(seen.append)
    middle = plot.mapFromScene(plot.getViewBox().sceneBoundingRect().center())
    for place in (middle - QPoint(50, 0), middle):
        qtbot.mouseMove(plot.viewport(), place)
    qtbot.waitUntil(lambda: len(seen) >= 2)
    assert seen[-1] == pytest.approx(START + 30, abs=1)


def test_a_mouse_that_leaves_takes_its_time_along(plot: TimePlot) -> None:
    seen: list[float | None] = []
    plot.hovered.connect(seen.append)
    plot.leaveEvent(QEvent(QEvent.Type.Leave))
    assert seen == [None]


def test_the_crosshair_stands_at_the_time_asked(plot: TimePlot) -> None:
    plot.show_cursor(START + 5)
    assert plot._cursor.isVisible()
    assert plot._cursor.value() == START + 5
    plot.show_cursor(None)
    assert not plot._cursor.isVisible()


def test_the_wheel_is_left_to_the_page(plot: TimePlot) -> None:
    place, keys = QPointF(200, 100), Qt.KeyboardModifier.NoModifier
    event = QWheelEvent(
        place, place, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, keys,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    before = plot.viewRange()
    plot.wheelEvent(event)
    assert not event.isAccepted()
    assert plot.viewRange() == before


def test_the_menu_is_asked_for_where_the_mouse_is(plot: TimePlot) -> None:
    asked: list[QPoint] = []
    plot.menu_wanted.connect(asked.append)
    reason = QContextMenuEvent.Reason.Mouse
    plot.contextMenuEvent(QContextMenuEvent(reason, QPoint(5, 6), QPoint(50, 60)))
    assert asked == [QPoint(50, 60)]


def test_a_plot_follows_the_theme(qtbot: QtBot) -> None:
    theme = Theme("dark")
    made = TimePlot(theme, TimeFormat("UTC"), str)
    qtbot.addWidget(made)
    theme.set_choice("light")
    assert made.backgroundBrush().color().name() == theme.hex("surface")
