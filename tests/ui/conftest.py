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
    # Widgets given to qtbot are closed after this fixture: close them first, so that a page's
    # timers rest, and whatever still runs then was forgotten.
    app = QApplication.instance()
    if app is None:
        return
    for window in QApplication.topLevelWidgets():
        window.hide()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    threads = [thread.objectName() for thread in _left(QThread) if thread.isRunning()]
    assert not threads, f"threads still running: {threads}"
    timers = [
        f"{timer.parent()!r}, every {timer.interval()} ms"
        for timer in _left(QTimer)
        if timer.isActive() and not timer.isSingleShot()
    ]
    assert not timers, f"timers still running: {timers}"
