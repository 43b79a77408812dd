from pathlib import Path

from soc_copilot.governance.database import Governance


def test_facts_tell_where_everything_lies(governance: Governance, db: Path, home: Path) -> None:
    facts = governance.facts()
    assert (facts.title, facts.path) == (str(db), db)
    assert facts.keys.is_dir()
    assert facts.keys.is_relative_to(home)
    assert facts.head.is_file()
    assert facts.marker == db.with_name(db.name + ".kill")
    assert not facts.marker.exists()


def test_the_size_counts_the_write_ahead_log(governance: Governance, db: Path) -> None:
    log = db.with_name(db.name + "-wal")
    parts = [path.stat().st_size for path in (db, log) if path.exists()]
    assert governance.facts().size_bytes == sum(parts) > 0


def test_engine_schema_and_journal_are_named(governance: Governance) -> None:
    facts = governance.facts()
    assert facts.engine.startswith("SQLite 3.")
    assert facts.schema.startswith("v1_")
    assert facts.journal


def test_the_reason_for_another_journal_is_given(governance: Governance) -> None:
    governance.journal_note = "The file system has no shared memory."
    assert governance.facts().journal == "The file system has no shared memory."
