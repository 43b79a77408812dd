"""What every page is given: the desk, and what a page is."""

import logging
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from soc_copilot.domain.alerts import AlertCounts
from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.workers import JobRunner

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

logger = logging.getLogger(__name__)


class Desk(QObject):
    """The services that pages share. Lives on the GUI thread; a page never makes its own.

    Attributes:
        reader: For one indexed page read at a time on the GUI thread (under 10 ms), and
            nothing that writes; everything else goes through `jobs`.
        jobs: Runs a function with a Governance on a worker thread.
        theme: Colours by role, fonts, icons.
        actions: Every action; a page binds its own.
        times: How times are written.
    """

    summary_arrived = Signal(object)  # list[BatchSummary], drained ten times a second
    alerts_changed = Signal()  # at most twice a second
    counts_changed = Signal(object)  # AlertCounts, for tiles and badges
    beat_arrived = Signal(object)  # SessionBeat twice a second while ingestion runs
    sources_changed = Signal()  # the list of sources differs: read it again
    killswitch_changed = Signal(object)  # KillSwitchState
    disk_changed = Signal(object)  # DiskState, on every change
    ingestion_changed = Signal(str)  # "stopped", "starting", "running", "stopping", "halted"
    setting_changed = Signal(str, object)  # key and value of a setting just stored here
    message = Signal(str, str, str)  # level ("info", "ok", "warning", "error"), text, details
    page_requested = Signal(str, object)  # page name, dict of arguments
    start_requested = Signal()
    stop_requested = Signal()
    replay_requested = Signal(float)  # speed

    def __init__(
        self,
        reader: "Governance",
        jobs: JobRunner,
        theme: Theme,
        actions: ActionTable,
        times: TimeFormat,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.reader, self.jobs, self.theme = reader, jobs, theme
        self.actions, self.times = actions, times
        self._killswitch = KillSwitchState(engaged=False)
        self._ingestion = "stopped"
        self._counts = AlertCounts(0, (0, 0, 0, 0, 0))

    @property
    def counts(self) -> AlertCounts:
        """Alerts by severity, as last seen."""
        return self._counts

    def set_counts(self, counts: AlertCounts) -> None:
        """Take new counts; tells everyone that alerts changed, even when the sums did not."""
        self._counts = counts
        self.counts_changed.emit(counts)
        self.alerts_changed.emit()

    @property
    def killswitch(self) -> KillSwitchState:
        """The state last seen, at most a quarter of a second old."""
        return self._killswitch

    @property
    def ingestion(self) -> str:
        """One of "stopped", "starting", "running", "stopping", "halted"."""
        return self._ingestion

    def set_killswitch(self, state: KillSwitchState) -> None:
        """Take a state read by the watcher or just written; tells everyone on a change."""
        if state != self._killswitch:
            self._killswitch = state
            self.killswitch_changed.emit(state)

    def set_ingestion(self, state: str) -> None:
        """Take the state of ingestion; tells everyone on a change."""
        if state != self._ingestion:
            self._ingestion = state
            self.ingestion_changed.emit(state)

    def open_page(self, page: str, **args: Any) -> None:
        """Show a page and hand it arguments: `open_page("alerts", filter=AlertFilter(...))`."""
        self.page_requested.emit(page, args)

    def start_ingestion(self) -> None:
        """Read every enabled source."""
        self.start_requested.emit()

    def stop_ingestion(self) -> None:
        """Store what was read and stop."""
        self.stop_requested.emit()

    def add_source(self) -> None:
        """Open the dialog that adds a log source."""
        self.actions.trigger("sources.add")

    def start_replay(self, speed: float) -> None:
        """Play the bundled sample, `speed` times faster than real time."""
        self.replay_requested.emit(speed)

    def engage_killswitch(self, reason: str) -> None:
        """Halt all processing, with a reason; failures go to the message bar."""
        self._write_killswitch(engage=True, reason=reason)

    def release_killswitch(self, reason: str) -> None:
        """Permit processing again, with a reason; failures go to the message bar."""
        self._write_killswitch(engage=False, reason=reason)

    def error(self, text: str, details: str = "") -> None:
        """Put a problem into the message bar; fits as the `failed` of a job."""
        self.message.emit("error", text, details)

    def info(self, text: str) -> None:
        """Put a plain fact into the message bar."""
        self.message.emit("info", text, "")

    def _write_killswitch(self, *, engage: bool, reason: str) -> None:
        def write(governance: "Governance") -> KillSwitchState:
            switch = governance.kill_switch
            (switch.engage if engage else switch.release)(reason)
            return switch.state()

        self.jobs.submit(write, self.set_killswitch, self.error)


class Page(QWidget):
    """One page of the window.

    Class attributes:
        name: Its id: "alerts". The action "go.<name>" leads here.
        title: Its word in the rail.
    """

    name = ""
    title = ""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setObjectName("page")
        desk.actions.attach(self, self.name)

    def shown(self) -> None:
        """Called each time the page comes to the front: refresh here."""

    def open(self, **args: Any) -> None:
        """Called by `Desk.open_page` with its arguments, after `shown`."""

    def save_state(self) -> dict[str, str]:
        """What to remember until the next start: splitter sizes, column widths, as text."""
        return {}

    def restore_state(self, state: dict[str, str]) -> None:
        """Take back what `save_state` gave at the last exit; keys may be missing."""
