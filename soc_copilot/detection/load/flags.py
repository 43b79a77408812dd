"""Which hours are flagged: all where a hand is sure, and those that bring news of one.

A suspicion that is not sure is told when it rises above all that was there of late, and not again
until it rises further: weather stays odd for days, a hand moves at once. So hours on which clean
weather is odd are seldom flagged one after the other, and weaker signs can be told.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SURE: Final = 2.0  # measured: log-odds from which every hour is flagged
MARGIN: Final = 0.3  # measured: log-odds by which news is above what was of late
FALL: Final = 0.05  # measured: log-odds that are forgotten in an hour
FIRST: Final = -8.0  # chosen: log-odds of late before there are any
_STEPS: Final = 40  # of a bisection


@compiled
def is_flagged(odds: float, late: float, threshold: float) -> bool:
    """Whether an hour is flagged.

    Args:
        odds: Log-odds that it is under attack.
        late: The highest of late, as `later` gave it.
        threshold: Below it no hour is flagged.
    """
    return odds >= threshold and (odds >= SURE or odds > late + MARGIN)


@compiled
def later(odds: float, late: float) -> float:
    """The highest of late once an hour is over."""
    return max(min(odds, SURE), late - FALL)


@compiled
def _judge(odds: Floats, threshold: float, out: Flags) -> None:
    late = FIRST
    for at in range(len(odds)):
        out[at] = is_flagged(odds[at], late, threshold)
        late = later(odds[at], late)


def flags(odds: Floats, threshold: float) -> Flags:
    """Which of the hours in a row are flagged, shape (n,)."""
    found = np.zeros(len(odds), np.bool_)
    _judge(np.ascontiguousarray(odds, np.float64), threshold, found)
    return found


def threshold_for(odds: Sequence[Floats], budget: float, low: float, high: float) -> float:
    """The lowest threshold with which a share of the hours is flagged, as the mean of series.

    Args:
        odds: Log-odds of the clean hours of each series.
        budget: The share.
        low: It is at least that,
        high: and at most that.
    """

    def share(threshold: float) -> float:
        return float(np.mean([flags(one, threshold).mean() for one in odds]))

    if share(low) <= budget:
        return low
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) > budget else (low, middle)
    return high
