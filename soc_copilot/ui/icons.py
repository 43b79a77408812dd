"""Our own line drawings, recoloured: the files say `currentColor`, the theme says which."""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from soc_copilot.domain.paths import bundled

_SCALES = (1, 2, 3)  # device pixel ratios for which a drawing is kept ready


@lru_cache(maxsize=256)
def _svg(name: str) -> str:
    return (bundled("resources") / "icons" / f"{name}.svg").read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def _pixmap(name: str, color: str, size: int, scale: int) -> QPixmap:
    pixmap = QPixmap(size * scale, size * scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    svg = _svg(name).replace("currentColor", color)
    renderer = QSvgRenderer(QByteArray(svg.encode()))
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size * scale, size * scale))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    return pixmap


def icon(name: str, color: str, disabled: str, size: QSize) -> QIcon:
    """The drawing `resources/icons/<name>.svg` in a colour; GUI thread only."""
    made = QIcon()
    for scale in _SCALES:
        made.addPixmap(_pixmap(name, color, size.width(), scale))
        made.addPixmap(_pixmap(name, disabled, size.width(), scale), QIcon.Mode.Disabled)
    return made


def pixmap(name: str, color: str, size: int, scale: float = 1.0) -> QPixmap:
    """The same drawing as a pixmap for a screen with this device pixel ratio."""
    return _pixmap(name, color, size, max(1, round(scale)))
