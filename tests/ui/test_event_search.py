"""Events as the window sees them: what they say, and how the archive is asked."""

import threading
from datetime import timedelta

import polars as pl
import pytest

from soc_copilot.archive.query import parse
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.ui.archive_search import DEFAULT_PARTS, ArchiveSearcher, Searchers, even_parts
from soc_copilot.ui.event_search import EventQuery, all_rows, condition, quoted
from tests.ui.desk_support import HOSTILE
from tests.ui.events_support import NOON, ListSearcher, event


def test_who_and_what_are_told_in_a_few_words():
    assert event(0, **{c.USER: "ana", c.SOURCE_IP: "192.0.2.7"}).who == "ana · 192.0.2.7"
    assert event(0).who == ""
    assert event(0, **{c.METHOD: "GET", c.STATUS: 404}).what == "GET 404"
    asked = {c.METHOD: "GET", c.STATUS: 404, c.URL: "/a?b", c.URL_PATH: "/a"}
    assert event(0, **asked).what == "GET 404 /a"
    assert event(0, **{c.ACTION: "sudo-command", c.OUTCOME: "failure"}).what == (
        "sudo-command failure"
    )
    assert event(0, **{c.KIND: c.KIND_UNPARSED}).what == "unparsed"
    assert event(0).what == "plain"


def test_telling_fields_come_first_and_the_line_is_not_repeated():
    names = [name for name, _ in event(0, **{c.USER: "ana", "zzz": 1}).fields()]
    assert names[:3] == [c.TIMESTAMP, c.DATASET, c.USER]
    assert names[-1] == "zzz"
    assert c.ORIGINAL not in names


def test_an_event_is_evidence_at_its_place():
    evidence = event(3).evidence()
    assert (evidence.event_id, evidence.path) == ("1-1-999700", "/var/log/web.log")
    assert (evidence.offset, evidence.length) == (999_700, 100)


@pytest.mark.parametrize(
    "value", ["root", 'a "quoted" one', "back\\slash", "two words", HOSTILE, "a:b", "(", "*"]
)
def test_a_value_is_found_literally_whatever_it_holds(value):
    found = parse(condition(c.USER, value))
    assert (found.field, found.text) == (c.USER, value)
    assert not found.has_wildcards
    assert parse(quoted(value)).text == value


def test_numbers_and_times_are_no_quoted_text():
    assert parse(condition(c.STATUS, 404)).low == 404
    assert parse(condition(c.TIMESTAMP, NOON)).low == to_us(NOON)


def test_every_row_is_read_page_by_page_until_told_to_stop():
    searcher = ListSearcher([event(n) for n in range(25)])
    rows = list(all_rows(searcher, EventQuery(), threading.Event(), 10))
    assert [row.raw for row in rows] == [f"line {n} user=ana" for n in range(25)]
    assert len(searcher.asked) == 3
    stopped = threading.Event()
    stopped.set()
    assert list(all_rows(searcher, EventQuery(), stopped, 10)) == []


@pytest.mark.parametrize(
    ("length", "parts"),
    [
        (timedelta(minutes=15), 90),
        (timedelta(hours=1), 120),
        (timedelta(days=1), 96),
        (timedelta(days=7), 84),
        (timedelta(seconds=1), 1),
        (timedelta(seconds=86_401), DEFAULT_PARTS),
    ],
)
def test_bars_of_a_range_are_of_a_round_length(length, parts):
    assert even_parts(length) == parts


@pytest.fixture
def governance(tmp_path):
    home = tmp_path / "home"
    with Governance.open(home / "g.db", actor=Actor("ana", "window"), home=home) as opened:
        yield opened


def test_an_empty_archive_has_no_bars_and_no_events(governance):
    searcher = ArchiveSearcher(governance)
    page = searcher.search(EventQuery(), None, 10, threading.Event())
    assert (page.rows, page.has_more) == ((), False)
    bars = searcher.bars(EventQuery(), threading.Event())
    assert (bars.counts, bars.n_events) == ((), 0)


def stored(governance, path, lines):
    """Store lines through the archive and its list, as the pipeline does."""
    from soc_copilot.archive.store import Archive
    from soc_copilot.domain.events import EventBatch
    from soc_copilot.domain.governance import BatchCommit
    from soc_copilot.domain.records import Checkpoint, LedgerDelta, PositionMove

    source = governance.sources.add("file", path, name="web")
    rows = [event(len(lines) - n, line).values for n, line in enumerate(lines)]
    frame = pl.DataFrame(
        [{**row, c.SOURCE_ID: source.id, c.KIND: c.KIND_EVENT} for row in rows],
        schema_overrides={c.TIMESTAMP: pl.Datetime("us", "UTC")},
    ).with_columns(pl.col(c.TIMESTAMP).alias(c.INGESTED))
    archive = Archive(governance.archive_folder)
    segment = archive.write(EventBatch(1, frame))
    count = len(lines)
    ledger = LedgerDelta(lines=count, parsed=count, stored=count)
    move = PositionMove(-1, Checkpoint(source.id, 1, str(path), 0), ledger)
    governance.batches.store(BatchCommit(count, (), (move,), segment=segment))
    archive.close()
    return source


def test_what_was_stored_is_found_counted_and_surrounded(governance, tmp_path):
    source = stored(governance, tmp_path / "web.log", [f"number {n}" for n in range(30)])
    searcher = Searchers()(governance)
    first = searcher.search(EventQuery("number"), None, 20, threading.Event())
    assert first.has_more
    rest = searcher.search(EventQuery("number"), first.rows[-1].key, 20, threading.Event())
    assert [row.raw for row in (*first.rows, *rest.rows)] == [
        f"number {n}" for n in range(29, -1, -1)
    ]
    bars = searcher.bars(EventQuery("number"), threading.Event())
    assert (bars.total, bars.n_events) == (30, 30)
    middle = first.rows[5]
    around = searcher.around(middle.evidence(), 2, 1)
    assert [row.raw for row in around] == ["number 22", "number 23", "number 24", "number 25"]
    since = to_us(first.rows[9].at)
    narrow = EventQuery("number", since, to_us(first.rows[0].at) + 1, frozenset({source.id}))
    assert searcher.bars(narrow, threading.Event()).total == 10
    assert from_us(since) == first.rows[9].at


def test_each_connection_has_one_searcher(governance):
    searchers = Searchers()
    assert searchers(governance) is searchers(governance)
