from itertools import pairwise

import numpy as np
import pytest

from soc_copilot.detection.host.activity import HostEvent, Operation, from_events
from soc_copilot.detection.host.deeds import Deed, DeedLedger
from soc_copilot.detection.host.features import Feature
from soc_copilot.detection.host.tracking import Tracker
from tests.unit.detection.host.making import BEGAN_S, attack, write


def _deeds(events, cuts=()):
    tracker, ledger = Tracker(4, 1_024), DeedLedger(4)
    kinds, weights, places = [], [], []
    bounds = [0, *cuts, len(events)]
    for a, b in pairwise(bounds):
        columns = from_events(events[a:b])
        rows = tracker.slots_of(columns.stream)
        found = ledger.advance(tracker.advance(columns, rows), rows)
        kinds += [Deed(int(kind)) for kind in found.kinds]
        weights += found.weights.tolist()
        places += found.places.tolist()
    return kinds, weights, places


def test_each_file_overwritten_is_a_deed_of_its_own_however_counters_fade():
    kinds, weights, _ = _deeds(attack(20, step_s=7.0))
    assert kinds == [Deed.OVERWRITTEN] * 20
    assert min(weights) > 0.1


def test_the_same_file_counts_once():
    events = [write(i, "/srv/a.txt", i, entropy=7.95, before=4.6) for i in range(4)]
    kinds, weights, _ = _deeds(events)
    assert kinds == [Deed.OVERWRITTEN, Deed.NONE, Deed.NONE, Deed.NONE]
    assert weights[1:] == [0, 0, 0]


def test_deleting_and_renaming_are_told_apart():
    def event(number, operation, path, target=""):
        return HostEvent(str(number), BEGAN_S + number, operation, path, target, 50.0)

    kinds, weights, _ = _deeds(
        [
            event(0, Operation.RENAME, "/srv/a.txt", "/srv/a.txt.qqx"),
            event(1, Operation.DELETE, "/srv/b.txt"),
            event(2, Operation.ATTRIBUTES, "/srv/c.txt"),
        ]
    )
    assert kinds == [Deed.RENAMED, Deed.DELETED, Deed.NONE]
    assert weights == pytest.approx([1, 1, 0], abs=0.01)


def test_deeds_in_sensitive_places_are_counted_and_fade():
    def gone(number, path, at_s):
        return HostEvent(str(number), BEGAN_S + at_s, Operation.DELETE, path)

    _, _, places = _deeds(
        [gone(0, "/var/log/auth.log", 0), gone(1, "/backup/b.txt", 0), gone(2, "/srv/x", 120)]
    )
    assert places == pytest.approx([1, 2, 2 / np.e], rel=1e-3)


def test_batches_make_no_difference():
    events = attack(25)
    assert _deeds(events) == _deeds(events, (1, 2, 9, 20))


def test_streams_are_counted_apart_forgotten_and_kept():
    rows = np.zeros((2, 30), np.float32)
    rows[:, Feature.OVERWRITTEN] = np.log1p([1, 2])
    ledger, streams = DeedLedger(3), np.array([0, 2])
    assert ledger.advance(rows, streams).weights.tolist() == pytest.approx([1, 2])
    again = DeedLedger(3)
    again.load(ledger.save(streams), streams)
    assert again.advance(rows, streams).kinds.tolist() == [Deed.NONE, Deed.NONE]
    ledger.clear(np.array([2]))
    assert ledger.advance(rows, streams).kinds.tolist() == [Deed.NONE, Deed.OVERWRITTEN]
