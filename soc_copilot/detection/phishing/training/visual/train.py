"""Renders pages where there are none yet, trains the model, and writes its folder."""

import logging
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from soc_copilot.detection.phishing.training.visual.evaluate import (
    FOREIGN,
    TO_FIND,
    Found,
    figures,
    look,
    merged,
    ms_per_screenshot,
    thresholds_of,
)
from soc_copilot.detection.phishing.training.visual.fit import Recipe, fit, load_examples
from soc_copilot.detection.phishing.training.visual.pages import LAYOUTS, SPLITS
from soc_copilot.detection.phishing.training.visual.render import INDEX, read_shots, render_all
from soc_copilot.detection.phishing.visual.embedder import NAME, Thresholds
from soc_copilot.detection.phishing.visual.model import PageNet, from_tensors
from soc_copilot.detection.weights import save_model
from soc_copilot.domain.errors import SourceError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """What `train phishing --visual` was asked for.

    Attributes:
        pages: Folder of rendered pages; they are rendered where it has none.
        out: Model folder to write.
        seed: Of everything random.
        threads: Processor threads.
        recipe: How the network is fitted.
        share: Of the brands that are rendered, for trials.
    """

    pages: Path
    out: Path
    seed: int = 7
    threads: int = 1
    recipe: Recipe = field(default_factory=Recipe)
    share: float = 1.0


def train(options: Options) -> dict[str, Any]:
    """Train and write the model; its card.

    Raises:
        SourceError: There are no pages, and no Chromium to render them.
    """
    torch.set_num_threads(options.threads)
    if not (options.pages / INDEX).is_file():
        render_all(options.pages, seed=options.seed, share=options.share)
    examples = load_examples(list(read_shots(options.pages, "train")))
    if not examples:
        raise SourceError(f'"{options.pages}" holds no pages to train on.')
    fitted = fit(examples, options.recipe, options.seed)
    tensors = {
        name: tensor.half() if tensor.is_floating_point() and tensor.dim() > 1 else tensor
        for name, tensor in fitted.state_dict().items()
    }
    net = from_tensors(tensors, fitted.shape)  # as it will be loaded: rounded
    known = look(net, options.pages, "validation")
    card = _card(net, known, options)
    save_model(options.out, tensors, card)
    return card


def measure(net: PageNet, limits: Thresholds, pages: Path, split: str = "test") -> dict[str, Any]:
    """The figures of a part."""
    return told_of(look(net, pages, split), limits)


def told_of(found: Found, limits: Thresholds) -> dict[str, Any]:
    """The figures of what was found in a part."""
    told = figures(found, limits)
    told["all to find"] = merged(told, TO_FIND)
    told["all foreign"] = merged(told, FOREIGN)
    return told


def _card(net: PageNet, known: Found, options: Options) -> dict[str, Any]:
    now = datetime.now(UTC)
    limits = thresholds_of(known)
    return {
        "name": NAME,
        "version": f"{NAME}-{now:%Y%m%d.%H%M}",
        "date": f"{now:%Y-%m-%d}",
        "what": "Embeds screenshots of pages, so that pages of one brand are near each other.",
        "shape": asdict(net.shape),
        "thresholds": asdict(limits),
        "thresholds_from": "validation pages: 0.1% and 1% of those of other brands reach them",
        "recipe": asdict(options.recipe),
        "data": {
            split: {
                "pages": len(shots),
                "brands": len({shot.brand for shot in shots if shot.brand >= 0}),
                "layouts": [layout.__name__ for some in LAYOUTS[split] for layout in some],
            }
            for split in SPLITS
            for shots in [list(read_shots(options.pages, split))]
        },
        "origin": "Pages of our own making (training/visual): made-up brands with marks drawn by "
        "our code, rendered by a local Chromium without a network. No real page, no real mark.",
        "figures": {
            "validation": told_of(known, limits),
            "test": measure(net, limits, options.pages),
        },
        "ms_per_screenshot": ms_per_screenshot(net, options.pages),
        "seed": options.seed,
    }
