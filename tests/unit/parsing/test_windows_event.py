"""Windows events."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain import columns as c
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.windows_event import WindowsEventFormat
from tests.unit.parsing.golden import check, row_of

LINE = '{"Event":{"System":{"EventID":4625,"Channel":"Security"},"EventData":{"LogonType":3}}}'
CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))


def test_sample_parses_to_its_golden_file():
    check("windows-event")


def test_columns_and_types_do_not_depend_on_the_lines():
    empty = WindowsEventFormat().parse(pl.Series(dtype=pl.String), CONTEXT)
    found = WindowsEventFormat().parse(pl.Series([LINE, "?"]), CONTEXT)
    assert found.schema == empty.schema
    assert found[c.KIND].to_list() == ["event", "unparsed"]
    assert found.drop(c.KIND).row(1) == (None,) * (found.width - 1)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_taken_without_an_exception(lines):
    found = WindowsEventFormat().parse(
        pl.Series(["{" + x for x in lines], dtype=pl.String), CONTEXT
    )
    assert found.height == len(lines)


@pytest.mark.parametrize(
    ("logon_type", "action"),
    [("2", "login"), ("3", "login"), ("5", "service-login"), ("4", "service-login")],
)
def test_logons_of_the_system_itself_are_kept_apart(logon_type, action):
    line = LINE.replace('"LogonType":3', f'"LogonType":{logon_type}')
    assert row_of("windows-event", line)[c.ACTION] == action


@pytest.mark.parametrize(
    ("text", "pid"), [("0x1fc", 508), ("508", 508), ("0xzz", None), ("9" * 30, None), ("-", None)]
)
def test_process_ids_are_hexadecimal_or_not(text, pid):
    line = LINE.replace('"LogonType":3', f'"ProcessId":"{text}"')
    assert row_of("windows-event", line).get(c.PID) == pid


@pytest.mark.parametrize(
    ("mask", "kind", "action"),
    [
        ("0x2", "File", "file-written"),
        ("4", "File", "file-written"),
        ("0x10002", "File", "file-deleted"),
        ("0x80000", "File", "file-mode-changed"),
        ("0x100", "File", "file-attributes-changed"),
        ("0x1", "File", "object-access"),
        ("-", "File", "object-access"),
        ("0x2", "Key", "object-access"),
    ],
)
def test_rights_that_were_used_say_what_was_done_to_a_file(mask, kind, action):
    data = f'"AccessMask":"{mask}","ObjectType":"{kind}"'
    line = LINE.replace("4625", "4663").replace('"LogonType":3', data)
    row = row_of("windows-event", line)
    assert row[c.ACTION] == action
    assert (row[c.CATEGORY] == "file") == (action != "object-access")


def test_asking_for_rights_is_no_access():
    data = '"AccessMask":"0x10002","ObjectType":"File","ObjectName":"C:\\\\a"'
    line = LINE.replace("4625", "4656").replace('"LogonType":3', data)
    assert row_of("windows-event", line)[c.ACTION] == "object-access"


def test_same_number_of_another_provider_means_nothing():
    line = LINE.replace('"EventID":4625', '"EventID":4625,"Provider":{"#attributes":{"Name":"X"}}')
    row = row_of("windows-event", line)
    assert c.ACTION not in row
    assert row[c.PROVIDER] == "X"
