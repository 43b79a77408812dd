"""The linear base of the forecast: a ridge regression for each hour of the day and horizon."""

from dataclasses import dataclass
from typing import Final, overload

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.days import COLUMNS
from soc_copilot.detection.load.features import HORIZONS, REACH, lags, n_features
from soc_copilot.detection.load.kernel import BaseParts, fill_row

Floats = npt.NDArray[np.float64]
Hours = npt.NDArray[np.int64]

SEASONS: Final = 4
_YEAR: Final = 3_652_425  # standard, in days times 10,000
_WINTER: Final = 10  # days that a winter begins before a year


@dataclass(frozen=True, slots=True)
class Base:
    """Its weights.

    Attributes:
        weights: For each horizon, shape (24, n_features(horizon)): of the hour forecast.
        units: For each horizon its usual error, in logarithms: what the network counts in.
    """

    weights: tuple[Floats, ...]
    units: Floats

    @property
    def parts(self) -> BaseParts:
        """Weights, lags and units as the compiled loops read them."""
        near, far = HORIZONS
        return self.weights[0], self.weights[1], lags(near), lags(far), self.units

    def answers(self, n_lags: int) -> Floats:
        """How the hour-ahead forecast answers to changed inputs, exactly: it is linear.

        Returns:
            Shape (168, n_lags + 1): for each hour of the week, Monday's first one first, the
            forecast's move for a move of 1 of the logarithm each lag before; 0 at lag 0.
        """
        found = np.zeros((168, n_lags + 1))
        at, size = REACH, REACH + HORIZONS[-1] + 1
        out = np.empty(n_features(1))
        for week_hour in range(168):
            calendar = np.zeros((size, len(COLUMNS)))
            calendar[:, week_hour // 24] = 1.0
            weights = self.weights[0][week_hour % 24]
            for lag in range(n_lags + 1):
                logs = np.zeros(size)
                if lag:
                    logs[at + 1 - lag] = 1.0
                level = fill_row(logs, calendar, at, 1, lags(1), out)
                found[week_hour, lag] = level + out @ weights
            found[week_hour] -= found[week_hour, 0]
        return found


def usual_at(usual: Floats, hours: Hours) -> Floats:
    """How large the base's errors usually are at hours.

    Args:
        usual: Shape (2, SEASONS, 168): hour and day ahead, season, hour of the week.
        hours: Since 1970.

    Returns:
        Shape (n, 2), in logarithms.
    """
    return np.ascontiguousarray(usual[:, season(hours), week_hour(hours)].T)


@overload
def week_hour(hours: int) -> int: ...
@overload
def week_hour(hours: Hours) -> Hours: ...
def week_hour(hours: int | Hours) -> int | Hours:
    """Hour of the week, Monday's first hour 0."""
    return (hours // 24 + 3) % 7 * 24 + hours % 24


@overload
def season(hours: int) -> int: ...
@overload
def season(hours: Hours) -> Hours: ...
def season(hours: int | Hours) -> int | Hours:
    """Quarter of the year from late December on, 0 to 3."""
    # In days times 10,000, all whole: one and many hours come out alike.
    at = (hours // 24 + _WINTER) * 10_000 % _YEAR
    return at * SEASONS // _YEAR
