import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.archive import recipes
from soc_copilot.domain import columns as c
from tests.unit.archive.frames import access_lines, batch_of

ISO = "2024-03-05T06:07:08.012345+02:00 web sshd[77]: Failed password for root from 10.0.0.1 port 5"


@pytest.mark.parametrize(
    ("lines", "recipe"),
    [
        (access_lines(50), "combined +0000"),
        ([line.replace("+0000", "-0330") for line in access_lines(50)], "combined -0330"),
        ([line.rpartition(' "-"')[0] for line in access_lines(50)], "common +0000"),
        (["Mar  5 06:07:08 web sshd[77]: Server listening on :: port 22."] * 9, "syslog-bsd +0000"),
        (["Mar 15 06:07:08 web cron: done"] * 9, "syslog-bsd +0000"),
        ([ISO] * 9, "syslog-iso +0200"),
        (["neither this", "nor that", "has a form"], "message +0000"),
    ],
)
def test_lines_come_back_from_their_columns(lines: list[str], recipe: str) -> None:
    frame = batch_of(lines).frame
    assert recipes.choose(frame) == recipe
    told = frame.select(recipes.rebuilt(recipe, frame.columns)).to_series()
    assert told.to_list() == frame[c.ORIGINAL].to_list()


def test_a_column_that_no_event_fills_may_be_missing() -> None:
    frame = batch_of(access_lines(50)).frame
    frame = frame.select([s.name for s in frame if s.null_count() < frame.height])
    assert c.USER not in frame.columns
    assert recipes.choose(frame) == "combined +0000"


def test_lines_without_a_recipe_have_none() -> None:
    frame = batch_of(
        ['{"@timestamp": "2024-01-02T03:04:05Z", "message": "short", "a": "long"}'] * 5
    )
    assert recipes.choose(frame.frame) == ""
    assert frame.frame.select(recipes.rebuilt("", ())).to_series().to_list() == [None]
    assert recipes.needs("") == ()


def test_a_recipe_names_the_columns_it_needs() -> None:
    frame = batch_of(access_lines(5)).frame
    needed = frame.select(set(recipes.needs("combined +0000")) & set(frame.columns))
    told = needed.select(recipes.rebuilt("combined +0000", needed.columns)).to_series()
    assert isinstance(told, pl.Series)
    assert told.to_list() == frame[c.ORIGINAL].to_list()


@pytest.mark.parametrize(
    ("lines", "recipe"),
    [(access_lines(3), "combined +0000"), ([ISO] * 3, "syslog-iso +0200")],
)
def test_chunks_that_filtering_left_empty_do_no_harm(lines: list[str], recipe: str) -> None:
    whole = batch_of(lines).frame
    columns = [
        pl.concat([column[a:b] for a, b in ((0, 0), (0, 1), (1, 3))], rechunk=False)
        for column in whole
    ]
    frame = pl.DataFrame(columns).filter(pl.Series([False, True, True]))
    told = frame.select(recipes.rebuilt(recipe, frame.columns)).to_series()
    assert told.to_list() == lines[1:]


TEMPLATES = [
    access_lines(6),
    [
        f"Mar  5 06:07:0{i} web sshd[7{i}]: Failed password for u{i} from 10.0.0.{i}"
        for i in range(6)
    ],
    [ISO] * 3,
]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(TEMPLATES), st.data())
def test_a_line_that_has_a_text_is_always_likely(lines: list[str], data: st.DataObject) -> None:
    frame = batch_of(lines).frame
    recipe = recipes.choose(frame)
    line = data.draw(st.sampled_from(lines))
    start = data.draw(st.integers(0, len(line) - 1))
    text = line[start : data.draw(st.integers(start + 1, len(line)))]
    text = data.draw(st.sampled_from([text, text.upper(), text.lower()]))
    likely = recipes.may_have(recipe, frame.columns, text)
    if likely is not None:
        found = frame.filter(likely)[c.ORIGINAL].to_list()
        assert line in found


def test_what_is_in_no_value_is_not_likely() -> None:
    frame = batch_of(access_lines(20)).frame
    for text in ("xmlrpc", "GET /nowhere", "9.9.9.9", "page/777"):
        likely = recipes.may_have("combined +0000", frame.columns, text)
        assert likely is not None, text
        assert frame.filter(likely).is_empty() or text == "GET /nowhere"
    for text in ("10/May", "200", "HTTP/1.1", "+0000", "12:00", '" "'):
        assert recipes.may_have("combined +0000", frame.columns, text) is None
    assert recipes.may_have("", frame.columns, "xmlrpc") is None
