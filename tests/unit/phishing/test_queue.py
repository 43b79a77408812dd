import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from soc_copilot.domain.errors import DetectorError, KillSwitchEngagedError, PolicyError
from soc_copilot.domain.phishing import Content
from soc_copilot.phishing.orchestrator import Orchestrator
from soc_copilot.phishing.queue import BATCH, EmbeddedQueue, QueueFullError
from soc_copilot.phishing.tasks import Job, Priority, Task
from tests.unit.phishing.parts import PATIENCE_S, FakePart, TurnedClock


class Desk:
    """A queue over a fake part, and what it told."""

    def __init__(self, **options: object) -> None:
        self.part = FakePart()
        self.orchestrator = Orchestrator([self.part], timeout_s=PATIENCE_S)
        self.told: list[Job] = []
        self.changed = threading.Condition()
        self.reason = ""
        self.batches: list[list[str]] = []
        self.queue = EmbeddedQueue(self.work, halted=lambda: self.reason, **options)  # type: ignore[arg-type]

    def work(self, tasks: Sequence[Task]) -> Sequence[object]:
        self.batches.append([task.id for task in tasks])
        if any(task.raw == b"fault" for task in tasks):
            raise ValueError("our fault")
        contents = [Content(task.kind, task.raw, task.raw.decode()) for task in tasks]
        return self.orchestrator.analyse_many(contents, [task.id for task in tasks])

    def listen(self, jobs: Sequence[Job]) -> None:
        with self.changed:
            self.told += jobs
            self.changed.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S)

    def states(self, job_id: str) -> list[str]:
        return [job.state for job in self.told if job.id == job_id]

    def end(self) -> None:
        self.part.gate.set()
        self.part.hang.set()
        assert self.queue.close()
        assert self.orchestrator.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()
    yield found
    found.end()


def task(name: str, raw: str = "good", priority: Priority = Priority.INTERACTIVE) -> Task:
    return Task(name, "url", raw.encode(), user_id="u", priority=priority)


def test_a_task_is_analysed_and_told(desk: Desk) -> None:
    desk.queue.start(desk.listen)
    desk.queue.submit([task("1", "evil"), task("2", "poison")])
    desk.until(lambda: len(desk.told) == 2)
    done, failed = desk.queue.job("1"), desk.queue.job("2")
    assert done is not None
    assert failed is not None
    assert done.analysis is not None
    assert (done.state, done.analysis.prediction, done.user_id) == ("done", "phish", "u")
    assert failed.state == "failed"
    assert isinstance(failed.error, DetectorError)
    counts = desk.queue.counts()
    assert (counts["done"], counts["failed"], counts["queued"], counts["running"]) == (1, 1, 0, 0)


def test_interactive_ones_come_first_and_others_have_their_turn(desk: Desk) -> None:
    for priority in (Priority.BULK, Priority.DROP, Priority.INTERACTIVE):
        names = [f"{priority.name[0]}{i}" for i in range(BATCH[priority] * 12)]
        desk.queue.submit([task(name, priority=priority) for name in names])
    desk.queue.start(desk.listen)
    desk.until(lambda: desk.queue.counts()["done"] == (32 + 8 + 8) * 12)
    order = "".join(batch[0][0] for batch in desk.batches)
    # Nine of the first, then one of the second, so that nobody waits for ever.
    assert order.startswith("IIIIIIIIIDIII")
    assert order.endswith("B")
    assert order.index("B") < order.rindex("D")
    assert all(len({name[0] for name in batch}) == 1 for batch in desk.batches)
    assert max(map(len, desk.batches)) == 32


def test_what_waits_is_bounded_by_number_and_size() -> None:
    desk = Desk(max_waiting=2, max_bytes=100)
    with pytest.raises(QueueFullError):
        desk.queue.submit([task(str(i)) for i in range(3)])
    assert desk.queue.n_waiting == 0  # all or none
    with pytest.raises(QueueFullError):
        desk.queue.submit([task("1", "x" * 101)])
    desk.queue.submit([task("1", "x" * 90)])
    with pytest.raises(QueueFullError):
        desk.queue.submit([task("2", "x" * 11)])
    assert desk.queue.cancel("1")
    desk.queue.submit([task("3", "x" * 100)])  # room again
    with pytest.raises(PolicyError, match="already"):
        desk.queue.submit([task("3", "")])
    desk.end()


def test_only_what_waits_is_cancelled(desk: Desk) -> None:
    desk.queue.start(desk.listen)
    desk.part.gate.clear()
    desk.queue.submit([task("1")])
    assert desk.part.entered.wait(PATIENCE_S)
    desk.queue.submit([task("2", priority=Priority.BULK)])
    assert not desk.queue.cancel("1")
    assert not desk.queue.cancel("nobody")
    assert desk.queue.cancel("2")
    assert not desk.queue.cancel("2")
    desk.part.gate.set()
    desk.until(lambda: len(desk.told) == 2)
    assert desk.states("2") == ["cancelled"]
    assert desk.states("1") == ["done"]
    assert desk.part.seen == ["good"]


def test_the_kill_switch_refuses_who_waits_and_holds_the_others(desk: Desk) -> None:
    desk.reason = "A drill."
    desk.queue.start(desk.listen)
    desk.queue.submit([task("bulk", priority=Priority.BULK), task("now")])
    desk.until(lambda: bool(desk.states("now")))
    found = desk.queue.job("now")
    assert found is not None
    assert isinstance(found.error, KillSwitchEngagedError)
    waiting = desk.queue.job("bulk")
    assert waiting is not None
    assert waiting.state == "queued"
    assert desk.part.seen == []
    desk.reason = ""
    desk.until(lambda: "done" in desk.states("bulk"))
    assert desk.states("bulk") == ["running", "done"]


def test_a_fault_fails_the_batch_and_not_the_queue(desk: Desk) -> None:
    desk.queue.start(desk.listen)
    desk.queue.submit([task("1", "fault")])
    desk.until(lambda: desk.states("1") == ["failed"])
    desk.queue.submit([task("2")])
    desk.until(lambda: desk.states("2") == ["done"])


def test_at_the_end_what_waits_is_cancelled_and_nothing_more_is_taken(desk: Desk) -> None:
    desk.queue.submit([task("1")])
    desk.queue.start(lambda jobs: None)
    desk.part.gate.clear()
    desk.queue.submit([task("2", priority=Priority.BULK)])
    desk.part.gate.set()
    assert desk.queue.close()
    with pytest.raises(PolicyError, match="closed"):
        desk.queue.submit([task("3")])
    counts = desk.queue.counts()
    assert counts["done"] + counts["cancelled"] == 2


def test_ended_jobs_are_forgotten_after_a_while() -> None:
    clock = TurnedClock()
    desk = Desk(clock=clock)
    desk.queue.start(desk.listen)
    desk.queue.submit([task("1")])
    desk.until(lambda: desk.states("1") == ["done"])
    assert desk.queue.job("1") is not None
    clock.s += 301
    assert desk.queue.job("1") is None
    assert desk.queue.counts()["done"] == 1
    desk.end()
