"""The whole desktop with real sessions: files in, alerts out, halted, left, opened again."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from soc_copilot.app import Desktop, Options
from soc_copilot.governance.database import Governance
from soc_copilot.ui.context import Desk
from soc_copilot.ui.replaying import ReplayBar
from soc_copilot.ui.watch import POLL_S
from soc_copilot.ui.widgets.killswitch_band import KillSwitchBand

Open = Callable[[], tuple[Desktop, Desk]]
GUESSES = "".join(
    f"Mar  1 10:00:{i % 60:02d} web sshd[{100 + i}]: Failed password for root "
    "from 192.0.2.77 port 4000 ssh2\n"
    for i in range(60)
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    path.write_text(GUESSES)
    return path


@pytest.fixture
def opened(
    qtbot: QtBot, tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Open]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("soc_copilot.app.WARM_MS", 3_600_000)  # torch is loaded by the session
    with Governance.open() as governance:
        governance.settings.set("ingestion.batch_interval_s", 0.1)
        for name in ("host", "integrity", "load", "phishing", "web"):  # models are slow to load
            governance.settings.set(f"detection.{name}.enabled", False)
        governance.sources.add("file", log, from_start=True)
    made: list[Desktop] = []

    def make() -> tuple[Desktop, Desk]:
        desktop = Desktop(Options())
        made.append(desktop)
        desktop.start()
        qtbot.waitUntil(lambda: bool(desktop.window.page))
        assert desktop.desk is not None
        return desktop, desktop.desk

    yield make
    for desktop in made:
        desktop.shut_down()
        desktop.window.allow_close()
        desktop.window.close()
        desktop.window.deleteLater()
        desktop.deleteLater()


def lines_stored() -> int:
    with Governance.open() as governance:
        return governance.batches.totals().lines


def wait_for_lines(qtbot: QtBot, lines: int) -> None:
    with Governance.open() as governance:
        qtbot.waitUntil(lambda: governance.batches.totals().lines >= lines)


def ingest(desk: Desk, qtbot: QtBot, lines: int = 60) -> None:
    desk.start_ingestion()
    wait_for_lines(qtbot, lines)


def test_lines_of_a_file_become_alerts_and_stop_says_what_was_stored(
    opened: Open, qtbot: QtBot
) -> None:
    desktop, desk = opened()
    ingest(desk, qtbot)
    qtbot.waitUntil(lambda: desk.counts.open > 0)
    said: list[str] = []
    desk.message.connect(lambda _level, text, _details: said.append(text))
    desk.stop_ingestion()
    qtbot.waitUntil(lambda: desk.ingestion == "stopped")
    assert said == ["Ingestion stopped. 60 lines stored; nothing waits."]
    assert not desktop.ingestion.is_active
    assert not desktop.window.rail.badge.isHidden()


@pytest.mark.slow
def test_every_detector_runs_in_the_window(opened: Open, qtbot: QtBot) -> None:
    with Governance.open() as governance:
        for name in ("host", "integrity", "load", "phishing", "web"):
            governance.settings.set(f"detection.{name}.enabled", True)
    desktop, desk = opened()
    ingest(desk, qtbot)
    names = {"auth", "host", "integrity", "load", "phishing", "web"}
    qtbot.waitUntil(lambda: {one.name for one in desktop.live.detectors} == names)
    states = {one.name: one.state for one in desktop.live.detectors}
    assert set(states.values()) == {"ok"}


def test_closing_while_lines_come_in_stores_them_and_joins_every_thread(
    opened: Open, qtbot: QtBot, log: Path
) -> None:
    desktop, desk = opened()
    ingest(desk, qtbot)
    with log.open("a") as out:
        out.write(GUESSES)
    wait_for_lines(qtbot, 61)
    desktop.window.close()
    qtbot.waitUntil(lambda: not desktop.window.isVisible())
    assert lines_stored() == 120
    assert not desktop.ingestion.is_active
    assert not any(thread.isRunning() for thread in desktop.findChildren(QThread))


def test_a_switch_engaged_elsewhere_halts_within_a_second_and_release_goes_on(
    opened: Open, qtbot: QtBot, log: Path
) -> None:
    desktop, desk = opened()
    ingest(desk, qtbot)
    qtbot.waitUntil(lambda: desk.ingestion == "running")
    band = desktop.window.findChild(KillSwitchBand)
    assert band is not None
    assert POLL_S <= 0.5  # the promise: within a second
    with Governance.open() as other:
        other.kill_switch.engage("noisy deploy")
        qtbot.waitUntil(lambda: band.isVisible() and desk.ingestion == "halted")
        assert desktop.window.topbar.chip.label.text() == "Halted"
        with log.open("a") as out:
            out.write(GUESSES)
        qtbot.wait(600)  # long enough for several polls of the file
        assert lines_stored() == 60
        other.kill_switch.release("done")
    wait_for_lines(qtbot, 120)
    assert lines_stored() == 120
    qtbot.waitUntil(lambda: band.isHidden() and desk.ingestion == "running")


def test_a_replay_plays_into_the_window_and_stops_when_asked(opened: Open, qtbot: QtBot) -> None:
    desktop, desk = opened()
    desk.start_replay(60.0)
    bar = desktop.window.findChild(ReplayBar)
    assert bar is not None
    wait_for_lines(qtbot, 61)
    qtbot.waitUntil(lambda: bar.bar.value() > 0)
    assert bar.isVisible()
    bar.stop.click()
    qtbot.waitUntil(bar.isHidden)
    assert not desktop.replay.is_active


def test_a_restart_goes_on_where_it_was_left_with_page_and_size(
    opened: Open, qtbot: QtBot, log: Path
) -> None:
    first, desk = opened()
    ingest(desk, qtbot)
    first.window.show_page("sources")
    first.window.setWindowState(first.window.windowState().WindowNoState)
    first.window.resize(first.window.minimumSize())
    size = first.window.size()
    first.window.close()
    qtbot.waitUntil(lambda: not first.window.isVisible())
    with log.open("a") as out:
        out.write(GUESSES)
    second, desk = opened()
    assert (second.window.page, second.window.size()) == ("sources", size)
    ingest(desk, qtbot, 120)
    assert lines_stored() == 120
