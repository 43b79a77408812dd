"""Drift of a series that was judged: its forecasts of late beside those of the beginning."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.forecast import Drift
from soc_copilot.domain.load import HOLD_HOURS

Floats = npt.NDArray[np.float64]

DRIFT_HOURS: Final = 168
BASELINE_HOURS: Final = 500
RATIO: Final = 2.0  # chosen: a week's error may double with the season
# Measured on the bundled sample: after an exercise the forecast is off 1.2 to 12 times as much as
# without for three hours, up to 6 times for a day, and hardly (1.0 to 1.3 times) after that.
AFTER_HOURS: Final = 24


def spared(
    n: int,
    flagged: npt.NDArray[np.bool_],
    suspected: Iterable[tuple[int, int]] = (),
    exercises: Iterable[tuple[int, int]] = (),
) -> npt.NDArray[np.bool_]:
    """Which hours do not count for drift, because they are off for another reason.

    Args:
        n: Hours.
        flagged: Which of them were taken for an attack.
        suspected: First place of each suspected attack and the one behind its last.
        exercises: The same of what was put in.
    """
    found = flagged.copy()
    for after, spans in ((HOLD_HOURS, suspected), (AFTER_HOURS, exercises)):
        for first, end in spans:
            found[min(max(first, 0), n) : min(max(end + after, 0), n)] = True
    return found


def drift_of(values: Floats, forecasts: Floats, left_out: npt.NDArray[np.bool_]) -> Drift | None:
    """How the forecasts of the last week did, against those of the first 500 hours.

    Args:
        values: One per hour, NaN where there is none.
        forecasts: Of each, NaN where there was none.
        left_out: Which hours do not count, see `spared`.

    Returns:
        None before there is a week of errors beside a week of beginnings.
    """
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(values) & np.isfinite(forecasts) & (values > 0) & ~left_out
    places = np.flatnonzero(usable)
    if len(places) < 2 * DRIFT_HOURS:
        return None
    last, first = places[-DRIFT_HOURS:], places[: min(BASELINE_HOURS, len(places) - DRIFT_HOURS)]
    errors = np.abs(forecasts[last] - values[last])
    mape = float((errors / values[last]).mean())
    before = float((np.abs(forecasts[first] - values[first]) / values[first]).mean())
    ratio = mape / max(before, 1e-9)
    return Drift(float(errors.mean()), mape, before, ratio, ratio > RATIO)
