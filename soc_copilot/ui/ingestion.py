"""Start and stop ingestion, and hand what it stored to the window ten times a second."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from soc_copilot.domain.governance import KillSwitchState, SourceRow
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.ui.context import Desk
from soc_copilot.ui.ingest_worker import (
    JOIN_MS,
    IngestWorker,
    Session,
    SessionBeat,
    WorkerThread,
)

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

logger = logging.getLogger(__name__)

DRAIN_MS = 100  # ten times a second: faster is not seen, slower feels late


class Ingestion(QObject):
    """The life of the ingestion thread, as the GUI thread sees it.

    Signals go out through the desk: `ingestion_changed`, `summary_arrived`, `message`.

    Args:
        desk: Whose state follows.
        make_session: Called on the ingestion thread; returns a session not yet opened.
    """

    def __init__(self, desk: Desk, make_session: Callable[[], Session]) -> None:
        super().__init__(desk)
        self._desk, self._make_session = desk, make_session
        self._thread: WorkerThread | None = None
        self._pending: list[BatchSummary] = []
        self._stalled: list[WorkerThread] = []  # kept, because Qt aborts on a lost running thread
        self._start_again = False
        self._stored = 0
        self._trouble = ""
        self._read: dict[int, SourceRow] = {}  # what the session was asked to read
        self._opened: frozenset[int] = frozenset()  # ids that it read from its start
        self._timer = QTimer(self)
        self._timer.setInterval(DRAIN_MS)
        self._timer.timeout.connect(self.drain)
        desk.killswitch_changed.connect(self.on_killswitch)
        desk.start_requested.connect(self.start)
        desk.stop_requested.connect(self.stop)
        desk.sources_changed.connect(self.follow_sources)

    @property
    def is_active(self) -> bool:
        """True from `start` until the thread has ended."""
        return self._thread is not None

    @Slot()
    def start(self) -> None:
        """Open a session on its own thread; while one is stopping, start after it."""
        if self._thread is not None:
            self._start_again = self._desk.ingestion == "stopping"
            return
        worker = IngestWorker(self._make_session)
        worker.opened.connect(self.on_opened)
        worker.batch_stored.connect(self.on_batch)
        worker.beat.connect(self.on_beat)
        worker.failed.connect(self.on_failed)
        worker.finished.connect(self.on_finished)
        self._thread = WorkerThread(worker)
        self._stored, self._start_again = 0, False
        self._read, self._opened = {}, frozenset()
        self._desk.set_ingestion("starting")
        self._thread.start()
        self._timer.start()

    @Slot()
    def stop(self) -> None:
        """Store what was read and stop; `ingestion_changed("stopped")` follows."""
        if self._thread is not None:
            self._start_again = False
            self._desk.set_ingestion("stopping")
            self._thread.worker.request_stop()

    def restart(self) -> None:
        """Store what was read, stop, and start again with the settings as they are now."""
        if self._thread is not None:
            self.stop()
            self._start_again = True

    def join(self, timeout_ms: int = JOIN_MS) -> bool:
        """Stop and wait, for the end of the program; False when the thread is still busy."""
        thread, self._thread = self._thread, None
        self._timer.stop()
        if thread is None:
            return True
        if thread.join(timeout_ms):
            return True
        logger.error("The ingestion thread is still busy. waited_ms=%s", timeout_ms)
        self._stalled.append(thread)
        return False

    @Slot()
    def follow_sources(self) -> None:
        """Let the running session read what the list of sources now says."""
        if self._thread is not None and self._desk.ingestion in {"running", "halted"}:
            self._desk.jobs.submit(_enabled_sources, self._reconcile, self._desk.error)

    def _reconcile(self, wanted: tuple[SourceRow, ...]) -> None:
        if self._thread is None:
            return
        worker, rows = self._thread.worker, {row.id: row for row in wanted}
        for source_id, row in list(self._read.items()):
            now = rows.get(source_id)
            if now is None or (now.format, now.options) != (row.format, row.options):
                worker.remove_source(source_id)
                del self._read[source_id]
        for source_id, row in rows.items():
            if source_id not in self._read:
                if source_id not in self._opened:
                    worker.add_source(row)
                self._read[source_id] = row
        self._opened = frozenset()

    @Slot(object)
    def on_opened(self, opened: frozenset[int]) -> None:
        """The session reads: running, or halted while the kill switch is engaged."""
        self._opened = opened
        if self._desk.ingestion == "starting":
            self._desk.set_ingestion("halted" if self._desk.killswitch.engaged else "running")
            self.follow_sources()

    @Slot(object)
    def on_batch(self, summary: BatchSummary) -> None:
        """Only note it; `drain` hands it on."""
        self._pending.append(summary)

    @Slot()
    def drain(self) -> None:
        """Hand what came since the last time to the desk, as one list."""
        if self._pending:
            batch, self._pending = self._pending, []
            self._stored += sum(summary.n_events for summary in batch)
            self._desk.summary_arrived.emit(batch)

    @Slot(object)
    def on_beat(self, beat: SessionBeat) -> None:
        """Pass the beat on; a new trouble goes to the message bar once."""
        if beat.trouble and beat.trouble != self._trouble:
            self._desk.message.emit("warning", beat.trouble, "")
        self._trouble = beat.trouble
        self._desk.beat_arrived.emit(beat)

    @Slot(str)
    def on_failed(self, text: str) -> None:
        """Ingestion ended by itself: say why."""
        self._desk.error(text)

    @Slot()
    def on_finished(self) -> None:
        """The worker is done: join its thread, say so, start again when that was asked."""
        thread, self._thread = self._thread, None
        if thread is not None and not thread.join():
            self._stalled.append(thread)
        self._timer.stop()
        self.drain()
        asked = self._desk.ingestion == "stopping"
        self._desk.set_ingestion("stopped")
        if asked and not self._start_again:
            lines = "1 line" if self._stored == 1 else f"{self._stored:,} lines"
            self._desk.message.emit("ok", f"Ingestion stopped. {lines} stored; nothing waits.", "")
        if self._start_again:
            self.start()

    @Slot(object)
    def on_killswitch(self, state: KillSwitchState) -> None:
        """Show halted while engaged; processing itself reads the switch from the database."""
        if self._desk.ingestion == "running" and state.engaged:
            self._desk.set_ingestion("halted")
        elif self._desk.ingestion == "halted" and not state.engaged:
            self._desk.set_ingestion("running")


def _enabled_sources(governance: "Governance") -> tuple[SourceRow, ...]:
    return tuple(row for row in governance.sources.list() if row.enabled)
