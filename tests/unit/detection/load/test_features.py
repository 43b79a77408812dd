import numpy as np
import pytest

from soc_copilot.detection.load.features import HORIZONS, REACH, lags, n_features, prepare, rows
from tests.unit.detection.load.making import MONDAY, clean


@pytest.mark.parametrize("horizon", HORIZONS)
def test_features_know_no_unit_and_nothing_of_the_future(horizon):
    values = clean(1_000)
    ready = prepare(values, MONDAY)
    found, levels = rows(ready, horizon, REACH + 600, REACH + 610)
    assert found.shape == (10, n_features(horizon))
    assert np.isfinite(found).all()
    other, moved = rows(prepare(values * 1000, MONDAY), horizon, REACH + 600, REACH + 610)
    assert other == pytest.approx(found, abs=1e-9)
    assert moved - levels == pytest.approx(np.log(1000))
    changed = values.copy()
    changed[601:] *= 3
    assert np.array_equal(rows(prepare(changed, MONDAY), horizon, REACH + 600, REACH + 601)[0][0],
                          found[0])  # fmt: skip


def test_the_first_lag_is_the_last_known_hour():
    for horizon in HORIZONS:
        assert lags(horizon)[0] == horizon
        assert min(lags(horizon)) == horizon
        assert {24, 168} <= set(lags(horizon))


def test_holes_are_filled_and_known_to_be():
    values = clean(600)
    gaps = values.copy()
    gaps[[3, 400, 401]] = [np.nan, 0, -5]
    ready = prepare(gaps, MONDAY)
    assert np.flatnonzero(~ready.known[REACH:]).tolist() == [3, 400, 401]
    assert np.exp(ready.logs[REACH:]) == pytest.approx(values, rel=0.2)
    assert ready.hours[REACH] == MONDAY
    assert len(ready.calendar) == len(ready.logs) + 24


def test_a_first_week_of_nothing_is_no_reason_to_fail():
    assert np.isfinite(prepare(np.full(200, np.nan), MONDAY).logs).all()
