import os
from pathlib import Path

import pytest

from soc_copilot.pipeline.quarantine import Quarantine
from tests.unit.pipeline.test_core import make_chunk


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_same_lines_are_kept_once(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path / "q")
    for _ in range(2):
        quarantine.keep([make_chunk(3, -1, 2)])
    assert names(tmp_path / "q") == ["3-1-0-3.lines"]
    assert (tmp_path / "q" / "3-1-0-3.lines").read_bytes() == b"a\na\n"


def test_the_oldest_make_room_for_new_ones(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, max_bytes=8)
    for i, start in enumerate((0, 4, 8)):
        quarantine.keep([make_chunk(1, start, 2)])
        os.utime(tmp_path / f"1-1-{start}-{start + 4}.lines", ns=(i, i))
    assert names(tmp_path) == ["1-1-4-8.lines", "1-1-8-12.lines"]


def test_a_folder_that_cannot_be_written_does_not_stop_ingestion(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "q").write_text("a file, not a folder")
    Quarantine(tmp_path / "q").keep([make_chunk(1, 0, 2)])
    assert "Cannot keep a copy" in caplog.text
