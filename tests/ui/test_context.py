"""The desk tells everyone once, and what fails is said in the message bar."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertCounts
from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.context import Page
from tests.ui.desk_support import desk_bench

ENGAGED = KillSwitchState(engaged=True, actor="ana", reason="test")


class AlertsPage(Page):
    name = "alerts"
    title = "Alerts"


def test_a_change_of_the_kill_switch_is_told_once(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        told: list[KillSwitchState] = []
        bench.desk.killswitch_changed.connect(told.append)
        bench.desk.set_killswitch(ENGAGED)
        bench.desk.set_killswitch(ENGAGED)
        assert told == [ENGAGED]


def test_the_state_is_known_before_anyone_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        desk, seen = bench.desk, []
        desk.killswitch_changed.connect(lambda state: seen.append(desk.killswitch is state))
        desk.ingestion_changed.connect(lambda state: seen.append(desk.ingestion == state))
        desk.counts_changed.connect(lambda counts: seen.append(desk.counts is counts))
        desk.set_killswitch(ENGAGED)
        desk.set_ingestion("running")
        desk.set_counts(AlertCounts(1, (0, 0, 0, 1, 0)))
        assert seen == [True] * 3


def test_a_state_of_ingestion_is_told_once(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        told: list[str] = []
        bench.desk.ingestion_changed.connect(told.append)
        for state in ("stopped", "starting", "starting", "running"):
            bench.desk.set_ingestion(state)
        assert told == ["starting", "running"]


def test_alerts_that_changed_in_place_are_told_although_the_sums_did_not(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        told: list[int] = []
        bench.desk.alerts_changed.connect(lambda: told.append(1))
        for _ in range(2):
            bench.desk.set_counts(AlertCounts(1, (0, 0, 0, 1, 0)))
        assert told == [1, 1]


def test_a_page_is_asked_for_by_name_with_its_arguments(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        asked: list[tuple[str, object]] = []
        bench.desk.page_requested.connect(lambda name, args: asked.append((name, args)))
        bench.desk.open_page("alerts", alert_id=7)
        assert asked == [("alerts", {"alert_id": 7})]


def test_engaging_stores_the_reason_and_tells_the_new_state(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        bench.desk.engage_killswitch("a test of the switch")
        qtbot.waitUntil(lambda: bench.desk.killswitch.engaged)
        assert bench.governance.kill_switch.state().reason == "a test of the switch"


def test_releasing_is_told_as_well(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        bench.governance.kill_switch.engage("a test")
        bench.desk.set_killswitch(bench.governance.kill_switch.state())
        bench.desk.release_killswitch("all clear")
        qtbot.waitUntil(lambda: not bench.desk.killswitch.engaged)
        assert bench.actions_audited()[-2:] == ["killswitch.engaged", "killswitch.released"]


def test_a_refused_engagement_is_said_and_changes_nothing(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        bench.desk.engage_killswitch("  ")
        qtbot.waitUntil(lambda: bool(bench.messages))
        assert [level for level, _ in bench.messages] == ["error"]
        assert not bench.governance.kill_switch.state().engaged


@pytest.mark.parametrize("level", ["error", "info"])
def test_a_message_carries_its_level(qtbot: QtBot, tmp_path: Path, level: str) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        getattr(bench.desk, level)("words")
        assert bench.messages == [(level, "words")]


def test_orders_for_ingestion_reach_who_carries_them_out(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        desk, heard = bench.desk, []
        desk.start_requested.connect(lambda: heard.append("start"))
        desk.stop_requested.connect(lambda: heard.append("stop"))
        desk.replay_requested.connect(heard.append)
        desk.start_ingestion()
        desk.stop_ingestion()
        desk.start_replay(60.0)
        assert heard == ["start", "stop", 60.0]


def test_adding_a_source_is_the_action_of_that_name(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        done: list[int] = []
        bench.desk.actions.bind("sources.add", lambda: done.append(1))
        bench.desk.add_source()
        assert done == [1]


def test_a_page_holds_the_actions_of_its_own_and_no_others(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        page = AlertsPage(bench.desk)
        qtbot.addWidget(page)
        held = {action.objectName() for action in page.actions()}
        specs = bench.desk.actions.specs.values()
        assert held == {spec.id for spec in specs if spec.page == "alerts"}
