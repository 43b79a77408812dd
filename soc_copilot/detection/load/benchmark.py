"""What an hour usually is: typical days, found by k-means, matched to the days around it.

Source:
    Cui, Wang and Yue, Machine learning-based anomaly detection for load forecasting under
    cyberattacks, IEEE Trans. Smart Grid, 2019 (benchmark data); Arthur and Vassilvitskii,
    k-means++: the advantages of careful seeding, 2007.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.load.resume import State, misfit
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float64]
Hours = npt.NDArray[np.int64]

N_CLUSTERS: Final = 100
_DAY: Final = 24
_ROUNDS: Final = 30  # chosen: Lloyd's rounds; hardly a day moves after
_LEAST_HOURS: Final = 6  # chosen: hours of a day that must be known to match it by itself
_MAX_DAYS: Final = 20_000  # chosen: 55 years of days; the latest are used


@dataclass(frozen=True, slots=True)
class Profiles:
    """Typical days.

    Attributes:
        centres: As shares of the day's mean, shape (n, 24).
        weekdays: For each, how many of its days fall on which weekday, shape (n, 7).
        sizes: Days of each.
    """

    centres: Floats
    weekdays: Floats
    sizes: Hours


class BenchmarkManager:
    """Typical days of one series, and which of them a day is like."""

    def __init__(self, n_clusters: int = N_CLUSTERS, seed: int = 7) -> None:
        """Say how many typical days there may be; fewer where there are few days."""
        self._n_clusters, self._seed = n_clusters, seed
        self._profiles: Profiles | None = None
        self._usual_days: dict[int, Floats] = {}

    @property
    def profiles(self) -> Profiles:
        """The typical days.

        Raises:
            DetectorError: `fit` was not called.
        """
        if self._profiles is None:
            raise DetectorError("The benchmark has no typical days yet. Give it a history.")
        return self._profiles

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The typical days, by name, to be kept."""
        found = self.profiles
        return {
            "typical.centres": found.centres, "typical.weekdays": found.weekdays,
            "typical.sizes": found.sizes,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, state: State) -> "BenchmarkManager | None":
        """The one whose `arrays` were kept; None where there was none.

        Raises:
            DetectorError: They have another shape.
        """
        centres = state.arrays.get("typical.centres")
        if centres is None:
            return None
        n = len(centres)
        if not 0 < n <= N_CLUSTERS:
            raise misfit("it has no typical days, or too many")
        found = cls()
        found._profiles = Profiles(
            state.array("typical.centres", np.zeros((n, _DAY))),
            state.array("typical.weekdays", np.zeros((n, 7))),
            state.array("typical.sizes", np.zeros(n, np.int64)),
        )
        return found

    def fit(self, values: Floats, start: int) -> None:
        """Find the typical days of a history; days with an hour unknown are left out.

        Args:
            values: One per hour; NaN where there is none.
            start: First hour, since 1970.

        Raises:
            DetectorError: It has no whole day.
        """
        skipped = -start % _DAY
        n_days = (len(values) - skipped) // _DAY
        days = values[skipped : skipped + n_days * _DAY].reshape(-1, _DAY)
        numbers = (start + skipped) // _DAY + np.arange(len(days))
        with np.errstate(invalid="ignore"):
            whole = np.flatnonzero((days > 0).all(1) & np.isfinite(days).all(1))[-_MAX_DAYS:]
        if not len(whole):
            raise DetectorError("The benchmark needs at least one whole day of values above zero.")
        shapes = days[whole] / days[whole].mean(1, keepdims=True)
        self._usual_days.clear()
        self._profiles = _cluster(shapes, (numbers[whole] + 3) % 7, self._n_clusters, self._seed)

    def get_benchmark_for_hour(self, hour: int, context: Floats, context_start: int) -> float:
        """What the hour would be on a typical day like those around it; NaN without context.

        Args:
            hour: Since 1970.
            context: Values of the hours before; a day's own hours match its shape, the last 24
                give its level.
            context_start: First hour of the context.
        """
        context = np.asarray(context, np.float64)
        centres = self.profiles.centres
        best, level = _best(centres, context, context_start, hour // _DAY * _DAY)
        if best >= 0:
            return float(centres[best, hour % _DAY] * level)
        return float(self._day(hour // _DAY, context, context_start)[hour % _DAY])

    def get_benchmark_for_period(
        self, start: int, n_hours: int, context: Floats, context_start: int
    ) -> Floats:
        """The benchmark of several hours, shape (n_hours,); days may be partial.

        Args:
            start: First hour, since 1970.
            n_hours: How many.
            context: Values of hours before (or of the period itself); NaN where unknown.
            context_start: First hour of the context.
        """
        found, context = np.full(n_hours, np.nan), np.asarray(context, np.float64)
        hours = np.arange(start, start + n_hours)
        for day in np.unique(hours // _DAY):
            of_day = hours // _DAY == day
            found[of_day] = self._day(int(day), context, context_start)[hours[of_day] % _DAY]
        return found

    def _day(self, day: int, context: Floats, context_start: int) -> Floats:
        best, level = _best(self.profiles.centres, context, context_start, day * _DAY)
        if best >= 0:
            return np.asarray(self.profiles.centres[best] * level)
        own = _cut(context, context_start, day * _DAY, _DAY)
        before = _cut(context, context_start, (day - 1) * _DAY, _DAY)
        centre = self._usual((day + 3) % 7)
        either = np.where(own == own, own, before)
        usable = np.isfinite(either)
        if not usable.any():
            return np.full(_DAY, np.nan)
        return centre * float(either[usable].sum() / centre[usable].sum())

    def _usual(self, weekday: int) -> Floats:
        """The mean of the typical days, each as often as it falls on the weekday."""
        found = self._usual_days.get(weekday)
        if found is None:
            counts = self.profiles.weekdays[:, weekday]
            if not counts.any():
                counts = self.profiles.sizes.astype(np.float64)
            found = np.asarray(counts @ self.profiles.centres / counts.sum())
            self._usual_days[weekday] = found
        return found


@compiled
def _match(centres: Floats, own: Floats) -> tuple[int, float]:
    """The typical day that fits the hours that are known best, and its level."""
    best, found, level = -1.0, 0, 0.0
    for k in range(len(centres)):
        product, square = 0.0, 0.0
        for hour in range(_DAY):
            if own[hour] == own[hour]:
                product += centres[k, hour] * own[hour]
                square += centres[k, hour] * centres[k, hour]
        if product * product > best * square:  # the least squares that are left
            best, found, level = product * product / square, k, product / square
    return found, level


@compiled
def _best(centres: Floats, values: Floats, start: int, first: int) -> tuple[int, float]:
    """The typical day that fits a day of which enough is known, and its level; else -1."""
    own = _cut(values, start, first, _DAY)
    n_known = 0
    for hour in range(_DAY):
        n_known += own[hour] == own[hour]
    return _match(centres, own) if n_known >= _LEAST_HOURS else (-1, 0.0)


@compiled
def _cut(values: Floats, start: int, first: int, n: int) -> Floats:
    """N values from hour `first` on; NaN where there are none, or not above zero."""
    found = np.full(n, np.nan)
    for hour in range(max(first, start), min(first + n, start + len(values))):
        if values[hour - start] > 0:
            found[hour - first] = values[hour - start]
    return found


def _cluster(shapes: Floats, weekdays: Hours, n_clusters: int, seed: int) -> Profiles:
    rng = np.random.default_rng(seed)
    centres = _seeds(shapes, min(n_clusters, len(shapes)), rng)
    own = np.full(len(shapes), -1)
    for _ in range(_ROUNDS):
        nearest = _nearest(shapes, centres)
        if (nearest == own).all():
            break
        own = nearest
        sizes = np.bincount(own, minlength=len(centres))
        sums = np.zeros_like(centres)
        np.add.at(sums, own, shapes)
        kept = sizes > 0
        centres[kept] = sums[kept] / sizes[kept, None]
    sizes = np.bincount(own, minlength=len(centres))
    counts = np.zeros((len(centres), 7))
    np.add.at(counts, (own, weekdays), 1.0)
    return Profiles(centres, counts, sizes.astype(np.int64))


def _seeds(shapes: Floats, n: int, rng: np.random.Generator) -> Floats:
    """Days far from each other to begin with (k-means++)."""
    found = [shapes[rng.integers(len(shapes))]]
    far = ((shapes - found[0]) ** 2).sum(1)
    for _ in range(n - 1):
        total = far.sum()
        at = rng.choice(len(shapes), p=far / total) if total > 0 else rng.integers(len(shapes))
        found.append(shapes[at])
        far = np.minimum(far, ((shapes - shapes[at]) ** 2).sum(1))
    return np.array(found)


def _nearest(shapes: Floats, centres: Floats) -> Hours:
    distances = (centres**2).sum(1) - 2 * shapes @ centres.T
    return np.asarray(distances.argmin(1), np.int64)
