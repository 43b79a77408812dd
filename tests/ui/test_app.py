"""The desktop opens, shows every page, remembers, and shuts down to the last thread."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QThread
from pytestqt.qtbot import QtBot

from soc_copilot.app import PAGES, Desktop, Options, parse_options
from soc_copilot.governance.database import Governance
from soc_copilot.ui import exercise
from soc_copilot.ui.watch import POLL_S
from tests.ui.test_ingestion import FakeSession

MakeDesktop = Callable[..., Desktop]


@pytest.fixture
def make(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeDesktop]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path))
    monkeypatch.setattr("soc_copilot.app.WARM_MS", 3_600_000)  # torch is not needed here
    made: list[Desktop] = []

    def opened(**options: str) -> Desktop:
        desktop = Desktop(Options(**options))
        made.append(desktop)
        desktop.start()
        return desktop

    yield opened
    for desktop in made:
        desktop.shut_down()
        desktop.window.allow_close()
        desktop.window.close()
        desktop.window.deleteLater()
        desktop.deleteLater()


def test_the_frame_is_shown_before_the_database_is_open(make: MakeDesktop, qtbot: QtBot) -> None:
    desktop = make()
    assert desktop.window.isVisible()
    assert desktop.desk is None
    qtbot.waitUntil(lambda: desktop.window.page == "overview")


def test_every_page_opens_and_every_global_action_is_bound(make: MakeDesktop, qtbot: QtBot) -> None:
    desktop = make(theme="light")
    qtbot.waitUntil(lambda: desktop.window.page == "overview")
    for page in PAGES:
        desktop.actions.trigger(f"go.{page}")
        assert desktop.window.page == page
    unbound = [name for name in desktop.actions.specs if not desktop.actions.is_bound(name)]
    assert unbound == []


def test_page_and_geometry_come_back(make: MakeDesktop, qtbot: QtBot) -> None:
    first = make()
    qtbot.waitUntil(lambda: first.window.page == "overview")
    first.window.show_page("sources")
    first.window.close()
    assert not first.window.isVisible()
    second = make()
    qtbot.waitUntil(lambda: second.window.page == "sources")


def test_a_switch_engaged_elsewhere_shows_within_a_second(
    make: MakeDesktop, qtbot: QtBot, tmp_path: Path
) -> None:
    desktop = make()
    qtbot.waitUntil(lambda: desktop.window.page == "overview")
    assert POLL_S <= 0.5  # the promise: within a second
    with Governance.open() as other:
        other.kill_switch.engage("test")
    desk = desktop.desk
    assert desk is not None
    qtbot.waitUntil(lambda: desk.killswitch.engaged)
    assert desktop.window.topbar.kill_button.text() == "Release…"


def test_a_database_that_cannot_be_opened_is_named_in_the_window(
    make: MakeDesktop, qtbot: QtBot, tmp_path: Path
) -> None:
    desktop = make(db=str(tmp_path))  # a folder
    qtbot.waitUntil(lambda: desktop.window.stack.currentWidget() is desktop._failure)
    assert desktop._failure is not None
    assert "is a folder" in desktop._failure.text.text()


def test_after_the_end_no_thread_runs(make: MakeDesktop, qtbot: QtBot) -> None:
    desktop = make()
    qtbot.waitUntil(lambda: desktop.window.page == "overview")
    desktop.window.close()
    assert not any(thread.isRunning() for thread in desktop.findChildren(QThread))
    desktop.shut_down()  # a second time is fine


def test_demonstration_folders_end_with_the_window(
    make: MakeDesktop, qtbot: QtBot, tmp_path: Path
) -> None:
    desktop = make()
    qtbot.waitUntil(lambda: desktop.desk is not None)
    watched, unwatched, other = (exercise.make_folder(tmp_path) for _ in range(3))
    (other / exercise.MARKER).unlink()
    with Governance.open() as governance:
        for folder in (watched, other):
            governance.sources.add("activity", folder)
    desktop.shut_down()
    assert [folder.exists() for folder in (watched, unwatched, other)] == [False, False, True]
    with Governance.open() as governance:
        assert [source.path for source in governance.sources.list()] == [str(other)]


def test_options_are_checked() -> None:
    assert parse_options(["--page", "alerts", "--theme", "dark"]).page == "alerts"
    with pytest.raises(SystemExit):
        parse_options(["--page", "nothing"])


def test_f10_opens_the_menu(make: MakeDesktop, qtbot: QtBot) -> None:
    desktop = make()
    qtbot.waitUntil(lambda: desktop.window.page == "overview")
    desktop.window.activateWindow()
    qtbot.waitUntil(desktop.window.isActiveWindow)
    qtbot.keyClick(desktop.window, Qt.Key.Key_F10)
    assert desktop.window.menus.isVisible()
    desktop.window.menus.close()


def test_the_modules_of_numpy_and_the_database_are_not_needed_for_the_first_frame() -> None:
    heavy = {"numpy", "polars", "sqlalchemy", "pyqtgraph", "torch"}
    code = f"import sys, soc_copilot.app; print(*{heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_a_configuration_file_is_taken_before_the_window_fills(
    make: MakeDesktop, qtbot: QtBot, tmp_path: Path
) -> None:
    log, file = tmp_path / "web.log", tmp_path / "desk.yaml"
    log.touch()
    file.write_text(f"settings:\n  ui.time_zone: UTC\nsources:\n  - path: {log}\n")
    desktop = make(config=str(file), page="sources")
    qtbot.waitUntil(lambda: desktop.window.page == "sources")
    assert desktop.times.zone == "UTC"
    shown = desktop.window.messages.current
    assert shown is not None
    assert shown[:2] == (
        "info",
        "Taken from “desk.yaml”: settings changed: 1, sources added: 1, sources changed: 0.",
    )
    with Governance.open() as other:
        assert [row.path for row in other.sources.list()] == [str(log)]


def test_a_wrong_configuration_file_is_named_with_its_line_and_changes_nothing(
    make: MakeDesktop, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text("settings:\n  ui.time_zone: Mars\n")
    desktop = make(config=str(file))
    qtbot.waitUntil(lambda: desktop.window.page == "overview")
    shown = desktop.window.messages.current
    assert shown is not None
    assert shown[0] == "error"
    assert "desk.yaml" in shown[1]
    assert "2" in shown[1]


def test_the_checking_service_comes_and_goes_with_its_setting(
    make: MakeDesktop, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop = make(page="settings")
    qtbot.waitUntil(lambda: desktop.window.page == "settings", timeout=20_000)
    kinds, states = [], []
    real = desktop._make_session

    def noted() -> FakeSession:
        kinds.append(type(real()).__name__)  # described, not opened
        return FakeSession()

    monkeypatch.setattr(desktop.ingestion, "_make_session", noted)
    desk = desktop.desk
    assert desk is not None
    desk.ingestion_changed.connect(states.append)
    page = desktop.window.stack.currentWidget()
    row = page.rows["service.enabled"]
    desk.start_ingestion()
    qtbot.waitUntil(lambda: states.count("running") == 1, timeout=20_000)
    for n, value in enumerate((True, False), 2):
        row.take(value)
        qtbot.waitUntil(lambda n=n: states.count("running") == n, timeout=20_000)
    assert kinds == ["IngestSession", "ServingSession", "IngestSession"]
    with Governance.open() as governance:
        changed = [r for r in governance.audit.rows() if r.action == "setting.changed"]
    assert [(r.old, r.new) for r in reversed(changed)] == [("false", "true"), ("true", "false")]
