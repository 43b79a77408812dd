import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain.alerts import AlertFilter, AlertStatus, Disposition
from soc_copilot.domain.findings import Severity
from soc_copilot.governance.database import Governance
from soc_copilot.governance.tally import Standing, adjust, read_tally
from tests.unit.governance.helpers import commit, finding


def test_changes_add_up(governance: Governance) -> None:
    with governance._session.write(governance.actor) as tx:
        adjust(
            tx.connection,
            [
                (None, Standing(3, True, True)),
                (None, Standing(3, True, False)),
                (Standing(3, True, True), Standing(4, True, True)),
                (Standing(3, True, False), Standing(3, False, False)),
                (None, None),
            ],
        )
        assert read_tally(tx.connection) == ((0, 0, 0, 0, 1), 1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("tally")
    with Governance.open(home / "g.db", home=home) as governance:
        yield governance


steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["raise", "acknowledge", "close", "reopen", "assign", "take", "note", "undo"]
        ),
        st.integers(0, 4),
        st.sampled_from(Severity),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_the_tally_is_what_counting_would_give(
    shared: Governance, steps: list[tuple[str, int, Severity]]
) -> None:
    alerts = shared.alerts
    for what, n, severity in steps:
        page = alerts.page(AlertFilter(), None, n)
        ids = [row.id for row in page]
        if what == "raise":
            found = [finding(f"10.0.0.{i}", severity=severity) for i in range(n)]
            shared.batches.store(commit(found))
        elif what == "acknowledge":
            alerts.acknowledge(ids)
        elif what == "close":
            alerts.close(ids, Disposition.BENIGN)
        elif what == "reopen":
            alerts.reopen(ids)
        elif what == "assign":
            alerts.assign(ids, "bob")
        elif what == "take":
            alerts.assign(ids, None)
        elif what == "note" and ids:
            alerts.add_note(ids, "x")
        else:
            alerts.close(ids, Disposition.DUPLICATE)
            alerts.restore(page)
    rows = alerts.page(AlertFilter(), None, 10_000)
    standing = [row for row in rows if row.status is not AlertStatus.CLOSED]
    counts = alerts.counts()
    assert counts.total == len(rows)
    assert counts.open_by_severity == tuple(
        sum(row.severity is severity for row in standing) for severity in Severity
    )
    assert counts.unassigned_open == sum(row.assignee is None for row in standing)
