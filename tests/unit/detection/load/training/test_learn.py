import numpy as np
import pytest

from soc_copilot.detection.load.intervals import latched
from soc_copilot.detection.load.training.learn import calibrate, usual_errors
from soc_copilot.detection.load.training.simulate import Errors
from tests.unit.detection.load.making import MONDAY


def test_usual_errors_weigh_series_alike():
    rng, n = np.random.default_rng(0), 8_760
    hours = MONDAY + np.arange(n)
    wide = np.where(hours % 24 == 8, 3.0, 1.0)  # every morning is harder
    series = [
        Errors(size * wide * rng.normal(size=(2, n)), hours, np.ones(n, bool))
        for size in (0.01, 0.03)
    ]
    usual = usual_errors(series)
    assert usual.shape == (2, 4, 168)
    assert usual[:, :, 8].mean() == pytest.approx(2.7 * usual[:, :, 9].mean(), rel=0.15)
    both = np.mean([np.abs(s.values).mean() for s in series])
    assert usual.mean() == pytest.approx(both, rel=0.05)


def test_the_threshold_keeps_the_budget():
    rng = np.random.default_rng(0)
    odds = [rng.normal(-3, 1, 20_000), rng.normal(-2, 1, 20_000)]
    found = calibrate(odds, 0.01)
    share = np.mean([latched(o - found).mean() for o in odds])
    assert share == pytest.approx(0.01, rel=0.05)
    assert share <= 0.01
