from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.dialogs import WindowDialogs
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.dialogs.killswitch import engaged_by
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.killswitch_band import KillSwitchBand
from tests.ui.desk_support import DeskBench, desk_bench

Key = Qt.Key
LONG_AGO = datetime(2024, 3, 4, 12, 5, tzinfo=UTC)


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def window(qtbot: QtBot, bench: DeskBench) -> Iterator[QWidget]:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    bench.desk.actions.attach(made)
    WindowDialogs(bench.desk, made)
    yield made
    made.close()


def toggle(bench: DeskBench, window: QWidget) -> ReasonDialog:
    bench.desk.actions.trigger("killswitch.toggle")
    return bench.dialog(ReasonDialog, window)


def test_engaging_asks_for_a_reason_and_writes_it(bench, window, qtbot):
    dialog = toggle(bench, window)
    assert not dialog.accept_button.isEnabled()
    qtbot.keyClicks(dialog.reason_edit, "  noisy deploy ")
    assert not bench.governance.kill_switch.is_engaged()
    qtbot.keyClick(dialog.reason_edit, Key.Key_Return)
    bench.settle()
    state = bench.governance.kill_switch.state()
    assert (state.engaged, state.reason, state.actor) == (True, "noisy deploy", "ana")
    assert bench.desk.killswitch.engaged


def test_blanks_are_no_reason(bench, window, qtbot):
    dialog = toggle(bench, window)
    qtbot.keyClicks(dialog.reason_edit, "   ")
    qtbot.keyClick(dialog.reason_edit, Key.Key_Return)
    bench.settle()
    assert dialog.isVisible()
    assert not bench.governance.kill_switch.is_engaged()


def test_escape_engages_nothing(bench, window, qtbot):
    dialog = toggle(bench, window)
    qtbot.keyClicks(dialog.reason_edit, "reason")
    qtbot.keyClick(dialog.reason_edit, Key.Key_Escape)
    bench.settle()
    assert not bench.governance.kill_switch.is_engaged()


def test_releasing_shows_who_engaged_and_asks_for_a_reason_too(bench, window, qtbot):
    bench.desk.set_killswitch(bench.governance.kill_switch.engage("noisy deploy"))
    dialog = toggle(bench, window)
    assert dialog.windowTitle() == "Release the kill switch?"
    assert not dialog.accept_button.isEnabled()
    qtbot.keyClicks(dialog.reason_edit, "deploy is done")
    dialog.accept_button.click()
    bench.settle()
    assert not bench.governance.kill_switch.is_engaged()
    row = bench.governance.audit.rows(None, 1)[0]
    assert (row.action, row.reason) == ("killswitch.released", "deploy is done")


def test_the_shortcut_opens_the_dialog(bench, window, qtbot):
    window.activateWindow()
    window.setFocus()
    modifiers = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    qtbot.keyClick(window, Key.Key_K, modifiers)
    qtbot.waitUntil(lambda: bool(window.findChildren(ReasonDialog)))


def test_the_band_shows_exactly_while_engaged(bench, window, qtbot):
    band = KillSwitchBand(bench.desk)
    qtbot.addWidget(band)
    assert band.isHidden()
    bench.desk.set_killswitch(bench.governance.kill_switch.engage("noisy deploy"))
    assert not band.isHidden()
    assert "by ana in the window: “noisy deploy”" in band.text.text()
    band.release_button.click()
    assert bench.dialog(ReasonDialog, window).windowTitle() == "Release the kill switch?"
    bench.desk.set_killswitch(bench.governance.kill_switch.release("done"))
    assert band.isHidden()


def test_unknown_facts_are_said_to_be_unknown():
    text = engaged_by(KillSwitchState(True), TimeFormat("UTC"))
    assert text == "an unknown time by someone unknown"
