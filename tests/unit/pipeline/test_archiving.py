import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from soc_copilot.archive import compaction
from soc_copilot.archive.scan import Request, Scanner
from soc_copilot.archive.store import Archive
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline import archiving
from soc_copilot.pipeline.archiving import ArchiveCare, ArchiveKeeper
from tests.unit.archive.frames import access_lines
from tests.unit.pipeline.archives import Day, dated_lines, opened, store

NEWEST_US = 1_431_820_800_000_000


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    with opened(tmp_path) as governance:
        for name in ("a", "b"):
            governance.sources.add("file", str(tmp_path / name))
        yield governance


@pytest.fixture
def archive(governance: Governance) -> Iterator[Archive]:
    archive = Archive(governance.archive_folder)
    yield archive
    archive.close()


def care_of(governance: Governance, days: float = 0) -> ArchiveCare:
    return ArchiveCare(governance, threading.Event(), Day(days))


def stored_ids(governance: Governance) -> list[tuple[int, int]]:
    scanner = Scanner(governance.archive_folder)
    found = scanner.search(governance.segments.list(), Request(limit=10**6))
    assert found.damaged == []
    if not found.frame.width:
        return []
    return sorted(found.frame.select(c.SOURCE_ID, c.OFFSET).rows())


def files(governance: Governance) -> set[str]:
    return {path.name for path in governance.archive_folder.glob("*.parquet*")}


def test_batches_become_one_file_and_the_old_ones_go(
    governance: Governance, archive: Archive
) -> None:
    for i in range(5):
        store(governance, archive, access_lines(10), start=i * 10_000)
    before = stored_ids(governance)
    care = care_of(governance)
    assert care.compact() == 0  # few
    assert care.compact(everything=True) == 50
    (segment,) = governance.segments.list()
    assert (segment.level, segment.n_rows) == (1, 50)
    assert files(governance) == {segment.name}
    assert stored_ids(governance) == before
    assert care.compact(everything=True) == 0


def test_who_comes_second_changes_nothing(
    governance: Governance, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(governance, archive, access_lines(10))
    real = compaction.compact

    def slow(*args: object) -> object:
        mine = real(*args)  # type: ignore[arg-type]
        assert care_of(governance).compact(everything=True) == 10  # another one is faster
        return mine

    monkeypatch.setattr(archiving, "compact", slow)

    def once(*args: object) -> object:
        monkeypatch.setattr(archiving, "compact", real)
        return slow(*args)

    monkeypatch.setattr(archiving, "compact", once)
    assert care_of(governance).compact(everything=True) == 0
    assert len(stored_ids(governance)) == 10
    assert files(governance) == {s.name for s in governance.segments.list()}


def test_the_kill_switch_stops_the_work(governance: Governance, archive: Archive) -> None:
    store(governance, archive, access_lines(10))
    governance.kill_switch.engage("drill")
    care = care_of(governance, days=1000)
    assert care.compact(everything=True) == 0
    assert care.retain() == 0


def test_a_damaged_batch_is_left_and_the_others_go_on(
    governance: Governance, archive: Archive
) -> None:
    bad = store(governance, archive, access_lines(10))
    store(governance, archive, access_lines(10), start=5_000)
    (governance.archive_folder / bad.name).write_bytes(b"rubbish")
    care = care_of(governance)
    assert care.compact(everything=True) == 0
    assert care.n_damaged == 1
    assert care.compact(everything=True) == 10
    assert {s.name for s in governance.segments.list(level=0)} == {bad.name}


def test_old_events_go_and_the_trail_says_why(governance: Governance, archive: Archive) -> None:
    governance.sources.set_options(1, SourceOptions({"retention_days": 10}))
    store(governance, archive, access_lines(10), source_id=1)
    store(governance, archive, access_lines(20), source_id=2)
    assert care_of(governance).compact(everything=True) == 30
    assert care_of(governance, days=9).retain() == 0
    assert care_of(governance, days=11).retain() == 10
    assert {source for source, _ in stored_ids(governance)} == {2}
    assert care_of(governance, days=91).retain() == 20
    assert files(governance) == set()
    reasons = [row.reason or "" for row in governance.audit.rows()]
    assert any("Source 1: events older than 10 days." in reason for reason in reasons)
    assert any("Source 2: events older than 90 days." in reason for reason in reasons)


def test_old_events_go_out_of_a_segment_with_newer_ones(
    governance: Governance, archive: Archive
) -> None:
    governance.sources.set_options(1, SourceOptions({"retention_days": 10}))
    for source_id in (1, 2):
        store(governance, archive, dated_lines(range(20)), source_id=source_id)
    assert care_of(governance).compact(everything=True) == 40
    whole = stored_ids(governance)
    names = {s.name for s in governance.segments.list()}
    assert care_of(governance, days=11.5).retain() == 0  # a tenth is not worth it
    assert {s.name for s in governance.segments.list()} == names
    care = care_of(governance, days=12.5)
    assert care.retain() == 3
    assert stored_ids(governance) == whole[3:]
    (other,) = governance.segments.list(source_id=2)
    (kept,) = governance.segments.list(source_id=1)
    assert other.name in names
    assert files(governance) == {other.name, kept.name}
    (row,) = [row for row in governance.audit.rows() if row.action == "archive.removed"]
    said = json.loads(row.old or "")
    assert (said["events"], said["events_by_source"]) == (3, {"1": 3})
    assert {*said["segments"], other.name} == names
    assert json.loads(row.new or "") == {"segments": [kept.name]}
    assert row.reason == "Source 1: events older than 10 days."
    assert care.retain() == 0
    assert care_of(governance, days=40).retain() == 17


def test_what_is_being_trimmed_by_another_is_left_to_it(
    governance: Governance, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    governance.settings.set("archive.retention_days", 10)
    store(governance, archive, dated_lines(range(20)))
    assert care_of(governance).compact(everything=True) == 20

    def late(*args: object) -> object:
        mine = compaction.trim(*args)  # type: ignore[arg-type]
        monkeypatch.setattr(archiving, "trim", compaction.trim)
        assert care_of(governance, days=15.5).retain() == 6
        return mine

    monkeypatch.setattr(archiving, "trim", late)
    assert care_of(governance, days=15.5).retain() == 0
    assert len(stored_ids(governance)) == 14
    assert files(governance) == {s.name for s in governance.segments.list()}


def test_a_segment_that_cannot_be_read_is_not_trimmed(
    governance: Governance, archive: Archive
) -> None:
    governance.settings.set("archive.retention_days", 10)
    store(governance, archive, dated_lines(range(20)))
    assert care_of(governance).compact(everything=True) == 20
    (segment,) = governance.segments.list()
    (governance.archive_folder / segment.name).write_bytes(b"rubbish")
    care = care_of(governance, days=15.5)
    assert care.retain() == 0
    assert care.n_damaged == 1
    assert governance.segments.list() == (segment,)


def test_the_oldest_go_when_there_is_too_much(governance: Governance, archive: Archive) -> None:
    governance.sources.set_options(1, SourceOptions({"max_gib": 6e-6}))  # 6,442 bytes
    for i in range(3):
        lines = [line.replace("17/May", f"{17 + i}/May") for line in access_lines(40, seed=i)]
        store(governance, archive, lines, start=i * 10_000)
        assert care_of(governance).compact(everything=True) == 40
    sizes = [segment.size_bytes for segment in governance.segments.list()]
    keep = 0
    while keep < 3 and sum(sizes[2 - keep :]) <= 6e-6 * 2**30:
        keep += 1
    assert care_of(governance).retain() == 40 * (3 - keep)
    assert len(governance.segments.list()) == keep


def test_the_whole_archive_is_bounded(governance: Governance, archive: Archive) -> None:
    store(governance, archive, access_lines(40))
    assert care_of(governance).compact(everything=True) == 40
    assert care_of(governance).retain() == 0


def test_the_thread_compacts_sweeps_and_ends(
    tmp_path: Path, governance: Governance, archive: Archive
) -> None:
    governance.settings.set("archive.retention_days", 36_500)  # the lines are old
    for i in range(3):
        store(governance, archive, access_lines(10), start=i * 10_000)
    orphan = Archive(governance.archive_folder)
    name = orphan.keep(io.BytesIO(b"x"), 0, {}).name
    orphan.close()
    keeper = ArchiveKeeper(tmp_path / "g.db", tmp_path, look_s=0.05)
    keeper.start()
    keeper.nudge()
    deadline = time.monotonic() + 60
    while keeper.status.state != "idle" and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert keeper.status.n_compacted == 30
    assert keeper.status.n_swept == 1
    assert not (governance.archive_folder / name).exists()
    assert keeper.stop()
    assert keeper.status.state == "stopped"
    assert len(stored_ids(governance)) == 30


def test_one_keeper_works_at_a_time(
    tmp_path: Path, governance: Governance, archive: Archive
) -> None:
    store(governance, archive, access_lines(1))
    lock = archiving._keeper_lock(governance.archive_folder)
    assert lock is not None
    keeper = ArchiveKeeper(tmp_path / "g.db", tmp_path, look_s=0.02)
    keeper.start()
    deadline = time.monotonic() + 60
    while keeper.status.state != "elsewhere" and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert keeper.status.state == "elsewhere"
    lock.release()
    while keeper.status.state != "idle" and time.monotonic() < deadline:
        threading.Event().wait(0.02)
    assert keeper.status.n_compacted == 1
    assert keeper.stop()


def test_a_database_that_cannot_be_opened_shows_in_the_status(tmp_path: Path) -> None:
    (tmp_path / "g.db").write_text("no database, but long enough to be taken for one " * 9)
    keeper = ArchiveKeeper(tmp_path / "g.db", tmp_path)
    keeper.start()
    assert keeper.stop()
    assert keeper.status.state == "error"
    assert "g.db" in keeper.status.detail


CHILD = """
import sys, threading, pathlib
from soc_copilot.archive.store import Archive
from soc_copilot.pipeline.archiving import ArchiveCare
from tests.unit.archive.frames import access_lines
from tests.unit.pipeline.archives import opened, store
folder = pathlib.Path(sys.argv[1])
with opened(folder) as governance:
    archive = Archive(governance.archive_folder)
    care = ArchiveCare(governance, threading.Event())
    have = sum(s.n_rows for s in governance.segments.list())
    print("ready", flush=True)
    while True:
        store(governance, archive, access_lines(20), start=have * 100)
        have += 20
        print(have, flush=True)
        care.sweep()
        care.compact(everything=have % 60 == 0)
        care.retain()
"""


def test_killed_at_any_instant_every_event_is_there_once(
    tmp_path: Path, governance: Governance
) -> None:
    governance.settings.set("archive.retention_days", 36_500)  # the lines are old
    seed = int(os.environ.get("SOC_COPILOT_SEED", "7"))
    kills = int(os.environ.get("SOC_COPILOT_KILLS", "3"))
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    told = 0
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline().strip() == "ready"
            for _ in range(chance.randrange(1, 8)):
                told = int(child.stdout.readline())
            threading.Event().wait(chance.random() * 0.15)
            child.send_signal(signal.SIGKILL)
            told = max([told, *map(int, child.stdout.read().split())])
        care = care_of(governance)
        care.sweep()
        found = stored_ids(governance)
        assert len(found) == len(set(found))
        assert told <= len(found) <= told + 20, f"seed {seed}"
        assert files(governance) == {s.name for s in governance.segments.list()}


TRIMMER = """
import sys, threading, pathlib
from soc_copilot.pipeline.archiving import ArchiveCare
from tests.unit.pipeline.archives import Day, opened
folder, step = pathlib.Path(sys.argv[1]), int(sys.argv[2])
with opened(folder) as governance:
    print("ready", flush=True)
    while True:
        care = ArchiveCare(governance, threading.Event(), Day(10 + step / 2))
        care.sweep()
        care.retain()
        care.close()
        print(step, flush=True)
        step += 1
"""


def test_killed_while_trimming_no_event_is_lost_that_is_to_be_kept(
    tmp_path: Path, governance: Governance, archive: Archive
) -> None:
    governance.settings.set("archive.retention_days", 10)
    day_of = {}
    for i in range(4):
        days = [day / 8 + i for day in range(240)]
        stored = store(governance, archive, dated_lines(days), start=i * 100_000)
        frame = pl.read_parquet(governance.archive_folder / stored.name)
        day_of.update(zip(frame[c.OFFSET].to_list(), days, strict=True))
        assert care_of(governance).compact(everything=True) == 240
    seed = int(os.environ.get("SOC_COPILOT_SEED", "7"))
    kills = int(os.environ.get("SOC_COPILOT_KILLS", "3"))
    chance = random.Random(seed)  # noqa: S311 - a test that can be repeated
    told = 4
    for _ in range(kills):
        command = [sys.executable, "-c", TRIMMER, str(tmp_path), str(told)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline().strip() == "ready"
            for _ in range(chance.randrange(2, 12)):
                told = int(child.stdout.readline())
            threading.Event().wait(chance.random() * 0.1)
            child.send_signal(signal.SIGKILL)
            told = max([told, *map(int, child.stdout.read().split())])
        care = care_of(governance)
        care.sweep()
        care.close()
        found = [offset for _, offset in stored_ids(governance)]
        assert len(found) == len(set(found)), f"seed {seed}"
        gone = sorted(day_of[offset] for offset in day_of.keys() - set(found))
        assert not gone or gone[-1] < (told + 1) / 2, f"seed {seed}"
        old = [offset for offset in found if day_of[offset] < told / 2]
        assert len(old) <= len(found) * archiving.TRIM_SHARE, f"seed {seed}"
        trail = [row for row in governance.audit.rows() if row.action == "archive.removed"]
        assert sum(json.loads(row.old or "")["events"] for row in trail) == len(gone)
        assert files(governance) == {s.name for s in governance.segments.list()}
    assert len(trail) > 2
    assert governance.audit.verify().ok


def test_a_refusing_database_leaves_the_archive_as_it_was(
    governance: Governance, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(governance, archive, access_lines(10))

    def refuse(*args: object) -> bool:
        raise StoreError("locked")

    monkeypatch.setattr(type(governance.segments), "replace", refuse)
    care = care_of(governance)
    with pytest.raises(StoreError, match="locked"):
        care.compact(everything=True)
    care.close()
    assert len(stored_ids(governance)) == 10
    assert care_of(governance).sweep() == 1
    assert len(stored_ids(governance)) == 10


@pytest.mark.parametrize("most", [archiving.MOST_BATCHES, 3])
def test_compaction_waits_while_ingestion_is_behind_unless_too_much_waits(
    tmp_path: Path,
    governance: Governance,
    archive: Archive,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    monkeypatch.setattr(archiving, "MOST_BATCHES", most)
    for i in range(3):
        store(governance, archive, access_lines(10), start=i * 10_000)
    is_busy, asked = True, threading.Event()

    def is_behind() -> bool:
        asked.set()
        return is_busy

    keeper = ArchiveKeeper(tmp_path / "g.db", tmp_path, look_s=0.02, is_busy=is_behind)
    keeper.start()
    try:
        assert asked.wait(60)
        wait_for(lambda: keeper.status.state == "idle")
        assert keeper.status.n_compacted == (0 if most > 3 else 30)
        is_busy = False
        store(governance, archive, access_lines(10), start=90_000)
        monkeypatch.setattr(archiving, "HOUSE_S", 0.0)
        wait_for(lambda: keeper.status.n_compacted >= 40)
    finally:
        assert keeper.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
