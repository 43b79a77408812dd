"""What is wrong with the phishing pipeline itself, as alerts of the desk that end by themselves."""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from soc_copilot.domain.alerts import AlertFilter, AlertStatus, Disposition
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import KillSwitchEngagedError, StoreError
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.domain.governance import Actor, BatchCommit
from soc_copilot.governance.database import Governance
from soc_copilot.phishing.operations import OperationalAlert

logger = logging.getLogger(__name__)

DETECTOR: Final = "service"
ENTITY: Final = "checking service"
OVER_S: Final = 60.0  # chosen: what comes back within a minute is one alert, not many
_GAP_S: Final = 1.0  # chosen: how often the database is asked for this
_MAX_WAITING: Final = 200  # chosen: alerts that wait while nothing may be stored
_PROGRAM: Final = Actor("service", "service")
_OPEN: Final = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)
_TITLES: Final[Mapping[str, tuple[str, Severity, str]]] = {
    # code: title, severity, what to do
    "slow": ("Analysing is slow", Severity.MEDIUM, "Look at the load of this machine."),
    "errors": ("Analysing fails often", Severity.MEDIUM, "Look at the service's log."),
    "backlog": ("Contents wait to be analysed", Severity.LOW, "Add workers: soc-copilot worker."),
    "cache": ("Few answers are known already", Severity.INFO, "Nothing, if contents differ."),
    "queue": ("The queue does not answer", Severity.MEDIUM, "Look whether Redis runs."),
    "model": ("A model fails", Severity.MEDIUM, "Look at the service's log, then start it again."),
}


class OperationalAlerts:
    """Raises an alert for each operational one, and closes it a while after it is over.

    Args:
        over_s: So long it has to be over.
        clock: Where the time comes from.

    Thread:
        `told` on any; the rest on the one that owns the database connection.
    """

    def __init__(self, over_s: float = OVER_S, clock: Clock = SYSTEM_CLOCK) -> None:
        self._over_s = over_s
        self._clock = clock
        self._waiting: deque[tuple[OperationalAlert, datetime]] = deque(maxlen=_MAX_WAITING)
        self._over: dict[str, float] = {}  # codes, and since when they are over
        self._lock = threading.Lock()
        self._next_s = -1e9

    def told(self, alert: OperationalAlert) -> None:
        """Take an alert that began or is over; quick."""
        at = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        with self._lock:
            self._waiting.append((alert, at))

    @property
    def n_waiting(self) -> int:
        """Told and not stored yet."""
        return len(self._waiting)

    def settle(self, governance: Governance) -> None:
        """Store what was told, and close what is over; tried again later where that fails."""
        now = self._clock.monotonic_s()
        if now < self._next_s:
            return
        self._next_s = now + _GAP_S
        try:
            while self._waiting:
                alert, at = self._waiting[0]
                if alert.is_active:
                    self._raise(governance, alert, at)
                    self._over.pop(alert.code, None)
                else:
                    self._over[alert.code] = now
                with self._lock:
                    self._waiting.popleft()
            for code, since_s in list(self._over.items()):
                if now - since_s >= self._over_s:
                    close(governance, code)
                    del self._over[code]
        except KillSwitchEngagedError:
            return  # raised once it is released
        except StoreError as error:
            logger.warning("An operational alert cannot be stored now. reason=%s", error)

    @staticmethod
    def _raise(governance: Governance, alert: OperationalAlert, at: datetime) -> None:
        kind, _, _ = alert.code.partition(":")
        title, severity, step = _TITLES.get(kind, (alert.code, Severity.LOW, ""))
        finding = Finding(
            detector=DETECTOR,
            rule=_rule(alert.code),
            entity=ENTITY,
            entity_type="service.name",
            technique="",
            title=title,
            summary=alert.message,
            severity=severity,
            score=1.0,
            threshold=1.0,
            count=1,
            first_seen=at,
            last_seen=at,
            next_steps=(step,) if step else (),
        )
        governance.as_actor(_PROGRAM).batches.store(BatchCommit(0, (finding,), ()))


def close(governance: Governance, code: str = "", note: str = "Over by itself.") -> int:
    """Close the alerts of a code that are still open, or of all; returns how many.

    Raises:
        StoreError: The database cannot be written.
    """
    wanted = AlertFilter(
        text=f'"{_rule(code)}"' if code else "", statuses=_OPEN, detectors=(DETECTOR,)
    )
    alerts = governance.as_actor(_PROGRAM).alerts
    return alerts.close_matching(wanted, Disposition.BENIGN, note)


def _rule(code: str) -> str:
    return f"{DETECTOR}.{code}"
