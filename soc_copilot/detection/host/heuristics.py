"""The documented rule: how much was destroyed, how purely, how broadly."""

from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.features import Feature as F  # noqa: N817 - one line for each of its names

Floats = npt.NDArray[np.float32]

ENOUGH: Final = 5.0  # chosen: weighed files whose loss makes a score of 1/2
_STEEP: Final = 2.0  # chosen: of the score in the logarithm of the loss
_BREADTH: Final = 0.15  # chosen: each folder and format more weighs so much
_FUNNEL: Final = 0.5  # chosen: formats that became one extension
_NOTE: Final = 0.15  # chosen: each folder more with the same small file
_RENAMES: Final = 0.1  # chosen: a file only renamed, against one destroyed
_REWRITTEN: Final = 0.04  # chosen: a file written in place, where seven formats are
_PURITY: Final = 0.2  # chosen: weight of a loss amid much ordinary work


def loss(features: Floats) -> Floats:
    """Weighed files that were lost, as the rule counts them.

    Args:
        features: Shape (n, 30).

    Returns:
        float32, shape (n,), 0 or more: the destroyed files of the last minutes (by the slowest
        counter, so that patience hides nothing), less when most of what happens is ordinary
        work, more when folders, formats, notes and new extensions say the same.
    """
    lost = np.maximum(
        np.expm1(features[:, F.OVERWRITTEN])
        + np.expm1(features[:, F.REPLACED])
        + np.expm1(features[:, F.WIPED]),
        np.expm1(features[:, F.HARM_SLOW]),
    )
    lost = lost + _RENAMES * np.expm1(features[:, F.RENAMED])
    mixed = np.clip((np.expm1(features[:, F.REWRITTEN_FORMATS]) - 3.0) / 4.0, 0.0, 1.0)
    lost = lost + _REWRITTEN * mixed * np.expm1(features[:, F.REWRITTEN])
    purity = _PURITY + (1.0 - _PURITY) * features[:, F.HARM_SHARE]
    broad = (
        1.0
        + _BREADTH * np.maximum(np.expm1(features[:, F.HARM_FOLDERS]) - 1.0, 0.0)
        + _BREADTH * np.maximum(np.expm1(features[:, F.HARM_EXTENSIONS]) - 1.0, 0.0)
        + _FUNNEL * np.maximum(np.exp2(3.0 * features[:, F.EXTENSION_FUNNEL]) - 2.0, 0.0)
        + _NOTE * np.maximum(np.expm1(features[:, F.NOTES]) - 2.0, 0.0)
    )
    found: Floats = (lost * purity * np.minimum(broad, 4.0)).astype(np.float32)
    return found


def score(features: Floats) -> Floats:
    """The rule's score, float32, shape (n,), [0, 1): half where `loss` is `ENOUGH`."""
    weighed = (loss(features) / np.float32(ENOUGH)) ** np.float32(_STEEP)
    found: Floats = (weighed / (1.0 + weighed)).astype(np.float32)
    return found
