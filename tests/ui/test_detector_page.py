"""What the pages of detectors share: their states, why nothing moves, the keys of their table."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QStringListModel, Qt
from PySide6.QtWidgets import QTableView, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from typing_extensions import override

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.live import Live
from soc_copilot.ui.pages.detector_page import DetectorPage
from tests.ui.desk_support import DeskBench, desk_bench
from tests.ui.host_support import OK


class WordsPage(DetectorPage):
    """The smallest page there can be; it borrows the Host page's actions."""

    name = "host"
    title = "Words"
    detector = "host"
    icon = "host"
    empty_title = "Words will be here"
    what_comes = "Every word gets a line. "
    stands_still = "the words stand still"

    def __init__(self, bench: DeskBench, live: Live) -> None:
        super().__init__(bench.desk, live)
        self.words, self.n_looks, self.asked = QStringListModel(self), 0, list[str]()
        self.table = QTableView()
        self.table.setModel(self.words)
        column = QVBoxLayout(self)
        column.addWidget(self.trouble)
        column.addWidget(self.splitter)
        self._divide(self.stack, QWidget(), (3, 1))
        why = (("nothing", "No source."), ("stopped", "It rests."), ("waiting", "Soon."),
               ("off", ""))  # fmt: skip
        self._add_states(self.table, [(name, text, ("sources.add",)) for name, text in why])
        self._bind_keys({"pin": lambda: self.asked.append("pin")})

    @override
    def look(self) -> None:
        self.n_looks += 1
        self._has_looked = True

    @override
    def refresh(self) -> None:
        self._show_state(has_any=self.words.rowCount() > 0, has_sources=self.n_looks > 1)
        self._show_trouble()

    @override
    def show_alerts(self) -> None:
        self.asked.append("alerts")

    @override
    def show_events(self) -> None:
        self.asked.append("events")

    @property
    def state(self) -> str:
        """The empty state that is shown, "full", or "" for neither."""
        shown = self.stack.currentWidget()
        found = [name for name, state in self.empty.items() if state is shown]
        return found[0] if found else "full" if shown is self.table else ""


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def live(bench: DeskBench) -> Live:
    return Live(bench.desk)


@pytest.fixture
def page(bench: DeskBench, live: Live, qtbot: QtBot) -> Iterator[WordsPage]:
    made = WordsPage(bench, live)
    qtbot.addWidget(made)
    yield made
    made.hide()


def test_before_the_first_look_it_is_neither_empty_nor_full(page: WordsPage) -> None:
    page.refresh()
    assert page.state == ""


def test_the_page_says_why_it_is_empty(bench: DeskBench, page: WordsPage, live: Live) -> None:
    bench.show(page)
    assert page.state == "nothing"
    assert page.empty["nothing"].text.text() == "Every word gets a line. No source."
    page.look()
    page.refresh()
    assert page.state == "stopped"
    bench.desk.set_ingestion("starting")  # has no words here: what waits is told
    assert page.state == "waiting"
    live.detectors = (replace(OK, state="disabled", detail="It was switched off."),)
    page.refresh()
    assert page.state == "off"
    assert "It was switched off." in page.empty["off"].text.text()


def test_what_is_there_is_shown_and_keys_act_on_it(bench: DeskBench, page: WordsPage) -> None:
    bench.show(page)
    page.words.setStringList(["one", "two", "three"])
    page.refresh()
    assert page.state == "full"
    assert page.focusProxy() is page.table
    trigger: Callable[[str], None] = bench.desk.actions.trigger
    for name in ("host.next", "host.next", "host.next", "host.next", "host.previous"):
        trigger(name)
    assert page.table.currentIndex().row() == 1
    for name in ("host.alerts", "host.events", "host.pin"):
        trigger(name)
    assert page.asked == ["alerts", "events", "pin"]
    enter = bench.desk.actions.action("host.alerts")
    assert enter in page.table.actions()
    assert enter.shortcutContext() == Qt.ShortcutContext.WidgetShortcut
    page.words.setStringList([])
    page.refresh()
    assert page.focusProxy() is None


def test_a_line_says_why_nothing_moves(bench: DeskBench, page: WordsPage, live: Live) -> None:
    bench.show(page)
    assert page.trouble.isHidden()  # the empty state says it
    page.words.setStringList(["one"])
    page.refresh()
    assert page.trouble.text().startswith("Ingestion is stopped")
    bench.desk.set_ingestion("running")
    assert page.trouble.isHidden()
    live.detectors = (replace(OK, state="degraded", detail="It is slow."),)
    page.refresh()
    assert page.trouble.text() == "The host detector is degraded. It is slow."
    bench.desk.set_killswitch(KillSwitchState(engaged=True))
    assert "the words stand still" in page.trouble.text()


def test_it_looks_again_when_something_changes_while_it_is_seen(
    bench: DeskBench, page: WordsPage
) -> None:
    bench.desk.alerts_changed.emit()
    assert page.n_looks == 0
    bench.show(page)
    assert page.n_looks == 1
    bench.desk.sources_changed.emit()
    bench.desk.alerts_changed.emit()
    bench.desk.actions.trigger("host.reload")
    assert page.n_looks == 4
