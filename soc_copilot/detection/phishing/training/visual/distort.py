"""What happens to screenshots: cut, scaled, recoloured, packed by JPEG, partly covered."""

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, ImageEnhance

from soc_copilot.detection.phishing.visual.pictures import Box

SMALLEST: Final = 0.6  # chosen: screenshots of 1,280 pixels come as small as 768
_CUT: Final = 0.12  # chosen: of a side, at most


@dataclass(frozen=True, slots=True)
class Distorted:
    """What became of a screenshot.

    Attributes:
        picture: The new one.
        boxes: Where the places now are that were given.
    """

    picture: Image.Image
    boxes: list[Box]


def distort(
    picture: Image.Image,
    rng: random.Random,
    boxes: Sequence[Box] = (),
    *,
    smallest: float = SMALLEST,
) -> Distorted:
    """A screenshot as another machine or person would have made it.

    Args:
        picture: The screenshot.
        rng: Of everything random.
        boxes: Places on it that are followed.
        smallest: Of its width, after it was scaled.
    """
    picture, found = _cut(picture, rng, boxes)
    if rng.random() < 0.5:
        picture, found = _scaled(picture, rng, found, smallest)
    if rng.random() < 0.6:
        picture = _recoloured(picture, rng)
    if rng.random() < 0.2:
        picture = _covered(picture, rng)
    if rng.random() < 0.4:
        picture = packed(picture, rng)
    return Distorted(picture, found)


def _cut(
    picture: Image.Image, rng: random.Random, boxes: Sequence[Box]
) -> tuple[Image.Image, list[Box]]:
    wide, tall = picture.size
    # People cut off what is empty: the corner with the logo is spared.
    left, top = (rng.uniform(0, _CUT / 6) if rng.random() < 0.3 else 0.0 for _ in range(2))
    right = rng.uniform(0, _CUT) if rng.random() < 0.5 else 0.0
    bottom = rng.uniform(0, 3 * _CUT) if rng.random() < 0.4 else 0.0
    x, y = int(left * wide), int(top * tall)
    cut = picture.crop((x, y, int((1 - right) * wide), int((1 - bottom) * tall)))
    strip = 0
    if rng.random() < 0.15:  # a browser's own bar or a banner above the page
        strip = int(tall * rng.uniform(0.03, 0.1))
        colour = rng.choice(((222, 225, 230), (60, 64, 67), _any_colour(rng)))
        page = Image.new("RGB", (cut.width, cut.height + strip), colour)
        page.paste(cut, (0, strip))
        cut = page
    moved = [(b[0] - x, b[1] - y + strip, b[2] - x, b[3] - y + strip) for b in boxes]
    return cut, moved


def _scaled(
    picture: Image.Image, rng: random.Random, boxes: Sequence[Box], smallest: float
) -> tuple[Image.Image, list[Box]]:
    across, down = rng.uniform(smallest, 1.0), rng.uniform(0.93, 1.07)
    size = (max(64, int(picture.width * across)), max(64, int(picture.height * across * down)))
    x, y = size[0] / picture.width, size[1] / picture.height
    scaled = picture.resize(size, rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)))
    return scaled, [(b[0] * x, b[1] * y, b[2] * x, b[3] * y) for b in boxes]


def _recoloured(picture: Image.Image, rng: random.Random) -> Image.Image:
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.8, 1.15))
    picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.8, 1.2))
    picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.6, 1.4))
    if rng.random() < 0.3:
        warm = Image.new("RGB", picture.size, _any_colour(rng))
        picture = Image.blend(picture, warm, rng.uniform(0.02, 0.08))
    return picture


def _covered(picture: Image.Image, rng: random.Random) -> Image.Image:
    picture = picture.copy()
    wide, tall = picture.size
    at = (rng.uniform(0, 0.8) * wide, rng.uniform(0.35, 0.9) * tall)
    box = (at[0], at[1], at[0] + rng.uniform(0.1, 0.5) * wide, at[1] + rng.uniform(0.1, 0.4) * tall)
    ImageDraw.Draw(picture).rectangle(box, fill=rng.choice(((255, 255, 255), _any_colour(rng))))
    return picture


def packed(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A picture after JPEG."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=rng.randint(25, 80))
    return Image.open(out, formats=("JPEG",)).convert("RGB")


def _any_colour(rng: random.Random) -> tuple[int, int, int]:
    return (rng.randrange(256), rng.randrange(256), rng.randrange(256))
