from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.web.pasted import MAX_CHARS, parse_pasted
from soc_copilot.detection.web.request import Request
from soc_copilot.domain.errors import ParseError


def test_a_raw_request() -> None:
    text = "POST /a/b?x=1&y=%27 HTTP/1.1\r\nHost: shop\r\nX-A: 1\r\nX-A: 2\r\n\r\nk=v\r\n\r\nmore"
    assert parse_pasted(text) == Request(
        "POST", "/a/b", "x=1&y=%27", {"Host": "shop", "X-A": "1, 2"}, "k=v\n\nmore"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GET /", Request()),
        ("  get /x?y HTTP/2", Request("GET", "/x", "y")),
        ("/x?id=1' or 1=1--", Request("GET", "/x", "id=1' or 1=1--")),
        ("https://shop/x?a=1#top", Request("GET", "/x", "a=1", {"Host": "shop"})),
        ("GET http://shop/x HTTP/1.1", Request("GET", "/x", "", {"Host": "shop"})),
        ("GET /x?id=1 or 1=1 HTTP/1.1", Request("GET", "/x", "id=1 or 1=1")),
        ("POST /x\n\nbody", Request("POST", "/x", body="body")),
        ("GET /x\nA: b\n c", Request("GET", "/x", headers={"A": "b c"})),
    ],
)
def test_short_forms(text: str, wanted: Request) -> None:
    assert parse_pasted(text) == wanted


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("curl http://h/p?a=b", Request("GET", "/p", "a=b", {"Host": "h"})),
        ("$ curl -s shop/x", Request("GET", "/x", "", {"Host": "shop"})),
        (
            "curl 'https://h/p' \\\n  -H 'A: b' \\\n  --data-raw 'x=1' --compressed",
            Request("POST", "/p", "", {"Host": "h", "A": "b", **FORM}, "x=1"),
        ),
        ("curl -sXPUT h -dx=1 -d y=2", Request("PUT", "/", "", {"Host": "h", **FORM}, "x=1&y=2")),
        ("curl -G h/s -d q=1", Request("GET", "/s", "q=1", {"Host": "h"})),
        (
            "curl -G h/s --data-urlencode \"q=1' or\"",
            Request("GET", "/s", "q=1%27%20or", {"Host": "h"}),
        ),
        ("curl -I h", Request("HEAD", "/", "", {"Host": "h"})),
        (
            "curl h -A 'sqlmap/1' -e http://r -b 'a=b'",
            Request(
                "GET", "/", "",
                {"Host": "h", "User-Agent": "sqlmap/1", "Referer": "http://r", "Cookie": "a=b"},
            ),
        ),
        ("curl h -H 'Host: x' -u a:b -o out.txt --max-time 3",
         Request("GET", "/", "", {"Host": "x", "Authorization": "Basic YTpi"})),
        ("curl h --json '{\"a\":1}'",
         Request("POST", "/", "", {"Host": "h", "Content-Type": "application/json"}, '{"a":1}')),
        (r"curl h --data-raw $'a\u0021=\'x\''",
         Request("POST", "/", "", {"Host": "h", **FORM}, "a!='x'")),
    ],
)  # fmt: skip
def test_curl_commands(text: str, wanted: Request) -> None:
    assert parse_pasted(text) == wanted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("   \n", "nothing to score"),
        ("hello", "no request line"),
        ("GET shop.html HTTP/1.1", "does not begin with a slash"),
        ("GET / HTTP/1.1\nno header here", "Line 2"),
        ("curl", "names no URL"),
        ("curl 'http://h", "never closed"),
        ("curl a b", "names 2 URLs"),
        ("curl h -H", "its value is missing"),
        ("curl h -H nonsense", "no name and colon"),
        ("curl h -d @/etc/passwd", "names a file"),
        ("curl h -F a=b", "paste the raw request"),
        ("/" + "x" * MAX_CHARS, "at most"),
    ],
)
def test_what_cannot_be_read_is_said_plainly(text: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        parse_pasted(text)


def test_a_message_shows_no_hidden_character() -> None:
    with pytest.raises(ParseError) as caught:
        parse_pasted("\u202ehello\x1b[31m")
    assert "\u202e" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@given(st.text(max_size=200), st.sampled_from(["", "GET /", "curl ", "curl h -d "]))
def test_any_text_is_a_request_or_a_plain_message(text: str, start: str) -> None:
    with suppress(ParseError):
        found = parse_pasted(start + text)
        assert found.path
        assert all(part.encode("utf-8") is not None for part in found.texts())
