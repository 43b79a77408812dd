"""Labels show text as it is, and the whole of it in the tooltip where it does not fit."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.labels import TIP_CHARS, ElidedLabel, PlainLabel, safe_tip
from tests.ui.desk_support import HOSTILE, SHOWN

LONG = "a text that is much too long for its place"


def elided(qtbot: QtBot, text: str, wide: int) -> ElidedLabel:
    label = ElidedLabel(text)
    qtbot.addWidget(label)
    label.resize(wide, 20)
    label.show()
    return label


def test_a_label_never_interprets_markup(qtbot: QtBot) -> None:
    label = PlainLabel("<b>bold</b>")
    qtbot.addWidget(label)
    assert label.textFormat() == Qt.TextFormat.PlainText


def test_hidden_characters_are_shown_as_signs(qtbot: QtBot) -> None:
    label = PlainLabel(HOSTILE)
    qtbot.addWidget(label)
    assert label.text() == SHOWN


def test_line_breaks_of_our_own_stay(qtbot: QtBot) -> None:
    label = PlainLabel("one\ntwo")
    qtbot.addWidget(label)
    assert label.text() == "one\ntwo"


def test_a_kind_set_later_changes_the_look_at_once(qtbot: QtBot) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme = Theme("dark")
    theme.apply(app)
    label = PlainLabel("7")
    qtbot.addWidget(label)
    label.show()
    before = label.palette().windowText().color().name()
    label.set_kind("critical")
    after = label.palette().windowText().color().name()
    app.setStyleSheet("")
    assert (before, after) == (theme.hex("text"), theme.hex("critical"))


def test_only_a_selectable_label_can_be_marked_with_the_mouse(qtbot: QtBot) -> None:
    labels = [PlainLabel("x", selectable=selectable) for selectable in (True, False)]
    for label in labels:
        qtbot.addWidget(label)
    mouse = Qt.TextInteractionFlag.TextSelectableByMouse
    assert [bool(label.textInteractionFlags() & mouse) for label in labels] == [True, False]


def test_a_cut_text_is_whole_in_the_tooltip(qtbot: QtBot) -> None:
    assert LONG in elided(qtbot, LONG, 60).toolTip()


def test_a_text_that_fits_has_no_tooltip(qtbot: QtBot) -> None:
    assert elided(qtbot, "short", 300).toolTip() == ""


def test_the_tooltip_goes_once_there_is_room(qtbot: QtBot) -> None:
    label = elided(qtbot, LONG, 60)
    label.resize(900, 20)
    assert label.toolTip() == ""


def test_a_new_text_renews_the_tooltip(qtbot: QtBot) -> None:
    label = elided(qtbot, "short", 80)
    label.setText(LONG)
    assert LONG in label.toolTip()


def test_a_cut_text_is_drawn_with_an_ellipsis(qtbot: QtBot) -> None:
    wide = 90
    label = elided(qtbot, LONG, wide)
    shown = label.fontMetrics().elidedText(LONG, Qt.TextElideMode.ElideRight, wide)
    assert shown.endswith("…")
    assert label.grab().toImage() == elided(qtbot, shown, wide).grab().toImage()


def test_a_long_text_never_widens_what_holds_it(qtbot: QtBot) -> None:
    wide = [elided(qtbot, text, 60).minimumSizeHint().width() for text in ("x", LONG * 50)]
    assert wide[0] == wide[1]


@pytest.mark.parametrize("text", ["<img src=x>", "a & b", '"quoted"'])
def test_a_tooltip_holds_no_markup_of_the_text(text: str) -> None:
    inside = safe_tip(text).removeprefix("<p style='white-space:pre-wrap'>").removesuffix("</p>")
    assert "<" not in inside
    assert inside != text


def test_a_tooltip_is_of_limited_length() -> None:
    assert len(safe_tip("x" * 100_000)) < TIP_CHARS + 100


def test_no_text_gives_no_tooltip() -> None:
    assert safe_tip("") == ""
