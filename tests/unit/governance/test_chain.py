import hashlib
import hmac
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from soc_copilot.domain.errors import StoreError
from soc_copilot.governance.audit_head import AuditKey, Head, HeadFile
from soc_copilot.governance.chain import FIELDS, AuditChain, Entry
from soc_copilot.governance.database import Governance
from soc_copilot.governance.schema import AuditModel


@pytest.fixture
def chain(tmp_path: Path) -> AuditChain:
    key = AuditKey(tmp_path, "d1", AuditKey.create(tmp_path, "d1"))
    head = HeadFile(tmp_path / "head", "d1")
    head.create()
    return AuditChain(key, head, "d1")


def test_a_mac_is_that_of_the_documented_encoding(chain: AuditChain, tmp_path: Path) -> None:
    values = (1, 2, "ana", "cli", "a.b", "é", None, "", "why")
    text = json.dumps(["prev", *values], ensure_ascii=True, separators=(",", ":"))
    key = (tmp_path / "d1.key").read_bytes()
    expected = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    assert chain.row_mac("prev", values) == expected


def test_nothing_and_empty_text_differ(chain: AuditChain) -> None:
    assert chain.row_mac("p", (1, "", None)) != chain.row_mac("p", (1, None, ""))


def test_text_cannot_move_between_fields(chain: AuditChain) -> None:
    assert chain.row_mac("p", ("ab", "c")) != chain.row_mac("p", ("a", "bc"))
    assert chain.row_mac("p", ('a","b', "c")) != chain.row_mac("p", ("a", 'b","c'))


def test_every_field_and_the_former_row_are_covered(chain: AuditChain) -> None:
    values: list[int | str | None] = [1, 2, "a", "b", "c", "d", "e", "f", "g"]
    assert len(values) == len(FIELDS)
    macs = {chain.row_mac("p", values), chain.row_mac("q", values)}
    for place in range(len(values)):
        macs.add(chain.row_mac("p", [*values[:place], "changed", *values[place + 1 :]]))
    assert len(macs) == len(values) + 2


def test_chains_of_two_databases_begin_differently(chain: AuditChain) -> None:
    assert AuditChain(chain.key, chain.head_file, "d2").genesis() != chain.genesis()


def test_rows_stand_or_fall_with_their_transaction(governance: Governance) -> None:
    before = governance.audit.count()

    def fail() -> None:
        with governance._session.write(governance.actor) as tx:
            tx.audit(Entry("a.b", "x"), Entry("a.c", "y"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert governance.audit.count() == before
    assert governance.audit.verify().ok


def test_rows_are_numbered_without_a_gap(governance: Governance) -> None:
    with governance._session.write(governance.actor) as tx:
        tx.audit(Entry("a.b", "x"), Entry("a.c", "y"))
        tx.audit(Entry("a.d", "z"))
    with governance._session.read() as connection:
        seqs = list(connection.execute(select(AuditModel.seq).order_by(AuditModel.seq)).scalars())
    assert seqs == [1, 2, 3, 4]


def test_nothing_is_appended_without_the_head_file(governance: Governance, db: Path) -> None:
    db.with_name(db.name + ".audit").unlink()
    with pytest.raises(StoreError, match="head file"):
        governance.audit.record("a.b", "x")
    assert governance.audit.count() == 1


def test_a_head_that_cannot_be_written_is_logged_not_raised(
    chain: AuditChain, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "head").unlink()
    chain.publish(Head(1, "0" * 64))
    assert "audit head file" in caplog.text
