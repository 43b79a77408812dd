import threading
from pathlib import Path

import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.cli import archive as command
from soc_copilot.domain.governance import Actor, BatchCommit
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PositionMove
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS
from tests.unit.archive.frames import access_lines
from tests.unit.cli.helpers import Terminal
from tests.unit.pipeline.archives import store


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db) as governance:
        governance.settings.set("archive.retention_days", 36_500)
    return Terminal(command, str(db), capsys)


def fill(db: Path) -> None:
    with Governance.open(db) as governance:
        governance.sources.add("file", "/var/log/a.log", name="web")
        archive = Archive(governance.archive_folder)
        for i in range(3):
            store(governance, archive, access_lines(20), start=i * 10_000)
        archive.close()


def test_an_empty_archive_says_so(run: Terminal) -> None:
    assert run("archive", "status").out == "The archive is empty.\n"
    assert run("archive", "compact").code == 0


def test_the_archive_is_measured_and_compacted(run: Terminal, db: Path) -> None:
    fill(db)
    (before,) = run("archive", "status", "--json").objects
    assert (before["name"], before["n_events"], before["n_files"]) == ("web", 60, 3)
    said = run("archive", "compact")
    assert said.code == 0
    assert "Compacted 60 events" in said.out
    (after,) = run("archive", "status", "--json").objects
    assert (after["n_events"], after["n_files"]) == (60, 1)
    assert after["size_bytes"] < before["size_bytes"]
    assert "web" in run("archive", "status").out
    assert run("archive", "compact", "--json").objects[0]["compacted"] == 0


def test_an_engaged_switch_leaves_it_as_it_is(run: Terminal, db: Path) -> None:
    fill(db)
    with Governance.open(db) as governance:
        governance.kill_switch.engage("drill")
    said = run("archive", "compact")
    assert said.code == 1
    assert "kill switch" in said.out
    assert run("archive", "status", "--json").objects[0]["n_files"] == 3


def test_a_source_is_verified(run: Terminal, db: Path, tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"line {i}\n" for i in range(200)))
    settings = {setting.key: setting.default for setting in SETTINGS}
    settings |= {"ingestion.batch_interval_s": 0.1, "detection.web.enabled": False}
    with Governance.open(db) as governance:
        governance.sources.add("file", str(log), name="web", from_start=True)
        governance.sources.add("journald", "system")
    with IngestSession(str(db), settings, Actor("t", "cli"), only_sources=[1]) as session:
        while not session.is_idle:
            session.run_batch(threading.Event())
    said = run("archive", "verify")
    assert said.code == 0
    assert "200 lines, each stands exactly once" in said.out
    assert "5 lines" in run("archive", "verify", "1", "--range", "0:35").out
    log.write_text(log.read_text().replace("line 140", "lime 140"))
    wrong = run("archive", "verify", "1")
    assert wrong.code == 1
    assert "differing: 1-1-1150" in wrong.out
    (report,) = run("archive", "verify", "1", "--json").objects
    assert (report["lines"], report["differing"], report["is_sound"]) == (200, 1, False)


def test_what_cannot_be_read_again_is_no_proof(run: Terminal, db: Path) -> None:
    fill(db)
    with Governance.open(db) as governance:
        move = PositionMove(-1, Checkpoint(1, 1, "/nowhere/a.log", 500), LedgerDelta())
        governance.batches.store(BatchCommit(0, (), (move,)))
    said = run("archive", "verify", "1")
    assert said.code == 1
    assert "nothing could be read again" in said.out
    assert "/nowhere/a.log" in said.out


def test_a_range_must_be_one(run: Terminal) -> None:
    assert "is no range" in run.refuses("archive", "verify", "1", "--range", "5")
    assert run("archive", "verify", "2").code == 2
