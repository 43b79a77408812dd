import shutil
import sqlite3 as standard
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_copilot.domain.governance import Actor, AuditReport
from soc_copilot.governance import audit
from soc_copilot.governance.chain import FIELDS
from soc_copilot.governance.database import Governance
from soc_copilot.governance.engine import sqlite_driver

COLUMNS = (*FIELDS, "mac")
ROWS = 6


def raw(db: Path) -> Any:
    return closing(sqlite_driver().connect(str(db), isolation_level=None))


def sql(db: Path, *statements: str) -> None:
    with raw(db) as connection:
        for statement in statements:
            connection.execute(statement)


def fill(governance: Governance) -> None:
    governance.audit.record("test.plain", "subject 1", "old", "new", "reason")
    governance.audit.record("test.nothing", "subject 2")
    governance.audit.record("test.odd", "\0\udc80 é \u202e", "", "\U0010f801", "x" * 300)
    governance.audit.record("test.digits", "1", "1", "1", "1")
    governance.audit.record("test.last", "subject 5", "old")


@pytest.fixture
def filled(governance: Governance) -> Governance:
    fill(governance)
    return governance


def head_path(db: Path) -> Path:
    return db.with_name(db.name + ".audit")


def test_rows_come_newest_first_by_key(filled: Governance) -> None:
    rows = filled.audit.rows()
    assert [row.seq for row in rows] == [6, 5, 4, 3, 2, 1]
    assert [row.seq for row in filled.audit.rows(4, 2)] == [3, 2]
    assert filled.audit.count() == ROWS
    assert rows[-1].action == "database.created"


def test_rows_say_who_what_and_why(filled: Governance) -> None:
    row = filled.audit.rows(3, 1)[0]
    assert (row.actor, row.surface, row.action) == ("ana", "window", "test.plain")
    assert (row.subject, row.old, row.new, row.reason) == ("subject 1", "old", "new", "reason")
    odd = filled.audit.rows(5, 1)[0]
    assert (odd.subject, odd.old, odd.new) == ("\0\udc80 é \u202e", "", "\U0010f801")


def test_another_name_is_recorded_under_it(governance: Governance) -> None:
    governance.as_actor(Actor("bob", "cli")).audit.record("a.b", "x")
    assert (governance.audit.rows()[0].actor, governance.audit.rows()[0].surface) == ("bob", "cli")


def test_an_untouched_trail_is_ok(filled: Governance) -> None:
    seen: list[tuple[int, int]] = []
    report = filled.audit.verify(lambda done, total: seen.append((done, total)))
    assert report == AuditReport(
        True, ROWS, None, "All 6 rows of the audit trail are as they were written."
    )
    assert seen == [(ROWS, ROWS)]


def test_a_trail_longer_than_a_page_is_ok(
    filled: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE_ROWS", 4)
    assert filled.audit.verify().ok
    monkeypatch.setattr(audit, "PAGE_ROWS", 3)  # the last page is a full one
    assert filled.audit.verify().ok


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("DELETE FROM audit WHERE seq = 6", 6),
        ("DELETE FROM audit WHERE seq > 3", 4),
        ("DELETE FROM audit", 1),
        ("INSERT INTO audit SELECT 7, at_us, actor, surface, action, subject, old, new, reason, "
         "mac FROM audit WHERE seq = 6", 7),
        ("INSERT INTO audit SELECT 0, at_us, actor, surface, action, subject, old, new, reason, "
         "mac FROM audit WHERE seq = 6", 1),
        ("UPDATE audit SET seq = seq + 1 WHERE seq = 6", 6),
        ("UPDATE audit SET actor = CAST(actor AS BLOB) WHERE seq = 2", 2),
        ("UPDATE audit SET old = NULL WHERE seq = 2", 2),
        ("UPDATE audit SET old = '' WHERE seq = 3", 3),
        ("UPDATE audit SET at_us = at_us + 1 WHERE seq = 6", 6),
        ("UPDATE audit SET at_us = at_us + 0.5 WHERE seq = 6", 6),
        ("UPDATE audit SET actor = CAST(x'ff' AS TEXT) WHERE seq = 4", 4),
        ("UPDATE audit SET mac = upper(mac) WHERE seq = 6", 6),
        ("UPDATE audit SET mac = mac || ' ' WHERE seq = 1", 1),
    ],
)  # fmt: skip
def test_a_changed_trail_is_found(
    filled: Governance, db: Path, statement: str, first_bad: int
) -> None:
    sql(db, statement)
    report = filled.audit.verify()
    assert not report.ok
    assert report.first_bad_seq == first_bad
    assert report.message


def test_swapped_rows_are_found(filled: Governance, db: Path) -> None:
    sql(
        db,
        "UPDATE audit SET seq = 99 WHERE seq = 3",
        "UPDATE audit SET seq = 3 WHERE seq = 4",
        "UPDATE audit SET seq = 4 WHERE seq = 99",
    )
    assert filled.audit.verify().first_bad_seq == 3


def test_a_trail_cut_off_and_continued_is_found(filled: Governance, db: Path) -> None:
    sql(db, "DELETE FROM audit WHERE seq > 4")
    for _ in range(5):
        filled.audit.record("after.cut", "x")
        report = filled.audit.verify()
        assert not report.ok


def test_a_row_undecodable_after_a_missing_one_does_not_hide_it(
    filled: Governance, db: Path
) -> None:
    sql(
        db,
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit SET actor = CAST(x'ff' AS TEXT) WHERE seq = 5",
    )
    assert filled.audit.verify().first_bad_seq == 3


def test_a_crash_before_the_head_is_written_is_accepted_and_healed(
    filled: Governance, db: Path
) -> None:
    head = head_path(db)
    lines = head.read_bytes().splitlines(keepends=True)
    head.write_bytes(b"".join(lines[:-2]))
    assert filled.audit.verify().ok
    assert head.read_bytes().splitlines()[-1] == lines[-1].rstrip()


def test_a_reader_verifies_without_healing(filled: Governance, db: Path, home: Path) -> None:
    head = head_path(db)
    lines = head.read_bytes().splitlines(keepends=True)
    head.write_bytes(b"".join(lines[:-1]))
    with Governance.open(db, home=home, read_only=True) as reader:
        assert reader.audit.verify().ok
    assert head.read_bytes() == b"".join(lines[:-1])


def test_a_missing_head_file_is_not_ok(filled: Governance, db: Path) -> None:
    head_path(db).unlink()
    report = filled.audit.verify()
    assert not report.ok
    assert "head file" in report.message
    assert not head_path(db).exists()


def test_a_missing_key_is_not_ok(filled: Governance, db: Path, home: Path) -> None:
    for key in (home / "keys").iterdir():
        key.unlink()
    with Governance.open(db, home=home) as governance:
        report = governance.audit.verify()
    assert not report.ok
    assert "key" in report.message
    assert list((home / "keys").iterdir()) == []


def test_a_replaced_key_is_not_ok(filled: Governance, db: Path, home: Path) -> None:
    for key in (home / "keys").iterdir():
        key.write_bytes(b"k" * 32)
    with Governance.open(db, home=home) as governance:
        assert not governance.audit.verify().ok


def test_a_rewritten_chain_without_the_key_is_found(filled: Governance, db: Path) -> None:
    sql(db, "UPDATE audit SET actor = 'eve' WHERE seq = 2")
    lines = head_path(db).read_text("ascii").splitlines()
    head_path(db).write_text("\n".join(lines[:1]) + "\n", encoding="ascii")
    assert filled.audit.verify().first_bad_seq == 2


def test_an_altered_head_line_is_found(filled: Governance, db: Path) -> None:
    head = head_path(db)
    content = bytearray(head.read_bytes())
    at = content.rindex(b"\n", 0, len(content) - 1) + 4
    content[at] = ord("0") if content[at] != ord("0") else ord("1")
    head.write_bytes(bytes(content))
    assert filled.audit.verify().first_bad_seq == ROWS


# Any one byte of any column of any row, changed behind the program's back.


@dataclass(frozen=True)
class Original:
    db: Path
    home: Path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    folder = tmp_path_factory.mktemp("audit")
    made = Original(folder / "g.db", folder / "home")
    with Governance.open(made.db, actor=Actor("ana", "window"), home=made.home) as governance:
        fill(governance)
    return made


@pytest.fixture(scope="module")
def copy(original: Original, tmp_path_factory: pytest.TempPathFactory) -> Original:
    folder = tmp_path_factory.mktemp("tampered")
    shutil.copy(head_path(original.db), folder / "g.db.audit")
    return Original(folder / "g.db", original.home)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seq=st.integers(1, ROWS),
    column=st.sampled_from(COLUMNS),
    place=st.integers(0, 400),
    flip=st.integers(1, 255),
)
def test_any_changed_byte_is_found(
    original: Original, copy: Original, seq: int, column: str, place: int, flip: int
) -> None:
    shutil.copy(original.db, copy.db)
    with raw(copy.db) as connection:
        kind, content = connection.execute(
            f"SELECT typeof({column}), CAST({column} AS BLOB) FROM audit WHERE seq = ?",  # noqa: S608
            (seq,),
        ).fetchone()
        changed = bytearray(content or b"\0")
        changed[place % len(changed)] ^= flip
        if kind == "integer":
            # The number's own bytes, as the file holds them.
            number = int(content).to_bytes(8, "big", signed=True)
            changed = bytearray(number)
            changed[place % 8] ^= flip
            value = int.from_bytes(changed, "big", signed=True)
            given: Any = value
            change = f"UPDATE OR REPLACE audit SET {column} = ? WHERE seq = ?"  # noqa: S608
        else:
            change = f"UPDATE OR REPLACE audit SET {column} = CAST(? AS TEXT) WHERE seq = ?"  # noqa: S608
            given = bytes(changed)
        connection.execute(change, (given, seq))
    with Governance.open(copy.db, home=copy.home, read_only=True) as governance:
        report = governance.audit.verify()
    assert not report.ok, (seq, column, place, flip)


def test_the_standard_module_reads_the_same_rows(original: Original, tmp_path: Path) -> None:
    shutil.copy(original.db, tmp_path / "g.db")
    with closing(standard.connect(tmp_path / "g.db")) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (ROWS,)


def test_words_find_rows_whatever_the_case_and_are_taken_literally(governance: Governance) -> None:
    governance.audit.record("alert.closed", "alert 17", "new", "closed", "50% a_b \u202e\0 Scanner")
    governance.audit.record("alert.closed", "alert 18", "new", "closed", "500 axb")

    def found(text: str) -> list[str]:
        return [row.subject for row in governance.audit.rows(text=text)]

    assert found("SCANNER alert") == ["alert 17"]
    assert found("50%") == ["alert 17"]
    assert found("a_b") == ["alert 17"]
    assert found("\u202e\0") == ["alert 17"]
    assert found("' OR 1=1 --") == []
    assert [row.subject for row in governance.audit.rows(3, text="closed")] == ["alert 17"]


def test_rows_after_a_known_one_are_found_alone(governance: Governance) -> None:
    for number in range(4):
        governance.audit.record("alert.closed", f"alert {number}")
    assert [row.seq for row in governance.audit.rows(after_seq=3)] == [5, 4]
    assert governance.audit.rows(after_seq=5) == ()
    assert [row.seq for row in governance.audit.rows(5, after_seq=3)] == [4]
