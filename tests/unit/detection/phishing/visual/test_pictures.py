import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from soc_copilot.detection.phishing.visual import pictures
from soc_copilot.detection.phishing.visual.pictures import (
    LANDSCAPE,
    PORTRAIT,
    SQUARE,
    frame_of,
    open_picture,
    small_png,
    to_frame,
)
from soc_copilot.domain.brand import MAX_PNG_BYTES
from soc_copilot.domain.errors import ParseError
from tests.unit.detection.phishing.visual.pages import packed, screenshot


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_of_three_formats_are_read(kind: str) -> None:
    assert open_picture(screenshot(kind=kind)).size == (640, 400)


def chunk(kind: bytes, data: bytes) -> bytes:
    sum_ = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + sum_


def bomb(side: int) -> bytes:
    """A PNG that says it is large and holds nothing."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no PNG"),
        (b"%PDF-1.4", "no PNG"),
        (packed(Image.new("RGB", (100, 100)), "GIF"), "no PNG"),
        (screenshot()[:300], "damaged"),
        (bomb(6_000), "too many pixels"),
        (bomb(2**31 - 1), "too many pixels"),
        (screenshot(size=(640, 63)), "at least 64"),
    ],
)
def test_what_is_no_usable_picture_is_told(data: bytes, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        open_picture(data)


def test_too_many_bytes_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    with pytest.raises(ParseError, match="more than"):
        open_picture(screenshot())


def test_see_through_pixels_are_white() -> None:
    for mode, colour in (("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))):
        found = open_picture(packed(Image.new(mode, (80, 80), colour)))
        assert found.getpixel((40, 40)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("size", "frame"),
    [((1280, 800), LANDSCAPE), ((1920, 1080), LANDSCAPE), ((900, 860), SQUARE),
     ((390, 844), PORTRAIT), ((1080, 2400), PORTRAIT), ((390, 5000), PORTRAIT),
     ((1280, 12_000), LANDSCAPE)],
)  # fmt: skip
def test_each_size_has_its_frame(size: tuple[int, int], frame: pictures.Frame) -> None:
    assert frame_of(*size) == frame


@pytest.mark.parametrize("size", [(1280, 800), (1280, 300), (390, 844), (64, 5000), (3000, 64)])
def test_a_frame_is_filled_whatever_the_size(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "#102030")
    frame = frame_of(*size)
    pixels = to_frame(picture)
    assert pixels.shape == (frame.tall, frame.wide, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == np.array([0x10, 0x20, 0x30])).all()


def test_the_scale_of_a_screenshot_hardly_matters() -> None:
    large = to_frame(open_picture(screenshot(size=(1920, 1200)))).astype(int)
    small = to_frame(open_picture(screenshot(size=(640, 400)))).astype(int)
    assert np.abs(large - small).mean() < 4


def test_what_is_kept_is_small_and_the_same_to_the_model() -> None:
    rng = np.random.default_rng(1)
    noise = Image.fromarray(rng.integers(0, 255, (1600, 2560, 3), np.uint8))
    for picture in (noise, open_picture(screenshot(size=(1280, 6_000)))):
        png = small_png(picture)
        assert len(png) <= MAX_PNG_BYTES
        kept = Image.open(io.BytesIO(png))
        assert kept.format == "PNG"
        assert kept.width <= 1280
    picture = open_picture(screenshot(size=(1280, 800)))
    kept_pixels = to_frame(open_picture(small_png(picture))).astype(int)
    assert np.abs(kept_pixels - to_frame(picture).astype(int)).mean() < 3
