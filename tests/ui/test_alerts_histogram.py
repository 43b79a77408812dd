from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertBucket
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.histogram import SeverityHistogram, Span, nice_span, step_words

START = datetime(2026, 3, 4, 9, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("hours", [0.01, 0.5, 1, 24, 24 * 7, 24 * 30, 24 * 365 * 5])
def test_span_covers_the_range_in_round_buckets(hours: float) -> None:
    end = START + timedelta(hours=hours)
    span = nice_span(START, end)
    assert span.start <= START
    assert span.end >= end
    assert 1 <= span.n_buckets <= 130
    assert (span.end - span.start) / span.n_buckets == span.step
    assert span.start.timestamp() % span.step.total_seconds() == 0


def test_span_of_a_single_moment_has_one_bucket() -> None:
    assert nice_span(START, START).n_buckets == 1


def test_step_is_told_in_its_largest_whole_unit() -> None:
    words = [step_words(timedelta(seconds=s)) for s in (5, 90, 300, 7_200, 86_400)]
    assert words == ["5 s", "90 s", "5 min", "2 h", "1 d"]


def filled(qtbot: QtBot, choice: str = "dark") -> tuple[SeverityHistogram, Span]:
    plot = SeverityHistogram(Theme(choice), TimeFormat("UTC"))
    qtbot.addWidget(plot)
    plot.resize(932, 104)
    span = nice_span(START, START + timedelta(minutes=90), 90)
    buckets = [
        AlertBucket(span.start + n * span.step, (0, n % 3, 0, 0, 1) if n % 4 else (0, 0, 0, 0, 0))
        for n in range(span.n_buckets)
    ]
    plot.set_data(span, buckets)
    plot.show()
    return plot, span


def test_dragging_picks_whole_buckets_and_double_click_lets_go(qtbot: QtBot) -> None:
    plot, span = filled(qtbot)
    with qtbot.waitSignal(plot.range_chosen) as chosen:
        qtbot.mousePress(plot, Qt.MouseButton.LeftButton, pos=QPoint(200, 50))
        qtbot.mouseMove(plot, QPoint(400, 50))
        qtbot.mouseRelease(plot, Qt.MouseButton.LeftButton, pos=QPoint(400, 50))
    since, until = chosen.args
    assert span.start < since < until < span.end
    assert (since - span.start) % span.step == timedelta(0)
    assert plot.brush == (since, until)
    with qtbot.waitSignal(plot.range_cleared):
        qtbot.mouseDClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(300, 50))
    assert plot.brush is None


def test_a_click_picks_nothing(qtbot: QtBot) -> None:
    plot, _ = filled(qtbot)
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(200, 50))
    assert plot.brush is None


def test_zero_buckets_are_described_and_counted(qtbot: QtBot) -> None:
    plot, span = filled(qtbot)
    assert plot.describe(0).endswith("no alerts")
    assert plot.describe(1).endswith("1 critical, 1 low")
    plot.copy_numbers()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert len(lines) == span.n_buckets + 1
    assert lines[0] == "start\tInfo\tLow\tMedium\tHigh\tCritical"


@pytest.mark.parametrize("choice", ["dark", "light"])
def test_it_paints_empty_full_brushed_and_hovered(qtbot: QtBot, choice: str) -> None:
    plot, span = filled(qtbot, choice)
    full = plot.grab().toImage()
    plot.set_brush((span.start, span.start + 10 * span.step))
    assert plot.grab().toImage() != full
    qtbot.mouseMove(plot, QPoint(500, 50))
    plot.set_data(span, ())
    assert plot.grab().toImage() != full
