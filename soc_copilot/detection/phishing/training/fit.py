"""Fits a network to hashed samples, and scores hashed samples in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from soc_copilot.detection.phishing.hashing import Bags, Floats32, Gathered, bags, dense
from soc_copilot.detection.phishing.model import PhishNet, Shape, logits

Floats64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_HASHED_AT_ONCE: Final = 1_000  # chosen: bounds memory
_SCORED_AT_ONCE: Final = 1_024  # chosen
_LEAST_STD: Final = 0.05  # chosen: a number that hardly varies is not blown up


@dataclass(frozen=True, slots=True)
class Samples:
    """Hashed samples.

    Attributes:
        found: Rows of all.
        numbers: Their numbers.
        n_fields: Bags of a sample.
    """

    found: Bags
    numbers: Floats32
    n_fields: int

    def __len__(self) -> int:
        return len(self.numbers)

    def take(self, wanted: Indices) -> Bags:
        """The bags of a few samples, in the order wanted."""
        offsets, n_fields = self.found.offsets, self.n_fields
        starts, ends = offsets[wanted * n_fields], offsets[wanted * n_fields + n_fields]
        sizes = ends - starts
        shift = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
        rows = self.found.rows[shift + np.arange(int(sizes.sum()))]
        counts = np.diff(offsets).reshape(-1, n_fields)[wanted].reshape(-1)
        return Bags(rows, np.concatenate([[0], np.cumsum(counts)]))


def hashed(gathered: Sequence[Gathered], n_fields: int, bits: int) -> Samples:
    """Hash many samples, a thousand at a time."""
    parts = [
        bags(gathered[i : i + _HASHED_AT_ONCE], n_fields, bits)
        for i in range(0, len(gathered), _HASHED_AT_ONCE)
    ]
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return Samples(
        Bags(np.concatenate([part.rows for part in parts]), offsets), dense(gathered), n_fields
    )


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is fitted; values chosen on the validation part.

    Attributes:
        bits, width, hidden: As in `Shape`.
        epochs: Passes over the rows.
        rate: Highest learning rate.
        batch: Rows per step.
        left_out: Share of n-grams left out at each step.
        forget: Share of hidden units left out.
        decay: Of the table's weights.
        smooth: Labels are this far from 0 and 1.
    """

    bits: int
    width: int
    hidden: int = 48
    epochs: int = 2
    rate: float = 3e-3
    batch: int = 512
    left_out: float = 0.25
    forget: float = 0.4
    decay: float = 0.3
    smooth: float = 0.02


def fit(
    samples: Samples, targets: Floats64, weights: Floats64, chosen: Indices,
    recipe: Recipe, seed: int,
) -> PhishNet:  # fmt: skip
    """A network fitted to the chosen samples.

    Args:
        samples: Of any number.
        targets: In [0, 1].
        weights: Of each sample in the loss.
        chosen: Which samples.
        recipe: How.
        seed: Of everything random.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    n_dense = samples.numbers.shape[1]
    net = PhishNet(Shape(recipe.bits, recipe.width, recipe.hidden, samples.n_fields, n_dense))
    net.forget = recipe.forget
    seen = samples.numbers[chosen]
    net.dense_mean.data[:] = torch.from_numpy(seen.mean(0))
    net.dense_std.data[:] = torch.from_numpy(seen.std(0).clip(_LEAST_STD))
    others = [p for n, p in net.named_parameters() if n != "table" and p.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": [net.table], "weight_decay": recipe.decay},
         {"params": others, "weight_decay": 1e-3}], lr=recipe.rate,
    )  # fmt: skip
    n_steps = recipe.epochs * -(-len(chosen) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.rate, total_steps=n_steps + 1, pct_start=0.15
    )
    smoothed = targets * (1 - 2 * recipe.smooth) + recipe.smooth
    net.train()
    for _ in range(recipe.epochs):
        order = rng.permutation(chosen)
        for i in range(0, len(order), recipe.batch):
            wanted = order[i : i + recipe.batch]
            optimiser.zero_grad()
            loss = _loss(net, samples, wanted, smoothed, weights, recipe.left_out, rng)
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    return net.eval()


def _loss(
    net: PhishNet, samples: Samples, wanted: Indices, targets: Floats64, weights: Floats64,
    left_out: float, rng: np.random.Generator,
) -> torch.Tensor:  # fmt: skip
    found = samples.take(wanted)
    kept = rng.random(len(found.rows)) >= left_out
    offsets = np.concatenate([[0], np.cumsum(kept)])[found.offsets]
    out = net(
        torch.from_numpy(found.rows[kept]),
        torch.from_numpy(offsets),
        torch.from_numpy(samples.numbers[wanted]),
    )
    each = functional.binary_cross_entropy_with_logits(
        out, torch.from_numpy(targets[wanted].astype(np.float32)), reduction="none"
    )
    return (each * torch.from_numpy(weights[wanted].astype(np.float32))).mean()


def score(nets: Sequence[PhishNet], samples: Samples, chosen: Indices) -> Floats64:
    """Mean logits of the networks for the chosen samples."""
    out = []
    for i in range(0, len(chosen), _SCORED_AT_ONCE):
        wanted = chosen[i : i + _SCORED_AT_ONCE]
        found = samples.take(wanted)
        each = [logits(net, found, samples.numbers[wanted]) for net in nets]
        out.append(np.mean(each, axis=0))
    return np.concatenate(out).astype(np.float64) if out else np.empty(0)
