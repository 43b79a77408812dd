"""The watcher tells changes, each once, on the GUI thread, and counts as engaged when it dies."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.governance.database import Governance
from soc_copilot.ui.watch import POLL_S, Watch
from tests.ui.alerts_support import finding, raise_alerts


@pytest.fixture
def watch(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path))
    Governance.open().close()
    made = Watch(Governance.open)
    yield made
    assert made.join(60_000)


def test_each_change_of_the_switch_is_told_once_and_on_the_gui_thread(
    watch: Watch, qtbot: QtBot
) -> None:
    told: list[tuple[bool, bool]] = []
    gui = threading.get_ident()
    watch.killswitch.connect(
        lambda state: told.append((state.engaged, threading.get_ident() == gui))
    )
    watch.start()
    qtbot.waitUntil(lambda: told == [(False, True)])
    assert POLL_S <= 0.5  # the promise: within a second
    with Governance.open() as other:
        other.kill_switch.engage("test")
        qtbot.waitUntil(lambda: told[1:] == [(True, True)])
        other.kill_switch.release("done")
        qtbot.waitUntil(lambda: told[2:] == [(False, True)])


def test_a_new_alert_is_told_with_the_counts(watch: Watch, qtbot: QtBot) -> None:
    opened: list[int] = []
    watch.alerts.connect(lambda counts: opened.append(counts.open))
    watch.start()
    with Governance.open() as other:
        raise_alerts(other, [finding(1), finding(2)])
    qtbot.waitUntil(lambda: opened[-1:] == [2])


def test_the_size_of_the_database_is_told_at_the_start(watch: Watch, qtbot: QtBot) -> None:
    sizes: list[int] = []
    watch.size.connect(sizes.append)
    watch.start()
    with Governance.open() as governance:
        path = governance.path
    assert path is not None
    qtbot.waitUntil(lambda: sizes[-1:] == [path.stat().st_size])


def test_a_watcher_that_cannot_look_counts_as_engaged(qtbot: QtBot) -> None:
    def gone() -> Governance:
        raise StoreError("It is gone.")

    watch, told = Watch(gone), list[KillSwitchState]()
    watch.killswitch.connect(told.append)
    watch.start()
    qtbot.waitUntil(lambda: bool(told))
    assert (told[0].engaged, told[0].readable) == (True, False)
    assert watch.join(60_000)


def test_one_that_never_started_is_joined_at_once(watch: Watch) -> None:
    assert watch.join(0)
