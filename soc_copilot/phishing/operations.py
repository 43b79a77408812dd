"""Watches how the pipeline itself does: slow, failing, backed up, cold, or without a model."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.phishing.orchestrator import PartHealth

logger = logging.getLogger(__name__)

SLOW_S: Final = 5.0  # the product's specification, as are the next three
MAX_ERROR_SHARE: Final = 0.05
MAX_WAITING: Final = 100
MAX_MISS_SHARE: Final = 0.80
WINDOW_S: Final = 60.0  # chosen: one bad minute is worth a look
MIN_ANSWERS: Final = 20  # chosen: one error of ten says nothing
MIN_LOOKS: Final = 100  # chosen: at first nothing can be known
_KEPT: Final = 100_000  # chosen: answers remembered of a window, the latest


@dataclass(frozen=True, slots=True)
class OperationalAlert:
    """Something about the pipeline that an operator should know.

    Attributes:
        code: One word for programs: "slow", "errors", "backlog", "cache", "queue",
            "model:NAME".
        message: One or two sentences.
        is_active: False once it is over.
    """

    code: str
    message: str
    is_active: bool = True


Told = Callable[[OperationalAlert], None]


class _Window:
    """Events of the last minute, and how many of them were of note."""

    def __init__(self) -> None:
        self._rows: deque[tuple[float, bool]] = deque()
        self.n_noted = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def share(self) -> float:
        return self.n_noted / len(self._rows) if self._rows else 0.0

    def add(self, now_s: float, is_noted: bool) -> None:
        self._rows.append((now_s, is_noted))
        self.n_noted += is_noted
        if len(self._rows) > _KEPT:
            self.n_noted -= self._rows.popleft()[1]

    def forget(self, before_s: float) -> None:
        while self._rows and self._rows[0][0] <= before_s:
            self.n_noted -= self._rows.popleft()[1]


class OperationalWatch:
    """Raises an alert when a figure passes its bound, and takes it back afterwards.

    Args:
        n_waiting: Jobs that wait.
        health: How each part is doing.
        told: Told of each alert that is raised or over, on the thread that calls `look`.
        clock: Where the time comes from.
        trouble: What is wrong with the queue; empty when nothing is.

    Thread:
        Any.
    """

    def __init__(
        self,
        n_waiting: Callable[[], int],
        health: Callable[[], Iterable[PartHealth]],
        told: Told = lambda alert: None,
        clock: Clock = SYSTEM_CLOCK,
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        self._n_waiting = n_waiting
        self._health = health
        self._told = told
        self._clock = clock
        self._trouble = trouble
        self._lock = threading.Lock()
        self._errors, self._slow, self._misses = _Window(), _Window(), _Window()
        self._active: dict[str, OperationalAlert] = {}

    def answered(self, seconds: float, is_error: bool) -> None:
        """Count an answer, or a call that got none by a fault of ours."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._errors.add(now_s, is_error)
            self._slow.add(now_s, seconds > SLOW_S)

    def looked(self, is_known: bool) -> None:
        """Count a look into the cache."""
        with self._lock:
            self._misses.add(self._clock.monotonic_s(), not is_known)

    def active(self) -> tuple[OperationalAlert, ...]:
        """Alerts that hold now."""
        return tuple(self._active.values())

    def look(self) -> None:
        """Compare all figures with their bounds; to be called about once a second."""
        with self._lock:
            found = {alert.code: alert for alert in self._found()}
            over = [alert for code, alert in self._active.items() if code not in found]
            fresh = [alert for code, alert in found.items() if code not in self._active]
            self._active = found
        for alert in over:
            logger.info("An operational alert is over. code=%s", alert.code)
            self._told(OperationalAlert(alert.code, alert.message, is_active=False))
        for alert in fresh:
            logger.warning("Operational alert. code=%s message=%s", alert.code, alert.message)
            self._told(alert)

    def _found(self) -> Iterable[OperationalAlert]:
        before_s = self._clock.monotonic_s() - WINDOW_S
        for window in (self._errors, self._slow, self._misses):
            window.forget(before_s)
        if self._slow.n_noted:
            yield OperationalAlert(
                "slow", f"Answers took more than {SLOW_S:g} s within the last minute."
            )
        if len(self._errors) >= MIN_ANSWERS and self._errors.share > MAX_ERROR_SHARE:
            yield OperationalAlert(
                "errors", f"More than {MAX_ERROR_SHARE:.0%} of calls failed within a minute."
            )
        if self._n_waiting() > MAX_WAITING:
            yield OperationalAlert("backlog", f"More than {MAX_WAITING} contents wait.")
        if len(self._misses) >= MIN_LOOKS and self._misses.share > MAX_MISS_SHARE:
            yield OperationalAlert(
                "cache",
                f"More than {MAX_MISS_SHARE:.0%} of contents within a minute were not known: "
                "the cache helps little.",
            )
        if trouble := self._trouble():
            yield OperationalAlert("queue", trouble)
        for part in self._health():
            if part.state == "missing":
                yield OperationalAlert(
                    f"model:{part.name}", f"The model {part.name} is not loaded. {part.detail}"
                )
            elif part.state in {"open", "half-open"}:
                yield OperationalAlert(
                    f"model:{part.name}",
                    f"The model {part.name} fails and is left alone for a while. {part.detail}",
                )
