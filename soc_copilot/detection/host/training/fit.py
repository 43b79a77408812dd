"""Fitting the sequence model and the forest, the same every time."""

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

from soc_copilot.detection.host.boosted import Boosted
from soc_copilot.detection.host.boosted import from_sklearn as boosted_from_sklearn
from soc_copilot.detection.host.forest import Forest, from_sklearn
from soc_copilot.detection.host.model import CompiledNet, HostNet, Shape
from soc_copilot.detection.host.training.baselines import fit_boosting
from soc_copilot.detection.host.training.dataset import Sequence30, balanced

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]

_LEAST_SPREAD: Final = 0.3  # chosen: rare features are not blown up


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the card repeats it.

    Attributes:
        epochs: Passes; more fit the known families better and others worse (measured).
        share: Of the sequences taken in a pass, drawn anew for each.
        longest: Events of a sequence taken in a pass, from a random place on when it has more.
        streams: Sequences taken in side by side.
        chunk: Events after which the weights move; the state goes on, its gradient does not.
        rate: Highest learning rate.
        decay: Pull of the weights towards 0.
        blind: Share of features unknown in a pass over a sequence.
        peak: Weight of the highest logits of each stretch, beside all events alike: one wrong
            moment of ordinary work is an alarm, and one right moment of an attack is enough.
        seed: Of everything random.
    """

    epochs: int = 6
    share: float = 0.5
    longest: int = 3072
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


def fit_net(found: Sequence[Sequence30], shape: Shape, recipe: Recipe) -> HostNet:
    """A network trained on sequences; the same seed and thread count give the same one."""
    net = new_net(shape, found, recipe.seed)
    shuffle = np.random.default_rng(recipe.seed)
    chance = torch.Generator().manual_seed(recipe.seed)
    weights = balanced(found)
    per_epoch = sum(1 for _ in _chunks(found, weights, recipe, np.random.default_rng(0)))
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    for epoch in range(recipe.epochs):
        began, total = time.monotonic(), 0.0
        for i, batch in enumerate(_chunks(found, weights, recipe, shuffle)):
            done = (epoch + min(i / per_epoch, 1.0)) / recipe.epochs
            optimiser.param_groups[0]["lr"] = recipe.rate * _share_of_rate(done)
            total += _learn(net, _loss(net, batch, recipe, chance), optimiser)
        logger.info(
            "Pass done. pass=%d loss=%.4f seconds=%.0f",
            epoch + 1, total / per_epoch, time.monotonic() - began,
        )  # fmt: skip
    return net.eval()


def _share_of_rate(done: float) -> float:
    """Up in the first twentieth of the training, then down to nothing along a cosine."""
    return min(done / 0.05, 0.5 + 0.5 * math.cos(math.pi * done))


def _learn(net: HostNet, loss: Tensor, optimiser: torch.optim.Optimizer) -> float:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


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
    none = torch.full((n_streams,), -math.inf)
    # Where nothing is to be found in a stretch, its peak is left out.
    work = none.scatter_reduce(0, owner, logits.where(batch.target == 0, -math.inf), "amax")
    sure = (batch.target > 0) & (batch.weight > 0)
    harm = none.scatter_reduce(0, owner, logits.where(sure, -math.inf), "amax")
    peaks = torch.cat([work[work > -math.inf], -harm[harm > -math.inf]])
    return loss + recipe.peak * F.softplus(peaks).sum() / recipe.streams


def fit_boosted(found: Sequence[Sequence30], seed: int) -> Boosted:
    """Boosted trees on single events."""
    return boosted_from_sklearn(fit_boosting(found, has_windows=False, seed=seed))


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
