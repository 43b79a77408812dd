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

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.domain.errors import DetectorError

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]

_LEAF: Final = -1
_EULER: Final = 0.5772156649015329
_FIELDS: Final = ("feature", "threshold", "left", "right", "path", "roots", "usual")


@dataclass(frozen=True, slots=True)
class Forest:
    """All trees' nodes, one tree behind the other.

    Attributes:
        feature: Column that a node looks at, -1 in a leaf; int32, shape (n_nodes,).
        threshold: A row with at most this value goes left; float32.
        left, right: Where to go on; int32.
        path: In a leaf: cuts up to here, and those to be expected among its rows.
        roots: Where each tree begins; int32, shape (n_trees,).
        usual: Cuts to be expected for a row of the training sample; float32, shape (1,).
    """

    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    path: Floats
    roots: Integers
    usual: Floats

    def score(self, rows: Floats) -> Floats:
        """How much each row stands apart: about 0.5 for an ordinary one, near 1 for an odd one.

        Args:
            rows: Features, float32, C order, shape (n, n_features). What is not a number
                counts as 0.

        Returns:
            float32, shape (n,), in (0, 1): scikit-learn's `-score_samples`.
        """
        found = np.empty(len(rows), np.float32)
        _walk(
            rows, self.feature, self.threshold, self.left, self.right, self.path, self.roots,
            float(self.usual[0]) * len(self.roots), found,
        )  # fmt: skip
        return found

    def tensors(self) -> dict[str, torch.Tensor]:
        """The arrays, to be stored."""
        return {name: torch.from_numpy(getattr(self, name)) for name in _FIELDS}


def from_tensors(tensors: Mapping[str, torch.Tensor], n_features: int) -> Forest:
    """The stored forest, after checking that every walk through it ends.

    Raises:
        DetectorError: An array is missing, or a node points nowhere or backwards.
    """
    try:
        forest = Forest(**{name: tensors[name].cpu().numpy() for name in _FIELDS})
    except KeyError as error:
        raise DetectorError(
            f"The isolation forest lacks its array {error}. Train it again with: "
            "soc-copilot train host."
        ) from error
    n_nodes = len(forest.feature)
    inner = forest.feature != _LEAF
    places = np.arange(n_nodes)
    ahead = all(
        bool(((to[inner] > places[inner]) & (to[inner] < n_nodes)).all())
        for to in (forest.left, forest.right)
        if len(to) == n_nodes
    )
    known = bool(((forest.feature >= _LEAF) & (forest.feature < n_features)).all())
    rooted = len(forest.roots) > 0 and bool(((forest.roots >= 0) & (forest.roots < n_nodes)).all())
    sizes = {len(getattr(forest, name)) for name in _FIELDS[:5]}
    if not (ahead and known and rooted and sizes == {n_nodes} and len(forest.usual) == 1):
        raise DetectorError(
            "The isolation forest's arrays do not fit together. Train it again with: "
            "soc-copilot train host."
        )
    return forest


def from_sklearn(trained: "IsolationForest") -> Forest:
    """The arrays of a forest that scikit-learn trained on all columns."""
    feature, threshold, left, right, path = [], [], [], [], []
    roots, n_nodes = [], 0
    for estimator in trained.estimators_:
        tree: Any = estimator.tree_
        leaf = tree.children_left < 0
        roots.append(n_nodes)
        feature.append(np.where(leaf, _LEAF, tree.feature))
        threshold.append(_rounded_down(tree.threshold))
        left.append(np.where(leaf, 0, tree.children_left + n_nodes))
        right.append(np.where(leaf, 0, tree.children_right + n_nodes))
        path.append(np.where(leaf, _depths(tree) + expected_cuts(tree.n_node_samples), 0.0))
        n_nodes += len(leaf)
    usual = expected_cuts(np.array([int(trained.max_samples_)]))
    return Forest(
        np.concatenate(feature).astype(np.int32),
        np.concatenate(threshold),
        np.concatenate(left).astype(np.int32),
        np.concatenate(right).astype(np.int32),
        np.concatenate(path).astype(np.float32),
        np.array(roots, np.int32),
        usual.astype(np.float32),
    )


def expected_cuts(n_rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """c(n): mean depth at which a row is alone in a random tree over n rows."""
    n = np.maximum(np.asarray(n_rows, np.float64), 2.0)
    found = 2.0 * (np.log(n - 1.0) + _EULER) - 2.0 * (n - 1.0) / n
    return np.select([np.asarray(n_rows) <= 1, np.asarray(n_rows) == 2], [0.0, 1.0], found)


def _rounded_down(thresholds: npt.NDArray[np.float64]) -> Floats:
    """The greatest float32 not above each: a float32 row goes the same way."""
    near = thresholds.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    found: Floats = np.where(near > thresholds, below, near)
    return found


def _depths(tree: Any) -> npt.NDArray[np.float64]:
    """Cuts above each node; a tree's children come behind their parent."""
    depths = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        if tree.children_left[node] >= 0:
            depths[tree.children_left[node]] = depths[node] + 1
            depths[tree.children_right[node]] = depths[node] + 1
    return depths


@compiled
def _walk(
    rows: Floats,
    feature: Integers,
    threshold: Floats,
    left: Integers,
    right: Integers,
    path: Floats,
    roots: Integers,
    usual: float,
    found: Floats,
) -> None:
    for row in range(len(rows)):
        total = 0.0
        for root in roots:
            node = root
            while feature[node] >= 0:
                value = rows[row, feature[node]]
                if value != value:  # not a number
                    value = np.float32(0)
                node = left[node] if value <= threshold[node] else right[node]
            total += path[node]
        found[row] = 2.0 ** (-total / usual)
