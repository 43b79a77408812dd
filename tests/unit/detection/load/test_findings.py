"""Intervals as alerts: what, since when, how large, which template, how sure."""

from datetime import UTC, datetime

from soc_copilot.detection.load.findings import finding_of, interval_of, row_of
from soc_copilot.detection.load.templates import Guess
from soc_copilot.detection.load.verdict import HourVerdict
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.load import LoadInterval, Odd

HOUR = 412_008  # 2017-01-01 00:00
NAN = float("nan")


def verdict(*, threat: bool, event: str = "", guess: Guess | None = None) -> HourVerdict:
    return HourVerdict(
        HOUR, 120.0, 100.0, 95.0, 105.0, 99.0, 1.2, 0.2, 0.97, "low" if threat else "normal",
        threat, event, HOUR - 5 if threat else -1, guess,
    )  # fmt: skip


def test_an_hour_is_kept_with_what_is_odd_about_it() -> None:
    row = row_of(verdict(threat=False, event="jump"))
    assert (row.grade, row.odd) == (0, Odd.JUMP)
    assert row_of(verdict(threat=True), is_exercise=True).exercise
    assert interval_of(verdict(threat=False)) is None


def test_an_alert_says_everything_that_a_person_asks() -> None:
    one = interval_of(verdict(threat=True, guess=Guess("scaling", 0.9, 0.21, {})))
    assert one is not None
    assert one.first == HOUR - 5
    found = finding_of(one, "meter", "1", count=3)
    assert found.rule == "load.manipulated"
    for words in ("meter", "20% above", "2016-12-31 19:00", "6 h", "constant share of +21%", "90%"):
        assert words in found.summary
    assert found.severity is Severity.LOW
    assert found.count == 3
    assert found.first_seen.date() == found.last_seen.date()
    assert found.technique
    assert found.next_steps


def test_an_exercise_says_so_everywhere() -> None:
    one = LoadInterval(HOUR, HOUR + 30, 3, -0.45, is_exercise=True)
    found = finding_of(one, "meter", "1", at=datetime(2026, 1, 1, 5, tzinfo=UTC))
    assert found.rule == "load.exercise"
    assert found.title.startswith("Exercise: ")
    assert found.summary.startswith("Exercise: ")
    assert "on purpose" in found.summary
    assert found.technique == ""
    assert found.severity is Severity.HIGH
    assert found.last_seen.year == 2026
