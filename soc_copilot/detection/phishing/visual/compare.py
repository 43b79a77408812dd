"""How alike two pages are: their logos, their looks, and a trained rule that weighs both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FEATURES: Final = (
    "look", "cover", "shown", "logo", "pair", "look_bare", "logo_near", "pair_near", "look_near",
    "look_nearest", "look_near_bare", "copy",
)  # fmt: skip
"""What the rule weighs, in this order:

- look: similarity of the two whole pages, -1 to 1;
- cover: how like the asked page's places are those of the reference that may be logos (often also
  headings and fields): mean of the nearest similarities, -1 to 1;
- shown: how surely the asked page shows any own logo, 0 to 1;
- logo: similarity of the reference's surest logo to the likeliest of the asked page's, times how
  surely that is its own;
- pair: similarity of the two most alike of all, times how surely both are their pages' own;
- look_bare: look times (1 - shown): a page without a logo may still be a copy;
- logo_near, pair_near: as logo and pair, of what the similarity is above 0.7;
- look_near, look_nearest: what look is above 0.8, and above 0.9;
- look_near_bare: look_near times (1 - shown);
- copy: what cover is above 0.7, times look_near.
"""
_NEAR: Final = 0.7  # all chosen, on validation pages
_LOOK_NEAR: Final = 0.8
_LOOK_NEAREST: Final = 0.9


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
        logos: Of all pictures, of each the surest first, shape (m, size).
        sure: How surely each is its page's own, shape (m,).
        owners: Of each logo: its picture's place, shape (m,).
    """

    looks: Floats
    logos: Floats
    sure: Floats
    owners: npt.NDArray[np.intp]


def gallery_of(seen: Sequence[Seen]) -> Gallery:
    """Of one picture or more, a gallery."""
    return Gallery(
        np.stack([one.look for one in seen]),
        np.concatenate([one.logos for one in seen]),
        np.concatenate([one.sure for one in seen]),
        np.repeat(np.arange(len(seen)), [len(one.logos) for one in seen]),
    )


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike a page and each registered picture are; shapes (n,).

    Attributes:
        look: Similarity of the whole pages.
        logo: Similarity of the picture's surest logo to the page's likeliest; 0 without one.
        logo_sure: How surely that is the page's own.
        pair: Similarity of the two most alike of all logos.
        pair_sure: How surely both are their pages' own.
        cover: Mean similarity of the picture's logos to the page's nearest.
        shown: How surely the page shows any own logo.
    """

    look: Floats
    logo: Floats
    logo_sure: Floats
    pair: Floats
    pair_sure: Floats
    cover: Floats
    shown: Floats

    def features(self) -> Floats:
        """What the rule weighs, shape (n, len(FEATURES))."""
        bare = 1.0 - self.shown
        near = np.maximum(self.look - _LOOK_NEAR, 0.0)
        columns = (
            self.look,
            self.cover,
            self.shown,
            self.logo * self.logo_sure,
            self.pair * self.pair_sure,
            self.look * bare,
            np.maximum(self.logo - _NEAR, 0.0) * self.logo_sure,
            np.maximum(self.pair - _NEAR, 0.0) * self.pair_sure,
            near,
            np.maximum(self.look - _LOOK_NEAREST, 0.0),
            near * bare,
            np.maximum(self.cover - _NEAR, 0.0) * near,
        )
        return np.stack(columns, axis=1).astype(np.float32)


def compare(gallery: Gallery, asked: Seen) -> Alike:
    """How alike a page and each registered picture are."""
    n = len(gallery.looks)
    look = gallery.looks @ asked.look
    logo, logo_sure, pair, pair_sure, cover = (np.zeros(n, np.float32) for _ in range(5))
    shown = np.full(n, asked.sure.max() if len(asked.sure) else 0.0, np.float32)
    if len(gallery.logos) and len(asked.logos):
        similar = gallery.logos @ asked.logos.T
        owners = gallery.owners
        rows = np.arange(len(owners))
        # A likely logo that is somewhat alike counts before an unlikely one that is more so.
        likeliest = np.argmax(similar * np.sqrt(asked.sure), axis=1)
        each = similar[rows, likeliest]
        pictures, firsts = np.unique(owners, return_index=True)
        logo[pictures] = each[firsts]
        logo_sure[pictures] = asked.sure[likeliest[firsts]]
        both = np.sqrt(gallery.sure * asked.sure[likeliest])
        order = np.argsort(each * both)  # the last that is written stays: the most alike
        pair[owners[order]], pair_sure[owners[order]] = each[order], both[order]
        total = np.bincount(owners, gallery.sure, n)
        nearest = np.bincount(owners, gallery.sure * similar.max(axis=1), n)
        cover = np.divide(nearest, total, out=np.zeros(n), where=total > 0).astype(np.float32)
    return Alike(look, logo, logo_sure, pair, pair_sure, cover, shown)


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
