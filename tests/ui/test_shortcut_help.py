"""The sheet of keys tells every key of the action table, and none is cut."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QScrollArea, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from soc_copilot.ui.actions import ACTIONS, MENUS, ActionTable
from soc_copilot.ui.shortcut_help import ShortcutHelp
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.labels import PlainLabel


@pytest.fixture
def sheet(qtbot: QtBot) -> Iterator[ShortcutHelp]:
    parent = QWidget()
    qtbot.addWidget(parent)
    made = ShortcutHelp(ActionTable(Theme("dark"), parent=parent), parent)
    made.show()
    yield made
    parent.close()


def texts(sheet: ShortcutHelp, kind: str) -> list[str]:
    labels = sheet.findChildren(PlainLabel)
    return sorted(label.text() for label in labels if label.property("kind") == kind)


def test_every_key_of_the_table_is_on_the_sheet(sheet: ShortcutHelp) -> None:
    native = QKeySequence.SequenceFormat.NativeText
    keys = [
        "  ".join(QKeySequence(key).toString(native) for key in spec.shortcuts)
        for spec in ACTIONS
        if spec.shortcuts
    ]
    assert texts(sheet, "key") == sorted(keys)


def test_every_action_with_a_key_is_named_and_no_other(sheet: ShortcutHelp) -> None:
    names = sorted(spec.text.rstrip("…") for spec in ACTIONS if spec.shortcuts)
    assert texts(sheet, "muted") == names


def test_the_keys_are_grouped_by_menu(sheet: ShortcutHelp) -> None:
    used = {spec.menu for spec in ACTIONS if spec.shortcuts}
    assert texts(sheet, "heading") == sorted(used)
    assert used <= set(MENUS)


def test_nothing_on_the_sheet_is_cut_at_the_side(sheet: ShortcutHelp) -> None:
    area = sheet.findChild(QScrollArea)
    assert area is not None
    assert area.widget().minimumSizeHint().width() <= area.viewport().width()


def test_escape_puts_the_sheet_away_for_good(sheet: ShortcutHelp, qtbot: QtBot) -> None:
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not isValid(sheet))
