"""The fusion's numbers, from scores of recordings that the parts did not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.fusion import Fusion, parts
from soc_copilot.detection.host.training.dataset import Sequence30
from soc_copilot.detection.host.training.metrics import (
    LEAST,
    choose_threshold,
    early,
    windows,
)
from soc_copilot.detection.web.training.metrics import threshold_at

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

# chosen: weights of the parts that are tried, before their size, in the order of `fusion.parts`
_RATIOS: Final = tuple(
    product((0.3, 0.6, 1.0), (0.0, 0.15, 0.3, 0.6), (0.0, 0.1, 0.2, 0.35, 0.5), (0.3, 0.6, 1.0))
)
_BUDGETS: Final = (0.01, 0.02, 0.03, 0.04, 0.06, 0.08)  # chosen: shares of ordinary stretches
_LEAST_SLOPE: Final = 0.01  # chosen: a higher score never means less
_PULL: Final = 0.02  # of the weights towards 0, against one that a few recordings decide
_MOST: Final = 1 - 1e-6
_KNOTS: Final = 40  # rows of the table of confidence, at most


@dataclass(frozen=True, slots=True)
class PartScores:
    """What the four parts say to a recording's events, each float32, shape (n_events,)."""

    deep: Floats
    forest: Floats
    rule: Floats
    boosted: Floats


def fit_fusion(found: Sequence[Sequence30], scores: Sequence[PartScores], budget: float) -> Fusion:
    """The weights that find most attacks while few ordinary recordings alarm.

    What counts is each stretch's highest score: of ordinary work, and of an attack's first
    harmed files. The ratio of the weights is the one with most attacks found where 1% to 8% of
    the ordinary stretches alarm; their size and the bias come from logistic regression on
    those peaks.

    Args:
        found: Recordings.
        scores: The parts', from models that never saw the recordings' groups.
        budget: Share of ordinary recordings that may have an alarm.
    """
    rows, begins, labels = _stretches(found, scores)
    best, ratio, peaks = -1.0, _RATIOS[0], np.zeros(0)
    for tried in _RATIOS:
        reached = np.maximum.reduceat(rows @ np.array(tried, np.float32), begins)
        share = _share_found(reached, labels)
        if share > best:
            best, ratio, peaks = share, tried, reached.astype(np.float64)
    bias, slope = _logistic(peaks, labels)
    deep, forest, rule, boosted = (slope * weight for weight in ratio)
    plain = Fusion(bias, (deep, forest, rule, boosted), (0.0, 1.0), (0.0, 1.0), 0.5)
    fused = [plain.score(s.deep, s.forest, s.rule, s.boosted) for s in scores]
    raw = [plain.raw(s.deep, s.forest, s.rule, s.boosted) for s in scores]
    threshold = 1 / (1 + np.exp(-choose_threshold(found, raw, budget)))
    threshold = float(np.clip(threshold, 1 - _MOST, _MOST))
    return Fusion(bias, plain.weights, *_confidence(found, fused), threshold)


def _stretches(
    found: Sequence[Sequence30], scores: Sequence[PartScores]
) -> tuple[Floats, npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The parts of all events, where each stretch begins, and whether it is an attack's."""
    rows, lengths, labels = [], [], []
    for s, score in zip(found, scores, strict=True):
        columns = parts(score.deep, score.forest, score.rule, score.boosted)
        for places, label in ((early(s), True), (np.flatnonzero(s.target == 0), False)):
            if len(places) >= (1 if label or not s.trace.is_attack else LEAST):
                rows.append(columns[places])
                lengths.append(len(places))
                labels.append(label)
    ends = np.cumsum(lengths)
    return np.concatenate(rows), ends - np.array(lengths), np.array(labels)


def _share_found(peaks: Floats, labels: npt.NDArray[np.bool_]) -> float:
    """Attacks found, as a mean over `_BUDGETS`."""
    thresholds = [threshold_at(peaks[~labels].astype(np.float64), b) for b in _BUDGETS]
    return float(np.mean([(peaks[labels] >= t).mean() for t in thresholds]))


def _logistic(peaks: Doubles, labels: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Bias and slope of the regression in which both labels count alike."""
    share = np.where(labels, 0.5 / max(labels.sum(), 1), 0.5 / max((~labels).sum(), 1))
    design = np.stack([np.ones_like(peaks), peaks], 1)
    bias, slope = _newton(design, labels.astype(np.float64), share)
    return float(bias), max(float(slope), _LEAST_SLOPE)


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
