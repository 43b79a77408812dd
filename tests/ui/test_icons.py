"""Drawings take the theme's colour, are sharp at every scale, and none is missing."""

from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QIcon, QImage
from PySide6.QtSvg import QSvgRenderer
from pytestqt.qtbot import QtBot

from soc_copilot.domain.paths import bundled
from soc_copilot.ui import icons
from soc_copilot.ui.actions import ACTIONS

FILES = sorted((bundled("resources") / "icons").glob("*.svg"))


def inks(image: QImage) -> set[str]:
    """The colours of a drawing's full pixels."""
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    colors = (image.pixelColor(x, y) for x, y in points)
    return {color.name() for color in colors if color.alpha() == 255}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_drawing_is_made_of_the_asked_colour_alone(path: Path, qtbot: QtBot) -> None:
    drawn = icons.pixmap(path.stem, "#12ab34", 32).toImage()
    assert inks(drawn) == {"#12ab34"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_drawing_is_square_so_that_nothing_is_stretched(path: Path, qtbot: QtBot) -> None:
    size = QSvgRenderer(str(path)).viewBoxF()
    assert size.width() == size.height() > 0


def test_every_icon_of_the_action_table_has_its_file() -> None:
    names = {spec.icon for spec in ACTIONS if spec.icon}
    assert names - {path.stem for path in FILES} == set()


def test_a_disabled_icon_is_drawn_in_the_other_colour(qtbot: QtBot) -> None:
    made = icons.icon("stop", "#ffffff", "#808080", QSize(32, 32))
    modes = (QIcon.Mode.Normal, QIcon.Mode.Disabled)
    drawn = [inks(made.pixmap(QSize(32, 32), 1.0, mode).toImage()) for mode in modes]
    assert drawn == [{"#ffffff"}, {"#808080"}]


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_a_drawing_has_a_pixel_for_each_pixel_of_a_fine_screen(scale: int, qtbot: QtBot) -> None:
    made = icons.pixmap("check", "#ffffff", 16, float(scale))
    assert (made.width(), made.devicePixelRatio()) == (16 * scale, scale)


def test_an_unknown_drawing_is_refused(qtbot: QtBot) -> None:
    with pytest.raises(FileNotFoundError):
        icons.pixmap("nothing", "#ffffff", 16)
