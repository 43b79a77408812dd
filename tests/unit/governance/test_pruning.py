from dataclasses import replace

import pytest

from soc_copilot.domain.records import SourceEvent
from soc_copilot.governance import pruning
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, move


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "PRUNE_EVERY", 4)
    monkeypatch.setattr(pruning, "KEPT_BATCHES", 10)
    monkeypatch.setattr(pruning, "KEPT_EVENTS", 6)
    monkeypatch.setattr(pruning, "MANY_EVENTS", 5)


def store(governance: Governance, n: int) -> None:
    for _ in range(n):
        governance.batches.store(commit())


def test_the_oldest_batches_go(governance: Governance) -> None:
    store(governance, 19)
    assert [row.id for row in governance.batches.recent()] == list(range(19, 6, -1))
    store(governance, 1)
    assert [row.id for row in governance.batches.recent()] == list(range(20, 10, -1))


def test_no_transaction_lets_go_of_very_many_rows(
    governance: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "KEPT_BATCHES", 100)
    store(governance, 40)
    monkeypatch.setattr(pruning, "KEPT_BATCHES", 10)
    monkeypatch.setattr(pruning, "MAX_ROWS", 8)
    store(governance, 4)
    assert [row.id for row in governance.batches.recent()] == list(range(44, 8, -1))
    store(governance, 12)
    assert [row.id for row in governance.batches.recent()] == list(range(56, 32, -1))


def test_the_oldest_events_go_and_many_at_once_do_not_pile_up(governance: Governance) -> None:
    governance.sources.add("file", "/var/log/a.log")
    event = SourceEvent("note", "", 0)
    at = -1
    for n_events in (3, 5, 1, 12):
        governance.batches.store(
            commit(moves=[replace(move(at, at + 2), events=(event,) * n_events)])
        )
        at += 2
        assert len(governance.sources.events()) < 6 + 5
    assert [e.id for e in governance.sources.events()] == [21, 20, 19, 18, 17, 16]
