"""Pictures of pages are read within limits and shown whole."""

import struct
import zlib

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from soc_copilot.domain.errors import ParseError
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.picture import MAX_SIDE_PX, PictureView, picture_of, png_of
from tests.ui.phishing_support import png


def claimed(wide: int, high: int) -> bytes:
    """A PNG that says it is so large, and holds nothing."""
    data = b"IHDR" + struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    head = struct.pack(">I", 13) + data + struct.pack(">I", zlib.crc32(data))
    return b"\x89PNG\r\n\x1a\n" + head


def test_a_picture_is_made_smaller_and_a_long_page_is_cut() -> None:
    assert picture_of(png(64, 48)).size() == QSize(64, 48)
    assert picture_of(png(1_920, 1_280)).size() == QSize(960, 640)
    assert picture_of(png(100, 5_000), QSize(50, 40)).size() == QSize(40, 40)


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg/>", b"GIF89a" + b"\0" * 50, png()[:60], claimed(MAX_SIDE_PX + 1, 9),
     claimed(19_000, 19_000)],
)  # fmt: skip
def test_what_is_no_png_or_far_too_large_is_refused(data: bytes, qtbot: QtBot) -> None:
    with pytest.raises(ParseError):
        picture_of(data)


def test_a_pasted_picture_becomes_a_png() -> None:
    image = QImage(8, 6, QImage.Format.Format_RGB32)
    image.fill(0xFF112233)
    assert picture_of(png_of(image)).pixelColor(1, 1).name() == "#112233"


def test_a_picture_keeps_its_shape(qtbot: QtBot) -> None:
    view = PictureView(Theme("light"), 100)
    qtbot.addWidget(view)
    view.resize(400, 100)
    image = QImage(200, 200, QImage.Format.Format_RGB32)
    image.fill(0xFF112233)
    view.show_image(image)
    assert view.heightForWidth(50) == 52
    assert view.heightForWidth(500) == 100
    shown = view.grab().toImage()
    assert shown.pixelColor(50, 50).name() == "#112233"
    assert shown.pixelColor(200, 50).name() != "#112233"
    view.show_image(None)
    assert view.grab().toImage().pixelColor(50, 50).name() != "#112233"
