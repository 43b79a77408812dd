from pathlib import Path
from types import SimpleNamespace

from sqlalchemy.engine import make_url

from soc_copilot.governance.database import Governance
from soc_copilot.governance.facts import database_facts
from soc_copilot.governance.location import locate
from soc_copilot.governance.schema import SCHEMA_HEAD


def test_facts_name_every_file(governance: Governance, db: Path, home: Path) -> None:
    facts = governance.facts()
    assert (facts.title, facts.path) == (str(db), db)
    assert facts.head == db.with_name(db.name + ".audit")
    assert facts.marker == db.with_name(db.name + ".kill")
    assert facts.keys == home / "keys"
    assert facts.schema == SCHEMA_HEAD
    assert facts.engine.startswith("SQLite 3.")
    assert "Write-ahead log" in facts.journal


def test_the_size_counts_the_write_ahead_log(governance: Governance, db: Path) -> None:
    governance.audit.record("a.b", "x")
    parts = (db, db.with_name(db.name + "-wal"))
    assert governance.facts().size_bytes == sum(part.stat().st_size for part in parts)


def test_a_note_about_the_journal_is_passed_on(governance: Governance) -> None:
    assert database_facts(governance._session, "A rollback journal.").journal == (
        "A rollback journal."
    )


def test_a_server_has_no_file(tmp_path: Path) -> None:
    place = locate("postgresql+psycopg://ana:secret@db/soc", tmp_path)
    engine = SimpleNamespace(dialect=make_url("postgresql://").get_dialect())
    session = SimpleNamespace(place=place, engine=engine)
    facts = database_facts(session, "")  # type: ignore[arg-type]
    assert (facts.path, facts.size_bytes, facts.engine) == (None, None, "postgresql")
    assert "secret" not in facts.title
