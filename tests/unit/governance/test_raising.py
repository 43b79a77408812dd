import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from soc_copilot.domain.alerts import AlertFilter, Disposition
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, finding, line, minutes


def store(governance: Governance, *findings: Finding):
    return governance.batches.store(commit(findings))


def test_a_finding_raises_an_alert_with_everything_it_says(governance: Governance) -> None:
    lines = (line(0, raw="\0\x1b[31m'; DROP TABLE alert; -- \u202e <img src=x>", score=0.25),)
    found = finding(evidence=lines, last_seen=minutes(3), count=4)
    stored = store(governance, found)
    detail = governance.alerts.detail(stored.raised_ids[0])
    row = detail.row
    for name in (
        *("detector", "rule", "entity", "entity_type", "technique", "title", "severity"),
        *("score", "count", "first_seen", "last_seen"),
    ):
        assert getattr(row, name) == getattr(found, name), name
    assert (row.status.value, row.disposition, row.assignee) == ("new", None, None)
    assert detail.summary == found.summary
    assert detail.threshold == found.threshold
    assert detail.model_version == found.model_version
    assert detail.components == found.components
    assert detail.next_steps == found.next_steps
    assert detail.evidence == lines
    assert [(c.field, c.old, c.new) for c in detail.history] == [("raised", None, "High")]


def test_a_finding_grows_the_open_alert_of_its_key(governance: Governance) -> None:
    store(governance, finding(count=2, evidence=(line(0),)))
    stored = store(governance, finding(count=3, first_seen=minutes(5), evidence=(line(9),)))
    assert (stored.raised_ids, stored.updated) == ((), 1)
    detail = governance.alerts.detail(1)
    assert detail.row.count == 5
    assert (detail.row.first_seen, detail.row.last_seen) == (minutes(0), minutes(5))
    assert [e.offset for e in detail.evidence] == [0, 9]


def test_two_findings_of_one_batch_are_one_alert(governance: Governance) -> None:
    stored = store(governance, finding(), finding(), finding("other"))
    assert stored.raised == (0, 0, 0, 2, 0)
    assert governance.alerts.detail(1).row.count == 2


def test_a_closed_alert_does_not_grow(governance: Governance) -> None:
    store(governance, finding())
    governance.alerts.close([1], Disposition.BENIGN)
    assert store(governance, finding()).raised_ids == (2,)
    assert governance.alerts.detail(1).row.count == 1


def test_the_newer_of_two_open_alerts_goes_on_growing(governance: Governance) -> None:
    store(governance, finding())
    governance.alerts.close([1], Disposition.BENIGN)
    store(governance, finding())
    governance.alerts.reopen([1], "both matter")
    store(governance, finding())
    assert [governance.alerts.detail(i).row.count for i in (1, 2)] == [1, 2]


def test_a_rising_severity_is_on_record(governance: Governance) -> None:
    store(governance, finding(severity=Severity.LOW))
    store(governance, finding(severity=Severity.CRITICAL))
    store(governance, finding(severity=Severity.INFO))
    changes = [(c.field, c.old, c.new) for c in governance.alerts.detail(1).history]
    assert changes == [("raised", None, "Low"), ("severity", "Low", "Critical")]
    row = governance.audit.rows()[0]
    assert (row.action, row.old, row.new) == ("alerts.escalated", "1 Low", "1 Critical")


def test_each_batch_that_raises_alerts_is_one_audit_row(governance: Governance) -> None:
    n = governance.audit.count()
    store(governance, finding("a"), finding("b", severity=Severity.LOW))
    store(governance, finding("a"))
    store(governance)
    assert governance.audit.count() == n + 1
    row = governance.audit.rows()[0]
    assert (row.action, row.subject, row.new) == ("alerts.raised", "batch 1", "1 High, 2 Low")


def test_the_same_line_is_kept_once(governance: Governance) -> None:
    store(governance, finding(evidence=(line(0), line(0))))
    store(governance, finding(evidence=(line(0),)))
    assert len(governance.alerts.detail(1).evidence) == 1


def test_evidence_is_bounded_to_the_first_and_the_strongest(governance: Governance) -> None:
    for start in range(0, 100, 20):
        lines = tuple(line(i, at=minutes(i / 10), score=i / 100) for i in range(start, start + 20))
        store(governance, finding(evidence=lines))
    offsets = [e.offset for e in governance.alerts.detail(1).evidence]
    assert offsets == [*range(20), *range(90, 100)]


def test_alerts_count_for_their_source_and_detector(governance: Governance) -> None:
    governance.sources.add("file", "/var/log/access.log")
    store(governance, finding(evidence=(line(0),)), finding("b", detector="auth"))
    store(governance, finding(evidence=(line(9),)))
    assert governance.sources.ledger(1)[0].alerts == 1
    assert governance.alerts.detectors() == ("auth", "web")


def test_many_entities_in_one_batch_are_told_apart(governance: Governance) -> None:
    many = [finding(f"10.0.{i // 256}.{i % 256}") for i in range(1_200)]
    assert len(store(governance, *many).raised_ids) == 1_200
    assert store(governance, *many).updated == 1_200


findings = st.lists(
    st.builds(
        lambda entity, score, at, severity, offset: finding(
            entity,
            score=score,
            severity=severity,
            first_seen=minutes(at),
            title=f"title {at} {score}",
            evidence=(line(offset, at=minutes(at), score=score),),
        ),
        st.sampled_from(["a", "b"]),
        st.sampled_from([0.5, 0.9]),
        st.integers(0, 30),
        st.sampled_from(Severity),
        st.integers(0, 50),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("raising")
    with Governance.open(home / "g.db", home=home) as governance:
        yield governance


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(found=findings, cut=st.integers(0, 8))
def test_alerts_do_not_depend_on_how_findings_came_in(
    shared: Governance, found: list[Finding], cut: int
) -> None:
    ends = []
    for parts in ([found], [found[:cut], found[cut:]]):
        for part in parts:
            store(shared, *part)
        details = list(shared.alerts.export(AlertFilter(statuses=())))
        fresh = sorted(
            (d for d in details if d.row.status.value == "new"), key=lambda d: d.row.entity
        )
        ends.append(
            [
                (
                    *(d.row.entity, d.row.severity, d.row.count, d.row.title, d.row.score),
                    *(d.row.first_seen, d.row.last_seen, d.summary, d.evidence),
                )
                for d in fresh
            ]
        )
        shared.alerts.close([d.row.id for d in fresh], Disposition.BENIGN)
    assert ends[0] == ends[1]
