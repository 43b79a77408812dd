"""Fits the network of whole pages: copies of one page near each other, all others apart."""

import copy
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from soc_copilot.detection.phishing.training.visual.distort import distort
from soc_copilot.detection.phishing.training.visual.render import Shot
from soc_copilot.detection.phishing.visual.model import PageNet, Shape
from soc_copilot.detection.phishing.visual.pictures import Frame, Pixels, to_frame

logger = logging.getLogger(__name__)

_WARM_STEPS: Final = 20  # chosen
_MAX_NORM: Final = 5.0  # chosen: of a gradient
_LOG_EVERY: Final = 25
COPIES: Final = frozenset({"reference", "clone", "no_mark"})
"""Of one brand and one layout they are copies; marks are another network's business."""
_KEPT_WIDTH: Final = 320  # chosen: of pictures in memory, a quarter more than a frame's


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the network is fitted.

    Attributes:
        steps: Batches.
        brands: In a batch, no two of one family: those differ in what this network need not see.
        pages: Of each brand in a batch, all of one layout.
        strangers: Other pages in a batch.
        rate: Learning rate.
        decay: Weight decay.
        heat: Temperature of the loss.
        memory: Of the mean of weights over steps.
    """

    steps: int = 1_200
    brands: int = 16
    pages: int = 4
    strangers: int = 16
    rate: float = 7e-4
    decay: float = 0.02
    heat: float = 0.1
    memory: float = 0.98


@dataclass(frozen=True, slots=True)
class Example:
    """A page to learn from; `Shot`'s fields, and its picture in memory."""

    shot: Shot
    picture: Image.Image


def load_examples(shots: Sequence[Shot]) -> list[Example]:
    """The pages with their pictures."""
    found = []
    for shot in shots:
        with Image.open(shot.file, formats=("JPEG",)) as opened:
            picture = opened.convert("RGB")
        factor = _KEPT_WIDTH / max(picture.size)
        size = (round(picture.width * factor), round(picture.height * factor))
        found.append(Example(shot, picture.resize(size, Image.Resampling.BILINEAR)))
    return found


def contrast(
    embeddings: Tensor, labels: Tensor, heat: float, owners: Tensor | None = None
) -> Tensor:
    """How far pages of one label are from each other, against all others: lower is better.

    Args:
        embeddings: Of length 1, shape (n, size).
        labels: Of each; one that no other has is pushed away from all.
        heat: Lower looks more at the nearest.
        owners: Of each; what has the same owner and another label is neither near nor apart.

    Source:
        Khosla et al., Supervised Contrastive Learning, NeurIPS 2020.
    """
    n = len(labels)
    similar = embeddings @ embeddings.T / heat
    same = (labels[:, None] == labels[None, :]) & ~torch.eye(n, dtype=torch.bool)
    passed_over = torch.eye(n, dtype=torch.bool)
    if owners is not None:
        passed_over = (owners[:, None] == owners[None, :]) & ~same
    similar = similar.masked_fill(passed_over, -1e9)
    logs = functional.log_softmax(similar, dim=1)
    count = same.sum(dim=1)
    each = -(logs * same).sum(dim=1) / count.clamp(min=1)
    return each[count > 0].mean()


class Batches:
    """Deals pages into batches: copies of some pages, and pages that nobody copies."""

    def __init__(self, examples: Sequence[Example], recipe: Recipe, seed: int) -> None:
        self._recipe = recipe
        self._rng = random.Random(seed)  # noqa: S311 - no secret
        copies: dict[tuple[int, str], list[Example]] = defaultdict(list)
        self._others: list[Example] = []
        for one in examples:
            if one.shot.brand >= 0:
                if one.shot.kind in COPIES:
                    copies[one.shot.brand, one.shot.layout].append(one)
            else:
                self._others.append(one)
        self._of_family: dict[int, list[list[Example]]] = defaultdict(list)
        for (brand, _), pages in sorted(copies.items()):
            if len(pages) > 1:
                self._of_family[brand // 2].append(pages)

    def deal(self) -> tuple[dict[Frame, Tensor], Tensor]:
        """Pictures by frame, and the labels of them all in that order."""
        rng, recipe = self._rng, self._recipe
        families = rng.sample(sorted(self._of_family), min(recipe.brands, len(self._of_family)))
        chosen: list[tuple[Example, int]] = []
        for label, family in enumerate(families):
            pages = rng.choice(self._of_family[family])
            chosen += [(one, label) for one in rng.sample(pages, min(recipe.pages, len(pages)))]
        apart = rng.sample(self._others, min(recipe.strangers, len(self._others)))
        chosen += [(one, -1 - i) for i, one in enumerate(apart)]
        by_frame: dict[Frame, list[tuple[Pixels, int]]] = defaultdict(list)
        for one, label in chosen:
            pixels = to_frame(distort(one.picture, rng).picture)
            tall, wide = pixels.shape[:2]
            by_frame[Frame(wide, tall)].append((pixels, label))
        labels = [label for some in by_frame.values() for _, label in some]
        tensors = {
            frame: torch.from_numpy(np.stack([pixels for pixels, _ in some]))
            for frame, some in by_frame.items()
        }
        return tensors, torch.tensor(labels)


def fit(
    examples: Sequence[Example],
    recipe: Recipe,
    seed: int,
    shape: Shape | None = None,
    told: Callable[[PageNet], None] = lambda net: None,
) -> PageNet:
    """A fitted network, in evaluation mode.

    Args:
        examples: Pages of brands, and others.
        recipe: How.
        seed: Of everything random.
        shape: Of the network; None for the usual one.
        told: Shown the network now and then, to be looked at only.
    """
    torch.manual_seed(seed)
    net = PageNet(shape or Shape())
    # Twice as fast on a processor; torch's types do not know the argument.
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = Batches(examples, recipe, seed)
    chooser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    lately = Average(net, recipe.memory)
    total = 0.0
    for step in range(recipe.steps):
        for group in chooser.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / _WARM_STEPS)
        pictures, labels = batches.deal()
        net.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = net.point(torch.cat([net.see(some) for some in pictures.values()]))
        loss = contrast(found.float(), labels, recipe.heat)
        chooser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(net.parameters(), _MAX_NORM)
        chooser.step()
        lately.add(net)
        total += loss.item()
        if (step + 1) % _LOG_EVERY == 0:
            logger.info(
                "Fitting. step=%s of=%s loss=%.3f", step + 1, recipe.steps, total / _LOG_EVERY
            )
            total = 0.0
            told(lately.net)
    return lately.net


Net = TypeVar("Net", bound=nn.Module)


class Average(Generic[Net]):
    """A network whose weights are the running mean of another's: calmer, and better.

    Args:
        net: The other, as it is at first.
        memory: Share of the mean that is kept at each step, once there were enough steps.
    """

    def __init__(self, net: Net, memory: float) -> None:
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self._memory = memory
        self._n = 0

    def add(self, net: Net) -> None:
        """Take the other's weights of now into the mean."""
        self._n += 1
        kept = min(self._memory, self._n / (self._n + 9))
        theirs = net.state_dict()
        for name, mine in self.net.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1.0 - kept)
            else:
                mine.copy_(theirs[name])
