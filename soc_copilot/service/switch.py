"""The kill switch as the service sees it: looked up in the background, never on the event loop."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from soc_copilot.domain.governance import KillSwitchState

logger = logging.getLogger(__name__)

POLL_S: Final = 0.25  # chosen: a quarter of the second within which it must take effect
STALE_S: Final = 10.0  # chosen: longer than a busy machine keeps the thread waiting
_STOP_S: Final = 5.0


class SwitchWatch:
    """Knows whether the kill switch is engaged.

    Until it was read for the first time it counts as engaged, and again when reading it takes
    longer than `STALE_S`.

    Args:
        read: Reads the switch; called on a thread of its own.
        clock: Seconds, never set.

    Thread:
        Any.
    """

    def __init__(
        self, read: Callable[[], KillSwitchState], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._looked_s = clock()
        self._reason = "The kill switch was not read yet, which counts as engaged."
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kill-switch", daemon=True)

    def start(self) -> None:
        """Read it once, then again and again."""
        self._look()
        self._thread.start()

    def reason(self) -> str:
        """Why nothing may be scored, one sentence; empty when the switch is released."""
        if not self._reason and self._clock() - self._looked_s > STALE_S:
            return f"The kill switch was not read for {STALE_S:g} s, which counts as engaged."
        return self._reason

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        while not self._stop.wait(POLL_S):
            self._look()

    def _look(self) -> None:
        try:
            state = self._read()
        except Exception:
            logger.exception("Cannot read the kill switch; it counts as engaged.")
            self._reason = "The kill switch cannot be read, which counts as engaged."
            return
        self._looked_s = self._clock()
        self._reason = _words(state) if state.engaged else ""


def _words(state: KillSwitchState) -> str:
    if not state.readable:
        return state.reason
    by = f" by {state.actor}" if state.actor else ""
    return f"The kill switch is engaged{by}: {state.reason}".rstrip(".") + "."
