"""A button with its key does what the action does, when the action can be done."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from soc_copilot.ui.widgets.key_button import KeyButton


@pytest.fixture
def action(qtbot: QtBot) -> QAction:
    return QAction("Acknowledge")


def made(qtbot: QtBot, action: QAction) -> KeyButton:
    button = KeyButton.for_action(action, "Take", "A")
    qtbot.addWidget(button)
    button.show()
    return button


def test_a_click_on_the_key_in_its_frame_triggers_the_action(qtbot: QtBot, action: QAction) -> None:
    button, fired = made(qtbot, action), []
    action.triggered.connect(lambda: fired.append(1))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=button.key.geometry().center())
    assert fired == [1]


def test_the_labels_let_the_mouse_through(qtbot: QtBot, action: QAction) -> None:
    button = made(qtbot, action)
    through = Qt.WidgetAttribute.WA_TransparentForMouseEvents
    assert button.words.testAttribute(through)
    assert button.key.testAttribute(through)


def test_the_button_is_disabled_with_its_action(qtbot: QtBot, action: QAction) -> None:
    button = made(qtbot, action)
    action.setEnabled(False)
    assert not button.isEnabled()


def test_the_button_is_enabled_with_its_action(qtbot: QtBot, action: QAction) -> None:
    action.setEnabled(False)
    button = made(qtbot, action)
    action.setEnabled(True)
    assert button.isEnabled()


def test_a_button_made_for_a_disabled_action_is_disabled(qtbot: QtBot, action: QAction) -> None:
    action.setEnabled(False)
    assert not made(qtbot, action).isEnabled()


def test_words_and_key_both_fit_into_the_button(qtbot: QtBot) -> None:
    button = KeyButton("A rather long name", "Ctrl+Shift+X")
    qtbot.addWidget(button)
    button.resize(button.minimumSizeHint())
    button.show()
    for label in (button.words, button.key):
        assert label.width() >= label.sizeHint().width()
        assert button.rect().contains(label.geometry())


def test_without_a_key_no_empty_frame_is_shown(qtbot: QtBot) -> None:
    button = KeyButton("Refresh")
    qtbot.addWidget(button)
    button.show()
    assert not button.key.isVisible()


def test_a_screen_reader_hears_the_words(qtbot: QtBot, action: QAction) -> None:
    assert made(qtbot, action).accessibleName() == "Take"
