"""Two queues: requests that take long to score, and all others, which do not wait for them."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.service.gathering import Connection, Gatherer
from soc_copilot.service.wire import Checked

LONG_CHARS: Final = 32_768  # measured: from here on a call takes more than 5 ms to score
MAX_LONG: Final = 64  # chosen: long requests that may wait, at most 64 MiB with default limits


class Queue(Protocol):
    """Where calls are queued; `Gatherer` and `Lanes` are two."""

    def submit(
        self, requests: Sequence[Checked], connection: Connection | None = None
    ) -> "asyncio.Future[list[Verdict]]":
        """Queue the requests of one call; see `Gatherer.submit`."""
        ...


class Lanes:
    """Sends long calls one way and short ones another.

    Args:
        short: For calls up to `LONG_CHARS`.
        long: For all others; with scorers of its own.

    Thread:
        As `Gatherer`.
    """

    def __init__(self, short: Gatherer, long: Gatherer) -> None:
        self._short = short
        self._long = long

    @property
    def n_waiting(self) -> int:
        """Requests that wait to be scored."""
        return self._short.n_waiting + self._long.n_waiting

    @property
    def n_dropped(self) -> int:
        """Requests that nobody waited for any more, never scored."""
        return self._short.n_dropped + self._long.n_dropped

    @property
    def n_timeouts(self) -> int:
        """Calls not scored in time."""
        return self._short.n_timeouts + self._long.n_timeouts

    def start(self) -> None:
        """Start the scoring threads; call on the running event loop."""
        self._short.start()
        self._long.start()

    def submit(
        self, requests: Sequence[Checked], connection: Connection | None = None
    ) -> "asyncio.Future[list[Verdict]]":
        """Queue the requests of one call.

        Raises:
            RefusedError: The queue that the call belongs to is full (503).
        """
        is_long = sum(map(_n_chars, requests)) > LONG_CHARS
        return (self._long if is_long else self._short).submit(requests, connection)

    def stop(self) -> bool:
        """Score no more; what waits is refused. False when a thread is still busy."""
        ends = [self._short.stop(), self._long.stop()]
        return all(ends)


def _n_chars(checked: Checked) -> int:
    request = checked.request
    n_chars = len(request.path) + len(request.query) + len(request.body)
    return n_chars + sum(map(len, request.headers.values()))
