from datetime import UTC, datetime

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.registry import FORMAT_NAMES, detect, get_format
from soc_copilot.parsing.service import ServiceFormat

LINE = (
    '{"@timestamp":"2026-03-10T09:00:00.5+00:00","source.ip":"192.0.2.7","url.original":"/a?b=1",'
    '"http.request.method":"GET","web.score":0.25,"web.is_threat":false,"web.model_version":"v1"}'
)


def parse(*lines: str) -> pl.DataFrame:
    return ServiceFormat().parse(pl.Series(lines), ParseContext(datetime(2026, 3, 10, tzinfo=UTC)))


def test_a_line_of_the_service() -> None:
    (row,) = parse(LINE).rows(named=True)
    assert row[c.TIMESTAMP] == datetime(2026, 3, 10, 9, 0, 0, 500_000, tzinfo=UTC)
    assert (row[c.URL_PATH], row[c.URL_QUERY], row[c.ACTION]) == ("/a", "b=1", "http-request")
    assert (row[c.WEB_SCORE], row[c.WEB_THREAT], row[c.WEB_VERSION]) == (0.25, False, "v1")


def test_what_is_none_is_unparsed_and_impossible_scores_are_none() -> None:
    found = parse("x", "{}", LINE.replace("0.25", "7"), LINE.replace("0.25", '"NaN"'))
    unparsed, event = c.KIND_UNPARSED, c.KIND_EVENT
    assert found[c.KIND].to_list() == [unparsed, unparsed, event, event]
    assert found[c.WEB_SCORE].null_count() == 4


def test_nobody_else_can_have_lines_read_in_it() -> None:
    assert detect([LINE] * 50).format.name == "json"
    assert "service" not in FORMAT_NAMES
    assert get_format("service").name == "service"
    json_columns = get_format("json").parse(
        pl.Series([LINE]), ParseContext(datetime(2026, 3, 10, tzinfo=UTC))
    )
    assert c.WEB_SCORE not in json_columns.columns
