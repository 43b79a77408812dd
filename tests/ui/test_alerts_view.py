import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from soc_copilot.domain.alerts import AlertFilter, AlertStatus
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.models.alert_view import (
    BUILT_IN,
    DEFAULT_VIEW,
    AlertView,
    filter_to_view,
    views_from_json,
    views_to_json,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_default_view_asks_for_open_alerts_of_all_time() -> None:
    query = DEFAULT_VIEW.query(NOW)
    open_ones = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)
    assert query == AlertFilter(statuses=open_ones, suppressed=False)


def test_suppressed_alerts_are_hidden_shown_or_alone() -> None:
    asked = {"hidden": False, "shown": None, "only": True}
    for word, wanted in asked.items():
        view = AlertView(suppressed=word)
        assert view.query(NOW).suppressed is wanted
        assert AlertView.from_json(view.to_json()) == view
        assert filter_to_view(view.query(NOW)) == view
    for text in ("suppressed:yes", "x -Suppressed:3"):
        assert AlertView(text=text).query(NOW).suppressed is None
    assert AlertView(text="unsuppressed:x").query(NOW).suppressed is False
    held = AlertView(suppression=3)
    assert (held.query(NOW).suppressed, held.query(NOW).suppression) == (None, 3)
    assert AlertView.from_json(held.to_json()) == held
    with pytest.raises(ValueError, match="odd"):
        AlertView.from_json(held.to_json().replace('"hidden"', '"odd"'))
    old = {k: v for k, v in json.loads(held.to_json()).items() if not k.startswith("suppress")}
    assert AlertView.from_json(json.dumps(old)) == AlertView()


def test_relative_range_ends_now_and_brush_narrows_it() -> None:
    view = AlertView(preset="1h")
    assert view.query(NOW).since == NOW - timedelta(hours=1)
    low, high = NOW - timedelta(minutes=30), NOW - timedelta(minutes=20)
    narrowed = replace(view, brush=(low, high)).query(NOW)
    assert (narrowed.since, narrowed.until) == (low, high)
    wide = replace(view, brush=(NOW - timedelta(hours=3), high)).query(NOW)
    assert (wide.since, wide.until) == (NOW - timedelta(hours=1), high)


def test_mine_asks_for_what_is_mine_or_nobodys() -> None:
    view = BUILT_IN["Open, mine or unassigned"]
    assert view.query(NOW, "ana").mine == "ana"
    assert AlertView().query(NOW, "ana").mine is None
    assert not AlertView.from_json(view.to_json().replace(', "mine": true', "")).mine


def test_severities_toggle_and_all_of_them_is_no_filter() -> None:
    view = AlertView().toggled(Severity.CRITICAL)
    assert view.severities == (Severity.CRITICAL,)
    assert view.toggled(Severity.CRITICAL).severities == ()
    for severity in (Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH):
        view = view.toggled(severity)
    assert view.severities == ()


def test_views_survive_storage_except_for_the_brush() -> None:
    views = {
        **BUILT_IN,
        "Meine «Sicht»": AlertView(
            'entity:192.0.2.7 "drop table"',
            (Severity.LOW,),
            (),
            ("web",),
            "custom",
            NOW - timedelta(days=1),
            NOW,
            "192.0.2.7",
            "T1190",
            True,
            (NOW, NOW),
        ),
    }
    expected = {name: replace(view, brush=None) for name, view in views.items()}
    assert views_from_json(views_to_json(views)) == expected


@pytest.mark.parametrize(
    "text", [None, "", "nonsense", "[]", '{"a": 1}', '{"a": "{}"}', '{"a": "[1]"}']
)
def test_damaged_storage_gives_no_views(text: str | None) -> None:
    assert views_from_json(text) == {}


def test_unknown_values_in_a_stored_view_are_refused() -> None:
    good = DEFAULT_VIEW.to_json()
    for bad in (
        good.replace('"all"', '"fortnight"'),
        good.replace('"new"', '"lost"'),
        good.replace('"since": null', '"since": "2026-01-01T00:00:00"'),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            AlertView.from_json(bad)


def test_a_query_becomes_the_view_that_asks_for_it() -> None:
    query = AlertFilter("x", (Severity.HIGH,), (), ("auth",), NOW, None, "e", "T1110")
    assert filter_to_view(query).query(NOW) == query
    assert filter_to_view(AlertFilter()).preset == "all"
