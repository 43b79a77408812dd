"""A page of two parts remembers their division and refreshes itself while it is seen."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.ui.pages.split import SplitPage
from tests.ui.desk_support import desk_bench


class Counting(SplitPage):
    def __init__(self, desk, refresh_ms):
        super().__init__(desk, Qt.Orientation.Horizontal, refresh_ms)
        self.seen = 0
        for _ in range(2):
            part = QWidget()
            part.setMinimumWidth(50)
            self.splitter.addWidget(part)
        QVBoxLayout(self).addWidget(self.splitter)

    def refresh(self):
        self.seen += 1


def test_it_refreshes_only_while_it_is_seen(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        page = Counting(bench.desk, 10)
        qtbot.addWidget(page)
        assert not page._timer.isActive()
        page.show()
        qtbot.waitUntil(lambda: page.seen >= 2)
        page.hide()
        assert not page._timer.isActive()


def test_a_page_without_an_interval_never_refreshes_itself(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        page = Counting(bench.desk, 0)
        qtbot.addWidget(page)
        page.show()
        assert not page._timer.isActive()
        page.hide()


def test_the_division_comes_back_and_damage_is_ignored(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        first, second = Counting(bench.desk, 0), Counting(bench.desk, 0)
        for page in (first, second):
            qtbot.addWidget(page)
            page.resize(600, 200)
            page.show()
        first.splitter.setSizes([150, 400])
        second.restore_state(first.save_state())
        assert second.splitter.sizes() == first.splitter.sizes()
        for damaged in ("", "x", "1", "0,5"):
            second.restore_state({"splitter": damaged})
        assert second.splitter.sizes() == first.splitter.sizes()
        for page in (first, second):
            page.hide()
