from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertStatus
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.models.alert_view import AlertView
from soc_copilot.ui.widgets.filter_bar import (
    FilterBar,
    RangeDialog,
    severity_words,
    status_words,
)
from tests.ui.alerts_support import NOON, Bench, bench, finding


@pytest.fixture
def made(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    with bench(qtbot, tmp_path, [finding(n) for n in range(4)]) as desk:
        desk.load()
        yield desk


def items(button: QPushButton) -> dict[str, QAction]:
    menu = button.menu()
    menu.aboutToShow.emit()
    return {action.text().split("\t")[0]: action for action in menu.actions()}


def test_menus_offer_what_there_is_and_tick_what_is_chosen(made: Bench) -> None:
    bar = made.page.bar
    items(bar.severity_button)["High"].trigger()
    items(bar.severity_button)["Critical"].trigger()
    assert bar.view.severities == (Severity.HIGH, Severity.CRITICAL)
    assert items(bar.severity_button)["High"].isChecked()
    assert bar.severity_button.text() == "Severity: high and above"
    items(bar.severity_button)["All"].trigger()
    items(bar.status_button)["Closed"].trigger()
    assert set(bar.view.statuses) == set(AlertStatus)
    items(bar.detector_button)["web"].trigger()
    assert bar.view.detectors == ("web",)
    items(bar.time_button)["Last hour"].trigger()
    assert bar.view.preset == "1h"
    items(bar.saved_button)["Open"].trigger()
    assert bar.is_default
    made.settle()


def test_a_menu_of_ticks_stays_open_while_ticking(made: Bench) -> None:
    button = made.page.bar.severity_button
    menu = button.menu()
    menu.popup(QPoint(0, 0))
    action = next(a for a in menu.actions() if a.isCheckable())
    at = menu.actionGeometry(action).center()
    made.qtbot.mouseMove(menu, at)
    menu.setActiveAction(action)
    made.qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=at)
    assert menu.isVisible()
    assert made.page.bar.view.severities == (Severity.CRITICAL,)
    menu.close()
    made.settle()


def test_a_time_range_is_asked_for_and_checked(made: Bench) -> None:
    bar = made.page.bar
    bar.set_view(AlertView(preset="custom", since=NOON, until=NOON + timedelta(seconds=2)))
    items(bar.time_button)["From … to …"].trigger()
    dialog = bar.findChild(RangeDialog)
    assert dialog.range() == (NOON, NOON + timedelta(seconds=2))
    dialog.since.setDateTime(dialog.until.dateTime())
    dialog._on_accept()
    assert dialog.isVisible()
    dialog.since.setDateTime(dialog.since.dateTime().addSecs(-1))
    dialog._on_accept()
    made.settle()
    assert bar.view.since == NOON + timedelta(seconds=1)
    assert made.page.model.rowCount() == 1


def test_chips_show_an_entity_and_take_it_away(made: Bench) -> None:
    bar: FilterBar = made.page.bar
    bar.set_view(AlertView(entity="192.0.2.3", technique="T1190"))
    made.settle()
    assert made.page.model.rowCount() == 1
    assert bar.entity_chip.isVisible()
    bar.entity_chip.click()
    bar.technique_chip.click()
    made.settle()
    assert not bar.entity_chip.isVisible()
    assert made.page.model.rowCount() == 4


def test_buttons_say_less_where_room_is_scarce(made: Bench) -> None:
    bar = made.page.bar
    wide = bar.status_button.text()
    made.page.resize(820, 600)
    made.qtbot.waitUntil(lambda: bar.status_button.text() != wide)
    assert (wide, bar.status_button.text()) == ("Status: open", "Open")
    assert bar.width() <= 820


def test_words_for_what_is_chosen() -> None:
    assert severity_words(()) == "all"
    assert severity_words((Severity.INFO, Severity.HIGH)) == "high, info"
    assert status_words(()) == "all"
    assert status_words((AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)) == "open"
    assert status_words((AlertStatus.CLOSED,)) == "closed"


def test_suppressed_alerts_have_their_place_in_the_bar(made: Bench) -> None:
    bar = made.page.bar
    assert bar.suppressed_button.isHidden()
    made.page.resize(1_064, 700)  # as wide as on a desk of 1280
    made.qtbot.waitUntil(lambda: bar.width() == 1_064)
    assert bar.severity_button.text() == "Severity: all"
    bar.set_suppressed(12_345)
    assert bar.suppressed_button.text() == "+ 12,345 suppressed"
    assert bar.severity_button.text() == "Severity"  # says less where room is scarce
    bar.set_suppressed(0)
    assert bar.severity_button.text() == "Severity: all"
    items(bar.status_button)["Only suppressed ones"].trigger()
    made.settle()
    assert bar.view.suppressed == "only"
    assert bar.suppressed_button.text() == "only suppressed  ✕"
    bar.suppressed_button.click()
    made.settle()
    assert bar.is_default
