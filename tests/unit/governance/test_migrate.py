import gzip
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.records import LedgerDelta, SourceEvent
from soc_copilot.governance import migrate
from soc_copilot.governance.database import Governance
from soc_copilot.governance.engine import sqlite_driver
from soc_copilot.governance.schema import SCHEMA_HEAD, Base
from tests.unit.governance.helpers import commit, move, segment

DATA = Path(__file__).resolve().parents[2] / "data"

NEXT = '''
"""A later schema."""
import sqlalchemy as sa
from alembic import op
revision = "v1_5"
down_revision = "v1_4"
branch_labels = None
depends_on = None
def upgrade() -> None:
    """Add a column."""
    with op.batch_alter_table("setting") as table:
        table.add_column(sa.Column("later", sa.Text()))
'''

OPENER = """
import sys
from pathlib import Path
from soc_copilot.governance.database import Governance
sys.stdin.readline()
with Governance.open(sys.argv[1], home=Path(sys.argv[2])) as governance:
    print(governance.audit.verify().ok)
"""


def raw(db: Path) -> Any:
    return closing(sqlite_driver().connect(str(db), isolation_level=None))


def version(db: Path) -> str:
    with raw(db) as connection:
        found: str = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    return found


def set_version(db: Path, name: str) -> None:
    with raw(db) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (name,))


@pytest.fixture
def closed(db: Path, home: Path) -> Path:
    with Governance.open(db, home=home, actor=Actor("ana", "window")):
        pass
    return db


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose schema is one minor version ahead."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder)
    (folder / "versions" / "v1_5_later.py").write_text(NEXT, encoding="utf-8")
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    monkeypatch.setattr(migrate, "SCHEMA_HEAD", "v1_5")


def test_migrations_make_exactly_what_the_models_say(governance: Governance) -> None:
    with governance._session.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A database that a program with the first schema made and used."""
    kept, place = DATA / "governance" / "v1_0", tmp_path / "old"
    shutil.copytree(kept, place)
    db = place / "governance.db"
    db.write_bytes(gzip.decompress((place / "governance.db.gz").read_bytes()))
    return db


def test_a_database_of_the_first_schema_is_migrated_with_all_it_holds(first: Path) -> None:
    assert version(first) == "v1_0"
    with Governance.open(first, home=first.parent, actor=Actor("bob", "cli")) as governance:
        assert governance.audit.verify().ok
        row = governance.audit.rows()[0]
        assert (row.seq, row.action, row.old, row.new) == (
            *(12, "database.migrated", "v1_0", SCHEMA_HEAD),
        )
        web, apps = governance.sources.list()
        assert (web.name, web.kind, web.format, web.from_start) == ("web", "file", "access", True)
        assert (apps.pattern, apps.options.changed) == ("*.txt", {})
        assert governance.sources.get(3).path == "/var/log/\udcffé.log"
        assert [c.offset for c in governance.sources.checkpoints(1)] == [2000]
        (apps_at,) = governance.sources.checkpoints(2)
        assert (apps_at.generation, apps_at.encoding, apps_at.cursor) == (4, "", "")
        ledger = governance.sources.ledger(1)[0]
        assert ledger.totals == LedgerDelta(2000, 10, 10, 6, 3, 2, 1)
        assert (ledger.committed_bytes, ledger.alerts, ledger.n_partial) == (2000, 1, 0)
        assert governance.alerts.counts().total == 3
        # What was stored before suppressions is in the list, and may be suppressed.
        assert governance.alerts.count(AlertFilter(suppressed=False)) == 3
        assert governance.suppressions.all() == ()
        assert governance.settings.get("ui.theme") == "dark"
        assert not governance.kill_switch.is_engaged()
        # What the first schema had no place for can be stored in it now.
        event = SourceEvent("rotated", "Rotated.", 5)
        there = replace(move(2000, 2100), events=(event,))
        governance.batches.store(commit(moves=[there], segment=segment()))
        assert governance.sources.events()[0].event == event
        assert governance.segments.names() == {segment().name}
    (backup,) = first.parent.glob("*.backup-v1_0-*")
    assert version(backup) == "v1_0"
    with raw(backup) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (11,)


def test_a_migrated_database_is_what_the_models_say(first: Path) -> None:
    with Governance.open(first, home=first.parent) as governance:
        test_migrations_make_exactly_what_the_models_say(governance)
        with raw(first) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_new_database_is_at_the_head(closed: Path) -> None:
    assert version(closed) == SCHEMA_HEAD


def test_an_older_database_is_backed_up_and_migrated(closed: Path, home: Path, later: None) -> None:
    with Governance.open(closed, home=home, actor=Actor("bob", "cli")) as governance:
        row = governance.audit.rows()[0]
        assert (row.actor, row.action) == ("bob", "database.migrated")
        assert (row.old, row.new) == ("v1_4", "v1_5")
        assert governance.audit.verify().ok
    assert version(closed) == "v1_5"
    (backup,) = closed.parent.glob("*.backup-v1_4-*")
    assert version(backup) == "v1_4"
    with raw(backup) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (1,)
    if sys.platform != "win32":
        assert backup.stat().st_mode & 0o777 == 0o600


def test_an_older_database_is_not_migrated_by_a_reader(
    closed: Path, home: Path, later: None
) -> None:
    with pytest.raises(StoreError, match="brought up to date"):
        Governance.open(closed, home=home, read_only=True)
    assert version(closed) == "v1_4"


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    closed: Path, home: Path, later: None
) -> None:
    script = migrate.MIGRATIONS / "versions" / "v1_5_later.py"
    broken = """    op.execute("DELETE FROM audit")\n    raise OSError\n"""
    script.write_text(NEXT + broken, encoding="utf-8")
    with pytest.raises(OSError):  # noqa: PT011 - that it comes through is the point
        Governance.open(closed, home=home)
    assert version(closed) == "v1_4"
    with raw(closed) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (1,)
        assert len(connection.execute("PRAGMA table_info(setting)").fetchall()) == 2


def test_a_newer_major_schema_is_refused(closed: Path, home: Path) -> None:
    set_version(closed, "v2_0")
    with pytest.raises(StoreError, match=r"newer\s+than"):
        Governance.open(closed, home=home)
    assert version(closed) == "v2_0"


def test_a_newer_minor_schema_is_used_as_it_is(closed: Path, home: Path) -> None:
    set_version(closed, "v1_9")
    with Governance.open(closed, home=home) as governance:
        assert governance.audit.verify().ok
    assert version(closed) == "v1_9"
    assert list(closed.parent.glob("*.backup-*")) == []


def test_an_unknown_schema_is_refused(closed: Path, home: Path) -> None:
    set_version(closed, "abc123")
    with pytest.raises(StoreError, match="unknown schema"):
        Governance.open(closed, home=home)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, home: Path) -> None:
    db = tmp_path / "theirs.db"
    with raw(db) as connection:
        connection.execute("CREATE TABLE people (name TEXT)")
    with pytest.raises(StoreError, match="another program"):
        Governance.open(db, home=home)
    with raw(db) as connection:
        names = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert names == [("people",)]


def test_a_damaged_identity_names_no_key_file(closed: Path, home: Path) -> None:
    with raw(closed) as connection:
        connection.execute("UPDATE database SET database_id = '../../etc/passwd'")
    with pytest.raises(StoreError, match="identity"):
        Governance.open(closed, home=home)


def test_a_database_made_anew_keeps_what_the_former_one_left_aside(
    closed: Path, home: Path
) -> None:
    closed.unlink()
    for end in ("archive", "spool", "quarantine"):
        folder = closed.with_name(f"{closed.name}.{end}")
        (folder / "1").mkdir(parents=True)
    with Governance.open(closed, home=home) as governance:
        assert governance.audit.verify().ok
    for end in ("audit", "archive", "spool", "quarantine"):
        assert closed.with_name(f"{closed.name}.{end}.old-1").exists()
    for end in ("archive", "spool", "quarantine"):
        assert not closed.with_name(f"{closed.name}.{end}").exists()


def test_processes_that_open_a_new_database_at_once_agree(db: Path, home: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", OPENER, str(db), str(home)]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    answers = [child.communicate(timeout=60)[0].strip() for child in children]
    assert answers == ["True"] * 3
    with Governance.open(db, home=home) as governance:
        assert [row.action for row in governance.audit.rows()] == ["database.created"]
