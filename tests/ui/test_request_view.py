import pytest
from PySide6.QtGui import QTextCursor
from pytestqt.qtbot import QtBot

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.detection.web.pasted import parse_pasted
from soc_copilot.detection.web.request import Request
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.web_trial import Tried
from soc_copilot.ui.widgets.request_view import (
    SHOWN_CHARS,
    Chain,
    RequestView,
    as_pasted,
    chain_of,
    chain_of_trial,
)
from tests.ui.desk_support import HOSTILE, SHOWN
from tests.ui.web_support import TEXT, asked


@pytest.fixture
def view(qtbot: QtBot) -> RequestView:
    made = RequestView(Theme("dark"), "A request")
    qtbot.addWidget(made)
    return made


def marked(view: RequestView) -> str:
    """The characters whose background is the mark's."""
    wanted = Theme("dark").color("mark")
    cursor, found = QTextCursor(view.document()), ""
    while cursor.movePosition(cursor.MoveOperation.NextCharacter, cursor.MoveMode.KeepAnchor):
        if cursor.charFormat().background().color() == wanted:
            found += cursor.selectedText()
        cursor.setPosition(cursor.position())
    return found.replace("\u2029", "")


def test_the_chain_goes_from_what_was_sent_to_what_it_says(view: RequestView) -> None:
    view.show_chain(chain_of(asked()))
    assert [line for line in view.toPlainText().split("\n") if line.strip()] == [
        "The request as it was sent",
        TEXT,
        "1. Undone: percent-encoded more than once",
        "Read as",
        "id=1'",
    ]
    assert marked(view) == TEXT[6:15]


def test_hostile_text_is_shown_and_marked_in_the_right_place(view: RequestView) -> None:
    view.show_chain(Chain("c", f"{HOSTILE}\n\nbody'--", ((len(HOSTILE) + 2, len(HOSTILE) + 9),)))
    lines = view.toPlainText().split("\n")
    assert lines == ["c", SHOWN, "body'--"]
    assert marked(view) == "body'--"


def test_a_mark_over_two_lines_marks_both(view: RequestView) -> None:
    view.show_chain(Chain("c", "ab\ncd", ((1, 4),)))
    assert marked(view) == "bc"


def test_a_very_long_text_is_cut_and_that_is_said(view: RequestView) -> None:
    view.show_chain(Chain("c", "x" * (SHOWN_CHARS + 7)))
    assert "and 7 more characters" in view.toPlainText()
    view.show_chain(None)
    assert view.toPlainText() == ""


def test_the_theme_is_followed(view: RequestView) -> None:
    view.show_chain(chain_of(asked()))
    before = view.toPlainText()
    view._theme.set_choice("light")
    assert view.toPlainText() == before


def test_what_is_known_by_its_sender_says_so() -> None:
    scanner = chain_of(asked(text="sqlmap/1", kind="scanner", marked=(), words=()))
    assert scanner.caption == "The header as it was sent"
    assert "known by its sender" in scanner.notes[0]


def tried(verdict: Verdict, request: Request | None = None) -> Tried:
    return Tried(request or Request(path="/a", body="b"), verdict, "", 0.9, "0.1%")


def test_a_pasted_request_is_explained_by_its_verdict() -> None:
    bad = Verdict(0.99, True, "sqli", ("Looks like: x.", "Disguise: y."), "T1190", "", "query",
                  ((0, 2),), "/a", ("y",))  # fmt: skip
    chain = chain_of_trial(tried(bad))
    assert chain.caption.endswith("decided by: query")
    assert (chain.marked, chain.decoding, chain.notes) == (((0, 2),), ("y",), ("Looks like: x.",))
    good = chain_of_trial(tried(Verdict(0.01, False, "", ())))
    assert good.text == "/a\n\nb"
    tool = Verdict(0.99, True, "scanner", ("A tool.",), part="header User-Agent")
    agent = chain_of_trial(tried(tool, Request(headers={"user-agent": "nikto"})))
    assert (agent.text, agent.notes) == ("nikto", ("A tool.",))


def test_a_threat_can_be_pasted_again() -> None:
    again = parse_pasted(as_pasted(asked(text="/item?a=\u202eb\n\nk=v", path="/item")))
    assert again == Request("GET", "/item", "a=%E2%80%AEb", body="k=v")
    header = parse_pasted(as_pasted(asked(text="sqlmap\x1b/1")))
    assert header.headers == {"User-Agent": "sqlmap%1B/1"}
