import numpy as np
import pytest

from soc_copilot.detection.load.flags import (
    FALL,
    FIRST,
    MARGIN,
    SURE,
    flags,
    is_flagged,
    later,
    threshold_for,
)


def test_a_sure_hour_is_always_flagged():
    odds = np.full(50, SURE)
    assert flags(odds, 0.0).all()
    assert not flags(odds, SURE + 0.1).any()


def test_a_weak_suspicion_is_told_once_and_again_when_it_rises():
    odds = np.full(60, -5.0)
    odds[10:20], odds[20:30] = 0.5, 0.5 + MARGIN + 0.01
    found = np.flatnonzero(flags(odds, 0.0)).tolist()
    assert found == [10, 20]


def test_what_was_of_late_is_forgotten():
    gap = int((0.5 + MARGIN) / FALL) + 4
    odds = np.full(gap + 20, -5.0)
    odds[3] = odds[8] = odds[3 + gap] = 0.5
    assert np.flatnonzero(flags(odds, 0.0)).tolist() == [3, 3 + gap]
    assert later(-5.0, FIRST) == FIRST - FALL or later(-5.0, FIRST) == -5.0


def test_a_strong_attack_does_not_hide_the_next():
    assert later(30.0, 0.0) == SURE
    assert is_flagged(SURE, SURE, 0.0)


def test_hour_by_hour_as_in_a_row():
    odds, late = np.random.default_rng(0).normal(0, 2, 500), FIRST
    whole = flags(odds, 0.3)
    for at, value in enumerate(odds):
        assert is_flagged(value, late, 0.3) == whole[at]
        late = later(value, late)


def test_the_threshold_keeps_the_budget():
    rng = np.random.default_rng(0)
    odds = [rng.normal(-3, 1, 20_000), rng.normal(-2, 1, 20_000)]
    found = threshold_for(odds, 0.001, -10.0, 15.0)
    share = np.mean([flags(one, found).mean() for one in odds])
    assert share == pytest.approx(0.001, rel=0.1)
    assert share <= 0.001
    assert threshold_for(odds, 1.0, -10.0, 15.0) == -10.0
