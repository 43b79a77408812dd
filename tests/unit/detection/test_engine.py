import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.engine import (
    FAILURES_TO_OPEN,
    OPEN_S,
    DetectionEngine,
    check_detections,
)
from soc_copilot.detection.protocol import AbsentDetector, DetectorInfo
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections, Finding, Severity
from soc_copilot.domain.streams import MAX_REASONS, MAX_STREAMS, StreamScore
from soc_copilot.domain.web import (
    MAX_COUNTS,
    MAX_REQUESTS,
    MAX_TEXT,
    WebCount,
    WebRequest,
    WebStanding,
)

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


class HandClock:
    """Time that moves only when told to."""

    def __init__(self):
        self.s = 1_000.0

    def now_ns(self):
        return int(self.s * 1e9)

    def monotonic_s(self):
        return self.s


class Counter:
    """A detector whose state is how many events it has seen; it fails when told to."""

    def __init__(self, name="counter", wants=()):
        self.info = DetectorInfo(name, name.title(), "1", 0.5, wants=wants, accelerated=False)
        self.seen = self.pending = 0
        self.fault = None
        self.start_fault = None
        self.calls = 0

    def start(self, device):
        if self.start_fault:
            raise self.start_fault

    def detect(self, batch):
        self.calls += 1
        if isinstance(self.fault, Exception):
            raise self.fault
        if callable(self.fault):
            return self.fault(batch)
        self.pending = self.seen + batch.n_events
        scores = np.zeros(batch.n_events, dtype=np.float32)
        return Detections(self.info.name, scores, state=str(self.pending).encode())

    def commit(self):
        self.seen = self.pending

    def rollback(self):
        self.pending = self.seen

    def restore(self, state):
        try:
            self.seen = self.pending = int(state or b"0")
        except ValueError as error:
            raise DetectorError("The state is no number.") from error

    def close(self):
        pass


def batch(n=3, columns=()):
    return EventBatch(
        1, pl.DataFrame({"event.kind": ["event"] * n, **{c: [""] * n for c in columns}})
    )


@pytest.fixture
def build():
    engines = []

    def make(*detectors, **options):
        engine = DetectionEngine(detectors, **options)
        engines.append(engine)
        engine.start()
        return engine

    yield make
    for engine in engines:
        engine.close()


def finding(**changes):
    fields = {
        "detector": "counter",
        "rule": "r",
        "entity": "e",
        "entity_type": "source.ip",
        "technique": "",
        "title": "t",
        "summary": "s",
        "severity": Severity.LOW,
        "score": 0.6,
        "threshold": 0.5,
        "count": 1,
        "first_seen": DAY,
        "last_seen": DAY,
    }
    return Finding(**{**fields, **changes})


def test_a_failing_detector_stops_no_other(build):
    bad, good = Counter("bad"), Counter("good")
    bad.fault = ValueError("boom")
    engine = build(bad, good)
    answers = engine.detect(batch())
    assert [a.detector for a in answers] == ["bad", "good"]
    assert np.isnan(answers[0].scores).all()
    assert not np.isnan(answers[1].scores).any()
    assert [h.state for h in engine.health()] == ["degraded", "ok"]
    assert "boom" in engine.health()[0].detail


def test_three_failures_open_the_circuit_and_a_probe_closes_it(build):
    clock, detector = HandClock(), Counter()
    engine = build(detector, clock=clock)
    detector.fault = DetectorError("No model.")
    for _ in range(FAILURES_TO_OPEN + 2):
        engine.detect(batch())
        engine.rollback()
    assert detector.calls == FAILURES_TO_OPEN
    health = engine.health()[0]
    assert health.state == "open"
    assert health.retry_in_s == OPEN_S
    assert "No model" in health.detail
    assert "30 s" in health.detail
    clock.s += OPEN_S
    engine.detect(batch())  # the probe fails: open again at once
    assert detector.calls == FAILURES_TO_OPEN + 1
    assert engine.health()[0].retry_in_s == OPEN_S
    clock.s += OPEN_S
    detector.fault = None
    engine.detect(batch())
    assert engine.health()[0].state == "ok"
    assert engine.health()[0].n_failures == FAILURES_TO_OPEN + 1


def test_a_failed_batch_leaves_the_stored_state(build):
    detector = Counter()
    engine = build(detector)
    engine.detect(batch(3))
    engine.commit()
    detector.fault = RuntimeError("half-way")
    engine.detect(batch(3))
    engine.commit()
    detector.fault, detector.seen = None, 99
    assert engine.detect(batch(2))[0].state == b"5"


def test_rollback_forgets_and_commit_keeps(build):
    engine = build(Counter())
    engine.detect(batch(3))
    engine.rollback()
    assert engine.detect(batch(3))[0].state == b"3"
    engine.commit()
    assert engine.detect(batch(1))[0].state == b"4"


def test_a_stored_state_is_taken_up(build):
    engine = build(Counter())
    engine.restore({"counter": b"40"})
    assert engine.detect(batch(2))[0].state == b"42"


def test_a_corrupt_state_starts_afresh_with_a_note(build):
    engine = build(Counter())
    engine.restore({"counter": b"\x00garbage"})
    assert engine.detect(batch(2))[0].state == b"2"
    health = engine.health()[0]
    assert health.state == "degraded"
    assert "started afresh" in health.detail


def test_a_detector_that_cannot_start_is_open_and_tried_again(build):
    clock, detector, good = HandClock(), Counter("late"), Counter("good")
    detector.start_fault = DetectorError("The model is missing.")
    engine = build(detector, good, clock=clock)
    assert engine.health()[0].state == "open"
    assert engine.health()[0].detail.startswith("The model is missing.")
    detector.start_fault = None
    engine.detect(batch())
    assert detector.calls == 0
    clock.s += OPEN_S
    engine.detect(batch())
    assert detector.calls == 1
    assert engine.health()[0].state == "ok"


def test_a_hanging_detector_is_left_behind_and_comes_back(build):
    clock, gate, hung, good = HandClock(), threading.Event(), Counter("hung"), Counter("good")

    def hang(events):
        gate.wait(30)
        return Detections("hung", np.zeros(events.n_events, dtype=np.float32))

    hung.fault = hang
    engine = build(hung, good, clock=clock, detect_timeout_s=1.0)
    answers = engine.detect(batch())
    assert np.isnan(answers[0].scores).all()
    assert answers[1].state == b"3"
    assert engine.health()[0].state == "open"
    assert "did not finish" in engine.health()[0].detail
    clock.s += OPEN_S
    engine.detect(batch())  # still busy
    assert "still busy" in engine.health()[0].detail
    gate.set()
    engine._slots[0].lane._last.done.wait(60)
    hung.fault = None
    clock.s += OPEN_S
    assert engine.detect(batch(3))[0].state == b"3"
    assert engine.health()[0].state == "ok"


def test_without_its_columns_a_detector_is_not_called(build):
    detector = Counter(wants=("url.path",))
    engine = build(detector)
    assert np.isnan(engine.detect(batch())[0].scores).all()
    assert detector.calls == 0
    assert engine.health()[0].state == "ok"
    engine.detect(batch(columns=("url.path",)))
    assert detector.calls == 1


def test_a_disabled_detector_says_so_and_gives_no_answer(build):
    engine = build(AbsentDetector("off", "Off", "Switched off.", disabled=True))
    assert engine.detect(batch()) == []
    assert engine.health()[0].state == "disabled"


def test_time_per_batch_is_measured(build):
    engine = build(Counter())
    for _ in range(3):
        engine.detect(batch())
        engine.commit()
    health = engine.health()[0]
    assert health.n_batches == 3
    assert health.mean_ms > 0
    assert health.mean_ms <= health.p95_ms * 3


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Detections("counter", np.zeros(3)),
        Detections("counter", np.zeros(2, dtype=np.float32)),
        Detections("counter", np.full(3, 1.5, dtype=np.float32)),
        Detections("other", np.zeros(3, dtype=np.float32)),
        Detections("counter", np.zeros(3, dtype=np.float32), state="text"),
        Detections("counter", np.zeros(3, dtype=np.float32), (finding(count=0),)),
        Detections("counter", np.zeros(3, dtype=np.float32), (finding(score=float("nan")),)),
        Detections("counter", np.zeros(3, dtype=np.float32), (finding(detector="x"),)),
        Detections(
            "counter",
            np.zeros(3, dtype=np.float32),
            (finding(last_seen=DAY + timedelta(days=1)),),
        ),
    ],
)
def test_an_answer_that_breaks_the_contract_is_refused(answer):
    with pytest.raises(DetectorError):
        check_detections(answer, "counter", 3)


def judged(**values):
    given = {
        "detector": "counter", "stream": "1/web", "source_id": 1, "entity": "", "at": DAY,
        "score": 0.9, "threshold": 0.5, "n_events": 2, "reasons": ("Files were lost.",),
    }  # fmt: skip
    return StreamScore(**(given | values))


@pytest.mark.parametrize(
    "streams",
    [
        (judged(),) * (MAX_STREAMS + 1),
        (judged(detector="x"),),
        (judged(stream=""),),
        (judged(score=float("nan")),),
        (judged(score=1.5),),
        (judged(reasons=("a",) * (MAX_REASONS + 1)),),
        (judged(at=datetime(2026, 3, 1)),),  # noqa: DTZ001 - on purpose
        ("text",),
    ],
)
def test_streams_that_no_screen_could_show_are_refused(streams):
    answer = Detections("counter", np.zeros(3, dtype=np.float32), streams=streams)
    with pytest.raises(DetectorError):
        check_detections(answer, "counter", 3)


def test_streams_that_keep_the_contract_pass():
    answer = Detections("counter", np.zeros(3, np.float32), streams=(judged(),) * MAX_STREAMS)
    assert check_detections(answer, "counter", 3) is answer


def requested(at=DAY, text="/"):
    return WebRequest(at, 1, "", "GET", "/", 200, 0.9, "sqli", "SQL injection", "T1190", "", text)


@pytest.mark.parametrize(
    "web",
    [
        "text",
        WebStanding(9, 9, targets=(WebCount("/", 1, "sqli"),) * (MAX_COUNTS + 1)),
        WebStanding(9, 9, requests=(requested(),) * (MAX_REQUESTS + 1)),
        WebStanding(9, 9, requests=(requested(text="x" * (MAX_TEXT + 3)),)),
        WebStanding(9, 9, requests=(requested(at=datetime(2026, 3, 1)),)),  # noqa: DTZ001 - on purpose
    ],
)
def test_web_requests_that_no_screen_could_show_are_refused(web):
    answer = Detections("counter", np.zeros(3, dtype=np.float32), web=web)
    with pytest.raises(DetectorError):
        check_detections(answer, "counter", 3)


def test_web_requests_that_keep_the_contract_pass():
    web = WebStanding(9, 9, requests=(requested(),) * MAX_REQUESTS)
    answer = Detections("counter", np.zeros(3, np.float32), web=web)
    assert check_detections(answer, "counter", 3) is answer


def test_an_answer_that_keeps_the_contract_passes_with_nan_for_no_opinion():
    scores = np.array([np.nan, 0, 1], dtype=np.float32)
    answer = Detections("counter", scores, (finding(),), b"x")
    assert check_detections(answer, "counter", 3) is answer


def test_closing_ends_the_threads():
    before = threading.active_count()
    engine = DetectionEngine([Counter()])
    engine.start()
    engine.detect(batch())
    assert threading.active_count() == before + 1
    engine.close()
    assert threading.active_count() == before
