"""Boosted trees: each event by itself, with all that is counted up to it.

Trained by scikit-learn (see `training`), kept as flat arrays, walked in machine code.

Source:
    Friedman, Greedy function approximation: a gradient boosting machine, 2001.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.host import trees as arrays
from soc_copilot.detection.host.trees import Nodes, Trees

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Floats = npt.NDArray[np.float32]

_BASE: Final = "base"
_NAME: Final = "boosted trees"


@dataclass(frozen=True, slots=True)
class Boosted:
    """The trees.

    Attributes:
        trees: A leaf holds the logit that it adds.
        base: Logit before any tree.
    """

    trees: Trees
    base: float

    def logits(self, rows: Floats) -> Floats:
        """Log-odds of harm.

        Args:
            rows: Features, float32, C order, shape (n, n_features). What is not a number
                counts as 0.

        Returns:
            float32, shape (n,): scikit-learn's `decision_function`.
        """
        return (self.base + self.trees.totals(rows)).astype(np.float32)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The arrays, to be stored."""
        return self.trees.tensors() | {_BASE: torch.tensor([self.base], dtype=torch.float64)}


def from_tensors(tensors: Mapping[str, torch.Tensor], n_features: int) -> Boosted:
    """The stored trees, checked.

    Raises:
        DetectorError: As `trees.from_tensors`.
    """
    trees = arrays.from_tensors(tensors, n_features, _NAME)
    base = tensors.get(_BASE)
    if base is None or base.numel() != 1 or not np.isfinite(float(base)):
        raise arrays.misfit(_NAME)
    return Boosted(trees, float(base))


def from_sklearn(trained: "HistGradientBoostingClassifier") -> Boosted:
    """The arrays of trees that scikit-learn trained for two classes, without categories."""
    # There is no public way to the nodes.
    trees = arrays.joined(_nodes(tree.nodes) for (tree,) in trained._predictors)
    return Boosted(trees, float(np.ravel(trained._baseline_prediction)[0]))


def _nodes(nodes: Any) -> Nodes:
    return Nodes(
        nodes["is_leaf"].astype(bool),
        nodes["feature_idx"],
        nodes["num_threshold"],
        nodes["left"],
        nodes["right"],
        nodes["value"],
    )
