"""How many requests are taken, over all clients and from each address."""

import math
import time
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from soc_copilot.service.config import RateLimit
from soc_copilot.service.wire import RefusedError

MAX_ADDRESSES: Final = 10_000  # chosen: a few MiB; loopback alone has 16 million addresses
_LEAST_WAIT_S: Final = 0.001  # a wait of nothing would be no advice


class RateLimiter:
    """Counts requests in a window of the last second.

    Thread:
        The event loop's.
    """

    def __init__(self, limits: RateLimit) -> None:
        self._all = MovingWindowRateLimiter(MemoryStorage())
        self._by_address = MovingWindowRateLimiter(MemoryStorage())
        self._global = _item(limits.global_per_s)
        self._each = _item(limits.per_address_per_s)
        self._known: set[str] = set()
        self.n_refused = {"global": 0, "address": 0}

    def take(self, address: str, n: int = 1) -> None:
        """Count requests of one call.

        Raises:
            RefusedError: Too many came within the last second (429), with the time to wait.
        """
        if self._each is not None:
            self._remember(address)
            if not self._by_address.hit(self._each, address, cost=n):
                self._refuse(self._by_address, self._each, "address", n, address)
        if self._global is not None and not self._all.hit(self._global, cost=n):
            self._refuse(self._all, self._global, "global", n)

    def _remember(self, address: str) -> None:
        """Keep the number of addresses known at a time bounded."""
        if address in self._known:
            return
        if len(self._known) >= MAX_ADDRESSES:
            assert self._each is not None  # noqa: S101 - the caller asked
            for known in tuple(self._known):
                if self._by_address.test(self._each, known, cost=self._each.amount):
                    self._by_address.clear(self._each, known)
                    self._known.discard(known)
        if len(self._known) >= MAX_ADDRESSES:
            self.n_refused["address"] += 1
            raise RefusedError(429, "rate_limited", "Too many addresses call at once.", 1.0)
        self._known.add(address)

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
        wait_s = limiter.get_window_stats(item, *names).reset_time - time.time()
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
