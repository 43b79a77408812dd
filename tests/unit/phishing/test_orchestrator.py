from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.phishing import Analysis, Content, Link, ParsedEmail
from soc_copilot.phishing.orchestrator import Orchestrator, version_of
from tests.unit.phishing.parts import PATIENCE_S, FakePart, TurnedClock, text, url


@contextmanager
def running(*parts: FakePart, **options: Any) -> Iterator[Orchestrator]:
    found = Orchestrator(parts, **{"timeout_s": PATIENCE_S, **options})
    try:
        yield found
    finally:
        for part in parts:
            part.gate.set()
            part.hang.set()
        found.close()


def test_the_strongest_part_decides() -> None:
    with running(FakePart("a"), FakePart("b")) as pipeline:
        found = pipeline.analyse(url("evil"), "r-1")
        assert (found.prediction, found.request_id, found.degraded) == ("phish", "r-1", False)
        assert found.confidence == pytest.approx(0.9)
        assert [reason.text for reason in found.reasons] == ["a saw it.", "b saw it."]
        assert [part.state for part in found.parts] == ["ok", "ok"]
        assert pipeline.analyse(url("odd"), "r-2").prediction == "suspicious"
        assert pipeline.analyse(url("good"), "r-3").prediction == "benign"


def test_only_what_applies_is_asked() -> None:
    with running(FakePart("a", ("url",)), FakePart("b", ("text",))) as pipeline:
        (one, other) = pipeline.analyse_many([url("evil"), text("good")], ["1", "2"])
        assert isinstance(one, Analysis)
        assert isinstance(other, Analysis)
        assert [part.name for part in one.parts] == ["a"]
        assert [part.name for part in other.parts] == ["b"]
        with pytest.raises(DetectorError, match="No part of the pipeline applies"):
            pipeline.analyse(Content("page", b"<html>", "<html>"), "3")


def test_parts_run_at_once() -> None:
    a, b = FakePart("a"), FakePart("b")
    a.gate = b.entered  # neither ends before the other began
    b.gate = a.entered
    with running(a, b) as pipeline:
        assert not pipeline.analyse(url(), "1").degraded


def test_what_an_email_holds_is_told() -> None:
    link = Link("here", "http://evil.example/", "hxxp[://]evil[.]example/")
    content = Content("email", b"", "evil", ParsedEmail(links=(link,)))
    with running(FakePart()) as pipeline:
        assert pipeline.analyse(content, "1").links == (link,)


def test_a_failed_part_degrades_the_answer_and_says_so() -> None:
    a, b = FakePart("a"), FakePart("b")
    b.is_broken = True
    with running(a, b) as pipeline:
        found = pipeline.analyse(url("evil"), "1")
        assert (found.prediction, found.degraded) == ("phish", True)
        assert found.confidence == pytest.approx(0.45)
        assert found.parts[1].state == "failed"
        assert "as asked for" in found.parts[1].detail
        a.is_broken = True
        with pytest.raises(DetectorError, match="Nothing can be said"):  # never "benign"
            pipeline.analyse(url("good"), "2")


def test_a_breaker_opens_degrades_and_closes_by_itself() -> None:
    clock, told = TurnedClock(), []
    a, b = FakePart("a"), FakePart("b")
    with running(a, b, clock=clock, changed=lambda *c: told.append(c)) as pipeline:
        b.is_broken = True
        for _ in range(3):
            pipeline.analyse(url(), "1")
        n_asked = len(b.seen)
        found = pipeline.analyse(url("evil"), "2")
        assert (found.parts[1].state, found.degraded, found.prediction) == ("open", True, "phish")
        assert len(b.seen) == n_asked  # left alone
        (_, health) = pipeline.health()
        assert (health.state, health.retry_in_s) == ("open", 30)
        b.is_broken = False
        clock.s += 30
        assert not pipeline.analyse(url(), "3").degraded
        assert pipeline.health()[1].state == "ok"
        assert told == [("b", "open"), ("b", "half-open"), ("b", "closed")]


def test_a_breaker_opens_on_a_part_that_hangs_and_closes_when_it_is_back() -> None:
    clock = TurnedClock()
    a, b = FakePart("a", ("text",)), FakePart("b")
    with running(a, b, clock=clock, timeout_s=0.05) as pipeline:
        b.gate.clear()
        states = [pipeline.analyse(text("good"), "1").parts[1].state for _ in range(4)]
        assert states == ["timeout", "timeout", "timeout", "open"]
        b.gate.set()
        clock.s += 30
        found = pipeline._breakers[1]
        while found.state != "closed":  # a busy machine may take longer than the timeout
            pipeline.analyse(text("good"), "2")
            clock.s += 30


def test_what_comes_after_a_content_that_hangs_is_answered() -> None:
    part = FakePart()
    with running(part, timeout_s=0.5) as pipeline:
        found = pipeline.analyse_many([url("good"), url("hang"), url("evil")], ["1", "2", "3"])
        assert isinstance(found[0], Analysis)
        assert isinstance(found[1], DetectorError)
        assert "No answer within" in str(found[1])
        assert isinstance(found[2], Analysis)
        assert found[2].prediction == "phish"


def test_one_content_that_fails_fails_alone() -> None:
    with running(FakePart()) as pipeline:
        found = pipeline.analyse_many([url("good"), url("poison"), url("evil")], ["1", "2", "3"])
        assert [isinstance(outcome, Analysis) for outcome in found] == [True, False, True]
        assert pipeline.health()[0].state == "ok"


def test_a_part_that_is_missing_degrades_every_answer() -> None:
    with running(FakePart(), missing=[("visual", "No file.")]) as pipeline:
        found = pipeline.analyse(url("evil"), "1")
        assert found.degraded
        assert found.confidence == pytest.approx(0.45)
        assert pipeline.health()[1].state == "missing"


def test_a_part_that_cannot_say_whether_it_applies_counts_as_failed() -> None:
    class Odd(FakePart):
        def applies(self, content: Content) -> bool:
            raise ValueError("odd")

    with running(FakePart("a"), Odd("b")) as pipeline:
        assert pipeline.analyse(url("evil"), "1").parts[1].state == "failed"


def test_the_version_changes_with_a_model() -> None:
    part = FakePart()
    before = version_of([part])
    part.version = "2"
    assert version_of([part]) != before


def test_answers_name_the_version_of_now() -> None:
    part = FakePart()
    orchestrator = Orchestrator([part])
    before = orchestrator.version
    assert before == orchestrator.version == orchestrator.analyse(url(), "1").model_version
    part.version = "2"  # as when protected brands were changed
    assert orchestrator.version == orchestrator.analyse(url(), "2").model_version != before
    assert orchestrator.close()
    with pytest.raises(ValueError, match="one name"):
        Orchestrator([part, part])
