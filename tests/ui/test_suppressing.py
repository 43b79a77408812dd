"""Suppressing on the Alerts page: the key, the number hidden, undo, the list of suppressions."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QDialog, QMenu
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.suppressions import DEFAULT_FIELDS, End, Field
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.dialogs.suppress import SuppressDialog
from soc_copilot.ui.dialogs.suppressions import SuppressionsDialog
from soc_copilot.ui.models.alert_view import AlertView
from soc_copilot.ui.models.alerts import Column, status_text
from soc_copilot.ui.suppressing import FEWER
from tests.ui.alerts_support import Bench, bench, finding, raise_alerts


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    """Alerts 1 to 6: three of the rule web.sqli, three of web.xss, newest last."""
    found = [
        finding(n, detector="web", rule=("web.sqli", "web.xss")[n % 2], severity=Severity.MEDIUM)
        for n in range(6)
    ]
    with bench(qtbot, tmp_path, found) as made:
        made.load()
        yield made


def dialog_of(desk: Bench, kind: type[QDialog]) -> QDialog:
    def found() -> list[QDialog]:
        return [one for one in desk.page.window().findChildren(kind) if one.isVisible()]

    desk.qtbot.waitUntil(lambda: bool(found()))
    return found()[0]


def ask(desk: Bench) -> SuppressDialog:
    desk.desk.actions.trigger("alerts.suppress")
    dialog = dialog_of(desk, SuppressDialog)
    assert isinstance(dialog, SuppressDialog)
    desk.qtbot.waitUntil(lambda: not dialog.is_busy and dialog.accept_button.isEnabled())
    return dialog


def suppress(desk: Bench, row: int, *, hide_open: bool = True) -> None:
    """Suppress what is like the alert of a row by its rule."""
    desk.page.table.go_to(row)
    desk.settle()
    dialog = ask(desk)
    dialog.field_checks[Field.ENTITY].setChecked(False)
    desk.qtbot.waitUntil(lambda: not dialog.is_busy)
    dialog.hide_check.setChecked(hide_open)
    dialog.accept()
    desk.settle()


def listed(desk: Bench) -> list[int]:
    model = desk.page.model
    rows = (model.row_at(at) for at in range(model.rowCount()))
    return [row.id for row in rows if row is not None]


def shown_list(desk: Bench) -> SuppressionsDialog:
    desk.desk.actions.trigger("alerts.suppressions")
    dialog = dialog_of(desk, SuppressionsDialog)
    assert isinstance(dialog, SuppressionsDialog)
    desk.qtbot.waitUntil(lambda: not dialog.is_busy)
    return dialog


def test_what_is_alike_leaves_the_list_and_comes_back_with_undo(desk: Bench) -> None:
    suppress(desk, 2)
    assert listed(desk) == [5, 3, 1]
    page = desk.page
    assert page.strip.words.text() == ("Suppressed rule web.xss, up to medium; hid 3 alerts")
    assert page.bar.count.text() == "3"
    assert page.bar.suppressed_button.text() == "+ 3 suppressed"
    desk.act("undo")
    assert listed(desk) == [6, 5, 4, 3, 2, 1]
    assert page.strip.words.text().startswith("Undone: suppressed rule web.xss")
    assert page.bar.suppressed_button.isHidden()
    (one,) = desk.governance.suppressions.all()
    assert one.ended is End.LIFTED
    assert desk.governance.audit.rows(text="suppression.lifted")[0].reason == "Undone."


def test_undo_passes_over_what_was_lifted_meanwhile(desk: Bench) -> None:
    desk.page.table.go_to(0)
    desk.act("acknowledge")
    suppress(desk, 1)
    desk.governance.suppressions.lift(1)
    desk.act("undo")
    assert desk.page.strip.words.text() == "Suppression 1 was lifted before"
    desk.act("undo")
    assert desk.page.strip.words.text() == "Undone: took 1 alert"


def test_open_ones_stay_unless_that_is_ticked_and_new_ones_do_not_come(desk: Bench) -> None:
    suppress(desk, 0, hide_open=False)
    assert listed(desk) == [6, 5, 4, 3, 2, 1]
    raise_alerts(desk.governance, [finding(9, rule="web.xss", severity=Severity.LOW)])
    raise_alerts(desk.governance, [finding(10, rule="web.sqli", severity=Severity.LOW)])
    desk.page.reload()
    desk.settle()
    assert listed(desk) == [8, 6, 5, 4, 3, 2, 1]
    assert desk.page.bar.suppressed_button.text() == "+ 1 suppressed"


def test_suppressed_alerts_are_shown_on_demand_and_say_so(desk: Bench) -> None:
    suppress(desk, 0)
    desk.act("suppressed")
    assert listed(desk) == [6, 5, 4, 3, 2, 1]
    row = desk.page.model.row_at(0)
    assert row is not None
    assert status_text(row) == "Suppressed"
    assert desk.page.bar.suppressed_button.text() == "suppressed too  ✕"
    desk.page.table.go_to(0)
    desk.settle()
    assert "Suppressed until " in desk.page.pane.facts.text()
    assert "by ana (suppression 1)" in desk.page.pane.facts.text()
    assert "suppression none → 1" in desk.page.pane.history.text()
    desk.page.bar.suppressed_button.click()
    desk.settle()
    assert listed(desk) == [5, 3, 1]
    desk.page.bar.set_view(AlertView(text="suppressed:yes"))
    desk.settle()
    assert listed(desk) == [6, 4, 2]
    assert desk.page.bar.suppressed_button.isHidden()


def test_a_list_with_nothing_but_suppressed_alerts_says_so(desk: Bench) -> None:
    suppress(desk, 0)
    suppress(desk, 0)
    assert listed(desk) == []
    assert "6 open are suppressed, U shows them." in desk.page.no_match.text.text()


def test_what_cannot_be_suppressed_is_said_in_the_strip(desk: Bench) -> None:
    raise_alerts(desk.governance, [finding(20, detector="service", entity="checking service")])
    desk.page.reload()
    desk.settle()
    desk.page.table.go_to(0)
    desk.key(Qt.Key.Key_S)
    strip = desk.page.strip
    desk.qtbot.waitUntil(lambda: "never suppressed" in strip.words.text())
    desk.act("select_all")
    desk.key(Qt.Key.Key_S)
    assert strip.words.text() == FEWER
    assert not desk.page.window().findChildren(SuppressDialog)


def test_ticked_alerts_are_suppressed_by_what_they_share(desk: Bench) -> None:
    desk.page.model.check_range(0, 1)  # of both rules
    desk.key(Qt.Key.Key_S)
    dialog = dialog_of(desk, SuppressDialog)
    assert isinstance(dialog, SuppressDialog)
    assert set(dialog.field_checks) == {Field.DETECTOR, Field.TECHNIQUE, Field.SOURCE}
    assert dialog.fields == set()
    assert not dialog.accept_button.isEnabled()
    dialog.reject()


def test_the_menu_of_a_row_offers_it(desk: Bench) -> None:
    menu = QMenu()
    index = desk.page.model.index(0, Column.WHAT)
    desk.page.commands.fill_menu(menu, index)
    assert "Suppress alike…" in [action.text() for action in menu.actions()]
    menu.deleteLater()


def test_the_list_tells_what_each_hides_and_lifts_it(desk: Bench) -> None:
    suppress(desk, 0)
    dialog = shown_list(desk)
    model = dialog.model
    cells = [str(model.index(0, column).data()) for column in range(model.columnCount())]
    assert cells == ["In force", "web.xss, up to medium", "3", "12", "just now", "in 6 d", "ana"]
    assert "Suppression 1: rule web.xss, up to medium. Hid 3 alerts" in dialog.about.text()
    assert "by ana in the window, without a reason." in dialog.about.text()
    desk.qtbot.keyClick(dialog.table, Qt.Key.Key_Delete)
    reason = dialog_of(desk, ReasonDialog)
    assert isinstance(reason, ReasonDialog)
    reason.reason_edit.setText("no scanner")
    reason.accept()
    desk.qtbot.waitUntil(lambda: not dialog.is_busy and model.rowCount() == 0)
    assert not dialog.none_yet.isHidden()
    assert desk.page.strip.words.text() == "Lifted suppression 1; 3 alerts came back"
    desk.settle()
    assert listed(desk) == [6, 5, 4, 3, 2, 1]
    dialog.ended_check.setChecked(True)
    desk.qtbot.waitUntil(lambda: not dialog.is_busy and model.rowCount() == 1)
    assert model.index(0, 0).data() == "Lifted"
    assert not dialog.lift_button.isEnabled()
    assert "Lifted" in dialog.about.text()
    dialog.accept()


def test_the_list_leads_to_what_a_suppression_hides(desk: Bench) -> None:
    suppress(desk, 0)
    dialog = shown_list(desk)
    desk.qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    desk.settle()
    assert listed(desk) == [6, 4, 2]
    bar = desk.page.bar
    assert not bar.suppression_chip.isHidden()
    assert "Suppressed by 1" in bar.suppression_chip.text()
    bar.suppression_chip.click()
    desk.settle()
    assert len(listed(desk)) == 6


def test_a_lift_that_fails_is_told_in_the_dialog(desk: Bench) -> None:
    dialog = shown_list(desk)
    dialog.lift(99, "")
    desk.qtbot.waitUntil(lambda: "no suppression 99" in dialog.problem.text())
    assert not dialog.is_busy
    dialog.accept()


def test_hostile_words_stay_words(desk: Bench) -> None:
    odd = "<b>\x1b[31m\u202e"
    raise_alerts(desk.governance, [finding(30, rule=odd, entity=odd)])
    end = desk.governance.suppressions.now() + timedelta(hours=1)
    desk.governance.suppressions.add([7], DEFAULT_FIELDS, end, reason=odd, hide_open=True)
    dialog = shown_list(desk)
    shown = str(dialog.model.index(0, 1).data())
    for text in (shown, dialog.about.text()):
        assert "<b>␛[31m\\u202e" in text
        assert "\x1b" not in text
    tip = dialog.model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;" in tip
    dialog.accept()


def test_the_page_opens_with_the_list(desk: Bench) -> None:
    desk.page.open(suppressions=True)
    dialog = dialog_of(desk, SuppressionsDialog)
    assert isinstance(dialog, SuppressionsDialog)
    desk.qtbot.waitUntil(lambda: not dialog.is_busy)
    assert not dialog.none_yet.isHidden()
    dialog.accept()


def test_the_model_holds_to_what_qt_asks(desk: Bench) -> None:
    dialog = shown_list(desk)
    assert dialog.model.rowCount(QModelIndex()) == 0
    assert dialog.model.place_of(1) is None
    assert desk.governance.alerts.count(AlertFilter(suppressed=True)) == 0
    dialog.accept()
