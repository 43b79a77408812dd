"""`soc-copilot train web`: from labelled files to a model folder with its card."""

import json
import logging
import math
import os
import platform
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from soc_copilot.detection.web.classes import N_MODEL_CLASSES, NAMES
from soc_copilot.detection.web.model import Shape, WebNet, from_tensors
from soc_copilot.detection.web.scorer import Calibration, Scorer
from soc_copilot.detection.web.training.corpus import Corpus
from soc_copilot.detection.web.training.data import SALT, Row, data_files, read_rows
from soc_copilot.detection.web.training.evaluate import (
    APART,
    by_set,
    calibrate,
    length_alone,
    presets,
    request_logits,
    speed,
)
from soc_copilot.detection.web.training.fit import Recipe, fit
from soc_copilot.detection.web.training.metrics import Figures, figures, threshold_at
from soc_copilot.detection.web.training.variants import DEFAULT, variants
from soc_copilot.detection.weights import save_model

logger = logging.getLogger(__name__)

BUDGETS: Final = {"0.1%": 0.001, "0.5%": 0.005, "1%": 0.01}
HEADER_MARGIN: Final = 1.0  # logits, chosen: see the card's "headers"
_CROSS_SHARE: Final = 0.3  # of the rows, in the cross-set runs: one more training per set


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may change."""

    data: Path
    out: Path
    seed: int = 7
    epochs: int = 3
    share: float = 1.0
    threads: int = 1
    cross_sets: bool = False
    variants: bool = False
    shape: Shape = field(default_factory=lambda: Shape(n_classes=N_MODEL_CLASSES))
    n_synthetic: int = 40_000


def train(options: Options) -> dict[str, Any]:
    """Train on every file of a folder, choose thresholds on rows held out, write the model.

    Returns:
        The card.
    """
    began = time.monotonic()
    torch.set_num_threads(options.threads)
    rows = [row for path in data_files(options.data) for row in read_rows(path)]
    if options.share < 1:
        chance = random.Random(options.seed)  # noqa: S311 - not for secrets
        rows = [row for row in rows if chance.random() < options.share]
    learning = [row for row in rows if not row.is_validation]
    held_out = [row for row in rows if row.is_validation]
    logger.info("Rows read. training=%d validation=%d", len(learning), len(held_out))
    net = _fitted(learning, options, options.n_synthetic, options.epochs)
    stored = {name: tensor.half() for name, tensor in net.state_dict().items()}
    card = _card(rows, options)
    card |= _chosen(from_tensors(stored, net.shape), held_out)
    if options.variants:
        card |= _variants(from_tensors(stored, net.shape), held_out, card)
    card["training_minutes"] = round((time.monotonic() - began) / 60, 1)
    save_model(options.out, stored, card)
    if options.cross_sets:
        card["cross_sets"] = cross_sets(rows, options)
        save_model(options.out, stored, card)
    return card


def _fitted(learning: Sequence[Row], options: Options, n_synthetic: int, epochs: int) -> WebNet:
    examples = Corpus(learning, options.seed, n_synthetic).examples()
    logger.info("Texts made. texts=%d", len(examples))
    return fit(examples, options.shape, Recipe(epochs=epochs, seed=options.seed))


def _chosen(net: WebNet, held_out: Sequence[Row]) -> dict[str, Any]:
    """Calibration, thresholds and figures, from rows that training did not see."""
    requests = [row.request for row in held_out]
    logits = request_logits(Scorer(net), requests, HEADER_MARGIN)
    labels = np.array([row.is_attack for row in held_out])
    fitted = calibrate(logits, labels)
    sigmoid = Calibration(fitted.slope, fitted.offset)
    scores = sigmoid.score(logits.astype(np.float32)).astype(float)
    exact = {name: threshold_at(scores[~labels], b) for name, b in BUDGETS.items()}
    # Rounded up, so that no row is flagged that the threshold was set to spare.
    thresholds = {name: math.ceil(v * 1e7) / 1e7 for name, v in exact.items()}
    found = by_set(held_out, scores, thresholds["0.1%"])
    return {
        "thresholds": thresholds,
        "presets": presets(held_out, scores, thresholds),
        "calibration": {
            "sigmoid": {"slope": fitted.slope, "offset": fitted.offset},
            "method": "Platt scaling on the validation rows: a score is the share of attacks "
            "among validation requests of that score. Real traffic holds far fewer attacks.",
            "expected_error": round(fitted.error, 5),
        },
        "thresholds_note": "By share of all validation rows labelled normal that reach them. On "
        "csic2010 and fwaf, whose labels contradict each other, more do; on recorded "
        "browsing (wcp) fewer: see figures.",
        "figures": {name: f.as_dict() for name, f in found.items()},
        "length_alone": {name: _short(f) for name, f in length_alone(held_out).items()},
        "speed": speed(net, [row.request for row in held_out]),
        "figures_note": "fpr_here and tpr_here: at the threshold for a budget of 0.1%; presets: "
        "pooled, at the threshold of each budget, likewise on validation rows. Pooled: all "
        f"sets but {', '.join(sorted(APART))}.",
    }


def _variants(net: WebNet, held_out: Sequence[Row], card: Mapping[str, Any]) -> dict[str, Any]:
    """Speed and accuracy of other ways to run the weights."""
    sigmoid = card["calibration"]["sigmoid"]
    chance = card["thresholds"]["0.1%"]
    threshold = (math.log(chance / (1 - chance)) - sigmoid["offset"]) / sigmoid["slope"]
    return {
        "variants": variants(net, [row.request for row in held_out], threshold),
        "variants_note": f'"{DEFAULT}" is what runs. Processor time on one thread for targets '
        "never met before, normalising included; decisions at the threshold for 0.1%.",
    }


def _short(found: Figures) -> dict[str, float | int | None]:
    return {k: v for k, v in found.as_dict().items() if k in {"auc", "tpr_001", "tpr_01"}}


def cross_sets(rows: Sequence[Row], options: Options) -> dict[str, Any]:
    """Figures on each set of a model that saw nothing of it.

    Normal rows of all sets' validation part count where the set has none of its own.
    """
    chance = random.Random(options.seed)  # noqa: S311 - not for secrets
    some = [row for row in rows if row.is_validation or chance.random() < _CROSS_SHARE]
    held_out = [row for row in some if row.is_validation]
    found: dict[str, Any] = {}
    for name in sorted({row.dataset for row in rows}):
        learning = [row for row in some if not row.is_validation and row.dataset != name]
        net = _fitted(learning, options, options.n_synthetic // 4, options.epochs)
        judged = [row for row in held_out if row.dataset == name]
        labels = np.array([row.is_attack for row in judged])
        if labels.all():  # payload lists and scanners: against harmless rows of the others
            judged += [row for row in held_out if not row.is_attack]
        elif not labels.any():
            judged += [row for row in held_out if row.is_attack]
        labels = np.array([row.is_attack for row in judged])
        logits = request_logits(Scorer(net), [row.request for row in judged], HEADER_MARGIN)
        found[name] = _short(figures(logits, labels, float("inf")))
        logger.info("Cross-set run done. left_out=%s figures=%s", name, found[name])
    return found


def _card(rows: Sequence[Row], options: Options) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "name": "web",
        "version": f"web-{now:%Y%m%d.%H%M}",
        "date": f"{now:%Y-%m-%d}",
        "what": "Scores HTTP requests for attacks: hashed n-grams of the decoded text (of bytes, "
        "of words and signs, and of both with letters or digits made alike), summed over "
        "stretches of 16 bytes, strongest features kept. See detection/web/model.py.",
        "shape": {k: v for k, v in asdict(options.shape).items() if k != "n_classes"},
        "classes": list(NAMES[:N_MODEL_CLASSES]),
        "header_margin": HEADER_MARGIN,
        "headers": "Header values are scored as texts of their own, less header_margin logits. "
        "Names, and which headers there are, are never looked at.",
        "data": _data_of(rows),
        "split": f'Validation: first byte of sha256("{SALT}" + group) below 51, group being '
        "the id up to the first ~. Training saw none of these rows.",
        "augmentation": f"Values moved to random places of real harmless requests, and "
        f"{options.n_synthetic:,} harmless and as many attack texts of our "
        "own making.",
        "how_to_train": f"soc-copilot train web --data DIR --out models/web --seed {options.seed} "
        f"--epochs {options.epochs}"
        + " --cross-sets" * options.cross_sets
        + " --variants" * options.variants,
        "hardware": f"{options.threads} threads of a {platform.machine()} processor "
        f"({os.cpu_count()} cores), no GPU; torch {torch.__version__}",
        "limits": [
            "Attacks that need the program's state to be seen as such (broken access control, "
            "business logic, valid but stolen credentials) are out of reach.",
            "csic2010 and fwaf label harmless oddities and plain file names as attacks, and "
            "scanner_logs whole runs: their figures show how far these were learned, not more.",
            "Harmless texts about attacks (a forum on SQL, say) may be flagged.",
            "A parameter repeated with different values that hold signs is read as one value in "
            "pieces too, which speaks a little for an attack.",
        ],
        "cross_sets_note": f"Trained without the set on {_CROSS_SHARE:.0%} of the other rows, "
        "tested on the set's validation rows; a set of one label against the others' other.",
    }


def _data_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    known = json.loads((Path(__file__).parent / "sets.json").read_text(encoding="utf-8"))
    unknown = {"source": "given by the user", "licence": "not stated"}
    found = []
    for name in sorted({row.dataset for row in rows}):
        mine = [row for row in rows if row.dataset == name]
        found.append(
            {
                "set": name,
                **known.get(name, unknown),
                "rows": len(mine),
                "attacks": sum(row.is_attack for row in mine),
                "validation_rows": sum(row.is_validation for row in mine),
            }
        )
    return found
