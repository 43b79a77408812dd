import numpy as np
import pytest

from soc_copilot.detection.load.days import COLUMNS
from soc_copilot.detection.load.evidence import N_AROUND, N_SIGNS
from soc_copilot.detection.load.injection import Attack
from soc_copilot.detection.load.series import from_rows
from soc_copilot.detection.load.training.corpus import sample
from soc_copilot.detection.load.training.learn import (
    Struck,
    _course_lesson,
    _lesson,
    openings,
    usual_errors,
)
from soc_copilot.detection.load.training.simulate import FIRST_HOURS, Errors
from tests.unit.detection.load.making import MONDAY, clean


def test_usual_errors_weigh_series_alike():
    rng, n = np.random.default_rng(0), 8_760
    hours = MONDAY + np.arange(n)
    wide = np.where(hours % 24 == 8, 3.0, 1.0)  # every morning is harder
    series = [
        Errors(
            size * wide[:, None] * rng.normal(size=(n, 2)),
            hours,
            np.ones(n, bool),
            np.zeros((n, N_AROUND)),
            np.zeros((n, len(COLUMNS))),
        )
        for size in (0.01, 0.03)
    ]
    usual = usual_errors(series)
    assert usual.shape == (2, 4, 168)
    assert usual[:, :, 8].mean() == pytest.approx(2.7 * usual[:, :, 9].mean(), rel=0.15)
    both = np.mean([np.abs(s.values).mean() for s in series])
    assert usual.mean() == pytest.approx(both, rel=0.05)


def test_hours_after_an_attack_count_little():
    n = 2_000
    owner = np.zeros(n, np.int64)
    owner[1_000:1_020] = 1
    errors = Errors(
        np.zeros((n, 2)), MONDAY + np.arange(n), np.ones(n, bool), np.zeros((n, N_AROUND)),
        np.zeros((n, len(COLUMNS))),
    )  # fmt: skip
    rows = np.zeros((n, N_SIGNS), np.float32)
    rows[:, 0] = np.arange(n)
    attacks = [Attack("scaling", 1_000, 20, 0.1)]
    found, labels, weights = _lesson(Struck(errors, attacks, owner), rows, np.random.default_rng(0))
    of = dict(zip(found[:, 0].astype(int).tolist(), weights.tolist(), strict=True))
    assert labels.sum() == 20
    assert of[1_005] == 1
    assert 0 < of[1_020] == of[1_025] < 0.5
    assert of[1_060] == 1
    assert set(weights[found[:, 0] < 900].tolist()) == {4.0}
    assert weights.sum() == pytest.approx(n - 400, rel=0.15)  # parts stand for all


def test_what_networks_learn_from_counts_likewise(shared):
    n = 13_500
    stamps = [(MONDAY + 1 + hour) * 3600 for hour in range(n)]
    made = sample("a", from_rows("a", stamps, clean(n, seed=5)))
    model = (shared.model.usual, *shared.evidence)
    one = _course_lesson(made, shared.model.base, model, np.random.default_rng(0))
    struck = one.kinds >= 0
    assert set(one.weights[FIRST_HOURS:].tolist()) == {1.0, float(np.float32(0.4))}
    assert (one.weights[struck] == 1).all()
    ends = np.flatnonzero(struck[:-13] & ~struck[1:-12])
    assert len(ends) > 5
    assert (one.weights[ends + 1] < 0.5).all()
    assert (one.weights[ends + 12] < 0.5).all()
    assert (one.weights[ends + 13] == 1).all()
    assert not one.weights[:FIRST_HOURS].any()
    assert set(one.kinds.tolist()) == set(range(-1, 8))


def test_a_suspicion_goes_on_over_short_pauses():
    flags = np.zeros(200, bool)
    flags[[10, 11, 15, 30, 31]] = True
    flags[60:180] = True
    found = openings(flags)
    assert found[[10, 11, 15, 30, 31]].tolist() == [10, 10, 10, 30, 30]
    assert found[12] == 12
    assert set(found[60:180].tolist()) == {60, 156}
