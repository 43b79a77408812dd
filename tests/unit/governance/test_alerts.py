from collections.abc import Callable

import pytest

from soc_copilot.domain.alerts import AlertFilter, AlertStatus, Disposition
from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance import alerts as alerts_module
from soc_copilot.governance.alerts import AlertStore
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, finding


@pytest.fixture
def store(governance: Governance) -> AlertStore:
    """Five new alerts."""
    governance.batches.store(commit([finding(f"10.0.0.{i}") for i in range(5)]))
    return governance.alerts


def changes(store: AlertStore, alert_id: int) -> list[tuple[str, str | None, str | None]]:
    return [(c.field, c.old, c.new) for c in store.detail(alert_id).history[1:]]


def test_acknowledging_assigns_the_actor(governance: Governance, store: AlertStore) -> None:
    assert store.acknowledge([1, 2]) == 2
    row = store.detail(1).row
    assert (row.status, row.assignee) == (AlertStatus.ACKNOWLEDGED, "ana")
    assert changes(store, 1) == [("status", "new", "acknowledged"), ("assignee", None, "ana")]
    audited = governance.audit.rows()[1]
    assert (audited.action, audited.subject) == ("alert.acknowledged", "alert 1")
    assert (audited.old, audited.new) == ("status new", "status acknowledged, assignee ana")


def test_acknowledging_again_changes_nothing(governance: Governance, store: AlertStore) -> None:
    store.acknowledge([1])
    other = governance.as_actor(Actor("bob", "cli")).alerts
    n = governance.audit.count()
    assert other.acknowledge([1]) == 0
    assert store.detail(1).row.assignee == "ana"
    assert governance.audit.count() == n


def test_closing_judges_assigns_and_notes(governance: Governance, store: AlertStore) -> None:
    assert store.close([1], Disposition.FALSE_POSITIVE, " pen test ") == 1
    detail = store.detail(1)
    assert detail.row.status is AlertStatus.CLOSED
    assert detail.row.disposition is Disposition.FALSE_POSITIVE
    assert detail.row.assignee == "ana"
    assert [(n.actor, n.text, n.alert_id) for n in detail.notes] == [("ana", "pen test", 1)]
    assert changes(store, 1) == [
        ("status", "new", "closed"),
        ("disposition", None, "false_positive"),
        ("assignee", None, "ana"),
        ("note", None, "pen test"),
    ]
    row = governance.audit.rows()[0]
    assert (row.action, row.reason) == ("alert.closed", "pen test")
    assert row.new == "status closed, disposition false_positive, assignee ana"
    assert store.counts().open == 4


def test_closing_again_changes_the_judgement_only(store: AlertStore) -> None:
    store.close([1], Disposition.BENIGN)
    assert store.close([1], Disposition.BENIGN) == 0
    assert store.close([1], Disposition.TRUE_POSITIVE) == 1
    assert changes(store, 1)[-1] == ("disposition", "benign", "true_positive")


def test_closing_needs_a_judgement(store: AlertStore) -> None:
    with pytest.raises(PolicyError, match="false_positive"):
        store.close([1], "whatever")  # type: ignore[arg-type]
    assert store.counts().open == 5


def test_reopening_makes_an_alert_new_and_keeps_the_assignee(
    governance: Governance, store: AlertStore
) -> None:
    store.close([1], Disposition.BENIGN)
    assert store.reopen([1, 2], "seen again") == 1
    row = store.detail(1).row
    assert (row.status, row.disposition, row.assignee) == (AlertStatus.NEW, None, "ana")
    assert changes(store, 1)[3:] == [
        ("status", "closed", "new"),
        ("disposition", "benign", None),
        ("note", None, "seen again"),
    ]
    assert store.detail(2).notes == ()
    assert governance.audit.rows()[0].reason == "seen again"


def test_an_undo_gives_back_what_rows_say(governance: Governance, store: AlertStore) -> None:
    store.assign([2], "bob")
    rows = store.get([1, 2, 3])
    store.close([1, 2], Disposition.BENIGN)
    assert store.restore(rows) == 2
    assert store.get([1, 2, 3]) == rows
    assert store.counts().unassigned_open == 4
    assert governance.audit.rows()[0].action == "alert.restored"
    assert store.restore(()) == 0
    assert store.restore(rows) == 0


def test_assigning_gives_and_takes(store: AlertStore) -> None:
    assert store.assign([1], " bob ") == 1
    assert store.assign([1], "bob") == 0
    assert store.assign([1], None) == 1
    assert changes(store, 1) == [("assignee", None, "bob"), ("assignee", "bob", None)]
    assert store.detail(1).row.status is AlertStatus.NEW


def test_a_note_goes_to_each_alert(store: AlertStore) -> None:
    assert store.add_note([1, 2], "asked the owner") == 2
    assert [store.detail(i).notes[0].text for i in (1, 2)] == ["asked the owner"] * 2
    assert changes(store, 1) == [("note", None, "asked the owner")]


def test_an_empty_note_is_refused(store: AlertStore) -> None:
    with pytest.raises(PolicyError, match="empty"):
        store.add_note([1], " \n")


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.acknowledge([1, 77, 78]),
        lambda s: s.close([1, 77, 78], Disposition.BENIGN),
        lambda s: s.reopen([1, 77, 78]),
        lambda s: s.assign([1, 77, 78], "bob"),
        lambda s: s.add_note([1, 77, 78], "x"),
    ],
)
def test_a_wrong_id_is_named_and_nothing_is_changed(
    governance: Governance, store: AlertStore, act: Callable[[AlertStore], int]
) -> None:
    n = governance.audit.count()
    with pytest.raises(StoreError, match="77, 78"):
        act(store)
    assert governance.audit.count() == n
    assert changes(store, 1) == []


def test_no_ids_and_repeated_ids_are_fine(store: AlertStore) -> None:
    assert store.acknowledge([]) == 0
    assert store.acknowledge([1, 1, 1]) == 1
    assert len(changes(store, 1)) == 2


def test_the_whole_query_is_closed_in_steps(
    governance: Governance, store: AlertStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts_module, "QUERY_CHUNK", 2)
    monkeypatch.setattr(alerts_module.in_chunks, "__defaults__", (2,))
    store.close([5], Disposition.BENIGN)
    seen: list[tuple[int, int]] = []
    n = store.close_matching(
        AlertFilter(statuses=(AlertStatus.NEW,)),
        Disposition.DUPLICATE,
        "one scan",
        lambda done, total: seen.append((done, total)),
    )
    assert n == 4
    assert seen == [(2, 4), (4, 4)]
    assert store.counts().open == 0
    assert store.detail(5).row.disposition is Disposition.BENIGN
    assert store.detail(1).notes[0].text == "one scan"
    assert governance.audit.verify().ok


def test_the_whole_query_is_acknowledged(store: AlertStore) -> None:
    assert store.acknowledge_matching(AlertFilter(text="entity:10.0.0.3")) == 1
    assert store.detail(4).row.status is AlertStatus.ACKNOWLEDGED
    assert store.acknowledge_matching(AlertFilter(entity="nobody")) == 0


def test_each_change_can_be_polled(store: AlertStore) -> None:
    token = store.change_token()
    store.assign([3], "bob")
    assert store.changed_since(token)[1] == (3,)
