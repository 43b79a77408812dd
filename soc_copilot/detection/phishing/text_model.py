"""The model of short texts: trees over what its words say, and over how it is written.

A linear model has a weight for each hashed word, pair and piece. Its sum stands beside the text's
numbers, and boosted trees read both.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from soc_copilot.detection.host.boosted import Boosted
from soc_copilot.detection.phishing.hashing import Bags, Floats32
from soc_copilot.detection.phishing.stacked import bag_sums, parts_of, to_tensors


@dataclass(frozen=True, slots=True)
class TextModel:
    """The linear part and the trees.

    Attributes:
        weights: Of table rows, float32, shape (2**bits,).
        bias: Of the linear part.
        trees: Logits from the numbers and the linear logit, in this order.
        n_fields: Bags of a sample.

    Thread:
        Any; several at once.
    """

    weights: Tensor
    bias: float
    trees: Boosted
    n_fields: int

    def logits(self, found: Bags, numbers: Floats32) -> Floats32:
        """Logits of hashed samples, shape (n_samples,)."""
        said = line(self.weights, self.bias, found, self.n_fields)
        return self.trees.logits(columns(numbers, said))

    def tensors(self) -> dict[str, Tensor]:
        """The arrays, to be stored; weights as half floats."""
        return to_tensors(self.weights, self.bias, self.trees)


def line(weights: Tensor, bias: float, found: Bags, n_fields: int) -> Floats32:
    """Linear logits: each field's weights over the root of how many there are, and the bias."""
    sums, counts = bag_sums(weights[:, None], found)
    said: Floats32 = (sums / np.sqrt(counts)).reshape(-1, n_fields).sum(1) + np.float32(bias)
    return said


def columns(numbers: Floats32, said: Floats32) -> Floats32:
    """What the trees read, C order, shape (n_samples, n_numbers + 1)."""
    return np.ascontiguousarray(np.concatenate([numbers, said[:, None]], 1), np.float32)


def from_tensors(
    tensors: Mapping[str, Tensor], *, bits: int, n_fields: int, n_dense: int
) -> TextModel:
    """The stored model, checked.

    Raises:
        DetectorError: An array is missing, or they do not fit together.
    """
    return TextModel(*parts_of(tensors, (1 << bits,), n_dense + 1), n_fields)
