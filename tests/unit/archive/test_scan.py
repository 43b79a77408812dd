import shutil
import threading
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.archive import compaction, matching, segments
from soc_copilot.archive.query import parse
from soc_copilot.archive.scan import KEY, Request, Scanner, SegmentGoneError
from soc_copilot.archive.store import Archive
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from tests.unit.archive.frames import access_lines, batch_of

QUERIES = [
    "NOT pid:5",
    "pid:5",
    "NOT user:* page/7",
    "",
    "page/7",
    "status:404",
    "ip:10.1.0.0/16 NOT status:200",
    "/agent.[0-3]/",
    "nowhere",
]


@pytest.fixture(autouse=True)
def small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "GROUP_ROWS", 64)
    monkeypatch.setattr(compaction, "GROUP_ROWS", 64)


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return access_lines(600)


def archived(folder: Path, lines: list[str]) -> tuple[list[Segment], pl.DataFrame]:
    """The lines of two sources: some compacted, some in batches as they came."""
    archive = Archive(folder)
    frames, found = [], []
    for i in range(0, len(lines), 50):
        batch = batch_of(lines[i : i + 50], source_id=1 + i // 50 % 2, start=i * 100)
        segment = archive.write(batch)
        assert segment is not None
        frames.append(batch.frame)
        found.append(segment)
    done = compaction.compact(archive, found[:8], lambda: False)
    assert done is not None
    for segment in done.old:
        archive.discard(segment)
    return [*done.new, *found[8:]], pl.concat(frames, how="diagonal")


Held = tuple[Path, list[Segment], pl.DataFrame]
"""An archive's folder, its segments, and everything in them."""


@pytest.fixture(scope="module")
def held_once(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> Held:
    """One archive for all tests that only read."""
    folder = tmp_path_factory.mktemp("archive")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "GROUP_ROWS", 64)
        patch.setattr(compaction, "GROUP_ROWS", 64)
        return folder, *archived(folder, lines)


@pytest.fixture
def mine(tmp_path: Path, held_once: Held) -> list[Segment]:
    """The segments of a copy in the test's own folder, to break."""
    folder, held, _ = held_once
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return held


def keys(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    return frame.select(KEY).rows() if frame.width else []


@pytest.mark.parametrize("text", QUERIES)
@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_give_what_a_plain_filter_gives(
    held_once: Held, text: str, newest_first: bool
) -> None:
    folder, held, everything = held_once
    condition = matching.expression(parse(text), frozenset(everything.columns))
    wanted = everything.filter(condition).sort(KEY, descending=newest_first)
    scanner, got, after = Scanner(folder), [], None
    for _ in range(100):
        request = Request(parse(text), limit=37, after=after, newest_first=newest_first)
        page = scanner.search(held, request)
        got += keys(page.frame)
        assert page.frame.height <= 37
        if not page.has_more:
            break
        row = page.frame.select(pl.col(KEY[0]).to_physical(), *KEY[1:]).row(-1)
        after = (int(row[0]), int(row[1]), int(row[2]), int(row[3]))
    assert got == keys(wanted)
    assert scanner.count(held, Request(parse(text)))[0] == wanted.height
    assert sum(map(len, scanner.times(held, Request(parse(text))))) == wanted.height


def test_events_come_back_whole(held_once: Held, lines: list[str]) -> None:
    folder, held, everything = held_once
    found = Scanner(folder).search(held, Request(limit=1000)).frame
    wanted = everything.sort(KEY, descending=True)
    assert found.height == len(lines)
    for name in everything.columns:
        assert found[name].to_list() == wanted[name].to_list(), name


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 600), st.integers(0, 600), st.sampled_from([None, 1, 2]))
def test_times_and_sources_bound_a_search(
    held_once: Held, a: int, b: int, source: int | None
) -> None:
    folder, held, everything = held_once
    first = int(everything[c.TIMESTAMP].to_physical().min())  # type: ignore[arg-type]
    since, until = first + min(a, b) * 1_000_000, first + max(a, b) * 1_000_000
    us = pl.col(c.TIMESTAMP).to_physical()
    wanted = everything.filter((us >= since) & (us < until))
    sources = None
    if source is not None:
        wanted = wanted.filter(pl.col(c.SOURCE_ID) == source)
        sources = frozenset({source})
    request = Request(since_us=since, until_us=until, source_ids=sources, limit=1000)
    assert Scanner(folder).search(held, request).frame.height == wanted.height


def test_the_newest_are_found_without_reading_the_oldest(held_once: Held) -> None:
    folder, held, _ = held_once
    found = Scanner(folder).search(held, Request(limit=10))
    assert found.frame.height == 10
    assert found.n_scanned <= 150


def test_groups_that_cannot_match_are_passed_over(held_once: Held) -> None:
    folder, held, _ = held_once
    compacted = [segment for segment in held if segment.level]
    found = Scanner(folder).search(compacted, Request(parse("xmlrpc-attack")))
    assert (found.n_scanned, found.frame.height) == (0, 0)


def test_a_search_can_be_cancelled_and_tells_how_far_it_is(held_once: Held) -> None:
    folder, held, _ = held_once
    told: list[tuple[int, int]] = []
    Scanner(folder).search(
        held,
        Request(parse("status:404"), limit=1000),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (600, 600)
    assert told == sorted(told)
    cancel = threading.Event()
    cancel.set()
    found = Scanner(folder).search(held, Request(), cancel=cancel)
    assert found.is_cancelled
    assert found.frame.height == 0


def test_a_damaged_segment_is_named_and_the_rest_is_searched(
    tmp_path: Path, mine: list[Segment]
) -> None:
    for broken in (mine[0], mine[-1]):
        path = tmp_path / broken.name
        content = bytearray(path.read_bytes())
        content[len(content) // 3 :] = b"\xff" * (len(content) - len(content) // 3)
        path.write_bytes(bytes(content))
    found = Scanner(tmp_path).search(mine, Request(limit=1000))
    assert len(found.damaged) == 2
    assert mine[0].name in found.damaged[1] or mine[0].name in found.damaged[0]
    assert found.frame.height == 600 - mine[0].n_rows - mine[-1].n_rows


def test_a_segment_that_went_is_no_damage(tmp_path: Path, mine: list[Segment]) -> None:
    (tmp_path / mine[0].name).unlink()
    with pytest.raises(SegmentGoneError, match="is gone"):
        Scanner(tmp_path).search(mine, Request(limit=1000))


def test_groups_are_read_as_asked(held_once: Held) -> None:
    folder, held, _ = held_once
    scanner = Scanner(folder)
    groups = scanner.groups(held[0])
    assert sum(group.n_rows for group in groups) == held[0].n_rows
    got = scanner.read(held[0], groups[0], [c.OFFSET], pl.col(c.OFFSET) >= 0)
    assert got.columns == [c.OFFSET]
