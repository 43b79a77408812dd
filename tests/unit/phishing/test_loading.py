from importlib.metadata import EntryPoint

from soc_copilot.phishing.loading import GROUP, load_parts
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


def test_our_own_models_are_there() -> None:
    found = load_parts()
    assert {part.name for part in found.parts} >= {"url", "email", "text"}
    assert found.missing == ()
