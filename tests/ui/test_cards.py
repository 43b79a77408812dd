"""Panels lead on by mouse and by key; an empty state offers what can be done now."""

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.cards import TEXT_WIDTH, Card, EmptyState, hline

LEFT = Qt.MouseButton.LeftButton


def card(qtbot: QtBot, *, clickable: bool) -> tuple[Card, list[int]]:
    made, clicks = Card("Alerts", "a hint", clickable=clickable), []
    qtbot.addWidget(made)
    made.resize(200, 100)
    made.show()
    made.clicked.connect(lambda: clicks.append(1))
    return made, clicks


def empty(qtbot: QtBot, *actions: QAction, text: str = "Why.") -> EmptyState:
    made = EmptyState(Theme("dark"), "search", "Nothing here", text, actions)
    qtbot.addWidget(made)
    made.resize(900, 400)
    made.show()
    return made


def button_of(state: EmptyState) -> QPushButton:
    found = state.findChild(QPushButton)
    assert found is not None
    return found


def test_a_click_leads_on(qtbot: QtBot) -> None:
    made, clicks = card(qtbot, clickable=True)
    qtbot.mouseClick(made, LEFT)
    assert clicks == [1]


def test_the_right_button_leads_nowhere(qtbot: QtBot) -> None:
    made, clicks = card(qtbot, clickable=True)
    qtbot.mouseClick(made, Qt.MouseButton.RightButton)
    assert clicks == []


def test_a_press_taken_back_by_leaving_the_card_leads_nowhere(qtbot: QtBot) -> None:
    made, clicks = card(qtbot, clickable=True)
    qtbot.mousePress(made, LEFT)
    qtbot.mouseRelease(made, LEFT, pos=QPoint(500, 500))
    assert clicks == []


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space])
def test_the_keys_that_press_a_button_lead_on_as_well(qtbot: QtBot, key: Qt.Key) -> None:
    made, clicks = card(qtbot, clickable=True)
    qtbot.keyClick(made, key)
    assert clicks == [1]


def test_a_plain_card_is_no_button(qtbot: QtBot) -> None:
    made, clicks = card(qtbot, clickable=False)
    qtbot.mouseClick(made, LEFT)
    qtbot.keyClick(made, Qt.Key.Key_Return)
    assert clicks == []


def test_only_a_card_that_leads_on_takes_the_focus(qtbot: QtBot) -> None:
    policies = [card(qtbot, clickable=clickable)[0].focusPolicy() for clickable in (True, False)]
    assert policies == [Qt.FocusPolicy.StrongFocus, Qt.FocusPolicy.NoFocus]


def test_a_card_without_a_title_keeps_no_room_for_one(qtbot: QtBot) -> None:
    with_title, without = Card("Title"), Card()
    qtbot.addWidget(with_title)
    qtbot.addWidget(without)
    assert without.sizeHint().height() < with_title.sizeHint().height()


def test_a_rule_is_one_pixel_high(qtbot: QtBot) -> None:
    line = hline()
    qtbot.addWidget(line)
    assert line.maximumHeight() == line.minimumHeight() == 1


def test_a_button_of_the_empty_state_triggers_its_action(qtbot: QtBot) -> None:
    action, fired = QAction("Add a log source…"), []
    action.triggered.connect(lambda: fired.append(1))
    made = empty(qtbot, action)
    qtbot.mouseClick(button_of(made), LEFT)
    assert fired == [1]


def test_the_first_button_is_the_main_way_on(qtbot: QtBot) -> None:
    made = empty(qtbot, first := QAction("One…"), second := QAction("Two"))
    kinds = {one.text(): one.property("kind") for one in made.findChildren(QPushButton)}
    assert (first.text(), second.text()) == ("One…", "Two")
    assert kinds == {"One": "primary", "Two": None}


def test_a_button_is_disabled_while_its_action_is(qtbot: QtBot) -> None:
    action = QAction("Try again")
    made = empty(qtbot, action)
    action.setEnabled(False)
    assert not button_of(made).isEnabled()


def test_a_button_of_an_action_that_cannot_be_done_starts_disabled(qtbot: QtBot) -> None:
    action = QAction("Try again")
    action.setEnabled(False)
    made = empty(qtbot, action)
    assert not button_of(made).isEnabled()


def test_a_long_reason_is_wrapped_and_shown_whole(qtbot: QtBot) -> None:
    made = empty(qtbot, text="Nothing is read yet, so nothing is shown. " * 6)
    assert made.text.width() <= TEXT_WIDTH
    assert made.text.height() >= made.text.heightForWidth(made.text.width())


def test_the_drawing_follows_the_theme(qtbot: QtBot) -> None:
    theme = Theme("dark")
    made = EmptyState(theme, "search", "Nothing", "Why.")
    qtbot.addWidget(made)
    before = made._drawing.pixmap().toImage()
    theme.set_choice("light")
    assert made._drawing.pixmap().toImage() != before
