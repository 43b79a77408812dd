import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.host.activity import HostEvent, Operation, from_events
from soc_copilot.detection.host.features import FEATURES, Feature
from soc_copilot.detection.host.tracking import Tracker
from soc_copilot.domain.errors import DetectorError

numbers = st.one_of(st.just(float("nan")), st.floats(0, 1e6))
paths = st.sampled_from(
    [f"{d}/f{n}{x}" for d in "ab" for n in range(3) for x in ("", ".txt", ".q")]
)
events = st.builds(
    HostEvent,
    event_id=st.just(""),
    timestamp=st.floats(0, 1e4),
    operation=st.sampled_from(Operation),
    path=paths,
    target=paths,
    size=numbers,
    previous_size=numbers,
    entropy=st.one_of(st.just(float("nan")), st.floats(0, 8)),
    previous_entropy=st.one_of(st.just(float("nan")), st.floats(0, 8)),
    is_folder=st.booleans(),
    stream=st.sampled_from(["", "x", "y"]),
    user=st.sampled_from(["", "u"]),
)


def tracker():
    return Tracker(8, 1 << 10)


@given(st.lists(events, max_size=60), st.lists(st.integers(0, 60), max_size=4), st.integers(0, 60))
def test_batches_and_restarts_change_nothing(found, cuts, restart):
    whole = tracker().advance(from_events(found))
    one, at = tracker(), 0
    parts = []
    for end in sorted({*cuts, restart, len(found)}):
        parts.append(one.advance(from_events(found[at:end])))
        at = max(at, min(end, len(found)))
        if end == restart:
            saved = one.save()
            one = tracker()
            one.load(saved)
    np.testing.assert_array_equal(np.concatenate(parts)[: len(found)], whole)


@given(st.lists(events, max_size=60))
def test_features_stay_in_their_ranges(found):
    features = tracker().advance(from_events(found))
    assert np.isfinite(features).all()
    for column, feature in zip(features.T, FEATURES, strict=True):
        assert not len(column) or column.min() >= feature.low - 1e-6, feature
        assert not len(column) or column.max() <= feature.high + 1e-6, feature


@given(st.lists(events, max_size=40))
def test_streams_do_not_touch_each_other(found):
    features = tracker().advance(from_events(found))
    for name in ("", "x", "y"):
        rows = [n for n, event in enumerate(found) if event.stream == name]
        alone = tracker().advance(from_events([found[n] for n in rows]))
        np.testing.assert_array_equal(alone, features[rows])


def test_counters_fade_with_time():
    def write(n, at):
        return HostEvent("", at, Operation.WRITE, f"f{n}.txt", size=5_000.0, entropy=7.95)

    rows = tracker().advance(from_events([write(0, 0.0), write(1, 60.0), write(2, 100_000.0)]))
    harmed = np.expm1(rows[:, Feature.OVERWRITTEN])
    assert harmed == pytest.approx([1.0, 1.0 + np.exp(-0.5), 1.0], rel=1e-4)


def test_a_clock_that_goes_back_a_little_stands_and_a_set_clock_starts_anew():
    def create(at):
        return HostEvent("", at, Operation.CREATE, "a")

    rows = tracker().advance(
        from_events([create(10_000.0), create(9_999.0), create(5.0), create(6.0)])
    )
    assert rows[:, Feature.PAUSE].tolist()[:3] == [0.0, 0.0, 0.0]
    assert rows[3, Feature.PAUSE] == pytest.approx(0.5, abs=0.01)


def test_streams_that_are_idle_make_room():
    one = Tracker(3, 64)
    for n in range(10):
        one.advance(from_events([HostEvent("", float(n), Operation.CREATE, "a", stream=str(n))]))
    assert one.n_streams == 3
    assert one.n_put_away == 7


def test_a_state_of_other_tables_or_a_damaged_one_is_refused():
    saved = tracker().save()
    with pytest.raises(DetectorError, match="sizes"):
        Tracker(4, 1 << 10).load(saved)
    del saved["files.size"]
    with pytest.raises(DetectorError, match="damaged"):
        tracker().load(saved)
