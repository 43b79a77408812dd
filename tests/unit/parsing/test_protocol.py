"""What all formats share."""

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.parsing.protocol import groups, kind, present
from soc_copilot.parsing.syslog import SyslogFormat


def test_kind_is_never_null():
    found = pl.DataFrame({"x": [True, False, None]}).select(kind(pl.col("x")))
    assert found[c.KIND].to_list() == ["event", "unparsed", "unparsed"]


def test_share_leaves_blank_lines_out():
    line = "Mar 10 09:00:00 gate app: x"
    assert SyslogFormat().sniff([line, " ", "", "a"]) == 0.5
    assert SyslogFormat().sniff([" "]) == 0.0


def test_groups_are_columns_by_name():
    found = pl.DataFrame({"line": ["a1", "?"]}).select(groups("([a-z])([0-9])", ("x", "y")))
    assert found.rows() == [("a", "1"), (None, None)]


def test_dash_and_nothing_are_null():
    found = pl.DataFrame({"x": ["-", "", "--", None]}).select(present("x").alias("x"))
    assert found["x"].to_list() == [None, None, "--", None]
