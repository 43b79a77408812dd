"""The line under the alerts asks without moving anything, and says what was done."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import Disposition
from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.widgets.triage_strip import CLOSE_KEYS, HEIGHT_PX, TriageStrip
from tests.ui.desk_support import HOSTILE, SHOWN

Key = Qt.Key


@pytest.fixture
def strip(qtbot: QtBot) -> Iterator[TriageStrip]:
    made = TriageStrip()
    qtbot.addWidget(made)
    made.resize(1_200, HEIGHT_PX)
    made.show()
    yield made
    made.close()


@pytest.mark.parametrize(("key", "disposition"), list(CLOSE_KEYS.items()))
def test_one_key_closes_as_its_disposition(
    strip: TriageStrip, qtbot: QtBot, key: Key, disposition: Disposition
) -> None:
    strip.ask_close("")
    with qtbot.waitSignal(strip.close_chosen) as chosen:
        qtbot.keyClick(strip.currentWidget(), key)
    assert chosen.args == [disposition, ""]
    assert not strip.is_asking


def test_a_key_with_ctrl_closes_nothing(strip: TriageStrip, qtbot: QtBot) -> None:
    strip.ask_close("")
    with qtbot.assertNotEmitted(strip.close_chosen):
        qtbot.keyClick(strip.currentWidget(), Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert strip.is_asking


def test_letters_in_the_note_are_letters(strip: TriageStrip, qtbot: QtBot) -> None:
    strip.ask_close("")
    with qtbot.assertNotEmitted(strip.close_chosen):
        qtbot.keyClicks(strip.note_field, "tfbd")
    assert strip.note_field.text() == "tfbd"


def test_the_note_goes_with_the_disposition(strip: TriageStrip, qtbot: QtBot) -> None:
    strip.ask_close("")
    strip.note_field.setText("  our scanner ")
    with qtbot.waitSignal(strip.close_chosen) as chosen:
        qtbot.keyClick(strip.currentWidget(), Key.Key_B)
    assert chosen.args == [Disposition.BENIGN, "our scanner"]


def test_a_note_left_over_from_another_alert_is_gone(strip: TriageStrip) -> None:
    strip.ask_close("")
    strip.note_field.setText("about another alert")
    strip.dismiss()
    strip.ask_close("")
    assert strip.note_field.text() == ""


@pytest.mark.parametrize("in_field", [False, True])
def test_escape_takes_the_question_back(strip: TriageStrip, qtbot: QtBot, in_field: bool) -> None:
    strip.ask_close("")
    with qtbot.waitSignal(strip.left), qtbot.assertNotEmitted(strip.close_chosen):
        qtbot.keyClick(strip.note_field if in_field else strip.currentWidget(), Key.Key_Escape)
    assert not strip.is_asking


def test_escape_in_the_note_never_reaches_the_pages_own_escape(strip: TriageStrip) -> None:
    strip.ask_close("")
    none = Qt.KeyboardModifier.NoModifier
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Key.Key_Escape, none)
    event.ignore()
    QApplication.sendEvent(strip.note_field, event)
    assert event.isAccepted()
    assert strip.is_asking  # the key press that follows takes it back


def test_an_empty_note_is_not_sent(strip: TriageStrip, qtbot: QtBot) -> None:
    strip.ask_note("")
    strip.note_field.setText("   ")
    with qtbot.assertNotEmitted(strip.note_entered):
        qtbot.keyClick(strip.note_field, Key.Key_Return)
    assert strip.is_asking


def test_enter_sends_the_note(strip: TriageStrip, qtbot: QtBot) -> None:
    strip.ask_note("3 alerts")
    qtbot.keyClicks(strip.note_field, "seen again")
    with qtbot.waitSignal(strip.note_entered) as entered:
        qtbot.keyClick(strip.note_field, Key.Key_Return)
    assert entered.args == ["seen again"]
    assert not strip.is_asking


def test_asking_never_changes_the_height(strip: TriageStrip) -> None:
    heights = [strip.height()]
    for ask in (strip.ask_close, strip.ask_note):
        ask("214 alerts")
        heights.append(strip.height())
    assert heights == [HEIGHT_PX] * 3


def test_a_question_names_how_many_it_is_about(strip: TriageStrip) -> None:
    strip.ask_close("214 alerts")
    assert strip.currentWidget().subject.text() == "Close 214 alerts as"


def test_undo_is_offered_only_where_it_is_possible(strip: TriageStrip, qtbot: QtBot) -> None:
    strip.show_done("Wrote a note", can_undo=False)
    assert not strip.undo.isVisible()
    strip.show_done("Took 1 alert", can_undo=True)
    with qtbot.waitSignal(strip.undo_clicked):
        strip.undo.click()


def test_progress_offers_to_cancel_and_goes_away_at_the_end(
    strip: TriageStrip, qtbot: QtBot
) -> None:
    strip.show_progress(500, 2_000)
    assert strip.progress.value() == 500
    with qtbot.waitSignal(strip.cancel_clicked):
        strip.cancel.click()
    strip.show_progress(0, 0)
    assert not strip.progress.isVisible()
    assert not strip.cancel.isVisible()


def test_keys_are_hinted_only_while_there_is_nothing_else_to_say(strip: TriageStrip) -> None:
    assert strip.hints.isVisible()
    strip.show_selection("4 selected")
    assert not strip.hints.isVisible()
    strip.show_progress(1, 2)
    strip.show_selection("")
    assert not strip.hints.isVisible()
    strip.show_progress(0, 0)
    assert strip.hints.isVisible()


def test_hostile_words_are_shown_inert_and_never_widen_the_line(strip: TriageStrip) -> None:
    least = strip.minimumSizeHint().width()
    strip.show_done(HOSTILE + "A" * 8_192, can_undo=False)
    assert strip.words.text().startswith(SHOWN)
    assert not has_hidden(strip.words.text())
    assert "<img" not in strip.words.toolTip()
    assert strip.minimumSizeHint().width() <= least
