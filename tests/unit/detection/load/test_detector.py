import numpy as np
import pytest

from soc_copilot.detection.load.detector import RealTimeDetector, watch
from soc_copilot.detection.load.injection import Attack, inject
from tests.unit.detection.load.making import MONDAY, clean


def test_a_quiet_month_is_quiet(shared):
    found = watch(shared, clean(2_000, seed=11), MONDAY, 1_000)
    assert len(found) == 1_000
    assert np.mean([v.is_threat for v in found]) < 0.02
    assert all(v.severity == "normal" for v in found if not v.is_threat)
    assert np.median([abs(v.deviation) for v in found]) < 0.01
    assert np.median([v.scaling_ratio for v in found]) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("size", [0.2, -0.2])
def test_a_step_is_flagged_at_once_dated_sized_and_named(shared, size):
    values, _ = inject(clean(1_400, seed=12), Attack("scaling", 1_200, 36, size))
    found = watch(shared, values, MONDAY, 1_000)
    struck = found[200:236]
    assert struck[0].is_threat
    assert np.mean([v.is_threat for v in struck]) > 0.5
    flagged = [v for v in struck if v.is_threat]
    assert flagged[-1].since == MONDAY + 1_200
    assert flagged[-1].guess.size == pytest.approx(size, abs=0.06)
    assert flagged[-1].deviation == pytest.approx(size, abs=0.08)
    assert flagged[-1].severity == "low"
    assert flagged[-1].test.p_value < 0.05
    assert np.mean([v.is_threat for v in found[240:]]) < 0.1


def test_the_intervals_of_the_window(shared):
    values, _ = inject(clean(1_400, seed=13), Attack("random", 1_300, 48, 0.5))
    detector = RealTimeDetector(shared)
    detector.initialise(values[:1_000], MONDAY)
    for value in values[1_000:]:
        detector.step(float(value))
    overlaps = [
        (a, b) for a, b in detector.intervals() if a < MONDAY + 1_348 and b > MONDAY + 1_300
    ]
    assert overlaps
    assert min(a for a, _ in overlaps) >= MONDAY + 1_290
    assert max(b for _, b in overlaps) <= MONDAY + 1_360


@pytest.mark.parametrize(
    ("value", "event", "is_threat"),
    [
        (float("nan"), "missing", False),
        (float("inf"), "missing", False),
        (0.0, "not_positive", True),
        (-5.0, "not_positive", True),
        (1e12, "jump", True),
        (1e-6, "jump", True),
    ],
)
def test_impossible_values_are_told_and_change_nothing(shared, value, event, is_threat):
    values = clean(1_100, seed=14)
    wanted = watch(shared, values, MONDAY, 1_000)
    values[1_050] = value
    found = watch(shared, values, MONDAY, 1_000)
    assert (found[50].event, found[50].is_threat) == (event, is_threat)
    assert all(np.isfinite([v.forecast, v.lower, v.upper]).all() for v in found)
    assert found[60].forecast == pytest.approx(wanted[60].forecast, rel=0.05)


def test_a_change_of_unit_is_told_and_then_taken_for_granted(shared):
    values = clean(1_200, seed=15)
    values[1_050:] *= 1000
    found = watch(shared, values, MONDAY, 1_000)
    events = [v.event for v in found]
    assert events[50:73] == ["jump"] * 23
    assert events[73] == "unit_change"
    assert set(events[74:]) == {""}
    assert found[100].forecast == pytest.approx(values[1_100], rel=0.1)


def test_streamed_and_in_batch_are_the_same(shared):
    values, _ = inject(clean(1_300, seed=16), Attack("ramp_up", 1_100, 30, 0.4))
    whole = watch(shared, values, MONDAY, 1_000)
    detector = RealTimeDetector(shared)
    detector.initialise(values[:1_000], MONDAY)
    for wanted, value in zip(whole, values[1_000:], strict=True):
        found = detector.step(float(value))
        assert found.forecast == pytest.approx(wanted.forecast, rel=1e-5)
        assert found.score == pytest.approx(wanted.score, abs=1e-5)
        assert found.is_threat == wanted.is_threat


def test_any_unit_gives_the_same_verdicts(shared):
    values, _ = inject(clean(1_200, seed=17), Attack("pulse", 1_100, 24, 0.3))
    one, other = (watch(shared, factor * values, MONDAY, 1_000) for factor in (1.0, 1e-3))
    assert [v.is_threat for v in one] == [v.is_threat for v in other]
    assert any(v.is_threat for v in one[100:124])


def test_a_noisy_series_of_counts_with_nights_of_nothing_is_not_flagged_all_the_time(shared):
    rng = np.random.default_rng(0)
    hours = np.arange(3_000)
    rate = np.where((hours % 24 >= 7) & (hours % 24 < 19), 40.0, 0.05)
    values = rng.poisson(rate).astype(np.float64)
    found = watch(shared, values, MONDAY, 1_500)
    assert np.mean([v.is_threat for v in found]) < 0.2  # such series were not learned from
    assert np.mean([v.event == "" for v in found]) > 0.99
