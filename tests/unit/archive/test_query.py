import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.archive.query import (
    And,
    Equals,
    Exists,
    Network,
    Not,
    Or,
    Pattern,
    Range,
    Text,
    parse,
)
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import PolicyError

DAY_US = 86_400_000_000
DAY = 1_431_820_800_000_000  # 2015-05-17


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", And(())),
        ("  ", And(())),
        ("xmlrpc", Text("xmlrpc")),
        ('"two words"', Text("two words")),
        (r'"a \"quote\""', Text('a "quote"')),
        ("http://example.org/x", Text("http://example.org/x")),
        ("10:05:03", Text("10:05:03")),
        ("a b", And((Text("a"), Text("b")))),
        ("a AND b OR c", Or((And((Text("a"), Text("b"))), Text("c")))),
        ("a AND (b OR c)", And((Text("a"), Or((Text("b"), Text("c")))))),
        ("NOT a b", And((Not(Text("a")), Text("b")))),
        ("NOT (a OR b)", Not(Or((Text("a"), Text("b"))))),
        ("/wp-[a-z]+/", Pattern(c.ORIGINAL, "wp-[a-z]+")),
        (r"/a\/b/", Pattern(c.ORIGINAL, "a/b")),
        ("/etc/passwd", Text("/etc/passwd")),
        ("user:root", Equals(c.USER, "root", has_wildcards=False)),
        ("user.name:ro*", Equals(c.USER, "ro*", has_wildcards=True)),
        ('agent:"curl/*"', Equals(c.USER_AGENT, "curl/*", has_wildcards=False)),
        ("url:/^.a$/", Pattern(c.URL, "^.a$")),
        ("user:*", Exists(c.USER)),
        ("status:404", Range(c.STATUS, 404, 404)),
        ("status:>=500", Range(c.STATUS, 500, None)),
        ("status:>500", Range(c.STATUS, 501, None)),
        ("status:<500", Range(c.STATUS, None, 499)),
        ("bytes:10..20", Range(c.BODY_BYTES, 10, 20)),
        ("bytes:10..", Range(c.BODY_BYTES, 10, None)),
        ("ip:10.0.0.0/8", Network(c.SOURCE_IP, ipaddress.ip_network("10.0.0.0/8"))),
        ("ip:2001:db8::/32", Network(c.SOURCE_IP, ipaddress.ip_network("2001:db8::/32"))),
        ("@timestamp:2015-05-17", Range(c.TIMESTAMP, DAY, DAY + DAY_US - 1)),
        ("time:>2015-05-17", Range(c.TIMESTAMP, DAY + DAY_US, None)),
        ("time:2015-05-17T02..", Range(c.TIMESTAMP, DAY + 7_200_000_000, None)),
        ("time:<2015-05-17T00:00:01Z", Range(c.TIMESTAMP, None, DAY + 999_999)),
    ],
)
def test_an_expression_is_understood(text: str, query: object) -> None:
    assert parse(text) == query


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("a (b", 3, "never closed"),
        ("a b)", 4, 'without a "("'),
        ('a "b', 3, "never closed"),
        ("a OR", 5, "ends where a condition was expected"),
        ("OR a", 1, 'found "OR"'),
        ("a AND OR b", 7, 'found "OR"'),
        ("()", 2, 'found ")"'),
        ("statsu:500", 1, "Did you mean status"),
        ("status:", 8, "expected a value"),
        ("status:abc", 8, '"abc" is no number'),
        ("status:>=", 8, "expected a number or time"),
        ("user:>5", 6, "is a text"),
        ("time:yesterday", 6, "is no time"),
        ("ip:10.0.0.0/99", 4, "is no network"),
        ("a /(/", 3, "no regular expression"),
        ("status:/5../", 8, "takes no regular expression"),
        ('""', 1, "hold nothing"),
        (" ".join(["a"] * 300), 401, "200 conditions"),
        ("(" * 100, 32, "30 levels"),
    ],
)
def test_what_is_wrong_and_where_is_said(text: str, at: int, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text)
    assert f"at character {at}:" in str(caught.value)
    assert words in str(caught.value)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(PolicyError, match="4,097 characters"):
        parse("a" * 4_097)
    with pytest.raises(PolicyError, match="more than 1,000"):
        parse("/" + "a" * 1_001 + "/")
    with pytest.raises(PolicyError, match="no regular expression"):
        parse("/" + "(a{1000}){1000}" + "/")


@given(st.text(max_size=60) | st.text('ab():"/*.>=<\\ ORANDTip\t', max_size=40))
def test_any_text_is_a_query_or_a_clear_refusal(text: str) -> None:
    try:
        parse(text)
        message = "character"
    except PolicyError as error:
        message = str(error)
    assert "character" in message


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_any_text_can_be_quoted(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'"{quoted}"') == Text(text)
