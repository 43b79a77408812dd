"""The sub-page with every change: searched while typing, and leading to its alert."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from soc_copilot.ui.models.alert_changes import ChangeColumn
from soc_copilot.ui.widgets.alert_history import AlertHistoryView
from tests.ui.alerts_support import finding, raise_alerts
from tests.ui.desk_support import DeskBench, desk_bench


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def view(bench: DeskBench, qtbot: QtBot) -> Iterator[AlertHistoryView]:
    made = AlertHistoryView(bench.desk)
    qtbot.addWidget(made)
    bench.show(made)
    yield made
    made.close()


def test_before_anything_happened_it_says_what_will_appear(
    bench: DeskBench, view: AlertHistoryView
) -> None:
    view.refresh()
    bench.settle()
    assert not view.table.isVisible()
    assert view._empty.title.text() == "Nothing has happened yet"


def test_a_search_without_result_says_that_nothing_matches(
    bench: DeskBench, view: AlertHistoryView, qtbot: QtBot
) -> None:
    raise_alerts(bench.governance, [finding(1)])
    view.refresh()
    bench.settle()
    assert view.table.isVisible()
    view.search.setText("no such word")
    qtbot.waitUntil(lambda: view.model.rowCount() == 0)
    assert view._empty.title.text() == "No change matches"


def test_an_alert_can_be_looked_up_by_its_number(
    bench: DeskBench, view: AlertHistoryView, qtbot: QtBot
) -> None:
    raise_alerts(bench.governance, [finding(n) for n in range(12)])
    qtbot.keyClicks(view.search, "alert:7")
    qtbot.waitUntil(lambda: view.model.rowCount() == 1)
    assert view.model.index(0, ChangeColumn.ALERT).data() == "7"


def test_activating_a_change_leads_to_its_alert(
    bench: DeskBench, view: AlertHistoryView, qtbot: QtBot
) -> None:
    raise_alerts(bench.governance, [finding(n) for n in range(3)])
    view.refresh()
    bench.settle()
    wanted = int(view.model.index(1, ChangeColumn.ALERT).data())
    with qtbot.waitSignal(view.alert_chosen) as chosen:
        view.table.activated.emit(view.model.index(1, ChangeColumn.NEW))
    assert chosen.args == [wanted]


def test_the_button_leads_back(view: AlertHistoryView, qtbot: QtBot) -> None:
    back = next(b for b in view.findChildren(QPushButton) if b.toolTip() == "Back to the alerts")
    with qtbot.waitSignal(view.left):
        qtbot.mouseClick(back, Qt.MouseButton.LeftButton)


def test_a_failed_read_reaches_the_message_bar(
    bench: DeskBench, view: AlertHistoryView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(bench.governance.alerts), "history", lambda *_: 1 // 0)
    view.refresh()
    qtbot.waitUntil(lambda: bool(bench.messages))
    assert bench.messages[0][0] == "error"


def test_looking_for_a_word_again_replaces_the_former_one(view: AlertHistoryView) -> None:
    view.search.setText("old")
    view.activateWindow()
    view.focus_search()
    assert view.search.selectedText() == "old"
