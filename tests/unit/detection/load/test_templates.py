import numpy as np
import pytest

from soc_copilot.detection.load.evidence import (
    N_AROUND,
    N_SIGNS,
    gather,
    new_state,
    tables,
)
from soc_copilot.detection.load.injection import profile
from soc_copilot.detection.load.templates import (
    FAMILIES,
    N_ROW,
    N_SHAPE,
    NAMES,
    WORDS,
    Templates,
    describe,
    effect_of,
    look,
    size_of,
    undone,
)
from soc_copilot.detection.load.training.learn import Effort, fit_templates

NOISE = 0.004


@pytest.fixture(scope="module")
def answer():
    found = np.zeros((168, 121))
    found[:, 1] = 0.95
    return found


def seen(name, n, size, answer, rng):
    """What there is to see at the end of an attack on a series of noise."""
    quiet = 60
    change = np.zeros(quiet + n)
    change[quiet:] = np.log1p(size * profile(name, n, int(rng.integers(1000))))
    errors = NOISE * rng.normal(size=len(change)) + change
    errors[1:] -= 0.95 * change[:-1]
    (sums, rings), out, shapes = new_state(), np.empty(N_SIGNS), tables(answer)
    for at, error in enumerate(errors):
        gather(
            at, np.array([error, 0.0]), np.full(2, NOISE), True, at % 168,
            np.zeros(N_AROUND), (answer, shapes), (sums, rings), out,
        )  # fmt: skip
    return look(len(errors) - 1, (len(errors) - 1) % 168, answer, (sums, rings), out, quiet)


@pytest.fixture(scope="module")
def fitted(answer):
    rng, rows, names = np.random.default_rng(0), [], []
    for _ in range(40):
        for name in NAMES:
            n, size = int(rng.integers(12, 73)), float(rng.uniform(0.1, 0.5))
            rows.append(seen(name, n, size, answer, rng).row)
            names.append(name)
    return fit_templates(rows, names, Effort(n_template_trees=15), 1)


def test_the_effect_of_a_change(answer):
    found = effect_of(answer[:72]) @ np.concatenate([np.zeros(3), np.ones(69)])
    assert found[:6] == pytest.approx([0, 0, 0, 1, 0.05, 0.05])


def test_a_look_at_a_step(answer):
    found = seen("scaling", 40, 0.2, answer, np.random.default_rng(2))
    assert len(found.errors) == 40  # dated to its first hour
    assert found.scales == pytest.approx(NOISE, rel=0.5)
    assert np.expm1(found.change.mean()) == pytest.approx(0.2, abs=0.05)
    assert found.row.shape == (N_ROW,)
    shape = describe(found.change, found.errors, found.scales, found.effect)
    assert np.array_equal(found.row[N_SIGNS + N_SHAPE :], shape)
    assert shape.shape == (N_SHAPE,)
    assert undone(found.effect, found.errors) == pytest.approx(found.change)
    size = size_of("scaling", found.change, found.errors, found.scales, found.effect)
    assert size == pytest.approx(0.2, abs=0.02)


def test_templates_are_told_apart(fitted, answer):
    rng, right = np.random.default_rng(1), 0
    for name in NAMES:
        for size in (0.2, -0.2, 0.4):
            guess = fitted.guess(seen(name, 48, size, answer, rng), np.zeros(len(NAMES)))
            right += guess.template == name
            assert sum(guess.probabilities.values()) == pytest.approx(1)
            assert guess.probability == max(guess.probabilities.values())
            assert np.sign(guess.size) == np.sign(size) or guess.template != name
    assert right >= 0.7 * 3 * len(NAMES)


def test_networks_have_their_say(fitted, answer):
    look = seen("scaling", 48, 0.3, answer, np.random.default_rng(3))
    alone = fitted.guess(look, np.zeros(len(NAMES)))
    scores = np.where(np.array(NAMES) == "random", 20.0, 0.0)
    assert alone.template == "scaling"
    assert fitted.guess(look, scores).template == "random"
    assert fitted.guess(look, scores + 7).probabilities == pytest.approx(
        fitted.guess(look, scores).probabilities
    )


def test_every_template_has_its_trees_and_words(fitted):
    with pytest.raises(ValueError, match="others"):
        Templates(fitted.trees[:-1])
    assert set(FAMILIES) == set(WORDS) == set(NAMES)
