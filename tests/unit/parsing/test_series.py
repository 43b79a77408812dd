"""Lines of a series: which column, which hour, which value."""

import polars as pl
import pytest

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import utc_now
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.registry import detect, get_format
from soc_copilot.parsing.series import is_document, series_name

JAN = 412_008  # 2017-01-01 00:00


def parse(name: str, *lines: str) -> pl.DataFrame:
    return get_format(name).parse(pl.Series(lines, dtype=pl.String), ParseContext(utc_now()))


@pytest.mark.parametrize(
    ("line", "hour", "value"),
    [
        ("2017-01-01 01:00,12.5", JAN, 12.5),  # the stamp ends its hour
        ('"2017-01-01T01:00:00";"12.5"', JAN, 12.5),
        ("20170101 0130\t1e3", JAN + 1, 1000.0),
        ("2017-01-01T01:00:00+05:00,7", JAN, 7.0),  # the place's own clock
        ("1483232400,7", JAN, 7.0),
        ("1483232400000,7", JAN, 7.0),
        ('{"time": "2017-01-01 01:00", "value": 3}', JAN, 3.0),
        ("2017-01-01 01:00,nan", JAN, None),
        ("2017-01-01 01:00,", JAN, None),
        ("2017-01-01 01:00", JAN, None),
    ],
)
def test_a_row_has_an_hour_and_a_value(line: str, hour: int, value: float | None) -> None:
    found = parse("series", line)
    assert found[c.KIND].to_list() == [c.KIND_EVENT]
    assert found[c.SERIES_HOUR].to_list() == [hour]
    assert found[c.SERIES_VALUE].to_list() == [value]


@pytest.mark.parametrize(
    "line",
    ["Datetime,MW", "", "x", "2017-13-01 00:00,1", "2017-02-30 00:00,1", "{bad", "12,5", "\0,1"],
)
def test_what_has_no_time_is_unparsed(line: str) -> None:
    assert parse("series", line)[c.KIND].to_list() == [c.KIND_UNPARSED]


def test_columns_are_as_a_person_chose_them() -> None:
    name = series_name("3", "1", "MW: net", "begin")
    found = parse(name, "5,x,2017-01-01 00:00")
    assert found[c.SERIES_HOUR].to_list() == [JAN]
    assert found[c.SERIES_VALUE].to_list() == [5.0]
    assert found[c.SERIES_UNIT].to_list() == ["MW: net"]
    keys = parse(series_name("at", "load"), '{"at": 1483232400, "load": "8.5", "time": 1}')
    assert keys[c.SERIES_VALUE].to_list() == [8.5]


def test_lines_are_never_taken_for_a_series_by_themselves() -> None:
    assert detect(["2017-01-01 00:00,5"] * 20).format.name != "series"


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b'[{"time": 1483232400, "value": 1},\n', True),
        (b"\xef\xbb\xbf[\n[1483232400, 1]\n]", True),
        (b'{\n  "time": [1483232400],', True),
        (b'{"time": [1483232400], "value": [1]}\n', True),
        (b'{"data": {"time": [1483232400],\n', True),
        (b'{"time": 1483232400, "value": 1}\n', False),
        (b'{"time": 1483232400, "value": 1, "tags": ["a"]}\n{', False),
        (b'{"time": 14832', False),
        (b"time,value\n", False),
        (b"", False),
    ],
)
def test_one_json_document_has_no_row_a_line(head: bytes, answer: bool) -> None:
    assert is_document(head) is answer
