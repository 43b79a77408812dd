from urllib.parse import parse_qsl

import pytest

from soc_copilot.detection.web.normalise import normalise, pack
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training.augment import Placer, value_of, values_of

CARRIERS = [
    Request("GET", "/shop/list", "page=2&sort=up", {"Cookie": "a=1; b=2"}),
    Request("POST", "/api/v1/save", "", {"User-Agent": "Mozilla/5.0"}, '{"x":1}'),
]


@pytest.fixture
def placer() -> Placer:
    return Placer(CARRIERS, ["Mozilla/5.0"], 3)


def test_values_are_decoded() -> None:
    assert value_of("p=1%27+OR%201") == b"1' OR 1"
    assert value_of("lone%20word") == b"lone word"
    assert values_of("a=1&b=%3Cx%3E&c") == [b"1", b"<x>"]


def test_a_moved_value_is_still_there(placer: Placer) -> None:
    value = b"mark'er<9>"
    places = [placer.anywhere(value) for _ in range(400)] + [placer.simple(value)] * 20
    read = normalise(pack([text.encode() for text in places]))
    assert all(b"mark'er<9>" in read.text(i) for i in range(len(places)))
    assert len(set(places)) > 200


def test_a_value_in_two_parameters_is_read_as_one(placer: Placer) -> None:
    places = [placer._repeated(b"1' union select") for _ in range(50)]
    read = normalise(pack([text.encode() for text in places]))
    assert any(b"1',union select" in read.text(i) for i in range(50))
    assert all(text.count("=") == 2 for text in places)
    assert "lone" in placer._repeated(b"lone")


def test_the_same_seed_gives_the_same_places() -> None:
    first, second = (
        [Placer(CARRIERS, ["x"], 5).anywhere(b"v") for _ in range(1)] for _ in range(2)
    )
    assert first == second


def test_names_vary(placer: Placer) -> None:
    names = {parse_qsl(placer.simple(b"v").split("?", 1)[-1])[0][0] for _ in range(200)}
    assert len(names) > 15
