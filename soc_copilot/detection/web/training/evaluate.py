"""Figures of a model on labelled requests: per set, pooled, and of length alone."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.web.model import WebNet
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.scorer import Model, Scorer, as_series
from soc_copilot.detection.web.training.data import Row
from soc_copilot.detection.web.training.metrics import Figures, figures

Floats = npt.NDArray[np.float64]

POOLED: Final = "pooled"
# Sets that label whole scanner runs as attacks: shown, but not counted in "pooled".
APART: Final = frozenset({"scanner_logs"})
_BLOCK: Final = 10_000  # rows per call of the scorer


def request_logits(scorer: Scorer, requests: Sequence[Request], margin: float) -> Floats:
    """The highest logit over each request's texts, header values less the margin."""
    found = np.full(len(requests), -np.inf)
    for start in range(0, len(requests), _BLOCK):
        texts = [request.texts() for request in requests[start : start + _BLOCK]]
        owner = np.repeat(np.arange(len(texts)), [len(row) for row in texts]) + start
        first = np.concatenate([[True], np.diff(owner) > 0]) if len(owner) else owner
        logits = scorer.logits(as_series([t for row in texts for t in row]))[0].astype(float)
        heard = np.where(logits > margin, logits - margin, -np.inf)  # as in WebDetector._fuse
        np.maximum.at(found, owner, np.where(first, logits, heard))
    return found


def request_scores(model: Model, requests: Sequence[Request]) -> Floats:
    """The detector's scores of whole requests, by the model's own calibration."""
    logits = request_logits(model.scorer, requests, model.header_margin)
    return model.calibration.score(logits.astype(np.float32)).astype(float)


def by_set(rows: Sequence[Row], scores: Floats, threshold: float) -> dict[str, Figures]:
    """Figures for each set and, first, for all together, less those that stand apart."""
    labels = np.array([row.is_attack for row in rows])
    names = np.array([row.dataset for row in rows])
    pooled = ~np.isin(names, list(APART))
    found = {POOLED: figures(scores[pooled], labels[pooled], threshold)}
    for name in sorted(set(names.tolist())):
        mine = names == name
        found[name] = figures(scores[mine], labels[mine], threshold)
    return found


def presets(
    rows: Sequence[Row], scores: Floats, thresholds: Mapping[str, float]
) -> dict[str, dict[str, float | None]]:
    """What each budget's threshold flags of the rows of all sets but those that stand apart.

    Returns:
        By budget "fpr", the share of normal rows, and "tpr", the share of attacks.
    """
    found = {}
    for name, threshold in thresholds.items():
        pooled = by_set(rows, scores, threshold)[POOLED].as_dict()
        found[name] = {"fpr": pooled["fpr_here"], "tpr": pooled["tpr_here"]}
    return found


def length_alone(rows: Sequence[Row]) -> dict[str, Figures]:
    """What the request's length alone reaches: what a set gives away."""
    lengths = np.array([float(len(row.request.texts()[0])) for row in rows])
    return by_set(rows, lengths, float("inf"))


def speed(net: WebNet, requests: Sequence[Request]) -> dict[str, float]:
    """Processor time to score targets that were never met before: the median of nine runs.

    Returns:
        Microseconds per target on one thread, and the targets' mean length in characters.
    """
    targets = as_series(list(dict.fromkeys(r.target for r in requests if not r.body))[:_BLOCK])
    times = []
    for _ in range(9):
        scorer = Scorer(net)
        began = time.process_time()
        scorer.logits(targets)
        times.append((time.process_time() - began) / max(len(targets), 1))
    return {
        "us_per_new_target": round(1e6 * float(np.median(times)), 1),
        "mean_characters": round(float(np.mean(targets.str.len_chars().to_numpy())), 1),
    }


@dataclass(frozen=True, slots=True)
class Sigmoid:
    """Fit of `Calibration`, and how far its probabilities are off."""

    slope: float
    offset: float
    error: float  # expected calibration error over ten equal bins


def calibrate(logits: Floats, labels: npt.NDArray[np.bool_]) -> Sigmoid:
    """Slope and offset that make sigmoid(logit) a probability, by Newton's method.

    Source:
        Platt, Probabilistic outputs for support vector machines, 1999, without its prior.
    """
    held = np.clip(logits, -30, 30)
    design = np.stack([held, np.ones_like(held)], 1)
    weights = np.array([1.0, 0.0])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (chance - labels) + 1e-6 * weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design + 1e-6 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        weights = weights - np.clip(step, -1, 1)
        if float(np.abs(step).max()) < 1e-8:
            break
    chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
    bins = np.minimum((chance * 10).astype(int), 9)
    error = sum(
        abs(float(chance[bins == b].mean() - labels[bins == b].mean())) * float((bins == b).mean())
        for b in range(10)
        if (bins == b).any()
    )
    return Sigmoid(float(weights[0]), float(weights[1]), error)


def table(found: Mapping[str, Figures]) -> str:
    """Figures as a table for terminals."""
    head = ("set", "rows", "attacks", "AUC", "F1", "TPR@0.1%", "TPR@1%", "FPR here", "TPR here")
    lines: list[tuple[str, ...]] = [head]
    for name, f in found.items():
        numbers = (f.auc, f.f1, f.tpr_001, f.tpr_01, f.fpr_here, f.tpr_here)
        lines.append((name, f"{f.rows:,}", f"{f.attacks:,}", *map(_shown, numbers)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Iterable[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
