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


@dataclass(frozen=True, slots=True)
class Templates:
    """A Gaussian for each template.

    Attributes:
        means: Shape (n_templates, N_SHAPE).
        covariances: Shape (n_templates, N_SHAPE, N_SHAPE).
    """

    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[tuple[float, ...], ...], ...]

    def guess(self, errors: Floats, scales: Floats, answers: Floats) -> Guess:
        """Say which attack an interval holds.

        Args:
            errors: Of the hour-ahead forecast in the interval, in logarithms, shape (n,).
            scales: Of them.
            answers: G of each hour of the interval, shape (n, n + 1) or wider.
        """
        change = put_on_top(errors, answers)
        shape = describe(change, errors, scales, answers)
        logs = np.array([
            _log_density(shape, np.array(m), np.array(c))
            for m, c in zip(self.means, self.covariances, strict=True)
        ])  # fmt: skip
        odds = np.exp(logs - logs.max())
        odds /= odds.sum()
        best = int(odds.argmax())
        return Guess(
            NAMES[best], float(odds[best]), size_of(NAMES[best], change, errors, scales, answers),
            dict(zip(NAMES, (float(o) for o in odds), strict=True)),
        )  # fmt: skip

    def as_card(self) -> dict[str, Any]:
        """JSON values."""
        return {"means": self.means, "covariances": self.covariances}

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "Templates":
        """Those of a card.

        Raises:
            ValueError: They have another shape.
        """
        means = np.array(card["means"], np.float64)
        covariances = np.array(card["covariances"], np.float64)
        n = len(NAMES)
        if means.shape != (n, N_SHAPE) or covariances.shape != (n, N_SHAPE, N_SHAPE):
            raise ValueError("its templates have another shape")
        return cls(_tuples(means), tuple(_tuples(c) for c in covariances))


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
    return Templates(_tuples(means), tuple(_tuples(c) for c in found))


def put_on_top(errors: Floats, answers: Floats) -> Floats:
    """The change of each hour that the errors mean, nothing before having been changed."""
    change = np.zeros(len(errors))
    for at in range(len(errors)):
        change[at] = errors[at] + answers[at, 1 : at + 1] @ change[:at][::-1]
    return change


def signature(change: Floats, answers: Floats) -> Floats:
    """The errors that a change leads to: the other way round."""
    found = change.copy()
    for at in range(1, len(change)):
        found[at] -= answers[at, 1 : at + 1] @ change[:at][::-1]
    return found


def describe(change: Floats, errors: Floats, scales: Floats, answers: Floats) -> Floats:
    """The shape of a change, shape (N_SHAPE,)."""
    n, weights = len(errors), 1 / scales**2
    total = float((errors**2 * weights).sum()) + 1e-9
    found = []
    for name in _FIXED:
        d = signature(profile(name, n), answers)
        told = float((d * errors * weights).sum()) ** 2 / (float((d**2 * weights).sum()) + 1e-9)
        found.append(told / total)
    sign = 1.0 if abs(change.max()) >= abs(change.min()) else -1.0
    top = max(float(np.quantile(sign * change, 0.9)), 1e-6)
    part = np.clip(sign * change / top, -2, 2)
    moves = np.abs(np.diff(part)) if n > 1 else np.zeros(1)
    third = max(n // 3, 1)
    found += [
        float((part > 0.5).mean()), float((np.abs(part) < 0.25).mean()), float(moves.mean()),
        float((moves > 0.5).mean()), float(part[:third].mean()),
        float(part[third : max(n - third, third + 1)].sum() / max(n - 2 * third, 1)),
        float(part[-third:].mean()), float(part.std()), float(np.log(n)),
    ]  # fmt: skip
    return np.array(found)


def size_of(name: str, change: Floats, errors: Floats, scales: Floats, answers: Floats) -> float:
    """The share by which the strongest hour is changed, by the template's own course."""
    if name in _FIXED:
        d = signature(profile(name, len(errors)), answers)
        weights = 1 / scales**2
        log = float((d * errors * weights).sum() / ((d**2 * weights).sum() + 1e-9))
    else:
        strongest = change[np.abs(change) >= np.quantile(np.abs(change), 0.9)]
        log = float(np.median(strongest))
    return float(np.expm1(np.clip(log, -5, 5)))


def _log_density(row: Floats, mean: Floats, covariance: Floats) -> float:
    lower = np.linalg.cholesky(covariance)
    z = np.linalg.solve(lower, row - mean)
    return float(-0.5 * z @ z - np.log(np.diag(lower)).sum())


def _tuples(array: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(v) for v in row) for row in array)
