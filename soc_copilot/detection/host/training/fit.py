"""Fitting the sequence model and the forest, the same every time."""

import copy
import logging
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the usual name

from soc_copilot.detection.host.forest import Forest, from_sklearn
from soc_copilot.detection.host.model import CompiledNet, HostNet, Shape
from soc_copilot.detection.host.training.dataset import Sequence30, balanced

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

_LEAST_SPREAD: Final = 0.3  # chosen: rare features are not blown up


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the card repeats it.

    Attributes:
        epochs: Passes, at most.
        share: Of the sequences taken in a pass, drawn anew for each.
        longest: Events of a sequence taken in a pass, from a random place on when it has more.
        patience: Passes without a better loss on groups held out, after which it ends.
        streams: Sequences taken in side by side.
        chunk: Events after which the weights move; the state goes on, its gradient does not.
        rate: Highest learning rate.
        decay: Pull of the weights towards 0.
        blind: Share of features unknown in a pass over a sequence.
        peak: Weight of the highest logits of ordinary work, beside all events alike.
        seed: Of everything random.
    """

    epochs: int = 14
    share: float = 0.5
    longest: int = 3072
    patience: int = 4
    streams: int = 24
    chunk: int = 192
    rate: float = 4e-3
    decay: float = 0.02
    blind: float = 0.1
    peak: float = 0.5
    seed: int = 7


def new_net(shape: Shape, found: Sequence[Sequence30], seed: int) -> HostNet:
    """An untrained network that knows the mean and spread of the features."""
    torch.manual_seed(seed)
    net = HostNet(shape)
    weights = np.concatenate(balanced(found)).astype(np.float64)
    rows = np.concatenate([s.rows for s in found])
    mean = weights @ rows / weights.sum()
    spread = np.sqrt(weights @ (rows - mean) ** 2 / weights.sum())
    net.mean.copy_(torch.from_numpy(mean))
    net.scale.copy_(torch.from_numpy(1 / np.maximum(spread, _LEAST_SPREAD)))
    return net


def fit_net(
    found: Sequence[Sequence30], held_out: Sequence[Sequence30], shape: Shape, recipe: Recipe
) -> tuple[HostNet, int]:
    """A network trained on sequences; the same seed and thread count give the same one.

    Args:
        found: To learn from.
        held_out: Of other groups: the pass that does best on them is kept. Empty: the last is.
        shape: Of the network.
        recipe: How.

    Returns:
        The network, and the passes it took.
    """
    net = new_net(shape, found, recipe.seed)
    shuffle = np.random.default_rng(recipe.seed)
    chance = torch.Generator().manual_seed(recipe.seed)
    weights = balanced(found)
    per_epoch = sum(1 for _ in _chunks(found, weights, recipe, np.random.default_rng(0)))
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    best, best_loss, best_epoch = copy.deepcopy(net.state_dict()), float("inf"), 0
    for epoch in range(1, recipe.epochs + 1):
        began, total = time.monotonic(), 0.0
        for i, batch in enumerate(_chunks(found, weights, recipe, shuffle)):
            done = (epoch - 1 + min(i / per_epoch, 1.0)) / recipe.epochs
            optimiser.param_groups[0]["lr"] = recipe.rate * _share_of_rate(done)
            total += _learn(net, _loss(net, batch, recipe, chance), optimiser)
        loss_there = held_out_loss(net, held_out) if held_out else -float(epoch)
        logger.info(
            "Pass done. pass=%d loss=%.4f held_out=%.4f seconds=%.0f",
            epoch, total / per_epoch, loss_there, time.monotonic() - began,
        )  # fmt: skip
        if loss_there < best_loss:
            best, best_loss, best_epoch = copy.deepcopy(net.state_dict()), loss_there, epoch
        elif epoch - best_epoch >= recipe.patience:
            break
    net.load_state_dict(best)
    return net.eval(), best_epoch


def _share_of_rate(done: float) -> float:
    """Up in the first twentieth of the training, then down to nothing along a cosine."""
    return min(done / 0.05, 0.5 + 0.5 * math.cos(math.pi * done))


def _learn(net: HostNet, loss: Tensor, optimiser: torch.optim.Optimizer) -> float:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def held_out_loss(net: HostNet, found: Sequence[Sequence30]) -> float:
    """Mean weighted loss on sequences, half of it from the highest logits of ordinary work."""
    logits = [net_logits(net, s.rows) for s in found]
    loss = [
        np.logaddexp(0, np.where(s.target > 0, -x, x)) for s, x in zip(found, logits, strict=True)
    ]
    weights = np.concatenate(balanced(found))
    mean = float(weights @ np.concatenate(loss) / weights.sum())
    peaks = [float(x.max()) for s, x in zip(found, loss, strict=True) if not s.trace.is_attack]
    return 0.5 * mean + 0.5 * float(np.mean(peaks)) / 4 if peaks else mean


def net_logits(net: HostNet, rows: Floats) -> Floats:
    """Logits of one stream from its start, float32, shape (n_events,)."""
    quick = CompiledNet(net)
    return quick.advance(rows, np.zeros(len(rows), np.int64), quick.initial(1))


@dataclass(slots=True)
class _Batch:
    """Stretches of several sequences, laid end to end; `state` is carried by the caller's net."""

    rows: Tensor
    target: Tensor
    weight: Tensor
    lengths: Tensor
    carried: "_Carried"
    ordinary: Tensor  # of each stretch


@dataclass(slots=True)
class _Carried:
    state: Tensor | None = None
    seen: Tensor | None = None  # features known in this pass over the sequences


def _chunks(
    found: Sequence[Sequence30], weights: Sequence[Floats], recipe: Recipe,
    shuffle: np.random.Generator,
) -> Iterator[_Batch]:  # fmt: skip
    """A share of the sequences in random company, stretch by stretch."""
    order = shuffle.permutation(len(found))[: math.ceil(recipe.share * len(found))]
    for at in range(0, len(order), recipe.streams):
        group = order[at : at + recipe.streams]
        carried = _Carried()
        whole = [_some(found[i], weights[i], recipe.longest, shuffle) for i in group]
        for start in range(0, max(len(columns[0]) for columns in whole), recipe.chunk):
            cut = slice(start, start + recipe.chunk)
            parts = [tuple(column[cut] for column in columns) for columns in whole]
            rows, target, weight = (
                torch.from_numpy(np.concatenate(column)) for column in zip(*parts, strict=True)
            )
            yield _Batch(
                rows, target, weight, torch.tensor([len(part[0]) for part in parts]), carried,
                torch.tensor([not found[i].trace.is_attack for i in group]),
            )  # fmt: skip


def _some(
    s: Sequence30, weight: Floats, most: int, shuffle: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Rows, targets and weights of at most so many events in a row."""
    begin = int(shuffle.integers(max(len(s.rows) - most, 0) + 1))
    cut = slice(begin, begin + most)
    return s.rows[cut], s.target[cut], weight[cut]


def _loss(net: HostNet, batch: _Batch, recipe: Recipe, chance: torch.Generator) -> Tensor:
    """Of one stretch; the state behind it is kept for the next."""
    n_streams, n_features = len(batch.lengths), net.shape.n_features
    carried = batch.carried
    if carried.state is None or carried.seen is None:
        carried.state = net.initial(n_streams)
        carried.seen = torch.rand(n_streams, n_features, generator=chance) >= recipe.blind
    owner = torch.repeat_interleave(torch.arange(n_streams), batch.lengths)
    rows = torch.where(carried.seen[owner], batch.rows, net.mean)
    logits, state = net.packed(rows, batch.lengths, carried.state)
    carried.state = state.detach()
    each = F.binary_cross_entropy_with_logits(logits, batch.target, reduction="none")
    loss = (each * batch.weight).sum() / (recipe.streams * recipe.chunk)
    peaks = torch.full((n_streams,), -20.0).scatter_reduce(0, owner, logits, "amax")
    ordinary = batch.ordinary & (batch.lengths > 0)
    if bool(ordinary.any()):
        loss = loss + recipe.peak * F.softplus(peaks[ordinary]).sum() / recipe.streams
    return loss


def fit_forest(
    found: Sequence[Sequence30], seed: int, n_trees: int = 64, n_rows: int = 256
) -> Forest:
    """An isolation forest of ordinary events, each recording's counting alike."""
    from sklearn.ensemble import IsolationForest

    rng = np.random.default_rng(seed)
    most = 200  # events of a recording, chosen
    rows = []
    for s in found:
        if not s.trace.is_attack:
            picked = rng.permutation(len(s.rows))[:most]
            rows.append(s.rows[np.sort(picked)])
    sample = np.concatenate(rows)
    size = min(n_rows, len(sample))
    trained = IsolationForest(n_estimators=n_trees, max_samples=size, random_state=seed)
    return from_sklearn(trained.fit(sample))
