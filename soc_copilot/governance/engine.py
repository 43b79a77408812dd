"""Connections to the governance database with durable settings, or a clear refusal."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from soc_copilot.domain.errors import DiskFullError, StoreError
from soc_copilot.governance.location import Place
from soc_copilot.governance.reserve import takes_no_more

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_S = 10.0  # chosen: how long a writer waits for another one
JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024  # chosen: the write-ahead log shrinks to this
_PG_DISK_FULL = "53100"  # PostgreSQL, appendix A: disk_full
# What SQLite says where it does not recognise a lack of room: of its shared memory file, of a
# user's share of the disk, or found by fsync.
_PERHAPS_FULL = ("disk I/O error", "unable to open database file")
IMMEDIATE = "soc_copilot_immediate"  # key in Connection.info: the next transaction writes


def sqlite_driver() -> ModuleType:
    """The SQLite module: `pysqlite3`, which bundles a recent SQLite, or the standard one.

    One process must not mix two copies of SQLite on one file: POSIX drops a process's locks
    on a file when any part of the process closes it.
    """
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        import sqlite3

        return sqlite3
    module: ModuleType = dbapi2
    return module


def has_sound_wal(version: tuple[int, ...]) -> bool:
    """True when this SQLite is free of the WAL-reset fault.

    Two connections that write and checkpoint at the same moment could damage the database
    from 3.7.0 to 3.51.2; 3.50.7 and 3.44.6 carry the repair, 3.52.0 was withdrawn.

    Source:
        SQLite's "Write-Ahead Logging", section 11, and its release log.
    """
    if version[:3] == (3, 52, 0):
        return False
    if version[:2] == (3, 50):
        return version >= (3, 50, 7)
    if version[:2] == (3, 44):
        return version >= (3, 44, 6)
    return version >= (3, 51, 3)


def open_engine(place: Place, *, read_only: bool) -> Engine:
    """An engine whose connections are opened on demand and never kept by a pool.

    Raises:
        StoreError: No driver for the URL is installed.
    """
    if place.path is None:
        return _open_server(place)
    driver = sqlite_driver()
    path = place.path

    def connect() -> Any:
        return driver.connect(_file_uri(path), uri=True, timeout=BUSY_TIMEOUT_S)

    engine = create_engine(
        "sqlite://", module=driver, creator=connect, poolclass=NullPool, hide_parameters=True
    )
    event.listen(engine, "connect", lambda raw, _: _set_up(raw, read_only))
    event.listen(engine, "begin", _begin)
    return engine


def _open_server(place: Place) -> Engine:
    try:
        return create_engine(place.url, poolclass=NullPool, hide_parameters=True)
    except (ImportError, NoSuchModuleError) as error:
        raise StoreError(
            f'No driver for "{place.title}" is installed: {error}. '
            "For PostgreSQL, install psycopg and begin the URL with postgresql+psycopg://."
        ) from error


def _file_uri(path: Path) -> str:
    # mode=rw never creates: a database deleted under a running program stays gone, visibly.
    text = quote(path.as_posix())
    return f"file:{text if text.startswith('/') else '/' + text}?mode=rw"


def _set_up(raw: Any, read_only: bool) -> None:
    raw.isolation_level = None  # transactions begin where we say, in `_begin`
    for pragma in (
        "foreign_keys = ON",
        "synchronous = FULL",  # a commit is on disk when it returns
        "mmap_size = 0",  # a truncated file must be an error, not a bus error
        "trusted_schema = OFF",
        f"journal_size_limit = {JOURNAL_LIMIT_BYTES}",
        f"query_only = {'ON' if read_only else 'OFF'}",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # IMMEDIATE takes the write lock at once: a transaction that reads first and writes later
    # would fail, not wait, when another one wrote in between.
    immediate = connection.info.pop(IMMEDIATE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def choose_journal(engine: Engine) -> str:
    """Set the journal mode that this SQLite can be trusted with.

    Returns:
        One sentence for the operator when it is not the write-ahead log, else "".

    Raises:
        StoreError: The mode cannot be changed because others use the database.
    """
    driver = sqlite_driver()
    sound = has_sound_wal(tuple(driver.sqlite_version_info))
    wanted = "wal" if sound else "delete"
    raw = engine.raw_connection()
    try:
        found = _set_journal(raw.driver_connection, wanted)
    finally:
        raw.close()
    if sound:
        if found == "wal":
            return ""
        return f'This place cannot hold a write-ahead log; the journal mode is "{found}".'
    if found == "wal":
        raise StoreError(
            f"SQLite {driver.sqlite_version} can damage a database in WAL mode, and another "
            "program has this one open so that the mode cannot be changed. Close the other "
            "program, or install pysqlite3."
        )
    return (
        f"SQLite {driver.sqlite_version} has the WAL-reset fault, so a rollback journal is used: "
        "safe, but readers wait for writers. Install pysqlite3 for the write-ahead log."
    )


def _set_journal(raw: Any, wanted: str) -> str:
    # Changing the mode needs the file alone for a moment and does not wait by itself.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            return str(raw.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0])
        except sqlite_driver().OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def translated(title: str, path: Path | None = None) -> Iterator[None]:
    """Turn a driver's errors into `StoreError`, without values from statements in the text.

    Args:
        title: The database's name for messages.
        path: The SQLite file, to tell a full disk from a broken one.

    Raises:
        DiskFullError: There is no room left.
        StoreError: Anything else went wrong.
    """
    try:
        yield
    except DBAPIError as error:
        raise _store_error(title, path, error.orig) from error
    except SQLAlchemyError as error:
        raise StoreError(f'Cannot use the governance database "{title}": {error}.') from error
    except sqlite_driver().Error as error:
        raise _store_error(title, path, error) from error


def _store_error(title: str, path: Path | None, cause: BaseException | None) -> StoreError:
    text = str(cause)
    is_full = "disk is full" in text.lower() or getattr(cause, "sqlstate", None) == _PG_DISK_FULL
    if not is_full and path is not None and any(sign in text for sign in _PERHAPS_FULL):
        is_full = takes_no_more(path.parent)
    if is_full:
        return DiskFullError(
            f'Cannot use the governance database "{title}": the disk is full. Free some space; '
            "nothing was half written."
        )
    return StoreError(_explain(title, text))


def _explain(title: str, cause: str) -> str:
    low = cause.lower()
    if "locked" in low or "busy" in low:
        advice = "another process holds it for writing. Try again, or stop the other process."
    elif "disk i/o error" in low:
        advice = (
            "the disk reports an error. Nothing was half written; look at the system's log, and "
            "copy the database to a sound disk."
        )
    elif "not a database" in low:
        advice = "it is not a SQLite database. Choose another file with --db."
    elif "malformed" in low or "disk image" in low:
        advice = "it is damaged. Restore it from a backup; keep the damaged file for analysis."
    elif "readonly" in low or "read-only" in low:
        advice = "it may only be read. Give write access to the file and its folder."
    elif "unable to open" in low:
        advice = "it cannot be opened. Check that the file exists and who may read it."
    else:
        advice = f"{cause.strip().splitlines()[0] if cause.strip() else 'unknown error'}."
    return f'Cannot use the governance database "{title}": {advice}'
