from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.engine import check_detections
from soc_copilot.detection.host.activity import Operation
from soc_copilot.detection.host.blocks import checked
from soc_copilot.detection.host.detector import HostScorer, HybridThreatDetector
from soc_copilot.detection.host.reading import from_batch
from soc_copilot.detection.host.saved import save
from soc_copilot.detection.host.standings import Standings
from soc_copilot.detection.host.watcher import HostWatcher
from soc_copilot.domain.findings import Detections
from soc_copilot.domain.streams import MAX_EVENTS, MAX_STREAMS, MAX_TEXT
from tests.unit.detection.host.batches import ACTIONS, batch, other, parts
from tests.unit.detection.host.making import BEGAN_S, attack, mixed, model, work, write

DETECTOR = HybridThreatDetector(model=model(), device="cpu")


def stand(one, scorer=None, trees=()):
    """How streams stand after a batch, as the engine takes it; and the scores of its events."""
    scorer = scorer or HostScorer(DETECTOR, n_streams=256, n_files=4_096)
    frame, places = from_batch(one.frame)
    standings, scores, at = Standings(one, DETECTOR.threshold), [], 0
    for block in scorer.blocks(checked(frame)):
        own = places.to_numpy()[at : at + len(block.rows)]
        standings.add(own, block, dict(trees))
        at += len(own)
        scores += block.scores.score.tolist()
    told = standings.told()
    answer = Detections("host", np.zeros(one.n_events, np.float32), streams=told)
    assert check_detections(answer, "host", one.n_events) is answer
    return told, scores


def files(events):
    """Those that the parsers know an action for."""
    return [event for event in events if event.operation in ACTIONS]


def test_a_stream_is_told_by_its_highest_moment():
    events = attack(30) + files(work(40, "web02"))
    told, scores = stand(batch(events))
    assert [judged.stream for judged in told] == ["1/web01", "1/web02/ann"]
    first = told[0]
    highest = int(np.argmax(scores[:30]))
    assert first.score == pytest.approx(max(scores[:30]))
    assert first.at.timestamp() == pytest.approx(events[highest].timestamp)
    assert (first.source_id, first.entity, first.n_events) == (1, "web01", 30)
    assert (first.threshold, first.is_threat) == (DETECTOR.threshold, True)
    assert any("unreadable content" in reason for reason in first.reasons)
    assert {part.name for part in first.components} == {
        "Rule: files lost", "Sequence of events", "Unlike ordinary work", "Like known attacks",
    }  # fmt: skip
    weights = [part.weight for part in first.components]
    assert weights == sorted(weights, reverse=True)


def test_a_stream_that_is_no_threat_has_no_reasons():
    (judged,), _ = stand(batch([write(1, "/srv/a.txt", 0.0)]))
    assert not judged.is_threat
    assert judged.reasons == ()


def test_the_last_events_are_told_oldest_first_with_the_name_they_have_now():
    events = attack(12)
    moved = replace(events[-1], operation=Operation.RENAME, target="/srv/docs/locked")
    (judged,), scores = stand(batch([*events[:-1], moved]))
    assert len(judged.events) == MAX_EVENTS
    assert [event.path for event in judged.events[:-1]] == [e.path for e in events[4:11]]
    assert (judged.events[-1].path, judged.events[-1].action) == (
        "/srv/docs/locked",
        "file-renamed",
    )
    assert [event.score for event in judged.events] == pytest.approx(scores[-MAX_EVENTS:])
    times = [event.at for event in judged.events]
    assert times == sorted(times)


def test_a_host_without_a_name_is_told_by_its_folder():
    day = int(BEGAN_S // 86_400)
    (judged,), _ = stand(batch(attack(30), has_host=False), trees={f"{day}|1": "/srv/docs"}.items())
    assert (judged.stream, judged.entity) == ("1", "/srv/docs")


def test_of_very_many_streams_the_worst_are_told():
    calm = [write(i, f"/srv/{i}.txt", i / 10, stream=f"host-{i:03d}") for i in range(150)]
    told, _ = stand(batch([*calm, *attack(30, "victim", 20.0)]))
    assert len(told) == MAX_STREAMS
    assert told[0].stream == "1/victim"


def test_a_flood_of_streams_does_not_hide_the_worst():
    """In more blocks than one: each makes room for an eighth of the streams."""
    calm = [write(i, f"/srv/{i}.txt", i / 10, stream=f"host-{i:04d}") for i in range(900)]
    victim = attack(30, "victim", 20.0)
    scorer = HostScorer(DETECTOR, n_streams=256, n_files=4_096)
    told, _ = stand(batch([*victim[:15], *calm[:450], *victim[15:], *calm[450:]]), scorer)
    assert len(told) == MAX_STREAMS
    assert (told[0].stream, told[0].n_events) == ("1/victim", 30)
    scores = [judged.score for judged in told]
    assert scores == sorted(scores, reverse=True)


def test_endless_names_are_cut():
    name = "x" * 5_000
    (judged,), _ = stand(batch([write(1, f"/srv/{name}", 0.0, stream=name)]))
    assert len(judged.stream) == MAX_TEXT
    assert len(judged.entity) == MAX_TEXT
    assert len(judged.events[0].path) == MAX_TEXT


@settings(max_examples=15)
@given(st.integers(1, 70))
def test_blocks_do_not_change_what_is_told(most):
    """A scorer with few seats works a batch off in several blocks."""
    events = batch(files(mixed(60)))
    whole, _ = stand(events)
    scorer = HostScorer(DETECTOR, n_streams=256, n_files=4_096)
    blocks = scorer.blocks

    def in_parts(frame):
        for at in range(0, len(frame), most):
            yield from blocks(frame[at : at + most])

    scorer.blocks = in_parts
    split, _ = stand(events, scorer)
    assert [replace(s, score=0.0, components=(), reasons=(), events=()) for s in split] == [
        replace(s, score=0.0, components=(), reasons=(), events=()) for s in whole
    ]
    for one, entire in zip(split, whole, strict=True):
        assert one.score == pytest.approx(entire.score, abs=1e-5)
        assert [e.path for e in one.events] == [e.path for e in entire.events]
        assert [e.score for e in one.events] == pytest.approx(
            [e.score for e in entire.events], abs=1e-5
        )


def test_the_watcher_tells_how_streams_stand(tmp_path):
    save(tmp_path / "host", model(), {})
    watcher = HostWatcher(folder=tmp_path / "host")
    watcher.start("cpu")
    first, last = (watcher.detect(one) for one in parts(attack(30), [12]))
    assert [judged.stream for judged in (*first.streams, *last.streams)] == ["1/web01"] * 2
    assert last.streams[0].entity == last.findings[0].entity
    assert last.streams[0].is_threat
    assert watcher.detect(other(5)).streams == ()
