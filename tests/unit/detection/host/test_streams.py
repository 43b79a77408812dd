from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.host.streams import PUT_AWAY, StreamTable
from soc_copilot.domain.errors import DetectorError


def _seat_all(table, keys, cuts=()):
    """Owner of each event's row at that time, however the events are cut into calls."""
    given_out, cleared = [], []
    bounds = [0, *sorted(cuts), len(keys)]
    for a, b in pairwise(bounds):
        while a < b:
            rows, fresh = table.seat(np.array(keys[a:b], np.uint64))
            assert len(rows)
            cleared += [(a + int(place), int(rows[place])) for place in fresh]
            given_out += rows.tolist()
            a += len(rows)
    return given_out, cleared


def test_a_stream_keeps_its_row():
    table = StreamTable(4)
    rows, fresh = table.seat(np.array([7, 9, 7, 8], np.uint64))
    assert rows[0] == rows[2]
    assert len(set(rows.tolist())) == 3
    assert fresh.tolist() == [0, 1, 3]
    assert len(table) == 3
    assert table.find(9) == rows[1]
    assert table.find(10) == -1
    assert table.keys[rows[3]] == 8


def test_the_one_idle_for_longest_makes_room():
    table = StreamTable(3)
    _seat_all(table, [1, 2, 3, 1])
    rows, fresh = table.seat(np.array([4], np.uint64))
    assert fresh.tolist() == [0]
    assert table.find(2) == -1
    assert table.find(4) == rows[0]
    assert [table.keys[row] for row in table.by_use()] == [3, 1, 4]
    assert table.n_put_away == 1


def test_events_are_seated_only_as_far_as_there_is_room():
    table = StreamTable(2)
    rows, _ = table.seat(np.array([1, 2, 1, 3, 1], np.uint64))
    assert len(rows) == 3
    rows, fresh = table.seat(np.array([3, 1], np.uint64))
    assert (len(rows), fresh.tolist()) == (2, [0])
    assert table.find(2) == -1


@given(
    st.integers(1, 20),
    st.lists(st.integers(1, 40), max_size=120),
    st.lists(st.integers(0, 120), max_size=5),
)
def test_who_is_put_away_does_not_depend_on_batches(capacity, keys, cuts):
    whole, parts = StreamTable(capacity), StreamTable(capacity)
    assert _seat_all(whole, keys) == _seat_all(parts, keys, [min(c, len(keys)) for c in cuts])
    assert whole.keys.tolist() == parts.keys.tolist()
    assert whole.by_use().tolist() == parts.by_use().tolist()
    assert len(whole) <= capacity


def test_many_streams_take_no_more_room():
    table = StreamTable(256)
    _seat_all(table, np.random.default_rng(0).integers(1, 1 << 62, 20_000).tolist())
    assert len(table) <= 256
    assert table.n_put_away == 20_000 - len(table)
    assert table.n_put_away % (256 // PUT_AWAY) == 0


def test_a_key_of_zero_is_a_key():
    table = StreamTable(2)
    rows, _ = table.seat(np.array([0, 0], np.uint64))
    assert rows[0] == rows[1]


def test_nothing_to_seat():
    rows, fresh = StreamTable(2).seat(np.array([], np.uint64))
    assert (len(rows), len(fresh)) == (0, 0)


def test_a_table_without_room_is_refused():
    with pytest.raises(DetectorError, match="no room"):
        StreamTable(0)
