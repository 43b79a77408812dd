from pathlib import Path

import pytest

from soc_copilot.cli import sources
from soc_copilot.domain.records import LedgerDelta
from soc_copilot.governance.database import Governance
from tests.unit.cli.helpers import Terminal
from tests.unit.governance.helpers import commit, move


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db):
        pass
    return Terminal(sources, str(db), capsys)


def test_an_empty_list_says_how_to_add_one(run: Terminal) -> None:
    assert "sources add" in run("sources", "list").out
    assert "sources add" in run("sources", "ledger").out
    assert run("sources", "list", "--json").out == ""


def test_a_file_is_added_listed_and_removed(run: Terminal, tmp_path: Path) -> None:
    path = str(tmp_path / "auth.log")
    said = run("sources", "add", path, "--format", "syslog", "--from-start", "--name", "logins")
    assert (said.code, said.out) == (0, f"Added source 1: {path}\n")
    (listed,) = run("sources", "list", "--json").objects
    assert (listed["kind"], listed["format"], listed["from_start"]) == ("file", "syslog", True)
    assert "logins" in run("sources", "list").out
    assert run("sources", "remove", "1", "--reason", "done").code == 0
    assert run("sources", "list", "--json").objects == []


def test_adding_the_first_source_makes_the_database(
    run: Terminal, db: Path, tmp_path: Path
) -> None:
    db.unlink()
    assert run("sources", "list").code == 2
    assert run("sources", "add", str(tmp_path / "a.log")).code == 0
    assert run("sources", "list").code == 0


def test_a_folder_is_added_with_its_pattern(run: Terminal, tmp_path: Path) -> None:
    (added,) = run("sources", "add", str(tmp_path), "--pattern", "*.txt", "--json").objects
    assert (added["kind"], added["pattern"]) == ("directory", "*.txt")
    assert run("sources", "remove", "1", "--json").objects == [
        {"removed": 1, "path": str(tmp_path)}
    ]


def test_a_pattern_is_for_folders(run: Terminal, tmp_path: Path) -> None:
    said = run("sources", "add", str(tmp_path / "x.log"), "--pattern", "*.log")
    assert said.code == 2
    assert "--pattern" in said.err


def test_errors_are_said_and_exit_with_2(run: Terminal, tmp_path: Path) -> None:
    run("sources", "add", str(tmp_path / "a.log"))
    again = run("sources", "add", str(tmp_path / "a.log"))
    assert (again.code, again.out) == (2, "")
    assert "source 1" in again.err
    assert run("sources", "remove", "9").code == 2
    assert "--format" in run.refuses("sources", "add", "x", "--format", "nonsense")


def test_the_ledger_is_shown_and_checked(run: Terminal, db: Path, tmp_path: Path) -> None:
    run("sources", "add", str(tmp_path / "a.log"))
    with Governance.open(db) as governance:
        good = LedgerDelta(1_234_567, 0, 3, 2, 1)
        governance.batches.store(commit(moves=[move(-1, 1_234_567, ledger=good)]))
    said = run("sources", "ledger")
    assert said.code == 0
    assert "1,234,567" in said.out
    (told,) = run("sources", "ledger", "1", "--json").objects
    assert (told["lines"], told["parsed"], told["unparsed"], told["adds_up"]) == (3, 2, 1, True)
    with Governance.open(db) as governance:
        bad = LedgerDelta(lines=5, parsed=4)
        governance.batches.store(commit(moves=[move(1_234_567, 1_234_567, ledger=bad)]))
    said = run("sources", "ledger")
    assert said.code == 1
    assert "NO" in said.out
