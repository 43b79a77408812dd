"""The fusion's numbers, from scores of recordings that the parts did not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.fusion import N_PARTS, Fusion, parts
from soc_copilot.detection.host.training.dataset import Sequence30
from soc_copilot.detection.host.training.metrics import choose_threshold, early, windows

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_ROUNDS: Final = 6  # of choosing peaks and fitting; it settles after two or three
_PULL: Final = 0.02  # of the weights towards 0, against one that a few recordings decide
_MOST: Final = 1 - 1e-6
_KNOTS: Final = 40  # rows of the table of confidence, at most


@dataclass(frozen=True, slots=True)
class PartScores:
    """What the three parts say to a recording's events, each float32, shape (n_events,)."""

    deep: Floats
    forest: Floats
    rule: Floats


def fit_fusion(found: Sequence[Sequence30], scores: Sequence[PartScores], budget: float) -> Fusion:
    """Weights by logistic regression on each recording's decisive moment.

    An ordinary recording's moment is the one that scores highest; so is an attack's among
    its first harmed files. Which they are depends on the weights, so both are done in turn,
    beginning with equal weights.

    Args:
        found: Recordings.
        scores: The parts', from models that never saw the recordings' groups.
        budget: Share of ordinary recordings that may have an alarm.
    """
    columns = [parts(s.deep, s.forest, s.rule).astype(np.float64) for s in scores]
    harmful = [early(s) for s in found]
    quiet = [np.flatnonzero(s.target == 0) for s in found]
    weights, bias = np.full(N_PARTS, 1.0 / N_PARTS), 0.0
    for _ in range(_ROUNDS):
        rows, labels = [], []
        for x, harm, work in zip(columns, harmful, quiet, strict=True):
            for places, label in ((harm, 1.0), (work, 0.0)):
                if len(places):
                    rows.append(x[places[np.argmax(x[places] @ weights)]])
                    labels.append(label)
        bias, weights = _logistic(np.array(rows), np.array(labels))
    plain = Fusion(bias, (weights[0], weights[1], weights[2]), (0.0, 1.0), (0.0, 1.0), 0.5)
    fused = [plain.score(s.deep, s.forest, s.rule) for s in scores]
    raw = [plain.raw(s.deep, s.forest, s.rule) for s in scores]
    threshold = 1 / (1 + np.exp(-choose_threshold(found, raw, budget)))
    threshold = float(np.clip(threshold, 1 - _MOST, _MOST))
    return Fusion(bias, plain.weights, *_confidence(found, fused), threshold)


def _logistic(rows: Doubles, labels: Doubles) -> tuple[float, Doubles]:
    """Bias and weights, none below 0, of the regression in which both labels count alike.

    The best fit under the bound leaves some weights out and is the free best fit of the
    others: all ways of leaving out are tried.
    """
    share = np.where(labels > 0, 0.5 / max(labels.sum(), 1), 0.5 / max((1 - labels).sum(), 1))
    best: tuple[float, float, Doubles] = (np.inf, 0.0, np.zeros(N_PARTS))
    for used in product((False, True), repeat=N_PARTS):
        design = np.concatenate([np.ones((len(rows), 1)), rows[:, list(used)]], 1)
        fitted = _newton(design, labels, share)
        if (fitted[1:] < 0).any():
            continue
        raw = design @ fitted
        loss = float(share @ (np.logaddexp(0, raw) - labels * raw))
        loss += 0.5 * _PULL * float(fitted[1:] @ fitted[1:])
        if loss < best[0]:
            weights = np.zeros(N_PARTS)
            weights[list(used)] = fitted[1:]
            best = (loss, float(fitted[0]), weights)
    return best[1], best[2]


def _newton(design: Doubles, labels: Doubles, share: Doubles) -> Doubles:
    pull = np.full(design.shape[1], _PULL)
    pull[0] = 1e-6
    fitted = np.zeros(design.shape[1])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-np.clip(design @ fitted, -30, 30)))
        slope = design.T @ (share * (chance - labels)) + pull * fitted
        curve = (design * (share * chance * (1 - chance))[:, None]).T @ design + np.diag(pull)
        step = np.linalg.solve(curve, slope)
        fitted = fitted - np.clip(step, -2, 2)
        if float(np.abs(step).max()) < 1e-9:
            break
    return fitted


def _confidence(
    found: Sequence[Sequence30], fused: Sequence[Floats]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Isotonic regression of harm on the score, over windows, each recording counting alike."""
    from sklearn.isotonic import IsotonicRegression

    seen = windows(found, fused)
    curve = IsotonicRegression(y_min=0.0, y_max=1.0)
    curve.fit(seen.score, seen.is_harm, 1.0 / np.bincount(seen.recording)[seen.recording])
    x, y = curve.X_thresholds_, curve.y_thresholds_
    picked = np.unique(np.linspace(0, len(x) - 1, _KNOTS).round().astype(int))
    return tuple(map(float, x[picked])), tuple(map(float, y[picked]))
