from dataclasses import replace

import numpy as np

from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.text_model import from_tensors
from soc_copilot.detection.phishing.training.fit import hashed
from soc_copilot.detection.phishing.training.fit_text import fit_text
from soc_copilot.detection.phishing.training.trees import TreeRecipe, scored

RECIPE = TreeRecipe(bits=12, n_folds=3, n_trees=30, rate=0.06, least=5, n_leaves=5, looked=1.0)


def _sample(i: int) -> Gathered:
    # Words tell half of the samples, the number tells the other half.
    is_bad, by_words = i % 2, i % 4 < 2
    word = ("bad" if is_bad else "good") if by_words else "plain"
    return Gathered(
        words=[(1, f"{word}{i % 3}"), (1, f"w{i % 7}")],
        dense=[0.5 if by_words else float(is_bad), 0.5],
    )


SAMPLES = hashed([_sample(i) for i in range(400)], 2, 12)
TARGETS = np.array([float(i % 2) for i in range(400)])
GROUPS = np.arange(400) // 2


def test_words_and_numbers_are_both_learnt() -> None:
    model = fit_text(SAMPLES, TARGETS, np.ones(400), np.arange(300), GROUPS, RECIPE, 1)
    out = scored(model, SAMPLES, np.arange(300, 400))
    assert ((out > 0) == (TARGETS[300:] == 1)).mean() > 0.95
    assert len(scored(model, SAMPLES, np.empty(0, np.int64))) == 0


def test_what_is_stored_scores_alike() -> None:
    model = fit_text(SAMPLES, TARGETS, np.ones(400), np.arange(300), GROUPS, RECIPE, 1)
    again = from_tensors(model.tensors(), bits=12, n_fields=2, n_dense=2)
    chosen = np.arange(300, 400)
    assert np.allclose(scored(again, SAMPLES, chosen), scored(model, SAMPLES, chosen))


def test_a_seed_gives_the_same_model() -> None:
    some = replace(RECIPE, looked=0.5)
    one, two = (
        fit_text(SAMPLES, TARGETS, np.ones(400), np.arange(300), GROUPS, some, 1) for _ in range(2)
    )
    chosen = np.arange(300, 400)
    assert np.array_equal(scored(one, SAMPLES, chosen), scored(two, SAMPLES, chosen))
