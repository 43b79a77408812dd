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
    found_by,
    look,
    merged,
    ms_per_screenshot,
    thresholds_of,
)
from soc_copilot.detection.phishing.training.visual.fit import Recipe, fit, load_examples
from soc_copilot.detection.phishing.training.visual.fit_finder import FinderRecipe, fit_finder
from soc_copilot.detection.phishing.training.visual.fit_logos import (
    LogoRecipe,
    fit_logos,
    is_held_out,
    load_drawn,
    told_apart,
)
from soc_copilot.detection.phishing.training.visual.fit_rule import fit_rule
from soc_copilot.detection.phishing.training.visual.pages import LAYOUTS, SPLITS
from soc_copilot.detection.phishing.training.visual.render import INDEX, read_shots, render_all
from soc_copilot.detection.phishing.visual.compare import FEATURES, Rule
from soc_copilot.detection.phishing.visual.embedder import NAME, Thresholds
from soc_copilot.detection.phishing.visual.networks import Networks, from_tensors
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
        recipe: How the network of whole pages is fitted.
        finder: How the one that finds logos is fitted.
        logos: How the one that compares logos is fitted.
        share: Of the brands that are rendered, for trials.
        marks: More marks to draw logos with, as `sheets.plan_sheets` takes them.
    """

    pages: Path
    out: Path
    seed: int = 7
    threads: int = 1
    recipe: Recipe = field(default_factory=Recipe)
    finder: FinderRecipe = field(default_factory=FinderRecipe)
    logos: LogoRecipe = field(default_factory=LogoRecipe)
    share: float = 1.0
    marks: Path | None = None


def train(options: Options) -> dict[str, Any]:
    """Train and write the model; its card.

    Raises:
        SourceError: There are no pages, and no Chromium to render them.
    """
    torch.set_num_threads(options.threads)
    if not (options.pages / INDEX).is_file():
        render_all(options.pages, seed=options.seed, share=options.share, marks=options.marks)
    shots = list(read_shots(options.pages, "train"))
    if not shots:
        raise SourceError(f'"{options.pages}" holds no pages to train on.')
    drawn = [one for one in load_drawn(options.pages) if not is_held_out(one.identity)]
    logos = fit_logos(drawn, options.logos, options.seed)
    finder = fit_finder(shots, options.finder, options.seed)
    pages = fit(load_examples(shots), options.recipe, options.seed)
    return write(Networks(pages, finder, logos), options)


def write(fitted: Networks, options: Options) -> dict[str, Any]:
    """Fit the rule on the validation part, measure, and write the model; its card."""
    tensors = fitted.tensors()
    networks = from_tensors(tensors, fitted.shapes())  # as it will be loaded: rounded
    looked = look(networks, options.pages, "validation")
    rule = fit_rule(looked)
    card = _card(networks, rule, found_by(rule, looked), options)
    save_model(options.out, tensors, card)
    return card


def measure(
    networks: Networks, rule: Rule, limits: Thresholds, pages: Path, split: str = "test"
) -> dict[str, Any]:
    """The figures of a part."""
    return told_of(found_by(rule, look(networks, pages, split)), limits)


def told_of(found: Found, limits: Thresholds) -> dict[str, Any]:
    """The figures of what was found in a part."""
    told = figures(found, limits)
    told["all to find"] = merged(told, TO_FIND)
    told["all foreign"] = merged(told, FOREIGN)
    return told


def _card(networks: Networks, rule: Rule, known: Found, options: Options) -> dict[str, Any]:
    now = datetime.now(UTC)
    limits = thresholds_of(known)
    return {
        "name": NAME,
        "version": f"{NAME}-{now:%Y%m%d.%H%M}",
        "date": f"{now:%Y-%m-%d}",
        "what": "Finds a page's own logo, embeds it and the page's look, and compares both with "
        "those of registered pages.",
        "shapes": networks.shapes(),
        "rule": {
            "weights": dict(zip(FEATURES, rule.weights, strict=True)), "bias": rule.bias,
            "fitted_on": "validation pages: the nearest picture of each brand",
        },
        "thresholds": asdict(limits),
        "thresholds_from": "validation pages: 0.1% and 1% of those of other brands reach them",
        "recipe": {
            "pages": asdict(options.recipe), "finder": asdict(options.finder),
            "logos": asdict(options.logos),
        },
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
        "our code, rendered by a local Chromium without a network. No real page. "
        + (
            f"Logos also with the marks of {options.marks.name} (simple-icons, CC0 1.0; marks stay "
            "trademarks)."
            if options.marks
            else "No real mark."
        ),
        "figures": {
            "validation": told_of(known, limits),
            "test": measure(networks, rule, limits, options.pages),
            "logos_of_brands_never_seen": told_apart(
                networks.logos,
                [one for one in load_drawn(options.pages) if is_held_out(one.identity)],
            ),
        },
        "ms_per_screenshot": ms_per_screenshot(networks, options.pages),
        "seed": options.seed,
    }  # fmt: skip
