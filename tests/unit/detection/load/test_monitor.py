import numpy as np
import pytest

from soc_copilot.detection.load.forecast import Drift
from soc_copilot.detection.load.monitor import PerformanceMonitor, memory_bytes


def monitor(seconds, **others):
    """A monitor for which the hours take these times."""
    ticks = iter(np.ravel([(0.0, s) for s in seconds]))
    found = PerformanceMonitor(clock=lambda: next(ticks), **others)
    for _ in seconds:
        with found.measure():
            pass
    return found


def test_percentiles_and_rate():
    found = monitor([0.0001] * 98 + [0.001, 0.01]).read()
    assert found.n_hours == 100
    assert found.p50_us == pytest.approx(100)
    assert found.p99_us > 900
    assert found.hours_per_s == pytest.approx(100 / (98 * 0.0001 + 0.011))


def test_nothing_was_measured_yet():
    found = PerformanceMonitor(memory=lambda: 5).read()
    assert (found.n_hours, found.p50_us, found.hours_per_s) == (0, 0, 0)
    assert not found.is_over_memory


def test_memory_against_its_limit_and_drift():
    drift = Drift(1.0, 0.02, 0.01, 2.0, is_drifting=True)
    found = monitor([0.1], memory_limit_bytes=10, memory=lambda: 11).read(drift)
    assert found.is_over_memory
    assert found.drift is drift
    assert memory_bytes() > 10_000_000


def test_times_go_on_after_a_restart():
    before = monitor([0.0001] * 30 + [0.0002] * 30)
    assert before.latest_us(2) == [200, 200]
    after = PerformanceMonitor(memory=lambda: 0)
    after.resume(before.latest_us(40))
    assert after.read().n_hours == 40
    assert after.read().p50_us == pytest.approx(200)
    assert after.latest_us(100) == [100] * 10 + [200] * 30


def test_a_reading_in_plain_numbers():
    drift = Drift(1.0, 0.02, 0.01, 2.0, is_drifting=True)
    found = monitor([0.1], memory_limit_bytes=10, memory=lambda: 11).read(drift).standing()
    assert (found.mape, found.ratio, found.is_drifting, found.is_over_memory) == (
        0.02, 2.0, True, True,
    )  # fmt: skip
    assert np.isnan(PerformanceMonitor().read().standing().ratio)


def test_only_the_latest_hours_count():
    found = monitor([1.0] * 5 + [0.001] * 10_000).read()
    assert found.n_hours == 10_005
    assert found.p99_us == pytest.approx(1_000)
