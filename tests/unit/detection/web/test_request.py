import pytest

from soc_copilot.detection.web.request import Request, from_row


def test_a_row_becomes_a_request() -> None:
    row = {"method": "POST", "path": "/a", "query": "b=1", "headers": {"X": "y"}, "body": "z"}
    request = from_row(row)
    assert request == Request("POST", "/a", "b=1", {"X": "y"}, "z")
    assert request.target == "/a?b=1"


def test_missing_and_null_fields_have_defaults() -> None:
    assert from_row({"path": "/a", "body": None, "headers": None}) == Request(path="/a")


@pytest.mark.parametrize("row", [{"path": 1}, {"body": []}, {"headers": "x"}, {"query": {}}])
def test_a_wrong_type_is_named(row: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(row))):
        from_row(row)


def test_header_values_are_read_and_names_are_not() -> None:
    request = Request("GET", "/a", "", {"Host": "h", "User-Agent": "ua", "X-Y": "z"}, "body")
    assert request.texts() == ["/a\n\nbody", "ua", "z"]


def test_each_character_has_its_place() -> None:
    request = Request("POST", "/a", "b=1", {"Host": "h", "X-Y": "z"}, "body")
    main = request.texts()[0]
    places = [request.place(0, main.index(part)) for part in ("/a", "b=1", "body")]
    assert places == ["path", "query", "body"]
    assert request.place(1, 0) == "header X-Y"
    assert Request(path="/a", query="b").place(0, 4) == "query"
