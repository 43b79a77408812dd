from pytestqt.qtbot import QtBot

from soc_copilot.ui.widgets.buttons import link_button


def test_a_button_looks_like_a_link_and_says_what_it_does(qtbot: QtBot) -> None:
    button = link_button("Open\u2026", "Replay a series from a file (O)")
    qtbot.addWidget(button)
    assert (button.text(), button.toolTip()) == ("Open\u2026", "Replay a series from a file (O)")
    assert button.property("kind") == "link"
