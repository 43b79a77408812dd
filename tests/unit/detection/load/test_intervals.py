import numpy as np
import pytest

from soc_copilot.detection.load.intervals import (
    compare,
    find_intervals,
    runs,
)


def test_runs():
    assert runs(np.array([0, 1, 1, 0, 1], bool)) == ((1, 3), (4, 5))
    assert runs(np.zeros(3, bool)) == ()


def test_single_hours_do_not_count_and_gaps_are_bridged():
    odds = np.full(50, -3.0)
    odds[10] = 5.0
    odds[20:30] = 4.0
    odds[25] = -2.0
    assert find_intervals(odds) == ((20, 30),)
    assert find_intervals(np.array([])) == ()
    assert find_intervals(np.full(5, 9.0)) == ((0, 5),)


def test_it_is_the_best_of_all_courses():
    rng = np.random.default_rng(1)
    for _ in range(20):
        odds, cost = rng.normal(0, 3, 9), 2.0

        def worth(bits, odds=odds, cost=cost):
            flags = np.array([int(b) for b in bits])
            turns = np.abs(np.diff(np.concatenate([[0], flags]))).sum()
            return (np.where(flags == 1, odds, -odds) / 2).sum() - cost * turns

        best = max((f"{i:09b}" for i in range(512)), key=worth)
        assert find_intervals(odds, cost) == runs(np.array([b == "1" for b in best]))


def test_a_shift_is_no_chance_and_chance_is_none():
    rng = np.random.default_rng(0)
    outside = rng.normal(0, 1, 400)
    shifted = compare(rng.normal(3, 1, 20), outside)
    same = compare(rng.normal(0, 1, 20), outside)
    assert shifted.p_value < 1e-6
    assert shifted.effect_size == pytest.approx(3, abs=0.7)
    assert same.p_value > 0.01
    assert compare(np.zeros(1), outside) is None
    assert compare(np.zeros(5), outside[:49]) is None
    assert compare(np.zeros(5), np.zeros(100)).p_value == pytest.approx(1)
