"""Dialogs that several pages open, and how a window offers them."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.add_source import AddSourceDialog
from soc_copilot.ui.dialogs.killswitch import killswitch_dialog
from soc_copilot.ui.dialogs.watch_folder import WatchFolderDialog

__all__ = ["AddSourceDialog", "WatchFolderDialog", "WindowDialogs", "killswitch_dialog"]


class WindowDialogs(QObject):
    """Offers the desk's dialogs in a window: by action, and by dropping a file on it.

    Binds `killswitch.toggle`, `sources.add` and `host.watch`; only one dialog is open at a time.
    """

    def __init__(self, desk: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._desk, self._window = desk, window
        desk.actions.bind("killswitch.toggle", self.toggle_killswitch)
        desk.actions.bind("sources.add", self.add_source)
        desk.actions.bind("host.watch", self.watch_folder)
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def toggle_killswitch(self) -> None:
        """Ask for the reason to engage or to release."""
        killswitch_dialog(self._desk, self._window).open()

    def add_source(self, path: str = "") -> None:
        """Ask for a log source, with the path filled in where one is known."""
        AddSourceDialog(self._desk, self._window, path).open()

    def watch_folder(self) -> None:
        """Ask for a folder whose file activity is to be scored."""
        WatchFolderDialog(self._desk, self._window).open()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDragEnterEvent):
            if dropped_path(event):
                event.acceptProposedAction()
                return True
        elif isinstance(event, QDropEvent) and (path := dropped_path(event)):
            event.acceptProposedAction()
            self.add_source(path)
            return True
        return super().eventFilter(watched, event)


def dropped_path(event: QDropEvent) -> str:
    """The first local file or folder of a drop, or an empty text."""
    urls = event.mimeData().urls()
    return next((url.toLocalFile() for url in urls if url.isLocalFile()), "")
