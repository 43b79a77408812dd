"""Any regular series watched, whatever its step: counts per minute, a metric every five minutes.

No model and no history are needed: a forecast and six statistics of the series are learned row by
row, and a row is odd when several of them set new records (`rates_step` says how). What was as
large before is no record, so it scores less; yet a row far off the forecast is an alarm, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load import resume
from soc_copilot.detection.load.rates_step import (
    CHANNELS,
    N_BLOCKS,
    N_CHANNELS,
    N_FEATURES,
    N_LATE,
    N_LEVELS,
    N_RECORDS,
    N_SIZES,
    Kept,
    step_row,
)
from soc_copilot.detection.load.resume import State
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float64]

DAY_S: Final = 86_400
LEAST_STEP_S: Final = 60.0  # chosen: rows come at most so often; bounds what is remembered
THRESHOLD: Final = 1.5  # chosen: 1.2 is best on the benchmark (74.6), at 1.5 it has 72.0
_MORE: Final = 160  # rows that are kept beyond a week, where a day has few
_FORMAT: Final = "rates-2"
_HUGE: Final = 1e30  # chosen: values are cut there, so that squares stay numbers
_WIDE: Final = 3.0  # chosen: usual errors on both sides of the forecast
_MOST_ROWS: Final = 10**12


@dataclass(frozen=True, slots=True)
class RateVerdict:
    """What was found of one row.

    Attributes:
        value: As it came; NaN where there was none.
        forecast: Expected, from the rows before; NaN at the start.
        lower, upper: Usual distance from it.
        score: How seldom what was odd is, added up, as -log10 of a share; 0 for most rows.
        is_threat: Whether it is an alarm: the first row of its event, or one odder than that;
            new by its score, or seldom and far off the forecast.
        strongest: The measure, one of `CHANNELS`, that is the most unusual.
    """

    value: float
    forecast: float
    lower: float
    upper: float
    score: float
    is_threat: bool
    strongest: str


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
        self._kept: dict[str, npt.NDArray[Any]] = {
            "ring": np.zeros(7 * self._day + _MORE), "late": np.zeros((3, N_LATE)),
            "slow": np.zeros(7), "weights": np.zeros(N_FEATURES),
            "spread": 10.0 * np.eye(N_FEATURES), "profile": np.zeros((3, self._day)),
            "mix": np.zeros((2, N_LEVELS)), "peaks": np.zeros((N_RECORDS, 2, N_BLOCKS)),
            "counts": np.zeros((N_CHANNELS, N_SIZES)),
        }  # fmt: skip
        self._kept["peaks"][:, 0], self._kept["peaks"][:, 1] = -np.inf, np.inf
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
        forecast, usual, score, is_far = math.nan, math.nan, 0.0, False
        if is_known or self._t:
            used = value if is_known else self._forecast_before()
            forecast, usual, score, is_far = step_row(
                self._t, min(max(used, -_HUGE), _HUGE), is_known, self._day, self._state(),
                self._out,
            )  # fmt: skip
            self._t += 1
        wide = _WIDE * usual
        return RateVerdict(
            value, forecast, forecast - wide, forecast + wide, score,
            score >= THRESHOLD or is_far,
            CHANNELS[int(self._out.argmax())] if score or is_far else "",
        )  # fmt: skip

    def _forecast_before(self) -> float:
        """What stands in for a row that has no value: the level of the rows of late."""
        ring, slow = self._kept["ring"], self._kept["slow"]
        some = min(12, self._t)
        late = ring[(self._t - 1 - np.arange(some)) % len(ring)].mean()
        return float(slow[0] + late * math.sqrt(max(slow[1], 0.0)))

    def to_bytes(self) -> bytes:
        """All that it remembers, for `from_bytes`."""
        facts = {"t": self._t, "step_s": self._step_s}
        return resume.pack(State(self._kept, facts), _FORMAT)

    @classmethod
    def from_bytes(cls, data: bytes) -> "RateWatcher":
        """A watcher that goes on where the one of `to_bytes` was.

        Raises:
            DetectorError: The state is damaged, or of another version.
        """
        state = resume.unpack(data, _FORMAT)
        found = cls(state.number("step_s"))
        found._t = state.whole("t", 0, _MOST_ROWS)
        for name, array in found._kept.items():
            array[...] = state.array(name, array)
        return found

    def _state(self) -> Kept:
        kept = self._kept
        return (
            kept["ring"], kept["late"], kept["slow"], kept["weights"], kept["spread"],
            kept["profile"], kept["mix"], kept["peaks"], kept["counts"],
        )  # fmt: skip


def watch_rows(values: Sequence[float] | Floats, step_s: float) -> list[RateVerdict]:
    """Judge a whole series: the same steps, row after row."""
    watcher = RateWatcher(step_s)
    return [watcher.step(float(value)) for value in values]
