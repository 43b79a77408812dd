import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from soc_copilot.ui.collecting import Collector, settle


class Ring(QObject):
    """An object in a cycle, as a widget with a lambda of its own is."""

    ended: list[str]

    def __init__(self, ended: list[str]) -> None:
        super().__init__()
        self.me = self
        self.ended = ended

    def __del__(self) -> None:
        self.ended.append(threading.current_thread().name)


@pytest.fixture
def collector(qtbot: QtBot) -> Iterator[Collector]:
    """One that took over from an interpreter that collects."""
    was_enabled, thresholds = gc.isenabled(), gc.get_threshold()
    gc.enable()
    made = Collector()
    made.start()
    yield made
    made.stop()
    gc.set_threshold(*thresholds)
    if not was_enabled:
        gc.disable()


def litter() -> None:
    """Make far more rubbish than the interpreter lets lie."""
    for _ in range(100_000):
        ring: list[object] = []
        ring.append(ring)


def test_rubbish_of_the_window_dies_on_its_own_thread(collector: Collector, qtbot: QtBot) -> None:
    ended: list[str] = []
    Ring(ended)
    worker = threading.Thread(target=litter, name="worker")
    worker.start()
    worker.join()
    assert ended == []
    qtbot.waitUntil(lambda: ended != [])
    assert ended == [threading.current_thread().name]


def test_without_it_a_worker_collects(qtbot: QtBot) -> None:
    """The reason for all this, and the proof that the test above can fail."""
    was_enabled = gc.isenabled()
    gc.enable()
    try:
        ended: list[str] = []
        Ring(ended)
        worker = threading.Thread(target=litter, name="worker")
        worker.start()
        worker.join()
    finally:
        if not was_enabled:
            gc.disable()
    assert ended == ["worker"]


def test_the_interpreter_collects_again_afterwards(collector: Collector) -> None:
    assert not gc.isenabled()
    collector.start()  # twice is once
    collector.stop()
    collector.stop()
    assert gc.isenabled()
    assert not collector.is_running


def test_what_did_not_collect_before_does_not_after(collector: Collector) -> None:
    other = Collector()
    other.start()
    other.stop()
    assert not gc.isenabled()


def test_the_oldest_generation_that_is_due_is_collected(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(gc, "collect", asked.append)
    for counts in ((701, 11, 11), (701, 11, 10), (701, 0, 0), (700, 10, 10)):
        monkeypatch.setattr(gc, "get_count", lambda counts=counts: counts)
        collector.step()
    assert asked == [2, 1, 0]
    gc.set_threshold(0, 10, 10)
    collector.step()
    assert asked == [2, 1, 0]


def test_what_is_loaded_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[None] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(None))
    settle()
    assert len(frozen) == 1
