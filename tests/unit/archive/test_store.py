import errno
import hashlib
import os
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from soc_copilot.archive.store import Archive, fault_of
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DiskFullError, StoreError
from soc_copilot.domain.events import EventBatch
from tests.unit.archive.frames import access_lines, batch_of, joined


def test_a_batch_becomes_one_file_that_holds_it_whole(tmp_path: Path) -> None:
    batch = joined(batch_of(access_lines(30)), batch_of(["odd line"], source_id=7))
    segment = Archive(tmp_path / "a").write(batch)
    assert segment is not None
    path = tmp_path / "a" / segment.name
    assert_frame_equal(pl.read_parquet(path), batch.frame)
    assert segment.hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (segment.level, segment.n_rows, segment.size_bytes) == (0, 31, path.stat().st_size)


def test_each_source_has_its_share(tmp_path: Path) -> None:
    lines = access_lines(30)
    segment = Archive(tmp_path).write(joined(batch_of(lines), batch_of(["odd"], source_id=7)))
    assert segment is not None
    assert set(segment.shares) == {1, 7}
    first = segment.shares[1]
    assert first.n_rows == 30
    assert first.raw_bytes == sum(len(line) + 1 for line in lines)
    assert first.min_us == 1_431_820_800_000_000  # 17/May/2015:00:00:00 UTC
    assert first.max_us == first.min_us + 29_000_000
    assert segment.shares[7].raw_bytes == 4


def test_a_batch_without_events_makes_no_file(tmp_path: Path) -> None:
    empty = EventBatch(1, batch_of(["x"]).frame.clear())
    assert Archive(tmp_path / "a").write(empty) is None
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    archive = Archive(tmp_path)

    def refuse(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("soc_copilot.archive.files.os.fsync", refuse)
    with pytest.raises(DiskFullError, match="the disk is full"):
        archive.write(batch_of(["x"]))
    assert [p.suffix for p in tmp_path.iterdir()] == [".lock"]


def test_a_folder_that_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file, not a folder")
    with pytest.raises(StoreError, match="a") as caught:
        Archive(tmp_path / "a").write(batch_of(["x"]))
    assert not isinstance(caught.value, DiskFullError)


def test_a_discarded_segment_is_gone(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    segment = archive.write(batch_of(["x"]))
    assert segment is not None
    archive.discard(segment)
    assert not (tmp_path / segment.name).exists()


def test_names_never_repeat(tmp_path: Path) -> None:
    names = set()
    for _ in range(3):
        archive = Archive(tmp_path)
        for _ in range(3):
            segment = archive.write(batch_of(["x"]))
            assert segment is not None
            names.add(segment.name)
        archive.close()
    assert len(names) == 9
    assert batch_of(["x"]).frame[c.SOURCE_ID].to_list() == [1]


def test_a_file_is_compared_with_its_hash(tmp_path: Path) -> None:
    segment = Archive(tmp_path).write(batch_of(["x"]))
    assert segment is not None
    assert fault_of(tmp_path, segment) == ""
    path = tmp_path / segment.name
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert fault_of(tmp_path, segment) == "altered or damaged"
    path.unlink()
    assert fault_of(tmp_path, segment) == "gone"
    path.mkdir()
    assert "cannot be read" in fault_of(tmp_path, segment)
