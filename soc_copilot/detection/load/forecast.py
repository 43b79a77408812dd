"""Rolling forecasts of a series: the next hour and the same hour tomorrow, with intervals."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.base import Base
from soc_copilot.detection.load.days import calendar
from soc_copilot.detection.load.evidence import N_AROUND, surroundings
from soc_copilot.detection.load.features import (
    HORIZONS,
    REACH,
    WEEK,
    n_features,
    prepare,
)
from soc_copilot.detection.load.kernel import advance, base_ahead, stand_in
from soc_copilot.detection.load.model import LoadNet
from soc_copilot.detection.load.resume import State, misfit
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

DAY: Final = HORIZONS[-1]
_CAPACITY: Final = 2_048  # chosen: hours in memory; the last REACH are moved to the front when full


_WILD: Final = math.log(10.0)  # chosen: of the first week, values ten times off its median
_WILD_SHARE: Final = 0.05  # chosen: where more are, the series is like that
_FAR_HOUR: Final = 24 * 366 * 10_000  # chosen: no clock of a series is so far off 1970


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of one hour.

    Attributes:
        hour: Since 1970, on the series' clock.
        value: Expected.
        lower, upper: 95% lie between.
        scale: Of the error, in logarithms (Laplace).
    """

    hour: int
    value: float
    lower: float
    upper: float
    scale: float


@dataclass(frozen=True, slots=True)
class Drift:
    """How the forecasts did of late.

    Attributes:
        mae: Mean absolute error over the last 168 hours.
        mape: The same as a share of the values.
        baseline_mape: Of the first 500 hours that were forecast.
        ratio: mape over baseline_mape.
        is_drifting: Whether the ratio is beyond what it was in clean years.
    """

    mae: float
    mape: float
    baseline_mape: float
    ratio: float
    is_drifting: bool


_DRIFT_HOURS: Final = 168
_BASELINE_HOURS: Final = 500
_DRIFT_RATIO: Final = 2.0  # chosen: a week's error may double with the season


class Weights:
    """A model's numbers as the compiled loops read them; shared by all series."""

    def __init__(
        self,
        base: Base,
        net: LoadNet,
        norms: tuple[tuple[Singles, Singles], ...],
        spreads: tuple[float, ...],
    ) -> None:
        self.base = base.parts
        held = {name: tensor.detach().cpu().numpy() for name, tensor in net.state_dict().items()}

        def array(name: str) -> Singles:
            return np.ascontiguousarray(held[name].T, np.float32)

        self.lstm = (
            array("lstm.weight_ih_l0"),
            array("lstm.weight_hh_l0"),
            array("lstm.bias_ih_l0") + array("lstm.bias_hh_l0"),
        )
        near, far = (
            (
                *(
                    array(f"{layer}.{which}.{part}")
                    for layer in ("entries", "middles", "exits")
                    for part in ("weight", "bias")
                ),
                *norms[which],
            )
            for which in range(len(HORIZONS))
        )
        self.heads = (near, far)
        self.shape = net.shape
        self.spreads = spreads  # of scales, for each horizon: 95% of the errors lie within


class RollingForecastEngine:
    """Forecasts of one series that goes on: one step per hour, a constant amount of work each.

    Thread:
        One at a time. Engines of several series may share weights and run side by side.
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._at = -1
        self._errors: deque[tuple[float, float]] = deque(maxlen=_DRIFT_HOURS)
        self._baseline: list[float] = []

    @property
    def is_ready(self) -> bool:
        """Whether it was given its first week."""
        return self._at >= 0

    @property
    def hour(self) -> int:
        """The last hour that was taken in, since 1970."""
        return self._first_hour + self._at

    def initialise(self, values: Floats, start: int) -> None:
        """Begin with a history.

        Args:
            values: One per hour, at least 168; NaN where there is none. The first week only
                serves as lags; the others are taken in one by one, as by `step`.
            start: First hour, since 1970, on the place's clock, at which the hour begins.

        Raises:
            DetectorError: There are fewer hours, or hardly any of the first week has a value.
        """
        first = _without_wild(np.asarray(values[:WEEK], np.float64))
        with np.errstate(invalid="ignore"):
            n_known = int((first > 0).sum())
        if len(first) < WEEK or n_known < WEEK // 2:
            raise DetectorError(
                f"A forecast needs a week of hours to begin with: {WEEK}, at least half of them "
                f"with values above zero; there are {n_known}."
            )
        ready = prepare(first, start)
        self._allocate(int(ready.hours[0]))
        self._logs[: len(ready.logs)] = ready.logs
        self._at = REACH + WEEK - 1
        self._came[:] = self._logs
        self._advance(known=True)
        for value in values[WEEK:]:
            self.step(float(value))

    def _allocate(self, first_hour: int) -> None:
        """Room for hours from one on, nothing known of any of them."""
        size, n, shape = _CAPACITY, len(HORIZONS), self._weights.shape
        self._first_hour = first_hour
        self._logs, self._came = np.full(size, np.nan), np.full(size, np.nan)
        self._came_bases = np.full((n, size + DAY), np.nan)
        hours = np.arange(first_hour, first_hour + size + DAY, dtype=np.int64)
        self._calendar = calendar(hours)
        self._series = (
            np.full((n, size + DAY), np.nan), np.zeros((n, size)),
            np.full((n, size + DAY), np.nan), np.full((n, size + DAY), np.nan),
        )  # fmt: skip
        self._state = (np.zeros(shape.width, np.float32), np.zeros(shape.width, np.float32))
        self._around = np.zeros(N_AROUND)
        self._room = (
            np.zeros(n_features(1)),
            np.zeros(n_features(DAY)),
            np.zeros(shape.n_inputs, np.float32),
            np.zeros(shape.n_rows[0], np.float32),
            np.zeros(shape.n_rows[1], np.float32),
        )

    def kept(self) -> State:
        """What it remembers, to go on with after a restart."""
        self._require()
        arrays = {f"engine.{name}": array for name, array in self._arrays().items()}
        arrays["engine.late_errors"] = np.array(self._errors, np.float64).reshape(-1, 2)
        arrays["engine.first_errors"] = np.array(self._baseline, np.float64)
        return State(arrays, {"at": self._at, "first_hour": self._first_hour})

    def resume(self, state: State) -> None:
        """Go on from what `kept` gave.

        Raises:
            DetectorError: It does not fit this model.
        """
        self._allocate(state.whole("first_hour", -_FAR_HOUR, _FAR_HOUR))
        for name, array in self._arrays().items():
            array[...] = state.array(f"engine.{name}", array)
        late = state.arrays.get("engine.late_errors", np.zeros(0))
        if late.ndim != 2 or late.shape[1] != 2 or len(late) > _DRIFT_HOURS:
            raise misfit('its "engine.late_errors" is of another shape')
        first = state.arrays.get("engine.first_errors", np.zeros((0, 0)))
        if first.ndim != 1 or len(first) > _BASELINE_HOURS:
            raise misfit('its "engine.first_errors" is of another shape')
        self._errors.clear()
        self._errors.extend((float(a), float(b)) for a, b in late)
        self._baseline = [float(v) for v in first]
        self._at = state.whole("at", REACH + WEEK - 1, _CAPACITY - 1)

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that changes with an hour, by name."""
        names = ("bases", "errors", "forecasts", "scales")
        return {
            "logs": self._logs, "came": self._came, "came_bases": self._came_bases,
            **dict(zip(names, self._series, strict=True)),
            "hidden": self._state[0], "cell": self._state[1],
        }  # fmt: skip

    def step(self, value: float) -> tuple[Forecast | None, Forecast | None]:
        """Take in the next hour.

        Args:
            value: NaN, zero or negative where there is none: a stand-in takes its place.

        Returns:
            The forecasts that had been made of this hour: an hour and a day before; None
            where there was none yet.
        """
        self._require()
        found = self.forecast(1), self._of(1, self._at + 1)
        self.observe(math.log(value) if value > 0 and math.isfinite(value) else math.nan)
        if found[0] is not None and value > 0 and math.isfinite(value):
            self._errors.append((abs(found[0].value - value), value))
            if len(self._baseline) < _BASELINE_HOURS:
                self._baseline.append(abs(found[0].value / value - 1))
        return found

    def observe(self, log: float, came: float | None = None) -> None:
        """Take in the next hour.

        Args:
            log: Logarithm that the forecasts shall see; NaN where there is none.
            came: The one that came, where it was cleaned; see `as_it_came`.
        """
        if self._at + 1 >= _CAPACITY:
            self._move()
        self._at += 1
        known = log == log
        self._logs[self._at] = log if known else stand_in(self._logs, self._at)
        came = log if came is None else came
        self._came[self._at] = came if came == came else stand_in(self._came, self._at)
        self._advance(known=known)

    def replace(self, hours_ago: int, log: float) -> None:
        """Let the forecasts to come see another logarithm of a past hour."""
        self._logs[self._at - hours_ago] = log

    def log_at(self, hours_ago: int) -> float:
        """The logarithm of a past hour that the forecasts see."""
        return float(self._logs[self._at - hours_ago])

    def as_it_came(self) -> Floats:
        """The base's forecasts of the next hour, had no hour been cleaned, in logarithms.

        Returns:
            Made an hour and a day before, shape (2,); NaN where there is none.
        """
        found: Floats = self._came_bases[:, self._at + 1]
        return found

    def around(self) -> Floats:
        """What time the next hour is, as `evidence.surroundings` gives it; valid until the next."""
        hour = (self._first_hour + self._at + 1) % 24
        surroundings(self._calendar, self._at + 1, hour, self._around)
        return self._around

    def days_ahead(self) -> Floats:
        """The calendar of the next hour."""
        found: Floats = self._calendar[self._at + 1]
        return found

    def forecast(self, ahead: int) -> Forecast | None:
        """The forecast of the next hour (1), or that of the hour a day ahead (24)."""
        self._require()
        return self._of(0 if ahead == 1 else 1, self._at + ahead)

    def raw(self) -> tuple[float, float, float, float]:
        """Of the next hour: forecast and scale hour ahead, forecast and scale day ahead, logs."""
        at, found, scales = self._at + 1, self._series[2], self._series[3]
        return (
            float(found[0, at]), float(scales[0, at]), float(found[1, at]), float(scales[1, at])
        )  # fmt: skip

    def drift(self) -> Drift | None:
        """How the hour-ahead forecasts did in the last week; None before there was one."""
        if len(self._errors) < _DRIFT_HOURS or len(self._baseline) < _DRIFT_HOURS:
            return None
        errors = np.array(self._errors)
        mape = float((errors[:, 0] / errors[:, 1]).mean())
        before = float(np.mean(self._baseline))
        ratio = mape / max(before, 1e-9)
        return Drift(float(errors[:, 0].mean()), mape, before, ratio, ratio > _DRIFT_RATIO)

    def _of(self, which: int, at: int) -> Forecast | None:
        log, scale = self._series[2][which, at], self._series[3][which, at]
        if log != log:
            return None
        wide = self._weights.spreads[which] * scale
        return Forecast(
            self._first_hour + at, math.exp(log), math.exp(log - wide), math.exp(log + wide),
            float(scale),
        )  # fmt: skip

    def _advance(self, *, known: bool) -> None:
        w, at = self._weights, self._at
        hour = (self._first_hour + at) % 24
        advance(
            at, known, hour, self._logs, self._calendar, self._series, w.base, w.lstm, w.heads,
            self._state, self._room,
        )  # fmt: skip
        base_ahead(
            self._came, self._calendar, at, hour, w.base, self._came_bases, self._room[0],
            self._room[1],
        )  # fmt: skip

    def _move(self) -> None:
        """Make room: what features still look at goes to the front."""
        kept = REACH + WEEK
        gone = self._at + 1 - kept
        self._logs[:kept] = self._logs[gone : gone + kept]
        self._logs[kept:] = np.nan
        self._came[:kept] = self._came[gone : gone + kept]
        for array in (*self._series, self._came_bases):
            n = min(kept + DAY, array.shape[1] - gone)
            array[:, :n] = array[:, gone : gone + n].copy()
            array[:, n:] = np.nan
        self._at -= gone
        self._first_hour += gone
        hours = np.arange(self._first_hour, self._first_hour + len(self._calendar), dtype=np.int64)
        self._calendar[:] = calendar(hours)

    def _require(self) -> None:
        if self._at < 0:
            raise DetectorError("The forecast was not given its first week. Call initialise.")


def _without_wild(values: Floats) -> Floats:
    """Values of which few are wildly off, with those left out: nothing came before to tell by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where((values > 0) & np.isfinite(values), np.log(values), np.nan)
        if not np.isfinite(logs).any():
            return values
        is_wild = np.abs(logs - np.nanmedian(logs)) > _WILD
    return np.where(is_wild, np.nan, values) if is_wild.mean() < _WILD_SHARE else values
