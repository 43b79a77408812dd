"""Several networks as one, for scoring: one pass over the rows, one product per layer."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch.nn import functional

from soc_copilot.detection.phishing.hashing import Bags, Floats32
from soc_copilot.detection.phishing.model import PhishNet

_LEAST_PIECE: Final = 1.0  # of an empty bag: as in the network


class Fused:
    """Networks of one shape; gives the mean of their logits.

    Thread:
        Any; several at once.

    Args:
        nets: At least one, trained.
    """

    def __init__(self, nets: Sequence[PhishNet]) -> None:
        shape = nets[0].shape
        self._n_fields = shape.n_fields
        self._n_nets = len(nets)
        self._width = shape.width
        with torch.inference_mode():
            # A row's numbers for every network stand beside each other; its weights come last.
            self._table = torch.cat(
                [net.table[:, :-1] for net in nets] + [net.table[:, -1:] for net in nets], 1
            ).contiguous()
        self._scale = np.stack([_array(net.scale) for net in nets], 1)
        n_bags = shape.n_fields * shape.width
        of_bags, of_numbers, biases = [], [], []
        for net in nets:
            weights, std = _array(net.first.weight), _array(net.dense_std)
            numbers = weights[:, n_bags:] / std
            of_bags.append(weights[:, :n_bags].T)
            of_numbers.append(numbers.T)
            biases.append(_array(net.first.bias) - numbers @ _array(net.dense_mean))
        self._of_bags = np.stack(of_bags)
        self._of_numbers = np.concatenate(of_numbers, 1)
        self._bias = np.concatenate(biases)
        self._second = np.stack([_array(net.second.weight).T for net in nets])
        self._second_bias = np.stack([_array(net.second.bias) for net in nets])[:, None]
        self._last = np.stack([_array(net.last.weight).T for net in nets])
        self._last_bias = float(np.mean([float(net.last.bias.detach()) for net in nets]))

    def logits(self, found: Bags, numbers: Floats32) -> Floats32:
        """Mean logits of hashed samples, shape (n_samples,)."""
        with torch.inference_mode():
            sums: Floats32 = functional.embedding_bag(
                torch.from_numpy(found.rows),
                self._table,
                torch.from_numpy(found.offsets),
                mode="sum",
                include_last_offset=True,
            ).numpy()
        counts = np.diff(found.offsets).astype(np.float32)
        sums *= (1.0 / np.sqrt(np.maximum(counts, _LEAST_PIECE)))[:, None]
        mean = sums.reshape(-1, self._n_fields, sums.shape[1])
        n_samples, n_nets = len(mean), self._n_nets
        linear = (mean[:, :, -n_nets:] * self._scale).sum((1, 2)) / n_nets
        bags = mean[:, :, :-n_nets].reshape(n_samples, self._n_fields, n_nets, self._width)
        by_net = bags.transpose(2, 0, 1, 3).reshape(n_nets, n_samples, self._of_bags.shape[1])
        dense = numbers @ self._of_numbers + self._bias
        hidden = by_net @ self._of_bags
        hidden += dense.reshape(n_samples, n_nets, hidden.shape[2]).transpose(1, 0, 2)
        np.maximum(hidden, 0.0, out=hidden)
        hidden = hidden @ self._second + self._second_bias
        np.maximum(hidden, 0.0, out=hidden)
        deep = (hidden @ self._last)[:, :, 0].mean(0) + self._last_bias
        out: Floats32 = (deep + linear).astype(np.float32)
        return out


def _array(tensor: torch.Tensor) -> Floats32:
    found: Floats32 = tensor.detach().float().numpy()
    return found
