from collections.abc import Iterator

import pytest

from soc_copilot.phishing.lane import MAX_STRAYS, PartLane
from tests.unit.phishing.parts import PATIENCE_S, FakeBatchPart, FakePart, url


@pytest.fixture
def part() -> Iterator[FakePart]:
    found = FakePart()
    yield found
    found.gate.set()
    found.hang.set()


def test_contents_are_scored_in_order(part: FakePart) -> None:
    seen = []
    lane = PartLane(part, lambda *what: seen.append((what[0], what[1], what[3])))
    ticket = lane.start([url("evil"), url("poison"), url("good")])
    ticket.done.result(PATIENCE_S)
    assert [result.state for result in ticket.results] == ["ok", "failed", "ok"]
    assert [result.score for result in ticket.results] == [0.95, None, 0.05]
    assert "as asked for" in ticket.results[1].detail
    assert seen == [("fake", "ok", 1), ("fake", "failed", 1), ("fake", "ok", 1)]
    assert lane.close(PATIENCE_S)


def test_failures_one_after_another_are_logged_once(
    part: FakePart, caplog: pytest.LogCaptureFixture
) -> None:
    lane = PartLane(part)
    for _ in range(3):
        lane.start([url("poison")]).done.result(PATIENCE_S)
    assert len(caplog.records) == 1
    assert lane.close(PATIENCE_S)


def test_a_batch_goes_together_and_alone_where_one_of_it_fails() -> None:
    part = FakeBatchPart()
    lane = PartLane(part)
    ticket = lane.start([url("evil"), url("good")])
    ticket.done.result(PATIENCE_S)
    assert part.batches == [2]
    ticket = lane.start([url("evil"), url("poison"), url("good")])
    ticket.done.result(PATIENCE_S)
    assert [result.score for result in ticket.results] == [0.95, None, 0.05]
    assert lane.close(PATIENCE_S)


def test_another_thread_takes_over_from_one_that_hangs(part: FakePart) -> None:
    lane = PartLane(part)
    stuck = lane.start([url("hang")])
    assert part.entered.wait(PATIENCE_S)
    lane.renew(stuck)
    assert lane.n_strays == 1
    lane.start([url("good")]).done.result(PATIENCE_S)
    part.hang.set()
    stuck.done.result(PATIENCE_S)  # it comes back and ends
    assert lane.close(PATIENCE_S)


def test_no_more_threads_are_left_behind_than_are_allowed(part: FakePart) -> None:
    lane = PartLane(part)
    tickets = []
    for _ in range(MAX_STRAYS + 2):
        part.entered.clear()
        tickets.append(lane.start([url("hang")]))
        if len(tickets) <= MAX_STRAYS + 1:
            assert part.entered.wait(PATIENCE_S)
        lane.renew(tickets[-1])
    assert lane.n_strays == MAX_STRAYS
    part.hang.set()
    for ticket in tickets:
        ticket.done.result(PATIENCE_S)
    assert lane.close(PATIENCE_S)
