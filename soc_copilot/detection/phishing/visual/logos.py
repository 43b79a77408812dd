"""Logos: cut out, brought to one size as ink on ground, and embedded; colours do not matter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from soc_copilot.detection.phishing.visual.pictures import Box

Ink = npt.NDArray[np.uint8]
"""Shape (TALL, WIDE): 0 is ground, 255 is ink."""

TALL: Final = 32  # chosen: letters of a wordmark can still be told apart
WIDE: Final = 160  # chosen: logos are up to about five times as wide as tall
MARGIN: Final = 0.18  # chosen: of a logo's height, cut out around it to see its ground
_LEAST_CONTRAST: Final = 14.0  # chosen: of 255; less is JPEG's noise
_INK: Final = 0.35  # chosen: of the strongest contrast; where a logo begins and ends
_LEAST_SIDE: Final = 4  # pixels
PARTS: Final = ("whole", "mark", "word")
_MARK: Final = (0.4, 1.5)  # chosen: of a logo's height, how wide a mark beside a word may be
_APART: Final = 0.06  # chosen: of a logo's height, the least gap between mark and word
_BESIDE: Final = 1.2  # all chosen, on validation pages; of a logo's height: how far it may grow
_ABOVE: Final = 0.4
_GAP: Final = 0.5  # between a mark and its word, or two words
_ROW_GAP: Final = 0.1
_OTHER_GROUND: Final = 0.97  # of a column's or a row's pixels


def to_ink(picture: Image.Image, box: Box) -> Ink:
    """A logo as ink on ground, cut close, its height or width filling the whole.

    Args:
        picture: The screenshot.
        box: Where the logo stands; what is out of the picture is left out.
    """
    left, top, right, bottom = box
    more = MARGIN * (bottom - top)
    x, y = max(int(left - more), 0), max(int(top - more), 0)
    x_end, y_end = (
        min(round(right + more), picture.width),
        min(round(bottom + more), picture.height),
    )
    columns = slice(max(int(left), 0) - x, min(int(np.ceil(right)), picture.width) - x)
    rows = slice(max(int(top), 0) - y, min(int(np.ceil(bottom)), picture.height) - y)
    if columns.stop - columns.start < _LEAST_SIDE or rows.stop - rows.start < _LEAST_SIDE:
        return np.zeros((TALL, WIDE), np.uint8)
    pixels = np.asarray(picture.crop((x, y, x_end, y_end)), np.int16)
    ground = _ground(pixels, rows, columns, max(x_end - x, y_end - y))
    return _ink_of(np.abs(pixels[rows, columns] - ground).max(axis=2))


def ink_of(pixels: npt.NDArray[np.int16]) -> Ink:
    """As `to_ink`, of what was cut out with some ground around it, shape (tall, wide, 3)."""
    edge = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]])
    return _ink_of(np.abs(pixels - np.median(edge, axis=0).astype(np.int16)).max(axis=2))


def _ink_of(contrast: npt.NDArray[np.int16]) -> Ink:
    most = max(float(np.percentile(contrast, 99)), 1.0)
    if most < _LEAST_CONTRAST:
        return np.zeros((TALL, WIDE), np.uint8)
    is_ink = contrast > _INK * most
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    close = contrast[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return _filling(np.minimum(close * (255.0 / most), 255.0).astype(np.uint8))


def parts_of(ink: Ink) -> list[Ink]:
    """A logo; where it is a mark with a word beside it, the mark and the word alone, too.

    Returns:
        One or three, in the order of `PARTS`.
    """
    is_ink = ink > 255 * _INK
    columns, rows = np.flatnonzero(is_ink.any(axis=0)), np.flatnonzero(is_ink.any(axis=1))
    if not len(columns):
        return [ink]
    tall = int(rows[-1] - rows[0] + 1)
    ends = columns[:-1][np.diff(columns) > 1]  # the last columns before gaps
    wide = np.diff(columns)[np.diff(columns) > 1] - 1
    is_marks_end = (ends >= _MARK[0] * tall) & (ends <= _MARK[1] * tall) & (wide >= _APART * tall)
    if not is_marks_end.any():
        return [ink]
    at = np.flatnonzero(is_marks_end)[np.argmax(wide[is_marks_end])]
    mark, word = ink[:, : ends[at] + 1], ink[:, ends[at] + wide[at] + 1 :]
    return [ink, _filling(_close(mark)), _filling(_close(word))]


def _close(ink: Ink) -> Ink:
    is_ink = ink > 255 * _INK
    columns, rows = np.flatnonzero(is_ink.any(axis=0)), np.flatnonzero(is_ink.any(axis=1))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _filling(close: Ink) -> Ink:
    """A logo cut close, as large as the whole allows, at its left and in the middle of its rows."""
    tall, wide = close.shape
    factor = min(TALL / tall, WIDE / wide)
    size = (max(1, round(wide * factor)), max(1, round(tall * factor)))
    small = np.asarray(Image.fromarray(close).resize(size, Image.Resampling.BILINEAR))
    found = np.zeros((TALL, WIDE), np.uint8)
    down = (TALL - size[1]) // 2
    found[down : down + size[1], : size[0]] = small
    return found


def snapped(picture: Image.Image, box: Box) -> Box:
    """A box that holds a logo roughly, drawn anew around its ink.

    It grows to the sides as long as the next ink is near, as letters and a mark beside them are,
    and shrinks where there is none.

    Args:
        picture: The screenshot.
        box: Where the logo stands, about.
    """
    left, top, right, bottom = box
    tall = bottom - top
    x, y = max(int(left - _BESIDE * tall), 0), max(int(top - _ABOVE * tall), 0)
    x_end = min(round(right + _BESIDE * tall), picture.width)
    y_end = min(round(bottom + _ABOVE * tall), picture.height)
    columns = slice(max(int(left), 0) - x, min(int(np.ceil(right)), picture.width) - x)
    rows = slice(max(int(top), 0) - y, min(int(np.ceil(bottom)), picture.height) - y)
    if columns.stop - columns.start < _LEAST_SIDE or rows.stop - rows.start < _LEAST_SIDE:
        return box
    pixels = np.asarray(picture.crop((x, y, x_end, y_end)), np.int16)
    contrast = np.abs(pixels - _ground(pixels, rows, columns, round(MARGIN * tall))).max(axis=2)
    most = max(float(np.percentile(contrast[rows, columns], 98)), 1.0)
    is_ink = contrast > _INK * most
    # What has no ground above or below it, or beside it, is another ground: a sidebar, a rule.
    is_ink[:, is_ink.mean(axis=0) > _OTHER_GROUND] = False
    is_ink[is_ink.mean(axis=1) > _OTHER_GROUND] = False
    across = _reach(is_ink[rows].any(axis=0), columns, max(2, int(_GAP * tall)))
    if across is None:
        return box
    down = _reach(is_ink[:, across].any(axis=1), rows, max(1, int(_ROW_GAP * tall)))
    if down is None:
        return box
    return (
        float(x + across.start), float(y + down.start),
        float(x + across.stop), float(y + down.stop),
    )  # fmt: skip


def _ground(
    pixels: npt.NDArray[np.int16], rows: slice, columns: slice, more: int
) -> npt.NDArray[np.int16]:
    """The colour that most of what is around a place has, as far as `more` pixels from it."""
    around = np.zeros(pixels.shape[:2], bool)
    near = (slice(max(rows.start - more, 0), rows.stop + more),
            slice(max(columns.start - more, 0), columns.stop + more))  # fmt: skip
    around[near] = True
    around[rows, columns] = False
    flat = pixels[around]
    if not len(flat):  # the place is the whole picture
        flat = pixels.reshape(-1, 3)
    coarse = flat >> 3
    keys = (coarse[:, 0] << 10) | (coarse[:, 1] << 5) | coarse[:, 2]
    values, counts = np.unique(keys, return_counts=True)
    most = flat[keys == values[counts.argmax()]]
    found: npt.NDArray[np.int16] = np.median(most, axis=0).astype(np.int16)
    return found


def _reach(has_ink: npt.NDArray[np.bool_], within: slice, gap: int) -> slice | None:
    """From the ink in a part of a line to both sides, until there is none for a gap's length."""
    inside = np.flatnonzero(has_ink[within])
    if not len(inside):
        return None
    places = np.flatnonzero(has_ink)
    first, last = int(inside[0]) + within.start, int(inside[-1]) + within.start
    for place in places[places > last]:
        if place - last > gap:
            break
        last = int(place)
    for place in places[places < first][::-1]:
        if first - place > gap:
            break
        first = int(place)
    return slice(first, last + 1)


@dataclass(frozen=True, slots=True)
class LogoShape:
    """What the card must say to rebuild the network.

    Attributes:
        widths: Channels of the convolutions, in pairs with their strides.
        strides: 1 or 2 each.
        narrow: Channels that are kept for every place.
        size: Numbers of the embedding.
    """

    widths: tuple[int, ...] = (24, 32, 64, 64, 96, 96)
    strides: tuple[int, ...] = (2, 1, 2, 1, 2, 1)
    narrow: int = 24
    size: int = 128


class LogoNet(nn.Module):
    """Embeddings of logos; each place of the picture keeps its own say, as words are read."""

    def __init__(self, shape: LogoShape) -> None:
        super().__init__()
        self.shape = shape
        layers: list[nn.Module] = []
        before, tall, wide = 1, TALL, WIDE
        for width, stride in zip(shape.widths, shape.strides, strict=True):
            layers += [
                nn.Conv2d(before, width, 3, stride, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            before, tall, wide = width, -(-tall // stride), -(-wide // stride)
        self.features = nn.Sequential(*layers)
        self.narrow = nn.Conv2d(before, shape.narrow, 1)
        self.last = nn.Linear(shape.narrow * tall * wide + before, shape.size, bias=False)
        # As in the network of pages: without it, little is learnt at first.
        self.middle = nn.BatchNorm1d(shape.size, affine=False)

    @override
    def forward(self, logos: Tensor) -> Tensor:
        """Embeddings, shape (n, size), each of length 1.

        Args:
            logos: Bytes, shape (n, TALL, WIDE).
        """
        found = self.features(logos[:, None].float() / 127.5 - 1.0)
        seen = torch.cat([self.narrow(found).flatten(1), found.flatten(2).mean(dim=2)], dim=1)
        return functional.normalize(self.middle(self.last(seen).float()), dim=1)


def embed_logos(net: LogoNet, logos: Sequence[Ink]) -> npt.NDArray[np.float32]:
    """Embeddings of logos, shape (n, size).

    Args:
        net: In evaluation mode.
        logos: As `to_ink` makes them.
    """
    if not logos:
        return np.empty((0, net.shape.size), np.float32)
    with torch.inference_mode():
        found: npt.NDArray[np.float32] = net(torch.from_numpy(np.stack(logos))).numpy()
    return found
