"""Where a governance database lies and how it is kept, for people who look after it."""

from dataclasses import dataclass
from pathlib import Path

from soc_copilot.governance.engine import sqlite_driver
from soc_copilot.governance.schema import SCHEMA_HEAD
from soc_copilot.governance.session import Session


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """Facts about one governance database.

    Attributes:
        title: Its path, or its URL without the password.
        size_bytes: Of the file and its write-ahead log; None on a database server.
        schema: Version of the schema.
        engine: The database engine and its version.
        journal: How commits are kept, with the reason where it is not the write-ahead log.
        keys: Folder of the keys of the audit chain.
        head: The audit chain's head file.
        marker: The kill switch's marker file.
    """

    title: str
    path: Path | None
    size_bytes: int | None
    schema: str
    engine: str
    journal: str
    keys: Path
    head: Path
    marker: Path


def database_facts(session: Session, journal_note: str) -> DatabaseFacts:
    """Gather the facts; looks at the disk."""
    place = session.place
    if place.path is None:
        engine, journal = session.engine.dialect.name, "Kept by the database server."
    else:
        engine = f"SQLite {sqlite_driver().sqlite_version}"
        journal = journal_note or "Write-ahead log, synced at each commit."
    return DatabaseFacts(
        title=place.title,
        path=place.path,
        size_bytes=None if place.path is None else _size(place.path),
        schema=SCHEMA_HEAD,
        engine=engine,
        journal=journal,
        keys=place.keys,
        head=place.head,
        marker=place.marker,
    )


def _size(path: Path) -> int:
    log = Path(f"{path}-wal")
    return sum(one.stat().st_size for one in (path, log) if one.exists())
