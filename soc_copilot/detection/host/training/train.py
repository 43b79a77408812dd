"""`soc-copilot train host`: from recordings to a model folder with its card."""

import logging
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch

from soc_copilot.detection.host.features import FEATURES
from soc_copilot.detection.host.saved import HostModel, digest, save
from soc_copilot.detection.host.training.evaluate import report
from soc_copilot.detection.host.training.fit import Recipe, fit_boosted, fit_forest, fit_net
from soc_copilot.detection.host.training.folding import (
    HYBRID,
    Plan,
    Scored,
    cross_scores,
    hybrid_scores,
    judged,
)
from soc_copilot.detection.host.training.fuse import fit_fusion
from soc_copilot.detection.host.training.metrics import choose_threshold
from soc_copilot.detection.host.training.traces import Trace, read_traces
from soc_copilot.domain.errors import DetectorError

logger = logging.getLogger(__name__)

LEAST_GROUPS: Final = 3  # of each label: below, nothing can be left out


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may change."""

    data: Sequence[Path]
    out: Path
    seed: int = 7
    n_folds: int = 5
    n_variants: int = 1
    epochs: int = 6
    budget: float = 0.04
    threads: int = 1
    has_boosting: bool = True


def train(options: Options) -> dict[str, Any]:
    """Train with every group left out once, then on all recordings, and write the model.

    Returns:
        The card.

    Raises:
        SourceError: A recording or an index cannot be read.
        DetectorError: There are too few groups to leave any out.
    """
    began = time.monotonic()
    torch.set_num_threads(options.threads)
    traces = read_traces(options.data)
    _check(traces)
    plan = Plan(
        n_folds=options.n_folds, n_variants=options.n_variants, budget=options.budget,
        has_boosting=options.has_boosting,
        recipe=replace(Recipe(), seed=options.seed, epochs=options.epochs),
    )  # fmt: skip
    scored = cross_scores(traces, plan)
    model = _final(scored, plan)
    columns = {HYBRID: hybrid_scores(scored, plan), **scored.columns}
    card = _card(traces, scored, plan, options)
    card |= report(scored.found, columns, judged(scored, plan))
    card["training_minutes"] = round((time.monotonic() - began) / 60, 1)
    save(options.out, model, card)
    return card


def _check(traces: Sequence[Trace]) -> None:
    for label in ("attack", "benign"):
        groups = {t.group for t in traces if t.group.startswith(label)}
        if len(groups) < LEAST_GROUPS:
            raise DetectorError(
                f"The recordings hold {len(groups)} groups labelled {label}; at least "
                f"{LEAST_GROUPS} are needed, so that some can be left out. Record more."
            )


def _final(scored: Scored, plan: Plan) -> HostModel:
    """Parts trained on everything, and the fusion of parts that had groups left out."""
    model = HostModel(
        fit_net([*scored.found, *scored.made], plan.shape, plan.recipe),
        fit_forest(scored.found, plan.recipe.seed),
        fit_boosted([*scored.found, *scored.made], plan.recipe.seed),
        fit_fusion(scored.found, scored.parts, plan.budget),
        "",
        tuple(f.name for f in FEATURES),
    )
    return replace(model, version=f"host-{datetime.now(UTC):%Y%m%d}.{digest(model)}")


def _card(traces: Sequence[Trace], scored: Scored, plan: Plan, options: Options) -> dict[str, Any]:
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "what": "Scores file activity for destruction, theft and tampering: a recurrent network, "
        "boosted trees, an isolation forest and a rule over 30 features of each event. See "
        "detection/host.",
        "data": _data_of(traces),
        "split": f"Whole families of attacks and of ordinary programs left out, {plan.n_folds} "
        "folds, dealt out in the order of a keyed hash. The fusion and every threshold come from "
        "the other folds.",
        "thresholds": {
            name: choose_threshold(scored.found, column, plan.budget)
            for name, column in scored.columns.items()
        },
        "threshold_note": f"With alarms in at most {plan.budget:.1%} of the ordinary recordings "
        "(and of the stretches before attacks), scored by parts that did not see their groups.",
        "confidence_note": "Isotonic regression over windows of 64 events of those recordings, "
        "each recording counting alike: of windows with such a highest score, how many held "
        "harm. Real hosts see far less harm, and the chance is then lower.",
        "augmentation": f"{plan.n_variants} varied forms of each recording: time stretched by "
        "0.3 to 20, an ordinary recording beside it or after it, sizes and entropies unknown, "
        "the start cut off.",
        "recipe": asdict(plan.recipe),
        "how_to_train": f"soc-copilot train host --data DIR --seed {options.seed}",
        "hardware": f"{options.threads} threads of a {platform.machine()} processor "
        f"({os.cpu_count()} cores), no GPU; torch {torch.__version__}",
        "limits": [
            "Recordings are of made-up trees on one kind of system; no real malware was run.",
            "Without a process id, an attack beside much ordinary work is found later.",
            "Entropy of the first 4 KiB only: what changes behind it shows by other signs alone.",
        ],
    }


def _data_of(traces: Sequence[Trace]) -> dict[str, Any]:
    attacks = [t for t in traces if t.is_attack]
    work = [t for t in traces if not t.is_attack]
    return {
        "recordings": len(traces),
        "events": sum(len(t.frame) for t in traces),
        "attacks": len(attacks),
        "attack_families": sorted({t.family for t in attacks}),
        "ordinary": len(work),
        "ordinary_families": sorted({t.family for t in work}),
        "licence": "own recordings, no restriction",
    }
