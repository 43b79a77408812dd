"""Where the rate limits' library keeps its counts: in memory, by a clock that is never set."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NoReturn

from limits.storage import MovingWindowSupport, Storage
from typing_extensions import override


class MonotonicStorage(Storage, MovingWindowSupport):
    """Moving windows alone, in seconds of a monotonic clock.

    The library's own storage reads the system's clock, which may be set, and starts a thread a
    hundred times a second to forget what is old; here each call forgets some of it.

    Args:
        clock: Seconds, never less than before.

    Thread:
        One.
    """

    STORAGE_SCHEME = None  # made here alone, by no URL

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        # Times taken, oldest first, and how long each counts; by key, the last used last.
        self._windows: OrderedDict[str, tuple[deque[float], int]] = OrderedDict()

    def __len__(self) -> int:
        """Keys that still count."""
        self._forget(self._clock())
        return len(self._windows)

    def __contains__(self, key: str) -> bool:
        return key in self._windows

    @override
    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if amount > limit:
            return False
        now = self._clock()
        self._forget(now)
        times = self._times(key, now, expiry)
        if len(times) + amount > limit:
            return False
        times.extend([now] * amount)
        self._windows[key] = times, expiry
        self._windows.move_to_end(key)
        return True

    @override
    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        now = self._clock()
        times = self._times(key, now, expiry)
        return (times[0] if times else now), len(times)

    def _times(self, key: str, now: float, expiry: int) -> deque[float]:
        """What still counts of a key."""
        times, _ = self._windows.get(key) or (deque[float](), expiry)
        while times and times[0] <= now - expiry:
            times.popleft()
        return times

    def _forget(self, now: float) -> None:
        """Let go of keys of which nothing counts any more."""
        while self._windows:
            key, (times, expiry) = next(iter(self._windows.items()))
            if times and times[-1] > now - expiry:
                return
            del self._windows[key]

    @override
    def check(self) -> bool:
        return True

    @override
    def reset(self) -> int | None:
        n = len(self._windows)
        self._windows.clear()
        return n

    @override
    def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    @property
    @override
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    # Of the library's other strategies, which are not used

    @override
    def incr(self, key: str, expiry: int, amount: int = 1) -> NoReturn:
        raise NotImplementedError

    @override
    def get(self, key: str) -> NoReturn:
        raise NotImplementedError

    @override
    def get_expiry(self, key: str) -> NoReturn:
        raise NotImplementedError
