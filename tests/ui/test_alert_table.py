"""The table of alerts: what moves it, what is checked, and which columns give way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, QPoint, QRect, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionViewItem
from pytestqt.qtbot import QtBot

from soc_copilot.ui.models.alert_pages import MAX_LIVE_ROWS
from soc_copilot.ui.models.alerts import Column
from soc_copilot.ui.widgets.alert_table import WHAT_PX, AlertTable, CheckDelegate
from tests.ui.alerts_support import Bench, bench, finding

Modifier = Qt.KeyboardModifier


@pytest.fixture
def made(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    with bench(qtbot, tmp_path, [finding(n) for n in range(60)]) as one:
        one.load()
        yield one


@pytest.fixture
def table(made: Bench) -> AlertTable:
    return made.page.table


def click(made: Bench, row: int, column: Column, modifier: Modifier = Modifier.NoModifier) -> None:
    table = made.page.table
    at = table.visualRect(made.page.model.index(row, column)).center()
    made.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, pos=at)


def shown(table: AlertTable) -> set[Column]:
    return {column for column in Column if not table.isColumnHidden(column)}


def test_every_row_has_the_same_height(table: AlertTable) -> None:
    assert len({table.rowHeight(row) for row in range(60)}) == 1


def test_going_beyond_the_rows_leaves_the_current_one(table: AlertTable) -> None:
    table.go_to(3)
    table.go_to(10_000)
    table.go_to(-1)
    assert table.current_row() == 3


def test_going_to_a_row_brings_it_into_view(table: AlertTable) -> None:
    table.go_to(59)
    rect = table.visualRect(table.model().index(59, Column.WHAT))
    assert table.viewport().rect().contains(QRect(rect.topLeft(), rect.size()).center())


def test_the_table_moves_freely_until_something_is_chosen(table: AlertTable) -> None:
    assert not table.is_held()
    table.go_to(0)
    assert table.is_held()


def test_a_scrolled_table_is_held(table: AlertTable) -> None:
    table.verticalScrollBar().setValue(40)
    assert table.is_held()


def test_checked_alerts_hold_the_table(made: Bench, table: AlertTable) -> None:
    made.page.model.toggle_checked(0)
    assert table.is_held()


def test_the_focus_alone_chooses_nothing(table: AlertTable) -> None:
    table.clearFocus()
    table.setFocus(Qt.FocusReason.TabFocusReason)
    assert not table.currentIndex().isValid()


def test_a_click_on_the_box_checks_without_choosing(made: Bench, table: AlertTable) -> None:
    with made.qtbot.waitSignal(table.checked_from) as told:
        click(made, 4, Column.CHECK)
    assert told.args == [4]
    assert not table.currentIndex().isValid()
    assert len(made.page.model.checked) == 1


def test_a_click_elsewhere_chooses_without_checking(made: Bench, table: AlertTable) -> None:
    click(made, 4, Column.WHAT)
    assert table.current_row() == 4
    assert not made.page.model.has_selection


def test_shift_checks_all_from_the_current_row(made: Bench, table: AlertTable) -> None:
    click(made, 2, Column.WHAT)
    click(made, 6, Column.WHAT, Modifier.ShiftModifier)
    assert len(made.page.model.checked) == 5
    assert table.current_row() == 2


def test_shift_checks_upwards_too(made: Bench) -> None:
    click(made, 6, Column.WHAT)
    click(made, 2, Column.WHAT, Modifier.ShiftModifier)
    assert len(made.page.model.checked) == 5


def test_letters_never_jump_to_a_row(table: AlertTable) -> None:
    table.go_to(3)
    table.keyboardSearch("I")  # "Info" would be found by its first letter
    assert table.current_row() == 3


@pytest.mark.parametrize(
    ("count", "words"),
    [(1, "1 new at the top"), (MAX_LIVE_ROWS + 1, f"{MAX_LIVE_ROWS:,}+ new at the top")],
)
def test_the_pill_says_how_many_wait(table: AlertTable, count: int, words: str) -> None:
    table.show_pill(count)
    assert table.pill.text() == words
    assert table.pill.isVisible()


def test_the_pill_goes_when_nothing_waits(table: AlertTable) -> None:
    table.show_pill(3)
    table.show_pill(0)
    assert not table.pill.isVisible()


def test_the_pill_stays_within_the_table_at_any_size(made: Bench, table: AlertTable) -> None:
    table.show_pill(3)
    for size in ((900, 700), (1_500, 1_000)):
        made.page.resize(*size)
        assert table.rect().contains(table.pill.geometry())


def test_the_pill_never_takes_the_keyboard(table: AlertTable) -> None:
    assert table.pill.focusPolicy() is Qt.FocusPolicy.NoFocus


def test_a_narrow_desk_leaves_room_for_what_happened(made: Bench, table: AlertTable) -> None:
    wide = shown(table)
    made.page.pane.hide()
    table.setMinimumWidth(0)
    table.resize(520, 400)
    narrow = shown(table)
    assert narrow < wide
    assert {Column.CHECK, Column.SEVERITY, Column.ENTITY, Column.WHAT} <= narrow
    table.resize(2_000, 400)
    assert shown(table) >= wide
    assert table.columnWidth(Column.WHAT) >= WHAT_PX


def test_a_column_that_gave_way_is_not_kept_as_hidden_by_hand(
    made: Bench, table: AlertTable
) -> None:
    table.resize(520, 400)
    assert table.hidden_columns() == [Column.FIRST_SEEN]


def test_hidden_columns_come_back_as_they_were_kept(table: AlertTable) -> None:
    table.resize(2_000, 400)
    table.set_hidden_columns([Column.SCORE, Column.COUNT])
    assert table.hidden_columns() == sorted([Column.SCORE, Column.COUNT])
    assert not {Column.SCORE, Column.COUNT} & shown(table)
    assert Column.FIRST_SEEN in shown(table)


def test_what_cannot_be_hidden_stays_whatever_was_kept(table: AlertTable) -> None:
    table.set_hidden_columns([Column.CHECK, Column.WHAT, 99])
    assert {Column.CHECK, Column.WHAT} <= shown(table)
    assert table.hidden_columns() == []


def check_cell(made: Bench, row: int) -> QImage:
    table = made.page.table
    image = QImage(40, 28, QImage.Format.Format_RGB32)
    image.fill(0)
    option = QStyleOptionViewItem()
    option.rect = QRect(QPoint(0, 0), image.size())
    option.widget = table
    painter = QPainter(image)
    index: QModelIndex = made.page.model.index(row, Column.CHECK)
    CheckDelegate(made.desk.theme, table).paint(painter, option, index)
    painter.end()
    return image


def test_a_checked_box_looks_different(made: Bench) -> None:
    before = check_cell(made, 0)
    made.page.model.toggle_checked(0)
    assert check_cell(made, 0) != before
    assert check_cell(made, 1) == before


def test_a_marked_alert_shows_a_flag(made: Bench) -> None:
    before = check_cell(made, 0)
    made.page.model.toggle_marked(0)
    assert check_cell(made, 0) != before
