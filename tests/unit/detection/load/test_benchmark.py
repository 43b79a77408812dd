import numpy as np
import pytest

from soc_copilot.detection.load.benchmark import BenchmarkManager
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.load.making import MONDAY, clean


@pytest.fixture(scope="module")
def fitted():
    values = clean(24 * 200)
    manager = BenchmarkManager()
    manager.fit(values, MONDAY)
    return manager, values


def test_a_hundred_typical_days_of_mean_one(fitted):
    profiles = fitted[0].profiles
    assert profiles.centres.shape == (100, 24)
    assert np.allclose(profiles.centres.mean(1), 1)
    assert profiles.sizes.sum() == 200
    assert profiles.weekdays.sum() == 200


def test_a_whole_day_is_like_its_typical_day(fitted):
    manager, values = fitted
    day = values[24 * 100 : 24 * 101]
    found = manager.get_benchmark_for_period(MONDAY + 2400, 24, day, MONDAY + 2400)
    assert np.abs(found / day - 1).max() < 0.03


def test_a_partial_day_is_matched_by_the_hours_there_are(fitted):
    manager, values = fitted
    found = manager.get_benchmark_for_hour(MONDAY + 2412, values[2376:2412], MONDAY + 2376)
    assert found == pytest.approx(values[2412], rel=0.05)
    doubled = manager.get_benchmark_for_hour(MONDAY + 2412, 2 * values[2376:2412], MONDAY + 2376)
    assert doubled == pytest.approx(2 * found)


def test_a_day_that_only_begins_takes_the_level_of_the_day_before(fitted):
    manager, values = fitted
    found = manager.get_benchmark_for_hour(MONDAY + 2400, values[2376:2400], MONDAY + 2376)
    assert found == pytest.approx(values[2400], rel=0.1)


def test_a_period_over_midnight_and_unknown_hours(fitted):
    manager, values = fitted
    context = values[2376:2410].copy()
    context[::3] = np.nan
    found = manager.get_benchmark_for_period(MONDAY + 2390, 20, context, MONDAY + 2376)
    assert found.shape == (20,)
    assert np.abs(found / values[2390:2410] - 1).max() < 0.1
    nothing = np.full(24, np.nan)
    assert np.isnan(manager.get_benchmark_for_hour(MONDAY + 2400, nothing, MONDAY + 2376))


def test_the_same_days_give_the_same_clusters():
    values, found = clean(24 * 60), []
    for _ in range(2):
        manager = BenchmarkManager(8)
        manager.fit(values, MONDAY + 5)  # not at midnight: the broken days are left out
        found.append(manager.profiles.centres)
    assert np.array_equal(*found)
    assert found[0].shape == (8, 24)


def test_too_little():
    with pytest.raises(DetectorError, match="no typical days"):
        _ = BenchmarkManager().profiles
    with pytest.raises(DetectorError, match="whole day"):
        BenchmarkManager().fit(np.full(48, np.nan), MONDAY)
