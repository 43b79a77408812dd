"""A page whose parts a person may size, read again now and then while it is seen."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QSplitter, QWidget
from typing_extensions import override

from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.kept_sizes import restore_sizes, sizes_text


class SplitPage(Page):
    """Two parts beside or above each other, whose division is remembered.

    Args:
        desk: The desk.
        orientation: Horizontal puts them side by side.
        refresh_ms: How often `refresh` is called while the page is seen; 0 for never.
        parent: The window.

    Attributes:
        splitter: Where a subclass puts its two parts.
    """

    def __init__(
        self,
        desk: Desk,
        orientation: Qt.Orientation,
        refresh_ms: int,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(desk, parent)
        self.splitter = QSplitter(orientation)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(2 * GRID)
        self._timer = QTimer(self)
        self._timer.setInterval(refresh_ms)
        self._timer.timeout.connect(self.refresh)

    def refresh(self) -> None:
        """Bring what is shown up to date."""

    @override
    def save_state(self) -> dict[str, str]:
        return {"splitter": sizes_text(self.splitter)}

    @override
    def restore_state(self, state: dict[str, str]) -> None:
        restore_sizes(self.splitter, state.get("splitter", ""))

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._timer.interval():
            self._timer.start()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
