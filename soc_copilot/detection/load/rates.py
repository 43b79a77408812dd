"""Any regular series watched, whatever its step: counts per minute, a metric every five minutes.

No model and no history are needed. A linear forecast learns as it goes (recursive least squares
over the last rows, the same time yesterday and a week ago); several measures of oddness (of the
row, of the last rows, of the level now and of late, against the day before) are each turned into
how seldom they were as large before, by the exponential tail beyond their own upper quantile. An
alarm is raised once: a row only scores when no row of late was odder.

Source:
    Haykin, Adaptive Filter Theory (recursive least squares); Siffer et al., Anomaly detection in
    streams with extreme value theory, 2017 (the tail beyond a quantile).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.load import resume
from soc_copilot.detection.load.resume import State
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float64]

CHANNELS: Final = ("row", "rows_12", "level", "level_48", "day_12")
N_CHANNELS: Final = len(CHANNELS)
DAY_S: Final = 86_400
LEAST_STEP_S: Final = 60.0  # chosen: rows come at most so often; bounds what is remembered
_MEMORY: Final = 6_400.0  # source: rows of the windowed Gaussian, of the running mean and spread
_FORGET: Final = 1 - 1 / 3_000  # chosen: the forecast's memory in rows
_FEATURES: Final = 9
_TAIL: Final = 0.98  # chosen: a measure's tail is fitted beyond this quantile
_LEAST_TAIL: Final = 0.02  # chosen: of usual errors; less is odd in no series
_WARM: Final = 150  # chosen: rows before anything is scored
_RECENT: Final = 64  # rows of errors that are kept
_QUIET: Final = 400  # chosen: rows after an alarm in which only an odder one raises another
_NORMAL_LIMIT: Final = 10.0  # chosen: a row counts as at most so many deviations off the mean
_ERROR_LIMIT: Final = 3.0  # chosen: what the forecast learns from one row is cut there
THRESHOLD: Final = 4.0  # measured: about what is best on the benchmark, 4.2
_WORSE: Final = 1.5  # chosen: so much odder than of late a row must be for another alarm
_FORMAT: Final = "rates-1"
_HUGE: Final = 1e30  # chosen: values are cut there, so that squares stay numbers
_WIDE: Final = 3.0  # chosen: usual errors on both sides of the forecast
_MOST_ROWS: Final = 10**12
# Measured: how much each measure counts, after 734 mixtures on the benchmark's files; the row
# itself counts more than was best there, so that a source that stops is noticed at once.
_SHARES: Final = np.array([1.0, 0.5, 1.0, 0.5, 0.5])
_CUT: Final = 4.0  # measured: a measure says at most this much: one row in ten thousand


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """What was found of one row.

    Attributes:
        value: As it came; NaN where there was none.
        forecast: Expected, from the rows before; NaN at the start.
        lower, upper: Usual distance from it.
        score: Negative logarithm, base ten, of how seldom such a row is; 0 for most.
        is_threat: Whether it is an alarm: the first of its event, or one much odder.
        strongest: The measure that is the most unusual.
    """

    value: float
    forecast: float
    lower: float
    upper: float
    score: float
    is_threat: bool
    strongest: str


@compiled
def _features(t: int, day: int, ring: Floats, out: Floats) -> None:
    """What the forecast of row t reads."""
    n = len(ring)
    out[:] = 0.0
    out[0] = 1.0
    for i in range(1, min(3, t) + 1):
        out[i] = ring[(t - i) % n]
    some = min(12, t)
    for i in range(1, some + 1):
        out[4] += ring[(t - i) % n] / some
    if t > day + 16:
        out[5] = ring[(t - day) % n]
        for i in range(-3, 4):
            out[6] += ring[(t - day + min(i, day - 1)) % n] / 7
        for i in range(1, 13):
            out[7] += ring[(t - day - i) % n] / 12
    if t > 7 * day:
        out[8] = ring[(t - 7 * day) % n]


@compiled
def _learn(error: float, features: Floats, weights: Floats, spread: Floats) -> None:
    """Recursive least squares with forgetting, kept from winding up."""
    n = len(weights)
    gain = np.zeros(n)
    total = _FORGET
    for i in range(n):
        for j in range(n):
            gain[i] += spread[i, j] * features[j]
        total += gain[i] * features[i]
    trace = 0.0
    for i in range(n):
        weights[i] += gain[i] / total * min(max(error, -_ERROR_LIMIT), _ERROR_LIMIT)
    for i in range(n):
        for j in range(n):
            spread[i, j] = (spread[i, j] - gain[i] * gain[j] / total) / _FORGET
        trace += spread[i, i]
    if trace > 1e4:
        spread *= 1e4 / trace


@compiled
def _mean(ring: Floats, t: int, n: int) -> float:
    total, some = 0.0, min(n, t + 1)
    for i in range(some):
        total += ring[(t - i) % len(ring)]
    return total / some


@compiled
def _measures(t: int, day: int, ring: Floats, errors: Floats, out: Floats) -> None:
    """How odd row t is, in the ways of `CHANNELS`."""
    n = len(ring)
    out[0] = abs(errors[t % _RECENT])
    size, moved = 0.0, 0.0
    for i in range(min(12, t + 1)):
        size += min(abs(errors[(t - i) % _RECENT]), 8.0) / 12
    out[1] = size
    out[2], out[3] = abs(ring[t % n]), abs(_mean(ring, t, 48))
    if t > day + 48:
        for i in range(12):
            moved += (ring[(t - i) % n] - ring[(t - i - day) % n]) / 12
    out[4] = abs(moved)


@compiled
def _seldom(t: int, values: Floats, tails: Floats, first: Floats, out: Floats) -> None:
    """How seldom each measure was as large, as -log10 of a share; 0 below its upper quantile.

    Args:
        t: Row.
        values: The measures.
        tails: For each the quantile and the mean excess beyond it; changed.
        first: The first rows' measures, shape (N_CHANNELS, _WARM); changed.
        out: Takes the answers.
    """
    out[:] = 0.0
    for k in range(len(values)):
        if t < _WARM:
            first[k, t] = values[k]
            continue
        if t == _WARM:
            ordered = np.sort(first[k])
            at = int(_TAIL * _WARM)
            tails[k, 0] = max(ordered[at], _LEAST_TAIL)
            tails[k, 1] = max(ordered[at:].mean() - ordered[at], _LEAST_TAIL)
        beyond, mean = values[k] - tails[k, 0], tails[k, 1]
        if beyond > 0:
            out[k] = (-math.log(1 - _TAIL) + beyond / mean) / math.log(10.0)
            tails[k, 1] = max(mean + (min(beyond, 5 * mean) - mean) * 0.02, _LEAST_TAIL)
        move = _TAIL if beyond > 0 else _TAIL - 1
        tails[k, 0] = max(tails[k, 0] + mean * 4 * move / min(t, 3_000), _LEAST_TAIL)


@compiled
def step_row(
    t: int,
    value: float,
    day: int,
    state: tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats],
    out: Floats,
) -> tuple[float, float]:
    """Take in row t.

    Args:
        t: From 0 on.
        value: Known; a stand-in where there was none.
        day: Rows per day.
        state: Changed: normalised rows of a week and more; errors of the forecast in usual
            ones; mean, variance, size of errors and rows; the forecast's weights and their
            spread; as for `_seldom` tails and first rows.
        out: Takes N_CHANNELS numbers.

    Returns:
        The forecast and the usual size of its error, in units of the values.
    """  # fmt: skip
    ring, errors, slow, weights, spread, tails, first = state
    features, values = np.zeros(_FEATURES), np.zeros(N_CHANNELS)
    deviation = max(math.sqrt(slow[1]), 1e-9)
    mean = slow[0] if t else value
    x = min(max((value - mean) / deviation, -_NORMAL_LIMIT), _NORMAL_LIMIT) if t > 2 else 0.0
    _features(t, day, ring, features)
    foretold = 0.0
    for i in range(_FEATURES):
        foretold += weights[i] * features[i]
    error, usual = x - foretold, max(slow[2], 1e-3)
    ring[t % len(ring)], errors[t % _RECENT] = x, error / usual
    _learn(error, features, weights, spread)
    _remember(value, mean, error, slow)
    _measures(t, day, ring, errors, values)
    _seldom(t, values, tails, first, out)
    return mean + foretold * deviation, usual * deviation


@compiled
def _remember(value: float, mean: float, error: float, slow: Floats) -> None:
    """Move the running mean, variance and size of errors on by a row."""
    slow[3] = min(slow[3] + 1, _MEMORY)
    slow[2] += (min(abs(error), 5.0) - slow[2]) / min(slow[3], 1_000.0)
    moved = value - mean
    slow[0] = mean + moved / slow[3]
    slow[1] += (moved * (value - slow[0]) - slow[1]) / slow[3]


class RateWatcher:
    """Watches one regular series: one verdict per row, a constant amount of work and memory.

    Thread:
        One at a time.
    """

    def __init__(self, step_s: float) -> None:
        """Begin with nothing known.

        Args:
            step_s: Seconds from row to row.

        Raises:
            DetectorError: It is no time, or less than a minute, or more than a day.
        """
        if not LEAST_STEP_S <= step_s <= DAY_S:
            raise DetectorError(
                f"Rows must come every {LEAST_STEP_S:g} to {DAY_S} s, not every {step_s:g}. "
                "Add them up to longer steps first."
            )
        self._step_s, self._day = float(step_s), max(round(DAY_S / step_s), 1)
        self._t = 0
        self._ring, self._errors = np.zeros(7 * self._day + 128), np.zeros(_RECENT)
        self._slow, self._weights = np.zeros(4), np.zeros(_FEATURES)
        self._spread = 10.0 * np.eye(_FEATURES)
        self._tails, self._first = np.zeros((N_CHANNELS, 2)), np.zeros((N_CHANNELS, _WARM))
        self._late = np.zeros(_QUIET)
        self._out = np.zeros(N_CHANNELS)

    @property
    def n_rows(self) -> int:
        """Rows taken in."""
        return self._t

    @property
    def measures(self) -> Floats:
        """How seldom each of `CHANNELS` was as large as at the last row, as -log10 of a share."""
        return self._out.copy()

    def step(self, value: float) -> RateVerdict:
        """Judge the next row, by the rows before it alone.

        Args:
            value: NaN where there is none: what was expected takes its place.
        """
        is_known = math.isfinite(value)
        if is_known or self._t:
            used = value if is_known else self._forecast_before()
            forecast, usual = step_row(
                self._t, min(max(used, -_HUGE), _HUGE), self._day, self._state(), self._out,
            )  # fmt: skip
            self._t += 1
        else:
            forecast, usual = math.nan, math.nan
        raw = float(np.minimum(self._out, _CUT) @ _SHARES) if is_known else 0.0
        place = self._t % _QUIET
        self._late[place] = 0.0
        top = float(self._late.max())
        score = raw if raw > top else 0.0
        is_threat = raw >= THRESHOLD and (top < THRESHOLD or raw >= _WORSE * top)
        self._late[place] = raw
        wide = _WIDE * usual
        return RateVerdict(
            value, forecast, forecast - wide, forecast + wide, score, is_threat,
            CHANNELS[int(self._out.argmax())] if score else "",
        )  # fmt: skip

    def _forecast_before(self) -> float:
        """What stands in for a row that has no value: the level of the rows of late."""
        n, some = len(self._ring), min(12, self._t)
        late = self._ring[(self._t - 1 - np.arange(some)) % n].mean()
        return float(self._slow[0] + late * math.sqrt(max(self._slow[1], 0.0)))

    def to_bytes(self) -> bytes:
        """All that it remembers, for `from_bytes`."""
        facts = {"t": self._t, "step_s": self._step_s}
        return resume.pack(State(self._arrays(), facts), _FORMAT)

    @classmethod
    def from_bytes(cls, data: bytes) -> "RateWatcher":
        """A watcher that goes on where the one of `to_bytes` was.

        Raises:
            DetectorError: The state is damaged, or of another version.
        """
        state = resume.unpack(data, _FORMAT)
        found = cls(state.number("step_s"))
        found._t = state.whole("t", 0, _MOST_ROWS)
        for name, array in found._arrays().items():
            array[...] = state.array(name, array)
        return found

    def _state(self) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats]:
        return (
            self._ring, self._errors, self._slow, self._weights, self._spread, self._tails,
            self._first,
        )  # fmt: skip

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "ring": self._ring, "errors": self._errors, "slow": self._slow,
            "weights": self._weights, "spread": self._spread, "tails": self._tails,
            "first": self._first, "late": self._late,
        }  # fmt: skip


def watch_rows(values: Sequence[float] | Floats, step_s: float) -> list[RateVerdict]:
    """Judge a whole series: the same steps, row after row."""
    watcher = RateWatcher(step_s)
    return [watcher.step(float(value)) for value in values]
