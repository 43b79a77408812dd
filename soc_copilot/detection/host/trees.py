"""Decision trees as flat arrays, walked in machine code; both forests are made of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.domain.errors import DetectorError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]

LEAF: Final = -1
_FIELDS: Final = ("feature", "threshold", "left", "right", "leaf", "roots")


@dataclass(frozen=True, slots=True)
class Trees:
    """All trees' nodes, one tree behind the other.

    Attributes:
        feature: Column that a node looks at, `LEAF` in a leaf; int32, shape (n_nodes,).
        threshold: A row with at most this value goes left; float32.
        left, right: Where to go on; int32.
        leaf: What a row that ends here adds to the total; float32.
        roots: Where each tree begins; int32, shape (n_trees,).
    """

    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    leaf: Floats
    roots: Integers

    def totals(self, rows: Floats) -> Doubles:
        """The sum over all trees for each row.

        Args:
            rows: Features, float32, C order, shape (n, n_features). What is not a number
                counts as 0.

        Returns:
            float64, shape (n,).
        """
        found = np.empty(len(rows), np.float64)
        _walk(
            rows, self.feature, self.threshold, self.left, self.right, self.leaf, self.roots, found
        )
        return found

    def tensors(self) -> dict[str, torch.Tensor]:
        """The arrays, to be stored."""
        return {name: torch.from_numpy(getattr(self, name)) for name in _FIELDS}


def from_tensors(tensors: Mapping[str, torch.Tensor], n_features: int, what: str) -> Trees:
    """Stored trees, after checking that every walk through them ends.

    Args:
        tensors: As `Trees.tensors` gave them.
        n_features: Columns of the rows that will be given to them.
        what: Their name, for messages.

    Raises:
        DetectorError: An array is missing, or a node points nowhere or backwards.
    """
    try:
        trees = Trees(**{name: tensors[name].cpu().numpy() for name in _FIELDS})
    except KeyError as error:
        raise DetectorError(
            f"The {what} lack their array {error}. Train them again with: soc-copilot train host."
        ) from error
    n_nodes = len(trees.feature)
    inner = trees.feature != LEAF
    places = np.arange(n_nodes)
    ahead = all(
        bool(((to[inner] > places[inner]) & (to[inner] < n_nodes)).all())
        for to in (trees.left, trees.right)
        if len(to) == n_nodes
    )
    known = bool(((trees.feature >= LEAF) & (trees.feature < n_features)).all())
    rooted = len(trees.roots) > 0 and bool(((trees.roots >= 0) & (trees.roots < n_nodes)).all())
    sizes = {len(getattr(trees, name)) for name in _FIELDS[:5]}
    if not (ahead and known and rooted and sizes == {n_nodes}):
        raise misfit(what)
    return trees


def misfit(what: str) -> DetectorError:
    """What is raised when stored numbers contradict each other.

    Args:
        what: Name of the trees.
    """
    return DetectorError(
        f"The arrays of the {what} do not fit together. Train them again with: "
        "soc-copilot train host."
    )


class Nodes(NamedTuple):
    """One tree as scikit-learn has it: one entry for each node, numbered from 0.

    Attributes:
        is_leaf: bool.
        feature, threshold, left, right: As in `Trees`; of leaves they do not count.
        leaf: As in `Trees`; of other nodes it does not count.
    """

    is_leaf: npt.NDArray[np.bool_]
    feature: npt.NDArray[Any]
    threshold: Doubles
    left: npt.NDArray[Any]
    right: npt.NDArray[Any]
    leaf: npt.NDArray[Any]


def joined(parts: Iterable[Nodes]) -> Trees:
    """Trees one behind the other."""
    feature, threshold, left, right, leaf = [], [], [], [], []
    roots, n_nodes = [], 0
    for nodes in parts:
        roots.append(n_nodes)
        feature.append(np.where(nodes.is_leaf, LEAF, nodes.feature))
        threshold.append(rounded_down(nodes.threshold))
        left.append(np.where(nodes.is_leaf, 0, nodes.left.astype(np.int64) + n_nodes))
        right.append(np.where(nodes.is_leaf, 0, nodes.right.astype(np.int64) + n_nodes))
        leaf.append(np.where(nodes.is_leaf, nodes.leaf, 0.0))
        n_nodes += len(nodes.is_leaf)
    return Trees(
        np.concatenate(feature).astype(np.int32),
        np.concatenate(threshold),
        np.concatenate(left).astype(np.int32),
        np.concatenate(right).astype(np.int32),
        np.concatenate(leaf).astype(np.float32),
        np.array(roots, np.int32),
    )


def rounded_down(thresholds: Doubles) -> Floats:
    """The greatest float32 not above each: a float32 row goes the same way."""
    near = thresholds.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    found: Floats = np.where(near > thresholds, below, near)
    return found


@compiled
def _walk(
    rows: Floats,
    feature: Integers,
    threshold: Floats,
    left: Integers,
    right: Integers,
    leaf: Floats,
    roots: Integers,
    found: Doubles,
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
            total += leaf[node]
        found[row] = total
