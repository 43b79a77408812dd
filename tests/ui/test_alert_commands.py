"""Keys, triage, export and menus of the Alerts page act on what the analyst means."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertFilter, AlertStatus
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.alert_commands import TRIAGE_ACTIONS, AlertCommands
from soc_copilot.ui.models.alert_view import AlertView, Target
from soc_copilot.ui.models.alerts import ROLE_ROW, Column
from tests.ui.alerts_support import Bench, bench, finding
from tests.ui.desk_support import HOSTILE, SHOWN


@pytest.fixture
def made(qtbot: QtBot, tmp_path: Path) -> Iterator[Bench]:
    with bench(qtbot, tmp_path, [finding(n) for n in range(12)]) as one:
        one.load()
        yield one


@pytest.fixture
def commands(made: Bench) -> AlertCommands:
    return made.page.commands


def id_at(made: Bench, row: int) -> int:
    found: int = made.page.model.index(row, 0).data(ROLE_ROW).id
    return found


# -- what an action is about


def test_without_anything_chosen_there_is_no_target(commands: AlertCommands) -> None:
    assert commands.target() is None


def test_the_current_alert_is_the_target(made: Bench, commands: AlertCommands) -> None:
    made.page.table.go_to(2)
    assert commands.target() == Target(ids=(id_at(made, 2),))


def test_checked_alerts_come_before_the_current_one(made: Bench, commands: AlertCommands) -> None:
    made.page.table.go_to(2)
    made.page.model.toggle_checked(5)
    made.page.model.toggle_checked(6)
    assert commands.target() == Target(ids=tuple(sorted((id_at(made, 5), id_at(made, 6)))))


def test_all_that_match_but_one_is_a_query(made: Bench, commands: AlertCommands) -> None:
    made.act("select_all")
    made.page.model.toggle_checked(0)
    target = commands.target()
    assert target is not None
    assert target.query == made.page.model.query
    assert target.excluded == {id_at(made, 0)}


def test_moving_on_voids_a_question_about_the_former_alert(made: Bench) -> None:
    made.page.table.go_to(2)
    made.act("close")
    assert made.page.strip.is_asking
    made.page.table.go_to(3)
    made.settle()
    assert not made.page.strip.is_asking


def test_moving_on_keeps_a_question_about_a_selection(made: Bench) -> None:
    made.page.model.toggle_checked(5)
    made.page.model.toggle_checked(6)
    made.page.table.go_to(2)
    made.act("close")
    made.page.table.go_to(3)
    made.settle()
    assert made.page.strip.is_asking


def test_a_question_says_how_many_alerts_it_is_about(made: Bench) -> None:
    made.act("select_all")
    made.act("close")
    assert made.page.strip.currentWidget().subject.text() == "Close 12 alerts as"


def test_triage_does_nothing_while_the_history_is_shown(made: Bench) -> None:
    made.page.table.go_to(0)
    made.page.show_history()
    made.act("acknowledge")
    taken = AlertFilter(statuses=(AlertStatus.ACKNOWLEDGED,))
    assert made.governance.alerts.count(taken) == 0


# -- after an action


def test_the_next_alert_takes_the_place_of_one_that_left(made: Bench) -> None:
    made.page.table.go_to(11)  # the last one
    made.act("close")
    made.key(Qt.Key.Key_B, made.page.strip.currentWidget())
    made.settle()
    assert made.page.table.current_row() == 10


def test_undo_goes_back_to_its_alert(made: Bench) -> None:
    made.page.table.go_to(4)
    chosen = id_at(made, 4)
    made.act("close")
    made.key(Qt.Key.Key_B, made.page.strip.currentWidget())
    made.settle()
    made.page.table.go_to(0)
    made.act("undo")
    assert made.page.table.currentIndex().data(ROLE_ROW).id == chosen


def test_undo_can_be_chosen_only_while_there_is_something_to_undo(made: Bench) -> None:
    undo = made.desk.actions.action("alerts.undo")
    assert not undo.isEnabled()
    made.page.table.go_to(0)
    made.act("acknowledge")
    assert undo.isEnabled()
    made.act("undo")
    assert not undo.isEnabled()


def test_a_note_keeps_the_selection_for_what_comes_next(made: Bench) -> None:
    made.page.model.toggle_checked(5)
    made.act("note")
    made.page.strip.note_field.setText("seen")
    made.key(Qt.Key.Key_Return, made.page.strip.note_field)
    made.settle()
    assert made.page.model.has_selection


# -- moving


def test_the_first_step_goes_to_the_newest_alert(made: Bench) -> None:
    made.act("next")
    assert made.page.table.current_row() == 0


def test_the_end_is_the_oldest_alert(made: Bench) -> None:
    made.act("last")
    assert made.page.model.index(made.page.table.current_row(), Column.WHAT).data() == (
        "SQL injection 0"
    )


def test_a_range_starts_where_the_last_one_was_checked(made: Bench) -> None:
    made.page.table.go_to(2)
    made.act("select")
    made.page.table.go_to(5)
    made.act("select_range")
    assert len(made.page.model.checked) == 4


def test_escape_takes_back_the_question_then_the_selection_then_the_filter(made: Bench) -> None:
    page = made.page
    page.bar.set_view(AlertView(severities=(Severity.HIGH, Severity.LOW, Severity.INFO)))
    made.settle()
    page.model.toggle_checked(0)
    made.act("close")
    made.act("clear_filter")
    assert (page.strip.is_asking, page.model.has_selection) == (False, True)
    made.act("clear_filter")
    assert (page.model.has_selection, page.bar.is_default) == (False, False)
    made.act("clear_filter")
    assert page.bar.is_default


# -- export


def test_the_export_dialog_proposes_a_table(made: Bench) -> None:
    made.desk.actions.trigger("alerts.export")
    dialog = made.page.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    assert dialog.defaultSuffix() == "csv"
    dialog.filterSelected.emit("JSON lines (*.jsonl)")
    assert dialog.defaultSuffix() == "jsonl"
    dialog.reject()


def test_alerts_taken_out_of_the_selection_are_not_exported(made: Bench, tmp_path: Path) -> None:
    made.act("select_all")
    made.page.model.toggle_checked(0)
    made.page.commands.export_to(tmp_path / "a.jsonl")
    made.qtbot.waitUntil(lambda: "Exported 11" in made.page.strip.words.text())
    assert len((tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()) == 11


def test_a_hostile_file_name_is_told_inert(made: Bench, tmp_path: Path) -> None:
    made.page.commands.export_to(tmp_path / "a\u202egpj.csv")
    made.qtbot.waitUntil(lambda: "Exported" in made.page.strip.words.text())
    assert made.page.strip.words.text() == "Exported 12 alerts to a\\u202egpj.csv"


# -- the menu of a cell


def menu_of(made: Bench, row: int, column: Column) -> list[str]:
    menu = QMenu(made.page)
    made.page.commands.fill_menu(menu, made.page.model.index(row, column))
    words = [action.text() for action in menu.actions() if not action.isSeparator()]
    menu.deleteLater()
    return words


def test_the_menu_offers_reopen_only_for_closed_alerts(made: Bench) -> None:
    close, reopen = (made.desk.actions.action(f"alerts.{n}").text() for n in ("close", "reopen"))
    words = menu_of(made, 0, Column.WHAT)
    assert close in words
    assert reopen not in words
    assert {"close", "reopen"} < set(TRIAGE_ACTIONS)


def test_the_menu_acts_on_the_alert_under_the_mouse(made: Bench, commands: AlertCommands) -> None:
    made.page.table.go_to(0)
    menu_of(made, 7, Column.WHAT)
    assert commands.target() == Target(ids=(id_at(made, 7),))


def test_all_alerts_of_an_entity_means_closed_ones_too(made: Bench) -> None:
    menu = QMenu(made.page)
    made.page.commands.fill_menu(menu, made.page.model.index(0, Column.COUNT))
    next(a for a in menu.actions() if a.text() == "All alerts of this entity").trigger()
    made.settle()
    assert (made.page.bar.view.entity, made.page.bar.view.statuses) == ("192.0.2.11", ())
    menu.deleteLater()


def test_hostile_text_is_named_and_copied_inert(qtbot: QtBot, tmp_path: Path) -> None:
    evil = finding(1, entity=HOSTILE, title=HOSTILE, rule=HOSTILE)
    with bench(qtbot, tmp_path, [evil]) as one:
        one.load()
        menu = QMenu(one.page)
        one.page.commands.fill_menu(menu, one.page.model.index(0, Column.ENTITY))
        assert not any(has_hidden(action.text()) for action in menu.actions())
        next(a for a in menu.actions() if a.text() == "Copy").trigger()
        assert QGuiApplication.clipboard().text() == SHOWN
        next(a for a in menu.actions() if a.text() == "Copy the row").trigger()
        assert not any(map(has_hidden, QGuiApplication.clipboard().text().split("\t")))
        menu.deleteLater()
