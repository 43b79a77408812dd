"""One score from four: a trained, documented rule.

    raw   = bias + w_deep * cut(deep) + w_forest * cut(10 * (forest - 0.5))
                 + w_rule * cut(ln(rule / (1 - rule))) + w_boosted * cut(boosted)
    score = 1 / (1 + exp(-raw))

No weight is below 0, so no part ever lowers the score by finding more. The logits of
the deep model, the rule and the boosted trees and the forest's distance from an ordinary row are
cut to [-LIMIT, LIMIT], so that none of them outvotes the others without end. The weights
are those that find most attacks while few ordinary recordings alarm, their size and the bias
come from logistic regression, both on the decisive moments of recordings that the parts were
not trained on: the highest of each stretch of ordinary work, and of each attack's first files.

`confidence` is read off a table (isotonic regression, so it never falls as the score rises),
fitted on the same held-out recordings: of moments with this score, how many were harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

LIMIT: Final = 8.0  # logits, chosen: odds of 3,000 to 1
_STEEP: Final = 10.0  # chosen: brings a forest's scores to the size of logits
_NAMES: Final = ("deep", "forest", "rule", "boosted")
N_PARTS: Final = len(_NAMES)


def parts(deep: Floats, forest: Floats, rule: Floats, boosted: Floats) -> Floats:
    """The parts as the fusion adds them up.

    Args:
        deep: Logits, shape (n,).
        forest: Isolation forest's scores, (0, 1), shape (n,).
        rule: Heuristic scores, [0, 1], shape (n,).
        boosted: Logits of the boosted trees, shape (n,).

    Returns:
        float32, shape (n, 4).
    """
    most = 1 / (1 + np.exp(-LIMIT))
    sure = np.clip(rule.astype(np.float64), 1 - most, most)
    columns = (
        np.clip(deep, -LIMIT, LIMIT),
        np.clip(_STEEP * (forest - np.float32(0.5)), -LIMIT, LIMIT),
        np.log(sure / (1 - sure)),
        np.clip(boosted, -LIMIT, LIMIT),
    )
    return np.stack(columns, 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Fusion:
    """The rule's numbers, as the card holds them.

    Attributes:
        bias: Logits.
        weights: Of the deep model, the forest, the rule and the boosted trees; none below 0.
        scores: Ascending places of the table of confidence, (0, 1).
        chances: Share of harm there, ascending, [0, 1].
        threshold: Score from which an event is a threat.
    """

    bias: float
    weights: tuple[float, float, float, float]
    scores: tuple[float, ...]
    chances: tuple[float, ...]
    threshold: float

    def __post_init__(self) -> None:
        if len(self.weights) != N_PARTS or min(self.weights) < 0:
            raise ValueError("the fusion needs four weights, none below 0")
        if not self.scores or len(self.scores) != len(self.chances):
            raise ValueError("the table of confidence has rows of different length")
        for column in (self.scores, self.chances):
            if list(column) != sorted(column):
                raise ValueError("the table of confidence is not ascending")

    def raw(self, deep: Floats, forest: Floats, rule: Floats, boosted: Floats) -> Floats:
        """The fused logit, float32, shape (n,): by logits, not scores, far ends stay apart."""
        columns = parts(deep, forest, rule, boosted)
        total = np.full(len(columns), self.bias, np.float32)
        for weight, column in zip(self.weights, columns.T, strict=True):
            total += np.float32(weight) * column
        return total

    def score(self, deep: Floats, forest: Floats, rule: Floats, boosted: Floats) -> Floats:
        """The fused score, float32, shape (n,), in (0, 1)."""
        raw = self.raw(deep, forest, rule, boosted).astype(np.float64)
        return (1 / (1 + np.exp(-raw))).astype(np.float32)

    def chance(self, score: Floats) -> Floats:
        """Share of harm among held-out moments of such a score, float32, shape (n,)."""
        return np.interp(score, self.scores, self.chances).astype(np.float32)

    def confidence(self, score: Floats) -> Floats:
        """How sure the verdict is: the chance of harm where it is a threat, else its opposite."""
        chance = self.chance(score)
        sure: Floats = np.where(score >= self.threshold, chance, 1 - chance)
        return sure

    def as_card(self) -> dict[str, Any]:
        """For the model card."""
        return {
            "bias": self.bias,
            "weights": dict(zip(_NAMES, self.weights, strict=True)),
            "confidence": {"scores": list(self.scores), "chances": list(self.chances)},
            "threshold": self.threshold,
        }


def _four(weights: list[float]) -> tuple[float, float, float, float]:
    deep, forest, rule, boosted = weights
    return deep, forest, rule, boosted


def from_card(card: Mapping[str, Any]) -> Fusion:
    """The rule as a card has it.

    Raises:
        KeyError, TypeError, ValueError: The card lacks something, or it is not ours.
    """
    weights, table = card["weights"], card["confidence"]
    return Fusion(
        float(card["bias"]),
        _four([float(weights[name]) for name in _NAMES]),
        tuple(float(x) for x in table["scores"]),
        tuple(float(x) for x in table["chances"]),
        float(card["threshold"]),
    )
