"""What the window's undo, far end, exclusions and personal view ask of the store."""

import pytest

from soc_copilot.domain.alerts import AlertCursor, AlertFilter, AlertStatus, Disposition
from soc_copilot.domain.errors import StoreError
from soc_copilot.governance.alerts import AlertStore
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, finding


@pytest.fixture
def store(governance: Governance) -> AlertStore:
    """Five new alerts."""
    governance.batches.store(commit([finding(f"10.0.0.{i}") for i in range(5)]))
    return governance.alerts


def test_restoring_gives_each_alert_its_own_former_state(
    governance: Governance, store: AlertStore
) -> None:
    store.acknowledge([1])
    store.close([2], Disposition.BENIGN)
    former = store.get([1, 2, 3])
    store.close([1, 2, 3], Disposition.TRUE_POSITIVE, "all of them")
    assert store.restore(former) == 3
    assert store.get([1, 2, 3]) == former
    assert store.counts().open == 4
    told = [(c.field, c.old, c.new) for c in store.detail(1).history][-2:]
    assert told == [("status", "closed", "acknowledged"), ("disposition", "true_positive", None)]
    assert governance.audit.rows()[0].action == "alert.restored"
    assert governance.audit.verify().ok


def test_restoring_what_has_not_changed_leaves_no_trace(
    governance: Governance, store: AlertStore
) -> None:
    n_rows = governance.audit.count()
    assert store.restore(store.get([1, 2])) == 0
    assert store.restore(()) == 0
    assert governance.audit.count() == n_rows


def test_a_restored_alert_counts_as_changed(store: AlertStore) -> None:
    former = store.get([1])
    store.close([1], Disposition.BENIGN)
    token = store.change_token()
    store.restore(former)
    assert store.changed_since(token)[1] == (1,)
    assert store.page(AlertFilter(statuses=(AlertStatus.NEW,)), None, 10)[-1].id == 1


def test_restoring_an_unknown_alert_changes_nothing(governance: Governance) -> None:
    governance.batches.store(commit([finding("10.0.0.1")]))
    row = governance.alerts.get([1])[0]
    stranger = type(row)(**{name: getattr(row, name) for name in row.__slots__} | {"id": 99})
    with pytest.raises(StoreError, match="99"):
        governance.alerts.restore([row, stranger])


def test_pages_from_the_oldest_end_meet_those_from_the_newest(store: AlertStore) -> None:
    everything = store.page(AlertFilter(), None, 10)
    assert store.page_after(AlertFilter(), None, 2) == everything[-2:]
    place = AlertCursor(everything[-2].last_seen, everything[-2].id)
    assert store.page_after(AlertFilter(), place, 2) == everything[-4:-2]
    top = AlertCursor(everything[0].last_seen, everything[0].id)
    assert store.page_after(AlertFilter(), top, 2) == ()


def test_extent_spans_every_alert_and_is_none_without_any(governance: Governance) -> None:
    assert governance.alerts.extent() is None
    governance.batches.store(commit([finding("10.0.0.1")]))
    row = governance.alerts.get([1])[0]
    assert governance.alerts.extent() == (row.first_seen, row.last_seen)


def test_a_field_with_a_minus_shows_all_but_these(store: AlertStore) -> None:
    left = store.page(AlertFilter(text='-entity:"10.0.0.3" entity:10.0'), None, 10)
    assert "10.0.0.3" not in {row.entity for row in left}
    assert len(left) == 4
    assert store.count(AlertFilter(text="-status:new")) == 0


def test_mine_leaves_out_what_is_assigned_to_others(store: AlertStore) -> None:
    store.assign([1], "bob")
    store.assign([2], "ana")
    mine = store.page(AlertFilter(mine="ana"), None, 10)
    assert {row.id for row in mine} == {2, 3, 4, 5}
    assert store.count(AlertFilter(mine="bob")) == 4
