"""Figures of a scorer: ranking quality and what it finds at a given false-positive rate."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Figures:
    """What `evaluate` prints; None where a set has only one label.

    Attributes:
        rows: Requests scored.
        attacks: Of these, labelled as attacks.
        auc: Area under the ROC curve.
        f1: Best F1 over all thresholds.
        f1_here: F1 at the threshold in force.
        tpr_001: True-positive rate where 0.1% of the normal rows are flagged.
        tpr_01: The same at 1%.
        fpr_here: Share of normal rows flagged at the threshold in force.
        tpr_here: Share of attacks flagged at the threshold in force.
    """

    rows: int
    attacks: int
    auc: float | None
    f1: float | None
    f1_here: float | None
    tpr_001: float | None
    tpr_01: float | None
    fpr_here: float | None
    tpr_here: float | None

    def as_dict(self) -> dict[str, float | int | None]:
        """For JSON, rounded to five places."""
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(self).items()}


def threshold_at(normal: Floats, budget: float) -> float:
    """The lowest threshold at which at most `budget` of the normal scores are reached."""
    allowed = int(budget * len(normal))
    ranked = np.sort(normal)[::-1]
    if allowed >= len(ranked):
        return float(ranked[-1]) if len(ranked) else 0.5
    return float(np.nextafter(ranked[allowed], np.inf))


def roc_auc(scores: Floats, labels: Flags) -> float:
    """Chance that an attack scores above a normal row, ties counted half."""
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    new = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    group = np.cumsum(new) - 1
    counts = np.bincount(group)
    last = np.cumsum(counts)
    ranks = np.empty(len(scores))
    ranks[order] = (last - (counts - 1) / 2)[group]
    n_pos = int(labels.sum())
    n_neg = len(labels) - n_pos
    return float((ranks[labels].sum() - n_pos * (n_pos + 1) / 2) / (n_pos * n_neg))


def best_f1(scores: Floats, labels: Flags) -> float:
    """The best F1 over all thresholds."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(labels[order])
    flagged = np.arange(1, len(labels) + 1)
    distinct = np.append(scores[order][1:] != scores[order][:-1], True)
    return float((2 * hits / (flagged + labels.sum()))[distinct].max())


def figures(scores: Floats, labels: Flags, threshold: float) -> Figures:
    """All figures of one set of rows."""
    attacks, normal = scores[labels], scores[~labels]
    both = len(attacks) > 0 and len(normal) > 0
    flagged = scores >= threshold
    hits = int((flagged & labels).sum())
    either = int(flagged.sum() + labels.sum())

    def rate(budget: float) -> float | None:
        return float((attacks >= threshold_at(normal, budget)).mean()) if both else None

    return Figures(
        rows=len(scores),
        attacks=len(attacks),
        auc=roc_auc(scores, labels) if both else None,
        f1=best_f1(scores, labels) if both else None,
        f1_here=2 * hits / either if either and len(attacks) else None,
        tpr_001=rate(0.001),
        tpr_01=rate(0.01),
        fpr_here=float(flagged[~labels].mean()) if len(normal) else None,
        tpr_here=float(flagged[labels].mean()) if len(attacks) else None,
    )
