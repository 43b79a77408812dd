"""What each event did to files, told from how it moved the stream's counters.

Counters of the features fade; what an event added is what is more than the faded rest. So an
explanation can name the events that drove a score without running anything again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.host.features import FADE_S
from soc_copilot.detection.host.features import Feature as F  # noqa: N817 - as in the other modules

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

LEAST: Final = 0.05  # chosen: a loss of less is rounding, or says nothing
SENSITIVE: Final = 0.5  # standard: weight from which a place is sensitive (`formats`)


class Deed(IntEnum):
    """What an event did; the first three are harm."""

    NONE = 0
    OVERWRITTEN = 1
    REPLACED = 2
    WIPED = 3
    RENAMED = 4
    DELETED = 5
    REWRITTEN = 6
    KEPT = 7


N_HARM: Final = 3
_COUNTERS: Final = np.array(
    [F.OVERWRITTEN, F.REPLACED, F.WIPED, F.RENAMED, F.DELETED, F.REWRITTEN, F.KEPT], np.int64
)
_PAUSE: Final = int(F.PAUSE)
_SENSITIVE: Final = int(F.SENSITIVE)
_KEPT: Final = int(Deed.KEPT)


@dataclass(frozen=True, slots=True)
class Deeds:
    """What events did, a row each.

    Attributes:
        kinds: uint8, a `Deed`.
        weights: How much was added to its counter, in files; float32, 0 for none.
        places: Deeds in sensitive places so far in the stream, fading over 2 min; float32.
    """

    kinds: npt.NDArray[np.uint8]
    weights: Floats
    places: Floats


class DeedLedger:
    """The counters of each stream after its latest event.

    Args:
        n_streams: Rows.

    Thread:
        One at a time.
    """

    def __init__(self, n_streams: int) -> None:
        self._last: Floats = np.zeros((n_streams, len(_COUNTERS)), np.float32)
        self._places: Doubles = np.zeros(n_streams)

    def advance(self, features: Floats, streams: Rows) -> Deeds:
        """What the next events did.

        Args:
            features: Shape (n, 30), in order of arrival.
            streams: Row of each event's stream, shape (n,).
        """
        n = len(features)
        found = Deeds(np.zeros(n, np.uint8), np.zeros(n, np.float32), np.zeros(n, np.float32))
        _tell(features, streams, self._last, self._places, found.kinds, found.weights, found.places)
        return found

    def clear(self, streams: Rows) -> None:
        """Forget what is known of streams."""
        self._last[streams] = 0.0
        self._places[streams] = 0.0

    def save(self, streams: Rows) -> dict[str, npt.NDArray[np.generic]]:
        """What is known of streams, in their order."""
        return {"deeds.last": self._last[streams], "deeds.places": self._places[streams]}

    def load(self, saved: Mapping[str, npt.NDArray[np.generic]], streams: Rows) -> None:
        """Take up what `save` gave."""
        self._last[streams] = saved["deeds.last"]
        self._places[streams] = saved["deeds.places"]


@compiled
def _tell(
    features: Floats, streams: Rows, last: Floats, places: Doubles,
    kinds: npt.NDArray[np.uint8], weights: Floats, out_places: Floats,
) -> None:  # fmt: skip
    for row in range(len(features)):
        x, stream = features[row], streams[row]
        pause = (10.0 ** (6.0 * x[_PAUSE]) - 1.0) / 1e3
        kept = np.exp(-pause / FADE_S)
        kind, weight = 0, LEAST
        for i in range(len(_COUNTERS)):
            if i == N_HARM and kind:
                break  # what harms is told before what does not
            now = x[_COUNTERS[i]]
            if now > 0.0:
                added = np.expm1(now) - np.expm1(last[stream, i]) * kept
                if added > weight:
                    kind, weight = i + 1, added
        for i in range(len(_COUNTERS)):
            last[stream, i] = x[_COUNTERS[i]]
        places[stream] *= kept
        if kind:
            kinds[row] = kind
            weights[row] = weight
            if x[_SENSITIVE] >= SENSITIVE and kind != _KEPT:
                places[stream] += 1.0
        out_places[row] = places[stream]
