"""A linear member beside the networks: a weight per row, no perceptron, no numbers.

Between sources of short texts it carries over better than the networks, which learn what
numbers and capitals say in one country. It is written as a network whose other parts are nought.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from soc_copilot.detection.phishing.hashing import Bags, Floats32
from soc_copilot.detection.phishing.model import PhishNet, Shape
from soc_copilot.detection.phishing.training.fit import Floats64, Indices, Recipe, Samples

_MAX_STEPS: Final = 60  # chosen: it has settled by then


@dataclass(frozen=True, slots=True)
class Linear:
    """How a linear member is fitted; values chosen on held-out groups.

    Attributes:
        share: Its part of the mean with the networks.
        fields: The bags that it reads.
        strength: Of the loss beside the weights' squares.
    """

    share: float
    fields: tuple[int, ...]
    strength: float


def fit_linear(
    samples: Samples, targets: Floats64, chosen: Indices, how: Linear, recipe: Recipe
) -> PhishNet:
    """A linear model of some fields, as a network of the recipe's shape.

    Args:
        samples: Of any number.
        targets: In [0, 1].
        chosen: Which samples.
        how: Which bags are read, and how closely.
        recipe: The shape is taken of it.
    """
    bits = recipe.bits
    found = samples.take(chosen)
    matrix, idf = weighed(found, samples.n_fields, bits, how.fields)
    weights, bias = solved(matrix, targets[chosen], np.ones(len(chosen)), how.strength)
    n_dense = samples.numbers.shape[1]
    net = PhishNet(Shape(bits, recipe.width, recipe.hidden, samples.n_fields, n_dense))
    with torch.no_grad():
        net.table.zero_()
        net.table[:, -1] = weights * torch.from_numpy(idf)
        net.scale.zero_()
        net.scale[list(how.fields)] = 1.0
        net.last.weight.zero_()
        net.last.bias.fill_(bias)
    return net.eval()


def scale_output(net: PhishNet, factor: float) -> None:
    """Make a network's logits larger or smaller: its share of a mean."""
    with torch.no_grad():
        for part in (net.last.weight, net.last.bias, net.scale):
            part.mul_(factor)


def weighed(
    found: Bags, n_fields: int, bits: int, fields: Sequence[int] | None
) -> tuple[csr_matrix, Floats32]:
    """Samples as rows of a matrix, and each table row's weight by rarity, which is in it.

    Args:
        found: Bags of samples.
        n_fields: Of a sample.
        bits: The table has 2**bits rows.
        fields: The bags that are read; None for all.
    """
    counts = np.diff(found.offsets)
    shares = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    if fields is not None:
        field = np.repeat(np.arange(len(counts)) % n_fields, counts)
        shares[~np.isin(field, list(fields))] = 0.0
    starts = found.offsets[::n_fields].astype(np.int32)
    n_samples = len(starts) - 1
    # A copy: rows are put in order in place.
    matrix = csr_matrix((shares, found.rows.copy(), starts), shape=(n_samples, 1 << bits))
    matrix.eliminate_zeros()
    matrix.sum_duplicates()
    having = np.bincount(matrix.indices, minlength=1 << bits)
    usual = np.log((1.0 + n_samples) / (1.0 + having)) + 1.0
    # What one sample alone has says nothing of others.
    idf: Floats32 = np.where(having >= 2, usual, 0.0).astype(np.float32)
    matrix.data *= idf[matrix.indices]
    return matrix, idf


def solved(
    matrix: csr_matrix,
    targets: Floats64,
    weights: Floats64,
    strength: float,
    n_steps: int = _MAX_STEPS,
) -> tuple[torch.Tensor, float]:
    """Weights of the columns, and the bias, that make the loss least.

    Args:
        matrix: Samples as rows.
        targets: In [0, 1].
        weights: Of each sample in the loss.
        strength: Of the loss beside the weights' squares.
        n_steps: At most.
    """
    n = len(targets)
    turned = matrix.T

    def loss(held: Floats64) -> tuple[float, Floats64]:
        inner = matrix @ held[:-1].astype(np.float32) + held[-1]
        each = weights * (np.logaddexp(0.0, inner) - targets * inner)
        wrong = weights * (1.0 / (1.0 + np.exp(-inner)) - targets)
        slope = turned @ wrong.astype(np.float32)
        whole = np.append(strength * slope + held[:-1], strength * wrong.sum()) / n
        return float((strength * each.sum() + 0.5 * (held[:-1] ** 2).sum()) / n), whole

    start = np.zeros(matrix.shape[1] + 1)
    options = {"maxiter": n_steps}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return torch.from_numpy(found[:-1].astype(np.float32)), float(found[-1])
