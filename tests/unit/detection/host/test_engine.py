import gc
import math
import threading
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.host import saved
from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.detection.host.blocks import frame_of
from soc_copilot.detection.host.engine import StreamingInferenceEngine
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.host.making import BEGAN_S, TOLERANCE, attack, mixed, model, write


def _engine(**more):
    return StreamingInferenceEngine(
        model(),
        **{"device": "cpu", "n_streams": 16, "n_files": 1_024, "is_warmed": False, **more},
    )


def test_events_become_predictions():
    engine = _engine()
    found = [engine.process_event(event) for event in attack(12)]
    assert [p.event_id for p in found] == [f"ea{i}" for i in range(12)]
    assert not found[0].is_threat
    assert found[-1].is_threat
    assert found[-1].threat_score >= engine.threshold
    assert 0 < found[-1].latency_ms < 10_000
    assert "file" in found[-1].reasons[0]


def test_batches_of_events_and_frames_say_the_same():
    events = mixed(90)
    one, other, singly = _engine(), _engine(), _engine()
    found = one.process_batch(events)
    assert np.array_equal(found.scores.score, other.process_batch(frame_of(events)).scores.score)
    singles = [singly.process_event(event).threat_score for event in events]
    assert np.allclose(singles, found.scores.score, rtol=0, atol=TOLERANCE)


CALLS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["one", "events", "frame"]), st.booleans()),
    max_size=6,
)


def _in_calls(calls, events, **more):
    """Scores of the events in calls of these sizes and kinds, restarted after some of them."""
    engine, found, at = _engine(**more), [], 0
    for size, kind, restarts in [*calls, (len(events), "events", False)]:
        part = events[at : at + size]
        at += size
        if kind == "one":
            found += [engine.process_event(event).threat_score for event in part]
        else:
            given_ = frame_of(part) if kind == "frame" else part
            found += engine.process_batch(given_).scores.score.tolist()
        if restarts:
            state, engine = engine.save(), _engine(**more)
            assert engine.restore(state).is_warm
    return found


@settings(max_examples=20)
@given(CALLS, st.integers(0, 5))
def test_neither_calls_nor_restarts_change_a_score(calls, seed):
    events = mixed(88, seed=seed)
    wanted = _engine().process_batch(events).scores.score
    assert np.allclose(_in_calls(calls, events), wanted, rtol=0, atol=TOLERANCE)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@settings(max_examples=20)
@given(CALLS, st.integers(0, 5))
def test_nor_does_a_gpu(calls, seed):
    events = mixed(88, seed=seed)
    wanted = _engine().process_batch(events).scores.score
    found = _in_calls(calls, events, device="cuda")
    assert np.allclose(found, wanted, rtol=0, atol=saved.TOLERANCE)


def test_warming_up_leaves_no_trace():
    events = mixed(60)
    warm = _engine(is_warmed=True)
    assert warm.get_performance_stats().count == 0
    assert len(warm.windows) == 0
    found = warm.process_batch(events).scores.score
    assert np.array_equal(found, _engine().process_batch(events).scores.score)


def test_performance_is_told():
    engine = _engine()
    assert engine.get_performance_stats().p99_ms == 0
    for event in attack(10):
        engine.process_event(event)
    engine.process_batch(attack(40, began_s=5))
    engine.process_batch([])
    found = engine.get_performance_stats()
    assert (found.count, found.n_calls, found.n_streams) == (50, 11, 1)
    assert 0 < found.p50_ms <= found.p95_ms <= found.p99_ms
    assert found.mean_ms > 0
    assert found.events_per_s > 0
    assert found.to_json()["count"] == 50


def test_the_window_of_a_stream_is_kept():
    engine = _engine()
    for event in attack(70):
        engine.process_event(event)
    buffer = engine.buffer("web01")
    assert buffer.is_ready(64)
    assert buffer.get_sequence().shape == (64, 30)
    assert buffer.get_events(1)[0].event_id == "ea69"
    assert engine.buffer("unknown") is None


def test_a_stream_is_explained():
    engine = _engine()
    engine.process_batch(attack(12))
    found = engine.explain("web01")
    assert found.reasons[0].feature == "overwritten"
    assert found.events[0].event.path.startswith("/srv/docs/")
    with pytest.raises(DetectorError, match='Nothing is known of a stream "other"'):
        engine.explain("other")


def test_engines_do_not_disturb_each_other():
    one, other = _engine(), _engine(threshold=0.99)
    events, noise = mixed(60), mixed(60, seed=9)
    wanted = _engine().process_batch(events).scores.score
    found = []
    for a in range(0, len(events), 5):
        found.append(one.process_batch(events[a : a + 5]).scores.score)
        other.process_batch(noise[a : a + 5])
    assert np.array_equal(np.concatenate(found), wanted)
    assert one.threshold != other.threshold


def test_many_threads_may_use_one_engine_and_their_own():
    shared, results, errors = _engine(), {}, []

    def run(name):
        try:
            own = _engine()
            events = attack(40, stream=name)
            mine = [own.process_event(event).threat_score for event in events]
            ours = [shared.process_event(event).threat_score for event in events]
            results[name] = np.abs(np.array(mine) - np.array(ours)).max()
        except Exception as error:  # noqa: BLE001 - asserted below, in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(f"s{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert max(results.values()) <= TOLERANCE
    assert shared.get_performance_stats().count == 160


def test_a_restart_goes_on_and_says_so():
    events = mixed(80)
    wanted = _engine().process_batch(events).scores.score
    first, second = _engine(), _engine()
    first.process_batch(events[:50])
    restored = second.restore(first.save())
    assert restored.is_warm
    assert "3 streams" in restored.note
    assert np.array_equal(second.process_batch(events[50:]).scores.score, wanted[50:])


def test_a_cold_start_says_so():
    engine = _engine()
    engine.process_batch(attack(5))
    restored = engine.restore(None)
    assert (restored.is_warm, len(engine.windows)) == (False, 0)
    assert "starts cold" in restored.note
    with pytest.raises(DetectorError, match="damaged"):
        engine.restore(b"\0" * 50)


@pytest.mark.slow
def test_a_million_streams_would_take_no_more_memory():
    engine = _engine(n_streams=64)

    def flood(first, n=500):
        engine.process_batch([write(i, "/a", i, stream=f"s{i}") for i in range(first, first + n)])
        for i in range(first + n, first + n + 50):
            engine.process_event(write(i, "/a", i, stream=f"s{i}"))

    for i in range(3):
        flood(10_000 * i)
    tracemalloc.start()
    try:
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for i in range(3, 8):
            flood(10_000 * i)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    found = engine.get_performance_stats()
    assert found.n_streams <= 64
    assert found.n_put_away >= 8 * 550 - 64
    assert after - before < 500_000
    assert len(engine.save()) < 200_000


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"timestamp": math.nan}, "has no time"),
        ({"timestamp": math.inf}, "has no time"),
        ({"operation": 9}, "unknown operation"),
        ({"path": None}, "HostEvent"),
        ({"timestamp": "noon"}, "HostEvent"),
    ],
)
def test_bad_events_are_refused_and_change_nothing(more, words):
    engine, event = _engine(), attack(1)[0]
    with pytest.raises(DetectorError, match=words):
        engine.process_event(replace(event, **more))
    with pytest.raises(DetectorError, match=words):
        engine.process_batch([event, replace(event, **more)])
    assert engine.get_performance_stats().count == 0
    assert len(engine.windows) == 0


@pytest.mark.parametrize(
    "more",
    [
        {"size": math.inf}, {"size": -5.0}, {"entropy": 99.0}, {"entropy": math.nan}, {"path": ""},
        {"timestamp": -1e300}, {"timestamp": 1e300}, {"operation": Operation.OTHER},
        {"path": "\0\n\udc80" * 50}, {"stream": ""},
    ],
)  # fmt: skip
def test_odd_events_get_a_score(more):
    engine = _engine()
    events = [replace(event, **more) for event in attack(3)]
    singles = [engine.process_event(event).threat_score for event in events]
    many = _engine().process_batch(events)
    assert np.isfinite(singles).all()
    assert np.allclose(singles, many.scores.score, rtol=0, atol=TOLERANCE)


def test_late_events_and_clock_jumps_get_scores_and_harm_stays_seen():
    engine = _engine()
    events = attack(20)
    times = np.random.default_rng(0).permutation(20) * 0.1
    late = [replace(e, timestamp=BEGAN_S + t) for e, t in zip(events, times, strict=True)]
    assert engine.process_batch(late)[-1].is_threat
    back = engine.process_event(replace(attack(1)[0], timestamp=BEGAN_S - 1e7))
    ahead = engine.process_event(replace(attack(1)[0], timestamp=BEGAN_S + 1e7))
    assert np.isfinite([back.threat_score, ahead.threat_score]).all()


def test_an_event_needs_little_more_than_a_path():
    found = _engine().process_event(HostEvent("e", 3.0, Operation.WRITE, "a.txt"))
    assert 0 < found.threat_score < 1
    assert not found.is_threat


def test_a_missing_model_is_told(tmp_path):
    with pytest.raises(DetectorError, match="Cannot read the model file"):
        StreamingInferenceEngine(tmp_path / "none")


def test_an_unknown_device_is_told():
    with pytest.raises(DetectorError, match="tpu"):
        StreamingInferenceEngine(model(), device="tpu")
