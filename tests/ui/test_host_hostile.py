"""Names of streams, hosts, folders and files stay text on the Host page."""

import socket
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.streams import MAX_TEXT
from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.live import Live
from soc_copilot.ui.models.host_streams import Column
from soc_copilot.ui.pages.host import HostPage
from soc_copilot.ui.widgets.labels import PlainLabel
from tests.ui.desk_support import DeskBench
from tests.ui.host_support import feed, judged, raise_alert
from tests.ui.test_hostile_desk import (
    WIDE,
    assert_model_inert,
    assert_widgets_inert,
    bench,
    evil,
    listener,
)

__all__ = ["bench", "evil", "listener"]


@pytest.fixture
def page(bench: DeskBench, qtbot: QtBot, evil: str, listener: socket.socket) -> Iterator[HostPage]:
    source = bench.governance.sources.add("activity", bench.folder, name=evil)
    raise_alert(bench, evil)
    live = Live(bench.desk)
    text = evil[:MAX_TEXT]
    feed(live, judged(0.95, f"{source.id}/{text}", entity=text, path=evil[:200], reason=text))
    made = HostPage(bench.desk, live)
    qtbot.addWidget(made)
    bench.show(made, wide=WIDE)
    yield made
    made.hide()


def test_the_streams_show_hostile_names_as_text(page: HostPage) -> None:
    assert_model_inert(page.model)


def test_the_last_events_show_hostile_paths_as_text(page: HostPage) -> None:
    assert_model_inert(page.detail.events)


def test_the_detail_shows_hostile_text_as_text(page: HostPage) -> None:
    assert "<img src=http" in page.detail.name.text()
    assert "<img src=http" in page.detail.reasons[0].text()
    assert_widgets_inert(page)


def test_an_alert_from_before_shows_hostile_text_as_text(page: HostPage, bench: DeskBench) -> None:
    place = next(i for i, row in enumerate(page.model.rows) if row.record is None)
    page.table.selectRow(place)
    bench.settle()
    assert "<img src=http" in page.detail.reasons[0].text()
    assert_widgets_inert(page)


def test_the_readout_shows_a_hostile_name_as_text(page: HostPage) -> None:
    page.hover.told.emit(0, "10:00:00: 0.95, threat")
    assert isinstance(page.readout, PlainLabel)
    assert "<img src=http" in page.readout.text()
    assert not has_hidden(page.readout.text())


def test_what_is_asked_before_a_folder_is_let_go_is_text(page: HostPage) -> None:
    page.desk.actions.trigger("host.unwatch")
    assert_widgets_inert(page.window())


def test_long_names_do_not_widen_the_page(page: HostPage) -> None:
    assert page.minimumSizeHint().width() < WIDE
    assert page.table.columnWidth(Column.STREAM) <= WIDE // 3
