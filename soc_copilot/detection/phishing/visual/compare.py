"""How alike two pages are: their logos, their looks, and a trained rule that weighs both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.phishing.visual.logos import PARTS

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]

FEATURES: Final = (
    "look", "cover", "shown", "look_bare", "look_near", "look_nearest", "look_near_bare", "copy",
    "pair", "pair_near", "whole", "whole_near", "mark", "mark_near", "word", "word_near",
)  # fmt: skip
"""What the rule weighs, in this order:

- look: similarity of the two whole pages, -1 to 1;
- cover: how like the asked page's places are those of the reference that may be logos (often also
  headings and fields): mean of the nearest similarities, -1 to 1;
- shown: how surely the asked page shows any own logo, 0 to 1;
- look_bare: look times (1 - shown): a page without a logo may still be a copy;
- look_near, look_nearest: what look is above 0.8, and above 0.9;
- look_near_bare: look_near times (1 - shown);
- copy: what cover is above 0.7, times look_near;
- pair: similarity of the two most alike of all logos, times how surely both are their pages' own;
- whole, mark, word: similarity of the reference's surest logo, or of that part of it, to the
  likeliest of the asked page's, times how surely that is its own;
- ..._near: as the feature before it, of what the similarity is above 0.7.
"""
_NEAR: Final = 0.7  # all chosen, on validation pages
_LOOK_NEAR: Final = 0.8
_LOOK_NEAREST: Final = 0.9


@dataclass(frozen=True, slots=True)
class Seen:
    """What the networks see in one screenshot.

    Attributes:
        look: Embedding of the whole, shape (n,).
        logos: Embeddings of what may be the page's own logos, whole and in parts, shape (k, m);
            k may be 0.
        sure: How surely each is one, 0 to 1, falling, shape (k,).
        parts: Which part of a logo each is, by its place in `logos.PARTS`, shape (k,).
        places: Of each: the place it was found at; 0 is the surest, shape (k,).
    """

    look: Floats
    logos: Floats
    sure: Floats
    parts: Bytes
    places: Bytes


@dataclass(frozen=True, slots=True)
class Gallery:
    """Registered pictures, put together to be compared with at once.

    Attributes:
        looks: Of each picture, shape (n, size).
        logos: Of all pictures, shape (m, size).
        sure: How surely each is its page's own, shape (m,).
        parts: Which part of a logo each is, shape (m,).
        is_surest: Each is its picture's surest logo, or a part of it, shape (m,).
        owners: Of each logo: its picture's place, shape (m,).
    """

    looks: Floats
    logos: Floats
    sure: Floats
    parts: Bytes
    is_surest: npt.NDArray[np.bool_]
    owners: npt.NDArray[np.intp]


def gallery_of(seen: Sequence[Seen]) -> Gallery:
    """Of one picture or more, a gallery."""
    return Gallery(
        np.stack([one.look for one in seen]),
        np.concatenate([one.logos for one in seen]),
        np.concatenate([one.sure for one in seen]),
        np.concatenate([one.parts for one in seen]),
        np.concatenate([one.places == one.places.min(initial=127) for one in seen]),
        np.repeat(np.arange(len(seen)), [len(one.logos) for one in seen]),
    )


@dataclass(frozen=True, slots=True)
class Alike:
    """How alike a page and each registered picture are; shapes (n,), but for the parts'.

    Attributes:
        look: Similarity of the whole pages.
        logo: Similarity of the picture's surest logo to the page's likeliest, for the whole and its
            parts, shape (3, n); 0 without one.
        logo_sure: How surely that is the page's own, shape (3, n).
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
        columns = [
            self.look, self.cover, self.shown, self.look * bare, near,
            np.maximum(self.look - _LOOK_NEAREST, 0.0), near * bare,
            np.maximum(self.cover - _NEAR, 0.0) * near,
        ]  # fmt: skip
        pairs = [(self.pair, self.pair_sure), *zip(self.logo, self.logo_sure, strict=True)]
        for similar, sure in pairs:
            columns += [similar * sure, np.maximum(similar - _NEAR, 0.0) * sure]
        return np.stack(columns, axis=1).astype(np.float32)


def compare(gallery: Gallery, asked: Seen) -> Alike:
    """How alike a page and each registered picture are."""
    n = len(gallery.looks)
    look = gallery.looks @ asked.look
    pair, pair_sure, cover = (np.zeros(n, np.float32) for _ in range(3))
    logo, logo_sure = np.zeros((len(PARTS), n), np.float32), np.zeros((len(PARTS), n), np.float32)
    shown = np.full(n, asked.sure.max() if len(asked.sure) else 0.0, np.float32)
    if len(gallery.logos) and len(asked.logos):
        similar = gallery.logos @ asked.logos.T
        owners = gallery.owners
        # A likely logo that is somewhat alike counts before an unlikely one that is more so.
        likeliest = np.argmax(similar * np.sqrt(asked.sure), axis=1)
        each = similar[np.arange(len(owners)), likeliest]
        for part in range(len(PARTS)):
            chosen = gallery.is_surest & (gallery.parts == part)
            logo[part, owners[chosen]] = each[chosen]
            logo_sure[part, owners[chosen]] = asked.sure[likeliest[chosen]]
        both = np.sqrt(gallery.sure * asked.sure[likeliest])
        order = np.argsort(each * both)  # the last that is written stays: the most alike
        pair[owners[order]], pair_sure[owners[order]] = each[order], both[order]
        whole = np.where(gallery.parts == 0, gallery.sure, 0.0)
        total = np.bincount(owners, whole, n)
        nearest = np.bincount(owners, whole * similar.max(axis=1), n)
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
