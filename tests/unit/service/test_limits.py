import time

import pytest

from soc_copilot.service import limits
from soc_copilot.service.config import RateLimit
from soc_copilot.service.limits import RateLimiter
from soc_copilot.service.wire import RefusedError


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refusal(limiter: RateLimiter, address: str, n: int = 1) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        limiter.take(address, n)
    assert caught.value.status == 429
    return caught.value


def test_so_many_in_any_second_and_the_time_to_wait_is_told(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(global_per_s=3, per_address_per_s=0), clock)
    for _ in range(3):
        limiter.take("192.0.2.1")
        clock.now += 0.25
    told = refusal(limiter, "192.0.2.2")
    assert told.retry_after_s == pytest.approx(0.25)
    assert "Wait 0.25 s" in str(told)
    assert limiter.n_refused == {"global": 1, "address": 0}
    clock.now += 0.251
    limiter.take("192.0.2.1")  # a window that moves: the first has left it
    refusal(limiter, "192.0.2.1")


def test_each_address_has_its_own_count(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(global_per_s=0, per_address_per_s=1), clock)
    limiter.take("192.0.2.1")
    limiter.take("192.0.2.2")
    assert "one address" in str(refusal(limiter, "192.0.2.1"))
    assert limiter.n_refused == {"global": 0, "address": 1}


def test_a_batch_counts_each_of_its_requests(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(global_per_s=10, per_address_per_s=10), clock)
    limiter.take("192.0.2.1", 8)
    assert refusal(limiter, "192.0.2.1", 3).retry_after_s == pytest.approx(1.0)
    limiter.take("192.0.2.1", 2)


def test_no_limit_takes_everything(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(0, 0), clock)
    for _ in range(10_000):
        limiter.take("192.0.2.1")


def test_addresses_are_forgotten_when_they_are_many(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 3)
    limiter = RateLimiter(RateLimit(global_per_s=0, per_address_per_s=1), clock)
    for i in range(3):
        limiter.take(f"192.0.2.{i}")
    assert "Too many addresses" in str(refusal(limiter, "192.0.2.9"))
    clock.now += 2
    limiter.take("192.0.2.9")
    assert len(limiter._addresses) == 1


def test_what_all_together_may_not_costs_the_address_nothing(clock: Clock) -> None:
    limiter = RateLimiter(RateLimit(global_per_s=2, per_address_per_s=2), clock)
    limiter.take("192.0.2.1")
    clock.now += 0.5
    limiter.take("192.0.2.1")
    clock.now += 0.25
    refusal(limiter, "192.0.2.2")
    clock.now += 0.25
    limiter.take("192.0.2.2")
    assert limiter.n_refused == {"global": 1, "address": 0}
    clock.now += 0.5
    limiter.take("192.0.2.2")  # its second: what was refused did not count


@pytest.mark.parametrize("step_s", [-86_400.0, 86_400.0])
def test_setting_the_systems_clock_neither_opens_nor_shuts(
    step_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    limiter = RateLimiter(RateLimit(global_per_s=2, per_address_per_s=2), clock)
    limiter.take("192.0.2.1", 2)
    set_to = time.time() + step_s
    monkeypatch.setattr("time.time", lambda: set_to)
    assert 0 < (refusal(limiter, "192.0.2.1").retry_after_s or 0) <= 1.0
    clock.now += 1.001
    limiter.take("192.0.2.1", 2)
    refusal(limiter, "192.0.2.1")
    assert RateLimiter(RateLimit())._clock is time.monotonic
