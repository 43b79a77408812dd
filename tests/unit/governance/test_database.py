import getpass
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.governance.location import HOME_VARIABLE

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")


def test_a_fresh_database_is_ready(governance: Governance, db: Path) -> None:
    assert governance.path == db
    assert governance.url.startswith("sqlite:///")
    assert governance.journal_note == ""
    assert governance.audit.verify().ok


@needs_posix
def test_its_files_are_for_their_owner_only(governance: Governance, db: Path, home: Path) -> None:
    governance.audit.record("a.b", "x")
    governance.kill_switch.engage("test")
    assert stat.S_IMODE(db.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "keys").stat().st_mode) == 0o700
    names = {path.name for path in db.parent.iterdir()}
    assert names == {
        f"governance.db{end}" for end in ("", "-wal", "-shm", ".audit", ".kill", ".reserve")
    }
    for path in (*db.parent.iterdir(), *(home / "keys").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_closing_leaves_one_file_of_the_database(governance: Governance, db: Path) -> None:
    governance.audit.record("a.b", "x")
    governance.close()
    assert not db.with_name(db.name + "-wal").exists()


def test_the_default_place_follows_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "desk"))
    with Governance.open() as governance:
        assert governance.path == tmp_path / "desk" / "governance.db"
    assert (tmp_path / "desk" / "keys").is_dir()


def test_the_user_acts_by_default(db: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Governance.open(db, home=home) as governance:
        assert governance.actor.surface == "cli"
        assert governance.actor.name

    def nameless() -> str:
        raise OSError("no name")

    monkeypatch.setattr(getpass, "getuser", nameless)
    with Governance.open(db, home=home) as governance:
        assert governance.actor.name == "unknown"


def test_another_name_shares_the_connection(governance: Governance) -> None:
    other = governance.as_actor(Actor("bob", "service"))
    other.audit.record("a.b", "x")
    other.close()
    assert governance.audit.rows()[0].actor == "bob"
    assert other.path == governance.path


def test_a_reader_creates_nothing(tmp_path: Path, home: Path) -> None:
    with pytest.raises(StoreError, match="no governance database"):
        Governance.open(tmp_path / "none" / "g.db", home=home, read_only=True)
    assert not (tmp_path / "none").exists()
    assert not home.exists()


def test_a_reader_reads(governance: Governance, db: Path, home: Path) -> None:
    with Governance.open(db, home=home, read_only=True) as reader:
        governance.audit.record("a.b", "x")
        assert reader.audit.count() == 2
        assert reader.alerts.counts().total == 0
        assert not reader.kill_switch.is_engaged()


def test_a_folder_is_no_database(tmp_path: Path, home: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        Governance.open(tmp_path, home=home)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"These are my notes.\n" * 100)
    with pytest.raises(StoreError, match="not a SQLite database"):
        Governance.open(path, home=home)
    assert path.read_bytes() == b"These are my notes.\n" * 100
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path, home: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file"):
        Governance.open(tmp_path / "file" / "g.db", home=home)


def test_opening_and_closing_leaves_no_handle(db: Path, home: Path) -> None:
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from soc_copilot.governance.database import Governance\n"
        "def handles():\n"
        "    return sorted(os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')\n"
        "                  if os.path.exists(f'/proc/self/fd/{n}'))\n"
        "with Governance.open(sys.argv[1], home=Path(sys.argv[2])): pass\n"
        "with Governance.open(sys.argv[1], home=Path(sys.argv[2])) as g:\n"
        "    g.audit.record('a.b', 'x'); g.kill_switch.engage('x'); g.kill_switch.release('x')\n"
        "    g.audit.verify()\n"
        "if sys.platform == 'linux':\n"
        "    left = [name for name in handles() if 'governance' in name]\n"
        "    assert left == [], left\n"
    )
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", code, str(db), str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
