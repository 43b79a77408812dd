"""From hours to intervals: the likeliest course of attacks, and whether chance explains one."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

WINDOW_HOURS: Final = 500  # source: the method's detection window
BASELINE_HOURS: Final = 50  # source: the method's least baseline
ECHO_HOURS: Final = 120  # chosen: hours back that the forecast's answer to a change is kept for
HOLD: Final = 6  # chosen: hours without a flag after which an attack is over
_CHANGE_COST: Final = 4.0  # chosen: log-odds against an attack beginning or ending at an hour
_LEAST_P: Final = 1e-300


@dataclass(frozen=True, slots=True)
class Test:
    """How far an interval's errors are from those around it.

    Attributes:
        p_value: Of Welch's test, two-sided, over the errors of the day-ahead forecast.
        effect_size: Cohen's d, signed.
        n_baseline: Hours that it was compared with.
    """

    p_value: float
    effect_size: float
    n_baseline: int


def find_intervals(
    log_odds: Floats, change_cost: float = _CHANGE_COST
) -> tuple[tuple[int, int], ...]:
    """The likeliest intervals under attack, by dynamic programming over all courses.

    Each hour costs its log-odds one way or the other, each begin and each end `change_cost`.

    Args:
        log_odds: That each hour is under attack, against the threshold (0: on it).
        change_cost: What keeps single hours from counting.

    Returns:
        First hour and the one behind the last, in order.
    """
    n = len(log_odds)
    if not n:
        return ()
    came = np.zeros((n, 2), bool)  # whether the best way into a state changed there
    clean, struck = 0.0, -change_cost
    for at in range(n):
        half = 0.5 * float(log_odds[at])
        came[at, 0], came[at, 1] = struck - change_cost > clean, clean - change_cost > struck
        clean, struck = (
            max(clean, struck - change_cost) - half, max(struck, clean - change_cost) + half
        )  # fmt: skip
    state, flags = int(struck > clean), np.zeros(n, bool)
    for at in range(n - 1, -1, -1):
        flags[at] = state == 1
        if came[at, state]:
            state = 1 - state
    return runs(flags)


def runs(flags: Flags) -> tuple[tuple[int, int], ...]:
    """Runs of true values: first index and the one behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return tuple((int(a), int(b)) for a, b in edges.reshape(-1, 2))


def compare(inside: Floats, outside: Floats) -> Test | None:
    """Test an interval's errors against those of the hours before it.

    Args:
        inside: Errors in the interval; NaN are left out.
        outside: Errors of the baseline; the last 500 count.

    Returns:
        None with fewer than 50 hours of baseline, or fewer than 2 in the interval.
    """
    one = inside[np.isfinite(inside)]
    other = outside[np.isfinite(outside)][-WINDOW_HOURS:]
    if len(one) < 2 or len(other) < BASELINE_HOURS:
        return None
    gap = float(one.mean() - other.mean())
    first, second = float(one.var(ddof=1)), float(other.var(ddof=1))
    error = math.sqrt(first / len(one) + second / len(other)) or 1e-12
    pooled = math.sqrt(
        ((len(one) - 1) * first + (len(other) - 1) * second) / (len(one) + len(other) - 2)
    )
    # The normal tail in the place of Student's: the baseline has 50 hours and more.
    p_value = max(math.erfc(abs(gap) / error / math.sqrt(2)), _LEAST_P)
    return Test(p_value, gap / (pooled or 1e-12), len(other))
