from pathlib import Path

import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.cli import archive as command
from soc_copilot.governance.database import Governance
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


def test_every_file_is_compared_with_its_hash(run: Terminal, db: Path) -> None:
    fill(db)
    said = run("archive", "verify")
    assert (said.code, said.out) == (0, "3 of 3 files are as they were written.\n")
    with Governance.open(db) as governance:
        bad, gone, _ = governance.segments.list()
        (governance.archive_folder / bad.name).write_bytes(b"rubbish")
        (governance.archive_folder / gone.name).unlink()
    said = run("archive", "verify")
    assert said.code == 1
    assert f"{bad.name}: altered or damaged; it held 20 events." in said.out
    assert f"{gone.name}: gone" in said.out
    assert "1 of 3 files" in said.out
    assert {o["fault"] for o in run("archive", "verify", "--json").objects} == {
        "altered or damaged", "gone"
    }  # fmt: skip
