"""`soc-copilot train load`: from series to a model folder with its card."""

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from soc_copilot.detection.load.base import Base
from soc_copilot.detection.load.model import LoadNet
from soc_copilot.detection.load.saved import LoadModel, Singles, digest, load, save
from soc_copilot.detection.load.training.corpus import Sample, read_samples
from soc_copilot.detection.load.training.course import CourseRecipe
from soc_copilot.detection.load.training.fit import (
    Recipe,
    fit_base,
    fit_net,
    normalise,
    tabulate,
)
from soc_copilot.detection.load.training.learn import Effort, learn, spreads
from soc_copilot.detection.load.training.report import figures


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may change; `keep` is a model whose forecast is taken over."""

    data: Sequence[Path]
    out: Path
    seed: int = 7
    epochs: int = 12
    threads: int = 1
    shift: int = -1
    budget: float = 0.0048
    n_trees: int = 120
    course_epochs: int = 5
    n_turns: int = 14
    n_nets: int = 1
    rounds: int = 1
    keep: Path | None = None


def train(options: Options) -> dict[str, Any]:
    """Train the forecast, then the detector on its errors, measure both, write the model.

    Returns:
        The card.

    Raises:
        SourceError: A series cannot be read or is too short.
    """
    began = time.monotonic()
    torch.set_num_threads(options.threads)
    samples = read_samples(options.data, options.shift)
    recipe = replace(Recipe(), seed=options.seed, epochs=options.epochs)
    base, net, norms, widths = _forecast(samples, options, recipe)
    effort = replace(
        Effort(), budget=options.budget, n_trees=options.n_trees, course=_course(options)
    )
    found = learn(samples, base, effort, options.seed)
    model = LoadModel(
        base, net, norms, widths, found.usual, found.trees, found.course, found.templates,
        found.threshold, "",
    )  # fmt: skip
    model = replace(model, version=f"load-{datetime.now(UTC):%Y%m%d}.{digest(model)}")
    card = _card(samples, options, recipe) | figures(samples, model, options.rounds)
    card["training_minutes"] = round((time.monotonic() - began) / 60, 1)
    save(options.out, model, card)
    return card


def _course(options: Options) -> CourseRecipe:
    return replace(
        CourseRecipe(), epochs=options.course_epochs, n_turns=options.n_turns, n_nets=options.n_nets
    )


def _forecast(
    samples: Sequence[Sample], options: Options, recipe: Recipe
) -> tuple[Base, LoadNet, tuple[tuple[Singles, Singles], ...], tuple[float, ...]]:
    """The forecast: base, network, what normalises its rows, and the width of its intervals."""
    if options.keep is not None:
        kept = load(options.keep)
        return kept.base, kept.net, kept.norms, kept.spreads
    base = fit_base(samples)
    read = [tabulate(sample, base) for sample in samples]
    norms = normalise(read)
    net = fit_net(read, recipe)
    return base, net, norms, spreads(samples, read, net)


def _card(samples: Sequence[Sample], options: Options, recipe: Recipe) -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "what": "Forecasts an hourly series an hour and a day ahead (a linear base per hour of the "
        "day, corrected by an LSTM, with intervals), and finds manipulation by matched filters "
        "over the forecast's errors, weighed by boosted trees and an LSTM that is carried on from "
        "hour to hour. See detection/load.",
        "data": {
            s.name: {"hours": int(s.ready.known.sum()), "trained_on": int(s.cut - s.first)}
            for s in samples
        },
        "split": "The last 8,760 hours of every series were left out of everything: forecast, "
        "trees, networks, templates, threshold and intervals. One model serves all series.",
        "threshold_note": f"{options.budget:.2%} of the clean hours of the year before those held "
        "out are flagged, as the mean of the series; that year was kept from trees and networks.",
        "recipe": asdict(recipe),
        "course_recipe": asdict(_course(options)),
        "how_to_train": f"soc-copilot train load --data DIR --seed {options.seed}"
        + (", the forecast taken over with --keep" if options.keep else ""),
        "hardware": f"{options.threads} threads of a {platform.machine()} processor "
        f"({os.cpu_count()} cores), no GPU; torch {torch.__version__}",
        "limits": [
            "No weather: a day ahead, what is left is mostly weather.",
            "United States holidays only.",
            "Noisy counts (events per hour) were not learned from: their threshold is set from "
            "their own history, and a silence or a flood may go unseen.",
            "Attacks are injected ones of eight shapes; no real one was available.",
        ],
    }
