from soc_copilot.phishing.operations import (
    MAX_WAITING,
    MIN_ANSWERS,
    MIN_LOOKS,
    WINDOW_S,
    OperationalWatch,
)
from soc_copilot.phishing.orchestrator import PartHealth
from tests.unit.phishing.parts import TurnedClock


class Desk:
    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.n_waiting = 0
        self.health = [PartHealth("url", "1", "ok")]
        self.trouble = ""
        self.told: list[tuple[str, bool]] = []
        self.watch = OperationalWatch(
            lambda: self.n_waiting, lambda: self.health,
            lambda alert: self.told.append((alert.code, alert.is_active)), self.clock,
            lambda: self.trouble,
        )  # fmt: skip

    def look(self) -> list[tuple[str, bool]]:
        self.told.clear()
        self.watch.look()
        return list(self.told)


def test_nothing_is_told_while_all_is_well() -> None:
    desk = Desk()
    for _ in range(200):
        desk.watch.answered(4.9, False)
        desk.watch.looked(True)
    desk.n_waiting = MAX_WAITING
    assert desk.look() == []
    assert desk.watch.active() == ()


def test_a_slow_answer_is_told_once_and_taken_back() -> None:
    desk = Desk()
    desk.watch.answered(5.1, False)
    assert desk.look() == [("slow", True)]
    assert desk.look() == []
    desk.clock.s += WINDOW_S
    assert desk.look() == [("slow", False)]


def test_errors_over_five_in_a_hundred_are_told() -> None:
    desk = Desk()
    for i in range(100):
        desk.watch.answered(0.1, i < 5)
    assert desk.look() == []
    desk.watch.answered(0.1, True)
    assert desk.look() == [("errors", True)]
    for _ in range(100):
        desk.watch.answered(0.1, False)
    assert desk.look() == [("errors", False)]


def test_a_few_errors_say_nothing() -> None:
    desk = Desk()
    for _ in range(MIN_ANSWERS - 1):
        desk.watch.answered(0.1, True)
    assert desk.look() == []
    desk.watch.answered(0.1, True)
    assert desk.look() == [("errors", True)]


def test_more_than_a_hundred_waiting_are_told() -> None:
    desk = Desk()
    desk.n_waiting = MAX_WAITING + 1
    assert desk.look() == [("backlog", True)]
    desk.n_waiting = 0
    assert desk.look() == [("backlog", False)]


def test_misses_over_eighty_in_a_hundred_are_told() -> None:
    desk = Desk()
    for i in range(MIN_LOOKS):
        desk.watch.looked(i >= 80)
    assert desk.look() == []
    desk.watch.looked(False)
    desk.watch.looked(False)
    assert desk.look() == [("cache", True)]


def test_a_model_that_is_missing_or_fails_is_told() -> None:
    desk = Desk()
    desk.health = [PartHealth("url", "1", "degraded"), PartHealth("visual", "", "missing", "No.")]
    assert desk.look() == [("model:visual", True)]
    desk.health = [PartHealth("url", "1", "open", "Broken.", 30)]
    assert desk.look() == [("model:visual", False), ("model:url", True)]
    desk.health = [PartHealth("url", "1", "half-open", "Broken.")]
    assert desk.look() == []
    desk.health = [PartHealth("url", "1", "ok")]
    assert desk.look() == [("model:url", False)]


def test_a_queue_that_is_gone_is_told() -> None:
    desk = Desk()
    desk.trouble = "Redis cannot be reached."
    assert desk.look() == [("queue", True)]
    desk.trouble = ""
    assert desk.look() == [("queue", False)]
