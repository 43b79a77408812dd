import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.host import detector as detectors
from soc_copilot.detection.host.blocks import frame_of
from soc_copilot.detection.host.detector import (
    FEATURE_NAMES,
    HostScorer,
    HybridThreatDetector,
    OnDevice,
)
from soc_copilot.detection.host.saved import save
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.host.making import TOLERANCE, attack, mixed, model, work


@pytest.fixture(scope="module")
def detector():
    return HybridThreatDetector(model=model(), device="cpu")


def _scorer(detector, **sizes):
    return HostScorer(detector, **{"n_streams": 8, "n_files": 1_024, **sizes})


def _features(*shape, seed=1):
    return np.random.default_rng(seed).uniform(0, 2, (*shape, 30)).astype(np.float32)


def _near(found, wanted):
    for name in ("score", "confidence", "deep", "isolation_forest", "heuristic", "boosted_trees"):
        a, b = getattr(found, name), getattr(wanted, name)
        assert np.allclose(a, b, rtol=0, atol=TOLERANCE), name


# Features


def test_one_stream_may_have_an_axis_of_its_own(detector):
    rows = _features(40)
    one, same = detector.score(rows), detector.score(rows[None])
    assert (one.score.shape, same.score.shape) == ((40,), (1, 40))
    _near(same.reshaped(40), one)
    assert ((one.score > 0) & (one.score < 1)).all()


def test_streams_are_scored_apart(detector):
    rows = _features(5, 20)
    together = detector.score(rows)
    assert together.score.shape == (5, 20)
    for i in range(5):
        _near(detector.score(rows[i]), together.reshaped(100).__class__(
            *(getattr(together, name)[i] for name in together.__slots__)
        ))  # fmt: skip


def test_the_state_is_carried(detector):
    rows = _features(50)
    whole = detector.score(rows)
    hidden, streams = detector.hidden(1), np.zeros(50, np.int64)
    parts = [detector.advance(rows[a : a + 7], streams[a : a + 7], hidden) for a in range(0, 50, 7)]
    assert np.allclose(np.concatenate([p.score for p in parts]), whole.score, rtol=0, atol=1e-5)


def test_scores_are_squeezed_logits(detector):
    rows = _features(3, 9)
    assert np.allclose(
        1 / (1 + np.exp(-detector.raw(rows))), detector.score(rows).score, atol=TOLERANCE
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e30, -1e30])
def test_numbers_that_are_none_give_a_score_all_the_same(detector, value):
    rows = _features(6)
    rows[2] = value
    rows[3, 13] = value
    found = detector.score(rows)
    for name in ("score", "confidence", "deep", "isolation_forest", "heuristic", "boosted_trees"):
        assert np.isfinite(getattr(found, name)).all()
    assert ((found.score >= 0) & (found.score <= 1)).all()


def test_no_event_at_all(detector):
    assert detector.score(np.zeros((0, 30), np.float32)).score.shape == (0,)
    assert detector.score(np.zeros((3, 0, 30), np.float32)).score.shape == (3, 0)


@pytest.mark.parametrize("shape", [(30,), (4, 29), (1, 2, 3, 30)])
def test_other_shapes_are_refused(detector, shape):
    with pytest.raises(DetectorError, match="shape"):
        detector.score(np.zeros(shape, np.float32))


def test_what_is_no_table_is_refused(detector):
    with pytest.raises(DetectorError, match="no table"):
        detector.score([["a"] * 30])


def test_another_number_of_features_or_threshold_is_refused():
    with pytest.raises(DetectorError, match="30 features, not 12"):
        HybridThreatDetector(12, model())
    for threshold in (0.0, 1.5, math.nan):
        with pytest.raises(DetectorError, match="threshold"):
            HybridThreatDetector(model=model(), threshold=threshold)


def test_the_threshold_can_be_chosen(detector):
    rows = _features(60)
    low = HybridThreatDetector(model=model(), device="cpu", threshold=0.01).score(rows)
    assert low.is_threat.sum() > detector.score(rows).is_threat.sum()
    assert np.array_equal(low.is_threat, low.score >= 0.01)
    sure = np.where(low.is_threat, model().fusion.chance(low.score), 1 - low.confidence)
    assert np.allclose(np.where(low.is_threat, low.confidence, sure), sure)


def test_a_model_is_read_from_its_folder(tmp_path):
    save(tmp_path / "host", model(), {})
    rows = _features(5)
    found = HybridThreatDetector(model=tmp_path / "host", device="cpu").score(rows)
    _near(found, HybridThreatDetector(model=model(), device="cpu").score(rows))
    scorer = HostScorer.load(tmp_path / "host", device="cpu")
    assert scorer.process_one(attack(1)[0]).event_id == "ea0"


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(DetectorError, match="Cannot read the model file"):
        HybridThreatDetector(model=tmp_path)


def test_the_torch_form_agrees_with_the_machine_code(detector):
    rows, streams = _features(400), np.random.default_rng(0).integers(0, 9, 400)
    hidden = detector.hidden(9)
    torch_part, values = OnDevice(model().net, "cpu"), torch.zeros(9, 2, 32)
    for a, b in ((0, 150), (150, 151), (151, 151), (151, 400)):
        wanted = detector.logits(rows[a:b], streams[a:b], hidden)
        found = torch_part.logits(rows[a:b], streams[a:b], values)
        assert np.allclose(found, wanted, rtol=0, atol=TOLERANCE)
    assert np.allclose(values.numpy(), hidden.values, rtol=0, atol=TOLERANCE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_agrees_with_the_processor(detector):
    there = HybridThreatDetector(model=model(), device="cuda")
    events = mixed(600)
    here, gpu = _scorer(detector), _scorer(there)
    for a, b in ((0, 1), (1, 300), (300, len(events))):
        _near(gpu.process(events[a:b]).scores, here.process(events[a:b]).scores)
    again = _scorer(there)
    again.restore(gpu.save())
    more = mixed(50, seed=9)
    _near(again.process(more).scores, here.process(more).scores)


# Events


def test_an_attack_is_found_and_work_is_not(detector):
    found = _scorer(detector).process([*work(40, "quiet", seed=11)[:1], *attack(12)])
    assert found[-1].is_threat
    assert found[-1].reasons
    assert found[-1].confidence > 0.5
    assert not found[0].is_threat
    assert found[0].reasons == ()


def test_frames_and_events_give_the_same(detector):
    events = mixed(90)
    by_event = _scorer(detector)
    singles = [by_event.process_one(event) for event in events]
    many = _scorer(detector).process(events)
    frame = _scorer(detector).score_frame(frame_of(events))
    assert [p.event_id for p in singles] == frame["event_id"].to_list()
    assert np.allclose([p.threat_score for p in singles], many.scores.score, rtol=0, atol=1e-6)
    assert np.array_equal(frame["threat_score"].to_numpy(), many.scores.score)
    assert [p.timestamp for p in singles] == frame["timestamp"].to_list()
    assert [list(p.reasons) for p in singles] == frame["reasons"].to_list()


@settings(max_examples=25)
@given(st.lists(st.integers(0, 100), max_size=8), st.integers(0, 5))
def test_any_split_gives_the_same_scores_and_reasons(cuts, seed):
    detector = HybridThreatDetector(model=model(), device="cpu")
    events = mixed(88, seed=seed)
    whole = _scorer(detector).process(events)
    scorer, scores, reasons = _scorer(detector), [], []
    bounds = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    for a, b in pairwise(bounds):
        if b - a == 1:
            one = scorer.process_one(events[a])
            scores.append(one.threat_score)
            reasons.append(list(one.reasons))
        else:
            frame = scorer.score_frame(frame_of(events[a:b]))
            scores += frame["threat_score"].to_list()
            reasons += frame["reasons"].to_list()
    assert np.allclose(scores, whole.scores.score, rtol=0, atol=TOLERANCE)
    assert reasons == whole.to_frame()["reasons"].to_list()


@settings(max_examples=15)
@given(st.integers(0, 5), st.integers(1, 4))
def test_streams_do_not_touch_each_other(seed, n_others):
    detector = HybridThreatDetector(model=model(), device="cpu")
    own = mixed(30, ("mine",), seed)
    others = mixed(60, tuple(f"other{i}" for i in range(n_others)), seed + 50)
    alone = _scorer(detector).process(own)
    both = sorted([*own, *others], key=lambda event: event.timestamp)
    found = _scorer(detector).process(both)
    mine = [i for i, event in enumerate(both) if event.stream == "mine"]
    assert np.allclose(found.scores.score[mine], alone.scores.score, rtol=0, atol=TOLERANCE)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 88), max_size=4), st.integers(0, 5))
def test_restarts_in_mid_stream_change_no_score(stops, seed):
    detector = HybridThreatDetector(model=model(), device="cpu")
    events = mixed(88, seed=seed)
    whole = _scorer(detector).process(events)
    scorer, found = _scorer(detector), []
    for a, b in pairwise([0, *sorted(stops), len(events)]):
        found += scorer.process(events[a:b]).scores.score.tolist()
        state, scorer = scorer.save(), _scorer(detector)
        restored, _ = scorer.restore(state)
        assert restored.is_warm
    assert np.allclose(found, whole.scores.score, rtol=0, atol=TOLERANCE)


def test_a_restart_without_a_state_starts_cold(detector):
    scorer = _scorer(detector)
    first = scorer.process(attack(9)).scores.score
    restored, _ = scorer.restore(None)
    assert not restored.is_warm
    assert "cold" in restored.note
    assert np.array_equal(scorer.process(attack(9)).scores.score, first)


def test_a_damaged_state_changes_nothing(detector):
    events = attack(12)
    scorer, wanted = _scorer(detector), _scorer(detector).process(events)
    scorer.process(events[:6])
    with pytest.raises(DetectorError, match="damaged"):
        scorer.restore(b"nonsense")
    assert np.array_equal(scorer.process(events[6:]).scores.score, wanted.scores.score[6:])


def test_a_bad_event_in_a_batch_changes_nothing(detector):
    events = attack(12)
    bad = type(events[0])("bad", math.nan, events[0].operation, "/a")
    scorer, wanted = _scorer(detector), _scorer(detector).process(events)
    scorer.process(events[:6])
    with pytest.raises(DetectorError, match="has no time"):
        scorer.process([*events[6:], bad])
    assert np.array_equal(scorer.process(events[6:]).scores.score, wanted.scores.score[6:])


def test_two_threads_give_what_one_gives(detector, monkeypatch):
    events = mixed(400)
    wanted = _scorer(detector).process(events)
    monkeypatch.setattr(detectors, "_n_cores", lambda: 2)
    monkeypatch.setattr(detectors, "_CHUNK", 64)
    found = _scorer(detector).process(events)
    assert np.array_equal(found.scores.score, wanted.scores.score)


def test_large_batches_are_worked_off_in_parts(detector, monkeypatch):
    events = mixed(300)
    wanted = _scorer(detector).process(events)
    monkeypatch.setattr(detectors, "PART", 50)
    found = _scorer(detector).process(events)
    assert np.array_equal(found.scores.score, wanted.scores.score)
    assert found.to_frame()["reasons"].to_list() == wanted.to_frame()["reasons"].to_list()


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_more_streams_than_there_is_room_for_score_alike_however_they_come(detector, cut):
    events = mixed(240, tuple(f"s{i}" for i in range(40)))
    whole = _scorer(detector).process(events)
    scorer = _scorer(detector)
    parts = [scorer.process(events[a : a + cut]) for a in range(0, len(events), cut)]
    found = np.concatenate([part.scores.score for part in parts])
    assert np.allclose(found, whole.scores.score, rtol=0, atol=TOLERANCE)
    assert len(scorer.memory.windows) <= 8


def test_nothing_to_score(detector):
    found = _scorer(detector).process([])
    assert len(found) == 0
    assert found.to_frame().height == 0


def test_features_are_named_in_order():
    assert len(FEATURE_NAMES) == 30
    assert FEATURE_NAMES[0] == "write"
