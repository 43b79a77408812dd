import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from soc_copilot.domain.errors import StoreError
from soc_copilot.governance import engine as engine_module
from soc_copilot.governance.database import Governance
from soc_copilot.governance.engine import (
    IMMEDIATE,
    has_sound_wal,
    open_engine,
    sqlite_driver,
    translated,
)
from soc_copilot.governance.location import locate


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 3), False),
        ((3, 50, 4), False),
        ((3, 50, 7), True),
        ((3, 51, 1), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), False),
        ((3, 53, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_only_repaired_versions_may_use_the_write_ahead_log(
    version: tuple[int, int, int], sound: bool
) -> None:
    assert has_sound_wal(version) is sound


def test_the_installed_driver_is_a_sound_one() -> None:
    assert has_sound_wal(tuple(sqlite_driver().sqlite_version_info))


def test_the_standard_module_serves_where_pysqlite3_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pysqlite3", None)
    assert sqlite_driver() is sqlite3


def test_connections_are_durable_and_strict(governance: Governance, db: Path) -> None:
    engine = open_engine(locate(db), read_only=False)
    with engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size", "query_only")
        }
    assert pragmas["journal_mode"] == "wal"
    assert pragmas["synchronous"] == 2  # FULL
    assert pragmas["foreign_keys"] == 1
    assert not pragmas["mmap_size"]
    assert pragmas["query_only"] == 0


def test_a_reader_cannot_write(governance: Governance, db: Path) -> None:
    engine = open_engine(locate(db), read_only=True)
    with (
        pytest.raises(StoreError, match="only be read"),
        translated("x"),
        engine.connect() as connection,
    ):
        connection.execute(text("DELETE FROM audit"))


def test_a_deleted_database_is_not_made_again(tmp_path: Path) -> None:
    engine = open_engine(locate(tmp_path / "gone.db"), read_only=False)
    with pytest.raises(StoreError, match="cannot be opened"), translated("x"):
        engine.connect()
    assert not (tmp_path / "gone.db").exists()


def test_a_second_writer_is_told_of_the_first(governance: Governance, db: Path) -> None:
    engine = open_engine(locate(db), read_only=False)
    with engine.connect() as one:
        one.info[IMMEDIATE] = True
        with one.begin(), engine.connect() as other:
            other.connection.driver_connection.execute("PRAGMA busy_timeout = 1")
            other.info[IMMEDIATE] = True
            with pytest.raises(StoreError, match="another process"), translated("x"):
                other.begin()


def test_odd_characters_in_a_path_are_no_options(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory#b%41 c.db"
    with Governance.open(path, home=tmp_path):
        assert path.exists()


def test_a_faulty_sqlite_gets_a_rollback_journal_and_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "has_sound_wal", lambda version: False)
    with Governance.open(tmp_path / "g.db", home=tmp_path) as governance:
        assert "rollback journal" in governance.journal_note
        governance.audit.record("test.done", "test")
        assert governance.audit.verify().ok
    assert not (tmp_path / "g.db-wal").exists()


def test_a_faulty_sqlite_leaves_a_database_that_others_use_in_wal_mode_alone(
    governance: Governance, db: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    governance.audit.count()
    monkeypatch.setattr(engine_module, "has_sound_wal", lambda version: False)
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_S", 0.05)
    with pytest.raises(StoreError, match=r"another|hold"):
        Governance.open(db, home=home)


def test_a_missing_server_driver_is_named() -> None:
    with pytest.raises(StoreError, match="No driver"):
        open_engine(locate("postgresql+nosuchdriver://host/db"), read_only=False)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ("database is locked", "another process"),
        ("database or disk is full", "disk is full"),
        ("file is not a database", "not a SQLite database"),
        ("database disk image is malformed", "damaged"),
        ("attempt to write a readonly database", "only be read"),
        ("unable to open database file", "cannot be opened"),
        ("something else", "something else"),
        ("", "unknown error"),
    ],
)
def test_driver_errors_say_what_to_do(cause: str, said: str) -> None:
    with pytest.raises(StoreError, match=said), translated("/x/g.db"):
        raise sqlite_driver().OperationalError(cause)


def test_values_stay_out_of_error_messages(governance: Governance, db: Path) -> None:
    engine = open_engine(locate(db), read_only=False)
    with (
        pytest.raises(StoreError) as caught,
        translated("x"),
        engine.connect() as connection,
    ):
        connection.execute(text("SELECT nothing, :secret"), {"secret": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_place_without_a_write_ahead_log_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = SimpleNamespace(driver_connection=None, close=lambda: None)
    monkeypatch.setattr(engine_module, "_set_journal", lambda connection, wanted: "delete")
    note = engine_module.choose_journal(SimpleNamespace(raw_connection=lambda: raw))  # type: ignore[arg-type]
    assert "delete" in note
