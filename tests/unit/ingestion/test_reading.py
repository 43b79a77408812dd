"""A source that does not come back stops neither the others nor the end, and loses nothing."""

import threading
import time

import numpy as np
import pytest

from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceStatus
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion import reading
from soc_copilot.ingestion.controller import IngestionController


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.005)


class Numbers:
    """Hands out a numbered line at each poll; blocks in it while `gate` is shut."""

    def __init__(self, source_id, *, n=3, at=0):
        self.source_id, self.n, self.at = source_id, n, at
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Event()
        self.n_closed, self.settled, self.polled_at = 0, [], []

    def poll(self, max_bytes):
        self.polled_at.append(time.monotonic())
        self.inside.set()
        self.gate.wait()
        if self.at >= self.n:
            return []
        start, self.at = self.at * 2, self.at + 1
        spot = Checkpoint(self.source_id, 1, "x", self.at * 2)
        data = b"%d\n" % (self.at - 1)
        offsets, lengths = np.array([[start], [2]], np.int64)
        return [RecordChunk(self.source_id, 1, "x", start, data, offsets, lengths, 0, spot)]

    def committed(self, checkpoint):
        self.settled.append(checkpoint.offset)

    def close(self):
        self.n_closed += 1

    def status(self):
        return SourceStatus(self.source_id, "numbers", "live")


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(reading, "HUNG_S", 0.3)
    monkeypatch.setattr(reading, "_HUNG_TOO_S", 0.1)
    monkeypatch.setattr(reading, "_CLAIM_S", 0.2)
    made = []

    def build(**options):
        made.append(IngestionController(0.02, **{"poll_interval": 0.01, **options}))
        made[-1].got = []
        made[-1].set_batch_callback(made[-1].got.append)
        return made[-1]

    before = set(threading.enumerate())
    yield build
    for controller in made:
        assert controller.stop()
    wait_for(lambda: set(threading.enumerate()) <= before)


def lines(controller, source_id):
    return [
        c.data for b in controller.got for c in b.chunks if c.source_id == source_id and c.n_lines
    ]


def state(controller, n=0):
    return controller.statuses()[n].state


def test_the_others_go_on_and_the_hung_one_loses_and_repeats_nothing(make):
    hung, also, fine = Numbers(1), Numbers(2), Numbers(3, n=5)
    controller = make()
    for source in (hung, also, fine):
        controller.add_source(source, source_id=source.source_id)
    hung.gate.clear()
    also.gate.clear()
    controller.start()
    wait_for(lambda: len(lines(controller, 3)) == 5)
    assert [s.state for s in controller.statuses()] == ["hung", "hung", "live"]
    assert "has not come back" in controller.statuses()[0].detail
    hung.gate.set()
    also.gate.set()
    wait_for(lambda: len(lines(controller, 1)) == 3)
    wait_for(lambda: controller.is_idle)
    assert lines(controller, 1) == [b"0\n", b"1\n", b"2\n"]
    assert state(controller) == "live"


def test_a_hung_source_does_not_hold_the_end(make):
    hung, fine = Numbers(1), Numbers(2)
    controller = make()
    controller.add_source(hung)
    controller.add_source(fine)
    hung.gate.clear()
    controller.start()
    assert hung.inside.wait(60)
    began = time.monotonic()
    assert controller.stop(60.0)
    assert time.monotonic() - began < 30
    assert fine.n_closed == 1
    assert hung.n_closed == 0
    hung.gate.set()
    wait_for(lambda: hung.n_closed == 1)
    controller.start()  # what came back after the end was kept
    wait_for(lambda: len(lines(controller, 1)) == 3)
    assert lines(controller, 1) == [b"0\n", b"1\n", b"2\n"]


def test_a_hung_source_can_be_removed_and_what_it_brings_later_is_dropped(make):
    hung = Numbers(1)
    controller = make()
    controller.add_source(hung, source_id=1)
    hung.gate.clear()
    controller.start()
    wait_for(lambda: state(controller) == "hung")
    controller.remove_source(1)
    again = Numbers(1)
    controller.add_source(again, source_id=1)
    wait_for(lambda: len(lines(controller, 1)) == 3)
    hung.gate.set()
    wait_for(lambda: hung.n_closed == 1)
    assert len(lines(controller, 1)) == 3


def test_a_source_that_is_set_back_while_it_hangs_goes_on_from_there(make):
    hung = Numbers(1)
    controller = make()
    controller.add_source(hung, source_id=1, make=lambda known: Numbers(1, at=known[0].offset // 2))
    hung.gate.clear()
    controller.start()
    wait_for(lambda: state(controller) == "hung")
    controller.reset_source(1, [Checkpoint(1, 1, "x", 2)])
    hung.gate.set()
    wait_for(lambda: len(lines(controller, 1)) == 2)
    assert lines(controller, 1) == [b"1\n", b"2\n"]
    wait_for(lambda: hung.n_closed == 1)


def test_a_source_hears_what_is_stored(make):
    source = Numbers(1)
    controller = make()
    controller.add_source(source)
    controller.start()
    wait_for(lambda: source.settled[-1:] == [6])
    assert source.settled == sorted(source.settled)


def test_a_source_is_looked_at_by_its_own_interval(make):
    often, seldom = Numbers(1, n=0), Numbers(2, n=0)
    controller = make()
    controller.add_source(often)
    options = SourceOptions.checked("file", {"poll_interval_s": 60.0})
    controller.add_source(seldom, options=options)
    controller.start()
    wait_for(lambda: len(often.polled_at) > 10)
    assert len(seldom.polled_at) == 1


def test_a_source_with_a_batch_size_of_its_own_is_stored_by_it(make, tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"line\n" * 100)
    controller = make(max_size=10_000)
    controller._buffer.batch_interval = 60.0
    options = SourceOptions.checked("file", {"max_size": 40})
    controller.add_file_source(path, from_start=True, options=options)
    controller.start()
    wait_for(lambda: controller.got)
    assert controller.got[0].n_lines >= 40


def test_polling_without_hints_is_said_when_it_was_not_asked_for(make, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "is_network", lambda folder: True)
    path = tmp_path / "a.log"
    path.write_bytes(b"one\n")
    controller = make()
    controller.add_file_source(path, from_start=True)
    poll = SourceOptions.checked("file", {"watch": "poll"})
    controller.add_file_source(tmp_path / "b.log", options=poll)
    controller.start()
    wait_for(lambda: lines(controller, 1))
    wait_for(lambda: controller.is_idle)
    asked, unasked = (controller.statuses()[n].messages for n in (1, 0))
    assert "network file system" in unasked[0]
    assert not any("polled" in message for message in asked)
