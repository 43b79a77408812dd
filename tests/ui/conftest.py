"""The window's tests run without a screen and leave no thread and no timer behind."""

import gc
import os
from collections.abc import Iterator

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid


def _left(kind: type) -> list[object]:
    # Wrappers live as long as Python holds them; those whose C++ side is gone do not count.
    return [one for one in gc.get_objects() if type(one) is kind and isValid(one)]


@pytest.fixture(autouse=True)
def nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a QThread or a QTimer running."""
    if "qtbot" in request.fixturenames:
        request.getfixturevalue("qtbot")
    yield
    # Widgets given to qtbot are closed after this fixture; what is checked is what still runs.
    app = QApplication.instance()
    if app is None:
        return
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    threads = [thread.objectName() for thread in _left(QThread) if thread.isRunning()]
    assert not threads, f"threads still running: {threads}"
    timers = [timer for timer in _left(QTimer) if timer.isActive() and not timer.isSingleShot()]
    shown = [timer for timer in timers if timer.parent() is None]
    assert not shown, f"timers still running: {shown}"
