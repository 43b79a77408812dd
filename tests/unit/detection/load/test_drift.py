"""Drift of a judged series."""

import numpy as np

from soc_copilot.detection.load.drift import AFTER_HOURS, drift_of, spared
from soc_copilot.domain.load import HOLD_HOURS


def test_a_forecast_that_gets_worse_drifts() -> None:
    values = np.full(2_000, 100.0)
    forecasts = np.full(2_000, 101.0)
    flagged = np.zeros(2_000, bool)
    steady = drift_of(values, forecasts, flagged)
    assert steady is not None
    assert not steady.is_drifting
    assert round(steady.mape, 6) == 0.01
    forecasts[1_500:] = 105.0
    worse = drift_of(values, forecasts, flagged)
    assert worse is not None
    assert worse.is_drifting
    assert round(worse.ratio, 6) == 5.0
    flagged[1_500:] = True  # an attack is no drift
    spared = drift_of(values, forecasts, flagged)
    assert spared is not None
    assert not spared.is_drifting


def test_two_weeks_are_needed() -> None:
    values = np.full(400, 100.0)
    forecasts = values.copy()
    forecasts[100:] = np.nan
    assert drift_of(values, forecasts, np.zeros(400, bool)) is None


def test_hours_that_are_off_for_another_reason_are_spared() -> None:
    flagged = np.zeros(300, bool)
    flagged[200] = True
    found = np.flatnonzero(spared(300, flagged, [(50, 53)], [(-5, 2), (100, 110), (290, 400)]))
    expected = [
        *range(2 + AFTER_HOURS), *range(50, 53 + HOLD_HOURS), *range(100, 110 + AFTER_HOURS), 200,
        *range(290, 300),
    ]  # fmt: skip
    assert found.tolist() == expected
    assert flagged.sum() == 1
