from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.domain.summary import SourceStats
from soc_copilot.ui.live import Live
from soc_copilot.ui.topbar import TopBar
from tests.ui.desk_support import DeskBench, desk_bench

Bar = tuple[TopBar, DeskBench, Live]


@pytest.fixture
def bar(qtbot: QtBot, tmp_path: Path) -> Iterator[Bar]:
    with desk_bench(qtbot, tmp_path) as bench:
        menu = QMenu()
        qtbot.addWidget(menu)
        menu.addMenu("File").addAction("Quit")
        made = TopBar(bench.desk.theme, bench.desk.actions, menu)
        qtbot.addWidget(made)
        live = Live(bench.desk)
        made.adopt(bench.desk, live)
        yield made, bench, live


@pytest.mark.parametrize(
    ("state", "chip", "button", "enabled"),
    [
        ("starting", "Starting…", "Stop", True),
        ("running", "Ingesting", "Stop", True),
        ("halted", "Halted", "Stop", True),
        ("stopping", "Stopping…", "Start", False),
    ],
)
def test_the_chip_names_the_state_and_the_button_what_can_be_done(
    bar: Bar, state: str, chip: str, button: str, enabled: bool
) -> None:
    top, bench, _ = bar
    bench.desk.set_ingestion(state)
    assert (top.chip.label.text(), top.run_button.text()) == (chip, button)
    assert top.run_button.isEnabled() is enabled


def test_the_button_starts_and_stops(bar: Bar) -> None:
    top, bench, _ = bar
    done: list[str] = []
    for name in ("ingestion.start", "ingestion.stop"):
        bench.desk.actions.bind(name, lambda name=name: done.append(name))
    top.run_button.click()
    bench.desk.set_ingestion("running")
    top.run_button.click()
    assert done == ["ingestion.start", "ingestion.stop"]


def test_the_switch_is_named_as_it_stands(bar: Bar) -> None:
    top, bench, _ = bar
    bench.desk.set_killswitch(KillSwitchState(engaged=True, reason="<b>x"))
    assert (top.kill.value.text(), top.kill_button.text()) == ("Engaged", "Release…")
    assert "&lt;b&gt;x" in top.kill.toolTip()
    bench.desk.set_killswitch(KillSwitchState(engaged=False))
    assert (top.kill.value.text(), top.kill_button.text()) == ("Released", "Engage…")


def test_sources_that_fail_are_counted_apart(bar: Bar) -> None:
    top, _, live = bar
    live.device = "CPU, 2 threads"
    live.sources = {
        1: SourceStats(1, "a", 5, 0, 2.5, "live", ""),
        2: SourceStats(2, "b", 0, 0, 0.0, "missing", "No such file."),
    }
    top.show_live()
    assert (top.sources.value.text(), top.lag.value.text()) == ("1 live, 1 not", "2.5 s")
    assert "b: missing. No such file." in top.sources.toolTip()
    assert top.device.value.text() == "CPU, 2 threads"
    live.sources = {}
    top.show_live()
    assert (top.sources.value.text(), top.lag.value.text()) == ("—", "—")


def test_the_menu_opens_with_its_first_entry_chosen(bar: Bar) -> None:
    top, bench, _ = bar
    menu = top.menu_button.menu()
    bench.desk.actions.bind("view.menu", top.open_menu)
    bench.desk.actions.trigger("view.menu")
    assert menu.isVisible()
    assert menu.activeAction() is menu.actions()[0]
    assert bench.desk.actions.specs["view.menu"].shortcuts == ("F10",)
    menu.close()
