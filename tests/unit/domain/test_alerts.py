from datetime import UTC, datetime

from soc_copilot.domain.alerts import (
    AlertCounts,
    AlertCursor,
    AlertFilter,
    AlertStatus,
    Disposition,
)


def test_open_alerts_are_those_of_every_severity() -> None:
    assert AlertCounts(10, (1, 2, 0, 3, 1)).open == 7


def test_states_and_dispositions_have_words_for_screens() -> None:
    assert [status.label for status in AlertStatus] == ["New", "Acknowledged", "Closed"]
    assert [d.label for d in Disposition] == [
        "True positive",
        "False positive",
        "Benign",
        "Duplicate",
    ]


def test_an_empty_filter_asks_for_everything_and_equal_filters_are_one() -> None:
    assert AlertFilter() == AlertFilter(text="", severities=(), statuses=())
    assert len({AlertFilter(), AlertFilter(), AlertFilter(text="x")}) == 2


def test_a_cursor_is_a_value() -> None:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    assert AlertCursor(at, 3) == AlertCursor(at, 3)
