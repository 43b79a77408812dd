import threading

import pytest
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.strategies import MovingWindowRateLimiter

from soc_copilot.service.windows import MonotonicStorage


class Clock:
    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now


def test_the_librarys_strategy_works_with_it() -> None:
    clock = Clock()
    limiter = MovingWindowRateLimiter(MonotonicStorage(clock))
    item = RateLimitItemPerSecond(3)
    assert limiter.get_window_stats(item, "a") == (clock.now + 1, 3)
    assert not limiter.hit(item, "a", cost=4)
    assert limiter.hit(item, "a", cost=2)
    clock.now += 0.5
    assert limiter.hit(item, "a")
    assert not limiter.hit(item, "a")
    assert limiter.hit(item, "b", cost=3)
    assert limiter.get_window_stats(item, "a") == (6.0, 0)
    clock.now += 0.5
    assert limiter.test(item, "a", cost=2)
    assert not limiter.test(item, "a", cost=3)
    assert limiter.get_window_stats(item, "a") == (6.5, 2)
    limiter.clear(item, "b")
    assert limiter.hit(item, "b", cost=3)


def test_what_is_old_is_forgotten_without_threads() -> None:
    clock = Clock()
    storage = MonotonicStorage(clock)
    limiter = MovingWindowRateLimiter(storage)
    item = RateLimitItemPerSecond(1)
    n_threads = threading.active_count()
    for i in range(1_000):
        clock.now += 0.01
        assert limiter.hit(item, f"192.0.2.{i}")
        assert len(storage) <= 101
    assert threading.active_count() == n_threads
    assert item.key_for("192.0.2.999") in storage
    clock.now += 1.0
    assert len(storage) == 0


def test_windows_of_other_lengths_count_as_long_as_they_are() -> None:
    clock = Clock()
    limiter = MovingWindowRateLimiter(MonotonicStorage(clock))
    item = RateLimitItemPerMinute(1)
    assert limiter.hit(item)
    clock.now += 59.0
    assert not limiter.hit(item)
    clock.now += 1.0
    assert limiter.hit(item)


def test_it_can_be_emptied_and_knows_windows_only() -> None:
    storage = MonotonicStorage(Clock())
    assert storage.check()
    assert storage.acquire_entry("a", 1, 1)
    assert storage.reset() == 1
    assert len(storage) == 0
    for call in (lambda: storage.incr("a", 1), lambda: storage.get("a"),
                 lambda: storage.get_expiry("a")):  # fmt: skip
        with pytest.raises(NotImplementedError):
            call()
