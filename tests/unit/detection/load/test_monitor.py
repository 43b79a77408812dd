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


def test_only_the_latest_hours_count():
    found = monitor([1.0] * 5 + [0.001] * 10_000).read()
    assert found.n_hours == 10_005
    assert found.p99_us == pytest.approx(1_000)
