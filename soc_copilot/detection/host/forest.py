"""The isolation forest: how few cuts set an event apart from ordinary ones.

Trained by scikit-learn (see `training`), kept as flat arrays, walked in machine code.

Source:
    Liu, Ting and Zhou, Isolation Forest, ICDM 2008.
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
    from sklearn.ensemble import IsolationForest

Floats = npt.NDArray[np.float32]

_EULER: Final = 0.5772156649015329
_USUAL: Final = "usual"
_NAME: Final = "trees of the isolation forest"


@dataclass(frozen=True, slots=True)
class Forest:
    """The trees.

    Attributes:
        trees: A leaf holds the cuts up to it, and those to be expected among its rows.
        usual: Cuts to be expected in a tree for a row of the training sample.
    """

    trees: Trees
    usual: float

    def score(self, rows: Floats) -> Floats:
        """How much each row stands apart: about 0.5 for an ordinary one, near 1 for an odd one.

        Args:
            rows: Features, float32, C order, shape (n, n_features). What is not a number
                counts as 0.

        Returns:
            float32, shape (n,), in (0, 1): scikit-learn's `-score_samples`.
        """
        cuts = self.trees.totals(rows) / (self.usual * len(self.trees.roots))
        return np.exp2(-cuts).astype(np.float32)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The arrays, to be stored."""
        return self.trees.tensors() | {_USUAL: torch.tensor([self.usual], dtype=torch.float64)}


def from_tensors(tensors: Mapping[str, torch.Tensor], n_features: int) -> Forest:
    """The stored forest, checked.

    Raises:
        DetectorError: As `trees.from_tensors`.
    """
    trees = arrays.from_tensors(tensors, n_features, _NAME)
    usual = tensors.get(_USUAL)
    if usual is None or usual.numel() != 1 or not float(usual) > 0.0:
        raise arrays.misfit(_NAME)
    return Forest(trees, float(usual))


def from_sklearn(trained: "IsolationForest") -> Forest:
    """The arrays of a forest that scikit-learn trained on all columns."""
    trees = arrays.joined(_nodes(estimator.tree_) for estimator in trained.estimators_)
    return Forest(trees, float(expected_cuts(np.array([int(trained.max_samples_)]))[0]))


def _nodes(tree: Any) -> Nodes:
    return Nodes(
        tree.children_left < 0,
        tree.feature,
        tree.threshold,
        tree.children_left,
        tree.children_right,
        _depths(tree) + expected_cuts(tree.n_node_samples),
    )


def expected_cuts(n_rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """c(n): mean depth at which a row is alone in a random tree over n rows."""
    n = np.maximum(np.asarray(n_rows, np.float64), 2.0)
    found = 2.0 * (np.log(n - 1.0) + _EULER) - 2.0 * (n - 1.0) / n
    return np.select([np.asarray(n_rows) <= 1, np.asarray(n_rows) == 2], [0.0, 1.0], found)


def _depths(tree: Any) -> npt.NDArray[np.float64]:
    """Cuts above each node; a tree's children come behind their parent."""
    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        if tree.children_left[node] >= 0:
            depths[tree.children_left[node]] = depths[node] + 1
            depths[tree.children_right[node]] = depths[node] + 1
    return depths
