"""Batches leave by time or by size, the bound holds, nothing is lost."""

import threading

import numpy as np
import pytest

from soc_copilot.domain.records import Checkpoint, RecordChunk
from soc_copilot.ingestion.buffer import MicroBatchBuffer, Rule


class StillClock:
    def __init__(self):
        self.at = 0.0

    def now_ns(self):
        return int(self.at * 1e9)

    def monotonic_s(self):
        return self.at


def chunk(n, source_id=1, width=1):
    lengths = np.full(n, width + 1, np.int64)
    spot = Checkpoint(source_id, 1, "x", int(lengths.sum()))
    data = (b"x" * width + b"\n") * n
    return RecordChunk(source_id, 1, "x", 0, data, np.cumsum(lengths) - lengths, lengths, 0, spot)


def test_a_batch_leaves_when_it_is_full():
    buffer = MicroBatchBuffer(5.0, 10, clock=StillClock())
    assert buffer.add(chunk(6))
    assert buffer.take(0) is None
    assert buffer.add(chunk(4))
    assert buffer.take(0).n_lines == 10
    assert buffer.size == 0


def test_who_is_behind_takes_more_at_once_up_to_a_bound():
    buffer = MicroBatchBuffer(5.0, 10, clock=StillClock())
    while buffer.offer(chunk(6)):
        pass
    assert buffer.size == 36  # a chunk more would be over twice 20
    assert buffer.take(0).n_lines == 18  # a chunk more would be over 20
    assert buffer.take(0).n_lines == 18
    assert buffer.offer(chunk(6))
    assert buffer.take(0) is None


def test_a_batch_leaves_when_its_oldest_line_waited_long_enough():
    clock = StillClock()
    buffer = MicroBatchBuffer(5.0, 10, clock=clock)
    buffer.add(chunk(1))
    clock.at = 4.9
    assert buffer.take(0) is None
    clock.at = 5.0
    assert buffer.take(0).sequence == 1


def test_a_flush_makes_due_what_waits_and_no_more():
    buffer = MicroBatchBuffer(5.0, 10, clock=StillClock())
    buffer.flush()
    buffer.add(chunk(1))
    assert buffer.take(0) is None
    buffer.flush()
    assert buffer.take(0).n_lines == 1


def test_a_full_buffer_makes_the_writer_wait_and_stop_lets_it_go():
    buffer = MicroBatchBuffer(5.0, 10)
    stop = threading.Event()
    assert buffer.add(chunk(40))
    assert not buffer.offer(chunk(1))
    assert buffer.fill == 1.0
    stop.set()
    assert not buffer.add(chunk(1), stop)
    done = []
    writer = threading.Thread(target=lambda: done.append(buffer.add(chunk(1))))
    writer.start()
    assert buffer.take(1).n_lines == 40
    writer.join(60)
    assert done == [True]


def test_bytes_bound_the_buffer_too():
    buffer = MicroBatchBuffer(5.0, 1000, max_bytes=100, clock=StillClock())
    assert buffer.add(chunk(1, width=500))  # alone it is let in
    assert not buffer.offer(chunk(1))
    assert buffer.take(0).size_bytes == 501
    assert buffer.size_bytes == 0


def test_chunks_without_lines_are_bounded_too():
    buffer = MicroBatchBuffer(5.0, 1000, max_bytes=100_000, clock=StillClock())
    n = 0
    while buffer.offer(chunk(0)):
        n += 1
    assert 50 < n < 200


def test_a_source_with_an_interval_of_its_own_is_due_by_it():
    clock = StillClock()
    buffer = MicroBatchBuffer(5.0, 100, clock=clock)
    buffer.set_rule(2, Rule(0.5, 100))
    buffer.add(chunk(1, source_id=1))
    clock.at = 1.0
    assert buffer.take(0) is None
    buffer.add(chunk(1, source_id=2))
    clock.at = 1.5
    assert buffer.take(0).n_lines == 2  # what waits from others goes along
    buffer.add(chunk(1, source_id=1))
    clock.at = 6.4
    assert buffer.take(0) is None
    clock.at = 6.5
    assert buffer.take(0).n_lines == 1


def test_a_source_with_a_size_of_its_own_is_due_by_it():
    buffer = MicroBatchBuffer(5.0, 10, clock=StillClock())
    buffer.set_rule(1, Rule(5.0, 4))
    buffer.set_rule(2, Rule(5.0, 50))
    assert buffer.offer(chunk(3, source_id=1))
    assert buffer.take(0) is None
    assert buffer.offer(chunk(1, source_id=1))
    assert buffer.take(0).n_lines == 4
    assert buffer.offer(chunk(30, source_id=2))
    assert buffer.take(0) is None
    assert buffer.offer(chunk(25, source_id=2))
    assert buffer.take(0).n_lines == 55
    assert buffer.take(0) is None
    assert buffer.offer(chunk(9, source_id=3))
    assert buffer.take(0) is None
    assert buffer.offer(chunk(1, source_id=3))
    assert buffer.take(0) is not None
    buffer.set_rule(2, None)
    buffer.discard(3)
    assert buffer.offer(chunk(25, source_id=2))
    assert buffer.take(0) is not None


def test_discard_forgets_one_source_only():
    buffer = MicroBatchBuffer(5.0, 100, clock=StillClock())
    assert buffer.offer(chunk(2, source_id=1))
    assert buffer.offer(chunk(3, source_id=2))
    assert buffer.discard(1) == 2
    buffer.close()
    assert buffer.take(0).n_lines == 3
    assert not buffer.offer(chunk(1))
    assert buffer.take(1) is None


def test_nonsense_bounds_are_refused():
    with pytest.raises(ValueError, match="at least one line"):
        MicroBatchBuffer(1.0, 0)
