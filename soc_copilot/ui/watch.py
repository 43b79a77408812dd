"""Looks at the database for the window: kill switch, changed alerts, counts, size."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.domain.governance import DiskState, KillSwitchState

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

logger = logging.getLogger(__name__)

POLL_S = 0.25  # four times a second: another process's kill switch shows within a second
ALERTS_EVERY = 2  # polls: alerts are asked for twice a second at most
SIZE_EVERY = 16  # polls: every four seconds
EXPIRED_EVERY = 4  # polls: every second, so that the end of a suppression is soon told
DISK_EVERY = 4  # polls: every second, so that a full disk is soon explained
JOIN_MS = 5_000


class _Watcher(QObject):
    killswitch = Signal(object)  # KillSwitchState, on every change
    alerts = Signal(object)  # AlertCounts, on every change
    size = Signal(object)  # bytes of the database; int would be 32 bits
    disk = Signal(object)  # DiskState, when it fills up, changes while full, or has room again
    expired = Signal(object)  # Suppression, when it ran out
    finished = Signal()

    def __init__(self, opener: "Callable[[], Governance]") -> None:
        super().__init__()
        self._opener, self._stop = opener, threading.Event()
        self._token = -1
        self._state: KillSwitchState | None = None
        self._size = -1
        self._began, self._told = utc_now(), set[int]()  # suppressions whose end was told
        self._disk: DiskState | None = None

    def request_stop(self) -> None:
        self._stop.set()

    @Slot()
    def run(self) -> None:
        try:
            self._watch()
        except Exception:
            logger.exception("The watcher stopped; the kill switch counts as engaged.")
            self.killswitch.emit(
                KillSwitchState(engaged=True, reason="It is no longer watched.", readable=False)
            )
        finally:
            self.finished.emit()

    def _watch(self) -> None:
        governance = self._opener()
        try:
            turn = 0
            while not self._stop.is_set():
                self._look(governance, turn)
                turn += 1
                self._stop.wait(POLL_S)
        finally:
            governance.close()

    def _look(self, governance: "Governance", turn: int) -> None:
        state = governance.kill_switch.state()
        if state != self._state:
            self._state = state
            self.killswitch.emit(state)
        try:
            if turn % ALERTS_EVERY == 0:
                token, _ = governance.alerts.changed_since(self._token)
                if token != self._token:
                    self._token = token
                    self.alerts.emit(governance.alerts.counts())
            if turn % EXPIRED_EVERY == 0:
                self._look_for_ends(governance)
            if turn % SIZE_EVERY == 0 and governance.path is not None:
                size = governance.path.stat().st_size
                if size != self._size:
                    self._size = size
                    self.size.emit(size)
            if turn % DISK_EVERY == 0:
                self._look_at_disk(governance.disk_state())
        except (SocCopilotError, OSError):
            logger.warning("Cannot look at the alerts; trying again.", exc_info=True)

    def _look_for_ends(self, governance: "Governance") -> None:
        for one in governance.suppressions.ran_out(self._began):
            if one.id not in self._told:
                self._told.add(one.id)
                self.expired.emit(one)

    def _look_at_disk(self, state: DiskState) -> None:
        was_full = self._disk is not None and self._disk.is_full
        if (state.is_full or was_full) and state != self._disk:
            self.disk.emit(state)
        self._disk = state


class Watch(QObject):
    """Owns the watcher's thread. GUI thread only; its signals arrive there.

    Signals are forwarded by slots, because a signal connected straight to a function would
    run it on the watcher's thread.
    """

    killswitch = Signal(object)
    alerts = Signal(object)
    size = Signal(object)
    disk = Signal(object)
    expired = Signal(object)

    def __init__(self, opener: "Callable[[], Governance]", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watcher, self._thread = _Watcher(opener), QThread()
        self._thread.setObjectName("watch")
        self._watcher.moveToThread(self._thread)
        self._thread.started.connect(self._watcher.run)
        self._watcher.finished.connect(self._thread.quit, Qt.ConnectionType.DirectConnection)
        self._watcher.killswitch.connect(self.on_killswitch)
        self._watcher.alerts.connect(self.on_alerts)
        self._watcher.size.connect(self.on_size)
        self._watcher.disk.connect(self.on_disk)
        self._watcher.expired.connect(self.on_expired)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def join(self, timeout_ms: int = JOIN_MS) -> bool:
        """Stop looking and wait; False when the thread is still busy."""
        self._watcher.request_stop()
        return not self._thread.isRunning() or self._thread.wait(timeout_ms)

    @Slot(object)
    def on_killswitch(self, state: object) -> None:
        """Pass it on, on the GUI thread."""
        self.killswitch.emit(state)

    @Slot(object)
    def on_alerts(self, counts: object) -> None:
        """Pass it on, on the GUI thread."""
        self.alerts.emit(counts)

    @Slot(object)
    def on_size(self, size: int) -> None:
        """Pass it on, on the GUI thread."""
        self.size.emit(size)

    @Slot(object)
    def on_disk(self, state: object) -> None:
        """Pass it on, on the GUI thread."""
        self.disk.emit(state)

    @Slot(object)
    def on_expired(self, suppression: object) -> None:
        """Pass it on, on the GUI thread."""
        self.expired.emit(suppression)
