"""Fits trees over what a table of hashed rows says: what the models of URLs and texts share.

The trees see what is said of rows that the table was not fitted to (folds by group), as it will
stand for a content that nobody has seen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.boosted import Boosted, from_sklearn
from soc_copilot.detection.phishing.hashing import Bags, Floats32
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Samples

SCORED_AT_ONCE: Final = 4_096  # chosen: bounds memory


@dataclass(frozen=True, slots=True)
class TreeRecipe:
    """How a model is fitted; values chosen on the validation part.

    Attributes:
        bits: The table has 2**bits rows.
        strength: Of the linear loss beside the weights' squares.
        n_steps: Of the linear model's solver, at most.
        n_folds: The table is fitted anew for each, to the others.
        n_trees, n_leaves, rate: Of the trees.
        shrink: Holds leaves' values down.
        least: Rows in a leaf.
        looked: Share of the columns that each node of a tree looks at.
    """

    bits: int
    n_folds: int
    n_trees: int
    rate: float
    least: int
    n_leaves: int = 15
    strength: float = 3.0
    n_steps: int = 40
    shrink: float = 5.0
    looked: float = 0.3


class Scoring(Protocol):
    """A model of hashed samples."""

    def logits(self, found: Bags, numbers: Floats32) -> Floats32:
        """Logits, shape (n_samples,)."""


def crossed(
    said: Callable[[Indices, Indices], Floats32],
    chosen: Indices,
    groups: npt.NDArray[np.int64],
    n_folds: int,
    seed: int,
) -> Floats32:
    """What is said of each sample by what was fitted to other groups' samples.

    Args:
        said: Told the samples to be fitted to and those that something is to be said of.
        chosen: Samples.
        groups: Of each sample there is, a number: near-duplicates are in one fold.
        n_folds: At least 2.
        seed: Of the folds.

    Returns:
        A row for each chosen sample, in their order.
    """
    rng = np.random.default_rng(seed)
    fold = rng.integers(0, n_folds, int(groups.max()) + 1)[groups][chosen]
    places = [np.flatnonzero(fold == number) for number in range(n_folds)]
    parts = [said(np.delete(chosen, held), chosen[held]) for held in places]
    found = np.zeros((len(chosen), *parts[0].shape[1:]), np.float32)
    for held, part in zip(places, parts, strict=True):
        found[held] = part
    return found


def fit_trees(
    read: Floats32, is_phish: npt.NDArray[np.bool_], weights: Floats64, recipe: TreeRecipe,
    seed: int,
) -> Boosted:  # fmt: skip
    """Boosted trees over columns, shape (n_samples, n_columns)."""
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


def pieces(chosen: Indices) -> list[Indices]:
    """The chosen samples, few at a time."""
    return [chosen[i : i + SCORED_AT_ONCE] for i in range(0, len(chosen), SCORED_AT_ONCE)]


def scored(model: Scoring, samples: Samples, chosen: Indices) -> Floats64:
    """Logits of the chosen samples."""
    out = [model.logits(samples.take(some), samples.numbers[some]) for some in pieces(chosen)]
    return np.concatenate([np.empty(0, np.float32), *out]).astype(np.float64)
