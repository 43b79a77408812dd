import numpy as np

from soc_copilot.detection.phishing.hashing import Gathered, bags, dense
from soc_copilot.detection.phishing.training.fit import Recipe, fit, hashed, score

SAMPLES = [
    Gathered([(0, 1, f"good{i}" if i % 2 else f"evil{i}", 3, 4)], [(1, f"n{i}")], [float(i % 3)])
    for i in range(200)
]
TARGETS = np.array([float(i % 2 == 0) for i in range(200)])
RECIPE = Recipe(bits=12, width=4, hidden=8, epochs=4, batch=16, rate=1e-2)


def test_taking_samples_is_hashing_them_alone() -> None:
    samples = hashed(SAMPLES, 2, 12)
    wanted = np.array([7, 3, 199, 3])
    alone = bags([SAMPLES[i] for i in wanted], 2, 12)
    taken = samples.take(wanted)
    assert np.array_equal(taken.rows, alone.rows)
    assert np.array_equal(taken.offsets, alone.offsets)
    assert np.array_equal(samples.numbers[wanted], dense([SAMPLES[i] for i in wanted]))
    assert len(samples) == 200


def test_what_can_be_learnt_is_learnt_and_again_alike() -> None:
    samples = hashed(SAMPLES, 2, 12)
    chosen, rest = np.arange(150), np.arange(150, 200)
    weights = np.ones(200)
    nets = [fit(samples, TARGETS, weights, chosen, RECIPE, seed) for seed in (1, 1, 2)]
    found = [score([net], samples, rest) for net in nets]
    assert ((found[0] > 0) == (TARGETS[rest] == 1)).all()
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert np.allclose(score(nets[1:], samples, rest), (found[1] + found[2]) / 2, atol=1e-5)


def test_rows_of_no_weight_teach_nothing() -> None:
    samples = hashed(SAMPLES, 2, 12)
    weights = (TARGETS == 0).astype(float)
    net = fit(samples, TARGETS, weights, np.arange(200), RECIPE, 1)
    assert (score([net], samples, np.arange(200)) < 0).all()
