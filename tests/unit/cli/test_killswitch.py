from pathlib import Path

import pytest

from soc_copilot.cli import killswitch
from soc_copilot.governance.database import Governance
from tests.unit.cli.helpers import Terminal


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db):
        pass
    return Terminal(killswitch, str(db), capsys)


def test_the_exit_code_of_status_tells_the_state(run: Terminal) -> None:
    assert run("killswitch", "status").code == 0
    assert run("killswitch", "engage", "--reason", "test").code == 0
    said = run("killswitch", "status")
    assert said.code == 3
    assert "ENGAGED" in said.out
    assert "test" in said.out
    assert run("killswitch", "release", "--reason", "done").code == 0
    assert "released" in run("killswitch", "status").out


def test_json_tells_who_and_why(run: Terminal) -> None:
    (engaged,) = run("killswitch", "engage", "--reason", "a\x1bb", "--json").objects
    assert (engaged["engaged"], engaged["readable"]) == (True, True)
    assert (engaged["reason"], engaged["surface"]) == ("a\x1bb", "cli")
    assert run("killswitch", "status", "--json").objects == [engaged]


def test_a_mistyped_database_is_no_released_switch(run: Terminal, db: Path) -> None:
    db.unlink()
    for arguments in (["status"], ["engage", "--reason", "x"], ["release", "--reason", "x"]):
        said = run("killswitch", *arguments)
        assert (said.code, said.out) == (2, "")
        assert "no governance database" in said.err


def test_a_reason_is_required(run: Terminal) -> None:
    assert "--reason" in run.refuses("killswitch", "engage")
    said = run("killswitch", "engage", "--reason", " ")
    assert (said.code, said.out) == (2, "")
    assert "reason" in said.err


def test_hidden_characters_in_a_reason_are_shown(run: Terminal) -> None:
    assert "\x1b" not in run("killswitch", "engage", "--reason", "a\x1b[2Jb").out


def test_halting_without_a_record_is_said(run: Terminal, tmp_path: Path) -> None:
    run("killswitch", "status")
    for key in (tmp_path / "home" / "keys").iterdir():
        key.unlink()
    said = run("killswitch", "engage", "--reason", "panic")
    assert said.code == 2
    assert "ENGAGED" in said.out
    assert "marker file only" in said.err
    assert run("killswitch", "status").code == 3


def test_a_change_is_audited_as_made_at_the_command_line(run: Terminal, db: Path) -> None:
    run("killswitch", "engage", "--reason", "test")
    with Governance.open(db) as governance:
        row = governance.audit.rows()[0]
    assert (row.action, row.surface, row.reason) == ("killswitch.engaged", "cli", "test")


def test_help_names_the_exit_code(run: Terminal) -> None:
    assert "exit code 3" in " ".join(run.help("killswitch", "status").split())
