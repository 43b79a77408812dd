import zlib

import numpy as np
import pytest

from soc_copilot.detection.host.activity import from_events
from soc_copilot.detection.host.memory import Hidden, StreamMemory, unpack
from soc_copilot.detection.host.model import Shape
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.host.making import attack, mixed


def _memory(n_streams=4, n_files=1_024):
    return StreamMemory(Shape(), "cpu", n_streams, n_files)


def _advance(memory, events):
    columns = from_events(events)
    rows = memory.seat(columns.stream, lambda places: [events[i].stream for i in places.tolist()])
    assert len(rows) == len(events)
    features = memory.tracker.advance(columns, rows)
    memory.hidden.values[rows] += 1.0
    return features, memory.ledger.advance(features, rows)


def test_a_memory_that_was_kept_goes_on_as_if_it_never_stopped():
    events = mixed(60)
    here, stopped = _memory(), _memory()
    _advance(here, events[:40])
    _advance(stopped, events[:40])
    again = _memory()
    restored, more = again.load(stopped.save("m1", {"mine": np.arange(3)}), "m1")
    assert restored.is_warm
    assert "3 streams" in restored.note
    assert more["mine"].tolist() == [0, 1, 2]
    assert again.windows.streams() == here.windows.streams()
    wanted, found = _advance(here, events[40:]), _advance(again, events[40:])
    assert np.array_equal(found[0], wanted[0])
    assert np.array_equal(found[1].weights, wanted[1].weights)
    for memory in (here, again):
        rows = memory.windows.table.by_use()
        memory.kept = memory.hidden.get(rows)
    assert np.array_equal(here.kept, again.kept)


def test_an_empty_memory_can_be_kept():
    restored, _ = _memory().load(_memory().save("m1"), "m1")
    assert restored.is_warm


def test_a_stream_that_takes_anothers_row_starts_with_nothing():
    memory = _memory(n_streams=1)
    _advance(memory, attack(5, "a"))
    features, deeds = _advance(memory, attack(1, "b"))
    alone, alone_deeds = _advance(_memory(1), attack(1, "b"))
    assert np.array_equal(features, alone)
    assert deeds.weights == alone_deeds.weights
    assert memory.hidden.values.max() == 1
    assert memory.windows.streams() == ["b"]


def test_the_memory_of_another_model_is_not_used():
    memory = _memory()
    _advance(memory, attack(5))
    fresh = _memory()
    restored, arrays = fresh.load(memory.save("m1"), "m2")
    assert not restored.is_warm
    assert 'made by the model "m1"' in restored.note
    assert arrays == {}
    assert len(fresh.windows) == 0


def test_damaged_bytes_are_refused():
    memory = _memory()
    _advance(memory, attack(5))
    data = memory.save("m1")
    for wrong in (b"", data[:-9], b"x" + data, zlib.compress(b"{}"), data[:60] + data[70:]):
        with pytest.raises(DetectorError, match="damaged"):
            _memory().load(wrong, "m1")


def test_tables_of_another_size_are_refused():
    memory = _memory()
    _advance(memory, attack(5))
    data = memory.save("m1")
    with pytest.raises(DetectorError, match="4 streams"):
        _memory(n_streams=8).load(data, "m1")
    with pytest.raises(DetectorError, match="sizes"):
        _memory(n_files=2_048).load(data, "m1")


def test_arrays_that_lack_something_are_refused():
    from safetensors.numpy import save

    arrays = unpack(_memory().save("m1"))
    for name in ("about", "keys", "names", "hidden", "deeds.last", "tracker.stream_keys"):
        rest = {key: array for key, array in arrays.items() if key != name}
        with pytest.raises(DetectorError, match="damaged"):
            _memory().load(zlib.compress(save(rest)), "m1")


def test_hidden_states_on_a_torch_device_are_kept_as_on_the_processor():
    import torch

    here, there = Hidden(3, Shape(), "cpu"), Hidden(3, Shape(), "cpu")
    there.values = torch.zeros(3, 2, 32)
    rows = np.array([2, 0])
    values = np.random.default_rng(0).normal(size=(2, 2, 32)).astype(np.float32)
    for hidden in (here, there):
        hidden.put(rows, values)
        assert np.array_equal(hidden.get(rows), values)
        hidden.clear(np.array([2]))
        assert not hidden.get(np.array([2, 1])).any()
        assert hidden.get(np.array([0])).any()
