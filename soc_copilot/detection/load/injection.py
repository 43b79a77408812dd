"""Attacks put into a clean series, for exercises and for measuring; each is written down.

Source:
    Templates after Sridhar and Govindarasu, Model-based attack detection and mitigation for
    automatic generation control, 2014, and Cui, Wang and Yue, 2019.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.domain.errors import SourceError

Floats = npt.NDArray[np.float64]

MIN_HOURS: Final = 6
MAX_HOURS: Final = 72
MIN_SIZE: Final = 0.05
MAX_SIZE: Final = 0.50
EXERCISE: Final = "exercise"  # what marks every trace of an injected attack
_PULSE_EVERY: Final = 6  # chosen: hours from pulse to pulse
_PULSE_HOURS: Final = 2  # chosen: hours that a pulse lasts
_BURST_SHARE: Final = 0.3  # chosen: hours of a point burst that are struck


@dataclass(frozen=True, slots=True)
class Attack:
    """One injected attack.

    Attributes:
        template: Of `TEMPLATES`.
        start: Index of the first hour.
        n_hours: Duration.
        size: Share by which the strongest hour is changed; negative takes away.
        seed: Of the random templates.
    """

    template: str
    start: int
    n_hours: int
    size: float
    seed: int = 0

    @property
    def end(self) -> int:
        """Index behind the last hour."""
        return self.start + self.n_hours

    def as_record(self) -> dict[str, Any]:
        """For a file beside the series; says that it is an exercise."""
        return {
            "kind": EXERCISE, "template": self.template, "start": self.start,
            "n_hours": self.n_hours, "size": self.size, "seed": self.seed,
        }  # fmt: skip


def _pulse(n: int, rng: np.random.Generator) -> Floats:
    return np.where(np.arange(n) % _PULSE_EVERY < _PULSE_HOURS, 1.0, 0.0)


def _scaling(n: int, rng: np.random.Generator) -> Floats:
    return np.ones(n)


def _ramp_up(n: int, rng: np.random.Generator) -> Floats:
    return np.arange(1, n + 1) / n


def _ramp_up_down(n: int, rng: np.random.Generator) -> Floats:
    return 1 - np.abs(np.linspace(-1, 1, n + 2)[1:-1])


def _random(n: int, rng: np.random.Generator) -> Floats:
    return rng.uniform(0, 1, n)


def _smooth(n: int, rng: np.random.Generator) -> Floats:
    return np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2


def _burst(n: int, rng: np.random.Generator) -> Floats:
    struck = rng.uniform(0, 1, n) < _BURST_SHARE
    struck[0] = struck[-1] = True
    return np.where(struck, rng.uniform(0.5, 1, n), 0.0)


def _seasonal(n: int, rng: np.random.Generator) -> Floats:
    return 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / 24)


TEMPLATES: Final[Mapping[str, Callable[[int, np.random.Generator], Floats]]] = {
    "pulse": _pulse,
    "scaling": _scaling,
    "ramp_up": _ramp_up,
    "ramp_up_down": _ramp_up_down,
    "random": _random,
    "smooth_curve": _smooth,
    "point_burst": _burst,
    "seasonal": _seasonal,
}


def profile(template: str, n_hours: int, seed: int = 0) -> Floats:
    """The course of an attack, its strongest hour 1, shape (n_hours,).

    Raises:
        SourceError: There is no such template.
    """
    if template not in TEMPLATES:
        raise SourceError(f'There is no attack "{template}". Choose of: {", ".join(TEMPLATES)}.')
    found = TEMPLATES[template](n_hours, np.random.default_rng(seed))
    return found / max(float(found.max()), 1e-9)


def inject(values: Floats, attack: Attack) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """A copy of a series with an attack in it.

    Args:
        values: One per hour; left as they are.
        attack: What to put where.

    Returns:
        The values, and which hours belong to the attack.

    Raises:
        SourceError: It does not fit into the series, or is longer, shorter, smaller or
            larger than exercises may be.
    """
    check(attack, len(values))
    found, mask = values.copy(), np.zeros(len(values), bool)
    mask[attack.start : attack.end] = True
    found[mask] *= 1 + attack.size * profile(attack.template, attack.n_hours, attack.seed)
    return found, mask


def check(attack: Attack, n_hours: int) -> None:
    """Raise a `SourceError` where an attack cannot be injected."""
    if not MIN_HOURS <= attack.n_hours <= MAX_HOURS:
        raise SourceError(f"An attack lasts {MIN_HOURS} to {MAX_HOURS} h, not {attack.n_hours}.")
    if not MIN_SIZE <= abs(attack.size) <= MAX_SIZE:
        raise SourceError(
            f"An attack's size is {MIN_SIZE:.0%} to {MAX_SIZE:.0%}, not {abs(attack.size):.0%}."
        )
    if attack.start < 0 or attack.end > n_hours:
        raise SourceError(
            f"The attack's hours {attack.start} to {attack.end} are not all in the series of "
            f"{n_hours}."
        )


def draw(rng: np.random.Generator, first: int, last: int, template: str, size: float) -> Attack:
    """An attack at a random place, of random length and sign.

    Args:
        rng: Says where, how long and which way.
        first: It begins there at the earliest.
        last: It ends there at the latest.
        template: Of `TEMPLATES`.
        size: How strong; its sign is drawn.
    """
    n_hours = int(rng.integers(MIN_HOURS, MAX_HOURS + 1))
    start = int(rng.integers(first, last - n_hours + 1))
    sign = 1 if rng.uniform() < 0.5 else -1
    return Attack(template, start, n_hours, sign * size, int(rng.integers(2**31)))
