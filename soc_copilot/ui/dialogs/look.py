"""A page and the brand that it looks like, as large as the window has room."""

from typing import Final

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from soc_copilot.ui.dialogs.frame import MARGIN, DeskDialog
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.phishing_parts import PicturePair

MOST_PX: Final = 1_960  # chosen: two pictures of the 960 px that are kept of each
HIGH_PX: Final = 640  # as much is kept of a picture
FOOT_PX: Final = 200  # of title, captions and buttons


class LookDialog(DeskDialog):
    """Two pictures beside each other, so that logos and words can be read.

    Args:
        parent: The window.
        theme: Colours.
        images: Of the page, and of the brand where there is one.
        captions: What they are.
        words: What was found, in a sentence.
    """

    def __init__(
        self,
        parent: QWidget,
        theme: Theme,
        images: tuple[QImage | None, QImage | None],
        captions: tuple[str, str],
        words: str,
    ) -> None:
        wide = min(parent.width() - 4 * MARGIN, MOST_PX)
        super().__init__(parent, "Look of the page", words, "Close", width=wide)
        self.cancel_button.hide()
        self.pictures = PicturePair(theme, min(parent.height() - FOOT_PX, HIGH_PX))
        self.pictures.show_pair(*images, captions)
        self.body.addWidget(self.pictures)
        self.accept_button.setFocus()
