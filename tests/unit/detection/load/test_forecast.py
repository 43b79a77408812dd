import numpy as np
import pytest

from soc_copilot.detection.load.forecast import RollingForecastEngine
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.load.making import MONDAY, clean


@pytest.fixture
def engine(shared):
    return RollingForecastEngine(shared.weights)


def run(shared, values, first):
    engine = RollingForecastEngine(shared.weights)
    engine.initialise(values[:first], MONDAY)
    return [engine.step(float(v))[0].value for v in values[first:]]


def test_streamed_and_in_batch_are_the_same(shared):
    values = clean(1_200, seed=5)
    one = run(shared, values, 168)
    two = run(shared, values, 1_000)
    assert one[-200:] == two


def test_forecasts_are_near_and_their_intervals_hold(shared, engine):
    values = clean(3_000, seed=6)
    engine.initialise(values[:1_000], MONDAY)
    inside, misses, day_misses = [], [], []
    for value in values[1_000:]:
        near, far = engine.step(float(value))
        inside.append(near.lower <= value <= near.upper)
        misses.append(abs(near.value / value - 1))
        day_misses.append(abs(far.value / value - 1))
        assert near.lower < near.value < near.upper
        assert far.hour == near.hour
    assert np.mean(misses) < 0.006  # the noise that was put in is 0.4%
    assert np.mean(misses) < np.mean(day_misses) < 0.05
    assert 0.85 < np.mean(inside) <= 1
    assert engine.forecast(1).hour == MONDAY + 3_000
    assert engine.forecast(24).hour == MONDAY + 3_023


def test_the_buffer_moves_and_nothing_changes(shared):
    values = clean(9_500, seed=7)
    long = run(shared, values, 168)
    assert np.isfinite(long).all()
    assert np.abs(np.array(long) / values[168:] - 1)[-500:].mean() < 0.006


def test_missing_hours_get_stand_ins(engine):
    values = clean(800, seed=8)
    values[600:606] = [np.nan, 0.0, -3.0, np.inf, np.nan, np.nan]
    engine.initialise(values[:600], MONDAY)
    found = [engine.step(float(v))[0] for v in values[600:]]
    assert np.isfinite([f.value for f in found]).all()
    assert abs(found[5].value / clean(800, seed=8)[605] - 1) < 0.1


def test_a_week_is_needed(engine):
    with pytest.raises(DetectorError, match="first week"):
        engine.step(1.0)
    with pytest.raises(DetectorError, match="week of hours"):
        engine.initialise(clean(100), MONDAY)
    with pytest.raises(DetectorError, match="week of hours"):
        engine.initialise(np.zeros(500), MONDAY)
    assert not engine.is_ready


def test_drift_is_seen(engine):
    rng = np.random.default_rng(0)
    values = clean(2_000, seed=9)
    engine.initialise(values[:168], MONDAY)
    assert engine.drift() is None
    for value in values[168:1_500]:
        engine.step(float(value))
    calm = engine.drift()
    assert not calm.is_drifting
    assert calm.mape == pytest.approx(calm.baseline_mape, rel=0.5)
    for value in values[1_500:1_700]:
        engine.step(float(value * rng.uniform(0.9, 1.1)))
    assert engine.drift().is_drifting
    assert engine.drift().ratio > 2


def test_a_wild_value_in_the_first_week_is_left_out(shared):
    values = clean(400, seed=10)
    wanted = run(shared, values, 168)
    values[50] = 1e12
    assert run(shared, values, 168)[-1] == pytest.approx(wanted[-1], rel=0.01)
