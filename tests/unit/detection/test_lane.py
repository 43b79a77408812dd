import threading

import pytest

from soc_copilot.detection.lane import Lane, LaneBusyError


@pytest.fixture
def lane():
    lane = Lane("test")
    yield lane
    lane.close(5)


def test_calls_run_on_one_other_thread(lane):
    threads = {lane.call(threading.get_ident, 5) for _ in range(3)}
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_what_a_call_raises_is_raised_to_who_waits(lane):
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        lane.call(fail, 5)
    assert lane.call(lambda: 7, 5) == 7


def test_a_late_call_is_left_behind_until_it_ends(lane):
    gate = threading.Event()
    lane.submit(lambda: gate.wait(30))
    with pytest.raises(LaneBusyError):
        lane.result(0.01)
    assert lane.is_busy
    with pytest.raises(LaneBusyError):
        lane.submit(lambda: None)
    gate.set()
    assert lane.result(5) is True
    assert not lane.is_busy


def test_closing_twice_and_unused_is_fine():
    lane = Lane("unused")
    assert lane.close(1)
    lane.call(lambda: None, 5)
    assert lane.close(5)
    assert lane.close(5)
