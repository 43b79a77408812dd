"""Journal entries."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain import columns as c
from soc_copilot.parsing.journal import JournalFormat
from soc_copilot.parsing.protocol import ParseContext
from tests.unit.parsing.golden import check, row_of

LINE = (
    '{"__REALTIME_TIMESTAMP":"1773133200000000","SYSLOG_IDENTIFIER":"sshd",'
    '"MESSAGE":"Invalid user x from 192.0.2.1"}'
)
CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))


def test_sample_parses_to_its_golden_file():
    check("journald")


def test_columns_and_types_do_not_depend_on_the_lines():
    empty = JournalFormat().parse(pl.Series(dtype=pl.String), CONTEXT)
    found = JournalFormat().parse(pl.Series([LINE, "?"]), CONTEXT)
    assert found.schema == empty.schema
    assert found[c.KIND].to_list() == ["event", "unparsed"]
    assert found.drop(c.KIND).row(1) == (None,) * (found.width - 1)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_taken_without_an_exception(lines):
    found = JournalFormat().parse(pl.Series(["{" + x for x in lines], dtype=pl.String), CONTEXT)
    assert found.height == len(lines)


@pytest.mark.parametrize(
    ("who", "is_believed"),
    [
        ({}, True),
        ({"_EXE": "/usr/sbin/sshd"}, True),
        ({"_EXE": "/usr/lib/openssh/sshd-session"}, True),
        ({"_COMM": "sshd"}, True),
        ({"_EXE": "/usr/bin/logger"}, False),
        ({"_EXE": "/usr/bin/logger", "_COMM": "logger"}, False),
        ({"_COMM": "python3"}, False),
    ],
)
def test_sentence_counts_only_from_the_program_that_may_say_it(who, is_believed):
    entry = json.dumps({**json.loads(LINE), **who})
    row = row_of("journald", entry)
    assert (row.get(c.ACTION) == c.Action.SSH_INVALID_USER) is is_believed
    assert row[c.PROCESS] == "sshd"


def test_entry_reads_like_the_same_line_of_a_syslog_file():
    text = "Failed password for invalid user a from b from 192.0.2.1 port 22 ssh2"
    entry = json.dumps({**json.loads(LINE), "MESSAGE": text, "_PID": "7", "_HOSTNAME": "gate"})
    from_file = row_of("syslog", f"2026-03-10T09:00:00+00:00 gate sshd[7]: {text}")
    assert row_of("journald", entry) == from_file


def test_lists_that_cannot_be_read_do_no_harm():
    for value in ("[300]", "[[[]]]", '[{"a":1}]', "[null]", "[" * 5_000):
        found = JournalFormat().parse(
            pl.Series([LINE.replace('"Invalid user x from 192.0.2.1"', value)]), CONTEXT
        )
        assert found.height == 1
