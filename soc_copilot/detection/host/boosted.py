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
from soc_copilot.detection.host.trees import LEAF, Trees, rounded_down
from soc_copilot.domain.errors import DetectorError

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
        raise DetectorError(
            f"The arrays of the {_NAME} do not fit together. Train them again with: "
            "soc-copilot train host."
        )
    return Boosted(trees, float(base))


def from_sklearn(trained: "HistGradientBoostingClassifier") -> Boosted:
    """The arrays of trees that scikit-learn trained for two classes, without categories."""
    feature, threshold, left, right, value = [], [], [], [], []
    roots, n_nodes = [], 0
    for (tree,) in trained._predictors:  # no public way to the nodes
        nodes: Any = tree.nodes
        is_leaf = nodes["is_leaf"].astype(bool)
        roots.append(n_nodes)
        feature.append(np.where(is_leaf, LEAF, nodes["feature_idx"]))
        threshold.append(rounded_down(nodes["num_threshold"]))
        left.append(np.where(is_leaf, 0, nodes["left"].astype(np.int64) + n_nodes))
        right.append(np.where(is_leaf, 0, nodes["right"].astype(np.int64) + n_nodes))
        value.append(np.where(is_leaf, nodes["value"], 0.0))
        n_nodes += len(is_leaf)
    found = Trees(
        np.concatenate(feature).astype(np.int32),
        np.concatenate(threshold),
        np.concatenate(left).astype(np.int32),
        np.concatenate(right).astype(np.int32),
        np.concatenate(value).astype(np.float32),
        np.array(roots, np.int32),
    )
    return Boosted(found, float(np.ravel(trained._baseline_prediction)[0]))
