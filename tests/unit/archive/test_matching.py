import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.archive import matching
from soc_copilot.archive.grams import GramTable
from soc_copilot.archive.query import And, Equals, Not, Or, Pattern, Query, Range, Text, parse
from soc_copilot.archive.segments import Group
from soc_copilot.domain import columns as c
from tests.unit.archive.frames import batch_of

LINES = [
    '10.0.0.1 - root [17/May/2015:10:00:00 +0000] "GET /a?x=1 HTTP/1.1" 200 10 "-" "curl/7.1"',
    '10.200.0.2 - - [17/May/2015:11:00:00 +0000] "POST /Login HTTP/1.1" 404 20 "-" "Mozilla/5.0"',
    '2001:db8::7 - - [18/May/2015:10:00:00 +0000] "GET /b HTTP/1.1" 500 - "-" "-"',
    "no access line at all",
]


def rows(text: str) -> list[int]:
    frame = batch_of(LINES).frame
    query = matching.expression(parse(text), frozenset(frame.columns))
    found = frame.with_columns(query.alias("found"))["found"]
    assert found.null_count() == 0
    return found.arg_true().to_list()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("login", [1]),
        ("LOGIN", [1]),
        ('"GET /"', [0, 2]),
        ("10.0.0", [0]),
        ("a.x", []),
        ("/G.T/", [0, 2]),
        ("user:ROOT", [0]),
        ("user:roo", []),
        ("user:r*t", [0]),
        ("user:*", [0]),
        ("NOT user:*", [1, 2, 3]),
        ("url:/logi*", [1]),
        ("url:/x=./", [0]),
        ("status:>=404", [1, 2]),
        ("status:404..500 AND method:get", [2]),
        ("bytes:<15", [0]),
        ("NOT bytes:<15", [1, 2, 3]),
        ("ip:10.0.0.0/8", [0, 1]),
        ("ip:10.0.0.0/24", [0]),
        ("ip:2001:db8::/32", [2]),
        ("ip:10.0.0.1", [0]),
        ("time:2015-05-17T11", [1]),
        ("time:>=2015-05-18 status:500", [2]),
        ("pid:5", []),
        ("NOT pid:5 login", [1]),
        ("no OR (login AND NOT status:200)", [1, 3]),
        ("", [0, 1, 2, 3]),
    ],
)
def test_events_are_told_apart(text: str, found: list[int]) -> None:
    assert rows(text) == found


def test_case_folds_as_bytes_do() -> None:
    frame = pl.DataFrame({c.ORIGINAL: ["\u212aelvin", "kelvin", "ÄPFEL", "äpfel"]})
    names = frozenset(frame.columns)

    def found(text: str) -> list[int]:
        return frame.select(matching.expression(Text(text), names)).to_series().arg_true().to_list()

    assert found("KELVIN") == [1]
    assert found("äPFEL") == [3]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
def test_any_text_is_found_literally(text: str) -> None:
    frame = pl.DataFrame({c.ORIGINAL: [f"<{text}>", f"<{text.swapcase()}>", "other"]})
    query = matching.expression(Text(text), frozenset(frame.columns))
    assert frame.select(query).to_series()[0]
    exact = matching.expression(Equals(c.ORIGINAL, f"<{text}>", False), frozenset(frame.columns))
    assert frame.select(exact).to_series()[0]


CONDITIONS = st.recursive(
    st.one_of(
        st.text("abcAB/ .0ä", min_size=1, max_size=8).map(Text),
        st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
            lambda ends: Range(c.TIMESTAMP, min(ends), max(ends))
        ),
        st.sampled_from([Pattern(c.ORIGINAL, "a+b"), Equals(c.USER, "a", False)]),
    ),
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts))),
    ),
    max_leaves=8,
)


@given(
    CONDITIONS,
    st.lists(
        st.tuples(st.text("abcAB/ .0ä", max_size=20), st.integers(0, 9), st.sampled_from("ab")),
        min_size=1,
        max_size=8,
    ),
)
def test_a_group_with_a_match_is_never_passed_over(
    query: Query, events: list[tuple[str, int, str]]
) -> None:
    frame = pl.DataFrame(
        {
            c.ORIGINAL: [line for line, _, _ in events],
            c.TIMESTAMP: pl.Series([us for _, us, _ in events]).cast(pl.Datetime("us", "UTC")),
            c.USER: [user for _, _, user in events],
        }
    )
    times = [us for _, us, _ in events]
    columns = tuple(frame.columns)
    group = Group(0, frame.height, min(times), max(times), (1, 0), (1, 9), columns=columns)
    condition = matching.expression(query, frozenset(columns))
    found = frame.with_columns(condition.alias("found"))["found"]
    if found.any():
        assert matching.may_match(query, group, GramTable.of(frame[c.ORIGINAL]))


def test_groups_without_the_field_the_time_or_the_text_are_passed_over() -> None:
    group = Group(0, 1, 100, 200, (1, 0), (1, 0), columns=(c.ORIGINAL, c.TIMESTAMP))
    grams = GramTable.of(pl.Series(["some line"]))
    for query in (
        parse("user:root"),
        parse("xmlrpc"),
        parse("some xmlrpc"),
        Range(c.TIMESTAMP, 201, None),
        Range(c.TIMESTAMP, None, 99),
        Or((Text("xmlrpc"), parse("status:5"))),
    ):
        assert not matching.may_match(query, group, grams), query
    assert matching.may_match(parse("NOT user:root"), group, grams)
    assert matching.may_match(parse("SOME line"), group, grams)
    assert matching.may_match(parse("xmlrpc"), group, None)


def test_a_query_is_split_by_its_need_of_the_raw_line() -> None:
    light, heavy = matching.split(parse("status:200 word (user:a OR other)"))
    assert matching.columns(light) == {c.STATUS}
    assert matching.columns(heavy) == {c.ORIGINAL, c.USER}


def test_the_oracles_agree_on_networks() -> None:
    addresses = ["10.1.2.3", "10.1.2.300", "192.168.0.1", "host.example", "::1", "10.1.2"]
    frame = pl.DataFrame({c.SOURCE_IP: addresses})
    for text in ("10.0.0.0/8", "10.1.2.0/30", "0.0.0.0/0", "::/0", "192.168.0.1/32"):
        network = ipaddress.ip_network(text)
        query = matching.expression(parse(f"ip:{text}"), frozenset(frame.columns))
        found = frame.select(query).to_series().to_list()
        for address, inside in zip(addresses, found, strict=True):
            try:
                assert inside == (ipaddress.ip_address(address) in network), (text, address)
            except ValueError:
                assert not inside
