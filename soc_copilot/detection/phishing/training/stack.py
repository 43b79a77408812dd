"""Fits the URL model: a linear model of hashed rows, and trees over what it says of each field.

The trees see the linear model's sums for rows that it was not fitted to (folds by group), as
they will stand for a URL that nobody has seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.host.boosted import Boosted, from_sklearn
from soc_copilot.detection.phishing.hashing import Floats32
from soc_copilot.detection.phishing.stacked import Stacked, columns, field_sums
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Samples
from soc_copilot.detection.phishing.training.linear import solved, weighed

_SCORED_AT_ONCE: Final = 4_096  # chosen: bounds memory


@dataclass(frozen=True, slots=True)
class StackRecipe:
    """How it is fitted; values chosen on the validation part.

    Attributes:
        bits: The table has 2**bits rows.
        strength: Of the linear loss beside the weights' squares.
        n_steps: Of the linear model's solver, at most.
        n_folds: The linear model is fitted anew for each, to the others.
        n_trees, n_leaves, rate: Of the trees.
        shrink: Holds leaves' values down.
        least: Rows in a leaf.
    """

    bits: int
    strength: float = 3.0
    n_steps: int = 40
    n_folds: int = 4
    n_trees: int = 150
    n_leaves: int = 31
    rate: float = 0.1
    shrink: float = 5.0
    least: int = 40


def fit_stacked(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices,
    groups: npt.NDArray[np.int64], recipe: StackRecipe, seed: int,
) -> Stacked:  # fmt: skip
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
    fold = rng.integers(0, recipe.n_folds, int(groups.max()) + 1)[groups]
    sums = np.zeros((len(samples), samples.n_fields + 1), np.float32)
    for number in range(recipe.n_folds):
        rest = chosen[fold[chosen] != number]
        held = chosen[fold[chosen] == number]
        table, bias = _linear(samples, targets, weights, rest, recipe)
        sums[held] = _said(table, bias, samples, held)
    table, bias = _linear(samples, targets, weights, chosen, recipe)
    read = np.concatenate([samples.numbers[chosen], sums[chosen]], 1)
    trees = _trees(read, targets[chosen] >= 0.5, weights[chosen], recipe, seed)
    return Stacked(table, bias, trees, samples.n_fields)


def _linear(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices, recipe: StackRecipe
) -> tuple[torch.Tensor, float]:
    """Weights of table rows, as they will be stored, and the bias."""
    found, idf = weighed(samples.take(chosen), samples.n_fields, recipe.bits, None)
    table, bias = solved(found, targets[chosen], weights[chosen], recipe.strength, recipe.n_steps)
    return (table * torch.from_numpy(idf)).half().float(), bias


def _said(table: torch.Tensor, bias: float, samples: Samples, chosen: Indices) -> Floats32:
    parts = [
        field_sums(table, samples.take(chosen[i : i + _SCORED_AT_ONCE]), samples.n_fields)
        for i in range(0, len(chosen), _SCORED_AT_ONCE)
    ]
    sums = np.concatenate(parts)
    return columns(np.empty((len(sums), 0), np.float32), sums, bias)


def _trees(
    read: Floats32, is_phish: npt.NDArray[np.bool_], weights: Floats64, recipe: StackRecipe,
    seed: int,
) -> Boosted:  # fmt: skip
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=recipe.n_trees,
        learning_rate=recipe.rate,
        max_leaf_nodes=recipe.n_leaves,
        l2_regularization=recipe.shrink,
        min_samples_leaf=recipe.least,
        max_bins=127,
        early_stopping=False,
        random_state=seed,
    )
    return from_sklearn(model.fit(read, is_phish, sample_weight=weights))


def score_stacked(model: Stacked, samples: Samples, chosen: Indices) -> Floats64:
    """Logits of the chosen samples."""
    out = []
    for i in range(0, len(chosen), _SCORED_AT_ONCE):
        wanted = chosen[i : i + _SCORED_AT_ONCE]
        out.append(model.logits(samples.take(wanted), samples.numbers[wanted]))
    return np.concatenate(out).astype(np.float64) if out else np.empty(0)
