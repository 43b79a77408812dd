from contextlib import closing
from pathlib import Path

import pytest

from soc_copilot.cli import audit
from soc_copilot.governance.database import Governance
from soc_copilot.governance.engine import sqlite_driver
from tests.unit.cli.helpers import Terminal


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    with Governance.open(db) as governance:
        governance.audit.record("test.done", "subject\x1b", "old", "new", "why")
        governance.audit.record("test.undone", "subject", "old", None)
    return Terminal(audit, str(db), capsys)


def test_a_whole_trail_exits_with_0(run: Terminal) -> None:
    said = run("audit", "verify")
    assert (said.code, said.out[:3]) == (0, "OK:")
    assert run("audit", "verify", "--json").objects[0]["ok"] is True


def test_an_altered_trail_exits_with_1(run: Terminal, db: Path) -> None:
    with closing(sqlite_driver().connect(str(db), isolation_level=None)) as connection:
        connection.execute("UPDATE audit SET actor = 'eve' WHERE seq = 2")
    said = run("audit", "verify")
    assert (said.code, said.out[:7]) == (1, "NOT OK:")
    assert run("audit", "verify", "--json").objects[0]["first_bad_seq"] == 2


def test_progress_is_shown_on_a_terminal(run: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert "Checked 3 of 3 rows.\n" in run("audit", "verify").err


def test_rows_are_listed_newest_first(run: Terminal) -> None:
    lines = run("audit", "list").out.splitlines()
    assert "test.undone" in lines[2]
    assert "old -> nothing" in lines[2]
    assert "old -> new" in lines[3]
    assert "subject␛" in lines[3]
    assert "database.created" in lines[4]


def test_rows_are_limited_and_paged(run: Terminal) -> None:
    rows = run("audit", "list", "--limit", "1", "--before", "3", "--json").objects
    assert [row["seq"] for row in rows] == [2]
    assert rows[0]["subject"] == "subject\x1b"


def test_a_lost_head_file_is_made_good_with_a_reason(run: Terminal, db: Path) -> None:
    head = db.with_name(db.name + ".audit")
    assert run("audit", "reanchor", "--reason", "no need").code == 2
    head.unlink()
    assert run("audit", "verify").code == 1
    said = run("audit", "reanchor", "--reason", "the disk\x1b failed")
    assert (said.code, said.out[:3]) == (0, "OK:")
    assert "the disk␛ failed" in said.out
    assert run("audit", "verify", "--json").objects[0]["anchored_after"] == 3
    assert run("audit", "list", "--limit", "1", "--json").objects[0]["action"] == "audit.reanchored"
