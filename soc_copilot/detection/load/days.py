"""The calendar of an hour: weekday, season and United States holidays, by rule."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Hours = npt.NDArray[np.int64]  # whole hours since 1970-01-01 00:00 on the series' own clock
Floats = npt.NDArray[np.float64]

COLUMNS: Final = (
    *("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    *("holiday", "minor_holiday", "after_holiday", "year_end"),
    *("year_sin", "year_cos", "half_year_sin", "half_year_cos"),
)
HOLIDAY: Final = COLUMNS.index("holiday")
AFTER: Final = COLUMNS.index("after_holiday")
_YEAR_DAYS: Final = 365.2425  # standard
_EPOCH: Final = date(1970, 1, 1)


def holidays(year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Days that most people have off, and days that some do, both United States."""
    thanksgiving = _nth(year, 11, 3, 4)
    major = {
        *_observed(date(year, 1, 1)),
        _last_monday(year, 5),
        *_observed(date(year, 7, 4)),
        _nth(year, 9, 0, 1),
        thanksgiving,
        thanksgiving + timedelta(1),
        *_observed(date(year, 12, 25)),
    }
    minor = {
        _nth(year, 1, 0, 3),  # Martin Luther King
        _nth(year, 2, 0, 3),  # Presidents' Day
        _easter(year) - timedelta(2),
        _nth(year, 10, 0, 2),  # Columbus Day
        date(year, 11, 11),
        date(year, 12, 24),
        date(year, 12, 31),
    }
    if year >= 2021:
        minor.add(date(year, 6, 19))
    return frozenset(major), frozenset(minor - major)


def _observed(day: date) -> tuple[date, ...]:
    """A fixed holiday and, where it falls on a Sunday, the Monday that is off for it."""
    return (day, day + timedelta(1)) if day.weekday() == 6 else (day,)


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday(year: int, month: int) -> date:
    last = date(year, month + 1, 1) - timedelta(1)
    return last - timedelta(last.weekday())


def _easter(year: int) -> date:
    """Easter Sunday. Source: the anonymous Gregorian algorithm (Meeus, 1991)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    last = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * last) // 451
    month, day = divmod(h + last - 7 * m + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=64)
def _of_year(year: int) -> tuple[frozenset[date], frozenset[date]]:
    return holidays(year)


@lru_cache(maxsize=1024)
def _of_day(day: int) -> tuple[float, ...]:
    at = _EPOCH + timedelta(day)
    major, minor = _of_year(at.year)
    before = at - timedelta(1)
    row = [0.0] * len(COLUMNS)
    row[at.weekday()] = 1.0
    row[HOLIDAY] = float(at in major)
    row[HOLIDAY + 1] = float(at in minor)
    row[AFTER] = float(before in _of_year(before.year)[0] and at not in major)
    row[AFTER + 1] = float((at.month == 12 and at.day >= 24) or (at.month == 1 and at.day <= 2))
    turn = 2 * np.pi * at.timetuple().tm_yday / _YEAR_DAYS
    row[-4:] = [np.sin(turn), np.cos(turn), np.sin(2 * turn), np.cos(2 * turn)]
    return tuple(float(v) for v in row)


def calendar(hours: Hours) -> Floats:
    """The calendar of hours.

    Args:
        hours: Hours since 1970 at which each hour begins, on the clock of the place.

    Returns:
        Shape (n, len(COLUMNS)).
    """
    days, back = np.unique(hours // 24, return_inverse=True)
    return np.array([_of_day(int(day)) for day in days], np.float64).reshape(
        len(days), len(COLUMNS)
    )[back]
