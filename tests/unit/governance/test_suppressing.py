"""What happens to alerts while suppressions hold: hidden as stored, surfaced, never lost."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from soc_copilot.domain.alerts import AlertFilter, Disposition
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.suppressions import End, Field
from soc_copilot.governance.database import Governance
from soc_copilot.governance.schema import AlertModel
from soc_copilot.governance.suppressing import in_force
from tests.unit.governance.helpers import NOON, HeldClock, finding, line
from tests.unit.governance.suppress_support import hidden, shown, store, suppress, tally_is_right


def test_an_alike_alert_is_stored_and_counted_but_not_in_the_list(desk: Governance) -> None:
    made = suppress(desk)
    desk.alerts.close([1], Disposition.BENIGN)
    again = finding(severity=Severity.MEDIUM, count=7, evidence=(line(0),))
    stored = store(desk, again, finding("other"))
    assert (stored.raised_ids, stored.suppressed) == ((2, 3), 1)
    assert shown(desk) == [3]
    assert hidden(desk) == {2: made.id}
    assert desk.alerts.count(AlertFilter()) == desk.alerts.counts().total == 3
    detail = desk.alerts.detail(2)
    assert detail.row.count == 7
    assert [e.offset for e in detail.evidence] == [0]
    assert detail.suppression is not None
    assert detail.suppression.id == made.id
    assert [(c.field, c.old, c.new) for c in detail.history] == [
        ("raised", None, "Medium"),
        ("suppression", None, "1"),
    ]
    tally_is_right(desk)
    told = [(row.action, row.new) for row in desk.audit.rows(None, 2)]
    assert told == [("alerts.suppressed", "2 by 1"), ("alerts.raised", "2 Medium, 3 High")]
    assert desk.audit.verify().ok


def test_it_counts_what_it_hid_and_when_last(desk: Governance, clock: HeldClock) -> None:
    suppress(desk, Field.RULE)
    store(desk, finding("a", severity=Severity.LOW, count=3))
    clock.pass_by(minutes=5)
    store(desk, finding("a", severity=Severity.LOW, count=4), finding("b", severity=Severity.LOW))
    one = desk.suppressions.get(1)
    assert (one.n_alerts, one.n_occurrences) == (2, 8)
    assert one.last_hidden_at == NOON + timedelta(minutes=5)


def test_an_open_alert_in_the_list_stays_there_while_it_grows(desk: Governance) -> None:
    suppress(desk)
    store(desk, finding(severity=Severity.MEDIUM, count=5))
    assert shown(desk) == [1]
    assert desk.suppressions.get(1).n_alerts == 0


def test_a_higher_severity_is_never_hidden(desk: Governance) -> None:
    suppress(desk, Field.RULE)
    store(desk, finding("a", severity=Severity.HIGH), finding("b", severity=Severity.MEDIUM))
    assert set(hidden(desk)) == {3}


def test_a_higher_severity_is_hidden_when_that_was_asked_for(desk: Governance) -> None:
    suppress(desk, Field.RULE, any_severity=True)
    store(desk, finding("a", severity=Severity.CRITICAL))
    assert set(hidden(desk)) == {2}


def test_a_hidden_alert_that_comes_again_graver_surfaces_and_stays(desk: Governance) -> None:
    suppress(desk, Field.RULE)
    store(desk, finding("a", severity=Severity.LOW))
    assert shown(desk) == [1]
    store(desk, finding("a", severity=Severity.CRITICAL))
    store(desk, finding("a", severity=Severity.LOW))
    assert shown(desk) == [2, 1]
    changes = [(c.field, c.old, c.new) for c in desk.alerts.detail(2).history][-2:]
    assert changes == [("severity", "Low", "Critical"), ("suppression", "1", None)]
    assert [row.action for row in desk.audit.rows(None, 2)] == [
        "alerts.surfaced",
        "alerts.escalated",
    ]
    tally_is_right(desk)


def test_the_programs_own_alerts_are_never_hidden(desk: Governance) -> None:
    suppress(desk, Field.TECHNIQUE, any_severity=True)
    own = [
        finding("checking service", detector="service", entity_type="service.name"),
        finding("auth.log", detector="load", entity_type="log.source"),
        finding("meter", detector="load", rule="load.exercise"),
        finding("/srv/soc-copilot-demonstration-x1", detector="host"),
    ]
    store(desk, *own, finding("someone"))
    assert set(hidden(desk)) == {6}


def test_it_stops_at_its_end_at_once(desk: Governance, clock: HeldClock) -> None:
    suppress(desk, Field.RULE)
    clock.pass_by(hours=1, microseconds=-1)
    store(desk, finding("a", severity=Severity.LOW))
    clock.pass_by(microseconds=1)
    store(desk, finding("b", severity=Severity.LOW))
    assert set(hidden(desk)) == {2}
    one = desk.suppressions.get(1)
    assert (one.ended, one.ended_at, one.ended_by) == (End.EXPIRED, clock.at, "")
    (row,) = desk.audit.rows(text="suppression.expired")
    assert (row.subject, row.new, row.reason) == (
        *("suppression 1", "hid 1 alerts, 1 occurrences", "Its time was over."),
    )


def test_what_it_hid_surfaces_when_it_comes_again_after_the_end(
    desk: Governance, clock: HeldClock
) -> None:
    suppress(desk, Field.RULE)
    store(desk, finding("a", severity=Severity.LOW), finding("b", severity=Severity.LOW))
    clock.pass_by(hours=2)
    store(desk, finding("a", severity=Severity.LOW))
    assert shown(desk) == [2, 1]
    assert set(hidden(desk)) == {3}
    tally_is_right(desk)


def test_another_one_that_holds_takes_over(desk: Governance, clock: HeldClock) -> None:
    suppress(desk, Field.RULE)
    suppress(desk, Field.DETECTOR, hours=5)
    store(desk, finding("a", severity=Severity.LOW))
    clock.pass_by(hours=2)
    store(desk, finding("a", severity=Severity.LOW, count=3))
    assert hidden(desk) == {2: 2}
    assert [(s.n_alerts, s.n_occurrences) for s in desk.suppressions.all()] == [(1, 3), (1, 1)]
    tally_is_right(desk)


def test_a_source_is_told_by_all_of_an_alerts_lines(desk: Governance) -> None:
    first, other = line(0), replace(line(9), source_id=2, event_id="2-1-9")
    store(desk, finding("a", severity=Severity.MEDIUM, evidence=(first,)))
    end = desk.suppressions.now() + timedelta(hours=1)
    desk.suppressions.add([2], {Field.RULE, Field.SOURCE}, end)
    low = Severity.LOW
    store(desk, finding("b", severity=low, evidence=(first,)), finding("c", evidence=(other,)))
    assert set(hidden(desk)) == {3}
    store(desk, finding("b", severity=low, evidence=(other,)))
    assert not hidden(desk)


def test_a_closed_hidden_alert_does_not_hide_the_next_one_for_ever(
    desk: Governance, clock: HeldClock
) -> None:
    suppress(desk, Field.RULE)
    store(desk, finding("a", severity=Severity.LOW))
    desk.alerts.acknowledge([2])
    desk.alerts.close([2], Disposition.BENIGN)
    tally_is_right(desk)
    clock.pass_by(hours=2)
    store(desk, finding("a", severity=Severity.LOW))
    assert shown(desk) == [3, 1]
    tally_is_right(desk)


def test_reading_what_holds_ends_what_ran_out_once(desk: Governance, clock: HeldClock) -> None:
    suppress(desk)
    clock.pass_by(hours=2)
    for _ in range(2):
        with desk._session.write(Actor("pipeline", "pipeline")) as tx:
            assert in_force(tx) == []
    assert len(desk.audit.rows(text="suppression.expired")) == 1


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    parts=st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from([Severity.LOW, Severity.MEDIUM, Severity.HIGH])
        ),
        min_size=1,
        max_size=12,
    ),
    cuts=st.sets(st.integers(1, 11), max_size=4),
)
def test_how_findings_were_batched_does_not_matter(
    desk: Governance, parts: list[tuple[str, Severity]], cuts: set[int]
) -> None:
    if not desk.suppressions.all():
        suppress(desk, Field.RULE)
    with desk._session.read() as connection:
        run = connection.execute(select(func.max(AlertModel.id))).scalar()
    found = [finding(f"{run}-{name}", severity=severity) for name, severity in parts]
    edges = [0, *sorted(cuts), len(found)]
    for start, end in pairwise(edges):
        store(desk, *found[start:end])
    for name in "abc":
        worst = max((s for n, s in parts if n == name), default=None)
        if worst is not None:
            (row,) = desk.alerts.page(AlertFilter(entity=f"{run}-{name}"))
            assert (row.suppressed_by is None) is (worst > Severity.MEDIUM)
            assert row.count == sum(n == name for n, _ in parts)
    tally_is_right(desk)
