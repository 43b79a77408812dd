"""Trees over a table: what each field of a URL says, weighed with its numbers.

A hashed n-gram or word has four weights: a linear model's, how much more often phish have it than
benign rows, and how often either has it. Their sums, field by field, stand beside the sample's
numbers, and boosted trees read both: they learn when to believe which, and what is unheard of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from soc_copilot.detection.host import boosted
from soc_copilot.detection.host.boosted import Boosted
from soc_copilot.detection.phishing.hashing import Bags, Floats32
from soc_copilot.domain.errors import DetectorError

N_WEIGHTS: Final = 4  # of a table row: see the module
N_MEANS: Final = 2  # the last of them, whose mean is taken: how often each label has it
_WEIGHTS: Final = "weights"
_BIAS: Final = "bias"
_TREES: Final = "trees."


@dataclass(frozen=True, slots=True)
class Stacked:
    """The table and the trees.

    Attributes:
        weights: Of table rows, float32, shape (2**bits, N_WEIGHTS).
        bias: Of the linear model: added to its sum over a sample.
        trees: Logits from what `columns` gives.
        n_fields: Bags of a sample.
    """

    weights: Tensor
    bias: float
    trees: Boosted
    n_fields: int

    def logits(self, found: Bags, numbers: Floats32) -> Floats32:
        """Logits of hashed samples, shape (n_samples,)."""
        sums = field_sums(self.weights, found, self.n_fields)
        return self.trees.logits(columns(numbers, sums, self.bias))

    def tensors(self) -> dict[str, Tensor]:
        """The arrays, to be stored; weights as half floats."""
        return to_tensors(self.weights, self.bias, self.trees)


def to_tensors(weights: Tensor, bias: float, trees: Boosted) -> dict[str, Tensor]:
    """A table and the trees over it, to be stored; weights as half floats."""
    return {
        _WEIGHTS: weights.half(),
        _BIAS: torch.tensor([bias], dtype=torch.float64),
        **{_TREES + name: tensor for name, tensor in trees.tensors().items()},
    }


def parts_of(
    tensors: Mapping[str, Tensor], shape: tuple[int, ...], n_columns: int
) -> tuple[Tensor, float, Boosted]:
    """What `to_tensors` stored.

    Args:
        tensors: By name.
        shape: That the table must have.
        n_columns: That the trees read.

    Raises:
        DetectorError: An array is missing, or they do not fit together.
    """
    trees = {n.removeprefix(_TREES): t for n, t in tensors.items() if n.startswith(_TREES)}
    weights, bias = tensors.get(_WEIGHTS), tensors.get(_BIAS)
    if weights is None or weights.shape != shape or bias is None or bias.numel() != 1:
        raise DetectorError("The weights of the table do not fit its card.")
    return weights.float(), float(bias), boosted.from_tensors(trees, n_columns)


def bag_sums(weights: Tensor, found: Bags) -> tuple[Floats32, Floats32]:
    """The weights of each bag's rows added up, shape (n_bags, n_weights), and how many they are.

    The numbers, shape (n_bags, 1), are at least 1, to be divided by.
    """
    with torch.inference_mode():
        sums: Floats32 = functional.embedding_bag(
            torch.from_numpy(found.rows),
            weights,
            torch.from_numpy(found.offsets),
            mode="sum",
            include_last_offset=True,
        ).numpy()
    return sums, np.maximum(np.diff(found.offsets), 1).astype(np.float32)[:, None]


def field_sums(weights: Tensor, found: Bags, n_fields: int) -> Floats32:
    """What each field says: the weights of its rows, over the root of how many there are.

    The last `N_MEANS` weights are over their number itself.

    Returns:
        float32, shape (n_samples, n_fields, N_WEIGHTS).
    """
    sums, counts = bag_sums(weights, found)
    sums[:, :-N_MEANS] /= np.sqrt(counts)
    sums[:, -N_MEANS:] /= counts
    return sums.reshape(-1, n_fields, N_WEIGHTS)


def columns(numbers: Floats32, sums: Floats32, bias: float) -> Floats32:
    """What the trees read: numbers, sums by field, sums over all fields; C order."""
    whole = sums.sum(1)
    whole[:, 0] += bias
    said = sums.reshape(len(sums), sums.shape[1] * N_WEIGHTS)
    return np.ascontiguousarray(np.concatenate([numbers, said, whole], 1), np.float32)


def from_tensors(
    tensors: Mapping[str, Tensor], *, bits: int, n_fields: int, n_dense: int
) -> Stacked:
    """The stored model, checked.

    Raises:
        DetectorError: An array is missing, or they do not fit together.
    """
    shape, n_columns = (1 << bits, N_WEIGHTS), n_dense + (n_fields + 1) * N_WEIGHTS
    return Stacked(*parts_of(tensors, shape, n_columns), n_fields)
