"""The forecast's training: the linear base in one step, the network on what it leaves over."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from soc_copilot.detection.load import features as rows_of
from soc_copilot.detection.load.base import Base
from soc_copilot.detection.load.features import HORIZONS, REACH, n_features
from soc_copilot.detection.load.kernel import ROW_LIMIT, collect
from soc_copilot.detection.load.model import LoadNet, Shape
from soc_copilot.detection.load.training.corpus import Sample

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

UNITS: Final = np.array([0.008, 0.05])  # measured: about the base's usual error, in logarithms
N_INPUTS: Final = 28
_RIDGE: Final = 0.1  # chosen: keeps features that never vary from blowing up
_SHORT_HOURS: Final = 30_000  # chosen: shorter series count more, so that all are learned from
_SHORT_WEIGHT: Final = 4  # chosen
_KEPT: Final = 0.98  # chosen: of the weights' running mean, at each step


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the network is trained; chosen, and tried but for a few."""

    seed: int = 7
    epochs: int = 12
    width: int = 48
    head: int = 64
    rate: float = 2e-3
    decay: float = 1e-3
    batch: int = 24
    warm_hours: int = 168
    chunk_hours: int = 504


@dataclass(slots=True)
class Table:
    """What the network reads of one series, from the hour after REACH on.

    Attributes:
        inputs: Shape (n, N_INPUTS).
        rows: For each horizon, shape (n, n_rows), normalised once the means are known.
        targets: For each horizon, the base's error of the hour that is forecast, in units.
        usable: For each horizon, whether that hour is known.
        cut: Where the year that is held out begins.
    """

    inputs: Singles
    rows: list[Singles]
    targets: list[Singles]
    usable: list[npt.NDArray[np.bool_]]
    cut: int
    weight: int = field(default=1)


def fit_base(samples: Sequence[Sample]) -> Base:
    """The base over all series, each before the year that is held out."""
    found = []
    for horizon in HORIZONS:
        n = n_features(horizon)
        squares, products = np.zeros((24, n, n)), np.zeros((24, n))
        for sample in samples:
            last = sample.cut - horizon
            rows, levels = rows_of.rows(sample.ready, horizon, sample.first, last)
            aims = slice(sample.first + horizon, last + horizon)
            targets = sample.ready.logs[aims] - levels
            known, hours = sample.ready.known[aims], sample.ready.hours[aims] % 24
            weight = _weight(sample)
            for hour in range(24):
                mine = known & (hours == hour)
                squares[hour] += weight * rows[mine].T @ rows[mine]
                products[hour] += weight * rows[mine].T @ targets[mine]
        eye = _RIDGE * np.eye(n)
        found.append(np.array([np.linalg.solve(squares[h] + eye, products[h]) for h in range(24)]))
    return Base(tuple(found), UNITS.copy())


def _weight(sample: Sample) -> int:
    return _SHORT_WEIGHT if sample.cut - sample.first < _SHORT_HOURS else 1


def tabulate(sample: Sample, base: Base) -> Table:
    """What the network reads of a series; rows not normalised yet."""
    ready, size = sample.ready, len(sample.ready.logs)
    n = size - REACH
    bases = np.full((2, size + HORIZONS[-1]), np.nan)
    errors = np.zeros((2, size))
    near = np.zeros((n, n_rows(HORIZONS[0])), np.float32)
    far = np.zeros((n, n_rows(HORIZONS[1])), np.float32)
    inputs = np.zeros((n, N_INPUTS), np.float32)
    collect(
        REACH, size, int(ready.hours[0]), ready.known, ready.logs, ready.calendar, bases, errors,
        base.parts, near, far, inputs,
    )  # fmt: skip
    targets, usable = [], []
    for which, horizon in enumerate(HORIZONS):
        ahead, known = np.zeros(n, np.float32), np.zeros(n, bool)
        ahead[: n - horizon] = errors[which, REACH + horizon :]
        known[: n - horizon] = ready.known[REACH + horizon :]
        targets.append(ahead)
        usable.append(known)
    return Table(inputs, [near, far], targets, usable, sample.cut - REACH, _weight(sample))


def n_rows(horizon: int) -> int:
    """Numbers that a head reads beside the state."""
    return n_features(horizon) - 1 + 11


def normalise(tables: Sequence[Table]) -> tuple[tuple[Singles, Singles], ...]:
    """Normalise the rows in place.

    Returns:
        For each horizon mean and one over deviation.
    """
    norms = []
    for which in range(len(HORIZONS)):
        some = np.concatenate([t.rows[which][: t.cut : 7] for t in tables]).astype(np.float64)
        mean = some.mean(0).astype(np.float32)
        scale = (1 / (some.std(0) + 1e-3)).astype(np.float32)
        for table in tables:
            rows = table.rows[which]
            np.subtract(rows, mean, out=rows)
            np.multiply(rows, scale, out=rows)
            np.clip(rows, -ROW_LIMIT, ROW_LIMIT, out=rows)
        norms.append((mean, scale))
    return tuple(norms)


def fit_net(tables: Sequence[Table], recipe: Recipe) -> LoadNet:
    """Train the network on the hours before the years that are held out."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    shape = Shape(N_INPUTS, tuple(n_rows(h) for h in HORIZONS), recipe.width, recipe.head)
    net = LoadNet(shape)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    n_steps = max(recipe.epochs * (len(_chunks(tables, recipe, rng)) // recipe.batch), 1)
    mean = {name: value.clone() for name, value in net.state_dict().items()}
    step = 0
    for epoch in range(recipe.epochs):
        began, losses = time.monotonic(), []
        chunks = _chunks(tables, recipe, rng)
        for first in range(0, len(chunks) - recipe.batch + 1, recipe.batch):
            rate = min(1.0, (step + 1) / 40) * 0.5 * (1 + np.cos(np.pi * min(1, step / n_steps)))
            for group in optimiser.param_groups:
                group["lr"] = max(recipe.rate * rate, 1e-5)
            loss = _loss(net, tables, chunks[first : first + recipe.batch], recipe)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            step += 1
            for name, value in net.state_dict().items():
                mean[name].mul_(_KEPT).add_(value, alpha=1 - _KEPT)
            losses.append(loss.item())
        logger.info(
            "Trained. epoch=%d loss=%.4f took_s=%.0f",
            epoch, float(np.mean(losses or [0.0])), time.monotonic() - began,
        )  # fmt: skip
    net.load_state_dict(mean)
    return net.eval()


def _chunks(
    tables: Sequence[Table], recipe: Recipe, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Places of all chunks of an epoch, in random order: table and first hour."""
    found: list[tuple[int, int]] = []
    moved = recipe.chunk_hours - recipe.warm_hours
    for number, table in enumerate(tables):
        begin = 504 + int(rng.integers(0, moved))
        places = range(begin, table.cut - recipe.chunk_hours, moved)
        found += [(number, at) for at in places] * min(table.weight, 2)
    return [found[i] for i in rng.permutation(len(found))]


def _loss(
    net: LoadNet, tables: Sequence[Table], places: Sequence[tuple[int, int]], recipe: Recipe
) -> Tensor:
    """Laplace likelihood of the relative errors, over the hours behind the warm-up."""
    warm, size = recipe.warm_hours, recipe.chunk_hours
    inputs = torch.from_numpy(np.stack([tables[t].inputs[s : s + size] for t, s in places]))
    hidden, _ = net.lstm(inputs)
    total = torch.zeros(())

    def cut(parts: Sequence[npt.NDArray[Any]]) -> Tensor:
        found = [part[s + warm : s + size] for part, (_, s) in zip(parts, places, strict=True)]
        return torch.from_numpy(np.stack(found))

    for which in range(len(HORIZONS)):
        rows = cut([tables[t].rows[which] for t, _ in places])
        targets = cut([tables[t].targets[which] for t, _ in places])
        usable = cut([tables[t].usable[which] for t, _ in places])
        found = net.head(which, hidden[:, warm:], rows)
        unit = float(UNITS[which])
        missed = torch.expm1((found[..., 0] - targets) * unit).abs() / unit
        each = missed * torch.exp(-found[..., 1]) + found[..., 1]
        total = total + (each * usable).sum() / usable.sum().clamp(min=1)
    return total
