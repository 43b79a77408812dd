"""The Events page: search, read on, look around, export; nothing waits, nothing is markup."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import to_us
from soc_copilot.ui.event_export_job import CSV_COLUMNS, export_events
from soc_copilot.ui.event_search import EventQuery
from soc_copilot.ui.models.events import PAGE_ROWS, Column, EventTableModel, FieldModel
from soc_copilot.ui.pages.events import EventsPage
from soc_copilot.ui.widgets.event_detail import EventDetailPane
from soc_copilot.ui.widgets.progress_strip import ProgressStrip
from soc_copilot.ui.widgets.search_bar import EXAMPLES, HISTORY_KEPT, SearchBar
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench
from tests.ui.events_support import NOON, ListSearcher, event

Key = Qt.Key


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def searcher() -> ListSearcher:
    return ListSearcher([event(n) for n in range(PAGE_ROWS + 50)])


@pytest.fixture
def page(bench: DeskBench, searcher: ListSearcher, qtbot: QtBot) -> Iterator[EventsPage]:
    made = EventsPage(bench.desk, searcher)
    qtbot.addWidget(made)
    yield made
    made.close()


def settle(bench: DeskBench) -> None:
    """Wait for searches queued so far, and for short jobs."""
    for _ in range(2):
        done: list[None] = []
        bench.desk.jobs.submit_search(lambda _governance: None, done.append)
        bench.qtbot.waitUntil(lambda done=done: bool(done))
    bench.settle()


def show(bench: DeskBench, page: EventsPage) -> None:
    bench.show(page, wide=1400, high=900)
    settle(bench)


def cell(page: EventsPage, row: int, column: Column) -> str:
    return str(page.model.index(row, column).data())


def test_the_models_keep_their_promises(bench, searcher, qtmodeltester):
    model, fields = EventTableModel(bench.desk, searcher), FieldModel(bench.desk)
    qtmodeltester.check(model)
    model.set_query(EventQuery())
    settle(bench)
    model.fetchMore(model.index(-1, -1))
    settle(bench)
    assert model.rowCount() == PAGE_ROWS + 50
    qtmodeltester.check(fields)
    fields.show_event(event(0))
    fields.show_event(None)


def test_the_newest_events_are_there_at_once_and_older_ones_follow(bench, page):
    show(bench, page)
    assert page.model.rowCount() == PAGE_ROWS
    assert cell(page, 0, Column.LINE) == "line 0 user=ana"
    assert page.bar.count.text() == "250"
    page.table.scrollToBottom()
    settle(bench)
    assert page.model.rowCount() == PAGE_ROWS + 50
    assert not page.model.has_more


def test_enter_searches_and_the_expression_is_remembered(bench, page, qtbot, searcher):
    show(bench, page)
    qtbot.keyClicks(page.bar.text, "line 249 ")
    qtbot.keyClick(page.bar.text, Key.Key_Return)
    settle(bench)
    assert page.model.rowCount() == 1
    assert page.bar.count.text() == "1"
    assert page.bar.total.text() == "of 250"
    stored = bench.governance.settings.ui_state("events.history")
    assert json.loads(stored or "") == ["line 249"]
    again = EventsPage(bench.desk, searcher)
    qtbot.addWidget(again)
    bench.settle()
    assert again.bar._past.stringList() == ["line 249"]


def test_typing_searches_by_itself_and_gives_up_what_is_out_of_date(bench, page, searcher, qtbot):
    show(bench, page)
    searcher.hold = lambda cancel: cancel.wait(60)
    page.bar.set_text("first")
    qtbot.waitUntil(lambda: searcher.asked[-1].text == "first")
    qtbot.keyClicks(page.bar.text, "x")  # the one that runs is told to end at once
    qtbot.waitUntil(lambda: "first" in searcher.cancelled)
    searcher.hold = None
    qtbot.waitUntil(lambda: searcher.asked[-1].text == "firstx")
    settle(bench)
    assert page.model.rowCount() == 0


def test_a_wrong_expression_is_said_under_the_field_and_the_rows_stay(bench, page):
    show(bench, page)
    page.bar.set_text("(")
    settle(bench)
    assert "Cannot understand" in page.bar.problem.text()
    assert page.bar.problem.isVisible()
    assert page.model.rowCount() == PAGE_ROWS
    page.bar.set_text("line")
    settle(bench)
    assert not page.bar.problem.isVisible()


def test_no_hit_says_so_and_offers_the_way_back(bench, page):
    show(bench, page)
    page.bar.set_text("nowhere")
    settle(bench)
    assert page.no_match.isVisible()
    page.clear_button.click()
    settle(bench)
    assert page.model.rowCount() == PAGE_ROWS
    assert not page.no_match.isVisible()


def test_an_empty_archive_invites(bench, qtbot):
    page = EventsPage(bench.desk, ListSearcher([]))
    qtbot.addWidget(page)
    show(bench, page)
    assert page.nothing_stored.isVisible()
    page.close()


def test_time_and_source_narrow_the_search(bench, page, searcher):
    source = bench.governance.sources.add("file", bench.folder / "a.log", name=HOSTILE)
    bench.desk.sources_changed.emit()
    show(bench, page)
    place = page.bar.source_combo.findData(source.id)
    assert page.bar.source_combo.itemText(place) == SHOWN
    page.bar.source_combo.setCurrentIndex(place)
    page.bar.source_combo.activated.emit(place)
    page.bar.time_combo.setCurrentIndex(2)
    page.bar.time_combo.activated.emit(2)
    settle(bench)
    asked = searcher.asked[-1]
    assert asked.source_ids == {source.id}
    assert asked.since_us is not None
    assert asked.until_us is None


def test_the_brush_narrows_the_search_and_a_double_click_widens_it(bench, page, searcher):
    show(bench, page)
    page.histogram.range_chosen.emit(NOON - timedelta(hours=1), NOON)
    settle(bench)
    assert searcher.asked[-1].since_us == to_us(NOON - timedelta(hours=1))
    assert page.bar.time_combo.currentText() == "Mar 04 11:00:00 to Mar 04 12:00:00"
    page.histogram.range_cleared.emit()
    settle(bench)
    assert searcher.asked[-1].since_us is None
    assert page.bar.time_combo.currentText() == "All time"


def test_a_page_can_be_opened_with_a_question(bench, page, searcher):
    show(bench, page)
    page.open(query=EventQuery("line 3 ", 1, 2, None))
    settle(bench)
    assert searcher.asked[-1] == EventQuery("line 3", 1, 2)
    page.open(text="user")
    settle(bench)
    assert searcher.asked[-1] == EventQuery("user")


def test_a_row_shows_all_that_is_known_and_a_field_searches_on(bench, page, qtbot, searcher):
    show(bench, page)
    page.table.setFocus()
    bench.desk.actions.trigger("events.next")
    assert page.pane.row is not None
    names = [page.pane.fields.index(n, 0).data() for n in range(page.pane.fields.rowCount())]
    assert names[:2] == [c.TIMESTAMP, c.DATASET]
    page.pane.table.doubleClicked.emit(page.pane.fields.index(1, 0))
    settle(bench)
    assert searcher.asked[-1].text == 'event.dataset:"plain"'


def test_a_condition_is_added_without_changing_what_was_asked(qtbot, bench):
    bar = SearchBar(bench.desk)
    qtbot.addWidget(bar)
    bar.set_text("a OR b")
    bar.add_condition("user:root")
    assert bar.text.text() == "(a OR b) user:root"


def test_the_history_is_short_and_newest_first_and_damage_is_ignored(qtbot, bench):
    bar = SearchBar(bench.desk)
    qtbot.addWidget(bar)
    told = []
    bar.history_changed.connect(told.append)
    for number in range(HISTORY_KEPT + 5):
        bar.set_text(f"word{number}")
    bar.set_text("word30")
    kept = json.loads(told[-1])
    assert len(kept) == HISTORY_KEPT
    assert kept[:2] == ["word30", "word34"]
    for damaged in ("{", "3"):
        bar.set_history(damaged)
    assert bar._past.stringList()[:1] == ["word30"]


def test_every_example_of_the_syntax_is_understood(qtbot, bench):
    from soc_copilot.archive.query import parse

    for example, _meaning in EXAMPLES:
        parse(example)
    bar = SearchBar(bench.desk)
    qtbot.addWidget(bar)
    bar.show()
    bar.help_button.click()
    assert bar.help.isVisible()
    bar.close()


def test_lines_around_come_from_the_archive_when_the_file_is_gone(bench, page, qtbot):
    show(bench, page)
    page.table.setFocus()
    page.table.selectRow(10)
    page.show_around()
    window = page.context_window
    assert window is not None
    qtbot.waitUntil(lambda: window.shown is not None)
    assert window.shown is not None
    assert window.shown.is_from_archive
    assert "From the archive" in window.message.text()
    texts = [line.text for line in window.shown.lines]
    assert texts[0] == "line 35 user=ana"
    assert texts[-1] == "line 0 user=ana"
    assert [line.text for line in window.shown.lines if line.is_evidence] == ["line 10 user=ana"]
    window.move_by(1)
    qtbot.waitUntil(lambda: window.shown is not None)
    window.close()


def test_a_hostile_line_is_shown_inert_everywhere(bench, qtbot):
    page = EventsPage(bench.desk, ListSearcher([event(0, HOSTILE, **{c.USER: HOSTILE})]))
    qtbot.addWidget(page)
    show(bench, page)
    page.table.selectRow(0)
    assert cell(page, 0, Column.LINE) == SHOWN
    assert cell(page, 0, Column.WHO) == SHOWN
    for column in Column:
        tip = page.model.index(0, column).data(Qt.ItemDataRole.ToolTipRole)
        assert "<img" not in tip
    assert SHOWN in page.pane.raw.toPlainText()
    page.pane.copy_text()
    assert "\x1b" not in QGuiApplication.clipboard().text()
    page.close()


def test_the_menu_of_a_row_offers_lines_around_and_export(bench, page):
    show(bench, page)
    page.table.customContextMenuRequested.emit(page.table.rect().center())
    (menu,) = [one for one in page.findChildren(QMenu) if one.parent() is page]
    assert [action.text() for action in menu.actions()] == [
        "Copy",
        "Lines around the event",
        "Export what was found…",
    ]
    menu.close()


def test_everything_found_is_exported_beyond_the_page_shown(bench, page, tmp_path, qtbot):
    show(bench, page)
    target = tmp_path / "events.jsonl"
    page.export_to(target)
    qtbot.waitUntil(target.exists)
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    assert len(lines) == PAGE_ROWS + 50
    assert lines[0][c.ORIGINAL] == "line 0 user=ana"
    qtbot.waitUntil(lambda: "Exported 250 events" in page.strip.text.text())


def test_a_table_is_safe_for_a_spreadsheet(tmp_path):
    searcher = ListSearcher([event(0, "=cmd()"), event(1, "plain")])
    told = []
    count = export_events(searcher, EventQuery(), tmp_path / "e.csv", told.append)
    lines = (tmp_path / "e.csv").read_text().splitlines()
    assert count == 2
    assert lines[0] == ",".join(CSV_COLUMNS)
    assert lines[1].endswith(",'=cmd()")


def test_work_is_announced_only_when_it_takes_a_while(qtbot):
    strip = ProgressStrip("keys")
    qtbot.addWidget(strip)
    strip.show()
    strip.show_busy(True)
    assert not strip.cancel_button.isVisible()
    qtbot.waitUntil(strip.cancel_button.isVisible)
    strip.show_busy(False)
    assert not strip.cancel_button.isVisible()
    strip.close()


def test_cancelling_a_search_ends_it_and_says_so(bench, page, searcher, qtbot):
    show(bench, page)
    searcher.hold = lambda cancel: cancel.wait(60)
    page.bar.set_text("slow")
    qtbot.waitUntil(page.strip.cancel_button.isVisible)
    page.strip.cancel_button.click()
    qtbot.waitUntil(lambda: "slow" in searcher.cancelled)
    assert page.strip.text.text() == "The search was cancelled."
    searcher.hold = None
    settle(bench)


def test_what_was_asked_comes_back_with_the_next_start(bench, page, searcher, qtbot):
    show(bench, page)
    page.bar.set_text("line 4")
    state = page.save_state()
    again = EventsPage(bench.desk, searcher)
    qtbot.addWidget(again)
    again.restore_state(state)
    assert again.bar.text.text() == "line 4"


def test_the_pane_without_an_event_says_how_to_get_one(bench, qtbot):
    pane = EventDetailPane(bench.desk)
    qtbot.addWidget(pane)
    pane.show()
    assert pane.empty.isVisible()
    pane.show_event(event(0, "x" * 9_000), "web")
    assert "more characters" in pane.raw.toPlainText()
    pane.close()


def test_hosts_are_a_column_only_where_an_event_names_one(bench, qtbot):
    searcher = ListSearcher([event(0), event(1, "named", **{c.HOST: "web1"})])
    page = EventsPage(bench.desk, searcher)
    qtbot.addWidget(page)
    show(bench, page)
    assert not page.table.isColumnHidden(Column.HOST)
    page.bar.set_text("line 0")
    settle(bench)
    assert page.table.isColumnHidden(Column.HOST)
    page.close()
