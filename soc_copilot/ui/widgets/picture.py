"""Pictures of pages: read within limits, and shown whole, never larger than they are."""

from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QImageReader, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from soc_copilot.domain.errors import ParseError
from soc_copilot.ui.theme import Theme

MAX_SIDE_PX: Final = 20_000  # chosen: a very long page
MAX_PIXELS: Final = 40_000_000  # chosen: 160 MB while it is read
SHOWN_PX: Final = QSize(960, 640)  # chosen: kept for the screen
HIGH_PX: Final = 220  # of a picture on the page


def picture_of(png: bytes, most: QSize = SHOWN_PX) -> QImage:
    """A PNG as a picture of at most that size; of a long page, its beginning. Any thread.

    Raises:
        ParseError: It is no PNG, is damaged, or is far too large.
    """
    buffer = QBuffer()
    buffer.setData(QByteArray(png))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(b"png"))
    reader.setAutoDetectImageFormat(False)
    size = reader.size()
    if not size.isValid() or max(size.width(), size.height()) > MAX_SIDE_PX:
        raise ParseError("This is no PNG that can be shown.")
    if size.width() * size.height() > MAX_PIXELS:
        raise ParseError(f"This picture is too large: {size.width():,} x {size.height():,}.")
    image = reader.read()
    if image.isNull():
        raise ParseError("This PNG is damaged.")
    if image.height() > image.width():
        image = image.copy(0, 0, image.width(), image.width())
    if image.width() > most.width() or image.height() > most.height():
        image = image.scaled(
            most, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
    return image


def png_of(image: QImage) -> bytes:
    """A picture as PNG. Any thread."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload]  # a format is text, says Qt
    return bytes(data.data())


class PictureView(QWidget):
    """A picture in a frame, whole."""

    def __init__(self, theme: Theme, high: int = HIGH_PX) -> None:
        super().__init__()
        self._theme, self._high = theme, high
        self._image: QImage | None = None
        self._small: QImage | None = None  # as it was drawn last
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Picture")
        theme.changed.connect(self.update)

    @property
    def image(self) -> QImage | None:
        """What is shown."""
        return self._image

    def show_image(self, image: QImage | None) -> None:
        """Show this picture, or none."""
        self._image, self._small = image, None
        self.updateGeometry()
        self.update()

    @override
    def heightForWidth(self, width: int) -> int:
        if self._image is None:
            return self._high
        return min(self._high, width * self._image.height() // self._image.width() + 2)

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._high * 4 // 3, self._high)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(80, 60)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._image is None:
            return
        painter = QPainter(self)
        room = QSize(self.width() - 2, self.height() - 2)
        size = self._image.size()
        if size.width() > room.width() or size.height() > room.height():
            size.scale(room, Qt.AspectRatioMode.KeepAspectRatio)
        box = QRectF(1, 1, size.width(), size.height())
        painter.drawImage(box, self._fitted(self._image, size))
        painter.setPen(QPen(self._theme.color("line"), 1))
        painter.drawRect(box.adjusted(-0.5, -0.5, 0.5, 0.5))

    def _fitted(self, image: QImage, size: QSize) -> QImage:
        """As many pixels as the screen has there: words stay words at a quarter of the size."""
        wanted = size * self.devicePixelRatioF()
        if self._small is None or self._small.size() != wanted:
            smooth = Qt.TransformationMode.SmoothTransformation
            self._small = image.scaled(wanted, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
        return self._small
