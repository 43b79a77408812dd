"""Fits the model of short texts: a linear model of hashed rows, and trees over it and the numbers.

The trees see the linear logits of rows that it was not fitted to (folds by group), as they will
stand for a text that nobody has seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.host.boosted import from_sklearn
from soc_copilot.detection.phishing.hashing import Floats32
from soc_copilot.detection.phishing.text_model import TextModel, columns, line
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Samples
from soc_copilot.detection.phishing.training.linear import solved, weighed

_SCORED_AT_ONCE: Final = 4_096  # chosen: bounds memory


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """How it is fitted; values chosen on the validation part.

    Attributes:
        bits: The table has 2**bits rows.
        strength: Of the linear loss beside the weights' squares.
        n_steps: Of the linear model's solver, at most.
        n_folds: The linear model is fitted anew for each, to the others.
        n_trees, n_leaves, rate: Of the trees.
        shrink: Holds leaves' values down.
        least: Rows in a leaf.
        looked: Share of the columns that each node of a tree looks at.
    """

    bits: int
    strength: float = 3.0
    n_steps: int = 40
    n_folds: int = 4
    n_trees: int = 150
    n_leaves: int = 15
    rate: float = 0.06
    shrink: float = 5.0
    least: int = 20
    looked: float = 0.3


def fit_text(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices,
    groups: npt.NDArray[np.int64], recipe: TextRecipe, seed: int,
) -> TextModel:  # fmt: skip
    """The model fitted to the chosen samples.

    Args:
        samples: Of any number.
        targets: In [0, 1].
        weights: Of each sample in the loss.
        chosen: Which samples.
        groups: Of each sample, a number: near-duplicates are in one fold.
        recipe: How.
        seed: Of everything random.
    """
    rng = np.random.default_rng(seed)
    fold = rng.integers(0, recipe.n_folds, int(groups.max()) + 1)[groups][chosen]
    said = np.zeros(len(chosen), np.float32)
    for number in range(recipe.n_folds):
        held = fold == number
        table, bias = _linear(samples, targets, weights, chosen[~held], recipe)
        said[held] = _said(table, bias, samples, chosen[held])
    table, bias = _linear(samples, targets, weights, chosen, recipe)
    read = columns(samples.numbers[chosen], said)
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        max_iter=recipe.n_trees,
        learning_rate=recipe.rate,
        max_leaf_nodes=recipe.n_leaves,
        l2_regularization=recipe.shrink,
        min_samples_leaf=recipe.least,
        max_features=recipe.looked,
        max_bins=127,
        early_stopping=False,
        random_state=seed,
    ).fit(read, targets[chosen] >= 0.5, sample_weight=weights[chosen])
    return TextModel(table, bias, from_sklearn(trees), samples.n_fields)


def _linear(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices, recipe: TextRecipe
) -> tuple[torch.Tensor, float]:
    """Weights of table rows, as they will be stored, and the bias."""
    found, idf = weighed(samples.take(chosen), samples.n_fields, recipe.bits, None)
    table, bias = solved(found, targets[chosen], weights[chosen], recipe.strength, recipe.n_steps)
    return (table * torch.from_numpy(idf)).half().float(), bias


def _said(table: torch.Tensor, bias: float, samples: Samples, chosen: Indices) -> Floats32:
    parts = [
        line(table, bias, samples.take(chosen[i : i + _SCORED_AT_ONCE]), samples.n_fields)
        for i in range(0, len(chosen), _SCORED_AT_ONCE)
    ]
    return np.concatenate([np.empty(0, np.float32), *parts])


def score_text(model: TextModel, samples: Samples, chosen: Indices) -> Floats64:
    """Logits of the chosen samples."""
    out = [np.empty(0, np.float32)]
    for i in range(0, len(chosen), _SCORED_AT_ONCE):
        wanted = chosen[i : i + _SCORED_AT_ONCE]
        out.append(model.logits(samples.take(wanted), samples.numbers[wanted]))
    return np.concatenate(out).astype(np.float64)
