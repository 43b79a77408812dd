"""Suppressions are offered, tried, added, lifted; and every step is on record."""

from datetime import timedelta
from pathlib import Path

import pytest

from soc_copilot.domain.alerts import AlertCursor, AlertFilter, AlertRow, AlertStatus, Disposition
from soc_copilot.domain.errors import PolicyError, StoreError
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.suppressions import DEFAULT_FIELDS, End, Field
from soc_copilot.governance import suppressing, suppressions
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import HeldClock, commit, finding, line
from tests.unit.governance.suppress_support import hidden, shown, store, tally_is_right

DAY = timedelta(days=1)


@pytest.fixture
def noisy(desk: Governance, clock: HeldClock) -> Governance:
    """Alert 1 of eight days ago; 2 to 7 of today: alike by rule, of growing severity."""
    clock.pass_by(days=8)
    ladder = [Severity.LOW, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]
    found = [finding(f"10.0.0.{n}", severity=s, count=n + 1) for n, s in enumerate(ladder)]
    store(desk, *found, finding("10.0.0.9", rule="web.xss", evidence=(line(0),)))
    desk.alerts.close([2], Disposition.BENIGN)
    return desk


def add(desk: Governance, alert: int = 4, *fields: Field, **more: bool) -> int:
    end = desk.suppressions.now() + DAY
    return desk.suppressions.add([alert], fields or {Field.RULE}, end, **more).id


def test_an_offer_says_what_can_be_alike(noisy: Governance) -> None:
    offer = noisy.suppressions.offer([7])
    assert dict(offer.values) == {
        **{Field.RULE: "web.xss", Field.ENTITY: "10.0.0.9", Field.DETECTOR: "web"},
        **{Field.TECHNIQUE: "T1190", Field.SOURCE: "1"},
    }
    assert Field.ENTITY not in dict(noisy.suppressions.offer([2, 3, 2]).values)
    with pytest.raises(StoreError, match="no alert 99"):
        noisy.suppressions.offer([1, 99])
    with pytest.raises(PolicyError, match="at most 500"):
        noisy.suppressions.offer(range(1, 502))


def test_a_dry_run_changes_nothing_and_tells_what_would_have_been_hidden(
    noisy: Governance,
) -> None:
    rows = noisy.audit.count()
    run = noisy.suppressions.dry_run([4], {Field.RULE})
    assert run.by_severity == (0, 2, 1, 0, 0)  # of the last seven days: not alert 1
    assert (run.n_occurrences, run.n_open, run.n_already) == (6, 2, 0)
    assert (run.n_open_now, run.n_above) == (3, 2)
    assert [row.id for row in run.examples] == [4, 3, 2]
    every = noisy.suppressions.dry_run([4], {Field.RULE}, any_severity=True)
    assert every.by_severity == (0, 2, 1, 1, 1)
    assert every.n_above == 0
    assert len(every.examples) == suppressions.EXAMPLES
    assert noisy.audit.count() == rows
    assert noisy.suppressions.all() == ()
    assert not hidden(noisy)


def test_a_dry_run_is_what_then_happens(noisy: Governance) -> None:
    run = noisy.suppressions.dry_run([4], {Field.RULE})
    new_id = add(noisy, hide_open=True)
    assert set(hidden(noisy)) == {1, 3, 4}
    one = noisy.suppressions.get(new_id)
    assert one.n_alerts == run.n_open_now
    assert one.n_occurrences == 1 + 2 + 3
    assert noisy.suppressions.dry_run([4], {Field.RULE}).n_already == 2
    tally_is_right(noisy)


def test_open_alerts_stay_in_the_list_unless_asked(noisy: Governance) -> None:
    before = shown(noisy)
    add(noisy)
    assert shown(noisy) == before


def test_adding_is_on_record(noisy: Governance) -> None:
    end = noisy.suppressions.now() + DAY
    made = noisy.suppressions.add([4], DEFAULT_FIELDS, end, reason=" our scanner ", hide_open=True)
    assert (made.reason, made.made_from, made.actor) == ("our scanner", (4,), "ana")
    (row,) = noisy.audit.rows(text="suppression.added")
    assert (row.actor, row.subject, row.reason) == ("ana", "suppression 1", "our scanner")
    assert row.new == (
        "rule web.sqli, entity 10.0.0.2, up to medium; until 2026-03-23T12:00:00+00:00; "
        "made from alert 4; open alerts hidden at once: 1"
    )
    assert [(c.field, c.old, c.new) for c in noisy.alerts.detail(4).history][-1] == (
        *("suppression", None, "1"),
    )
    assert noisy.audit.verify().ok


def test_lifting_lets_everything_back_and_is_on_record(noisy: Governance) -> None:
    before = noisy.alerts.page(AlertFilter(), None, 100)
    add(noisy, hide_open=True)
    noisy.alerts.close([3], Disposition.BENIGN)
    assert noisy.suppressions.lift(1, "was no scanner") == 3
    assert not hidden(noisy)
    noisy.alerts.restore([row for row in before if row.id == 3])
    assert noisy.alerts.page(AlertFilter(), None, 100) == before
    (row,) = noisy.audit.rows(text="suppression.lifted")
    assert (row.subject, row.reason) == ("suppression 1", "was no scanner")
    assert row.new == "hid 3 alerts, 6 occurrences; 3 came back"
    one = noisy.suppressions.get(1)
    assert (one.ended, one.ended_by) == (End.LIFTED, "ana")
    with pytest.raises(PolicyError, match="lifted before"):
        noisy.suppressions.lift(1)
    store(noisy, finding("10.0.0.77", severity=Severity.LOW))
    assert shown(noisy)[0] == 8
    tally_is_right(noisy)


def test_very_many_are_moved_in_steps(noisy: Governance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressing, "STEP", 2)
    before, steps = noisy.alerts.page(AlertFilter(), None, 100), list[tuple[int, int]]()
    end = noisy.suppressions.now() + DAY
    noisy.suppressions.add(
        *([4], {Field.DETECTOR}, end),
        any_severity=True,
        hide_open=True,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert set(hidden(noisy)) == {1, 3, 4, 5, 6, 7}
    assert steps == [(1, 3), (2, 3)]
    one = noisy.suppressions.get(1)
    assert (one.n_alerts, one.n_occurrences) == (6, 1 + 2 + 3 + 4 + 5 + 1)
    tally_is_right(noisy)
    assert noisy.suppressions.lift(1, progress=lambda *step: steps.append(step)) == 6
    assert steps[2:] == [(0, 3), (1, 3)]
    assert noisy.alerts.page(AlertFilter(), None, 100) == before
    tally_is_right(noisy)
    told = [(row.action, row.old, row.new) for row in noisy.audit.rows(None, 6)]
    assert told[0][0] == "suppression.lifted"
    assert told[0][2] == "hid 6 alerts, 16 occurrences; 6 came back"
    assert [row[0] for row in told[1:3]] == ["alerts.surfaced"] * 2
    assert told[3:5] == [("alerts.suppressed", None, "2 open alerts")] * 2
    assert noisy.audit.verify().ok


def test_a_lift_cut_short_leaves_it_in_force(
    noisy: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressing, "STEP", 1)
    add(noisy, hide_open=True)

    def stop(done: int, _total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        noisy.suppressions.lift(1, progress=stop)
    assert len(hidden(noisy)) == 2
    assert noisy.suppressions.get(1).is_active(noisy.suppressions.now())
    assert noisy.suppressions.lift(1) == 2
    assert not hidden(noisy)
    tally_is_right(noisy)


def test_one_that_ran_out_can_be_lifted_for_what_it_hides(
    noisy: Governance,
    clock: HeldClock,
) -> None:
    add(noisy, hide_open=True)
    clock.pass_by(days=2)
    assert set(hidden(noisy)) == {1, 3, 4}
    assert noisy.suppressions.lift(1) == 3
    assert noisy.suppressions.get(1).ended is End.LIFTED
    (row,) = noisy.audit.rows(text="suppression.expired")
    assert row.actor == suppressions.PROGRAM


def test_those_in_force_are_listed_first(noisy: Governance, clock: HeldClock) -> None:
    first, second, third = (add(noisy, n) for n in (3, 4, 5))
    noisy.suppressions.lift(second)
    fourth = add(noisy, 6)
    clock.pass_by(hours=23)
    noisy.suppressions.add([7], {Field.RULE}, None, without_end=True)
    assert [one.id for one in noisy.suppressions.all()] == [5, fourth, third, first, second]
    clock.pass_by(hours=2)
    assert [one.id for one in noisy.suppressions.all(ended=False)] == [5]
    assert {one.id for one in noisy.suppressions.all()} == {1, 2, 3, 4, 5}
    with pytest.raises(StoreError, match="no suppression 9"):
        noisy.suppressions.get(9)


def test_an_end_is_needed(noisy: Governance) -> None:
    with pytest.raises(PolicyError, match="Say until when"):
        noisy.suppressions.add([4], {Field.RULE}, None)
    assert noisy.suppressions.all() == ()


def test_there_are_not_very_many(noisy: Governance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppressions, "MAX_ACTIVE", 1)
    add(noisy)
    with pytest.raises(PolicyError, match="Lift some first"):
        add(noisy)
    assert len(noisy.suppressions.all()) == 1


def test_what_ran_out_is_told_and_put_on_record(noisy: Governance, clock: HeldClock) -> None:
    told, began = noisy.suppressions, clock.at
    add(noisy)
    assert told.ran_out(began) == ()
    clock.pass_by(days=2)
    assert [(one.id, one.ended) for one in told.ran_out(began)] == [(1, None)]
    later = clock.at
    assert len(told.ran_out(later)) == 1  # nobody wrote it down so far
    told.settle()
    told.settle()
    assert [one.ended for one in told.ran_out(began)] == [End.EXPIRED]
    assert told.ran_out(later) == ()
    assert len(noisy.audit.rows(text="suppression.expired")) == 1
    # What another process noted is told here, too; what somebody lifted is not.
    add(noisy, 5)
    noisy.suppressions.lift(add(noisy, 6))
    clock.pass_by(days=2)
    noisy.batches.store(commit([finding("z")]))
    assert [one.id for one in told.ran_out(later)] == [2]


def test_words_find_suppressed_alerts(noisy: Governance) -> None:
    add(noisy, hide_open=True)

    def found(text: str) -> set[int]:
        return {row.id for row in noisy.alerts.page(AlertFilter(text=text), None, 100)}

    everything = found("")
    assert found("suppressed:yes") == found("suppressed:1") == {1, 3, 4}
    assert found("suppressed:no") == found("-suppressed:yes") == everything - {1, 3, 4}
    assert found("-suppressed:1") == everything - {1, 3, 4}
    assert found("suppressed:2") == found("suppressed:x") == set()
    assert {r.id for r in noisy.alerts.page(AlertFilter(suppression=1))} == {1, 3, 4}


OPEN = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)


@pytest.mark.parametrize(
    "statuses", [(), OPEN, (AlertStatus.NEW,), (AlertStatus.NEW, AlertStatus.CLOSED)]
)
@pytest.mark.parametrize("suppressed", [None, True, False])
@pytest.mark.parametrize("entity", [None, "10.0.0.2"])
def test_pages_put_together_of_parts_are_in_order(
    noisy: Governance,
    statuses: tuple[AlertStatus, ...],
    suppressed: bool | None,
    entity: str | None,
) -> None:
    add(noisy, hide_open=True)
    noisy.alerts.close([3], Disposition.BENIGN)
    wanted = AlertFilter(statuses=statuses, suppressed=suppressed, entity=entity)
    every = noisy.alerts.page(AlertFilter(), None, 100)
    expected = [
        row
        for row in every
        if (not statuses or row.status in statuses)
        and suppressed in {None, row.suppressed_by is not None}
        and entity in {None, row.entity}
    ]
    assert list(noisy.alerts.page(wanted, None, 100)) == expected
    assert noisy.alerts.count(wanted) == len(expected)
    paged, before = [], None
    while page := noisy.alerts.page(wanted, before, 2):
        paged += page
        before = place(page[-1])
    assert paged == expected
    oldest = noisy.alerts.page_after(wanted, None, 2)
    assert list(oldest) == expected[-2:]
    if expected:
        assert list(noisy.alerts.newer(wanted, place(expected[-1]))) == expected[:-1]


def place(row: AlertRow) -> AlertCursor:
    return AlertCursor(row.last_seen, row.id)


def test_a_reader_sees_them_without_writing(noisy: Governance, db: Path, home: Path) -> None:
    add(noisy)
    if noisy.path is None:
        pytest.skip("a file is opened for reading only")
    with Governance.open(db, home=home, read_only=True) as reader:
        assert [one.id for one in reader.suppressions.all()] == [1]
