"""What happens to screenshots: cut, scaled, recoloured, packed by JPEG, partly covered."""

import io
import random
from typing import Final

from PIL import Image, ImageDraw, ImageEnhance

_CUT: Final = 0.12  # chosen: of a side, at most


def distort(picture: Image.Image, rng: random.Random) -> Image.Image:
    """A screenshot as another machine or person would have made it."""
    picture = _cut(picture, rng)
    if rng.random() < 0.5:
        picture = _scaled(picture, rng)
    if rng.random() < 0.6:
        picture = _recoloured(picture, rng)
    if rng.random() < 0.2:
        picture = _covered(picture, rng)
    if rng.random() < 0.4:
        picture = _packed(picture, rng)
    return picture


def _cut(picture: Image.Image, rng: random.Random) -> Image.Image:
    wide, tall = picture.size
    # People cut off what is empty: the corner with the logo is spared.
    left, top = (rng.uniform(0, _CUT / 6) if rng.random() < 0.3 else 0.0 for _ in range(2))
    right = rng.uniform(0, _CUT) if rng.random() < 0.5 else 0.0
    bottom = rng.uniform(0, 3 * _CUT) if rng.random() < 0.4 else 0.0
    cut = picture.crop(
        (int(left * wide), int(top * tall), int((1 - right) * wide), int((1 - bottom) * tall))
    )
    if rng.random() < 0.15:  # a browser's own bar or a banner above the page
        strip = int(tall * rng.uniform(0.03, 0.1))
        colour = rng.choice(((222, 225, 230), (60, 64, 67), _any_colour(rng)))
        page = Image.new("RGB", (cut.width, cut.height + strip), colour)
        page.paste(cut, (0, strip))
        return page
    return cut


def _scaled(picture: Image.Image, rng: random.Random) -> Image.Image:
    across, down = rng.uniform(0.45, 1.0), rng.uniform(0.93, 1.07)
    size = (max(64, int(picture.width * across)), max(64, int(picture.height * across * down)))
    return picture.resize(size, rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)))


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


def _packed(picture: Image.Image, rng: random.Random) -> Image.Image:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=rng.randint(25, 80))
    return Image.open(out, formats=("JPEG",)).convert("RGB")


def _any_colour(rng: random.Random) -> tuple[int, int, int]:
    return (rng.randrange(256), rng.randrange(256), rng.randrange(256))
