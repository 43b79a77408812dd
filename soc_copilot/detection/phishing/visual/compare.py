"""How alike two pages are: their logos, their looks, and a trained rule that weighs both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FEATURES: Final = ("logo", "sure", "look", "shown", "logo_sure", "look_bare", "both")
"""What the rule weighs, in this order:

- logo: similarity of the two logos that are most alike, -1 to 1; 0 where a page has none;
- sure: how surely the asked page's logo of these two is its own, 0 to 1;
- look: similarity of the two whole pages, -1 to 1;
- shown: how surely the asked page shows any own logo, 0 to 1;
- logo_sure: logo times sure;
- look_bare: look times (1 - shown): a page without a logo may still be a copy;
- both: logo times look.
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the networks see in one screenshot.

    Attributes:
        look: Embedding of the whole, shape (n,).
        logos: Embeddings of what may be the page's own logos, shape (k, m); k may be 0.
        sure: How surely each is one, 0 to 1, shape (k,).
    """

    look: Floats
    logos: Floats
    sure: Floats


@dataclass(frozen=True, slots=True)
class Gallery:
    """Registered pictures, put together to be compared with at once.

    Attributes:
        looks: Of each picture, shape (n, size).
        logos: Of all pictures, shape (m, size).
        owners: Of each logo: its picture's place, shape (m,).
    """

    looks: Floats
    logos: Floats
    owners: npt.NDArray[np.intp]


def gallery_of(seen: Sequence[Seen]) -> Gallery:
    """Of one picture or more, a gallery."""
    return Gallery(
        np.stack([one.look for one in seen]),
        np.concatenate([one.logos for one in seen]),
        np.repeat(np.arange(len(seen)), [len(one.logos) for one in seen]),
    )


def features(gallery: Gallery, asked: Seen) -> Floats:
    """What the rule weighs, for each registered picture: shape (n, len(FEATURES))."""
    n = len(gallery.looks)
    logo, sure = np.zeros(n, np.float32), np.zeros(n, np.float32)
    if len(gallery.logos) and len(asked.logos):
        similar = gallery.logos @ asked.logos.T
        # A likely logo that is somewhat alike counts before an unlikely one that is more so.
        best = np.argmax(similar * np.sqrt(asked.sure), axis=1)
        each = similar[np.arange(len(similar)), best]
        order = np.argsort(each)  # the last that is written stays: the most alike
        logo[gallery.owners[order]] = each[order]
        sure[gallery.owners[order]] = asked.sure[best[order]]
    look = gallery.looks @ asked.look
    shown = np.full(n, asked.sure.max() if len(asked.sure) else 0.0, np.float32)
    return np.stack(
        [logo, sure, look, shown, logo * sure, look * (1.0 - shown), logo * look], axis=1
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """A logistic rule over `FEATURES`.

    Attributes:
        weights: One for each feature.
        bias: Added.
    """

    weights: tuple[float, ...]
    bias: float

    def scores(self, rows: Floats) -> Floats:
        """How surely two pages are of one brand, 0 to 1, for rows of features."""
        logits = rows.astype(np.float64) @ np.array(self.weights) + self.bias
        found: Floats = (1.0 / (1.0 + np.exp(-np.clip(logits, -40.0, 40.0)))).astype(np.float32)
        return found
