from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertFilter, AlertStatus, Disposition
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.models.alert_view import BUILT_IN
from soc_copilot.ui.models.alerts import ROLE_ROW, Column
from tests.ui.alerts_support import NOON, Bench, bench, finding, raise_alerts

Key = Qt.Key


@pytest.fixture
def desk12(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    with bench(qtbot, tmp_path, [finding(n) for n in range(12)]) as made:
        made.load()
        yield made


def titles(made: Bench) -> list[str]:
    model = made.page.model
    return [model.index(row, Column.WHAT).data() for row in range(model.rowCount())]


def status_of(made: Bench, number: int) -> str:
    rows = made.governance.alerts.page(AlertFilter(text=f'"SQL injection {number}"'), None, 50)
    return next(row.status for row in rows if row.title == f"SQL injection {number}").value


def test_newest_alert_comes_first_and_numbers_tell_how_many(desk12: Bench) -> None:
    assert titles(desk12) == [f"SQL injection {n}" for n in range(11, -1, -1)]
    assert desk12.page.bar.count.text() == "12"
    assert desk12.page.bar.total.text() == "of 12"
    assert sum(sum(b.counts) for b in desk12.page.histogram.buckets) == 12


def test_an_alert_is_worked_through_by_keyboard_alone(desk12: Bench) -> None:
    page = desk12.page
    page.focus_table()
    desk12.key(Key.Key_J)
    desk12.settle()
    assert page.pane.detail is not None
    assert page.pane.detail.row.title == "SQL injection 11"
    desk12.key(Key.Key_A)
    desk12.settle()
    assert status_of(desk12, 11) == "acknowledged"
    assert page.model.index(0, Column.STATUS).data() == "Acknowledged"
    desk12.key(Key.Key_J)
    desk12.key(Key.Key_E)
    assert page.strip.is_asking
    desk12.key(Key.Key_F, page.strip.currentWidget())
    desk12.settle()
    assert status_of(desk12, 10) == "closed"
    assert "SQL injection 10" not in titles(desk12)
    current = page.table.currentIndex().data(ROLE_ROW)
    assert current.title == "SQL injection 9"
    changes = desk12.governance.alerts.history(None, 50)
    told = {(c.field, c.old, c.new, c.actor, c.surface) for c in changes}
    assert ("status", "new", "closed", "ana", "window") in told
    assert ("disposition", None, "false_positive", "ana", "window") in told


def test_undo_gives_back_status_disposition_and_assignee(desk12: Bench) -> None:
    page = desk12.page
    page.focus_table()
    desk12.key(Key.Key_J)
    desk12.act("close")
    desk12.key(Key.Key_T, page.strip.currentWidget())
    desk12.settle()
    assert page.strip.words.text() == "Closed 1 alert as true positive"
    desk12.act("undo")
    row = desk12.governance.alerts.page(AlertFilter(), None, 1)[0]
    assert (row.status, row.disposition, row.assignee) == (AlertStatus.NEW, None, None)
    assert titles(desk12)[0] == "SQL injection 11"
    assert page.table.current_row() == 0
    last = desk12.governance.alerts.history(None, 3)
    assert {(c.field, c.old, c.new) for c in last} >= {("status", "closed", "new")}
    assert not page.commands.triage.can_undo


def test_reopen_and_note_are_stored(desk12: Bench) -> None:
    page = desk12.page
    page.bar.set_view(type(page.bar.view)(statuses=()))
    desk12.settle()
    page.table.go_to(3)
    desk12.settle()
    desk12.act("close")
    desk12.key(Key.Key_Tab, page.strip.currentWidget())
    assert page.strip.note_field.hasFocus() or not page.isActiveWindow()
    page.strip.note_field.setText("our own scanner")
    desk12.key(Key.Key_Return, page.strip.note_field)
    desk12.key(Key.Key_B, page.strip.currentWidget())
    desk12.settle()
    assert page.model.index(3, Column.STATUS).data() == "Closed, benign"
    desk12.act("reopen")
    assert status_of(desk12, 8) == "new"
    desk12.act("note")
    page.strip.note_field.setText("seen again")
    desk12.key(Key.Key_Return, page.strip.note_field)
    desk12.settle()
    assert page.pane.detail is not None
    assert [note.text for note in page.pane.detail.notes] == ["our own scanner", "seen again"]


def test_selected_alerts_are_changed_together(desk12: Bench) -> None:
    page = desk12.page
    page.focus_table()
    desk12.key(Key.Key_J)
    desk12.key(Key.Key_X)
    for _ in range(3):
        desk12.key(Key.Key_J)
    desk12.qtbot.keyClick(page.table, Key.Key_X, Qt.KeyboardModifier.ShiftModifier)
    assert page.strip.selection.text() == "4 selected"
    desk12.act("acknowledge")
    assert page.strip.words.text() == "Took 4 alerts"
    assert [status_of(desk12, n) for n in (11, 8, 7)] == ["acknowledged", "acknowledged", "new"]
    assert not page.model.has_selection
    desk12.act("undo")
    assert status_of(desk12, 11) == "new"


def test_the_whole_query_is_closed_and_given_back(qtbot: QtBot, tmp_path: Path) -> None:
    many = [finding(n) for n in range(700)]
    with bench(qtbot, tmp_path, many) as made:
        made.load()
        assert made.page.model.rowCount() < 700
        made.act("select_all")
        made.page.table.go_to(0)
        made.key(Key.Key_X)
        assert made.page.strip.selection.text() == "All 699 that match selected"
        made.act("close")
        made.key(Key.Key_D, made.page.strip.currentWidget())
        made.settle()
        closed = AlertFilter(statuses=(AlertStatus.CLOSED,))
        assert made.governance.alerts.count(closed) == 699
        assert titles(made) == ["SQL injection 699"]
        made.act("undo")
        assert made.governance.alerts.count(closed) == 0
        assert made.page.bar.count.text() == "700"


def test_a_long_action_can_be_cancelled_and_what_was_done_undone(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with bench(qtbot, tmp_path, [finding(n) for n in range(1_600)]) as made:
        made.load()
        triage = made.page.commands.triage
        triage.progressed.connect(lambda done, _total: done and triage.cancel())
        made.act("select_all")
        made.act("acknowledge")
        taken = AlertFilter(statuses=(AlertStatus.ACKNOWLEDGED,))
        count = made.governance.alerts.count(taken)
        assert 0 < count < 1_600
        assert f"Took {count:,} alerts, then stopped" in made.page.strip.words.text()
        made.act("undo")
        assert made.governance.alerts.count(taken) == 0


def test_filters_by_text_severity_status_detector_and_time(desk12: Bench) -> None:
    page = desk12.page
    page.bar.text.setFocus()
    desk12.qtbot.keyClicks(page.bar.text, "entity:192.0.2.3")
    desk12.qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    desk12.act("clear_filter")
    assert page.model.rowCount() == 12
    assert page.bar.text.text() == ""
    desk12.act("severity_critical")
    assert {row.data(ROLE_ROW).severity for row in rows(desk12)} == {Severity.CRITICAL}
    desk12.act("severity_critical")
    page.open(filter=AlertFilter(detectors=("auth",), since=NOON + timedelta(seconds=5)))
    desk12.settle()
    assert titles(desk12) == [f"SQL injection {n}" for n in (11, 9, 7, 5)]
    page.open(filter=AlertFilter(statuses=(AlertStatus.CLOSED,)))
    desk12.settle()
    assert page.no_match.isVisible()
    page.clear_button.click()
    desk12.settle()
    assert page.model.rowCount() == 12


def rows(made: Bench) -> list[object]:
    return [made.page.model.index(n, 0) for n in range(made.page.model.rowCount())]


def test_what_others_took_can_be_left_out(desk12: Bench) -> None:
    desk12.governance.alerts.assign([1, 2], "bob")
    page = desk12.page
    page.bar.set_view(BUILT_IN["Open, mine or unassigned"])
    desk12.settle()
    assert page.model.rowCount() == 10
    assert page.bar.status_button.text() == "Status: open, mine"
    assert page.bar.saved_button.text().startswith("View: Open, mine")


def test_brushing_the_histogram_narrows_the_table_until_a_double_click(desk12: Bench) -> None:
    page = desk12.page
    since, until = NOON + timedelta(seconds=3), NOON + timedelta(seconds=6)
    page.histogram.range_chosen.emit(since, until)
    desk12.settle()
    assert titles(desk12) == [f"SQL injection {n}" for n in (5, 4, 3)]
    assert sum(sum(b.counts) for b in page.histogram.buckets) == 12
    page.histogram.clear_brush()
    desk12.settle()
    assert page.model.rowCount() == 12


def test_saved_views_are_kept_renamed_and_forgotten(desk12: Bench) -> None:
    bar = desk12.page.bar
    bar.set_view(bar.view.toggled(Severity.HIGH))
    bar.save_view("night shift")
    bar.rename_view("night shift", "day shift")
    desk12.settle()
    desk12.qtbot.waitUntil(
        lambda: "day shift" in (desk12.governance.settings.ui_state("alerts.views") or "")
    )
    assert bar.saved_button.text() == "View: day shift"
    bar.delete_view("day shift")
    desk12.qtbot.waitUntil(
        lambda: desk12.governance.settings.ui_state("alerts.views") == "{}",
    )


def test_new_alerts_wait_behind_the_pill_while_something_is_chosen(desk12: Bench) -> None:
    page = desk12.page
    raise_alerts(desk12.governance, [finding(20)])
    desk12.desk.alerts_changed.emit()
    desk12.settle()
    assert titles(desk12)[0] == "SQL injection 20"  # nothing was chosen, so it slid in
    page.table.go_to(2)
    chosen = page.table.currentIndex().data(ROLE_ROW)
    raise_alerts(desk12.governance, [finding(n) for n in (30, 31, 32)])
    desk12.desk.alerts_changed.emit()
    desk12.settle()
    assert page.table.pill.isVisible()
    assert page.table.pill.text() == "3 new at the top"
    assert page.table.currentIndex().data(ROLE_ROW) == chosen
    assert titles(desk12)[0] == "SQL injection 20"
    page.table.pill.click()
    desk12.settle()
    assert titles(desk12)[0] == "SQL injection 32"
    assert not page.table.pill.isVisible()


def test_changes_made_elsewhere_are_shown_in_place(desk12: Bench) -> None:
    page = desk12.page
    page.table.go_to(4)
    alert_id = page.table.currentIndex().data(ROLE_ROW).id
    desk12.governance.alerts.acknowledge([alert_id])
    desk12.desk.alerts_changed.emit()
    desk12.settle()
    assert page.model.index(4, Column.STATUS).data() == "Acknowledged"
    assert page.pane.detail is not None
    assert page.pane.detail.row.status is AlertStatus.ACKNOWLEDGED


def test_all_changes_are_listed_searched_and_lead_to_their_alert(desk12: Bench) -> None:
    page = desk12.page
    closed_id = page.model.index(5, 0).data(ROLE_ROW).id
    desk12.governance.alerts.close([closed_id], Disposition.BENIGN, "known")
    page.show_history()
    desk12.qtbot.waitUntil(lambda: page.history.model.rowCount() > 12)
    page.history.search.setText(f"alert:{closed_id} benign")
    desk12.qtbot.waitUntil(lambda: page.history.model.rowCount() == 1)
    page.history.table.activated.emit(page.history.model.index(0, 0))
    desk12.settle()
    assert not page.is_history_shown
    assert page.pane.detail is not None
    assert page.pane.detail.row.id == closed_id
    desk12.qtbot.waitUntil(lambda: page.table.currentIndex().isValid())
    assert page.table.currentIndex().data(ROLE_ROW).id == closed_id


def test_cells_offer_filters_made_from_their_value(desk12: Bench) -> None:
    page = desk12.page
    menu = QMenu()
    page.commands.fill_menu(menu, page.model.index(0, Column.ENTITY))
    words = [action.text() for action in menu.actions()]
    assert words[:2] == ["Only “192.0.2.11”", "Without “192.0.2.11”"]
    menu.actions()[1].trigger()
    desk12.settle()
    assert page.bar.view.text == '-entity:"192.0.2.11"'
    assert page.model.rowCount() == 11
    copy = next(action for action in menu.actions() if action.text() == "Copy the row")
    copy.trigger()
    assert QGuiApplication.clipboard().text().startswith("Info\t")


def test_shown_alerts_are_exported_as_csv_and_json_lines(desk12: Bench, tmp_path: Path) -> None:
    for name, n_lines in (("out.csv", 13), ("out.jsonl", 12)):
        desk12.page.commands.export_to(tmp_path / name)
        desk12.qtbot.waitUntil(lambda name=name: (tmp_path / name).exists())
        text = (tmp_path / name).read_text(encoding="utf-8")
        assert len(text.splitlines()) == n_lines
    desk12.qtbot.waitUntil(lambda: "Exported 12" in desk12.page.strip.words.text())
    desk12.page.model.toggle_checked(0)
    desk12.page.commands.export_to(tmp_path / "one.jsonl")
    desk12.qtbot.waitUntil((tmp_path / "one.jsonl").exists)
    assert len((tmp_path / "one.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_an_export_to_nowhere_says_so_and_leaves_nothing(desk12: Bench, tmp_path: Path) -> None:
    with desk12.qtbot.waitSignal(desk12.desk.message) as told:
        desk12.page.commands.export_to(tmp_path / "none" / "out.csv")
    assert told.args[0] == "error"
    assert "out.csv" in told.args[1]


def test_without_any_alert_the_page_says_what_will_come(qtbot: QtBot, tmp_path: Path) -> None:
    with bench(qtbot, tmp_path) as made:
        made.load()
        assert made.page.no_alerts.isVisible()
        assert not made.page.bar.isVisible()
        raise_alerts(made.governance, [finding(1)])
        made.desk.alerts_changed.emit()
        made.settle()
        assert made.page.table.isVisible()
        assert made.page.bar.isVisible()


def test_layout_and_view_come_back_at_the_next_start(desk12: Bench) -> None:
    page = desk12.page
    page.bar.set_view(page.bar.view.toggled(Severity.HIGH))
    desk12.act("histogram")
    desk12.act("preview")
    desk12.settle()
    kept = page.save_state()
    page.bar.clear()
    desk12.act("histogram")
    desk12.act("preview")
    page.restore_state(kept)
    desk12.settle()
    assert page.bar.view.severities == (Severity.HIGH,)
    assert page.histogram_card.isHidden()
    assert page.pane.isHidden()
    page.restore_state({"view": "nonsense", "splitter": "x"})
    assert page.bar.is_default


def test_evidence_is_shown_in_context_or_says_why_not(desk12: Bench, tmp_path: Path) -> None:
    page = desk12.page
    log = tmp_path / "access.log"
    lines = [f"GET /?q=1 UNION SELECT {n}" for n in range(60)]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    offset = sum(len(line) + 1 for line in lines[:40])
    template = finding(40)
    place = template.evidence[0]
    moved = type(place)(
        place.event_id, 1, 1, str(log), offset, 26, place.timestamp, lines[40], ((9, 21),), 0.9
    )
    raise_alerts(desk12.governance, [finding(40, evidence=(moved,))])
    desk12.desk.alerts_changed.emit()
    desk12.settle()
    for row, message in ((0, ""), (1, "gone")):
        page.table.go_to(row)
        desk12.settle()
        page.pane.ask_context()
        window = page.context_window
        assert window is not None
        desk12.qtbot.waitUntil(lambda w=window: w.shown is not None)
        assert message in window.message.text()
        assert lines[40 if row == 0 else 11] in window.text.toPlainText()
    assert page.context_window is not None
    page.context_window.close()


def test_nothing_is_chosen_until_a_person_chooses(desk12: Bench) -> None:
    page = desk12.page
    page.bar.focus_text()
    page.focus_table()
    assert not page.table.currentIndex().isValid()
    assert page.pane.detail is None
    desk12.act("acknowledge")
    assert "No alert is chosen" in page.strip.words.text()
    assert not desk12.desk.actions.action("alerts.undo").isEnabled()


def test_boxes_are_ticked_by_mouse(desk12: Bench) -> None:
    page = desk12.page
    table = page.table
    for row, modifier in (
        (1, Qt.KeyboardModifier.NoModifier),
        (3, Qt.KeyboardModifier.ControlModifier),
    ):
        at = table.visualRect(page.model.index(row, Column.CHECK)).center()
        desk12.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, modifier, pos=at)
    assert len(page.model.checked) == 2
    assert not table.currentIndex().isValid()
    at = table.visualRect(page.model.index(5, Column.WHAT)).center()
    desk12.qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=at + QPoint(0, 0))
    assert table.current_row() == 5
    desk12.act("mark")
    desk12.act("clear_filter")
    assert not page.model.has_selection


def test_keys_jump_between_marked_alerts(desk12: Bench) -> None:
    page, said = desk12.page, list[str]()
    desk12.desk.message.connect(lambda kind, text, details: said.append(text))
    page.focus_table()

    def press(key: Qt.Key) -> int:
        desk12.qtbot.keyClick(page.table, key)
        return page.table.current_row()

    for row in (2, 5, 9):
        page.table.go_to(row)
        press(Qt.Key.Key_M)
    page.table.go_to(0)
    assert [press(Qt.Key.Key_BracketRight) for _ in range(3)] == [2, 5, 9]
    assert said == []
    assert press(Qt.Key.Key_BracketRight) == 9
    assert said == ["No alert below this one is marked."]
    assert [press(Qt.Key.Key_BracketLeft) for _ in range(2)] == [5, 2]
    assert press(Qt.Key.Key_BracketLeft) == 2
    assert said[1:] == ["No alert above this one is marked."]
    page.table.go_to(5)
    press(Qt.Key.Key_M)  # not marked any more
    assert press(Qt.Key.Key_BracketRight) == 9
