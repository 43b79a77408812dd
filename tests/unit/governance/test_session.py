import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.governance.session import in_chunks

ANA = Actor("ana", "window")


def test_chunks_hold_everything_in_order() -> None:
    assert list(in_chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_chunks([])) == []


def test_a_failed_write_leaves_nothing(governance: Governance) -> None:
    def fail() -> None:
        with governance._session.write(ANA) as tx:
            tx.connection.execute(text("INSERT INTO ui_state VALUES ('k', 'v')"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert governance.settings.ui_state("k") is None


def test_a_reader_sees_one_moment(governance: Governance, db: Path, home: Path) -> None:
    count = text("SELECT count(*) FROM audit")
    with (
        Governance.open(db, home=home) as other,
        governance._session.read() as connection,
    ):
        before = connection.execute(count).scalar()
        other.audit.record("a.b", "x")
        assert connection.execute(count).scalar() == before
    assert governance.audit.count() == (before or 0) + 1


def test_another_thread_is_refused(governance: Governance) -> None:
    errors = []

    def use() -> None:
        try:
            governance.audit.count()
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_a_closed_database_says_so(governance: Governance) -> None:
    governance.audit.count()
    governance.close()
    governance.close()
    with pytest.raises(StoreError, match="closed"):
        governance.audit.count()


def test_a_reader_may_not_begin_a_write(governance: Governance, db: Path, home: Path) -> None:
    with (
        Governance.open(db, home=home, read_only=True) as reader,
        pytest.raises(StoreError, match="reading only"),
    ):
        reader.audit.record("a.b", "x")
