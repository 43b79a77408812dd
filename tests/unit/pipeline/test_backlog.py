import os
from pathlib import Path

from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.pipeline.backlog import Backlog, backlog


def spot(path: Path, offset: int, **more: object) -> Checkpoint:
    inode = path.stat().st_ino if path.is_file() else 0
    return Checkpoint(1, 1, str(path), offset, **{"inode": inode, **more})  # type: ignore[arg-type]


def test_what_stands_behind_the_position_of_the_same_file_is_left(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"x" * 100)
    os.utime(log, (0, 0))
    left = backlog("file", [spot(log, 60)])
    assert left.size_bytes == 40
    assert left.age_s > 1e9
    assert backlog("file", [spot(log, 60, inode=1)]).size_bytes == 0
    assert backlog("file", [spot(log, 60, finished=True)]).size_bytes == 0
    assert backlog("file", [spot(log, 60, compression="gzip")]).size_bytes == 0
    assert backlog("file", [spot(tmp_path / "gone.log", 60)]).size_bytes == 0


def test_a_spool_is_as_long_as_all_it_ever_held(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    writer = SpoolWriter(folder, 1_000_000, at_least=5_000)
    writer.write([b"a line", b"another"])
    writer.close()
    assert backlog("syslog-tcp", [spot(folder, 5_007)]).size_bytes == len(b"another\n")
    assert backlog("activity", [spot(folder, 5_015)]) == Backlog(0, 0.0)
    assert backlog("json-tcp", [spot(tmp_path / "none", 0)]).size_bytes == 0


def test_nothing_can_be_told_of_a_journal() -> None:
    assert backlog("journald", [Checkpoint(1, 1, "system", 9)]) == Backlog(None, 0.0)
