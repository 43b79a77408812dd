"""Replay of a series as if its hours arrived now, at any speed."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from soc_copilot.detection.load.series import HOUR_S, Series
from soc_copilot.domain.errors import SourceError

MIN_SPEED: Final = 1.0
MAX_SPEED: Final = 1000.0
AS_FAST_AS_POSSIBLE: Final = 0.0
_NAP_S: Final = 0.2  # chosen: how soon a pause, a seek or a new speed is noticed


@dataclass(frozen=True, slots=True)
class Arrival:
    """One hour of a replay.

    Attributes:
        index: Row of the series, in order of time.
        slot: Hour of its axis, from 0 on.
        time: As written in the file.
        value: NaN where the row has no number.
        n_missing: Hours of the axis between the row before and this one that have no row.
        is_repeated: Whether the row before has the same hour: a doubled hour or a duplicate.
    """

    index: int
    slot: int
    time: str
    value: float
    n_missing: int
    is_repeated: bool


class DataStreamSimulator:
    """Hand out a series row by row.

    Rows come in order of time. Where the axis has hours without a row, and where the clocks went
    forward, the wait before the next row is as long as the hours that are skipped; two rows of
    one hour come at once. At the end there is no error: `get_next_hour` returns None.

    Thread:
        Any; `pause`, `resume`, `seek`, `stop` and `speed` may be called while another streams.
    """

    def __init__(
        self,
        series: Series,
        speed: float = AS_FAST_AS_POSSIBLE,
        start_index: int = 0,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        """Begin at a row.

        Args:
            series: What is replayed.
            speed: Hours of the series per hour, 1 to 1000; 0: as fast as possible.
            start_index: First row.
            sleep: Waits for seconds; the clock's own by default.

        Raises:
            SourceError: The speed or the index is out of range.
        """
        self._series = series
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._running.set()
        self._stopped = threading.Event()
        self._sleep = sleep or self._wait
        self._next = 0
        self.speed = speed
        self.seek(start_index)

    def __len__(self) -> int:
        return len(self._series.row_slots)

    @property
    def speed(self) -> float:
        """Hours of the series per hour; 0: as fast as possible."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        if speed != AS_FAST_AS_POSSIBLE and not MIN_SPEED <= speed <= MAX_SPEED:
            raise SourceError(
                f"A replay runs at {MIN_SPEED:g} to {MAX_SPEED:g} times, or at 0: as fast as "
                f"possible; not at {speed:g}."
            )
        self._speed = speed

    @property
    def is_paused(self) -> bool:
        """Whether it waits for `resume`."""
        return not self._running.is_set()

    def pause(self) -> None:
        """Hold the stream before the next row."""
        self._running.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._running.set()

    def stop(self) -> None:
        """End the stream, also a paused one."""
        self._stopped.set()
        self._running.set()

    def seek(self, index: int) -> None:
        """Go on with another row; `len(self)` is the end.

        Raises:
            SourceError: There is no such row.
        """
        if not 0 <= index <= len(self):
            raise SourceError(f"There is no row {index}; the series has {len(self)}.")
        with self._lock:
            self._next = index

    def get_next_hour(self) -> Arrival | None:
        """The next row, without waiting; None at the end."""
        with self._lock:
            index = self._next
            if index >= len(self):
                return None
            self._next = index + 1
        slots = self._series.row_slots
        moved = int(slots[index] - slots[index - 1]) if index else 1
        return Arrival(
            index, int(slots[index]), self._series.row_times[index],
            float(self._series.row_values[index]), max(moved - 1, 0), index > 0 and moved == 0,
        )  # fmt: skip

    def get_current_time(self) -> datetime | None:
        """The hour of the row that was handed out last, on the series' clock; None before."""
        with self._lock:
            index = self._next - 1
        if index < 0 or not len(self):
            return None
        hour = self._series.start + int(self._series.row_slots[index])
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)

    def get_progress(self) -> float:
        """Share of the rows that were handed out, in [0, 1]."""
        with self._lock:
            return self._next / len(self) if len(self) else 1.0

    def stream(self) -> Iterator[Arrival]:
        """Hand out row after row at the speed that is set, until the end or `stop`."""
        while not self._stopped.is_set():
            self._running.wait()
            if self._stopped.is_set() or (wait_s := self._wait_s()) is None:
                return
            at = self._next
            if not self._rest(wait_s, at):
                continue
            arrival = self.get_next_hour()
            if arrival is None:
                return
            yield arrival

    def _wait_s(self) -> float | None:
        """Seconds before the next row at the speed that is set; None at the end."""
        with self._lock:
            index = self._next
        if index >= len(self):
            return None
        if self._speed == AS_FAST_AS_POSSIBLE or index == 0:
            return 0.0
        slots = self._series.row_slots
        return float(slots[index] - slots[index - 1]) * HOUR_S / self._speed

    def _rest(self, wait_s: float, at: int) -> bool:
        """Wait in short naps; False when something changed meanwhile."""
        speed = self._speed
        while wait_s > 0:
            nap = min(wait_s, _NAP_S)
            self._sleep(nap)
            wait_s -= nap
            if self._stopped.is_set() or self.is_paused or self._next != at:
                return False
            if self._speed != speed:
                return False
        return True

    def _wait(self, seconds: float) -> None:
        if not self._stopped.wait(seconds):
            time.sleep(0)
