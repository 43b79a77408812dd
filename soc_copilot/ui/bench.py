"""How smoothly the window runs while the pipeline works as fast as it can."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEventLoop, QObject, Qt, QTimer, Slot

from soc_copilot.domain.governance import Actor
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.bench import make_access_log
from soc_copilot.ui.context import Desk

TICK_MS = 10  # the timer whose lateness is measured
PAGE_MS = 2_000  # chosen: another page comes to the front as often as a busy person turns them
BLOCK_LINES = 200_000  # chosen: lines made; the file repeats them
LINES_PER_S = 150_000  # chosen: more than the pipeline can do, so that it never runs dry
START_LIMIT_S = 120.0
PAGES = ("overview", "alerts", "events", "sources", "host", "governance", "settings")


class Desktop(Protocol):
    """The running desktop, as far as the benchmark needs it; app.Desktop is one."""

    desk: Desk | None

    def start(self) -> None:
        """Show the window and open the database."""
        ...

    def shut_down(self) -> None:
        """Store, join, close."""
        ...


@dataclass(frozen=True, slots=True)
class WindowFigures:
    """Delay of a 10 ms timer of the GUI thread, milliseconds beyond the 10.

    Attributes:
        ticks: Times that the timer fired while events came in.
        start_max_ms: Worst delay from the start of ingestion to its first batch, while
            models are loaded.
        over_50_ms: Delays of more than 50 ms.
    """

    seconds: float
    events_per_s: float
    ticks: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    over_50_ms: int
    start_max_ms: float

    def to_json(self) -> dict[str, float]:
        """The figures as JSON takes them."""
        return asdict(self)


class Probe(QObject):
    """Notes when a 10 ms timer of the GUI thread really fires."""

    def __init__(self) -> None:
        super().__init__()
        self.ticks_s: list[float] = []
        self.n_events = 0
        self.first_event_s = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.on_tick)

    def start(self) -> None:
        """Begin to tick."""
        self.ticks_s.append(time.perf_counter())
        self._timer.start(TICK_MS)

    def stop(self) -> None:
        """Tick no more."""
        self._timer.stop()

    @Slot()
    def on_tick(self) -> None:
        """Note the time."""
        self.ticks_s.append(time.perf_counter())

    @Slot(object)
    def on_summaries(self, summaries: list[BatchSummary]) -> None:
        """Count what was stored."""
        if not self.first_event_s:
            self.first_event_s = time.perf_counter()
        self.n_events += sum(summary.n_events for summary in summaries)

    def delays_ms(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Delays before and after the first event, float64, milliseconds beyond the 10."""
        ticks = np.array(self.ticks_s)
        delays = np.maximum(np.diff(ticks) * 1e3 - TICK_MS, 0.0)
        is_live = ticks[1:] > (self.first_event_s or np.inf)
        return delays[~is_live], delays[is_live]


def bench_window(make_desktop: Callable[[str], Desktop], seconds: float) -> WindowFigures:
    """Ingest as fast as possible into a window and measure how late its timer is.

    Args:
        make_desktop: Builds the desktop on a database; a QApplication exists.
        seconds: How long events come in.

    Thread:
        The GUI thread; runs an event loop of its own.
    """
    with tempfile.TemporaryDirectory(prefix="soc-copilot-bench-") as folder:
        former = os.environ.get("SOC_COPILOT_HOME")
        os.environ["SOC_COPILOT_HOME"] = folder
        try:
            database = _prepare(Path(folder), seconds)
            desktop = make_desktop(str(database))
            try:
                return _measure(desktop, seconds)
            finally:
                desktop.shut_down()
        finally:
            if former is None:
                del os.environ["SOC_COPILOT_HOME"]
            else:
                os.environ["SOC_COPILOT_HOME"] = former


def _prepare(folder: Path, seconds: float) -> Path:
    """A database with one source that holds more lines than can be read in the time."""
    block, log, database = folder / "block.log", folder / "access.log", folder / "governance.db"
    make_access_log(block, BLOCK_LINES, 0.15)
    with log.open("wb") as out:
        for _ in range(int(seconds * LINES_PER_S / BLOCK_LINES) + 1):
            with block.open("rb") as part:
                shutil.copyfileobj(part, out)
    with Governance.open(database, actor=Actor("bench", "window")) as governance:
        governance.sources.add("file", str(log), from_start=True)
    return database


def _measure(desktop: Desktop, seconds: float) -> WindowFigures:
    desktop.start()
    _wait(lambda: desktop.desk is not None)
    desk = desktop.desk
    if desk is None:
        raise RuntimeError("The window did not open its database.")
    probe = Probe()
    desk.summary_arrived.connect(probe.on_summaries)
    _rest(2_000)  # the pages are built and torch is loaded before a person presses Start
    probe.start()
    desk.start_ingestion()
    _wait(lambda: probe.first_event_s > 0)
    turn = 0
    while time.perf_counter() - probe.first_event_s < seconds:
        desk.open_page(PAGES[turn % len(PAGES)])
        turn += 1
        left_ms = (seconds - (time.perf_counter() - probe.first_event_s)) * 1e3
        _rest(int(max(min(PAGE_MS, left_ms), 1)))
    probe.stop()
    took = time.perf_counter() - probe.first_event_s
    before, live = probe.delays_ms()
    return WindowFigures(
        seconds=took,
        events_per_s=probe.n_events / took,
        ticks=len(live),
        p50_ms=float(np.percentile(live, 50)),
        p99_ms=float(np.percentile(live, 99)),
        max_ms=float(live.max()),
        over_50_ms=int((live > 50).sum()),
        start_max_ms=float(before.max(initial=0.0)),
    )


def _rest(ms: int) -> None:
    """Let the event loop run for a while."""
    loop = QEventLoop()
    QTimer.singleShot(ms, loop.quit)
    loop.exec()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"The window is not ready after {START_LIMIT_S:g} s.")
        _rest(20)
