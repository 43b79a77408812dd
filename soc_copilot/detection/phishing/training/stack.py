"""Fits the URL model: a table of hashed rows, and trees over what it says of each field.

The trees see the table's sums for rows that it was not fitted to (folds by group), as they will
stand for a URL that nobody has seen.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.boosted import Boosted, from_sklearn
from soc_copilot.detection.phishing.hashing import Floats32
from soc_copilot.detection.phishing.stacked import N_WEIGHTS, Stacked, columns, field_sums
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Samples
from soc_copilot.detection.phishing.training.table import Table, fit_table

_SCORED_AT_ONCE: Final = 4_096  # chosen: bounds memory


@dataclass(frozen=True, slots=True)
class StackRecipe:
    """How it is fitted; values chosen on the validation part.

    Attributes:
        bits: The table has 2**bits rows.
        strength: Of the linear loss beside the weights' squares.
        n_steps: Of the linear model's solver, at most.
        n_folds: The table is fitted anew for each, to the others.
        n_trees, n_leaves, rate: Of the trees.
        shrink: Holds leaves' values down.
        least: Rows in a leaf.
        looked: Share of the columns that each node looks at.
    """

    bits: int
    strength: float = 3.0
    n_steps: int = 40
    n_folds: int = 5
    n_trees: int = 300
    n_leaves: int = 15
    rate: float = 0.07
    shrink: float = 5.0
    least: int = 40
    looked: float = 0.3


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
    fold = rng.integers(0, recipe.n_folds, int(groups.max()) + 1)[groups][chosen]
    how = recipe.bits, recipe.strength, recipe.n_steps
    said = np.zeros((len(chosen), (samples.n_fields + 1) * N_WEIGHTS), np.float32)
    for number in range(recipe.n_folds):
        held = np.flatnonzero(fold == number)
        table = fit_table(samples, targets, weights, chosen[fold != number], *how)
        said[held] = _said(table, samples, chosen[held])
    table = fit_table(samples, targets, weights, chosen, *how)
    read = np.concatenate([samples.numbers[chosen], said], 1)
    trees = _trees(read, targets[chosen] >= 0.5, weights[chosen], recipe, seed)
    return Stacked(table.weights, table.bias, trees, samples.n_fields)


def _said(table: Table, samples: Samples, chosen: Indices) -> Floats32:
    parts = [
        field_sums(table.weights, samples.take(chosen[i : i + _SCORED_AT_ONCE]), samples.n_fields)
        for i in range(0, len(chosen), _SCORED_AT_ONCE)
    ]
    sums = np.concatenate([np.empty((0, samples.n_fields, N_WEIGHTS), np.float32), *parts])
    return columns(np.empty((len(sums), 0), np.float32), sums, table.bias)


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
        max_features=recipe.looked,
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
