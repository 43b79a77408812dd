"""The message bar: what needs a person stays, what does not gives way, nothing is lost."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.messages import LEVELS, MessageBar
from tests.ui.desk_support import HOSTILE, SHOWN


@pytest.fixture
def bar(qtbot: QtBot) -> MessageBar:
    made = MessageBar(Theme("dark"))
    qtbot.addWidget(made)
    made.resize(600, 40)
    return made


def words(bar: MessageBar) -> list[str]:
    """Every message from the one shown to the last that waits."""
    found = []
    while bar.current is not None:
        found.append(bar.current[1])
        bar.dismiss()
    return found


def test_the_bar_takes_no_room_before_the_first_message(bar: MessageBar) -> None:
    assert bar.isHidden()


@pytest.mark.parametrize("level", ["info", "ok"])
def test_a_plain_fact_gives_way_to_the_next_message(bar: MessageBar, level: str) -> None:
    bar.show_message(level, "One")
    bar.show_message("info", "Two")
    assert words(bar) == ["Two"]


@pytest.mark.parametrize("level", ["warning", "error"])
def test_what_needs_a_person_stays_in_front(bar: MessageBar, level: str) -> None:
    bar.show_message(level, "One")
    bar.show_message("error", "Two")
    assert words(bar) == ["One", "Two"]


def test_the_same_message_is_queued_once(bar: MessageBar) -> None:
    for text in ("One", "Two", "Two", "One"):
        bar.show_message("error", text)
    assert words(bar) == ["One", "Two"]


def test_the_number_that_waits_is_shown(bar: MessageBar) -> None:
    for text in ("One", "Two", "Three"):
        bar.show_message("error", text)
    assert bar._more.text() == "2 more"


def test_a_flood_keeps_the_first_and_the_newest(bar: MessageBar) -> None:
    for number in range(200):
        bar.show_message("error", f"{number}")
    assert words(bar) == ["0", *(f"{number}" for number in range(150, 200))]


def test_without_details_there_is_no_button_for_them(bar: MessageBar) -> None:
    bar.show_message("error", "One")
    assert bar.details_button.isHidden()


def test_details_of_the_last_message_are_folded_for_the_next(bar: MessageBar) -> None:
    bar.show_message("error", "One", "first")
    bar.show_message("error", "Two", "second")
    bar.details_button.click()
    bar.dismiss()
    assert bar.details.isHidden()
    assert bar.details_button.text() == "Details"
    assert bar.details.toPlainText() == "second"


def shown_text(bar: MessageBar) -> str:
    return bar.text.text()


def shown_details(bar: MessageBar) -> str:
    return bar.details.toPlainText()


def copied(bar: MessageBar) -> str:
    bar.copy_button.click()
    return QGuiApplication.clipboard().text().split("\n")[0]


@pytest.mark.parametrize("read", [shown_text, shown_details, copied])
def test_hidden_characters_are_signs_wherever_a_message_is_read(
    bar: MessageBar, read: Callable[[MessageBar], str]
) -> None:
    bar.show_message("error", HOSTILE, HOSTILE)
    assert read(bar) == SHOWN


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_has_a_sign_beside_its_colour(bar: MessageBar, level: str) -> None:
    bar.show_message(level, "One")
    assert bar.property("level") == level
    assert not bar._sign.pixmap().isNull()


def test_a_message_can_be_dismissed_with_the_keyboard(bar: MessageBar, qtbot: QtBot) -> None:
    bar.show_message("error", "One")
    qtbot.keyClick(bar.close_button, Qt.Key.Key_Space)
    assert bar.isHidden()
