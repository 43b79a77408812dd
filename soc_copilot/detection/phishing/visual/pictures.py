"""Screenshots as the model takes them: decoded within limits, brought to one of three shapes."""

import io
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from soc_copilot.domain.brand import MAX_PNG_BYTES
from soc_copilot.domain.errors import ParseError

Pixels = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of a picture."""

MAX_BYTES: Final = 20 * 1024 * 1024  # chosen: a page of 30 megapixels packs to less
MAX_PIXELS: Final = 30_000_000  # chosen: 90 MB in memory
MIN_SIDE: Final = 64  # chosen: less shows no page
FORMATS: Final = ("PNG", "JPEG", "WEBP")
_KEPT_WIDTHS: Final = (1280, 960, 640, 320)  # chosen: of a stored picture, the first that fits


class Frame(NamedTuple):
    """A shape that pictures are brought to.

    Attributes:
        wide: Pixels.
        tall: Pixels.
    """

    wide: int
    tall: int


# Nearly equal areas: a logo takes a similar number of pixels on a phone's page as on a desktop's.
LANDSCAPE: Final = Frame(256, 160)
SQUARE: Final = Frame(208, 192)
PORTRAIT: Final = Frame(144, 272)
_FRAMES: Final = (LANDSCAPE, SQUARE, PORTRAIT)
_LONGEST: Final = 0.42  # chosen: the longest phones have 9 to 21; what is longer is a whole page
_PHONE_WIDTH: Final = 600  # chosen: whole pages wider than this were taken on a desktop


def frame_of(wide: int, tall: int) -> Frame:
    """The shape nearest to a picture's; long pages are seen from their top."""
    ratio = wide / tall
    if ratio < _LONGEST and wide > _PHONE_WIDTH:
        return LANDSCAPE
    return min(_FRAMES, key=lambda frame: abs(np.log(ratio * frame.tall / frame.wide)))


def open_picture(data: bytes) -> Image.Image:
    """A screenshot, decoded.

    Raises:
        ParseError: It is no picture, too large, too small or damaged; the message says which.
    """
    if len(data) > MAX_BYTES:
        raise ParseError(f"The screenshot has more than {MAX_BYTES // 1024**2} MB.")
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        _check_size(*picture.size)
        return _without_alpha(picture)
    except UnidentifiedImageError as error:
        raise ParseError("The screenshot is no PNG, JPEG or WebP picture.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ParseError(_TOO_MANY) from error
    except ParseError:
        raise
    except Exception as error:  # what a decoder raises on damage is not one kind
        raise ParseError(f"The screenshot is damaged: {type(error).__name__}.") from error


_TOO_MANY: Final = f"The screenshot has too many pixels; at most {MAX_PIXELS:,} are read."


def _check_size(wide: int, tall: int) -> None:
    if wide * tall > MAX_PIXELS:
        raise ParseError(_TOO_MANY)
    if min(wide, tall) < MIN_SIDE:
        raise ParseError(
            f"The screenshot has {wide} x {tall} pixels; a page has at least {MIN_SIDE} a side."
        )


def _without_alpha(picture: Image.Image) -> Image.Image:
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        opaque = Image.new("RGBA", picture.size, "white")
        opaque.alpha_composite(picture.convert("RGBA"))
        return opaque.convert("RGB")
    return picture.convert("RGB")


def rows_of(wide: int, tall: int, frame: Frame) -> int:
    """How many of a picture's rows a frame shows."""
    return min(tall, round(wide * frame.tall / frame.wide))


def to_frame(picture: Image.Image, frame: Frame | None = None) -> Pixels:
    """The picture in a frame: as wide as it, cut at the bottom or filled with its last colour.

    Returns:
        Shape (tall, wide, 3).
    """
    frame = frame or frame_of(*picture.size)
    rows = rows_of(picture.width, picture.height, frame)
    tall = max(1, round(rows * frame.wide / picture.width))
    small = picture.resize(
        (frame.wide, min(tall, frame.tall)),
        Image.Resampling.BILINEAR,
        box=(0, 0, picture.width, rows),
        reducing_gap=2.0,
    )
    pixels = np.asarray(small)
    missing = frame.tall - pixels.shape[0]
    if missing:
        edge = np.median(pixels[-1], axis=0).astype(np.uint8)
        pixels = np.concatenate([pixels, np.broadcast_to(edge, (missing, frame.wide, 3))])
    return np.ascontiguousarray(pixels)


def small_png(picture: Image.Image) -> bytes:
    """What is kept of a reference: its top, as large as may be stored.

    Raises:
        ParseError: It does not get small enough.
    """
    frame = frame_of(*picture.size)
    rows = rows_of(picture.width, picture.height, frame)
    cut = picture.crop((0, 0, picture.width, rows))
    for width in _KEPT_WIDTHS:
        shown = cut
        if cut.width > width:
            size = (width, max(1, round(cut.height * width / cut.width)))
            shown = cut.resize(size, Image.Resampling.LANCZOS)
        for colours in (0, 256):
            kept = shown.quantize(colours) if colours else shown
            out = io.BytesIO()
            kept.save(out, "PNG", optimize=True)
            if out.tell() <= MAX_PNG_BYTES:
                return out.getvalue()
    raise ParseError("The screenshot cannot be made small enough to be kept.")
