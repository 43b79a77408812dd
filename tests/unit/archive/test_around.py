import shutil
from pathlib import Path

import pytest

from soc_copilot.archive import compaction, segments
from soc_copilot.archive.around import around
from soc_copilot.archive.scan import Scanner
from soc_copilot.archive.store import Archive
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from tests.unit.archive.frames import batch_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the archive."""
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="module")
def held(folder: Path) -> list[Segment]:
    """Two files of a source, interleaved; half of it compacted. Lines are 10 bytes apart."""
    archive = Archive(folder)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "GROUP_ROWS", 16)
        patch.setattr(compaction, "GROUP_ROWS", 16)
        for i in range(10):
            batch = batch_of(
                [f"line {i:02} {k}" for k in range(10)], generation=1 + i % 2, start=i // 2 * 100
            )
            segment = archive.write(batch)
            assert segment is not None
            found.append(segment)
        done = compaction.compact(archive, found[:6], lambda: False)
    assert done is not None
    return [*found[6:], *done.new]


@pytest.mark.parametrize("offset", [0, 10, 250, 290, 300, 310, 490])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (3, 2), (40, 40), (500, 500)])
def test_the_lines_around_are_those_of_the_file(
    folder: Path, held: list[Segment], offset: int, before: int, after: int
) -> None:
    frame = around(Scanner(folder), held, (1, 2, offset), before, after)
    first, last = max(offset - 10 * before, 0), min(offset + 10 * after, 490)
    assert frame[c.OFFSET].to_list() == list(range(first, last + 10, 10))
    assert frame[c.GENERATION].unique().to_list() == [2]
    assert frame[c.ORIGINAL][0] == f"line {first // 100 * 2 + 1:02} {first % 100 // 10}"


def test_nothing_is_around_what_is_not_there(folder: Path, held: list[Segment]) -> None:
    assert around(Scanner(folder), held, (9, 1, 0), 5, 5).is_empty()
    assert around(Scanner(folder), held, (1, 9, 0), 5, 5).is_empty()
    between = around(Scanner(folder), held, (1, 1, 15), 1, 1)
    assert between[c.OFFSET].to_list() == [10, 20]


def test_what_cannot_be_read_is_passed_over(
    tmp_path: Path, folder: Path, held: list[Segment]
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / held[-1].name).write_bytes(b"rubbish")
    frame = around(Scanner(tmp_path), held, (1, 1, 350), 100, 1)
    assert frame[c.OFFSET].to_list() == [300, 310, 320, 330, 340, 350, 360]
