"""Fits the URL model: a table of hashed rows, and trees over what it says of each field."""

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.phishing.hashing import Floats32
from soc_copilot.detection.phishing.stacked import N_WEIGHTS, Stacked, columns, field_sums
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Samples
from soc_copilot.detection.phishing.training.table import Table, fit_table
from soc_copilot.detection.phishing.training.trees import TreeRecipe, crossed, fit_trees, pieces


def fit_stacked(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices,
    groups: npt.NDArray[np.int64], recipe: TreeRecipe, seed: int,
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
    how = recipe.bits, recipe.strength, recipe.n_steps

    def said(fitted_to: Indices, asked: Indices) -> Floats32:
        return _said(fit_table(samples, targets, weights, fitted_to, *how), samples, asked)

    found = crossed(said, chosen, groups, recipe.n_folds, seed)
    table = fit_table(samples, targets, weights, chosen, *how)
    read = np.concatenate([samples.numbers[chosen], found], 1)
    trees = fit_trees(read, targets[chosen] >= 0.5, weights[chosen], recipe, seed)
    return Stacked(table.weights, table.bias, trees, samples.n_fields)


def _said(table: Table, samples: Samples, chosen: Indices) -> Floats32:
    parts = [
        field_sums(table.weights, samples.take(some), samples.n_fields) for some in pieces(chosen)
    ]
    sums = np.concatenate([np.empty((0, samples.n_fields, N_WEIGHTS), np.float32), *parts])
    return columns(np.empty((len(sums), 0), np.float32), sums, table.bias)
