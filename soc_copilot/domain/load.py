"""Hours of a series as they were judged: what the window draws and the database keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.findings import Severity

Floats = npt.NDArray[np.float64]

GRADES: Final = ("normal", "low", "medium", "high", "critical")
"""Words of a verdict's severity; their places are what traces keep."""
HOLD_HOURS: Final = 3  # chosen: hours without a flag after which an interval is over
MOST_INTERVALS: Final = 2_000  # chosen: kept of one series; the oldest go first


class Odd(IntEnum):
    """What is odd about an hour's value itself."""

    NOTHING = 0
    MISSING = 1
    NOT_POSITIVE = 2
    DUPLICATE = 3
    JUMP = 4
    UNIT_CHANGE = 5


ODD_WORDS: Final = {
    Odd.MISSING: "no value",
    Odd.NOT_POSITIVE: "zero or less",
    Odd.DUPLICATE: "more than one row",
    Odd.JUMP: "ten times off",
    Odd.UNIT_CHANGE: "another unit",
}


@dataclass(frozen=True, slots=True)
class HourRow:
    """One judged hour, as it is kept.

    Attributes:
        hour: Since 1970 on the series' clock, at which it begins.
        value, forecast, lower, upper, benchmark: In the series' unit; NaN where unknown.
        score: Chance of an attack, in [0, 1].
        grade: Place in `GRADES`; 0 where the hour is not flagged.
        odd: See `Odd`.
        exercise: Whether an injected attack is in the value.
    """

    hour: int
    value: float
    forecast: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    benchmark: float = float("nan")
    score: float = 0.0
    grade: int = 0
    odd: int = 0
    exercise: bool = False


@dataclass(frozen=True, slots=True)
class LoadInterval:
    """Hours that were taken for one attack.

    Attributes:
        first: Its first hour, since 1970.
        last: Its last flagged hour so far.
        grade: The worst, a place in `GRADES`.
        deviation: The largest share off the forecast, signed.
        template: Which attack it looks like, empty when unknown.
        probability: Of that template.
        size: By which its strongest hour is changed, signed share.
        score: The highest chance of an attack.
        words: Why, in sentences.
        is_exercise: Whether an injected attack lies in it.
    """

    first: int
    last: int
    grade: int
    deviation: float
    template: str = ""
    probability: float = 0.0
    size: float = 0.0
    score: float = 0.0
    words: tuple[str, ...] = ()
    is_exercise: bool = False

    @property
    def n_hours(self) -> int:
        """How long it lasts."""
        return self.last - self.first + 1

    @property
    def severity(self) -> Severity:
        """For alerts and colours."""
        return severity_of(self.grade)


def severity_of(grade: int) -> Severity:
    """The severity of a place in `GRADES`; a flagged hour is at least low."""
    return (Severity.LOW, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)[grade]


@dataclass(frozen=True, slots=True)
class SeriesUpdate:
    """What a batch brought of one series.

    Attributes:
        key: Which series, the same for ever.
        name, unit: For people.
        rows: Hours; one that is stored already is stored anew.
        intervals: Suspected attacks that are new or grew, by their first hour.
    """

    key: str
    name: str
    unit: str
    rows: tuple[HourRow, ...]
    intervals: tuple[LoadInterval, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a forecast and what judges with it are doing; NaN and 0 where nothing is known yet.

    Attributes:
        mae: Mean absolute error of the last week, in the series' unit.
        mape: The same as a share of the values.
        baseline_mape: Of the first 500 hours that were forecast.
        ratio: mape over baseline_mape.
        is_drifting: Whether that is too much.
        p50_us, p95_us, p99_us: Time per hour.
        hours_per_s: As many hours as go into a second.
        memory_bytes: Of the program that judges.
        memory_limit_bytes: What it should stay under.
    """

    mae: float = float("nan")
    mape: float = float("nan")
    baseline_mape: float = float("nan")
    ratio: float = float("nan")
    is_drifting: bool = False
    p50_us: float = 0.0
    p95_us: float = 0.0
    p99_us: float = 0.0
    hours_per_s: float = 0.0
    memory_bytes: int = 0
    memory_limit_bytes: int = 0

    @property
    def is_over_memory(self) -> bool:
        """Whether the program has more memory than it should."""
        return self.memory_bytes > self.memory_limit_bytes


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A series in the database.

    Attributes:
        id: Of its row.
        key, name, unit: As in `SeriesUpdate`.
        first, last: Its oldest and its newest hour.
    """

    id: int
    key: str
    name: str
    unit: str
    first: int
    last: int


class Trace:
    """One series on an even axis of hours, for drawing.

    Thread:
        One writes, others read: what is below `n` does not change but by `cut`.

    Attributes:
        key: Which series.
        name: For people.
        unit: Of its values, may be empty.
        start: First hour of the axis, since 1970.
        n: Hours that are filled.
        intervals: What was detected, oldest first; replaced as a whole.
    """

    def __init__(self, key: str, name: str, unit: str, start: int, room: int) -> None:
        self.key, self.name, self.unit, self.start = key, name, unit, start
        self.n = 0
        self.intervals: tuple[LoadInterval, ...] = ()
        self._room = self._planned = max(room, 1)
        self.columns: dict[str, Floats] = {
            name: np.full(self._room, np.nan)
            for name in ("value", "forecast", "lower", "upper", "benchmark", "score")
        }
        self.grades = np.zeros(self._room, np.int8)
        self.odds = np.zeros(self._room, np.int8)
        self.exercise = np.zeros(self._room, np.bool_)

    @property
    def room(self) -> int:
        """Hours of the whole series: as many as were planned, or came."""
        return max(self._planned, self.n)

    @property
    def end(self) -> int:
        """The hour behind the last one that is filled."""
        return self.start + self.n

    def put(self, row: HourRow) -> None:
        """Take an hour; those passed over stay unknown, those before the axis are left out."""
        at = row.hour - self.start
        if at < 0:
            return
        if at >= self._room:
            self._grow(at + 1)
        for name, column in self.columns.items():
            column[at] = getattr(row, name)
        self.grades[at], self.odds[at] = row.grade, row.odd
        self.exercise[at] = row.exercise
        self.n = max(self.n, at + 1)

    def fill(self, name: str, first: int, values: Floats) -> None:
        """Take a part of one column, from an hour on."""
        at = first - self.start
        if at + len(values) > self._room:
            self._grow(at + len(values))
        self.columns[name][at : at + len(values)] = values
        self.n = max(self.n, at + len(values))

    def cut(self, hour: int) -> None:
        """Forget everything from an hour on."""
        at = min(max(hour - self.start, 0), self.n)
        self.n = at
        for column in self.columns.values():
            column[at:] = np.nan
        self.grades[at:], self.odds[at:], self.exercise[at:] = 0, 0, False
        self.intervals = tuple(one for one in self.intervals if one.first < hour)

    def tail(self, n_hours: int) -> "Trace":
        """A trace of the newest hours alone; this one stays as it is."""
        start = max(self.end - n_hours, self.start)
        found = Trace(self.key, self.name, self.unit, start, self.end - start)
        low = start - self.start
        for name, column in self.columns.items():
            found.columns[name][:] = column[low : self.n]
        found.grades[:], found.odds[:] = self.grades[low : self.n], self.odds[low : self.n]
        found.exercise[:] = self.exercise[low : self.n]
        found.n = self.n - low
        found.intervals = tuple(one for one in self.intervals if one.last >= start)
        return found

    def window(self, name: str, first: int, last: int) -> tuple[Floats, Floats]:
        """Hours and values of a column from one hour to another, both included."""
        hours, (values,) = self.windows((name,), first, last)
        return hours, values

    def windows(
        self, names: Sequence[str], first: int, last: int
    ) -> tuple[Floats, tuple[Floats, ...]]:
        """The same of several columns, all as long as the hours, whatever comes in meanwhile."""
        low = min(max(first - self.start, 0), self.n)
        high = min(max(last - self.start + 1, low), self.n)
        hours = np.arange(self.start + low, self.start + high, dtype=np.float64)
        return hours, tuple(self.columns[name][low:high] for name in names)

    def _grow(self, least: int) -> None:
        room = max(least, 2 * self._room)
        for name, column in self.columns.items():
            self.columns[name] = _wider(column, room, np.nan)
        self.grades = _wider(self.grades, room, 0)
        self.odds = _wider(self.odds, room, 0)
        self.exercise = _wider(self.exercise, room, False)
        self._room = room


def _wider(column: npt.NDArray, room: int, fill: object) -> npt.NDArray:  # type: ignore[type-arg]
    found = np.full(room, fill, column.dtype)
    found[: len(column)] = column
    return found


def extend(
    intervals: tuple[LoadInterval, ...], new: LoadInterval
) -> tuple[tuple[LoadInterval, ...], LoadInterval]:
    """Put a flagged hour's interval to those before: one that goes on takes it in.

    Returns:
        All intervals, and the one that the hour is in.
    """
    if intervals and new.first <= intervals[-1].last + HOLD_HOURS:
        former = intervals[-1]
        larger = abs(new.deviation) >= abs(former.deviation)
        joined = replace(
            new,
            first=min(former.first, new.first),
            last=max(former.last, new.last),
            grade=max(former.grade, new.grade),
            deviation=new.deviation if larger else former.deviation,
            score=max(former.score, new.score),
            template=new.template or former.template,
            probability=new.probability if new.template else former.probability,
            size=new.size if new.template else former.size,
            words=new.words or former.words,
            is_exercise=former.is_exercise or new.is_exercise,
        )
        return (*intervals[:-1], joined), joined
    return (*intervals, new)[-MOST_INTERVALS:], new
