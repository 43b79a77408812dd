"""Addresses, paths and payloads stay text on the Web page."""

import socket
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.text import has_hidden
from soc_copilot.domain.web import MAX_NAME, MAX_TEXT
from soc_copilot.ui.live import Live
from soc_copilot.ui.pages.web import WebPage
from tests.ui.desk_support import DeskBench
from tests.ui.test_hostile_desk import (
    WIDE,
    assert_model_inert,
    assert_widgets_inert,
    bench,
    evil,
    listener,
)
from tests.ui.web_support import asked, feed, raise_alert

__all__ = ["bench", "evil", "listener"]


@pytest.fixture
def page(bench: DeskBench, qtbot: QtBot, evil: str, listener: socket.socket) -> Iterator[WebPage]:
    name = evil[:MAX_NAME]
    raise_alert(bench, name)
    live = Live(bench.desk)
    text = evil[:MAX_TEXT]
    feed(live, asked(name, path=name, text=text, marked=((0, 60),), decoding=(), words=(text,)))
    made = WebPage(bench.desk, live)
    qtbot.addWidget(made)
    bench.show(made, wide=WIDE)
    yield made
    made.hide()


def test_the_tables_show_hostile_text_as_text(page: WebPage) -> None:
    for model in (page.attackers, page.targets, page.threats):
        assert_model_inert(model)


def test_the_request_is_shown_with_its_hidden_characters(page: WebPage) -> None:
    shown = page.view.toPlainText()
    assert "<img src=http" in shown
    assert "\\u202e" in shown
    assert not any(has_hidden(line) for line in shown.split("\n"))


def test_the_page_is_inert_with_everything_selected(page: WebPage) -> None:
    page.attackers_table.selectRow(0)
    assert_widgets_inert(page)
    page.targets_table.selectRow(0)
    assert_widgets_inert(page)


def test_a_hostile_threat_that_is_tried_stays_text(
    page: WebPage, bench: DeskBench, qtbot: QtBot
) -> None:
    bench.desk.actions.trigger("web.retry")
    qtbot.waitUntil(page.try_card.score_button.isEnabled, timeout=60_000)
    assert_widgets_inert(page)


def test_long_names_ask_for_no_more_room_than_there_is(page: WebPage) -> None:
    page.attackers_table.selectRow(0)
    assert page.minimumSizeHint().width() <= WIDE
