"""Fits the network of logos: one brand's near each other, however drawn; all others apart."""

import hashlib
import logging
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from soc_copilot.detection.phishing.training.visual.distort import packed
from soc_copilot.detection.phishing.training.visual.fit import Average, contrast
from soc_copilot.detection.phishing.training.visual.render import read_sheets
from soc_copilot.detection.phishing.training.visual.sheets import SIBLINGS
from soc_copilot.detection.phishing.visual.logos import (
    MARGIN,
    PARTS,
    Ink,
    LogoNet,
    LogoShape,
    embed_logos,
    ink_of,
)
from soc_copilot.detection.phishing.visual.pictures import Box

logger = logging.getLogger(__name__)

_AROUND: Final = 0.35  # chosen: of a logo's height, kept around it to cut more or less closely
_LOG_EVERY: Final = 25
_HELD_OUT: Final = 26  # chosen: of 256
_SHARES: Final = (1e-3, 1e-4, 1e-5)
_MAX_NORM: Final = 5.0  # chosen: of a gradient

Cut = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class LogoRecipe:
    """How the network is fitted.

    Attributes:
        steps: Batches.
        families: In a batch, of brands that share typeface and colours.
        drawn: Pictures of each part of a logo in a batch; of whole ones twice as many.
        rate: Highest learning rate.
        decay: Weight decay.
        heat: Temperature of the loss.
        memory: Of the mean of weights over steps.
    """

    steps: int = 1_000
    families: int = 10
    drawn: int = 2
    rate: float = 2e-3
    decay: float = 0.02
    heat: float = 0.1
    memory: float = 0.98


@dataclass(frozen=True, slots=True)
class Drawn:
    """A logo as it was drawn once.

    Attributes:
        identity: Whose, and which part of the logo, as `sheets.Sheet` has it.
        pixels: With some ground around it, shape (tall, wide, 3).
        around: Pixels of that ground at the left, top, right and bottom.
    """

    identity: int
    pixels: Cut
    around: tuple[int, int, int, int]


def load_drawn(folder: Path) -> list[Drawn]:
    """The logos of all sheets.

    Raises:
        SourceError: The folder holds none.
    """
    found = []
    for sheet in read_sheets(folder):
        with Image.open(sheet.file, formats=("JPEG",)) as opened:
            picture = opened.convert("RGB")
        found += [cut_out(picture, box, identity) for identity, box in sheet.logos]
    return found


def cut_out(picture: Image.Image, box: Box, identity: int) -> Drawn:
    """A logo with some ground around it."""
    more = _AROUND * (box[3] - box[1])
    at = (
        max(round(box[0] - more), 0), max(round(box[1] - more), 0),
        min(round(box[2] + more), picture.width), min(round(box[3] + more), picture.height),
    )  # fmt: skip
    around = (
        round(box[0]) - at[0], round(box[1]) - at[1], at[2] - round(box[2]), at[3] - round(box[3])
    )  # fmt: skip
    return Drawn(identity, np.asarray(picture.crop(at)), around)


def as_seen(drawn: Drawn, rng: random.Random) -> Ink:
    """A logo as it is found on somebody's screenshot: smaller, packed, cut a little off."""
    tall, wide = drawn.pixels.shape[:2]
    left, top, right, bottom = drawn.around
    high = tall - top - bottom
    # Where the finder would cut: about the margin, now more, now less.
    cuts = [
        max(0, round(there - high * (MARGIN + rng.gauss(0.0, 0.09))))
        for there in (left, top, right, bottom)
    ]
    if rng.random() < 0.1:
        cuts[rng.choice((0, 2))] += int((wide - left - right) * rng.uniform(0.03, 0.12))
    picture = Image.fromarray(drawn.pixels).crop(
        (cuts[0], cuts[1], max(wide - cuts[2], cuts[0] + 4), max(tall - cuts[3], cuts[1] + 4))
    )
    if rng.random() < 0.75:
        factor = rng.uniform(10.0, 36.0) / max(high, 1)
        if factor < 1.0:
            across = factor * rng.uniform(0.93, 1.07)
            size = (max(6, int(picture.width * across)), max(6, int(picture.height * factor)))
            picture = picture.resize(size, Image.Resampling.BILINEAR)
    if rng.random() < 0.5:
        picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.6, 1.3))
    if rng.random() < 0.15:
        picture = ImageOps.invert(picture)
    if rng.random() < 0.5:
        picture = packed(picture, rng)
    return ink_of(np.asarray(picture, np.int16))


def is_held_out(identity: int) -> bool:
    """True for a tenth of the families: they are not learnt from, but measured on."""
    return hashlib.sha256(str(_family(identity)).encode()).digest()[0] < _HELD_OUT


def _family(identity: int) -> int:
    return identity // len(PARTS) // SIBLINGS


def told_apart(net: LogoNet, drawn: Sequence[Drawn], seed: int = 5) -> dict[str, float]:
    """How many pairs of one brand's logos are more alike than nearly all pairs of two brands'.

    Args:
        net: In evaluation mode.
        drawn: Logos of brands that it did not learn from.
        seed: Of how they are seen.

    Returns:
        Shares of the pairs, by part and by the share of pairs of two brands that are as much alike.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    found = embed_logos(net, [as_seen(one, rng) for one in drawn])
    own = np.array([one.identity for one in drawn])
    told = {}
    for n, part in enumerate(PARTS):
        of_part = np.flatnonzero(own % len(PARTS) == n)
        if len(of_part) < 2:
            continue
        upper = np.triu_indices(len(of_part), 1)
        is_same = (own[of_part][:, None] == own[of_part][None, :])[upper]
        similar = (found[of_part] @ found[of_part].T)[upper]
        for share in _SHARES:
            limit = np.quantile(similar[~is_same], 1.0 - share)
            told[f"{part}_at_{share:g}"] = round(float((similar[is_same] >= limit).mean()), 4)
    return told


class LogoBatches:
    """Deals logos into batches: families together, so that the like are told apart."""

    def __init__(self, drawn: Sequence[Drawn], recipe: LogoRecipe, seed: int) -> None:
        self._recipe = recipe
        self._rng = random.Random(seed)  # noqa: S311 - no secret
        self._drawn: dict[int, list[Drawn]] = defaultdict(list)
        for one in drawn:
            self._drawn[one.identity].append(one)
        families: dict[int, list[int]] = defaultdict(list)
        for identity in sorted(self._drawn):
            families[_family(identity)].append(identity)
        self._families = list(families.values())

    def deal(self) -> tuple[Tensor, Tensor]:
        """Logos, shape (n, TALL, WIDE), and their identities."""
        rng, recipe = self._rng, self._recipe
        logos, own = [], []
        for family in rng.sample(self._families, min(recipe.families, len(self._families))):
            for identity in family:
                n = recipe.drawn * (1 if identity % len(PARTS) else 2)
                for one in rng.choices(self._drawn[identity], k=n):
                    logos.append(as_seen(one, rng))
                    own.append(identity)
        return torch.from_numpy(np.stack(logos)), torch.tensor(own)


def fit_logos(
    drawn: Sequence[Drawn],
    recipe: LogoRecipe,
    seed: int,
    shape: LogoShape | None = None,
    told: Callable[[LogoNet], None] = lambda net: None,
) -> LogoNet:
    """A fitted network, in evaluation mode.

    Args:
        drawn: Logos.
        recipe: How.
        seed: Of everything random.
        shape: Of the network; None for the usual one.
        told: Shown the network now and then, to be looked at only.
    """
    torch.manual_seed(seed)
    net = LogoNet(shape or LogoShape())
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in its types
    batches = LogoBatches(drawn, recipe, seed)
    chooser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    course = torch.optim.lr_scheduler.OneCycleLR(
        chooser, recipe.rate, total_steps=recipe.steps, pct_start=0.1
    )
    lately = Average(net, recipe.memory)
    total = 0.0
    for step in range(recipe.steps):
        logos, own = batches.deal()
        net.train()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = net(logos)
        loss = contrast(found.float(), own, recipe.heat, own // len(PARTS))
        chooser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(net.parameters(), _MAX_NORM)
        chooser.step()
        course.step()
        lately.add(net)
        total += loss.item()
        if (step + 1) % _LOG_EVERY == 0:
            logger.info(
                "Fitting logos. step=%s of=%s loss=%.3f", step + 1, recipe.steps, total / _LOG_EVERY
            )
            total = 0.0
            told(lately.net)
    return lately.net
