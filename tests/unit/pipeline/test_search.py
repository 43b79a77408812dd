import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PartialLine, PositionMove
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.archiving import ArchiveCare
from soc_copilot.pipeline.search import EventSearch
from tests.unit.archive.frames import access_lines
from tests.unit.pipeline.archives import opened, store

LINES = access_lines(100)
START = [sum(len(line) + 1 for line in LINES[:i]) for i in range(101)]


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    with opened(tmp_path) as governance:
        governance.sources.add("file", str(tmp_path / "a.log"), name="web")
        archive = Archive(governance.archive_folder)
        for i in range(0, 100, 20):
            store(governance, archive, LINES[i : i + 20], start=START[i])
        yield governance
        archive.close()


def compacted(governance: Governance) -> None:
    care = ArchiveCare(governance, threading.Event())
    assert care.compact(everything=True) == 100
    care.close()


@pytest.mark.parametrize("is_compacted", [False, True])
def test_pages_follow_each_other(governance: Governance, is_compacted: bool) -> None:
    if is_compacted:
        compacted(governance)
    search, raw, after = EventSearch(governance), [], None
    while True:
        page = search.search("page", limit=30, after=after)
        raw += [event.raw for event in page.events]
        after = page.next_key
        if after is None:
            break
    assert raw == LINES[::-1]
    assert search.count("page") == 100


def test_an_event_says_where_it_stands(governance: Governance) -> None:
    first = EventSearch(governance).search("", newest_first=False, limit=1).events[0]
    assert (first.event_id, first.source_name, first.path) == ("1-1-0", "web", "/var/log/1.log")
    assert (first.offset, first.length) == (0, START[1])
    assert first.at == datetime(2015, 5, 17, tzinfo=UTC)
    assert first.raw == LINES[0]
    assert first.columns[c.METHOD] == "GET"
    assert c.USER not in first.columns
    assert not first.is_partial


def test_time_and_source_bound_a_search(governance: Governance) -> None:
    search = EventSearch(governance)
    since = datetime(2015, 5, 17, 0, 0, 10, tzinfo=UTC)
    until = datetime(2015, 5, 17, 0, 0, 30, tzinfo=UTC)
    assert search.count("", since=since, until=until) == 20
    assert search.count("", source_ids=[2]) == 0
    assert search.count("", source_ids=[1, 2]) == 100


def test_a_histogram_counts_each_event_once(governance: Governance) -> None:
    found = EventSearch(governance).histogram("page", bins=10)
    assert found.counts == (10,) * 10
    assert found.start_us == 1_431_820_800_000_000
    assert EventSearch(governance).histogram("page", source_ids=[5]).counts == ()
    rare = EventSearch(governance).histogram('"00:00:07"', bins=10)
    assert rare.counts == (1, *(0,) * 9)


def test_the_lines_around_an_event(governance: Governance) -> None:
    search = EventSearch(governance)
    found = search.around(f"1-1-{START[50]}", before=2, after=3)
    assert [event.raw for event in found] == LINES[48:54]
    with pytest.raises(PolicyError, match="no event id"):
        search.around("1-2")


def with_partial(governance: Governance) -> None:
    checkpoint = Checkpoint(1, 1, "/var/log/1.log", START[100])
    partial = PartialLine(START[100], 4, "GET ", 1_600_000_000_000_000_000)
    move = PositionMove(-1, checkpoint, LedgerDelta(), partial)
    governance.batches.store(BatchCommit(0, (), (move,)))


def test_a_line_that_waits_for_its_end_is_shown_as_such(governance: Governance) -> None:
    with_partial(governance)
    search = EventSearch(governance)
    page = search.search("get", limit=5)
    assert [event.is_partial for event in page.events] == [True, *[False] * 5]
    assert page.events[0].raw == "GET "
    assert not any(e.is_partial for e in search.search("get", after=page.next_key).events)
    assert not any(e.is_partial for e in search.search("status:200").events)
    assert search.around(f"1-1-{START[99]}", before=0, after=1)[-1].is_partial


def test_a_wrong_expression_is_refused(governance: Governance) -> None:
    with pytest.raises(PolicyError, match="character 1"):
        EventSearch(governance).search("nosuchfield:5")


def test_a_compaction_meanwhile_does_not_disturb(
    governance: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = EventSearch(governance)
    stale = governance.segments.list()
    real = type(governance.segments).list
    compacted(governance)
    answers = iter([stale])
    monkeypatch.setattr(
        type(governance.segments), "list", lambda *a, **k: next(answers, None) or real(*a, **k)
    )
    assert search.count("page") == 100


def test_a_file_that_is_gone_for_good_is_named(governance: Governance) -> None:
    gone = governance.segments.list()[0].name
    (governance.archive_folder / gone).unlink()
    with pytest.raises(StoreError, match=gone):
        EventSearch(governance).search("page")


def test_a_cancelled_search_says_so(governance: Governance) -> None:
    cancel = threading.Event()
    cancel.set()
    assert EventSearch(governance).search("page", cancel=cancel).is_cancelled


def test_an_empty_archive_finds_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "other") as governance:
        search = EventSearch(governance)
        assert search.search("x").events == ()
        assert search.around("1-1-0") == ()
