"""A trail whose key or head file is lost: it is anchored anew, and says so ever after."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.governance.engine import sqlite_driver

ROWS = 4  # before the anchor: that of creation and three more
BOB = Actor("bob", "cli")


def sql(db: Path, statement: str) -> None:
    with closing(sqlite_driver().connect(str(db), isolation_level=None)) as connection:
        connection.execute(statement)


@pytest.fixture(autouse=True)
def _rows(governance: Governance) -> None:
    for n in range(ROWS - 1):
        governance.audit.record("test.done", f"subject {n}")
    governance.close()


def lose(db: Path, home: Path, what: str) -> None:
    if "key" in what:
        (key,) = (home / "keys").iterdir()
        key.unlink()
    if "head" in what:
        db.with_name(db.name + ".audit").unlink()


def reopened(db: Path, home: Path) -> Governance:
    return Governance.open(db, home=home, actor=BOB)


@pytest.fixture
def anchored(db: Path, home: Path) -> Path:
    lose(db, home, "key")
    with reopened(db, home) as governance:
        governance.audit.reanchor("the disk with the keys failed")
        governance.audit.record("test.after", "subject")
    return db


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("key", "Nothing is known about the rows"),
        ("head", "Going by the key alone: All 4 rows"),
        ("key and head", "Nothing is known about the rows"),
    ],
)
def test_a_trail_goes_on_after_a_loss_and_says_where(
    db: Path, home: Path, what: str, said: str
) -> None:
    lose(db, home, what)
    with reopened(db, home) as governance:
        assert not governance.audit.verify().ok
        with pytest.raises(StoreError, match="audit reanchor"):
            governance.audit.record("test.lost", "subject")
        report = governance.audit.reanchor("  the disk failed ")
        assert (report.ok, report.rows, report.anchored_after) == (True, 1, ROWS)
        assert "anchored anew by bob" in report.message
        assert "the disk failed" in report.message
        assert "cannot be told" in report.message
        row = governance.audit.rows()[0]
        assert (row.seq, row.action, row.actor) == (ROWS + 1, "audit.reanchored", "bob")
        assert row.old is not None
        assert row.old.startswith(f"row {ROWS}, SHA-256 ")
        assert row.reason == "the disk failed"
        assert row.new is not None
        assert said in row.new
        governance.audit.record("test.after", "subject")
    with reopened(db, home) as governance:
        report = governance.audit.verify()
        assert (report.ok, report.rows, report.anchored_after) == (True, 2, ROWS)


def test_what_the_key_alone_finds_is_kept_in_the_anchor(db: Path, home: Path) -> None:
    sql(db, "UPDATE audit SET actor = 'eve' WHERE seq = 2")
    lose(db, home, "head")
    with reopened(db, home) as governance:
        assert governance.audit.reanchor("lost").ok
        assert "Row 2 of the audit trail was altered" in (governance.audit.rows()[0].new or "")


@pytest.mark.parametrize(
    ("harm", "bad", "said"),
    [
        ("UPDATE audit SET actor = 'eve' WHERE seq = 2", ROWS, "first 4 rows"),
        ("DELETE FROM audit WHERE seq = 1", ROWS, "first 4 rows"),
        ("UPDATE audit SET mac = upper(mac) WHERE seq = 4", ROWS, "first 4 rows"),
        ("UPDATE audit SET reason = 'none' WHERE seq = 5", 5, "Row 5"),
        ("UPDATE audit SET old = 'row 4' WHERE seq = 5", 5, "altered"),
        ("UPDATE audit SET old = x'00' WHERE seq = 5", 5, "altered"),
        ("DELETE FROM audit WHERE seq = 5", 5, "altered"),
        ("DELETE FROM audit WHERE seq >= 5", 5, "cut off"),
        ("DELETE FROM audit WHERE seq = 6", 6, "cut off"),
        ("DELETE FROM audit", 1, "cut off"),
        ("UPDATE audit SET actor = 'eve' WHERE seq = 6", 6, "Row 6"),
        # The anchor moved, or denied: what it stands for does not fit any more.
        ("UPDATE database SET anchor_seq = 0", 1, "Row 1"),
        ("UPDATE database SET anchor_seq = 3", 4, "altered"),
        ("UPDATE database SET anchor_seq = 5", 6, "altered"),
        ("UPDATE database SET anchor_seq = 6", 7, "cut off|lost the row"),
    ],
)
def test_what_was_done_since_is_found(
    anchored: Path, home: Path, harm: str, bad: int, said: str
) -> None:
    sql(anchored, harm)
    with reopened(anchored, home) as governance:
        report = governance.audit.verify()
    assert not report.ok
    assert report.first_bad_seq == bad
    assert re.search(said, report.message), report.message


def test_it_can_be_lost_and_anchored_again(anchored: Path, home: Path) -> None:
    for key in (home / "keys").iterdir():
        key.unlink()
    with reopened(anchored, home) as governance:
        report = governance.audit.reanchor("and again")
        assert (report.ok, report.rows, report.anchored_after) == (True, 1, ROWS + 2)
    sql(anchored, "UPDATE audit SET actor = 'eve' WHERE seq = 5")
    with reopened(anchored, home) as governance:
        assert not governance.audit.verify().ok


def test_a_sound_trail_is_not_anchored_anew(db: Path, home: Path) -> None:
    with reopened(db, home) as governance:
        with pytest.raises(PolicyError, match="nothing to anchor"):
            governance.audit.reanchor("just so")
        with pytest.raises(PolicyError, match="reason"):
            governance.audit.reanchor("  ")
        assert governance.audit.count() == ROWS
        assert governance.audit.verify().anchored_after is None


def test_another_process_goes_on_with_the_new_key(db: Path, home: Path) -> None:
    with reopened(db, home) as other:
        other.audit.record("test.before", "subject")  # it knows the old key now
        db.with_name(db.name + ".audit").unlink()
        with reopened(db, home) as governance:
            governance.audit.reanchor("the head file is gone")
        other.audit.record("test.after", "subject")
        assert other.audit.verify().ok
        assert other.audit.verify().anchored_after == ROWS + 1


def test_the_old_key_and_head_file_are_left_for_whoever_finds_the_rest(
    db: Path, home: Path
) -> None:
    (key,) = (home / "keys").iterdir()
    kept = key.read_bytes()
    head = db.with_name(db.name + ".audit")
    altered = head.read_bytes().replace(b" ", b"  ")
    head.write_bytes(altered)
    with reopened(db, home) as governance:
        assert governance.audit.reanchor("the head file was altered").ok
    assert key.read_bytes() == kept
    assert head.with_name(head.name + ".old-1").read_bytes() == altered


def test_a_crash_before_the_head_file_is_made_is_seen(
    db: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(db, home, "key and head")

    def crash(self: object) -> None:
        raise KeyboardInterrupt

    with reopened(db, home) as governance, monkeypatch.context() as patch:
        patch.setattr("soc_copilot.governance.audit_head.HeadFile.create", crash)
        with pytest.raises(KeyboardInterrupt):
            governance.audit.reanchor("lost")
    with reopened(db, home) as governance:
        assert "head file" in governance.audit.verify().message
        assert governance.audit.reanchor("once more").ok
