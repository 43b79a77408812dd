"""Ctrl+C and a polite kill close the window as a person would."""

import signal
import socket
from collections.abc import Callable
from contextlib import suppress

from PySide6.QtCore import QObject, QSocketNotifier, Slot


class StopSignals(QObject):
    """Hears SIGINT and SIGTERM for the event loop.

    Args:
        parent: Lives as long.
        leave: Called for each signal.

    Thread:
        The main thread's.
    """

    def __init__(self, parent: QObject | None, leave: Callable[[], None]) -> None:
        super().__init__(parent)
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self.on_signal)
        self._leave = leave
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)

    @Slot()
    def on_signal(self) -> None:
        """A signal came in: leave."""
        with suppress(OSError):
            self._reader.recv(64)
        self._leave()

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        self._notifier.setEnabled(False)
        self._reader.close()
        self._writer.close()
