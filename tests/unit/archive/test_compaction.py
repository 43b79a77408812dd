import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from soc_copilot.archive import compaction, segments
from soc_copilot.archive.compaction import (
    AGE,
    BATCH_FILES,
    FANOUT,
    TARGET_ROWS,
    ages,
    compact,
    plan,
    trim,
)
from soc_copilot.archive.segments import read, read_layout
from soc_copilot.archive.store import Archive
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment, SourceShare
from soc_copilot.domain.errors import DiskFullError, StoreError
from soc_copilot.domain.events import EventBatch
from tests.unit.archive.frames import READ_NS, access_lines, batch_of, joined


def segment(name: str, n_rows: int, level: int = 0, source_id: int = 1) -> Segment:
    return Segment(name, level, n_rows, 1, "", {source_id: SourceShare(n_rows, 1, 0, 1)})


def test_few_batches_wait_unless_told_otherwise() -> None:
    few = [segment(str(i), 10) for i in range(5)]
    assert plan(few) == ()
    assert plan(few, everything=True) == tuple(few)
    many = [segment(str(i), 10) for i in range(BATCH_FILES)]
    assert plan(many) == tuple(many)


def test_no_more_is_taken_than_fills_a_file() -> None:
    large = [segment(str(i), TARGET_ROWS // 4) for i in range(6)]
    assert plan(large) == tuple(large[:4])
    huge = [segment("a", 2 * TARGET_ROWS), segment("b", 1)]
    assert plan(huge) == (huge[0],)


def test_small_segments_of_one_source_and_size_are_merged() -> None:
    small = [segment(f"s{i}", 100, level=1) for i in range(FANOUT)]
    other = [segment(f"o{i}", 100, level=1, source_id=2) for i in range(FANOUT - 1)]
    full = [segment(f"f{i}", TARGET_ROWS, level=2) for i in range(FANOUT)]
    tiny = [segment("t", 3, level=1)]
    assert plan([*other, *full, *tiny, *small]) == tuple(small)
    assert plan([*other, *full, *tiny, *small[1:]], everything=True) == ()


def whole(archive: Archive, found: Segment) -> pl.DataFrame:
    groups = read_layout(archive.folder, found).groups
    return pl.concat(
        [read(archive.folder, found, group) for group in groups], how="diagonal_relaxed"
    )


@pytest.mark.parametrize("group_rows", [7, 1000])
def test_every_event_is_in_its_sources_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_rows: int
) -> None:
    monkeypatch.setattr(segments, "GROUP_ROWS", group_rows)
    monkeypatch.setattr(compaction, "GROUP_ROWS", group_rows)
    archive = Archive(tmp_path)
    syslog = [f"Mar  5 06:07:{i:02} web sshd[77]: Accepted password for u{i}" for i in range(20)]
    web = batch_of(access_lines(45))
    auth = batch_of(syslog, source_id=2)
    batches = [joined(web, auth), batch_of(["late"], start=10**6)]
    old = [found for batch in batches if (found := archive.write(batch)) is not None]
    done = compact(archive, old, lambda: False)
    assert done is not None
    assert done.old == tuple(old)
    assert [(one.level, one.n_rows) for one in done.new] == [(1, 46), (1, 20)]
    assert done.new[0].shares[1].raw_bytes == int(web.frame[c.LENGTH].sum()) + 5
    filled = [series.name for series in auth.frame if series.null_count() < auth.n_events]
    auth_frame = auth.frame.select(filled)
    assert_frame_equal(whole(archive, done.new[1]), auth_frame, check_column_order=False)
    first = whole(archive, done.new[0])
    assert first[c.ORIGINAL].to_list() == [*access_lines(45), "late"]
    assert c.PROCESS not in first.columns
    again = compact(archive, done.new[:1] * 1, lambda: False)
    assert again is not None
    assert again.new[0].level == 2
    assert_frame_equal(whole(archive, again.new[0]), first)


def test_too_many_small_sources_are_taken_in_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_WAITING_ROWS", 10)
    archive = Archive(tmp_path)
    old = [archive.write(batch_of(["x"] * 6, source_id=i)) for i in range(1, 6)]
    done = compact(archive, [one for one in old if one is not None], lambda: False)
    assert done is not None
    assert len(done.old) == len(done.new) == 2


def test_stopping_leaves_no_new_file(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    old = [archive.write(batch_of(["x"], source_id=i)) for i in (1, 2, 3)]
    chosen = [one for one in old if one is not None]
    before = sorted(tmp_path.iterdir())
    for patience in range(7):
        answers = iter([False] * patience)
        done = compact(archive, chosen, lambda: next(answers, True))  # noqa: B023 - used at once
        if done is None:
            assert sorted(tmp_path.iterdir()) == before
        else:
            assert patience == 6


def test_a_full_disk_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    old = [archive.write(batch_of(["x"], source_id=i)) for i in (1, 2)]
    before = sorted(tmp_path.iterdir())
    calls = []

    def refuse(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DiskFullError):
        compact(archive, [one for one in old if one is not None], lambda: False)
    assert sorted(tmp_path.iterdir()) == before


def test_what_does_not_come_back_as_written_replaces_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = Archive(tmp_path)
    old = archive.write(batch_of(access_lines(5)))
    assert old is not None
    real = compaction.fingerprint
    monkeypatch.setattr(compaction, "fingerprint", lambda frame: real(frame.head(4)))
    with pytest.raises(StoreError, match="did not come back"):
        compact(archive, [old], lambda: False)
    assert [path.name for path in tmp_path.glob("*.parquet")] == [old.name]


def dated(days: list[int], generation: int = 1) -> EventBatch:
    """One line for each of these days after the lines were read."""
    times = [datetime.fromtimestamp(READ_NS // 10**9 + 86_400 * day, UTC) for day in days]
    lines = [f'10.0.0.1 - - [{time:%d/%b/%Y:%H:%M:%S +0000}] "GET / HTTP/1.1" 200 1 "-" "-"'
             for time in times]  # fmt: skip
    return batch_of(lines, generation=generation)


@pytest.mark.parametrize("group_rows", [3, 1000])
def test_the_beginnings_of_files_are_taken_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_rows: int
) -> None:
    monkeypatch.setattr(segments, "GROUP_ROWS", group_rows)
    monkeypatch.setattr(compaction, "GROUP_ROWS", group_rows)
    archive = Archive(tmp_path)
    batch = joined(dated([-5, 1, 2, 3, 5, 4, 6, 7]), dated([2, 8], 2), dated([1, 2], 3))
    old = archive.write(batch)
    assert old is not None
    done = compact(archive, [old], lambda: False)
    assert done is not None
    (segment,) = done.new
    found = ages(tmp_path, segment)
    day_us = 86_400_000_000
    in_days = ((found[AGE] - READ_NS // 1_000) / day_us).to_list()
    # When it was read counts, too, and nothing is older than what stands before it.
    assert in_days == [0, 1, 2, 3, 5, 5, 6, 7, 2, 8, 1, 2]
    left = found.filter(pl.col(AGE) >= READ_NS // 1_000 + 5 * day_us)
    starts = dict(left.group_by(c.GENERATION).agg(pl.col(c.OFFSET).min()).rows())
    assert trim(archive, segment, starts, lambda: True) is None
    assert trim(archive, segment, {}, lambda: False) is None
    assert trim(archive, segment, {9: 0}, lambda: False) is None
    new = trim(archive, segment, starts, lambda: False)
    assert new is not None
    assert (new.level, new.n_rows) == (segment.level, 5)
    assert new.max_us == segment.max_us
    assert new.min_us == READ_NS // 1_000 + 4 * day_us
    before = whole(archive, segment).sort(c.GENERATION, c.OFFSET)
    after = whole(archive, new).sort(c.GENERATION, c.OFFSET)
    assert_frame_equal(after, before[[4, 5, 6, 7, 9]])
    assert {path.name for path in tmp_path.glob("*.parquet*")} == {old.name, segment.name, new.name}
