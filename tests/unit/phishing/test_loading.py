from importlib.metadata import EntryPoint

import pytest

from soc_copilot.detection.phishing.visual.matching import NoBrands
from soc_copilot.domain.phishing import ContentType
from soc_copilot.phishing.lane import BatchAnalyser
from soc_copilot.phishing.loading import GROUP, Loaded, load_parts
from soc_copilot.phishing.reading import read_content
from soc_copilot.service.bench_phishing import made_up
from tests.unit.phishing.parts import FakePart


def broken() -> FakePart:
    raise OSError("No such file.")


def other() -> str:
    return "no part"


class Failing(FakePart):
    def __init__(self) -> None:
        super().__init__("failing")
        self.is_broken = True


def point(name: str, what: str) -> EntryPoint:
    return EntryPoint(name, f"tests.unit.phishing.{what}", GROUP)


def test_what_loads_is_there_and_what_does_not_is_told() -> None:
    found = load_parts(
        [
            point("b", "parts:FakePart"),
            point("a", "test_loading:broken"),
            point("c", "test_loading:other"),
            point("e", "test_loading:Failing"),
            point("d", "no_such_module:create"),
        ]
    )
    (part,) = found.parts
    assert isinstance(part, FakePart)
    assert len(part.seen) == 3  # it scored before anybody waits for it
    assert [name for name, _ in found.missing] == ["a", "c", "d", "e"]
    assert "No such file." in found.missing[0][1]


class Branded(FakePart):
    takes_brands = True

    def __init__(self, brands: object) -> None:
        super().__init__("branded")
        self.brands = brands


def test_protected_brands_are_handed_to_the_part_that_takes_them() -> None:
    registry = NoBrands()
    (part,) = load_parts([point("b", "test_loading:Branded")], brands=registry).parts
    assert isinstance(part, Branded)
    assert part.brands is registry


def test_of_two_with_one_name_the_first_is_used() -> None:
    found = load_parts([point("b", "parts:FakePart"), point("a", "parts:FakePart")])
    assert [part.name for part in found.parts] == ["fake"]
    assert found.missing == (("a", 'ValueError: another part is called "fake", and was first'),)


@pytest.fixture(scope="module")
def ours() -> Loaded:
    return load_parts()


def test_our_own_models_are_there(ours: Loaded) -> None:
    assert {part.name for part in ours.parts} >= {"url", "email", "text", "visual"}
    assert ours.missing == ()


@pytest.mark.parametrize("kind", ["url", "email", "text"])
def test_scores_do_not_depend_on_company(ours: Loaded, kind: ContentType) -> None:
    part = next(part for part in ours.parts if part.name == kind)
    assert isinstance(part, BatchAnalyser)
    contents = [read_content(kind, row["content"].encode()) for row in made_up(kind, 12)]
    together = part.analyse_many(contents)
    alone = [part.analyse(content) for content in contents]
    assert [one.score for one in together] == pytest.approx([one.score for one in alone], abs=1e-5)
    assert [one.reasons for one in together] == [one.reasons for one in alone]
