"""Fitting the network to labelled texts, on a few processor threads, the same every time."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from numba import njit
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the usual name
from typing_extensions import override

from soc_copilot.detection.web.model import Shape, WebNet, forward, from_tensors, grams
from soc_copilot.detection.web.normalise import PAD, Texts, normalise, pack

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Example:
    """One text to learn from.

    Attributes:
        raw: The text as sent.
        target: 1 for attack, 0 for normal.
        kind: Index of the attack class, -1 when unknown or normal.
        weight: Of its part in the loss.
    """

    raw: bytes
    target: int
    kind: int = -1
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train; the card repeats it."""

    epochs: int = 3
    batch: int = 512
    rate: float = 4e-3
    seed: int = 7
    decay: float = 1e-6
    forget: float = 0.15


@njit(nogil=True)
def _spread(slopes: Floats, rows: Rows, begins: Rows, weights: Floats, table: Floats) -> None:
    """Add each bag's slope to its rows of the table's."""
    for bag in range(len(begins)):
        end = begins[bag + 1] if bag + 1 < len(begins) else len(rows)
        for at in range(begins[bag], end):
            for i in range(slopes.shape[1]):
                table[rows[at], i] += weights[at] * slopes[bag, i]


class _LookUp(torch.autograd.Function):
    """An embedding bag whose way back takes a seventh of the time of torch's (measured)."""

    @staticmethod
    @override
    def forward(ctx: Any, table: Tensor, rows: Tensor, begins: Tensor, weights: Tensor) -> Tensor:
        """Weighted sums of the table's vectors."""
        ctx.save_for_backward(rows, begins, weights)
        ctx.size = table.shape
        return F.embedding_bag(rows, table, begins, mode="sum", per_sample_weights=weights)

    @staticmethod
    @override
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """Slopes for the table; the rest is not learned."""
        rows, begins, weights = (part.numpy() for part in ctx.saved_tensors)
        found = np.zeros(ctx.size, np.float32)
        _spread(slopes[0].contiguous().numpy(), rows, begins, weights, found)
        return torch.from_numpy(found), None, None, None


class _Learner(WebNet):
    """The network while it learns, on the processor: some n-grams are left out each time."""

    @override
    def look_up(self, rows: Tensor, begins: Tensor) -> Tensor:
        """As in `WebNet`, of the n-grams that are kept."""
        keep = torch.empty(rows.shape).bernoulli_(1 - self.forget).div_(1 - self.forget)
        found: Tensor = _LookUp.apply(self.table.weight, rows, begins, keep)  # type: ignore[no-untyped-call]
        return found


def subset(texts: Texts, rows: npt.NDArray[np.int64]) -> Texts:
    """A few of already normalised texts, laid out anew."""
    lengths = texts.lengths[rows]
    spans = lengths + PAD
    starts = np.cumsum(spans) - spans
    index = np.repeat(texts.starts[rows] - starts, spans) + np.arange(int(spans.sum()))
    marks = None if texts.marks is None else texts.marks[index]
    return Texts(texts.data[index], starts, lengths, marks)


def fit(examples: Sequence[Example], shape: Shape, recipe: Recipe) -> WebNet:
    """A network trained on the examples; the same seed and thread count give the same one."""
    torch.manual_seed(recipe.seed)
    shuffle = np.random.default_rng(recipe.seed)
    net = _Learner(shape)
    net.forget = recipe.forget
    texts = normalise(pack([e.raw for e in examples]))
    target = torch.tensor([e.target for e in examples], dtype=torch.float32)
    kind = torch.tensor([e.kind for e in examples])
    weight = torch.tensor([e.weight for e in examples])
    steps = -(-len(examples) // recipe.batch) * recipe.epochs
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=recipe.rate, total_steps=steps, pct_start=0.15
    )
    for epoch in range(recipe.epochs):
        began, total = time.monotonic(), 0.0
        order = shuffle.permutation(len(examples))
        for at in range(0, len(order), recipe.batch):
            rows = order[at : at + recipe.batch]
            logit, kinds = forward(net, grams(subset(texts, rows), shape))
            loss = F.binary_cross_entropy_with_logits(logit, target[rows], weight[rows])
            known = kind[rows] >= 0
            if bool(known.any()):
                loss = loss + 0.1 * F.cross_entropy(kinds[known], kind[rows][known])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        logger.info(
            "Epoch done. epoch=%d loss=%.4f seconds=%.0f",
            epoch + 1, total / len(order), time.monotonic() - began,
        )  # fmt: skip
    return from_tensors(net.state_dict(), shape)
