"""A linear member beside the networks: a weight per row, no perceptron, no numbers.

Between sources of short texts it carries over better than the networks, which learn what
numbers and capitals say in one country. It is written as a network whose other parts are nought.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from soc_copilot.detection.phishing.hashing import Floats32
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


@dataclass(frozen=True, slots=True)
class _Entries:
    """What stands in the bags that are read, sample by sample.

    Attributes:
        rows: Table rows.
        shares: What each counts for: less in a large bag, and where many samples have it.
        owners: Which sample each is of.
    """

    rows: npt.NDArray[np.int64]
    shares: Floats64
    owners: npt.NDArray[np.int64]


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
    idf = _rarity(found.rows, found.offsets[:: samples.n_fields], 1 << bits)
    entries = _entries(found.rows, found.offsets, samples.n_fields, how.fields, idf)
    weights, bias = _solved(entries, targets[chosen], 1 << bits, how.strength)
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


def _rarity(rows: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], n_rows: int) -> Floats32:
    """The usual weight by how many samples have a row; 0 for what one sample alone has."""
    n_samples = len(starts) - 1
    owner = np.repeat(np.arange(n_samples), np.diff(starts))
    pairs = np.unique(owner * n_rows + rows)
    having = np.bincount(pairs % n_rows, minlength=n_rows)
    found = np.log((1.0 + n_samples) / (1.0 + having)) + 1.0
    return np.where(having >= 2, found, 0.0).astype(np.float32)


def _entries(
    rows: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], n_fields: int,
    fields: Sequence[int], idf: Floats32,
) -> _Entries:  # fmt: skip
    counts = np.diff(offsets)
    bag = np.repeat(np.arange(len(counts)), counts)
    shares: Floats64 = idf[rows] / np.sqrt(np.maximum(counts, 1))[bag]
    kept = np.isin(bag % n_fields, list(fields)) & (shares > 0)
    return _Entries(rows[kept].astype(np.int64), shares[kept], bag[kept] // n_fields)


def _solved(
    entries: _Entries, targets: Floats64, n_rows: int, strength: float
) -> tuple[torch.Tensor, float]:
    """Weights and bias that make the loss least.

    Sums by row and by sample are numpy's: the gradient of torch's bags takes ten times as long.
    """
    rows, owners, n = entries.rows, entries.owners, len(targets)
    weights = torch.zeros(n_rows + 1, dtype=torch.float64, requires_grad=True)  # the bias is last
    solver = torch.optim.LBFGS(
        [weights], max_iter=_MAX_STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> float:
        held = weights.detach().numpy()
        inner = np.bincount(owners, held[rows] * entries.shares, minlength=n) + held[-1]
        wrong = 1.0 / (1.0 + np.exp(-inner)) - targets
        each = np.logaddexp(0.0, inner) - targets * inner
        slope = np.bincount(rows, entries.shares * wrong[owners], minlength=n_rows)
        whole = np.append(strength * slope + held[:-1], strength * wrong.sum()) / n
        weights.grad = torch.from_numpy(whole)
        return float((strength * each.sum() + 0.5 * (held[:-1] ** 2).sum()) / n)

    solver.step(loss)  # type: ignore[no-untyped-call]
    found = weights.detach()
    return found[:-1].float(), float(found[-1])
