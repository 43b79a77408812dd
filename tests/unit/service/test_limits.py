import pytest

from soc_copilot.service import limits
from soc_copilot.service.config import RateLimit
from soc_copilot.service.limits import RateLimiter
from soc_copilot.service.wire import RefusedError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the limiter and its library see."""
    now = [1_700_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    return now


def refusal(limiter: RateLimiter, address: str, n: int = 1) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        limiter.take(address, n)
    assert caught.value.status == 429
    return caught.value


def test_so_many_in_any_second_and_the_time_to_wait_is_told(clock: list[float]) -> None:
    limiter = RateLimiter(RateLimit(global_per_s=3, per_address_per_s=0))
    for _ in range(3):
        limiter.take("192.0.2.1")
        clock[0] += 0.25
    told = refusal(limiter, "192.0.2.2")
    assert told.retry_after_s == pytest.approx(0.25)
    assert "Wait 0.25 s" in str(told)
    assert limiter.n_refused == {"global": 1, "address": 0}
    clock[0] += 0.251
    limiter.take("192.0.2.1")  # a window that moves: the first has left it
    refusal(limiter, "192.0.2.1")


def test_each_address_has_its_own_count(clock: list[float]) -> None:
    limiter = RateLimiter(RateLimit(global_per_s=0, per_address_per_s=1))
    limiter.take("192.0.2.1")
    limiter.take("192.0.2.2")
    assert "one address" in str(refusal(limiter, "192.0.2.1"))
    assert limiter.n_refused == {"global": 0, "address": 1}


def test_a_batch_counts_each_of_its_requests(clock: list[float]) -> None:
    limiter = RateLimiter(RateLimit(global_per_s=10, per_address_per_s=10))
    limiter.take("192.0.2.1", 8)
    assert refusal(limiter, "192.0.2.1", 3).retry_after_s == pytest.approx(1.0)
    limiter.take("192.0.2.1", 2)


def test_no_limit_takes_everything() -> None:
    limiter = RateLimiter(RateLimit(0, 0))
    for _ in range(10_000):
        limiter.take("192.0.2.1")


def test_addresses_are_forgotten_when_they_are_many(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 3)
    limiter = RateLimiter(RateLimit(global_per_s=0, per_address_per_s=1))
    for i in range(3):
        limiter.take(f"192.0.2.{i}")
    assert "Too many addresses" in str(refusal(limiter, "192.0.2.9"))
    clock[0] += 2
    limiter.take("192.0.2.9")
    assert len(limiter._known) == 1
