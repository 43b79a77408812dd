"""The menu of a cell narrows the alerts by what the cell says."""

from datetime import timedelta

import pytest

from soc_copilot.domain.alerts import AlertRow, AlertStatus
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.alert_menu import AROUND, offers
from soc_copilot.ui.models.alert_view import AlertView
from soc_copilot.ui.models.alerts import Column
from tests.ui.alerts_support import NOON
from tests.ui.desk_support import HOSTILE


def row(**changes: object) -> AlertRow:
    values: dict[str, object] = {
        "id": 1,
        "severity": Severity.HIGH,
        "first_seen": NOON,
        "last_seen": NOON + timedelta(hours=1),
        "detector": "web",
        "rule": "web.sqli",
        "entity": "192.0.2.1",
        "entity_type": "source.ip",
        "technique": "T1190",
        "title": "SQL injection",
        "count": 1,
        "status": AlertStatus.NEW,
        "disposition": None,
        "assignee": None,
        "score": 0.9,
        "raised_at": NOON,
    }
    return AlertRow(**(values | changes))  # type: ignore[arg-type]


def only(column: Column, view: AlertView | None = None, **changes: object) -> AlertView:
    return offers(view or AlertView(), row(**changes), column)[0].view


def without(column: Column, view: AlertView | None = None, **changes: object) -> AlertView:
    return offers(view or AlertView(), row(**changes), column)[1].view


def test_a_severity_alone_can_be_kept() -> None:
    assert only(Column.SEVERITY).severities == (Severity.HIGH,)


def test_a_severity_left_out_leaves_the_other_four() -> None:
    assert set(without(Column.SEVERITY).severities) == set(Severity) - {Severity.HIGH}


def test_a_severity_left_out_narrows_what_was_chosen_before() -> None:
    view = AlertView(severities=(Severity.HIGH, Severity.LOW))
    assert without(Column.SEVERITY, view).severities == (Severity.LOW,)


def test_a_status_left_out_leaves_the_other_open_one() -> None:
    assert without(Column.STATUS).statuses == (AlertStatus.ACKNOWLEDGED,)


def test_an_entity_is_matched_exactly_not_as_a_word() -> None:
    view = only(Column.ENTITY)
    assert (view.entity, view.text) == ("192.0.2.1", "")


def test_a_technique_left_out_becomes_a_word_of_the_search() -> None:
    assert without(Column.TECHNIQUE).text == '-technique:"T1190"'


def test_an_alert_without_technique_offers_nothing_for_it() -> None:
    assert offers(AlertView(), row(technique=""), Column.TECHNIQUE) == []


def test_words_typed_before_stay_in_the_search() -> None:
    view = AlertView(text="UNION")
    assert without(Column.DETECTOR, view).text == 'UNION -detector:"web"'


def test_a_title_is_searched_as_one_phrase() -> None:
    assert only(Column.WHAT).text == '"SQL injection"'


@pytest.mark.parametrize("column", [Column.WHAT, Column.ENTITY])
def test_a_value_with_a_quote_never_becomes_a_search_term(column: Column) -> None:
    found = offers(AlertView(), row(title='a" b', entity='a" b'), column)
    assert [offer.view.text for offer in found if offer.view.text] == []


def test_a_time_offers_all_alerts_around_it_whatever_their_status() -> None:
    view = only(Column.LAST_SEEN, AlertView(brush=(NOON, NOON)))
    seen = row().last_seen
    assert (view.since, view.until) == (seen - AROUND, seen + AROUND)
    assert (view.preset, view.statuses, view.brush) == ("custom", (), None)


def test_a_count_offers_nothing() -> None:
    assert offers(AlertView(), row(), Column.COUNT) == []


def test_a_hostile_entity_is_named_inert_but_filtered_as_it_is() -> None:
    first = offers(AlertView(), row(entity=HOSTILE + "A" * 9_000), Column.ENTITY)[0]
    assert not has_hidden(first.words)
    assert len(first.words) < 60
    assert first.view.entity == HOSTILE + "A" * 9_000
