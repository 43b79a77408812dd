"""Syslog lines: their frame around the message."""

from datetime import UTC, datetime

import polars as pl
import pytest

from soc_copilot.domain import columns as c
from soc_copilot.ingestion.multiline import _SINGLE
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.syslog import _LOG_LEVELS, SyslogFormat
from tests.unit.parsing.golden import check, row_of

CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))


def test_sample_parses_to_its_golden_file():
    check("syslog")


def test_columns_and_types_do_not_depend_on_the_lines():
    empty = SyslogFormat().parse(pl.Series(dtype=pl.String), CONTEXT)
    lines = pl.Series(["Mar 10 09:00:00 gate sshd[1]: Invalid user x from 192.0.2.1", "?"])
    assert SyslogFormat().parse(lines, CONTEXT).schema == empty.schema
    assert empty.schema[c.REPEAT] == pl.Int32
    assert empty.schema[c.PID] == pl.Int64
    assert empty.schema[c.SOURCE_PORT] == pl.Int32


def test_rows_keep_the_order_of_the_lines():
    lines = [f"Mar 10 09:00:{i % 60:02d} h p[{i}]: Invalid user u{i} from x" for i in range(200)]
    lines[::2] = [line.replace(" p[", " sshd[") for line in lines[::2]]
    found = SyslogFormat().parse(pl.Series(lines), CONTEXT)
    assert found[c.PID].to_list() == list(range(200))
    users = [f"u{i}" if i % 2 == 0 else None for i in range(200)]
    assert found[c.USER].to_list() == users


def test_year_is_found_line_by_line():
    reference = ParseContext(datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
    lines = pl.Series(["Jan  1 00:30:00 h p: ahead", "Dec 31 22:00:00 h p: now"])
    times = SyslogFormat().parse(lines, reference)[c.TIMESTAMP].to_list()
    assert [moment.year for moment in times] == [2027, 2026]


def test_numbers_too_large_are_null():
    row = row_of("syslog", f"<{'9' * 3}>Mar 10 09:00:00 h p[{'9' * 40}]: x")
    assert c.PID not in row
    row = row_of(
        "syslog", f"Mar 10 09:00:00 h sshd[1]: Failed password for a from b port {'9' * 5} ssh2"
    )
    assert row[c.SOURCE_PORT] == 99_999


def test_hostile_characters_stay_in_the_message():
    row = row_of("syslog", "Mar 10 09:00:00 h p[1]: a\x00b\x1b[0m\u202e<img src=x>")
    assert row[c.MESSAGE] == "a\x00b\x1b[0m\u202e<img src=x>"


def test_sniff_tells_syslog_from_other_lines():
    assert SyslogFormat().sniff(["Mar 10 09:00:00 h p: x", "2026-03-10 09:00:00 INFO x"]) == 0.5


@pytest.mark.parametrize("level", _LOG_LEVELS)
@pytest.mark.parametrize("stamp", ["2026-11-21T13:00:00Z", "Nov 21 13:00:00"])
def test_a_log_level_is_no_host(level, stamp):
    lines = [
        f"{stamp} {level.upper()} app: no",
        f"{stamp} {level} app no",
        f"{stamp} {level}x p: y",
    ]
    found = SyslogFormat().parse(pl.Series(lines), CONTEXT)
    assert found[c.KIND].to_list()[2] != found[c.KIND].to_list()[0]
    assert found[c.HOST].to_list() == [None, None, f"{level}x"]
    assert found[c.TIMESTAMP].null_count() == found[c.MESSAGE].null_count() == 2
    assert row_of("syslog", f"<13>{stamp} {level} p: y")[c.HOST] == level
    # Events of several lines are told apart by the same words.
    assert not _SINGLE.match(lines[0].encode())
    assert _SINGLE.match(lines[2].encode())
