from datetime import UTC, date, datetime

from soc_copilot.domain.findings import Finding, Severity


def test_severities_are_ordered_and_have_words() -> None:
    assert Severity.INFO < Severity.LOW < Severity.MEDIUM < Severity.HIGH < Severity.CRITICAL
    assert [s.label for s in Severity] == ["Info", "Low", "Medium", "High", "Critical"]


def test_a_finding_belongs_to_the_utc_day_of_its_first_event() -> None:
    at = datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC)
    finding = Finding(
        "auth", "auth.bruteforce", "192.0.2.1", "source.ip", "T1110.001", "t", "s",
        Severity.HIGH, 0.9, 0.5, 1, at, at,
    )  # fmt: skip
    assert finding.day == date(2026, 11, 20)
