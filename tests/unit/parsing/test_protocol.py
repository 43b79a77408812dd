"""What all formats share."""

from datetime import UTC, datetime

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.parsing.plain import PlainFormat
from soc_copilot.parsing.protocol import ParseContext, groups, kind, present, share_of_events

CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))


def test_kind_is_never_null():
    found = pl.DataFrame({"x": [True, False, None]}).select(kind(pl.col("x")))
    assert found[c.KIND].to_list() == ["event", "unparsed", "unparsed"]


def test_share_leaves_blank_lines_out():
    assert share_of_events(PlainFormat(), ["a", " ", ""], CONTEXT) == 1.0
    assert share_of_events(PlainFormat(), [" "], CONTEXT) == 0.0


def test_groups_are_columns_by_name():
    found = pl.DataFrame({"line": ["a1", "?"]}).select(groups("([a-z])([0-9])", ("x", "y")))
    assert found.rows() == [("a", "1"), (None, None)]


def test_dash_and_nothing_are_null():
    found = pl.DataFrame({"x": ["-", "", "--", None]}).select(present("x").alias("x"))
    assert found["x"].to_list() == [None, None, "--", None]
