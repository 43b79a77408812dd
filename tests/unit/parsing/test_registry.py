"""Formats by name, and by a file's first lines."""

from datetime import UTC, datetime

import polars as pl
import pytest

from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import ParseError
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.registry import FORMAT_NAMES, detect, formats, get_format
from tests.unit.parsing.golden import DATA


def test_names_are_those_of_the_formats():
    assert FORMAT_NAMES == (
        "access",
        "apache-error",
        "syslog",
        "linux-audit",
        "file-activity",
        "journald",
        "windows-event",
        "json",
        "series",
        "plain",
    )
    assert [found.name for found in formats()] == list(FORMAT_NAMES)
    assert all(get_format(name).name == name for name in FORMAT_NAMES)
    assert len({found.dataset for found in formats()}) == len(formats())


def test_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ParseError, match=r'no log format "evtx".*access, apache-error'):
        get_format("evtx")


# A series is never told from its lines: a person says that a file is one.
@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if name != "series"])
def test_each_sample_is_told_from_its_lines(name):
    lines = (DATA / name / "sample.log").read_text(encoding="utf-8").split("\n")
    detected = detect(lines)
    assert detected.format.name == name
    assert detected.share > 0.5


def test_few_strange_lines_do_no_harm():
    line = "Mar 10 09:00:00 gate sshd[1]: Invalid user x from 192.0.2.1"
    detected = detect(["# rotated", "", *[line] * 4, "???"])
    assert detected.format.name == "syslog"
    assert detected.share == pytest.approx(4 / 6)


def test_lines_that_mostly_fit_nothing_are_plain():
    line = "Mar 10 09:00:00 gate sshd[1]: Invalid user x from 192.0.2.1"
    assert detect([line, "a", "b"]).format.name == "plain"
    assert detect([]).share == 0.0
    assert detect([]).format.name == "plain"


def test_objects_of_many_kinds_are_json_lines():
    entry = '{"__REALTIME_TIMESTAMP":"1773133200000000","MESSAGE":"m"}'
    assert detect([entry] * 3 + ['{"a":1}']).format.name == "journald"
    assert detect([entry] * 3 + ['{"a":1}'] * 2).format.name == "json"


def test_only_the_first_lines_are_looked_at():
    line = "Mar 10 09:00:00 gate sshd[1]: Invalid user x from 192.0.2.1"
    assert detect([line] * 50 + ["x"] * 1_000).share == 1.0


def test_formats_agree_on_the_type_of_each_column():
    context = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))
    types: dict[str, pl.DataType] = {}
    for found in formats():
        schema = found.parse(pl.Series(["x"]), context).schema
        assert {c.KIND, c.TIMESTAMP} <= set(schema)
        assert set(schema).isdisjoint({*c.BASE, c.DATASET})
        for name, dtype in schema.items():
            assert types.setdefault(name, dtype) == dtype
