"""Years with an attack every few days, for training: values changed, and forecast again.

The detector looks at the errors of the linear base alone, and that is quick to run again. What
it learns from is so exactly what it will see, echoes of an attack in the lags included.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.load.base import Base, usual_at, week_hour
from soc_copilot.detection.load.course import course_rows
from soc_copilot.detection.load.evidence import (
    N_AROUND,
    N_SIGNS,
    begun,
    gather_all,
    new_state,
    surroundings_all,
)
from soc_copilot.detection.load.features import REACH, Prepared
from soc_copilot.detection.load.injection import (
    MAX_HOURS,
    MAX_SIZE,
    MIN_HOURS,
    MIN_SIZE,
    TEMPLATES,
    Attack,
    profile,
)
from soc_copilot.detection.load.kernel import base_errors
from soc_copilot.detection.load.templates import look

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

FIRST_HOURS: Final = 400  # chosen: before the first attack; windows and levels have settled


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of the base on one stretch of a series.

    Attributes:
        values: Hour and day ahead, in logarithms, 0 where the hour is unknown; shape (n, 2).
        hours: Since 1970, shape (n,).
        known: Whether the hour has a value, shape (n,).
        around: As `evidence.surroundings` gives it, shape (n, N_AROUND).
        days: Of the calendar, shape (n, its columns).
    """

    values: Floats
    hours: Indices
    known: npt.NDArray[np.bool_]
    around: Floats
    days: Floats


def errors_of(
    ready: Prepared, base: Base, first: int, last: int, change: Floats | None = None
) -> Errors:
    """Errors of the base on hours `first` up to and without `last`.

    Args:
        ready: The series.
        base: The forecast.
        first: An index of `ready.logs`, at least REACH.
        last: Likewise.
        change: Added to the logarithms of these hours, shape (last - first,).
    """
    begin = first - REACH
    logs = ready.logs[begin:last].copy()
    if change is not None:
        logs[REACH:] += change
    found = np.zeros((2, len(logs)))
    base_errors(
        REACH - 24, int(ready.hours[begin]), logs, ready.calendar[begin : last + 24], base.parts,
        found,
    )  # fmt: skip
    known = ready.known[first:last]
    values = np.ascontiguousarray(np.where(known, found[:, REACH:], 0.0).T)
    around = np.empty((last - first, N_AROUND))
    surroundings_all(ready.calendar, first, int(ready.hours[first]) % 24, around)
    return Errors(values, ready.hours[first:last], known, around, ready.calendar[first:last])


def draw_all(
    n: int, rng: np.random.Generator, every: int, size: float | None = None
) -> tuple[Floats, list[Attack], Indices]:
    """Attacks on n hours, one about every so many.

    Args:
        n: Hours.
        rng: Says where, what, how long and how strong.
        every: Mean of the clean hours between two.
        size: Of all; drawn, small ones as often as large ones, by default.

    Returns:
        What they add to the logarithms, the attacks, and for each hour its attack's number from
        1 on, else 0.
    """
    names = [str(name) for name in rng.permutation(list(TEMPLATES))]
    change, labels = np.zeros(n), np.zeros(n, np.int64)
    attacks: list[Attack] = []
    at = FIRST_HOURS + int(rng.integers(every))
    while at < n - MAX_HOURS:
        n_hours = int(rng.integers(MIN_HOURS, MAX_HOURS + 1))
        drawn = float(np.exp(rng.uniform(np.log(MIN_SIZE), np.log(MAX_SIZE))))
        sign = 1 if rng.uniform() < 0.5 else -1
        name = names[len(attacks) % len(names)]
        seed = int(rng.integers(2**31))
        attack = Attack(name, at, n_hours, sign * (size or drawn), seed)
        change[at : at + n_hours] = np.log1p(attack.size * profile(name, n_hours, seed))
        labels[at : at + n_hours] = len(attacks) + 1
        attacks.append(attack)
        at += n_hours + int(rng.integers(every // 2, every * 3 // 2))
    return change, attacks, labels


def signs(errors: Errors, usual: Floats, answer: Floats, shapes: Floats) -> Singles:
    """The signs of each hour, from a fresh state, shape (n, N_SIGNS).

    Args:
        errors: Of the base.
        usual: As for `usual_at`.
        answer: G, shape (168, lags).
        shapes: As `evidence.tables` gave them.
    """
    out, _ = looks(errors, usual, answer, shapes, {})
    return out.astype(np.float32)


def course_of(errors: Errors, found: Singles) -> Singles:
    """What the network over the signs reads of each hour, shape (n, course.N_INPUTS)."""
    return course_rows(
        errors.values, errors.known, week_hour(errors.hours), errors.days, found.astype(np.float64)
    )  # fmt: skip


def looks(
    errors: Errors, usual: Floats, answer: Floats, shapes: Floats, stops: Mapping[int, int]
) -> tuple[Floats, dict[int, Floats]]:
    """The signs of each hour, and what the templates' trees see at some of the hours.

    Args:
        errors: Of the base.
        usual: As for `usual_at`.
        answer: G, shape (168, lags).
        shapes: As `evidence.tables` gave them.
        stops: Hours at which to look, each with the first flagged hour of its suspicion.

    Returns:
        Shape (n, N_SIGNS), and a row of `templates.look` for each stop.
    """
    state, since = new_state(), dict[int, int]()
    n, hours = len(errors.hours), week_hour(errors.hours)
    out, found, first = np.empty((n, N_SIGNS)), dict[int, Floats](), 0
    usual_ones = usual_at(usual, errors.hours)
    for at in (*sorted({*stops, *stops.values()}), n):
        gather_all(
            first, min(at + 1, n), errors.values, usual_ones, errors.known, hours, errors.around,
            (answer, shapes), state, out,
        )  # fmt: skip
        if at < n:
            since.setdefault(at, at - begun(at, 2, state[0]))
        if at in stops:
            seen = look(at, int(hours[at]), answer, state, out[at], since[stops[at]])
            found[at] = seen.row
        first = at + 1
    return out, found
