from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from pytestqt.qtbot import QtBot

from soc_copilot.ui.actions import ACTIONS
from tests.ui.alerts_support import bench, finding


def test_every_action_of_the_page_is_bound(qtbot: QtBot, tmp_path: Path) -> None:
    with bench(qtbot, tmp_path) as made:
        names = [spec.id for spec in ACTIONS if spec.page == "alerts"]
        assert names
        assert [name for name in names if not made.desk.actions.is_bound(name)] == []


def test_no_shortcut_of_the_page_is_taken_twice() -> None:
    taken: dict[str, str] = {}
    for spec in ACTIONS:
        if spec.page in {"", "alerts"}:
            for keys in spec.shortcuts:
                text = QKeySequence(keys).toString()
                assert taken.setdefault(text, spec.id) == spec.id


def test_every_action_can_be_triggered_whatever_is_shown(qtbot: QtBot, tmp_path: Path) -> None:
    with bench(qtbot, tmp_path, [finding(n) for n in range(3)]) as made:
        made.load()
        asking = {"alerts.export"}  # opens a file dialog
        for spec in ACTIONS:
            if spec.page == "alerts" and spec.id not in asking:
                made.desk.actions.trigger(spec.id)
                made.settle()
        if made.page.context_window is not None:
            made.page.context_window.close()


def test_space_and_enter_still_press_a_focused_button(qtbot: QtBot, tmp_path: Path) -> None:
    with bench(qtbot, tmp_path, [finding(1)]) as made:
        made.load()
        page = made.page
        page.table.go_to(0)
        made.settle()
        page.pane.note.setFocus()
        qtbot.keyClick(page.pane.note, Qt.Key.Key_Space)
        assert page.strip.is_asking
        assert not page.pane.isHidden()
        page.strip.dismiss()
        page.focus_table()
        qtbot.keyClick(page.table, Qt.Key.Key_Space)
        assert page.pane.isHidden()
