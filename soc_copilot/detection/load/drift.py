"""Drift of a series that was judged: its forecasts of late beside those of the beginning."""

from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.forecast import Drift

Floats = npt.NDArray[np.float64]

DRIFT_HOURS: Final = 168
BASELINE_HOURS: Final = 500
RATIO: Final = 2.0  # chosen: a week's error may double with the season


def drift_of(values: Floats, forecasts: Floats, flagged: npt.NDArray[np.bool_]) -> Drift | None:
    """How the forecasts of the last week did, against those of the first 500 hours.

    Hours under a suspected attack are left out: they are off for another reason.

    Args:
        values: One per hour, NaN where there is none.
        forecasts: Of each, NaN where there was none.
        flagged: Which hours were taken for an attack.

    Returns:
        None before there is a week of errors beside a week of beginnings.
    """
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(values) & np.isfinite(forecasts) & (values > 0) & ~flagged
    places = np.flatnonzero(usable)
    if len(places) < 2 * DRIFT_HOURS:
        return None
    last, first = places[-DRIFT_HOURS:], places[: min(BASELINE_HOURS, len(places) - DRIFT_HOURS)]
    errors = np.abs(forecasts[last] - values[last])
    mape = float((errors / values[last]).mean())
    before = float((np.abs(forecasts[first] - values[first]) / values[first]).mean())
    ratio = mape / max(before, 1e-9)
    return Drift(float(errors.mean()), mape, before, ratio, ratio > RATIO)
