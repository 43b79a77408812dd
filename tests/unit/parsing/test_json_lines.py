"""JSON lines."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain import columns as c
from soc_copilot.parsing.json_lines import JsonFormat
from soc_copilot.parsing.protocol import ParseContext
from tests.unit.parsing.golden import check, row_of

CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))
KEYS = st.sampled_from(
    [
        "user",
        "name",
        "user.name",
        "message",
        "event",
        "category",
        "status",
        "http",
        "request",
        "",
        'a"b',
        "b\\",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def test_sample_parses_to_its_golden_file():
    check("json")


def test_stranger_cannot_add_columns():
    plain = JsonFormat().parse(pl.Series(["{}"]), CONTEXT)
    crowd = json.dumps({f"key{i}": {"x": i} for i in range(2_000)})
    assert JsonFormat().parse(pl.Series([crowd]), CONTEXT).schema == plain.schema
    assert JsonFormat().parse(pl.Series(dtype=pl.String), CONTEXT).schema == plain.schema


@pytest.mark.parametrize("depth", [100, 1_000, 30_000])
def test_depth_does_no_harm(depth):
    line = '{"message":"m","x":' + "[" * depth + "]" * depth + "}"
    other = '{"message":"next"}'
    found = JsonFormat().parse(pl.Series([line, other]), CONTEXT)
    assert found[c.KIND].to_list() == ["event" if depth < 120 else "unparsed", "event"]
    assert found[c.MESSAGE][1] == "next"


def test_one_key_may_hold_text_here_and_an_object_there():
    lines = ['{"user":"a"}', '{"user":{"name":"b"}}', '{"user":["c"]}', '{"user.name":"d"}']
    found = JsonFormat().parse(pl.Series(lines), CONTEXT)
    assert found[c.USER].to_list() == ["a", "b", None, "d"]


@pytest.mark.parametrize(
    "line",
    [
        '{"http":{"request":{"method":"GET"}}}',
        '{"http":{"request.method":"GET"}}',
        '{"http.request":{"method":"GET"}}',
        '{"http.request.method":"GET"}',
    ],
)
def test_dots_may_be_nesting_anywhere(line):
    assert row_of("json", line)[c.METHOD] == "GET"


def test_path_is_a_url_only_beside_a_method():
    assert row_of("json", '{"method":"GET","path":"/a?b"}')[c.URL_PATH] == "/a"
    assert c.URL not in row_of("json", '{"msg":"read","path":"/var/log/x"}')


@pytest.mark.parametrize("raw", ["\x00", "\x1b[0m", "\\xff", "\u202e", "\t"])
def test_line_with_raw_controls_is_mended_not_lost(raw):
    row = row_of("json", '{"msg":"a' + raw + 'b"}')
    assert row[c.MESSAGE] == f"a{raw}b"


@settings(deadline=None)
@given(st.lists(VALUES | st.dictionaries(KEYS, VALUES, max_size=4), max_size=5))
def test_objects_are_events_whatever_they_hold(values):
    lines = [json.dumps(value) for value in values]
    found = JsonFormat().parse(pl.Series(lines, dtype=pl.String), CONTEXT)
    wanted = ["event" if isinstance(value, dict) else "unparsed" for value in values]
    assert found[c.KIND].to_list() == wanted
    for line, row in zip(lines, found.iter_rows(), strict=True):
        assert JsonFormat().parse(pl.Series([line]), CONTEXT).row(0) == row


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=5))
def test_any_text_is_taken_without_an_exception(lines):
    found = JsonFormat().parse(pl.Series(["{" + line for line in lines], dtype=pl.String), CONTEXT)
    assert found.height == len(lines)
