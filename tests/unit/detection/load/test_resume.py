import numpy as np
import pytest

from soc_copilot.detection.load.detector import RealTimeDetector
from soc_copilot.detection.load.injection import Attack, inject
from soc_copilot.detection.load.resume import State, pack, unpack
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.load.making import MONDAY, clean


@pytest.fixture
def state():
    return State({"ring": np.arange(6.0).reshape(2, 3)}, {"n": 7, "size": 0.5})


def test_a_state_comes_back_as_it_was(state):
    found = unpack(pack(state, "load-1"), "load-1")
    assert (found.array("ring", np.zeros((2, 3))) == state.arrays["ring"]).all()
    assert found.whole("n", 0, 9) == 7
    assert found.number("size") == 0.5


@pytest.mark.parametrize(
    ("change", "version", "why"),
    [
        (lambda data: data[:-5], "load-1", "damaged"),
        (lambda data: b"", "load-1", "damaged"),
        (lambda data: b"\x80\x04\x95", "load-1", "damaged"),
        (lambda data: data.replace(b'"format": 3', b'"format": 2'), "load-1", "another version"),
        (lambda data: data, "load-2", "another model"),
        (lambda data: data + bytes(17 * 1024**2), "load-1", "bytes"),
    ],
)
def test_what_is_not_ours_is_told(state, change, version, why):
    with pytest.raises(DetectorError, match=why):
        unpack(change(pack(state, "load-1")), version)


def test_parts_are_checked(state):
    with pytest.raises(DetectorError, match="shape"):
        state.array("ring", np.zeros((3, 2)))
    with pytest.raises(DetectorError, match="shape"):
        state.array("ring", np.zeros((2, 3), np.float32))
    with pytest.raises(DetectorError, match="shape"):
        state.array("nothing", np.zeros(1))
    with pytest.raises(DetectorError, match="whole number"):
        state.whole("n", 8, 9)
    with pytest.raises(DetectorError, match="whole number"):
        state.whole("size", 0, 1)
    with pytest.raises(DetectorError, match="no number"):
        State({}, {"size": float("nan")}).number("size")


@pytest.mark.parametrize("stops", [(1_105, 1_125), (1_001,), (1_150, 1_151, 1_152)])
def test_a_restart_changes_nothing(shared, tmp_path, stops):
    """Within an attack, with a value missing, wild ones before, and when the buffers moved."""
    values, _ = inject(clean(1_200, seed=21), Attack("scaling", 1_100, 40, 0.3))
    values[1_103], values[1_151] = np.nan, 1e9
    whole = RealTimeDetector(shared)
    whole.initialise(values[:1_000], MONDAY)
    parts = RealTimeDetector(shared)
    parts.initialise(values[:1_000], MONDAY)
    for at in range(1_000, 1_200):
        if at in stops:
            parts.save(tmp_path / "state")
            parts = RealTimeDetector.load(shared, tmp_path / "state")
        wanted, found = whole.step(float(values[at])), parts.step(float(values[at]))
        assert repr(found) == repr(wanted)
    assert whole.intervals() == parts.intervals()
    assert whole.engine.drift() == parts.engine.drift()


def test_a_saved_state_is_small_and_does_not_change_with_what_comes(shared):
    detector = RealTimeDetector(shared)
    detector.initialise(clean(600, seed=22), MONDAY)
    kept = detector.to_bytes()
    assert len(kept) < 500_000
    value = 1_000.0
    one = RealTimeDetector.from_bytes(shared, kept).step(value)
    detector.step(5.0)
    assert repr(RealTimeDetector.from_bytes(shared, kept).step(value)) == repr(one)


@pytest.mark.parametrize(
    ("name", "value"), [("at", 10**9), ("at", 3), ("n", -1), ("since", 10**8), ("bar", "x")]
)
def test_a_state_out_of_bounds_is_refused(shared, name, value):
    detector = RealTimeDetector(shared)
    detector.initialise(clean(400, seed=23), MONDAY)
    state = detector.kept()
    data = pack(State(state.arrays, {**state.facts, name: value}), shared.model.version)
    with pytest.raises(DetectorError, match=name):
        RealTimeDetector.from_bytes(shared, data)


def test_nothing_is_kept_of_a_detector_without_history(shared, tmp_path):
    with pytest.raises(DetectorError, match="initialise"):
        RealTimeDetector(shared).to_bytes()
    with pytest.raises(DetectorError, match="cannot be read"):
        RealTimeDetector.load(shared, tmp_path / "none")
