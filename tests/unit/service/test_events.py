import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from soc_copilot.detection.host import prediction
from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.service.events import EventScorer, read_events
from soc_copilot.service.openapi import Components
from soc_copilot.service.wire import RefusedError, read_json
from tests.unit.service.parts import PATIENCE_S, Service

EVENT = {"timestamp": 1_700_000_000.5, "operation": "write", "path": "/home/a/b.txt", "size": 10}


def read(value: Any) -> Any:
    return read_events(read_json(json.dumps(value).encode()), 5)


def test_events_are_read() -> None:
    (one,) = read({**EVENT, "stream": "s", "event_id": "e"})
    assert (one.timestamp, one.operation, one.size) == (1_700_000_000.5, Operation.WRITE, 10.0)
    assert (one.stream, one.event_id) == ("s", "e")
    assert [event.event_id for event in read({"events": [EVENT, EVENT]})] == ["0", "1"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "must be"),
        ({"events": []}, "at least one"),
        ({"events": [1]}, r"events\[0\] must be an object"),
        ({"events": [EVENT], "x": 1}, "must be"),
        ({**EVENT, "pth": 1}, '"pth" is not known'),
        ({**EVENT, "path": ""}, '"path" is missing'),
        ({**EVENT, "path": "a" * 5_000}, "4,096"),
        ({**EVENT, "operation": "read"}, "one of create"),
        ({**EVENT, "timestamp": None}, '"timestamp" is missing'),
        ({**EVENT, "timestamp": "now"}, "must be a number"),
        ({**EVENT, "timestamp": 1e300}, "between 0"),
        ({**EVENT, "entropy": 9}, "between 0 and 8"),
        ({**EVENT, "size": -1}, "between 0"),
        ({**EVENT, "is_folder": "yes"}, "true or false"),
        ({**EVENT, "user": "\ud800"}, "surrogate"),
    ],
)
def test_what_is_no_event_is_refused_in_plain_words(value: Any, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as caught:
        read(value)
    assert caught.value.status == 422


def test_too_many_events_are_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        read({"events": [EVENT] * 6})
    assert caught.value.status == 413


def test_until_the_model_is_there_callers_are_told_to_come_again() -> None:
    scorer = EventScorer(1.0)
    with pytest.raises(RefusedError, match="being loaded") as caught:
        asyncio.run(scorer.submit(read(EVENT)))
    assert (caught.value.status, caught.value.retry_after_s) == (503, 1.0)
    assert scorer.info()["state"] == "not ready"
    scorer.close()


def test_what_waits_is_not_scored_once_the_kill_switch_is_engaged() -> None:
    scorer = EventScorer(PATIENCE_S, lambda: "Halted by a test.")
    engine: Any = object()  # would fail on being asked
    scorer._engine = engine
    with pytest.raises(RefusedError, match="Halted by a test") as caught:
        asyncio.run(scorer.submit(read(EVENT)))
    assert (caught.value.status, caught.value.code) == (503, "kill_switch")
    scorer.close()


class MadeUpEngine:
    """Scores each event by its size; asks what was done so far."""

    threshold = 0.5

    def process_batch(self, events: Sequence[HostEvent]) -> list[prediction.ThreatPrediction]:
        parts = prediction.Components(0.1, 0.2, 0.3, 0.4)
        return [
            prediction.ThreatPrediction(
                e.event_id, e.timestamp, e.size, e.size > 0.5, 0.9, 1.0, parts
            )
            for e in events
        ]


def test_what_was_scored_is_observed_before_it_is_answered_and_once() -> None:
    seen: list[tuple[Any, ...]] = []
    scorer = EventScorer(PATIENCE_S, observer=lambda *told: seen.append(told))
    engine: Any = MadeUpEngine()
    scorer._engine, scorer.version = engine, "v7"
    events = read({"events": [{**EVENT, "size": 0.25}, {**EVENT, "size": 0.75}]})
    results = asyncio.run(scorer.submit(events))
    assert seen == [(events, results, "v7", 0.5)]
    scorer.close()


def test_what_is_refused_is_not_observed() -> None:
    seen: list[tuple[Any, ...]] = []
    scorer = EventScorer(PATIENCE_S, lambda: "Halted.", lambda *told: seen.append(told))
    engine: Any = MadeUpEngine()
    scorer._engine = engine
    with pytest.raises(RefusedError, match="Halted"):
        asyncio.run(scorer.submit(read(EVENT)))
    assert seen == []
    scorer.close()


@pytest.mark.slow
def test_events_are_scored_over_http() -> None:
    with Service(host_events="yes", timeout_s=PATIENCE_S) as service:
        events = [
            {"timestamp": 1_700_000_000 + i / 50, "operation": "write", "stream": "pc",
             "path": f"/home/a/doc{i}.docx", "size": 20_000, "entropy": 7.99,
             "previous_entropy": 4.0, "event_id": f"e{i}"}
            for i in range(60)
        ]  # fmt: skip
        status, answer = 503, {}
        while status == 503:
            status, _, answer = service.call("POST", "/predict", {"events": events})
        assert status == 200, answer
        results = answer["results"]
        assert [result["event_id"] for result in results] == [f"e{i}" for i in range(60)]
        assert all(0 <= result["threat_score"] <= 1 for result in results)
        assert results[-1]["threat_score"] > results[0]["threat_score"]
        assert set(results[0]["components"]) == set(Components.model_fields)
        status, _, answer = service.call("POST", "/predict", events[0])
        assert (status, len(answer["results"])) == (200, 1)
        info = service.call("GET", "/model/info")[2]["host"]
        assert (info["state"], info["n_events"]) == ("ready", 61)
