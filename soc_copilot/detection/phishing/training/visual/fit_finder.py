"""Fits the network that finds a page's own logo; where they stand is known from the rendering."""

import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from soc_copilot.detection.phishing.training.visual.distort import distort
from soc_copilot.detection.phishing.training.visual.fit import Average
from soc_copilot.detection.phishing.training.visual.render import Shot
from soc_copilot.detection.phishing.visual.finder import (
    STRIDE,
    UNIT,
    FinderNet,
    FinderShape,
    frame_for,
    to_look_at,
)
from soc_copilot.detection.phishing.visual.pictures import Box, Frame, Pixels, rows_of

logger = logging.getLogger(__name__)

_LOG_EVERY: Final = 25
_MAX_NORM: Final = 5.0  # chosen: of a gradient
_CORE: Final = (0.5, 0.8)  # chosen: of a logo's width and height, where its middle is
_FOCUS: Final = 2.0  # Lin et al., Focal Loss for Dense Object Detection, ICCV 2017
_SIDES: Final = 1.0  # chosen: weight of the sides in the loss


@dataclass(frozen=True, slots=True)
class FinderRecipe:
    """How the network is fitted.

    Attributes:
        steps: Batches.
        pages: In a batch, all of one frame.
        rate: Highest learning rate.
        decay: Weight decay.
        memory: Of the mean of weights over steps.
        smallest: Of a page's width, after it was scaled.
    """

    steps: int = 1_200
    pages: int = 12
    rate: float = 2e-3
    decay: float = 0.02
    memory: float = 0.98
    smallest: float = 0.75


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the network should answer for one page.

    Attributes:
        is_logo: Of each cell: 1 in a logo's core, 0 off every logo, -1 where it does not matter.
        sides: Logarithms of the distances to the sides of the cell's logo, shape (4, ...).
    """

    is_logo: Tensor
    sides: Tensor


def wanted(boxes: Sequence[Box], size: tuple[int, int], frame: Frame) -> Wanted:
    """What should be answered.

    Args:
        boxes: The page's own logos, pixels of the picture.
        size: Of the picture.
        frame: That it is brought to.
    """
    across = frame.wide / size[0]
    rows = rows_of(*size, frame)
    down = min(frame.tall, max(1, round(rows * across))) / rows
    tall, wide = -(-frame.tall // STRIDE), -(-frame.wide // STRIDE)
    y = (torch.arange(tall) + 0.5)[:, None] * STRIDE
    x = (torch.arange(wide) + 0.5)[None, :] * STRIDE
    is_logo, sides = torch.zeros(tall, wide), torch.zeros(4, tall, wide)
    for box in boxes:
        left, right = box[0] * across, box[2] * across
        top, bottom = box[1] * down, box[3] * down
        if top >= frame.tall:
            continue
        inside = (x >= left - STRIDE) & (x <= right + STRIDE)
        inside = inside & (y >= top - STRIDE) & (y <= bottom + STRIDE)
        is_logo[inside] = -1.0
        middle = ((left + right) / 2, (top + bottom) / 2)
        half = (
            max((right - left) * _CORE[0] / 2, STRIDE / 2 + 0.01),
            max((bottom - top) * _CORE[1] / 2, STRIDE / 2 + 0.01),
        )
        core = ((x - middle[0]).abs() <= half[0]) & ((y - middle[1]).abs() <= half[1])
        is_logo[core] = 1.0
        away = torch.stack(
            [(x - left).expand(tall, wide), (y - top).expand(tall, wide),
             (right - x).expand(tall, wide), (bottom - y).expand(tall, wide)]
        )  # fmt: skip
        sides[:, core] = torch.log(away.clamp(min=1.0) / UNIT)[:, core]
    return Wanted(is_logo, sides)


def loss_of(answer: Tensor, is_logo: Tensor, sides: Tensor) -> Tensor:
    """How wrong answers are: lower is better.

    Args:
        answer: Of the network, shape (n, 5, tall, wide).
        is_logo: Wanted, shape (n, tall, wide).
        sides: Wanted, shape (n, 4, tall, wide).
    """
    logits, is_core = answer[:, 0], is_logo > 0.5
    each = functional.binary_cross_entropy_with_logits(logits, is_core.float(), reduction="none")
    missed = torch.where(is_core, 1 - torch.sigmoid(logits), torch.sigmoid(logits))
    n_core = is_core.sum().clamp(min=1)
    sure = (each * missed**_FOCUS * (is_logo >= 0)).sum() / n_core
    chosen = is_core[:, None].expand_as(sides)
    off = functional.smooth_l1_loss(answer[:, 1:][chosen], sides[chosen], reduction="sum", beta=0.1)
    return sure + _SIDES * off / (4 * n_core)


class PageBatches:
    """Deals pages into batches of one frame."""

    def __init__(self, shots: Sequence[Shot], recipe: FinderRecipe, seed: int) -> None:
        self._recipe = recipe
        self._rng = random.Random(seed)  # noqa: S311 - no secret
        self._by_frame: dict[Frame, list[Shot]] = defaultdict(list)
        for shot in shots:
            self._by_frame[frame_for(*shot.size)].append(shot)
        self._waiting: dict[Frame, list[tuple[Pixels, Wanted]]] = defaultdict(list)
        self._left: list[Shot] = []

    def deal(self) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures, which cells are logos, and their sides."""
        while True:
            if not self._left:
                self._left = [shot for some in self._by_frame.values() for shot in some]
                self._rng.shuffle(self._left)
            pixels, answer = self._made(self._left.pop())
            some = self._waiting[Frame(pixels.shape[1], pixels.shape[0])]
            some.append((pixels, answer))
            if len(some) == self._recipe.pages:
                dealt = list(some)
                some.clear()
                return (
                    torch.from_numpy(np.stack([one for one, _ in dealt])),
                    torch.stack([one.is_logo for _, one in dealt]),
                    torch.stack([one.sides for _, one in dealt]),
                )

    def _made(self, shot: Shot) -> tuple[Pixels, Wanted]:
        rng = self._rng
        with Image.open(shot.file, formats=("JPEG",)) as opened:
            wide = opened.width
            if wide > 900:  # at half the size, as the network looks at it; quicker
                opened.draft("RGB", (opened.width // 2, opened.height // 2))
            picture = opened.convert("RGB")
        factor = picture.width / wide
        boxes = [(b[0] * factor, b[1] * factor, b[2] * factor, b[3] * factor) for b in shot.logos]
        seen = distort(picture, rng, boxes, smallest=self._recipe.smallest)
        frame = frame_for(*seen.picture.size)
        return to_look_at(seen.picture), wanted(seen.boxes, seen.picture.size, frame)


def fit_finder(
    shots: Sequence[Shot],
    recipe: FinderRecipe,
    seed: int,
    shape: FinderShape | None = None,
    told: Callable[[FinderNet], None] = lambda net: None,
) -> FinderNet:
    """A fitted network, in evaluation mode.

    Args:
        shots: Rendered pages.
        recipe: How.
        seed: Of everything random.
        shape: Of the network; None for the usual one.
        told: Shown the network now and then, to be looked at only.
    """
    torch.manual_seed(seed)
    net = FinderNet(shape or FinderShape())
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its types
    batches = PageBatches(shots, recipe, seed)
    chooser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    course = torch.optim.lr_scheduler.OneCycleLR(
        chooser, recipe.rate, total_steps=recipe.steps, pct_start=0.1
    )
    lately = Average(net, recipe.memory)
    total = 0.0
    for step in range(recipe.steps):
        pictures, is_logo, sides = batches.deal()
        net.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer = net(pictures)
        loss = loss_of(answer.float(), is_logo, sides)
        chooser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(net.parameters(), _MAX_NORM)
        chooser.step()
        course.step()
        lately.add(net)
        total += loss.item()
        if (step + 1) % _LOG_EVERY == 0:
            logger.info(
                "Fitting the finder. step=%s of=%s loss=%.3f",
                step + 1, recipe.steps, total / _LOG_EVERY,
            )  # fmt: skip
            total = 0.0
            told(lately.net)
    return lately.net
