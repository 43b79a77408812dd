"""Fitting the network to labelled texts, on a few processor threads, the same every time."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F  # noqa: N812 - the usual name

from soc_copilot.detection.web.model import Shape, WebNet, forward, grams
from soc_copilot.detection.web.normalise import PAD, Texts, normalise, pack

logger = logging.getLogger(__name__)


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
    net = WebNet(shape)
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
    return net.eval()
