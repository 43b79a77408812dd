import os
import signal
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.ui.stop_signals import StopSignals

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def _as_before() -> Iterator[None]:
    before = [signal.getsignal(number) for number in NUMBERS]
    yield
    for number, handler in zip(NUMBERS, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_heard_by_the_event_loop(qtbot: QtBot, number: signal.Signals) -> None:
    heard: list[int] = []
    made = StopSignals(None, lambda: heard.append(1))
    os.kill(os.getpid(), number)
    qtbot.waitUntil(lambda: bool(heard))
    made.close()
    assert signal.getsignal(number) is signal.SIG_DFL
