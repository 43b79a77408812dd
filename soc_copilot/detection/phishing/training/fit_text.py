"""Fits the model of short texts: a linear model of hashed rows, and trees over it and numbers."""

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.phishing.hashing import Floats32
from soc_copilot.detection.phishing.text_model import TextModel, columns, line
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Samples
from soc_copilot.detection.phishing.training.linear import solved, weighed
from soc_copilot.detection.phishing.training.trees import TreeRecipe, crossed, fit_trees, pieces


def fit_text(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices,
    groups: npt.NDArray[np.int64], recipe: TreeRecipe, seed: int,
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

    def said(fitted_to: Indices, asked: Indices) -> Floats32:
        return _said(*_linear(samples, targets, weights, fitted_to, recipe), samples, asked)

    found = crossed(said, chosen, groups, recipe.n_folds, seed)
    table, bias = _linear(samples, targets, weights, chosen, recipe)
    read = columns(samples.numbers[chosen], found)
    trees = fit_trees(read, targets[chosen] >= 0.5, weights[chosen], recipe, seed)
    return TextModel(table, bias, trees, samples.n_fields)


def _linear(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices, recipe: TreeRecipe
) -> tuple[torch.Tensor, float]:
    """Weights of table rows, as they will be stored, and the bias."""
    found, idf = weighed(samples.take(chosen), samples.n_fields, recipe.bits, None)
    table, bias = solved(found, targets[chosen], weights[chosen], recipe.strength, recipe.n_steps)
    return (table * torch.from_numpy(idf)).half().float(), bias


def _said(table: torch.Tensor, bias: float, samples: Samples, chosen: Indices) -> Floats32:
    parts = [line(table, bias, samples.take(some), samples.n_fields) for some in pieces(chosen)]
    return np.concatenate([np.empty(0, np.float32), *parts])
