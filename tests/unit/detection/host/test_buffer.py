import threading

import numpy as np
import pytest

from soc_copilot.detection.host.activity import HostEvent, Operation, from_events
from soc_copilot.detection.host.blocks import frame_of
from soc_copilot.detection.host.buffer import MAX_BYTES, WINDOW, StreamBuffer, StreamBuffers
from soc_copilot.detection.host.deeds import Deed, Deeds
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.host.making import mixed, write


class _Clock:
    def __init__(self):
        self.at_s = 100.0

    def monotonic_s(self):
        return self.at_s

    def now_ns(self):
        return 0


def _features(value):
    return np.full(30, value, np.float32)


def _none(n):
    return Deeds(np.zeros(n, np.uint8), np.zeros(n, np.float32), np.zeros(n, np.float32))


def test_the_window_slides():
    buffer = StreamBuffer(4)
    for i in range(6):
        buffer.add_event(write(i, f"/a{i}", i), _features(i))
    assert buffer.get_sequence()[:, 0].tolist() == [2, 3, 4, 5]
    assert buffer.get_sequence(2)[:, 0].tolist() == [4, 5]
    assert [event.path for event in buffer.get_events(3)] == ["/a3", "/a4", "/a5"]
    assert buffer.get_sequence(9).shape == (4, 30)
    assert buffer.get_sequence(0).shape == (0, 30)
    assert buffer.is_ready(4)
    assert not buffer.is_ready(5)
    assert buffer.get_sequence().dtype == np.float32


def test_what_is_handed_out_is_a_copy():
    buffer, features = StreamBuffer(), _features(1)
    buffer.add_event(write(0, "/a", 0), features)
    features[:] = 9
    buffer.get_sequence()[:] = 8
    assert buffer.get_sequence()[0, 0] == 1


def test_an_empty_window():
    buffer = StreamBuffer()
    assert (buffer.size, buffer.is_ready(), buffer.get_events()) == (WINDOW, False, [])
    assert buffer.get_sequence().shape == (0, 30)
    assert len(buffer.window()) == 0
    assert np.isnan(buffer.metrics().oldest_s)


def test_metrics_tell_number_age_and_size():
    clock = _Clock()
    buffer = StreamBuffer(2, clock=clock)
    for i in range(3):
        clock.at_s += 10
        buffer.add_event(write(i, "/a", 0), _features(0))
    clock.at_s += 5
    found = buffer.metrics()
    assert (found.n_events, found.n_total) == (2, 3)
    assert (found.oldest_s, found.newest_s) == (15, 5)
    assert 500 < found.size_bytes < 4_000


def test_no_text_makes_a_window_larger_than_promised():
    buffer, text = StreamBuffer(), "\U0001f600" * 100_000
    for _ in range(WINDOW):
        event = HostEvent(
            text, 0.0, Operation.RENAME, text, text, stream=text, user=text, process=text
        )
        buffer.add_event(event, _features(0))
    assert buffer.metrics().size_bytes <= MAX_BYTES


def test_features_of_another_shape_are_refused():
    with pytest.raises(DetectorError, match="30 features"):
        StreamBuffer().add_event(write(0, "/a", 0), np.zeros(29, np.float32))
    with pytest.raises(DetectorError, match="holds nothing"):
        StreamBuffer(0)


def test_what_events_did_is_kept_with_them():
    buffer = StreamBuffer()
    moved = HostEvent("e", 0.0, Operation.RENAME, "/a", "/b")
    buffer.add_event(moved, _features(2), 0.75, Deed.RENAMED, 1.0)
    window = buffer.window()
    assert (window.deeds.tolist(), window.weights.tolist()) == ([Deed.RENAMED], [1.0])
    assert window.scores.tolist() == [0.75]
    assert window.path_of(0) == "/b"
    assert window.event_of(0) == moved


def test_many_threads_lose_nothing():
    buffer = StreamBuffer()

    def add(n):
        for i in range(200):
            buffer.add_event(write(i, f"/t{n}", i), _features(n))
            # Other threads may add one in between, and none goes.
            assert 1 <= len(buffer.get_sequence(5)) <= len(buffer.get_events(5)) <= 5

    threads = [threading.Thread(target=add, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert buffer.metrics().n_total == 800
    for row, event in zip(buffer.get_sequence(), buffer.get_events(), strict=True):
        assert event.path == f"/t{int(row[0])}"


def test_streams_have_windows_of_their_own_and_idle_ones_go():
    buffers = StreamBuffers(2)
    for i, stream in enumerate(("a", "b", "a")):
        buffers.add_event(write(i, f"/{i}", i, stream=stream), _features(i), 0.5)
    first, second = buffers.buffer("a"), buffers.buffer("b")
    assert [event.path for event in first.get_events()] == ["/0", "/2"]
    assert buffers.streams() == ["b", "a"]
    buffers.add_event(write(9, "/9", 9, stream="c"), _features(9))
    assert buffers.buffer("b") is None
    assert len(buffers) == 2
    assert second.get_events() == []  # its row is another's now
    second.add_event(write(8, "/8", 8), _features(8))
    assert [event.path for event in buffers.buffer("c").get_events()] == ["/9"]


@pytest.mark.parametrize("cut", [0, 1, 100, 333, 400])
def test_many_events_at_once_are_kept_as_one_by_one(cut):
    events = mixed(400)
    single, many = StreamBuffers(8), StreamBuffers(8)
    features = np.arange(len(events) * 30, dtype=np.float32).reshape(-1, 30)
    for event, row in zip(events, features, strict=True):
        single.add_event(event, row, 0.25)
    keys = from_events(events).stream
    frame = frame_of(events)
    for a, b in ((0, cut), (cut, len(events))):
        if a == b:
            continue
        rows, fresh = many.table.seat(keys[a:b])
        many.clear(rows[fresh], [events[a + i].stream for i in fresh.tolist()])
        ready = many.prepare(rows, frame[a:b])
        many.extend(ready, features[a:b], np.full(b - a, 0.25), _none(b - a))
    assert many.streams() == single.streams()
    for stream in single.streams():
        one, other = single.buffer(stream), many.buffer(stream)
        assert np.array_equal(one.get_sequence(), other.get_sequence())
        assert str(one.get_events()) == str(other.get_events())  # NaN is not equal to itself
        assert one.metrics().n_total == other.metrics().n_total


def test_far_too_long_texts_are_cut_in_blocks_too():
    buffers = StreamBuffers(2)
    events = [write(0, "/" + "x" * 5_000, 0)]
    rows, fresh = buffers.table.seat(from_events(events).stream)
    buffers.clear(rows[fresh], ["web01"])
    ready = buffers.prepare(rows, frame_of(events))
    buffers.extend(ready, np.zeros((1, 30), np.float32), np.zeros(1), _none(1))
    assert len(buffers.buffer("web01").get_events()[0].path) == 1_000
