"""What a forecast knows: lags of the hour ahead, means, the calendar, relative to the week.

Nothing depends on the unit or the size of a series: values are logarithms, and all features are
differences to the mean of the last 168 hours. One model so serves every series.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.days import COLUMNS, calendar
from soc_copilot.detection.load.kernel import fill_gaps, fill_rows

Floats = npt.NDArray[np.float64]
Hours = npt.NDArray[np.int64]

WEEK: Final = 168
HORIZONS: Final = (1, 24)
REACH: Final = 552  # hours before a forecast's origin that features may look at, rounded up
_COMMON: Final = (
    *(24, 25, 26, 47, 48, 49, 72, 73, 96, 120, 144, 145),
    *(167, 168, 169, 170, 192, 193, 336, 337, 504, 505),
)
_RECENT: Final = {1: (1, 2, 3, 4, 6, 22, 23), 24: (27, 29, 32, 36)}
_N_OTHER: Final = 8 + len(COLUMNS) + 4 + 24 + 8 + 1


def lags(horizon: int) -> Hours:
    """Lags of the hour that is forecast; the first is that of the last known hour."""
    found = (*_RECENT[horizon], *_COMMON) if horizon == 1 else (*_COMMON, *_RECENT[horizon])
    return np.array(found, np.int64)


def n_features(horizon: int) -> int:
    """Numbers per row."""
    return len(lags(horizon)) + _N_OTHER


@dataclass(frozen=True, slots=True)
class Prepared:
    """A series ready for forecasts.

    Attributes:
        logs: Logarithms, REACH made-up hours first, gaps filled.
        known: Which of them were in the series.
        calendar: One row per hour of `logs` and of the 24 after.
        hours: Hours since 1970 of `logs`.
    """

    logs: Floats
    known: npt.NDArray[np.bool_]
    calendar: Floats
    hours: Hours


def prepare(values: Floats, start: int) -> Prepared:
    """Logarithms on an axis without holes.

    Args:
        values: One per hour; NaN, zero and negative count as not known.
        start: Of the first, hours since 1970.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(values > 0, np.log(values), np.nan)
    known = np.isfinite(logs)
    logs[~known] = np.nan
    first = logs[:WEEK].copy()
    spare = np.nanmean(first) if np.isfinite(first).any() else 0.0
    first = _patched(first, float(spare))
    n = len(logs)
    before = first[(np.arange(-REACH, 0) % WEEK) % len(first)]
    logs = np.concatenate([before, logs])
    logs[REACH : REACH + len(first)] = first
    fill_gaps(logs, REACH)
    hours = np.arange(start - REACH, start + n, dtype=np.int64)
    ahead = np.arange(start - REACH, start + n + 24, dtype=np.int64)
    return Prepared(logs, np.concatenate([np.zeros(REACH, bool), known]), calendar(ahead), hours)


def _patched(first: Floats, spare: float) -> Floats:
    """The first week with its holes filled from the other days' same hours."""
    for at in np.flatnonzero(~np.isfinite(first)):
        same = first[at % 24 :: 24]
        first[at] = np.nanmean(same) if np.isfinite(same).any() else spare
    return first


def rows(series: Prepared, horizon: int, first: int, last: int) -> tuple[Floats, Floats]:
    """Features of forecasts from origins `first` up to and without `last`.

    Returns:
        Shape (n, n_features(horizon)), and the levels to which they are relative, shape (n,).
    """
    out = np.empty((last - first, n_features(horizon)))
    levels = np.empty(last - first)
    fill_rows(series.logs, series.calendar, first, horizon, lags(horizon), out, levels)
    return out, levels
