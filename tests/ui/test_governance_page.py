from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import AuditReport
from soc_copilot.domain.suppressions import DEFAULT_FIELDS
from soc_copilot.governance.audit import AuditTrail
from soc_copilot.governance.engine import sqlite_driver
from soc_copilot.ui.models import audit as audit_model
from soc_copilot.ui.models.audit import AuditTableModel, Column
from soc_copilot.ui.pages.governance import GovernancePage
from tests.ui.alerts_support import finding, raise_alerts
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench

Key = Qt.Key


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def page(bench: DeskBench, qtbot: QtBot) -> Iterator[GovernancePage]:
    made = GovernancePage(bench.desk)
    qtbot.addWidget(made)
    yield made
    made.close()


def record(bench: DeskBench, count: int, action: str = "alert.acknowledged") -> None:
    for number in range(count):
        bench.governance.audit.record(action, f"alert {number}", "new", "acknowledged", None)


def seqs(model: AuditTableModel) -> list[int]:
    return [model.row_at(line).seq for line in range(model.rowCount())]


def verified(bench: DeskBench, page: GovernancePage) -> AuditReport:
    bench.desk.actions.trigger("governance.verify")
    bench.qtbot.waitUntil(lambda: page.verify.report is not None)
    bench.settle()
    assert page.verify.report is not None
    return page.verify.report


def tamper(bench: DeskBench, statement: str) -> None:
    path = str(bench.governance.path)
    with closing(sqlite_driver().connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


def test_hostile_text_is_shown_inert(bench, page):
    bench.governance.kill_switch.engage(HOSTILE)
    bench.show(page)
    cell = page.model.index(0, Column.CHANGE)
    assert cell.data() == f"released → engaged: {SHOWN}"
    assert "<img" not in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert page.detail.texts["Reason"].toPlainText() == SHOWN
    bench.desk.set_killswitch(bench.governance.kill_switch.state())
    assert SHOWN in page.killswitch.text.text()
    assert page.killswitch.text.textFormat() == Qt.TextFormat.PlainText


# -- the page


def test_the_newest_row_is_shown_in_full(bench, page):
    bench.governance.audit.record("alert.closed", "alert 17", "new", "closed", "a scanner")
    bench.show(page)
    values = {name: label.text() for name, label in page.detail.values.items()}
    assert (values["Row"], values["Action"], values["What"]) == ("2", "alert.closed", "alert 17")
    assert values["Who"] == "ana in the window"
    texts = {name: box.toPlainText() for name, box in page.detail.texts.items()}
    assert texts == {"Old value": "new", "New value": "closed", "Reason": "a scanner"}


def test_below_the_halted_band_of_a_small_desk_no_fact_of_a_row_is_squeezed(bench, page):
    for _ in range(3):  # the card lists what was done with the switch
        bench.governance.kill_switch.engage("a flood of alerts")
        bench.governance.kill_switch.release("all clear")
    bench.show(page, wide=1_064, high=604)
    assert page.minimumSizeHint().height() <= 604


def test_rows_written_elsewhere_appear_and_the_selection_stays(bench, page):
    record(bench, 3)
    bench.show(page)
    page.table.selectRow(1)
    record(bench, 2)
    page.refresh()
    bench.settle()
    assert page.model.row_at(0).seq == 6
    assert page.model.row_at(page.table.currentIndex().row()).seq == 3
    assert page.detail.values["Row"].text() == "3"


def test_searching_waits_for_no_enter_and_says_when_nothing_fits(bench, page, qtbot):
    record(bench, 3)
    bench.governance.kill_switch.engage("noisy deploy")
    bench.show(page)
    bench.desk.actions.trigger("governance.search")
    qtbot.keyClicks(page.search_edit, "noisy")
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    qtbot.keyClicks(page.search_edit, " <b>zzz")
    qtbot.waitUntil(lambda: page.model.rowCount() == 0)
    assert page.nothing.text() == "No row holds “noisy <b>zzz”."
    assert page.detail.values["Row"].text() == ""


def test_the_context_menu_narrows_and_copies(bench, page, qtbot):
    record(bench, 2)
    bench.governance.audit.record("alert.closed", "alert 1", "new", "closed", "a\nb")
    bench.show(page)
    where = page.table.visualRect(page.model.index(0, 0)).center()
    page.table.customContextMenuRequested.emit(where)
    (menu,) = page.findChildren(QMenu)
    only_action, only_subject, copy = menu.actions()
    copy.trigger()
    copied = QGuiApplication.clipboard().text()
    assert copied.split("\t")[4:9] == ["alert.closed", "alert 1", "new", "closed", "a␊b"]
    only_subject.trigger()
    qtbot.waitUntil(lambda: page.model.rowCount() == 2)
    only_action.trigger()
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    menu.close()


# -- verification


def test_an_intact_trail_is_confirmed_in_words(bench, page):
    record(bench, 5)
    bench.show(page)
    assert verified(bench, page).ok
    assert page.verify.state.text() == "Intact: 6 rows"
    assert page.verify.text.text().startswith("All 6 rows of the audit trail are as they were")
    assert page.verify.button.isEnabled()


def test_an_altered_row_is_named_and_selected_even_far_down(bench, page, monkeypatch):
    monkeypatch.setattr(audit_model, "PAGE_ROWS", 4)
    record(bench, 60)
    tamper(bench, "UPDATE audit SET new = 'closed' WHERE seq = 3")
    bench.show(page)
    assert page.model.line_of(3) is None
    report = verified(bench, page)
    assert (report.ok, report.first_bad_seq) == (False, 3)
    assert page.verify.state.text() == "Broken at row 3"
    assert "altered" in page.verify.text.text()
    assert page.model.row_at(page.table.currentIndex().row()).seq == 3
    assert page.detail.values["Row"].text() == "3"


def test_going_to_a_bad_row_leaves_the_search_and_reload_returns_to_the_top(
    bench, page, qtbot, monkeypatch
):
    monkeypatch.setattr(audit_model, "PAGE_ROWS", 4)
    record(bench, 12)
    bench.show(page)
    qtbot.keyClicks(page.search_edit, "zzz")
    qtbot.waitUntil(lambda: page.model.rowCount() == 0)
    page.show_row(5)
    bench.settle()
    assert page.search_edit.text() == ""
    assert seqs(page.model)[0] == 5
    page.refresh()  # new rows would push the wanted one away
    bench.settle()
    assert seqs(page.model)[0] == 5
    bench.desk.actions.trigger("governance.reload")
    bench.settle()
    assert seqs(page.model)[0] == 13


def test_a_missing_row_is_named_and_the_one_before_it_selected(bench, page):
    record(bench, 5)
    tamper(bench, "DELETE FROM audit WHERE seq = 4")
    bench.show(page)
    assert verified(bench, page).first_bad_seq == 4
    assert page.verify.state.text() == "Broken at row 4"
    assert page.detail.values["Row"].text() == "3"


def test_a_check_can_be_cancelled_and_started_again(bench, page, monkeypatch):
    whole = AuditTrail.verify

    def endless(self, progress=None):
        while progress is not None:
            progress(1, 2)
        return AuditReport(True, 0, None, "")

    bench.show(page)
    monkeypatch.setattr(AuditTrail, "verify", endless)
    page.start_verify()
    assert not page.verify.cancel_button.isHidden()
    assert not page.verify.button.isEnabled()
    page.verify.cancel_button.click()
    assert page.verify.state.text() == "Not checked yet"
    assert "cancelled" in page.verify.text.text()
    monkeypatch.setattr(AuditTrail, "verify", whole)
    assert verified(bench, page).ok


def test_a_failing_check_is_said_and_leaves_the_button_usable(bench, page, monkeypatch):
    def fail(self, progress=None):
        raise OSError("disk is gone")

    monkeypatch.setattr(AuditTrail, "verify", fail)
    bench.show(page)
    page.start_verify()
    bench.qtbot.waitUntil(lambda: bool(bench.messages))
    assert "disk is gone" in bench.messages[-1][1]
    assert page.verify.button.isEnabled()


def test_the_page_can_be_opened_for_a_purpose(bench, page):
    bench.governance.kill_switch.engage("noisy deploy")
    bench.show(page)
    page.open(text="killswitch", verify=True)
    bench.qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    bench.qtbot.waitUntil(lambda: page.verify.report is not None)


def test_verifying_from_elsewhere_comes_to_this_page(bench, page):
    asked = []
    bench.desk.page_requested.connect(lambda name, _args: asked.append(name))
    page.start_verify()
    assert asked == ["governance"]
    bench.qtbot.waitUntil(lambda: page.verify.report is not None)


def test_times_follow_the_zone(bench, page):
    bench.show(page)
    assert page.detail.values["When"].text().endswith("UTC")
    bench.desk.times.set_zone("local")
    when = bench.desk.times.absolute(page.model.row_at(0).at)
    assert page.detail.values["When"].text() == when


def test_suppressions_in_force_are_told_and_lead_to_their_list(
    bench: DeskBench, page: GovernancePage
) -> None:
    bench.show(page)
    assert page.suppressions_button.isHidden()
    raise_alerts(bench.governance, [finding(1)])
    store = bench.governance.suppressions
    store.add([1], DEFAULT_FIELDS, store.now() + timedelta(hours=1))
    page.refresh()
    bench.settle()
    assert page.suppressions_button.text() == "1 suppression in force"
    asked: list[tuple[str, object]] = []
    bench.desk.page_requested.connect(lambda *words: asked.append(words))
    page.suppressions_button.click()
    assert asked == [("alerts", {"suppressions": True})]
