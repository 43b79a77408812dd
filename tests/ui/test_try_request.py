import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.detection.web.pasted import parse_pasted
from soc_copilot.detection.web.request import Request
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.web_trial import Tried
from soc_copilot.ui.widgets.try_request import BESIDE_FROM_PX, EXAMPLE, LOADING, TryRequest


@pytest.fixture
def card(qtbot: QtBot) -> TryRequest:
    made = TryRequest(Theme("dark"))
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_text_is_handed_over_as_it_was_pasted(card: TryRequest) -> None:
    wanted: list[str] = []
    card.wanted.connect(wanted.append)
    card.take("GET /a\u00a0b\n\nx=<b>1</b>")
    assert wanted == ["GET /a\u00a0b\n\nx=<b>1</b>"]
    assert not card.score_button.isEnabled()
    assert card.message.text() == LOADING


def test_a_verdict_and_a_problem_take_each_others_place(card: TryRequest) -> None:
    assert not card.score_button.isEnabled()  # there is nothing to score
    card.edit.setPlainText("GET /")
    card.show_problem("No request.")
    assert card.message.isVisible()
    verdict = Verdict(0.987, True, "xss", ("Looks like: x.",), "T1189", "CAPEC-63", "query",
                      ((0, 1),), "/a", ("base64",))  # fmt: skip
    card.show_tried(Tried(Request(), verdict, "Cross-site scripting", 0.95, "0.1%"))
    assert not card.message.isVisible()
    assert (card.number.text(), card.word.text()) == ("0.987", "Cross-site scripting")
    assert "base64" in card.view.toPlainText()
    card.show_problem("No request.")
    assert not card.result.isVisible()
    assert card.score_button.isEnabled()


def test_hidden_characters_in_the_box_are_pointed_out(card: TryRequest) -> None:
    card.edit.setPlainText("GET /\n\n\tbody")
    assert not card.hidden_note.isVisible()
    card.edit.setPlainText("GET /\u202e")
    assert card.hidden_note.isVisible()


def test_the_example_is_a_request(card: TryRequest) -> None:
    assert parse_pasted(EXAMPLE).path == "/item.php"
    wanted: list[str] = []
    card.wanted.connect(wanted.append)
    card.example_button.click()
    assert wanted == [EXAMPLE]


def test_the_verdict_stands_beside_the_request_where_there_is_room(
    card: TryRequest, qtbot: QtBot
) -> None:
    card.edit.setPlainText("GET /")
    card.show_tried(Tried(Request(), Verdict(0.1, False, "", ()), "", 0.95, "0.1%"))
    card.resize(BESIDE_FROM_PX, 400)
    qtbot.waitUntil(lambda: card.result.x() > card.edit.x())
    card.resize(BESIDE_FROM_PX - 1, 400)
    qtbot.waitUntil(lambda: card.result.y() > card.edit.y())
