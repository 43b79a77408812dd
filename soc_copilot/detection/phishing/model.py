"""The network: bags of hashed n-grams and words, a few numbers beside them, one logit out.

Each field's bag is averaged (scaled by the root of its size), the fields and the numbers are
read by a small perceptron, and a linear part with a weight per row is added to its logit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from soc_copilot.detection.phishing.hashing import Bags, Floats32


@dataclass(frozen=True, slots=True)
class Shape:
    """What the card must say to rebuild the network.

    Attributes:
        bits: The table has 2**bits rows.
        width: Numbers per row, beside its weight in the linear part.
        hidden: Hidden units.
        n_fields: Bags of a sample.
        n_dense: Numbers of a sample.
    """

    bits: int
    width: int
    hidden: int
    n_fields: int
    n_dense: int


class PhishNet(nn.Module):
    """Logits from bags and numbers."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.table = nn.Parameter(torch.zeros(1 << shape.bits, shape.width + 1))
        nn.init.normal_(self.table.data[:, :-1], std=0.05)
        self.scale = nn.Parameter(torch.ones(shape.n_fields))
        # Set from the training rows, not learnt.
        self.dense_mean = nn.Parameter(torch.zeros(shape.n_dense), requires_grad=False)
        self.dense_std = nn.Parameter(torch.ones(shape.n_dense), requires_grad=False)
        self.first = nn.Linear(shape.n_fields * shape.width + shape.n_dense, shape.hidden)
        self.second = nn.Linear(shape.hidden, shape.hidden // 2)
        self.last = nn.Linear(shape.hidden // 2, 1)
        self.forget = 0.0  # share of hidden units left out, while training

    @override
    def forward(self, rows: Tensor, offsets: Tensor, numbers: Tensor) -> Tensor:
        """Logits, shape (n_samples,).

        Args:
            rows: As `Bags.rows`.
            offsets: As `Bags.offsets`.
            numbers: As `dense` gives, shape (n_samples, n_dense).
        """
        shape = self.shape
        sums = functional.embedding_bag(
            rows, self.table, offsets, mode="sum", include_last_offset=True
        )
        counts = (offsets[1:] - offsets[:-1]).clamp(min=1).to(sums.dtype)
        mean = (sums * counts.rsqrt()[:, None]).view(-1, shape.n_fields, shape.width + 1)
        linear = (mean[:, :, -1] * self.scale).sum(1)
        scaled = (numbers - self.dense_mean) / self.dense_std
        seen = torch.cat([mean[:, :, :-1].flatten(1), scaled], 1)
        seen = functional.dropout(seen, self.forget / 2, self.training)
        hidden = functional.relu(self.first(seen))
        hidden = functional.dropout(hidden, self.forget, self.training)
        hidden = functional.relu(self.second(hidden))
        deep: Tensor = self.last(hidden).squeeze(1)
        return deep + linear


def logits(net: PhishNet, found: Bags, numbers: Floats32) -> Floats32:
    """Logits of hashed samples, float32, shape (n_samples,)."""
    with torch.inference_mode():
        out: Floats32 = (
            net(
                torch.from_numpy(found.rows),
                torch.from_numpy(found.offsets),
                torch.from_numpy(numbers),
            )
            .float()
            .numpy()
        )
    return np.atleast_1d(out)


def from_tensors(tensors: Mapping[str, Tensor], shape: Shape) -> PhishNet:
    """The network with stored weights, ready to score."""
    net = PhishNet(shape)
    net.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    return net.eval()
