from collections.abc import Iterator

import pytest

from soc_copilot.domain.errors import DetectorError, ParseError
from soc_copilot.domain.phishing import Analysis, Content, ContentType
from soc_copilot.phishing.cache import MemoryCache
from soc_copilot.phishing.engine import Engine
from soc_copilot.phishing.orchestrator import Orchestrator
from soc_copilot.phishing.tasks import Task
from tests.unit.phishing.parts import FakePart


def read(kind: ContentType, raw: bytes, screenshot: bytes | None) -> Content:
    if raw == b"broken":
        raise ParseError("Broken.")
    if raw == b"fault":
        raise ValueError("our fault")
    return Content(kind, raw, raw.decode(), screenshot=screenshot)


def task(raw: str, number: int = 1, **options: bool) -> Task:
    return Task(f"r-{number}", "url", raw.encode(), **options)


@pytest.fixture
def parts() -> list[FakePart]:
    return [FakePart("a"), FakePart("b")]


@pytest.fixture
def looks() -> list[bool]:
    return []


@pytest.fixture
def engine(parts: list[FakePart], looks: list[bool]) -> Iterator[Engine]:
    found = Engine(Orchestrator(parts), MemoryCache(), read, looks.append)
    yield found
    assert found.close()


def test_an_answer_is_known_the_second_time(engine: Engine, looks: list[bool]) -> None:
    assert engine.known(task("evil")) is None
    (first,) = engine.work([task("evil")])
    assert isinstance(first, Analysis)
    assert not first.cached
    again = engine.known(task("evil", 2))
    assert again is not None
    assert (again.request_id, again.cached, again.prediction) == ("r-2", True, "phish")
    assert again.timestamp >= first.timestamp
    assert again.parts == first.parts
    assert engine.known(task("evil", 3, is_forced=True)) is None
    assert engine.known(task("good")) is None
    assert looks == [False, True, False]


def test_results_are_in_order_and_each_fails_alone(engine: Engine) -> None:
    found = engine.work([task(raw) for raw in ("evil", "broken", "fault", "poison", "good")])
    kinds = [type(result) for result in found]
    assert kinds == [Analysis, ParseError, ParseError, DetectorError, Analysis]
    assert isinstance(found[4], Analysis)
    assert found[4].prediction == "benign"


def test_a_degraded_answer_is_not_kept(engine: Engine, parts: list[FakePart]) -> None:
    parts[1].is_broken = True
    (found,) = engine.work([task("evil")])
    assert isinstance(found, Analysis)
    assert found.degraded
    assert engine.known(task("evil")) is None
    parts[1].is_broken = False
    (found,) = engine.work([task("evil")])
    assert isinstance(found, Analysis)
    assert not found.degraded
    assert engine.known(task("evil")) is not None
