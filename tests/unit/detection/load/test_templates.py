import numpy as np
import pytest

from soc_copilot.detection.load.injection import profile
from soc_copilot.detection.load.templates import (
    FAMILIES,
    N_SHAPE,
    NAMES,
    WORDS,
    Templates,
    describe,
    effect_of,
    fit,
    undone,
)


@pytest.fixture(scope="module")
def answers():
    found = np.zeros((72, 121))
    found[:, 1] = 0.95
    return found


def attack(name, n, size, answers, rng):
    change = np.log1p(size * profile(name, n, int(rng.integers(1000))))
    return effect_of(answers[:n]) @ change + 0.004 * rng.normal(size=n)


@pytest.fixture(scope="module")
def fitted(answers):
    rng, shapes, names = np.random.default_rng(0), [], []
    for _ in range(60):
        for name in NAMES:
            n = int(rng.integers(12, 73))
            errors = attack(name, n, float(rng.uniform(0.1, 0.5)), answers, rng)
            effect = effect_of(answers[:n])
            change = undone(effect, errors)
            shapes.append(describe(change, errors, np.full(n, 0.004), effect))
            names.append(name)
    return fit(shapes, names)


def test_the_effect_of_a_change(answers):
    found = effect_of(answers) @ np.concatenate([np.zeros(3), np.ones(69)])
    assert found[:6] == pytest.approx([0, 0, 0, 1, 0.05, 0.05])


def test_templates_and_sizes_are_told_apart(fitted, answers):
    rng, right, misses = np.random.default_rng(1), 0, []
    for name in NAMES:
        for size in (0.2, -0.2, 0.4):
            guess = fitted.guess(
                attack(name, 48, size, answers, rng), np.full(48, 0.004), answers[:48]
            )
            right += guess.template == name
            misses.append(abs(guess.size - size))
            assert sum(guess.probabilities.values()) == pytest.approx(1)
            assert guess.probability == max(guess.probabilities.values())
    assert right >= 0.8 * 3 * len(NAMES)
    assert np.median(misses) < 0.05


def test_the_card_holds_all_of_it(fitted):
    again = Templates.from_card(fitted.as_card())
    assert np.array_equal(again.means, fitted.means)
    assert np.array_equal(again.covariances, fitted.covariances)
    with pytest.raises(ValueError, match="another shape"):
        Templates.from_card({"means": [[1.0]], "covariances": [[[1.0]]]})
    with pytest.raises(ValueError, match="no Gaussians"):
        Templates(fitted.means, -fitted.covariances)
    assert len(fitted.means[0]) == N_SHAPE
    assert set(FAMILIES) == set(WORDS) == set(NAMES)
