"""The window's tests run without a screen and leave no thread and no timer behind."""

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid
from typing_extensions import override

PATIENCE_MS = 120_000  # far above what anything here takes: only a hang reaches it


class PatientBot(QtBot):
    """Waits as long as a busy machine takes."""

    @override
    def waitUntil(self, callback: Callable[[], Any], *, timeout: int = PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=timeout)

    @override
    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE_MS, **more: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **more)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    """The plugin's, with more patience."""
    return PatientBot(request)


@pytest.fixture(scope="package", autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.collect()


@pytest.fixture(autouse=True)
def _collected_here() -> Iterator[None]:
    """Collect on this thread only, as the desktop does: see soc_copilot/ui/collecting.py.

    What the last test left goes before the next one begins; what is left then is loaded for
    good, and passed over from there on: a collection takes 10 ms, not 500.
    """
    gc.disable()
    gc.collect()
    gc.freeze()
    yield
    gc.enable()


def _left() -> tuple[list[QThread], list[QTimer]]:
    """Threads and timers that there are.

    Wrappers live as long as Python holds them; those whose C++ side is gone do not count.
    """
    kinds = {QThread, QTimer}
    found = [one for one in gc.get_objects() if type(one) in kinds and isValid(one)]
    return (
        [one for one in found if type(one) is QThread],
        [one for one in found if type(one) is QTimer],
    )


@pytest.fixture(autouse=True)
def nothing_left_running(_collected_here: None, request: pytest.FixtureRequest) -> Iterator[None]:
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
    all_threads, all_timers = _left()
    threads = [thread.objectName() for thread in all_threads if thread.isRunning()]
    assert not threads, f"threads still running: {threads}"
    timers = [
        f"{timer.parent()!r}, every {timer.interval()} ms"
        for timer in all_timers
        if timer.isActive() and not timer.isSingleShot()
    ]
    assert not timers, f"timers still running: {timers}"
