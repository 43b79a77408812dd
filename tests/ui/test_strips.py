"""Strips on one time axis: what is drawn where, and what it says in words."""

from datetime import UTC, datetime

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QTableView
from pytestqt.qtbot import QtBot

from soc_copilot.ui.host_rows import HostFacts, assemble
from soc_copilot.ui.models.host_streams import Column, StreamTableModel, Strip
from soc_copilot.ui.stream_history import COLUMN_S, N_COLUMNS, StreamHistory
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.strips import (
    SPAN_S,
    StateDelegate,
    StripDelegate,
    StripHeader,
    StripHover,
    StripLegend,
)
from soc_copilot.ui.widgets.tables import desk_table
from tests.ui.host_support import judged

HEAD_S = datetime(2026, 3, 1, 12, 7, 30, tzinfo=UTC).timestamp()  # the present column begins
NOW_S = HEAD_S + 4.0
BOX = QRectF(0, 0, SPAN_S, 20)


def strip(*scores: float) -> Strip:
    """The last columns; the very last one has just begun."""
    cells = np.full(N_COLUMNS, np.nan, np.float32)
    cells[-len(scores) :] = scores
    return Strip(cells, HEAD_S + COLUMN_S, 0.8)


@pytest.fixture
def delegate(qtbot: QtBot) -> StripDelegate:
    return StripDelegate(Theme("dark"), TimeFormat("UTC"), lambda: NOW_S)


def test_the_right_end_is_now_and_the_left_end_a_quarter_of_an_hour_ago(
    delegate: StripDelegate,
) -> None:
    assert delegate.time_at(SPAN_S, BOX) == NOW_S
    assert delegate.time_at(0, BOX) == NOW_S - SPAN_S
    assert delegate.time_at(-1, BOX) is None
    assert delegate.time_at(5, QRectF()) is None
    assert delegate.x_at(NOW_S - 60, BOX) == SPAN_S - 60


def test_a_place_is_told_in_words(delegate: StripDelegate) -> None:
    shown = strip(0.9, np.nan, 0.5, 0.1)
    words = [delegate.describe(shown, HEAD_S - back) for back in (-4, 3, 8, 12, 100)]
    assert words[0].endswith("12:07:30 to Mar 01 12:07:35: 0.10, ordinary (a threat from 0.80 on)")
    assert "0.50, raised" in words[1]
    assert words[2].endswith("no events")
    assert "0.90, threat" in words[3]
    assert words[4].endswith("no events")
    assert delegate.describe(Strip(None, NOW_S, 0.8), NOW_S).endswith("no events")


@pytest.fixture
def view(qtbot: QtBot) -> QTableView:
    history = StreamHistory()
    history.take([judged(0.95, "1/bad"), judged(0.5, "1/odd"), judged(0.1, "1/calm")], NOW_S)
    model = StreamTableModel(history, TimeFormat("UTC"))
    model.set_rows(assemble(history.records("host"), HostFacts({}, (), ())))
    made = desk_table(model, "streams", {})
    model.setParent(made)
    qtbot.addWidget(made)
    theme, times = Theme("dark"), TimeFormat("UTC")
    strips = StripDelegate(theme, times, lambda: NOW_S, made)
    made.setHorizontalHeader(StripHeader(strips, Column.STRIP, theme, times))
    made.setItemDelegateForColumn(Column.STATE, StateDelegate(theme, made))
    made.setItemDelegateForColumn(Column.STRIP, strips)
    made.setColumnWidth(Column.STRIP, SPAN_S + 16)
    made.resize(1_600, 200)
    made.show()
    return made


def colours(view: QTableView, row: int) -> set[str]:
    """Colours in a strip's newest column, from the bottom up."""
    cell = view.visualRect(view.model().index(row, Column.STRIP))
    image = view.viewport().grab(cell).toImage().convertToFormat(QImage.Format.Format_RGB32)
    x = image.width() - 11
    return {image.pixelColor(x, y).name() for y in range(3, image.height() - 5)}


def test_each_band_is_drawn_in_its_role_and_as_high_as_its_score(view: QTableView) -> None:
    theme = Theme("dark")
    found = [colours(view, row) for row in range(3)]
    for row, role in enumerate(("critical", "medium", "low")):
        assert theme.hex(role) in found[row], role
        others = {theme.hex(one) for one in ("critical", "medium", "low") if one != role}
        assert not others & found[row]


def test_while_halted_the_strips_are_grey(view: QTableView) -> None:
    delegate = view.itemDelegateForColumn(Column.STRIP)
    assert isinstance(delegate, StripDelegate)
    delegate.is_greyed = True
    theme = Theme("dark")
    assert theme.hex("muted") in colours(view, 0)
    assert theme.hex("critical") not in colours(view, 0)


def test_the_axis_has_round_times(view: QTableView) -> None:
    header = view.horizontalHeader()
    assert isinstance(header, StripHeader)
    assert [words for _, words in header.ticks(SPAN_S)] == [
        f"{11 + (minute >= 60)}:{minute % 60:02d}" for minute in range(54, 68, 2)
    ]
    assert [words for _, words in header.ticks(200)] == ["12:00"]
    header.grab()


def move(view: QTableView, at: QPoint) -> None:
    none, buttons = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton
    where = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove, where, view.viewport().mapToGlobal(where), buttons, buttons, none
    )
    QApplication.sendEvent(view.viewport(), event)


def test_the_crosshair_follows_the_mouse_and_tells_the_value(view: QTableView) -> None:
    delegate = view.itemDelegateForColumn(Column.STRIP)
    assert isinstance(delegate, StripDelegate)
    hover = StripHover(view, delegate, Column.STRIP)
    told: list[tuple[int, str]] = []
    hover.told.connect(lambda row, words: told.append((row, words)))
    cell = view.visualRect(view.model().index(1, Column.STRIP))
    move(view, QPoint(cell.right() - 9, cell.center().y()))
    assert told[0][0] == 1
    assert "0.50, raised" in told[0][1]
    assert delegate.cursor_s is not None
    view.grab()
    move(view, view.visualRect(view.model().index(1, Column.STREAM)).center())
    assert told[-1] == (-1, "")
    assert delegate.cursor_s is None


def test_the_legend_names_every_band(qtbot: QtBot) -> None:
    legend = StripLegend(Theme("light"))
    qtbot.addWidget(legend)
    legend.show()
    assert "dotted" in legend.accessibleName()
    legend.grab()
