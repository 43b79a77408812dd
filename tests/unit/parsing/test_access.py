"""Access logs."""

from datetime import UTC, datetime

import polars as pl
import pytest

from soc_copilot.domain import columns as c
from soc_copilot.parsing.access import AccessFormat, url_parts
from soc_copilot.parsing.protocol import ParseContext
from tests.unit.parsing.golden import check, row_of

CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))


def test_sample_parses_to_its_golden_file():
    check("access")


def test_columns_and_types_do_not_depend_on_the_lines():
    found = AccessFormat().parse(pl.Series(["rubbish"]), CONTEXT)
    line = '192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5'
    assert AccessFormat().parse(pl.Series([line]), CONTEXT).schema == found.schema
    assert AccessFormat().parse(pl.Series(dtype=pl.String), CONTEXT).schema == found.schema
    assert found.schema[c.STATUS] == pl.Int32
    assert found.schema[c.BODY_BYTES] == pl.Int64
    assert found.schema[c.TIMESTAMP] == pl.Datetime("us", "UTC")


def test_request_cut_by_the_line_limit_keeps_its_url():
    line = '192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET /' + "A" * 65_000 + "\\"
    row = row_of("access", line)
    assert row[c.METHOD] == "GET"
    assert len(str(row[c.URL])) == 65_001
    assert c.STATUS not in row


@pytest.mark.parametrize("hidden", ["\x00", "\x1b[31m", "\u202e", "\\xff", "'", "\t"])
def test_hostile_characters_stay_in_the_url_and_agent(hidden):
    line = (
        f'192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET /a{hidden}b HTTP/1.1" 200 5 '
        f'"-" "x{hidden}y"'
    )
    row = row_of("access", line)
    assert row[c.URL] == f"/a{hidden}b"
    assert row[c.USER_AGENT] == f"x{hidden}y"
    assert row[c.STATUS] == 200


def test_sniff_is_the_share_of_lines_that_fit():
    line = '192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET / HTTP/1.1" 200 5'
    assert AccessFormat().sniff([line, "", "other", line, line]) == 0.75
    assert AccessFormat().sniff([]) == 0.0


@pytest.mark.parametrize(
    ("url", "path", "query"),
    [
        ("/a?b?c", "/a", "b?c"),
        ("/a", "/a", None),
        ("https://x.example?q", "", "q"),
        ("http://x.example/a?b=http://y", "/a", "b=http://y"),
        ("x.example:443", "x.example:443", None),
    ],
)
def test_url_is_split_at_the_first_question_mark(url, path, query):
    found = pl.DataFrame({"u": [url]}).select(
        url_parts(pl.col("u"))[0].alias("p"), url_parts(pl.col("u"))[1].alias("q")
    )
    assert found.row(0) == (path, query)
