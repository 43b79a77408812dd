"""A series in a file, played through the load detector on a thread of its own."""

import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from soc_copilot.detection.load.detector import RealTimeDetector, Shared
from soc_copilot.detection.load.drift import AFTER_HOURS, drift_of, spared
from soc_copilot.detection.load.features import WEEK
from soc_copilot.detection.load.findings import interval_of, row_of
from soc_copilot.detection.load.injection import Attack, check, profile
from soc_copilot.detection.load.monitor import Performance, PerformanceMonitor
from soc_copilot.detection.load.scoring import CONTEXT_HOURS, ENDING
from soc_copilot.detection.load.series import Series, clock, is_left_out
from soc_copilot.detection.load.series import read as read_series
from soc_copilot.detection.load.simulator import AS_FAST_AS_POSSIBLE, Arrival, DataStreamSimulator
from soc_copilot.domain.errors import SocCopilotError, SourceError
from soc_copilot.domain.load import Trace, extend

logger = logging.getLogger(__name__)

NICE: Final = 10  # chosen: as ingestion, so that the window goes first
FIGURES_S: Final = 0.3  # chosen: how often figures are made anew
HISTORY_HOURS: Final = 8_784  # chosen: a year is history where the file has two
_PLAIN: Final = "value"  # a column whose name tells nothing
JOIN_S: Final = 10.0  # chosen: an hour takes well under a millisecond


@dataclass(frozen=True, slots=True)
class Opened:
    """A series as a person wants it played.

    Attributes:
        path: The file.
        series: What was read.
        unit: Of its values.
        shift: Hours from a stamp to where its hour begins.
        context: Hours that are history.
    """

    path: Path
    series: Series
    unit: str
    shift: int
    context: int


def open_series(
    path: Path, time_column: str = "", value_column: str = "", unit: str = "", shift: int = ENDING
) -> Opened:
    """Read a file for a replay. Blocks.

    Raises:
        SourceError: It cannot be read, or is too short to begin with.
    """
    series = read_series(path, time_column or None, value_column or None)
    if any(note.kind == "resampled" for note in series.notes):
        n = len(series.values)
        series = replace(
            series, row_slots=np.arange(n), row_values=series.values,
            row_times=tuple(clock(series.start + slot) for slot in range(n)),
        )  # fmt: skip
    series = replace(series, name=path.name.split(".")[0] or path.name)
    if value_column and value_column != _PLAIN:
        series = replace(series, name=f"{series.name} {value_column}")
    return Opened(path, series, unit, shift, history_of(series))


def history_of(series: Series) -> int:
    """Hours at the beginning that are taken for history.

    Raises:
        SourceError: There is not one hour left after a week of them.
    """
    n = len(series.values)
    if n <= WEEK + 1:
        raise SourceError(
            f'"{series.name}" holds {n} hours; a replay needs more than the {WEEK} of the first '
            "week, which are history."
        )
    if n >= 2 * HISTORY_HOURS:
        return HISTORY_HOURS
    return CONTEXT_HOURS if n > 2 * CONTEXT_HOURS else WEEK


class LoadReplay:
    """Plays a series: start, pause, seek, speed; attacks may be put in as an exercise.

    What comes out does not depend on the speed, on pauses or on where a person went in
    between: going back begins anew and hurries to the place, going forward hurries there.

    Args:
        opened: What is played.
        make_shared: Gives the model; called on the replay's thread.
        speed: Hours of the series per hour, 1 to 1000; 0: as fast as possible.

    Thread:
        `trace` is written by the replay's thread; everything else may be called from any.
    """

    def __init__(
        self,
        opened: Opened,
        make_shared: Callable[[], Shared],
        speed: float = AS_FAST_AS_POSSIBLE,
        *,
        key: str = "",
    ) -> None:
        self.opened = opened
        series = opened.series
        start = series.start + opened.shift
        self.trace = Trace(
            key or str(opened.path), series.name, opened.unit, start, len(series.values)
        )
        self.trace.fill("value", start, series.values[: opened.context])
        self.figures: Performance | None = None
        self.reasons: tuple[str, ...] = ()
        self.version = ""
        self.error = ""
        self.is_over = False
        self._make_shared, self._shared = make_shared, None
        self._speed, self._paused = speed, False
        self._lock = threading.Lock()
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._attacks: tuple[Attack, ...] = ()
        self._factors = np.ones(len(series.values))
        self._first = int(np.searchsorted(series.row_slots, opened.context))
        self._row = self._first
        self._until, self._anew = self._first, True
        self._simulator: DataStreamSimulator | None = None
        self._monitor = PerformanceMonitor()
        self._detector: RealTimeDetector | None = None
        self._expected = opened.context
        self._figures_at = 0.0
        self._thread = threading.Thread(target=self._run, name="load-replay", daemon=True)

    _shared: Shared | None

    # -- for the window

    def start(self) -> None:
        """Begin on a thread of its own."""
        self._thread.start()

    @property
    def speed(self) -> float:
        """Hours of the series per hour; 0: as fast as possible."""
        return self._speed

    def set_speed(self, speed: float) -> None:
        """Go on faster or slower."""
        with self._lock:
            self._speed = speed
            if self._simulator is not None:
                self._simulator.speed = speed

    @property
    def is_paused(self) -> bool:
        """Whether it waits for `resume`."""
        return self._paused

    def pause(self) -> None:
        """Hold before the next hour."""
        with self._lock:
            self._paused = True
            if self._simulator is not None:
                self._simulator.pause()

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            self._paused = False
            if self._simulator is not None:
                self._simulator.resume()

    @property
    def progress(self) -> float:
        """Share of the hours after the history that were played, in [0, 1]."""
        whole = len(self.opened.series.values) - self.opened.context
        return (self.trace.n - self.opened.context) / max(whole, 1)

    @property
    def target(self) -> int:
        """The hour that it hurries to, since 1970; the next one where it hurries nowhere."""
        until, slots = self._until, self.opened.series.row_slots
        if not self._wake.is_set() and self._row >= until:
            return self.trace.end
        slot = int(slots[until]) if until < len(slots) else len(self._factors)
        return self.trace.start + slot

    @property
    def place(self) -> float:
        """Where a person wants to be, as a share like `progress`; the same when it is there."""
        whole = len(self.opened.series.values) - self.opened.context
        return (self.target - self.trace.start - self.opened.context) / max(whole, 1)

    def seek(self, hour: int) -> None:
        """Go to an hour, since 1970: what lies before it is judged at once."""
        with self._lock:
            self._go_to(hour)

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """What was put in, as an exercise; starts count from the file's first hour."""
        return self._attacks

    def inject(self, template: str, size: float, hour: int, n_hours: int) -> Attack:
        """Put an attack into the values, as an exercise; hours judged already are judged anew.

        Args:
            template: Which course.
            size: Share by which its strongest hour is changed.
            hour: First hour, since 1970.
            n_hours: Duration.

        Raises:
            SourceError: It is longer or larger than exercises may be, or not within the hours
                that are judged.
        """
        slot = hour - self.trace.start
        attack = Attack(template, slot, n_hours, size, seed=slot)
        check(attack, len(self._factors))
        if slot < self.opened.context:
            raise SourceError("An exercise cannot begin in the history that the forecast is from.")
        with self._lock:
            now = self.target
            self._attacks = (*self._attacks, attack)
            self._shape()
            if slot < now - self.trace.start:
                self._go_to(now)
        return attack

    def clear(self) -> None:
        """Take every exercise out again; hours that had one are judged anew."""
        with self._lock:
            had, now = any(one.start < self.trace.n for one in self._attacks), self.target
            self._attacks = ()
            self._shape()
            if had:
                self._go_to(now, anew=True)

    def stop(self) -> bool:
        """End it and wait; False when its thread is still busy."""
        self._stopped.set()
        self._interrupt()
        if self._thread.ident is not None:
            self._thread.join(JOIN_S)
        return not self._thread.is_alive()

    # -- the thread

    def _shape(self) -> None:
        factors = np.ones(len(self._factors))
        for one in self._attacks:
            factors[one.start : one.end] *= 1 + one.size * profile(
                one.template, one.n_hours, one.seed
            )
        self._factors = factors

    def _go_to(self, hour: int, *, anew: bool = False) -> None:
        """Under the lock: say where to go, and end what runs."""
        slot = min(max(hour - self.trace.start, self.opened.context), len(self._factors))
        row = int(np.searchsorted(self.opened.series.row_slots, slot))
        touched = any(one.start < self.trace.n for one in self._attacks)
        self._anew = self._anew or anew or touched or row < self._row
        self._until = row
        self._interrupt()

    def _interrupt(self) -> None:
        self._wake.set()
        if self._simulator is not None:
            self._simulator.stop()

    def _run(self) -> None:
        _yield_to_the_window()
        try:
            self._shared = self._make_shared()
            self.version = self._shared.model.version
            while not self._stopped.is_set():
                self._play()
        except SocCopilotError as error:
            self.error = str(error)
        except Exception as error:
            logger.exception("A replay of a series ended.")
            self.error = f"The replay ended: {type(error).__name__}: {error}"
        self.is_over = True

    def _play(self) -> None:
        """Hurry to where a person wants to be, then stream until something changes."""
        with self._lock:
            anew, until, self._anew = self._anew, self._until, False
            if anew:
                self._row = self._first  # said before it is so: `target` looks at it
            self._wake.clear()
            self.is_over = False
        if anew:
            self._begin()
        series = self.opened.series
        if self._row < until:
            hurry = DataStreamSimulator(series, AS_FAST_AS_POSSIBLE, self._row)
            while self._row < until and not self._wake.is_set() and not self._stopped.is_set():
                if (row := hurry.get_next_hour()) is None:
                    break
                self._take(row)
        self._show_figures()
        with self._lock:
            if self._wake.is_set() or self._stopped.is_set():
                return
            self._simulator = DataStreamSimulator(series, self._speed, self._row)
            if self._paused:
                self._simulator.pause()
        for row in self._simulator.stream():
            self._take(row)
        with self._lock:
            self._simulator = None
            if not self._wake.is_set():
                self._until = self._row
        if self._row >= len(series.row_slots):
            self._show_figures()
            self.is_over = not self._wake.is_set()
            self._wake.wait()

    def _begin(self) -> None:
        assert self._shared is not None, "the model is loaded first"  # noqa: S101 - our mistake
        series, context = self.opened.series, self.opened.context
        self.trace.cut(self.trace.start + context)
        self.reasons = ()
        self._detector = RealTimeDetector(self._shared)
        self._detector.initialise(series.values[:context], self.trace.start)
        self._row, self._expected = self._first, context

    def _take(self, row: Arrival) -> None:
        for slot in range(self._expected, row.slot):
            self._judge(slot, math.nan)
        if row.slot >= self._expected:  # another row of the same hour: the first one counts
            self._judge(row.slot, row.value * float(self._factors[row.slot]))
            self._expected = row.slot + 1
        self._row = row.index + 1
        if (now := time.monotonic()) >= self._figures_at:
            self._figures_at = now + FIGURES_S
            self._show_figures()

    def _judge(self, slot: int, value: float) -> None:
        detector, trace = self._detector, self.trace
        assert detector is not None, "a replay begins with a history"  # noqa: S101 - our mistake
        with self._monitor.measure():
            verdict = detector.step(value)
        is_exercise = self._factors[slot] != 1.0
        row = row_of(verdict, is_exercise=is_exercise)
        if not math.isfinite(value) and is_left_out(self.opened.series.start + slot):
            row = replace(row, odd=0)  # the clocks went forward: no hour is missing
        if (found := interval_of(verdict, is_exercise=is_exercise)) is not None:
            intervals, joined = extend(trace.intervals, found)
            marked = self._is_of_exercise(joined.first - trace.start, slot)
            trace.intervals = (*intervals[:-1], replace(joined, is_exercise=marked))
            self.reasons = found.words
        elif not trace.intervals or trace.intervals[-1].last < verdict.hour - 1:
            self.reasons = ()
        trace.put(row)

    def _is_of_exercise(self, first: int, last: int) -> bool:
        """Whether an exercise lies in these hours, or ended within a day before.

        What was seen of it makes its end look like a change the other way.
        """
        return any(one.start <= last and first < one.end + AFTER_HOURS for one in self._attacks)

    def _show_figures(self) -> None:
        trace, context = self.trace, self.opened.context
        columns = trace.columns
        low = trace.start + context
        left_out = spared(
            trace.n - context, trace.grades[context : trace.n] > 0,
            ((one.first - low, one.last + 1 - low) for one in trace.intervals),
            ((one.start - context, one.end - context) for one in self._attacks),
        )  # fmt: skip
        drift = drift_of(
            columns["value"][context : trace.n], columns["forecast"][context : trace.n], left_out
        )
        self.figures = self._monitor.read(drift)


def _yield_to_the_window() -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
