"""What is done to alerts is stored before it is shown, and can be taken back."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertFilter, AlertRow, AlertStatus, Disposition
from soc_copilot.governance.alerts import AlertStore
from soc_copilot.ui.models.alert_view import Target
from soc_copilot.ui.triage import CHUNK, MAX_SHOWN, MAX_UNDO, Outcome, Triage
from tests.ui.alerts_support import finding, raise_alerts
from tests.ui.desk_support import DeskBench, desk_bench

EVERYTHING = Target(query=AlertFilter())


@dataclass
class Work:
    """A triage on a database of its own, and what it told."""

    bench: DeskBench
    triage: Triage
    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def wait(self) -> Outcome:
        """Wait until nothing is on its way; the last outcome."""
        self.bench.qtbot.waitUntil(lambda: not self.triage.is_busy)
        return self.outcomes[-1]

    def rows(self, *ids: int) -> tuple[AlertRow, ...]:
        """Alerts as another connection reads them."""
        return self.bench.governance.alerts.get(ids)

    def count(self, status: AlertStatus) -> int:
        """How many alerts stand there."""
        return self.bench.governance.alerts.count(AlertFilter(statuses=(status,)))


@pytest.fixture
def work(qtbot: QtBot, tmp_path: Path) -> Iterator[Work]:
    with desk_bench(qtbot, tmp_path) as bench:
        raise_alerts(bench.governance, [finding(n) for n in range(6)])
        made = Work(bench, Triage(bench.desk))
        made.triage.done.connect(made.outcomes.append)
        made.triage.failed.connect(made.failures.append)
        yield made


def test_what_is_told_as_done_is_in_the_database(work: Work) -> None:
    work.triage.close(Target(ids=(1,)), Disposition.BENIGN, "our scanner")
    outcome = work.wait()
    assert outcome.rows == work.rows(1)
    assert work.rows(1)[0].disposition is Disposition.BENIGN
    assert [note.text for note in work.bench.governance.alerts.detail(1).notes] == ["our scanner"]


def test_taking_alerts_assigns_them_to_the_analyst(work: Work) -> None:
    work.triage.acknowledge(Target(ids=(1, 2)))
    assert work.wait().words == "Took 2 alerts"
    assert {row.assignee for row in work.rows(1, 2)} == {"ana"}


def test_undo_gives_back_status_judgement_and_assignee(work: Work) -> None:
    before = work.rows(1, 2)
    work.triage.close(Target(ids=(1, 2)), Disposition.DUPLICATE)
    work.wait()
    work.triage.undo()
    outcome = work.wait()
    assert outcome.is_undo
    assert outcome.words == "Undone: closed 2 alerts as duplicate"
    assert work.rows(1, 2) == before


def test_undo_steps_back_one_action_at_a_time(work: Work) -> None:
    work.triage.acknowledge(Target(ids=(1,)))
    work.wait()
    work.triage.close(Target(ids=(1,)), Disposition.BENIGN)
    work.wait()
    work.triage.undo()
    work.wait()
    assert work.rows(1)[0].status is AlertStatus.ACKNOWLEDGED
    work.triage.undo()
    work.wait()
    assert work.rows(1)[0].status is AlertStatus.NEW
    assert not work.triage.can_undo


def test_an_action_that_changes_nothing_leaves_nothing_to_undo(work: Work) -> None:
    work.triage.reopen(Target(ids=(1,)))
    assert work.wait().words == "Reopened 0 alerts"
    assert not work.triage.can_undo


def test_a_note_cannot_be_taken_back(work: Work) -> None:
    work.triage.add_note(Target(ids=(1,)), "seen")
    assert work.wait().words == "Wrote a note to 1 alert"
    assert not work.triage.can_undo


def test_a_failed_action_is_told_and_leaves_nothing_to_undo(work: Work) -> None:
    work.triage.add_note(Target(ids=(1,)), "  ")
    work.bench.qtbot.waitUntil(lambda: bool(work.failures))
    assert work.failures == ["The note is empty. Write a few words."]
    assert not work.triage.is_busy
    assert not work.triage.can_undo


def test_an_undo_that_failed_can_be_tried_again(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.triage.acknowledge(Target(ids=(1,)))
    work.wait()
    store = type(work.bench.governance.alerts)
    with monkeypatch.context() as patch:
        patch.setattr(store, "restore", lambda _store, _rows: 1 // 0)
        work.triage.undo()
        work.bench.qtbot.waitUntil(lambda: bool(work.failures))
    assert work.triage.can_undo
    work.triage.undo()
    work.wait()
    assert work.rows(1)[0].status is AlertStatus.NEW


def test_only_the_latest_steps_are_remembered(work: Work) -> None:
    for turn in range(MAX_UNDO + 2):
        if turn % 2:
            work.triage.reopen(Target(ids=(1,)))
        else:
            work.triage.close(Target(ids=(1,)), Disposition.BENIGN)
        work.wait()
    n_undone = 0
    while work.triage.can_undo:
        work.triage.undo()
        work.wait()
        n_undone += 1
    assert n_undone == MAX_UNDO


def test_a_query_takes_all_its_alerts_but_those_left_out(work: Work) -> None:
    work.triage.acknowledge(Target(query=AlertFilter(), excluded=frozenset({1, 2})))
    work.wait()
    assert work.count(AlertStatus.ACKNOWLEDGED) == 4
    assert work.count(AlertStatus.NEW) == 2


def test_alerts_that_leave_the_query_while_it_runs_are_still_reached(work: Work) -> None:
    raise_alerts(work.bench.governance, [finding(n) for n in range(6, 2 * CHUNK + 6)])
    target = Target(query=AlertFilter(statuses=(AlertStatus.NEW,)))
    work.triage.close(target, Disposition.BENIGN)
    outcome = work.wait()
    assert work.count(AlertStatus.NEW) == 0
    assert len(outcome.former) == 2 * CHUNK + 6 > MAX_SHOWN
    assert outcome.rows is None  # too many to hand back: the table reads again


def test_a_long_action_tells_how_far_it_is(work: Work) -> None:
    raise_alerts(work.bench.governance, [finding(n) for n in range(6, CHUNK + 6)])
    told: list[tuple[int, int]] = []
    work.triage.progressed.connect(lambda done, total: told.append((done, total)))
    work.triage.acknowledge(EVERYTHING)
    work.wait()
    assert told[-1] == (0, 0)
    assert (CHUNK + 6, CHUNK + 6) in told or (CHUNK, CHUNK + 6) in told


def test_a_cancel_holds_although_another_action_begins(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_alerts(work.bench.governance, [finding(n) for n in range(6, CHUNK + 6)])
    store = type(work.bench.governance.alerts)
    acknowledge, begun, go_on = store.acknowledge, threading.Event(), threading.Event()

    def slow(alerts: AlertStore, ids: list[int]) -> int:
        begun.set()
        assert go_on.wait(60)
        return acknowledge(alerts, ids)

    monkeypatch.setattr(store, "acknowledge", slow)
    work.triage.acknowledge(EVERYTHING)
    work.bench.qtbot.waitUntil(begun.is_set)
    work.triage.cancel()
    work.triage.add_note(Target(ids=(1,)), "meanwhile")
    go_on.set()
    work.wait()
    assert work.count(AlertStatus.ACKNOWLEDGED) == CHUNK
    assert any("then stopped with 6 left" in outcome.words for outcome in work.outcomes)
