import math

import numpy as np
import pytest

from soc_copilot.detection.load import rates_step as rs
from soc_copilot.detection.load.rates import RateWatcher, watch_rows

WEEKS = rs.BLOCK * rs.N_BLOCKS  # rows that a record is compared with


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(10.0, 1.0, n)


def peaks():
    found = np.zeros((2, rs.N_BLOCKS))
    found[0], found[1] = -np.inf, np.inf
    return found


def test_a_record_is_told_by_how_far_it_leaves_the_range():
    kept = peaks()
    sizes = [rs._record(t, v, True, True, kept) for t, v in enumerate([0.0, 10.0, 5.0, 12.0, -6.0])]
    assert sizes == pytest.approx([0, rs._LARGEST, 0, 0.2, 0.5])
    assert rs._record(5, -20.0, True, False, kept) == 0  # downwards does not count here
    assert rs._record(6, 50.0, False, True, kept) == 0  # not known for long enough
    assert rs._record(7, 51.0, True, True, kept) == pytest.approx(1 / 70)
    assert rs._record(8, 51.1, True, True, kept) == 0  # hardly more


def test_a_size_is_as_seldom_as_its_share_of_rows():
    counts = np.zeros(rs.N_SIZES)
    assert rs._seldom(0.0, 999.0, counts) == 0
    assert counts.sum() == 0
    assert rs._seldom(1.0, 999.0, counts) == pytest.approx(3)
    assert rs._seldom(0.1, 999.0, counts) == pytest.approx(3 - math.log10(2))
    assert rs._seldom(50.0, 999.0, counts) == pytest.approx(3)
    assert rs._seldom(1e30, 9_999.0, counts) == pytest.approx(4)


def test_the_bar_lets_an_event_score_once_and_falls():
    bar = np.zeros(1)
    assert rs._above_the_bar(2_000, 3.0, bar) == 3
    assert rs._above_the_bar(2_001, 3.5, bar) == 0
    assert rs._above_the_bar(2_002, 4.3, bar) == 4.3
    again = [t for t in range(2_003, 2_100) if rs._above_the_bar(t, 3.0, bar)]
    assert again == []  # each of them raises it again
    assert bar[0] > 3
    quiet = [rs._above_the_bar(t, 0.0, bar) for t in range(2_100, 2_300)]
    assert not any(quiet)
    assert rs._above_the_bar(2_300, 3.0, bar) == 3


def test_the_mix_of_values_differs_after_a_change():
    ring, mix, found = np.zeros(400), np.zeros((2, rs.N_LEVELS)), []
    rows = np.concatenate([noise(1_000) - 10, 0.2 * noise(400, 1) - 0.5])
    for t, x in enumerate(rows):
        ring[t % 400] = x
        found.append(rs._divergence(t, ring, mix))
    assert mix[0].sum() == rs._MIX
    assert mix[1].sum() == len(rows) - rs._MIX
    assert max(found[400:1_000]) < 0.3 < 1 < found[1_200]


def test_the_profile_of_the_day_is_learned():
    profile = np.zeros((3, 4))
    rng = np.random.default_rng(2)
    for t in range(200):
        usual = rs._beside_profile(float(t % 4) + rng.normal(0, 0.2), t % 4, profile)
    assert profile[0] == pytest.approx([0, 1, 2, 3], abs=0.3)
    assert abs(usual) < 6 < rs._beside_profile(3.0, 0, profile)


def test_each_kind_of_change_has_its_statistics():
    rows = noise(4_000, 3) + 4 * np.sin(2 * np.pi * np.arange(4_000) / 288)
    begin, struck = 3_100, {"spike": rows.copy(), "level": rows.copy(), "flat": rows.copy()}
    struck["spike"][begin] = 40.0
    struck["level"][begin : begin + 300] += 8
    struck["flat"][begin : begin + 288] = 10.0
    seen = {}
    for kind, values in struck.items():
        watcher, best = RateWatcher(300), np.zeros(rs.N_CHANNELS)
        for t, value in enumerate(values):
            watcher.step(float(value))
            if begin <= t < begin + 288:
                best = np.maximum(best, watcher.measures)
        seen[kind] = {name for name, most in zip(rs.CHANNELS, best, strict=True) if most > 2.3}
    assert seen["spike"] == {"value", "mean_3", "error_12", "row"}
    assert seen["level"] == set(rs.CHANNELS)
    assert seen["flat"] == {"error_12", "profile_12", "row"}


def test_records_are_forgotten():
    rows = noise(WEEKS + 6_000, 5)
    rows[1_000] = rows[3_000] = rows[-1_000] = 30.0
    found = watch_rows(rows, 300)
    assert found[1_000].score > 1
    assert found[3_000].score < 0.8 * found[1_000].score
    assert found[3_000].strongest == "row"
    assert found[len(rows) - 1_000].strongest == "value"


def test_rows_that_are_missing_score_nothing():
    rows = noise(2_000, 6)
    rows[1_500:1_560] = np.nan
    assert not any(v.score or v.is_threat for v in watch_rows(rows, 300)[1_500:1_560])
