import numpy as np
import pytest

from soc_copilot.detection.load.rates import CHANNELS, RateWatcher, watch_rows
from soc_copilot.domain.errors import DetectorError

DAY = 288  # rows of five minutes


def counts(n_days, seed=0):
    rng = np.random.default_rng(seed)
    at = np.arange(n_days * DAY)
    return rng.poisson(200 + 150 * np.sin(2 * np.pi * at / DAY)).astype(np.float64)


def alarms(found, first):
    return [at for at, verdict in enumerate(found) if verdict.is_threat and at >= first]


def test_a_quiet_fortnight_is_quiet():
    found = watch_rows(counts(14), 300)
    assert len(alarms(found, 0)) <= 3
    late = found[7 * DAY :]
    misses = [abs(v.forecast - v.value) for v in late]
    assert np.mean(misses) < 1.3 * np.mean(np.sqrt(2 / np.pi * counts(14)[7 * DAY :]))
    assert 0.8 < np.mean([v.lower <= v.value <= v.upper for v in late]) <= 1


@pytest.mark.parametrize("change", [0.0, 5.0])
def test_a_silence_and_a_flood_are_alarms_at_once_and_once(change):
    values, at = counts(10, seed=1), 8 * DAY + 100
    values[at : at + 60] *= change
    found = alarms(watch_rows(values, 300), 7 * DAY)
    assert found
    assert at <= found[0] <= at + 12
    assert sum(at <= row < at + 60 for row in found) <= 5


@pytest.mark.parametrize("change", [0.0, 5.0])
def test_what_happened_before_is_an_alarm_again(change):
    values, days = counts(18, seed=1), (8, 10, 13, 16)
    for day in days:
        values[day * DAY + 100 : day * DAY + 112] *= change
    found = watch_rows(values, 300)
    struck = alarms(found, 7 * DAY)
    assert {row // DAY for row in struck} == set(days)
    assert found[8 * DAY + 100].score > 2 * found[10 * DAY + 100].score  # only the first is new


def test_a_day_without_its_usual_rise_is_odd():
    values = counts(14, seed=2)
    values[10 * DAY : 11 * DAY] = np.random.default_rng(3).poisson(200, DAY)
    found = watch_rows(values, 300)
    struck = max(v.score for v in found[10 * DAY : 11 * DAY])
    assert struck > max(v.score for v in found[5 * DAY : 10 * DAY])


def test_nothing_depends_on_the_unit():
    values = counts(6, seed=4)
    one, other = watch_rows(values, 300), watch_rows(values * 1e6, 300)
    assert [v.score for v in other] == pytest.approx([v.score for v in one], abs=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0])
def test_impossible_values_stop_nothing(value):
    values = counts(4, seed=5)
    values[0], values[1], values[900:903] = value, value, value
    found = watch_rows(values, 300)
    later = found[3:]
    assert np.isfinite([v.forecast for v in later]).all()
    assert np.isfinite([v.score for v in later]).all()
    assert np.isfinite(RateWatcher.from_bytes(_state_of(values)).step(1.0).forecast)


def _state_of(values):
    watcher = RateWatcher(300)
    for value in values:
        watcher.step(float(value))
    return watcher.to_bytes()


def test_a_constant_series_and_its_first_change():
    values = np.full(3_000, 7.0)
    values[2_500] = 9.0
    found = watch_rows(values, 300)
    assert alarms(found, 0)[0] == 2_500
    assert len(alarms(found, 0)) <= 2  # a day later it differs from the day before once more
    assert found[2_500].strongest in CHANNELS


@pytest.mark.parametrize("stop", [0, 10, 160, 1_000])
def test_a_restart_changes_nothing(stop):
    values = counts(5, seed=6)
    values[1_100:1_110] *= 4
    whole = watch_rows(values, 300)
    watcher = RateWatcher(300)
    for value in values[:stop]:
        watcher.step(float(value))
    watcher = RateWatcher.from_bytes(watcher.to_bytes())
    assert watcher.n_rows == stop
    found = [watcher.step(float(value)) for value in values[stop:]]
    assert repr(found) == repr(whole[stop:])
    assert watcher.measures.shape == (len(CHANNELS),)


def test_other_states_and_steps_are_refused():
    with pytest.raises(DetectorError, match="damaged"):
        RateWatcher.from_bytes(b"no")
    for step_s in (1.0, 1e6, float("nan")):
        with pytest.raises(DetectorError, match="Rows must come"):
            RateWatcher(step_s)
