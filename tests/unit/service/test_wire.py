import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.service.wire import (
    MAX_HEADERS,
    MAX_PARAMETERS,
    RefusedError,
    is_address,
    read_batch,
    read_check,
    read_json,
)


def check(**row: Any) -> Any:
    return read_check(read_json(json.dumps(row).encode()))


def test_the_documented_request_is_read() -> None:
    found = check(
        method="GET", path="/api/users", query_params={"id": "123"}, headers={}, body=None
    )
    assert found.request.target == "/api/users?id=123"
    assert (found.request.method, found.request.body) == ("GET", "")


def test_values_stay_apart_and_numbers_as_they_were_written() -> None:
    body = b'{"path":"/a","query_params":{"q":"a&b=c d","n":1e5,"t":[true,null,0.10]}}'
    found = read_check(read_json(body))
    assert found.request.query == "q=a%26b%3Dc+d&n=1e5&t=true&t=&t=0.10"


def test_pairs_keep_the_order_and_a_query_comes_first() -> None:
    found = check(path="/a", query="z=1", query_params=[["b", "2"], ["a", ["1", "3"]]])
    assert found.request.query == "z=1&b=2&a=1&a=3"


def test_headers_may_come_several_times() -> None:
    found = check(path="/", headers={"Cookie": ["a=1", "b=2"], "X-N": 5})
    assert found.request.headers == {"Cookie": "a=1, b=2", "X-N": "5"}


def test_what_the_caller_says_of_it_is_kept() -> None:
    found = check(path="/", client_ip="2001:db8::1", id="mine", body="x\0y")
    assert (found.client_ip, found.id, found.request.body) == ("2001:db8::1", "mine", "x\0y")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "no JSON"),
        (b"{", 400, "no JSON"),
        (b'{"path":"/"', 400, "no JSON"),
        (b'{"path":"/"} {}', 400, "More follows"),
        (b"\xff\xfe{\x00", 400, "not UTF-8"),
        (b'\xef\xbb\xbf{"path":"/"}', 400, "no JSON"),
        (b'{"path":NaN}', 400, "NaN"),
        (b"[" * 200_000, 400, "nested too deeply"),
        (b'{"path":' * 100_000, 400, "nested too deeply"),
        (b"null", 422, "must be an object, not null"),
        (b"[]", 422, "not a list"),
        (b"1", 422, "not a number"),
        (b"{}", 422, '"path" is missing'),
        (b'{"path":"/","pth":1}', 422, '"pth" is not known'),
        (b'{"path":"/ok","path":"/evil"}', 422, '"path" stands twice'),
        (b'{"path":"/","headers":{"a":"1","a":"2"}}', 422, '"a" stands twice'),
        (b'{"path":5}', 422, '"path" must be text, not a number'),
        (b'{"path":"/","body":{"a":1}}', 422, '"body" must be text, not an object'),
        (b'{"path":"/","method":"GET /"}', 422, '"method"'),
        (b'{"path":"/","headers":[]}', 422, '"headers" must be an object'),
        (b'{"path":"/","headers":{"a b":"1"}}', 422, "no header can have"),
        (b'{"path":"/","headers":{"a":null}}', 422, '"headers.a" must be text, not null'),
        (b'{"path":"/","query_params":"a=1"}', 422, '"query_params" must be an object'),
        (b'{"path":"/","query_params":[["a"]]}', 422, "a list of [name, value]"),
        (b'{"path":"/","query_params":{"a":{}}}', 422, '"query_params.a" must be text'),
        (b'{"path":"/","query_params":{"\\ud800":"1"}}', 422, "surrogate"),
        (b'{"path":"/\\ud800"}', 422, "surrogate"),
        (b'{"path":"/","client_ip":"localhost"}', 422, "no IP address"),
        (b'{"path":"/","id":"' + b"i" * 129 + b'"}', 422, "128 letters"),
    ],
)
def test_what_is_malformed_is_refused_in_plain_words(body: bytes, status: int, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read_check(read_json(body))
    assert caught.value.status == status
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400


def test_numbers_of_any_length_do_no_harm() -> None:
    huge = "9" * 100_000
    assert check(path="/", query_params={"a": 1}).request.query == "a=1"
    found = read_check(read_json(f'{{"path":"/","query_params":{{"a":{huge}}}}}'.encode()))
    assert found.request.query == f"a={huge}"


def test_counts_are_bounded() -> None:
    with pytest.raises(RefusedError, match="headers"):
        check(path="/", headers={f"x{i}": "" for i in range(MAX_HEADERS + 1)})
    with pytest.raises(RefusedError, match="query_params"):
        check(path="/", query_params={"a": ["1"] * (MAX_PARAMETERS + 1)})


def test_a_batch_names_the_entry_that_is_wrong() -> None:
    rows = [{"path": "/"}, {"path": 1}]
    with pytest.raises(RefusedError, match=r'"requests\[1\]\.path" must be text'):
        read_batch(read_json(json.dumps({"requests": rows}).encode()), 10)
    assert len(read_batch({"requests": [{"path": "/"}] * 3}, 3)) == 3
    with pytest.raises(RefusedError) as caught:
        read_batch({"requests": [{"path": "/"}] * 4}, 3)
    assert caught.value.status == 413
    for wrong in ([], {"requests": []}, {"requests": {}}, {"requests": [], "more": 1}):
        with pytest.raises(RefusedError):
            read_batch(wrong, 3)


def outcome(body: bytes) -> int:
    """200 for a request that can be scored, else the status of the refusal."""
    try:
        found = read_check(read_json(body))
    except RefusedError as error:
        return error.status
    "".join(found.request.texts()).encode()
    return 200


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_refused(body: bytes) -> None:
    assert outcome(body) in {200, 400, 422}


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(("path", "method", "query", "query_params", "headers", "body", "id")),
        _JSON,
    )
)
def test_no_value_does_anything_but_be_read_or_refused(row: dict[str, Any]) -> None:
    assert outcome(json.dumps(row).encode()) in {200, 400, 422}


def test_addresses() -> None:
    assert is_address("192.0.2.1")
    assert is_address("::1")
    assert not is_address("192.0.2")
    assert not is_address("")
