"""Which attack it was: a Gaussian for each template over the shape of what was put on top.

The change put on top is what the forecast from before the attack leaves over: u = e + G u,
hour by hour. Its shape is described by how much each fixed template explains of it, by its
roughness and by how many hours hold it; each template's descriptions are a Gaussian, and Bayes'
rule gives the probabilities (naive Bayes, but with covariances).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

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
_SHRINK: Final = 0.2  # chosen: share of the common covariance in each template's own


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
    """A Gaussian for each template."""

    def __init__(self, means: Floats, covariances: Floats) -> None:
        """Take the Gaussians.

        Args:
            means: Shape (n_templates, N_SHAPE).
            covariances: Shape (n_templates, N_SHAPE, N_SHAPE).

        Raises:
            ValueError: They have another shape, or are none.
        """
        n = len(NAMES)
        if means.shape != (n, N_SHAPE) or covariances.shape != (n, N_SHAPE, N_SHAPE):
            raise ValueError("its templates have another shape")
        self.means, self.covariances = means, covariances
        try:
            roots = np.linalg.cholesky(covariances)
        except np.linalg.LinAlgError as error:
            raise ValueError("its templates are no Gaussians") from error
        self._white = np.linalg.inv(roots)
        self._logs = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(1)

    def guess(self, errors: Floats, scales: Floats, answers: Floats) -> Guess:
        """Say which attack an interval holds.

        Args:
            errors: Of the hour-ahead forecast in the interval, in logarithms, shape (n,).
            scales: Of them.
            answers: G of each hour of the interval, shape (n, n + 1) or wider.
        """
        effect = effect_of(answers)
        change = undone(effect, errors)
        row = describe(change, errors, scales, effect)
        z = np.einsum("kij,kj->ki", self._white, row - self.means)
        logs = -0.5 * (z * z).sum(1) - self._logs
        odds = np.exp(logs - logs.max())
        odds /= odds.sum()
        best = int(odds.argmax())
        return Guess(
            NAMES[best],
            float(odds[best]),
            size_of(NAMES[best], change, errors, scales, effect),
            dict(zip(NAMES, (float(o) for o in odds), strict=True)),
        )

    def as_card(self) -> dict[str, Any]:
        """JSON values."""
        return {"means": self.means.tolist(), "covariances": self.covariances.tolist()}

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "Templates":
        """Those of a card.

        Raises:
            ValueError: They have another shape.
        """
        return cls(np.array(card["means"], np.float64), np.array(card["covariances"], np.float64))


def fit(shapes: Sequence[Floats], names: Sequence[str]) -> Templates:
    """Gaussians of described attacks whose templates are known; every template must occur."""
    rows, own = np.array(shapes), np.array([NAMES.index(n) for n in names])
    means = np.array([rows[own == k].mean(0) for k in range(len(NAMES))])
    common = np.cov((rows - means[own]).T) + 1e-4 * np.eye(N_SHAPE)
    found = []
    for k in range(len(NAMES)):
        mine = rows[own == k]
        alone = np.cov(mine.T) if len(mine) > N_SHAPE else common  # too few say nothing of theirs
        found.append(_SHRINK * common + (1 - _SHRINK) * alone)
    return Templates(means, np.array(found))


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
