from soc_copilot.phishing.breaker import PartBreaker
from tests.unit.phishing.parts import TurnedClock


def made(clock: TurnedClock) -> tuple[PartBreaker, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    breaker = PartBreaker(
        "url", n_failures=3, open_s=30, clock=clock, changed=lambda *change: told.append(change)
    )
    return breaker, told


def test_three_failures_in_a_row_open_it() -> None:
    breaker, told = made(TurnedClock())
    for _ in range(2):
        assert breaker.admit()
        breaker.failed("broken")
    assert breaker.admit()
    breaker.succeeded()  # so the next ones count from the beginning
    for _ in range(3):
        assert breaker.state == "closed"
        assert breaker.admit()
        breaker.failed("broken")
    assert (breaker.state, breaker.cause, breaker.retry_in_s) == ("open", "broken", 30)
    assert not breaker.admit()
    assert told == [("url", "open")]


def test_one_trial_closes_it_or_opens_it_again() -> None:
    clock = TurnedClock()
    breaker, told = made(clock)
    for _ in range(3):
        breaker.failed("broken")
    clock.s += 29.9
    assert not breaker.admit()
    clock.s += 0.2
    assert breaker.admit()
    assert breaker.state == "half-open"
    assert not breaker.admit()  # one trial at a time
    breaker.failed("still broken")
    assert (breaker.state, breaker.retry_in_s) == ("open", 30)
    clock.s += 30
    assert breaker.admit()
    breaker.succeeded()
    assert (breaker.state, breaker.cause, breaker.retry_in_s) == ("closed", "", 0)
    assert breaker.admit()
    assert [state for _, state in told] == ["open", "half-open", "open", "half-open", "closed"]


def test_a_call_begun_before_it_opened_changes_nothing() -> None:
    breaker, told = made(TurnedClock())
    for _ in range(3):
        breaker.failed("broken")
    breaker.succeeded()
    breaker.failed("late")
    assert breaker.state == "open"
    assert told == [("url", "open")]
