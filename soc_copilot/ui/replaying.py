"""The replay of the bundled sample: its sources, its session, and the bar that steers it."""

import logging
from typing import TYPE_CHECKING, Final

import platformdirs
from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QProgressBar, QPushButton

from soc_copilot.domain.paths import bundled
from soc_copilot.ui.context import Desk
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.widgets.labels import PlainLabel

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance
    from soc_copilot.pipeline.replay import ReplaySession

logger = logging.getLogger(__name__)

SPEEDS: Final = (1, 10, 60, 300, 1_000)
TICK_MS: Final = 200  # chosen: the bar moves five times a second
SAMPLES: Final = ("web-access.log", "auth.log")


def prepare_replay(governance: "Governance", speed: float) -> "ReplaySession":
    """Read the samples and make sure that their spool files are sources. Blocks.

    Raises:
        SocCopilotError: A sample cannot be read, or the sources cannot be stored.
    """
    from soc_copilot.pipeline.replay import ReplaySession

    if (path := governance.path) is not None:
        folder = path.with_name(f"{path.stem}.replay")  # each database has spools of its own
    else:
        folder = platformdirs.user_data_path("soc-copilot") / "replay"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pairs = [(bundled("data") / "sample" / name, folder / name) for name in SAMPLES]
    session = ReplaySession(pairs, speed)
    for sample, spool in pairs:
        spool.touch(mode=0o600)
        found = governance.sources.find(spool)
        if found is None:
            name = f"{sample.stem} sample"
            governance.sources.add("replay", spool, name=name, from_start=True)
        elif not found.enabled:
            governance.sources.set_enabled(found.id, True)
    return session


class Replay(QObject):
    """The life of a replay, as the GUI thread sees it."""

    changed = Signal()  # started, moved on, paused, ended

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.session: ReplaySession | None = None
        self._is_preparing, self._is_due = False, False
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self.tick)
        desk.replay_requested.connect(self.start)
        desk.ingestion_changed.connect(self.on_ingestion)

    @property
    def is_active(self) -> bool:
        """True from `start` to the end."""
        return self._is_preparing or self.session is not None

    @Slot(float)
    def start(self, speed: float) -> None:
        """Prepare the samples, start ingestion when it is stopped, then play."""
        if self.is_active:
            self.set_speed(speed)
            return
        self._is_preparing = True
        self.changed.emit()
        self._desk.jobs.submit_long(
            lambda governance, _: prepare_replay(governance, speed), self._prepared, self._failed
        )

    def set_speed(self, speed: float) -> None:
        """Play faster or slower from here on."""
        if self.session is not None:
            self.session.set_speed(speed)

    def toggle_pause(self) -> None:
        """Pause, or go on."""
        if self.session is not None:
            if self.session.is_paused:
                self.session.resume()
            else:
                self.session.pause()
            self.changed.emit()

    def stop(self) -> None:
        """End it here; what was played stays, and is read to its end."""
        session, self.session = self.session, None
        self._is_due = False
        self._timer.stop()
        if session is not None:
            self._desk.jobs.submit_long(lambda _governance, _control: session.stop())
        self.changed.emit()

    def join(self) -> bool:
        """Stop and wait, for the end of the program."""
        session, self.session = self.session, None
        self._timer.stop()
        return session is None or session.stop()

    @Slot()
    def tick(self) -> None:
        """Look how far it is."""
        session = self.session
        if session is None:
            return
        if session.error:
            self._desk.error(session.error)
            self.stop()
        elif session.finished:
            self._desk.message.emit("ok", f"The sample was played: {session.n_lines:,} lines.", "")
            self.stop()
        else:
            self.changed.emit()

    @Slot(str)
    def on_ingestion(self, state: str) -> None:
        """Play once somebody reads; pause while the kill switch holds everything."""
        if state in {"running", "halted"} and self._is_due:
            self._play()
        elif state == "stopped" and self.session is not None and not self._is_due:
            self.stop()

    def _prepared(self, session: "ReplaySession") -> None:
        self._is_preparing = False
        self.session, self._is_due = session, True
        self._desk.sources_changed.emit()
        if self._desk.ingestion in {"running", "halted"}:
            self._play()
        else:
            self._desk.start_ingestion()
        self._timer.start()
        self.changed.emit()

    def _play(self) -> None:
        session, self._is_due = self.session, False
        if session is not None:
            self._desk.jobs.submit_long(
                lambda _governance, _control: session.start(), None, self._failed
            )

    def _failed(self, text: str) -> None:
        self._is_preparing = False
        self.stop()
        self._desk.error(text)


class ReplayBar(QFrame):
    """Progress, speed, pause and stop; visible while a replay runs."""

    def __init__(self, theme: Theme, replay: Replay) -> None:
        super().__init__()
        self.setObjectName("messagebar")
        self._theme, self._replay = theme, replay
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID, 6, 6, 6)
        row.setSpacing(GRID)
        self.text = PlainLabel("Replaying the sample", "strong")
        self.count = PlainLabel("", "muted")
        self.bar = QProgressBar()
        self.bar.setRange(0, 1_000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Replay progress")
        self.speed = QComboBox()
        self.speed.setAccessibleName("Replay speed")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:,}x", float(speed))
        self.speed.activated.connect(self._set_speed)
        self.pause = QPushButton("Pause")
        self.pause.clicked.connect(replay.toggle_pause)
        self.stop = QPushButton("Stop replay")
        self.stop.clicked.connect(replay.stop)
        row.addWidget(self.text)
        row.addWidget(self.bar, 1)
        row.addWidget(self.count)
        for control in (self.speed, self.pause, self.stop):
            row.addWidget(control)
        replay.changed.connect(self.refresh)
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show how far the replay is."""
        self.setVisible(self._replay.is_active)
        session = self._replay.session
        ready = session is not None
        for control in (self.speed, self.pause, self.stop):
            control.setEnabled(ready)
        if session is None:
            self.bar.setValue(0)
            self.count.setText("Reading the sample…")
            return
        self.bar.setValue(round(session.progress * 1_000))
        self.count.setText(f"{session.n_written:,} of {session.n_lines:,} lines")
        self.pause.setText("Resume" if session.is_paused else "Pause")
        nearest = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - session.speed))
        if not self.speed.view().isVisible():
            self.speed.setCurrentIndex(nearest)

    def _set_speed(self, place: int) -> None:
        self._replay.set_speed(float(SPEEDS[place]))
