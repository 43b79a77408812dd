from importlib.metadata import EntryPoint

from soc_copilot.phishing.loading import GROUP, load_parts
from tests.unit.phishing.parts import FakePart


def broken() -> FakePart:
    raise OSError("No such file.")


def other() -> str:
    return "no part"


def point(name: str, what: str) -> EntryPoint:
    return EntryPoint(name, f"tests.unit.phishing.{what}", GROUP)


def test_what_loads_is_there_and_what_does_not_is_told() -> None:
    found = load_parts(
        [
            point("b", "parts:FakePart"),
            point("a", "test_loading:broken"),
            point("c", "test_loading:other"),
            point("d", "no_such_module:create"),
        ]
    )
    assert [part.name for part in found.parts] == ["fake"]
    assert [name for name, _ in found.missing] == ["a", "c", "d"]
    assert "No such file." in found.missing[0][1]
