"""How many requests are taken, over all clients and from each address."""

import math
import time
from collections.abc import Callable
from typing import Final

from limits import RateLimitItemPerSecond
from limits.strategies import MovingWindowRateLimiter

from soc_copilot.service.config import RateLimit
from soc_copilot.service.windows import MonotonicStorage
from soc_copilot.service.wire import RefusedError

MAX_ADDRESSES: Final = 10_000  # chosen: a few MiB; loopback alone has 16 million addresses
_LEAST_WAIT_S: Final = 0.001  # a wait of nothing would be no advice


class RateLimiter:
    """Counts requests in a window of the last second.

    Args:
        limits: How many are taken.
        clock: Seconds, never set back or forward.

    Thread:
        The event loop's.
    """

    def __init__(self, limits: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._addresses = MonotonicStorage(clock)
        self._all = MovingWindowRateLimiter(MonotonicStorage(clock))
        self._by_address = MovingWindowRateLimiter(self._addresses)
        self._global = _item(limits.global_per_s)
        self._each = _item(limits.per_address_per_s)
        self.n_refused = {"global": 0, "address": 0}

    def take(self, address: str, n: int = 1) -> None:
        """Count requests of one call; of one that is refused none counts.

        Raises:
            RefusedError: Too many came within the last second (429), with the time to wait.
        """
        each = self._each
        if each is not None:
            if len(self._addresses) >= MAX_ADDRESSES:
                self._refuse_new(each.key_for(address))
            if not self._by_address.test(each, address, cost=n):
                self._refuse(self._by_address, each, "address", n, address)
        if self._global is not None and not self._all.hit(self._global, cost=n):
            self._refuse(self._all, self._global, "global", n)
        if each is not None:
            self._by_address.hit(each, address, cost=n)

    def _refuse_new(self, key: str) -> None:
        """Keep the number of addresses known at a time bounded."""
        if key not in self._addresses:
            self.n_refused["address"] += 1
            raise RefusedError(429, "rate_limited", "Too many addresses call at once.", 1.0)

    def _refuse(
        self,
        limiter: MovingWindowRateLimiter,
        item: RateLimitItemPerSecond,
        scope: str,
        n: int,
        *names: str,
    ) -> None:
        self.n_refused[scope] += 1
        # The library tells when the oldest leaves the window: enough room for one.
        wait_s = limiter.get_window_stats(item, *names).reset_time - self._clock()
        wait_s = min(max(wait_s, _LEAST_WAIT_S), 1.0) if n == 1 else 1.0
        whom = "one address" if scope == "address" else "all clients together"
        raise RefusedError(
            429,
            "rate_limited",
            f"At most {item.amount:,} requests a second are taken from {whom}. "
            f"Wait {math.ceil(wait_s * 1000) / 1000:g} s.",
            wait_s,
        )


def _item(per_s: int) -> RateLimitItemPerSecond | None:
    return RateLimitItemPerSecond(per_s) if per_s else None
