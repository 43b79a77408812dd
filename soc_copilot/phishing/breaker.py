"""A circuit breaker for each part: one that fails again and again is left alone for a while."""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Final

import pybreaker

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN: Final = 3  # chosen: in a row, as for the detectors
OPEN_S: Final = 30.0  # chosen: a model that was reloaded is found soon

Changed = Callable[[str, str], None]
"""Told of a part's name and its breaker's new state: "closed", "open" or "half-open"."""


class _OutcomeError(Exception):
    """A failure that the breaker counts."""


class PartBreaker:
    """Says whether a part may be called, and learns how its calls went.

    The library keeps the state and counts; when a part is tried again is told by a clock that
    is never set back, which the library's own is not.

    Args:
        name: Of the part.
        n_failures: In a row, that open the circuit.
        open_s: Until one call is let through as a trial.
        clock: Where the time comes from.
        changed: Told of every change of state, on the thread that caused it.

    Thread:
        Any.
    """

    def __init__(
        self,
        name: str,
        *,
        n_failures: int = FAILURES_TO_OPEN,
        open_s: float = OPEN_S,
        clock: Clock = SYSTEM_CLOCK,
        changed: Changed = lambda name, state: None,
    ) -> None:
        self._name = name
        self._open_s = open_s
        self._clock = clock
        self._changed = changed
        self._lock = threading.Lock()
        self._breaker = pybreaker.CircuitBreaker(
            fail_max=n_failures, reset_timeout=open_s, name=name
        )
        self._opened_s = 0.0
        self._is_trying = False
        self._cause = ""

    @property
    def state(self) -> str:
        """One of "closed" (calls go through), "open" (none does), "half-open" (one is on trial)."""
        return self._breaker.current_state

    @property
    def cause(self) -> str:
        """Why the last call failed; empty when it did not."""
        return self._cause

    @property
    def retry_in_s(self) -> float:
        """Until an open circuit lets a trial through; 0 where it is not open."""
        if self.state != pybreaker.STATE_OPEN:
            return 0.0
        return max(self._opened_s + self._open_s - self._clock.monotonic_s(), 0.0)

    def admit(self) -> bool:
        """True when the part may be called now; then `succeeded` or `failed` must follow."""
        with self._lock:
            if self.state == pybreaker.STATE_CLOSED:
                return True
            if self._is_trying or self.retry_in_s > 0:
                return False
            self._is_trying = True
            self._breaker.half_open()
        self._tell("half-open")
        return True

    def succeeded(self) -> None:
        """Count a call that went well."""
        with self._lock:
            before = self.state
            if before == pybreaker.STATE_OPEN:
                return  # begun before it opened, and no trial
            self._is_trying, self._cause = False, ""
            self._breaker.call(lambda: None)
        if before != pybreaker.STATE_CLOSED:
            self._tell("closed")

    def failed(self, cause: str) -> None:
        """Count a call that failed."""
        with self._lock:
            self._cause = cause
            if self.state == pybreaker.STATE_OPEN:
                return
            self._is_trying = False
            with contextlib.suppress(_OutcomeError, pybreaker.CircuitBreakerError):
                self._breaker.call(_fail)
            is_open = self.state == pybreaker.STATE_OPEN
            if is_open:
                self._opened_s = self._clock.monotonic_s()
        if is_open:
            self._tell("open")

    def _tell(self, state: str) -> None:
        logger.log(
            logging.WARNING if state == "open" else logging.INFO,
            "A part's circuit changed. part=%s state=%s cause=%s", self._name, state, self._cause,
        )  # fmt: skip
        self._changed(self._name, state)


def _fail() -> None:
    raise _OutcomeError
