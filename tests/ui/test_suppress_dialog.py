"""What is asked before anything is suppressed, and that nothing is confirmed unseen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.domain.suppressions import LENGTHS, Field
from soc_copilot.ui.dialogs.suppress import EVERY, NO_END, UNTIL, SuppressDialog
from soc_copilot.ui.models.suppressions import Plan
from tests.ui.alerts_support import Bench, bench, finding

ALIKE = {"detector": "web", "entity": "192.0.2.7", "technique": "T1190"}


def alike(number: int, severity: Severity = Severity.MEDIUM, **more: object) -> Finding:
    values = {**ALIKE, "severity": severity, "count": 10, **more}
    found = finding(number, **values)
    return replace(found, first_seen=utc_now(), last_seen=utc_now())


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    """Two alike by rule, one of them graver; and one of another rule."""
    found = [
        alike(2),
        alike(4, Severity.CRITICAL, entity="192.0.2.8"),
        alike(6, entity="192.0.2.9"),
        alike(8, rule="web.xss"),
    ]
    with bench(qtbot, tmp_path, found) as made:
        yield made


def opened(desk: Bench, ids: tuple[int, ...] = (1,), usual: str = "7 days") -> SuppressDialog:
    offer = desk.governance.suppressions.offer(ids)
    dialog = SuppressDialog(desk.desk, desk.page, offer, usual, {1: "web server"})
    dialog.open()
    answered(desk, dialog)
    return dialog


def answered(desk: Bench, dialog: SuppressDialog) -> None:
    desk.qtbot.waitUntil(lambda: not dialog.is_busy)


def confirmed(dialog: SuppressDialog) -> Plan:
    plans: list[Plan] = []
    dialog.confirmed.connect(plans.append)
    dialog.accept()
    (plan,) = plans
    return plan


def test_rule_and_entity_for_the_usual_time_is_what_is_asked_at_first(desk: Bench) -> None:
    dialog = opened(desk, usual="1 day")
    assert dialog.fields == {Field.RULE, Field.ENTITY}
    assert dialog.answer.text() == (
        "Would have hidden 1 alert (10 occurrences) of the last 7 days."
    )
    assert dialog.warning.text() == "Among them: 1 still open."
    assert dialog.hide_check.text() == "Also hide the open one now"
    texts = {label.text() for label in dialog.findChildren(QLabel)}
    assert {"web.sqli", "192.0.2.7", "web", "T1190", "web server"} <= texts
    plan = confirmed(dialog)
    assert plan == Plan((1,), frozenset({Field.RULE, Field.ENTITY}), LENGTHS["1 day"])
    assert plan.end(utc_now()) is not None


def test_the_dry_run_follows_what_is_ticked(desk: Bench) -> None:
    dialog = opened(desk)
    dialog.field_checks[Field.ENTITY].setChecked(False)
    assert not dialog.accept_button.isEnabled()  # until it has answered
    answered(desk, dialog)
    assert "Would have hidden 2 alerts (20 occurrences)" in dialog.answer.text()
    assert dialog.more.text() == "1 more severe one would have stayed in the list."
    dialog.any_check.setChecked(True)
    answered(desk, dialog)
    assert dialog.warning.text() == "Among them: 1 critical, 3 still open."
    assert [row.id for row in dialog.examples.rows] == [2, 3, 1]
    assert dialog.hide_check.text() == "Also hide the 3 open ones now"
    dialog.hide_check.setChecked(True)
    plan = confirmed(dialog)
    assert (plan.any_severity, plan.hide_open, plan.fields) == (True, True, {Field.RULE})


def test_nothing_ticked_cannot_be_confirmed(desk: Bench) -> None:
    dialog = opened(desk)
    for check in dialog.field_checks.values():
        check.setChecked(False)
    answered(desk, dialog)
    assert "at least one" in dialog.problem.text()
    assert not dialog.accept_button.isEnabled()
    plans: list[Plan] = []
    dialog.confirmed.connect(plans.append)
    dialog.accept()
    assert plans == []
    dialog.field_checks[Field.RULE].setChecked(True)
    answered(desk, dialog)
    assert dialog.problem.isHidden()
    assert dialog.accept_button.isEnabled()


def test_without_an_end_it_must_be_said_twice(desk: Bench) -> None:
    dialog = opened(desk)
    assert dialog.no_end_check.isHidden()
    dialog.end_box.setCurrentText(NO_END)
    assert not dialog.accept_button.isEnabled()
    dialog.no_end_check.setChecked(True)
    assert dialog.accept_button.isEnabled()
    dialog.end_box.setCurrentText("1 hour")
    dialog.end_box.setCurrentText(NO_END)
    assert not dialog.no_end_check.isChecked()
    assert not dialog.accept_button.isEnabled()
    dialog.no_end_check.setChecked(True)
    plan = confirmed(dialog)
    assert (plan.without_end, plan.end(utc_now())) == (True, None)


def test_a_date_can_be_chosen(desk: Bench) -> None:
    dialog = opened(desk)
    assert dialog.until_edit.isHidden()
    dialog.end_box.setCurrentText(UNTIL)
    assert not dialog.until_edit.isHidden()
    wanted = dialog.until_edit.dateTime().addDays(3)
    dialog.until_edit.setDateTime(wanted)
    dialog.reason_edit.setText("  our scanner ")
    plan = confirmed(dialog)
    assert plan.until is not None
    assert abs(plan.until - utc_now() - timedelta(days=10)) < timedelta(minutes=5)
    assert (plan.length, plan.reason) == (None, "our scanner")


def test_a_critical_alert_says_that_everything_is_hidden(desk: Bench) -> None:
    dialog = opened(desk, (2,))
    assert dialog.any_check.isHidden()
    assert dialog.any_hint.text() == EVERY
    assert dialog.accept_button.isEnabled()


def test_several_alerts_offer_what_they_share(desk: Bench) -> None:
    dialog = opened(desk, (1, 3))
    assert Field.ENTITY not in dialog.field_checks
    assert dialog.fields == {Field.RULE}


def test_it_is_filled_in_by_keyboard_alone(desk: Bench) -> None:
    dialog = opened(desk)
    reached = set()
    widget = dialog.reason_edit
    for _ in range(20):
        reached.add(widget)
        widget = widget.nextInFocusChain()
        while not (widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible()):
            widget = widget.nextInFocusChain()
    needed = {*dialog.field_checks.values(), dialog.end_box, dialog.reason_edit}
    assert {*needed, dialog.any_check, dialog.hide_check, dialog.accept_button} <= reached
    plans: list[Plan] = []
    dialog.confirmed.connect(plans.append)
    desk.qtbot.keyClick(dialog.reason_edit, Qt.Key.Key_Return)
    assert len(plans) == 1


def test_nothing_is_cut_and_no_stray_window_is_shown(desk: Bench, qapp: QApplication) -> None:
    before = {id(window) for window in qapp.topLevelWidgets() if window.isVisible()}
    dialog = opened(desk)
    layout = dialog.layout()
    assert layout is not None
    assert dialog.height() >= layout.totalHeightForWidth(dialog.width())
    assert dialog.height() <= 720  # fits a desk of 1280x800
    visible = {id(window) for window in qapp.topLevelWidgets() if window.isVisible()}
    assert visible - before == {id(dialog)}
    dialog.reject()
