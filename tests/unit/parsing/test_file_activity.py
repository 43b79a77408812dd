"""File activity lines."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain import columns as c
from soc_copilot.parsing.file_activity import FileActivityFormat
from soc_copilot.parsing.protocol import ParseContext
from tests.unit.parsing.golden import check, row_of

LINE = '{"time_ns":1773133200000000000,"action":"file-written","path":"/a"}'
CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))


def test_sample_parses_to_its_golden_file():
    check("file-activity")


def test_columns_and_types_do_not_depend_on_the_lines():
    empty = FileActivityFormat().parse(pl.Series(dtype=pl.String), CONTEXT)
    found = FileActivityFormat().parse(pl.Series([LINE, "?"]), CONTEXT)
    assert found.schema == empty.schema
    assert found[c.KIND].to_list() == ["event", "unparsed"]
    assert found.drop(c.KIND).row(1) == (None,) * (found.width - 1)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4))
def test_any_text_is_taken_without_an_exception(lines):
    found = FileActivityFormat().parse(
        pl.Series(["{" + x for x in lines], dtype=pl.String), CONTEXT
    )
    assert found.height == len(lines)


@pytest.mark.parametrize(("bits", "kept"), [("0", 0.0), ("8", 8.0), ("8.01", None), ('"x"', None)])
def test_entropy_is_kept_in_its_range_only(bits, kept):
    row = row_of("file-activity", LINE.replace("}", f',"entropy":{bits}}}'))
    assert row.get(c.ENTROPY) == kept
