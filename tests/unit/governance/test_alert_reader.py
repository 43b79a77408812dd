from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, text

from soc_copilot.domain.alerts import (
    AlertCursor,
    AlertFilter,
    AlertRow,
    AlertStatus,
    Disposition,
)
from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.findings import Severity
from soc_copilot.governance.alert_reader import missing_message
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import NOON, commit, finding, line, minutes

ALL = AlertFilter()
OPEN = AlertFilter(statuses=(AlertStatus.NEW, AlertStatus.ACKNOWLEDGED))
LIST = AlertFilter(statuses=OPEN.statuses, suppressed=False)


@pytest.fixture
def desk(governance: Governance) -> Governance:
    """Thirty alerts, ten at each of three moments, of every severity."""
    governance.batches.store(
        commit(
            [
                finding(
                    f"10.0.0.{i}",
                    severity=Severity(i % 5),
                    technique=f"T{1100 + i % 3}",
                    first_seen=minutes(i // 10),
                )
                for i in range(30)
            ]
        )
    )
    return governance


def cursor(row: AlertRow) -> AlertCursor:
    return AlertCursor(row.last_seen, row.id)


def test_pages_cover_everything_once_newest_first(desk: Governance) -> None:
    rows: list[AlertRow] = []
    while page := desk.alerts.page(ALL, cursor(rows[-1]) if rows else None, 7):
        rows.extend(page)
    assert sorted(row.id for row in rows) == list(range(1, 31))
    places = [(row.last_seen, row.id) for row in rows]
    assert places == sorted(places, reverse=True)


def test_newer_rows_are_those_before_a_place(desk: Governance) -> None:
    rows = desk.alerts.page(ALL)
    assert desk.alerts.newer(ALL, cursor(rows[4])) == rows[:4]
    assert desk.alerts.newer(ALL, cursor(rows[0])) == ()
    assert desk.alerts.newer(ALL, None, 3) == rows[:3]
    assert desk.alerts.newer(ALL, cursor(rows[10]), 3) == rows[:3]


def test_pages_can_be_walked_upwards(desk: Governance) -> None:
    rows = desk.alerts.page(ALL)
    assert desk.alerts.page_after(ALL, None, 4) == rows[-4:]
    assert desk.alerts.page_after(ALL, cursor(rows[10]), 4) == rows[6:10]
    assert desk.alerts.page_after(ALL, cursor(rows[2]), 4) == rows[:2]
    assert desk.alerts.page_after(ALL, cursor(rows[0]), 4) == ()


def test_rows_are_got_in_the_order_asked(desk: Governance) -> None:
    assert [row.id for row in desk.alerts.get([5, 99, 2, 5])] == [5, 2, 5]
    assert desk.alerts.get([]) == ()


def test_a_detail_that_is_not_there_is_named(governance: Governance) -> None:
    with pytest.raises(StoreError, match="no alert 7"):
        governance.alerts.detail(7)


def test_missing_ids_are_listed_up_to_ten() -> None:
    assert "1, 2." in missing_message([1, 2])
    assert "10, ..." in missing_message(range(1, 20))


def test_counts_are_of_open_alerts_by_severity(desk: Governance) -> None:
    desk.alerts.close([1], Disposition.BENIGN)
    desk.alerts.acknowledge([2])
    counts = desk.alerts.counts()
    assert counts.total == 30
    assert counts.open_by_severity == (5, 6, 6, 6, 6)
    assert (counts.open, counts.unassigned_open) == (29, 28)


def test_an_empty_database_has_no_alerts(governance: Governance) -> None:
    assert governance.alerts.counts().total == governance.alerts.counts().open == 0
    assert governance.alerts.count(ALL) == 0
    assert governance.alerts.page(ALL) == ()
    assert governance.alerts.detectors() == ()
    assert governance.alerts.changed_since(0) == (0, ())


def test_changes_are_polled_by_token(desk: Governance) -> None:
    alerts = desk.alerts
    token = alerts.change_token()
    assert alerts.changed_since(token) == (token, ())
    desk.batches.store(commit([finding("new one"), finding("10.0.0.3", technique="T1100")]))
    alerts.add_note([7], "look")
    later, changed = alerts.changed_since(token)
    assert later > token
    assert changed == (7, 31, 4)
    assert alerts.changed_since(later) == (later, ())
    assert alerts.changed_since(0, 2)[1] == (7, 31)


def test_the_histogram_has_every_bucket(desk: Governance) -> None:
    buckets = desk.alerts.histogram(ALL, minutes(-1), minutes(4), 5)
    assert [bucket.start for bucket in buckets] == [minutes(i) for i in range(-1, 4)]
    assert [sum(bucket.counts) for bucket in buckets] == [0, 10, 10, 10, 0]
    assert buckets[1].counts == (2, 2, 2, 2, 2)


def test_the_histogram_follows_the_filter(desk: Governance) -> None:
    wanted = AlertFilter(severities=(Severity.HIGH,), until=minutes(1))
    buckets = desk.alerts.histogram(wanted, minutes(0), minutes(3), 7)
    assert len(buckets) == 7
    assert sum(sum(bucket.counts) for bucket in buckets) == 2


def test_a_histogram_of_nothing_is_empty(desk: Governance) -> None:
    assert desk.alerts.histogram(ALL, NOON, NOON, 5) == ()
    assert desk.alerts.histogram(ALL, NOON, minutes(1), 0) == ()


def test_the_top_are_the_most_then_the_worst(desk: Governance) -> None:
    desk.batches.store(commit([finding("10.0.0.4", rule="web.xss", technique="T1101")]))
    assert desk.alerts.top_entities(None, 2) == (
        ("10.0.0.4", 2, Severity.CRITICAL),
        ("10.0.0.14", 1, Severity.CRITICAL),
    )
    assert desk.alerts.top_techniques(None)[0] == ("T1101", 11, Severity.CRITICAL)
    assert sum(n for _, n, _ in desk.alerts.top_techniques(minutes(2))) == 10


def test_export_yields_everything_in_order(
    desk: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soc_copilot.governance.alert_reader._EXPORT_PAGE", 4)
    details = list(desk.alerts.export(ALL))
    assert tuple(detail.row for detail in details) == desk.alerts.page(ALL)
    assert details[0] == desk.alerts.detail(details[0].row.id)


def test_alerts_may_change_while_exported(desk: Governance) -> None:
    n = 0
    for detail in desk.alerts.export(OPEN):
        desk.alerts.close([detail.row.id], Disposition.BENIGN)
        n += 1
    assert n == 30


def test_history_is_newest_first_by_key(desk: Governance) -> None:
    desk.alerts.close([3], Disposition.FALSE_POSITIVE, "pen test")
    whole = desk.alerts.history()
    assert [c.id for c in whole] == sorted((c.id for c in whole), reverse=True)
    assert (whole[0].field, whole[0].new) == ("note", "pen test")
    assert desk.alerts.history(whole[2].id, 5) == whole[3:8]


@pytest.mark.parametrize(
    ("words", "n"),
    [
        ("pen test", 1),
        ("false_positive", 1),
        ("alert:3", 5),
        ("alert:3 raised", 1),
        ("10.0.0.2", 15),  # five changes of its own, and .20 to .29 were raised
        ("alert:x", 0),
        ("window status", 0),
        ("nothing%", 0),
    ],
)
def test_history_is_searched_literally(desk: Governance, words: str, n: int) -> None:
    desk.alerts.close([3], Disposition.FALSE_POSITIVE, "pen test")
    assert len(desk.alerts.history(text=words)) == n


def test_hostile_text_comes_back_exactly(governance: Governance) -> None:
    odd = "<b>\0\x1b[31m\u202e\udcff\U0010f801 '--;\n"
    found = finding(odd, title=odd, summary=odd, evidence=(line(0, raw=odd),), next_steps=(odd,))
    governance.batches.store(commit([found]))
    governance.alerts.add_note([1], "x" + odd + "x")
    detail = governance.alerts.detail(1)
    assert detail.row.entity == detail.row.title == detail.summary == odd
    assert (detail.evidence[0].raw, detail.next_steps) == (odd, (odd,))
    assert detail.notes[0].text == "x" + odd + "x"
    assert governance.alerts.count(AlertFilter(entity=odd)) == 1


# Pages that the window reads are read by an index: no full scan, no sorting.


def plan_of(governance: Governance, wanted: AlertFilter, before: AlertCursor | None) -> list[str]:
    seen: list[tuple[str, Any]] = []
    engine = governance._session.engine

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        governance.alerts.page(wanted, before)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    statement, parameters = next(s for s in seen if "FROM alert" in s[0])
    with governance._session.read() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [row[3] for row in rows]


@pytest.mark.parametrize(
    "wanted",
    [
        ALL,
        OPEN,
        AlertFilter(statuses=(AlertStatus.CLOSED,)),
        AlertFilter(statuses=(AlertStatus.ACKNOWLEDGED,), severities=(Severity.HIGH,)),
        AlertFilter(statuses=(AlertStatus.NEW, AlertStatus.CLOSED)),
        AlertFilter(statuses=OPEN.statuses, severities=(Severity.HIGH, Severity.CRITICAL)),
        AlertFilter(statuses=OPEN.statuses, detectors=("web", "auth")),
        AlertFilter(statuses=OPEN.statuses, since=NOON, until=minutes(5)),
        AlertFilter(severities=(Severity.CRITICAL,), since=NOON),
        AlertFilter(entity="10.0.0.1"),
        AlertFilter(statuses=OPEN.statuses, entity="10.0.0.1"),
        AlertFilter(technique="T1190"),
        AlertFilter(statuses=OPEN.statuses, technique="T1190"),
        AlertFilter(statuses=(AlertStatus.NEW,), technique="T1190"),
        LIST,
        AlertFilter(suppressed=False),
        AlertFilter(suppressed=True),
        AlertFilter(statuses=OPEN.statuses, suppressed=True),
        AlertFilter(statuses=(AlertStatus.CLOSED,), suppressed=False),
        AlertFilter(statuses=OPEN.statuses, technique="T1190", suppressed=False),
        AlertFilter(suppression=1),
    ],
)
@pytest.mark.parametrize("before", [None, AlertCursor(minutes(2), 25)])
def test_pages_are_read_by_an_index_without_sorting(
    desk: Governance, wanted: AlertFilter, before: AlertCursor | None
) -> None:
    plan = plan_of(desk, wanted, before)
    assert plan
    for step in plan:
        assert " INDEX " in step, plan
        assert "TEMP B-TREE" not in step, plan
    # Statistics must not lead the planner away from it.
    with desk._session.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
    assert not any("TEMP B-TREE" in step for step in plan_of(desk, wanted, before))


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (ALL, "ix_alert_page"),
        (OPEN, "ix_alert_open_page"),
        (LIST, "ix_alert_open_page"),
        (AlertFilter(suppressed=True), "ix_alert_open_page"),
        (AlertFilter(statuses=(AlertStatus.NEW,), suppressed=False), "ix_alert_status_page"),
        (AlertFilter(suppression=1), "ix_alert_suppressed"),
        (AlertFilter(statuses=(AlertStatus.ACKNOWLEDGED,)), "ix_alert_status_page"),
        (AlertFilter(statuses=OPEN.statuses, entity="10.0.0.1"), "ix_alert_entity"),
        (AlertFilter(statuses=(AlertStatus.NEW,), entity="10.0.0.1"), "ix_alert_entity"),
        (AlertFilter(statuses=OPEN.statuses, technique="T1190"), "ix_alert_technique"),
    ],
)
def test_each_kind_of_page_is_read_by_its_own_index(
    desk: Governance, wanted: AlertFilter, index: str
) -> None:
    (step,) = plan_of(desk, wanted, None)
    assert f" {index} " in step + " "


def test_times_come_back_aware_and_exact(governance: Governance) -> None:
    at = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    governance.batches.store(commit([finding(first_seen=at)]))
    assert governance.alerts.page(ALL)[0].first_seen == at
