"""Which attack it was: boosted trees for each template over the shape of what was put on top.

The networks over the signs, which learned to tell the templates beside, have their say, too.

The change put on top is what the forecast from before the attack leaves over: u = e + G u,
hour by hour. Its shape is described by how much each fixed template explains of it, by its
roughness and by how many hours hold it; with the evidence's signs that is what the trees see.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.boosted import Boosted
from soc_copilot.detection.load.evidence import (
    N_SHAPES,
    N_SIGNS,
    N_STARTS,
    N_TRACK,
    SPREAD,
    begun,
)
from soc_copilot.detection.load.injection import TEMPLATES, profile

Floats = npt.NDArray[np.float64]

NAMES: Final = tuple(TEMPLATES)
FAMILIES: Final[Mapping[str, str]] = {
    "pulse": "pulse", "point_burst": "pulse", "scaling": "scaling", "ramp_up": "ramp",
    "ramp_up_down": "ramp", "random": "random", "smooth_curve": "smooth curve",
    "seasonal": "smooth curve",
}  # fmt: skip
WORDS: Final[Mapping[str, str]] = {
    "pulse": "regular pulses", "point_burst": "single hours struck", "scaling": "a constant share",
    "ramp_up": "a ramp up", "ramp_up_down": "a ramp up and down again",
    "random": "a random share each hour", "smooth_curve": "a smooth curve",
    "seasonal": "a daily wave",
}  # fmt: skip
_FIXED: Final = ("pulse", "scaling", "ramp_up", "ramp_up_down", "smooth_curve", "seasonal")
N_SHAPE: Final = len(_FIXED) + 9
N_ROW: Final = N_SIGNS + 2 * N_SHAPE
TREES_WEIGHT: Final = 0.5  # measured: of the trees' logarithms beside the networks'
_LEAST_HOURS: Final = 2  # chosen: hours that are looked at, the last ones where it began later


@dataclass(frozen=True, slots=True)
class Guess:
    """Which attack it looks like.

    Attributes:
        template: The likeliest.
        probability: Of it.
        size: Share by which its strongest hour is changed, signed.
        probabilities: Of all.
    """

    template: str
    probability: float
    size: float
    probabilities: Mapping[str, float]


class Templates:
    """Boosted trees for each template, over the signs of an hour and the shape so far."""

    def __init__(self, trees: Sequence[Boosted]) -> None:
        """Take the trees, one for each of `NAMES`.

        Raises:
            ValueError: There are more or fewer.
        """
        if len(trees) != len(NAMES):
            raise ValueError("its templates are others")
        self.trees = tuple(trees)

    def guess(self, look: "Look", scores: Floats) -> Guess:
        """Say which attack an hour is in the middle or at the end of.

        Args:
            look: At the change so far.
            scores: Of the networks over the signs, for each of `NAMES`.
        """
        row = look.row[None].astype(np.float32)
        odds = joined(np.array([[float(trees.logits(row)[0]) for trees in self.trees]]), scores)[0]
        best = int(odds.argmax())
        return Guess(
            NAMES[best],
            float(odds[best]),
            size_of(NAMES[best], look.change, look.errors, look.scales, look.effect),
            dict(zip(NAMES, (float(o) for o in odds), strict=True)),
        )


def joined(logs: Floats, scores: Floats) -> Floats:
    """How likely each template is.

    Args:
        logs: Log-odds of each template's own trees, shape (n, templates).
        scores: Of the networks, shape (n, templates) or (templates,).

    Returns:
        Shape (n, templates), each row's sum 1.
    """
    own = np.log1p(np.exp(-np.clip(logs, -30, 30)))
    both = np.clip(scores, -30, 30) - TREES_WEIGHT * own
    odds = np.exp(both - both.max(-1, keepdims=True))
    return np.asarray(odds / odds.sum(-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to see of a change so far.

    Attributes:
        row: The signs of the hour, the shape since the change's likeliest begin, and that since
            the suspicion's, shape (N_ROW,).
        change: What was put on top of each hour since the latter.
        errors: Of the forecast in these hours, in logarithms.
        scales: Of them.
        effect: As `effect_of` gives it.
    """

    row: Floats
    change: Floats
    errors: Floats
    scales: Floats
    effect: Floats


def look(
    at: int,
    week_hour: int,
    answer: Floats,
    state: tuple[Floats, Floats],
    signs: Floats,
    since: int,
) -> Look:
    """Look at the change that the last hour taken in is likeliest part of.

    Args:
        at: Hours seen before that one, as for `evidence.gather`.
        week_hour: Of that hour.
        answer: G of each hour of the week.
        state: The evidence's.
        signs: Of that hour.
        since: Hours seen before the one at which the suspicion dates the change.
    """
    sums, rings = state
    shapes = []
    for age in (begun(at, N_SHAPES, sums), at - since):
        ages = np.arange(min(max(age, _LEAST_HOURS - 1), N_STARTS - 1, at), -1, -1)
        places = (at - ages) % N_TRACK
        errors, scales = rings[4, places], 1 / (SPREAD * np.sqrt(rings[8, places]))
        effect = effect_of(answer[(week_hour - ages) % 168])
        change = undone(effect, errors)
        shapes.append(describe(change, errors, scales, effect))
    return Look(np.concatenate([signs, *shapes]), change, errors, scales, effect)


def effect_of(answers: Floats) -> Floats:
    """The matrix that turns an interval's change into the errors it leads to: 1 - G.

    Args:
        answers: G of each hour of the interval, shape (n, n + 1) or wider.

    Returns:
        Shape (n, n), 1 on its diagonal and 0 above.
    """
    n = len(answers)
    lag = np.arange(n)[:, None] - np.arange(n)[None, :]
    found = np.where(lag > 0, -answers[np.arange(n)[:, None], np.maximum(lag, 0)], 0.0)
    return np.asarray(found + np.eye(n))


def undone(effect: Floats, errors: Floats) -> Floats:
    """The change of each hour that errors mean, nothing before having been changed."""
    return np.asarray(np.linalg.solve(effect, errors), np.float64)


def describe(change: Floats, errors: Floats, scales: Floats, effect: Floats) -> Floats:
    """The shape of a change, shape (N_SHAPE,).

    Args:
        change: What was put on top: the errors, the effect undone.
        errors: Of the forecast.
        scales: Of them.
        effect: As `effect_of` gave it.
    """
    n, weights = len(errors), 1 / scales**2
    total = float((errors**2 * weights).sum()) + 1e-9
    courses = np.stack([profile(name, n) for name in _FIXED], 1)
    moved = effect @ courses
    told = (moved * (errors * weights)[:, None]).sum(0) ** 2
    told = told / ((moved**2 * weights[:, None]).sum(0) + 1e-9) / total
    sign = 1.0 if abs(change.max()) >= abs(change.min()) else -1.0
    top = max(float(np.quantile(sign * change, 0.9)), 1e-6)
    part = np.clip(sign * change / top, -2, 2)
    moves = np.abs(np.diff(part)) if n > 1 else np.zeros(1)
    third = max(n // 3, 1)
    rest = [
        (part > 0.5).mean(), (np.abs(part) < 0.25).mean(), moves.mean(), (moves > 0.5).mean(),
        part[:third].mean(), part[third : max(n - third, third + 1)].sum() / max(n - 2 * third, 1),
        part[-third:].mean(), part.std(), np.log(n),
    ]  # fmt: skip
    return np.concatenate([told, np.array(rest, np.float64)])


def size_of(name: str, change: Floats, errors: Floats, scales: Floats, effect: Floats) -> float:
    """The share by which the strongest hour is changed, by the template's own course."""
    if name in _FIXED:
        d = effect @ profile(name, len(errors))
        weights = 1 / scales**2
        log = float((d * errors * weights).sum() / ((d**2 * weights).sum() + 1e-9))
    else:
        strongest = change[np.abs(change) >= np.quantile(np.abs(change), 0.9)]
        log = float(np.median(strongest))
    return float(np.expm1(np.clip(log, -5, 5)))
