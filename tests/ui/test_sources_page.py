from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.records import LedgerDelta, SourceStatus
from soc_copilot.domain.summary import BatchSummary, SourceStats
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.ingest_worker import SessionBeat
from soc_copilot.ui.models.source_parts import EventColumn, PositionColumn
from soc_copilot.ui.models.sources import Column, SourceTableModel, parsed_text
from soc_copilot.ui.pages.sources import SourcesPage
from soc_copilot.ui.source_facts import read_facts
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


def add(bench: DeskBench, stem: str, text: str = "one\ntwo\n", **options: object) -> SourceRow:
    path = bench.folder / f"{stem}.log"
    path.write_text(text)
    values = {"name": stem, "from_start": True} | options
    return bench.governance.sources.add("file", path, **values)  # type: ignore[arg-type]


@pytest.fixture
def page(bench: DeskBench, qtbot: QtBot) -> Iterator[SourcesPage]:
    made = SourcesPage(bench.desk)
    qtbot.addWidget(made)
    yield made
    made.close()


def names(page: SourcesPage) -> list[str]:
    return [page.model.index(row, Column.NAME).data() for row in range(page.model.rowCount())]


def cell(page: SourcesPage, row: int, column: Column) -> str:
    return str(page.model.index(row, column).data())


def test_the_model_keeps_its_promises(bench, qtmodeltester):
    model = SourceTableModel(bench.desk)
    qtmodeltester.check(model)  # goes on checking at every change below
    web, auth = add(bench, "web"), add(bench, "auth")
    model.set_facts(read_facts(bench.governance))
    model.take_statuses((SourceStatus(web.id, "web", "live"), SourceStatus(99, "", "live")))
    model.sort(Column.STATE, Qt.SortOrder.DescendingOrder)
    model.set_facts(read_facts(bench.governance)[:1])
    assert model.row_of(web.id) == 0
    assert model.row_of(auth.id) is None


def test_nothing_is_claimed_before_the_first_look(page):
    assert page._stack.currentWidget() is not page.empty


def test_an_empty_page_offers_the_two_ways_in(bench, page):
    asked = []
    bench.desk.actions.bind("sources.add", lambda: asked.append("add"))
    bench.desk.actions.bind("replay.start", lambda: asked.append("replay"))
    bench.show(page)
    assert page.empty.isVisible()
    for place in range(page.empty.buttons.count()):
        if (button := page.empty.buttons.itemAt(place).widget()) is not None:
            button.click()
    assert asked == ["add", "replay"]


def test_the_ledger_adds_up_over_all_sources(bench, page):
    web, auth = add(bench, "web"), add(bench, "auth")
    bench.read_lines(web, bench.folder / "web.log", LedgerDelta(bytes_seen=8, lines=2, parsed=2), 8)
    bench.read_lines(
        auth, bench.folder / "auth.log", LedgerDelta(bytes_seen=4, lines=1, unparsed=1), 4
    )
    bench.show(page)
    assert page.ledger.title.text() == "Every line accounted for"
    assert page.ledger.text.text() == "2 sources, 2 files · 12 B seen · 4 B still to read"
    assert page.ledger.figures["lines"].text() == "3"


def test_a_row_says_how_far_and_how_well_a_source_is_read(bench, page):
    web = add(bench, "web", format="plain")
    bench.read_lines(
        web, bench.folder / "web.log", LedgerDelta(bytes_seen=4, lines=2, parsed=1, unparsed=1), 4
    )
    bench.show(page)
    shown = {column: cell(page, 0, column) for column in Column}
    assert shown[Column.LINES] == "2"
    assert shown[Column.PARSED] == "50.0%"
    assert shown[Column.UNPARSED] == "1"
    assert shown[Column.TO_READ] == "4 B"
    assert shown[Column.FORMAT] == "plain"
    assert shown[Column.STATE] == "Stopped"
    assert shown[Column.PATH].endswith("web.log")


@pytest.mark.parametrize(
    ("share", "text"), [(None, "-"), (1.0, "100%"), (0.99999, "99.9%"), (0.5, "50.0%")]
)
def test_a_hundred_percent_means_all_of_them(share, text):
    assert parsed_text(share) == text


def test_a_missing_file_is_pointed_out(bench, page):
    add(bench, "web")
    (bench.folder / "web.log").unlink()
    bench.show(page)
    assert cell(page, 0, Column.STATE) == "Missing"
    assert page.problems_button.text() == "Problems (1)"


def test_while_running_the_readers_word_counts_and_afterwards_no_more(bench, page):
    web = add(bench, "web")
    bench.show(page)
    bench.desk.set_ingestion("running")
    status = SourceStatus(web.id, "web", "live", lag_bytes=3, messages=("web.log was rotated.",))
    bench.desk.beat_arrived.emit(SessionBeat("CPU", "", (status,), ()))
    bench.settle()
    assert cell(page, 0, Column.STATE) == "Live"
    happened = page.detail.events
    assert [happened.index(0, column).data() for column in EventColumn] == [
        "this run",
        "Note",
        "",
        "web.log was rotated.",
    ]
    page.refresh()
    bench.settle()
    assert cell(page, 0, Column.STATE) == "Live"
    bench.desk.set_ingestion("stopped")
    bench.settle()
    assert cell(page, 0, Column.STATE) == "Stopped"


def test_a_stored_batch_moves_the_lag_at_once(bench, page):
    web = add(bench, "web")
    bench.show(page)
    summary = BatchSummary(
        1, 0, 1, 1, 0, (0,) * 5, 0, None, (SourceStats(web.id, "web", 1, 1500, 2.0, "behind"),), ()
    )
    bench.desk.summary_arrived.emit([summary])
    assert cell(page, 0, Column.TO_READ) == "1.5 kB"
    assert cell(page, 0, Column.LAG) == "2.0 s"


def test_disabling_is_stored_and_audited(bench, page):
    web = add(bench, "web")
    bench.show(page)
    page.table.setFocus()
    bench.desk.actions.trigger("sources.toggle")
    bench.settle()
    assert not bench.governance.sources.get(web.id).enabled
    assert cell(page, 0, Column.STATE) == "Disabled"
    assert page.detail.buttons["sources.toggle"].text() == "Enable"
    page.detail.buttons["sources.toggle"].click()
    bench.settle()
    assert bench.governance.sources.get(web.id).enabled
    assert bench.actions_audited()[-2:] == ["source.disabled", "source.enabled"]


def test_another_format_is_stored(bench, page):
    web = add(bench, "web")
    bench.show(page)
    combo = page.detail.format_combo
    combo.setCurrentIndex(combo.findData("plain"))
    combo.activated.emit(combo.currentIndex())
    bench.settle()
    assert bench.governance.sources.get(web.id).format == "plain"
    assert cell(page, 0, Column.FORMAT) == "plain"
    assert combo.currentData() == "plain"


def test_removing_asks_first_and_keeps_the_history(bench, page, qtbot):
    web = add(bench, "web")
    bench.show(page)
    bench.desk.actions.trigger("sources.remove")
    dialog = bench.dialog(ReasonDialog, page)
    assert len(bench.governance.sources.list()) == 1
    qtbot.keyClicks(dialog.reason_edit, "moved away")
    qtbot.keyClick(dialog.reason_edit, Qt.Key.Key_Return)
    bench.settle()
    assert bench.governance.sources.list() == ()
    assert bench.governance.sources.get(web.id).name == "web"
    row = bench.governance.audit.rows(None, 1)[0]
    assert (row.action, row.reason) == ("source.removed", "moved away")
    assert page.empty.isVisible()


def test_thinking_twice_about_removing_changes_nothing(bench, page, qtbot):
    add(bench, "web")
    bench.show(page)
    bench.desk.actions.trigger("sources.remove")
    qtbot.keyClick(bench.dialog(ReasonDialog, page), Qt.Key.Key_Escape)
    bench.settle()
    assert len(bench.governance.sources.list()) == 1


def test_sorting_and_refreshing_keep_the_selection(bench, page):
    for name in ("b", "a", "c"):
        add(bench, name)
    bench.show(page)
    assert names(page) == ["a", "b", "c"]
    page.table.selectRow(1)
    page.table.sortByColumn(Column.NAME, Qt.SortOrder.DescendingOrder)
    assert names(page) == ["c", "b", "a"]
    add(bench, "d")
    page.refresh()
    bench.settle()
    assert page.selected is not None
    assert page.selected.source.name == "b"


def test_a_page_can_be_opened_at_a_source(bench, page):
    add(bench, "a")
    wanted = add(bench, "b")
    page.open(source_id=wanted.id)
    bench.show(page)
    assert page.selected is not None
    assert page.selected.source.id == wanted.id


def test_positions_of_each_file_are_listed(bench, page):
    web = add(bench, "web")
    bench.read_lines(web, bench.folder / "web.log", LedgerDelta(bytes_seen=4, lines=1, parsed=1), 4)
    bench.show(page)
    positions = page.detail.positions
    texts = [positions.index(0, column).data() for column in PositionColumn]
    assert texts == ["1", "web.log", "4", "8", "50%", "-", "Open"]


def test_the_positions_model_keeps_its_promises(bench, page, qtmodeltester):
    web = add(bench, "web")
    qtmodeltester.check(page.detail.positions)
    bench.read_lines(web, bench.folder / "web.log", LedgerDelta(), 4)
    bench.show(page)
    assert page.detail.positions.rowCount() == 1


def test_the_folder_is_shown_in_the_file_manager(bench, page, monkeypatch):
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url) or False)
    add(bench, "web")
    bench.show(page)
    bench.desk.actions.trigger("sources.reveal")
    assert [Path(url.toLocalFile()) for url in opened] == [bench.folder]
    assert bench.messages[-1][0] == "error"


def test_the_context_menu_offers_what_can_be_done(bench, page):
    add(bench, "web")
    bench.show(page)
    page.table.customContextMenuRequested.emit(page.table.rect().center())
    (menu,) = page.findChildren(QMenu)
    assert [action.objectName() for action in menu.actions()] == [
        "sources.options",
        "sources.verify",
        "sources.toggle",
        "sources.format",
        "sources.reveal",
        "sources.remove",
    ]
    menu.close()


def test_a_refused_change_is_said_and_the_page_goes_on(bench, page):
    web = add(bench, "web")
    bench.show(page)
    bench.governance.sources.remove(web.id)
    page.toggle()
    bench.settle()
    assert bench.messages[-1] == (
        "error",
        f"There is no source {web.id}. See the list of sources for their ids.",
    )


def test_a_hostile_name_is_shown_inert(bench, page):
    add(bench, "web", name=HOSTILE)
    bench.show(page)
    assert cell(page, 0, Column.NAME) == SHOWN
    tip = page.model.index(0, Column.NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip
    assert page.detail.title.text() == SHOWN
    assert page.detail.title.textFormat() == Qt.TextFormat.PlainText


def test_the_splitter_stays_where_it_was_left(bench, page, qtbot):
    add(bench, "web")
    bench.show(page)
    page.splitter.setSizes([200, 400])
    left = page.save_state()
    again = SourcesPage(bench.desk)
    qtbot.addWidget(again)
    bench.show(again)
    again.restore_state(left)
    assert again.splitter.sizes() == page.splitter.sizes()
    for damaged in ("", "1", "a,b", "0,5", "1,2,3"):
        again.restore_state({"splitter": damaged})
    assert again.splitter.sizes() == page.splitter.sizes()
    again.close()


def test_the_pages_keys_act_as_soon_as_it_has_the_focus(bench, page, qtbot):
    web = add(bench, "web")
    bench.show(page)
    page.activateWindow()
    page.setFocus()
    qtbot.waitUntil(page.table.hasFocus)
    qtbot.keyClick(page.table, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    bench.settle()
    assert not bench.governance.sources.get(web.id).enabled
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert bench.dialog(ReasonDialog, page)


def test_words_find_sources_by_name_state_kind_and_path(bench, page, qtbot):
    add(bench, "web")
    gone = add(bench, "gone")
    Path(gone.path).unlink()
    bench.governance.sources.add("syslog-udp", "127.0.0.1:5514", name="switches")
    bench.show(page)
    assert names(page) == ["gone", "switches", "web"]  # the problem comes first
    for words, found in (
        ("syslog", ["switches"]),
        ("5514", ["switches"]),
        ("missing", ["gone"]),
        ("file we", ["web"]),
        ("nothing of this", []),
    ):
        page.filter_edit.setText(words)
        assert names(page) == found
    assert page.nothing.isVisible()
    page.filter_edit.clear()
    assert not page.nothing.isVisible()


def test_problems_alone_can_be_shown_and_the_rest_comes_back(bench, page):
    add(bench, "web")
    Path(add(bench, "gone").path).unlink()
    bench.show(page)
    bench.desk.actions.trigger("sources.problems")
    assert names(page) == ["gone"]
    assert page.card.hint.text() == "1 of 2"
    bench.desk.actions.trigger("sources.problems")
    assert names(page) == ["gone", "web"]


def test_a_filter_keeps_the_selected_source_where_it_still_fits(bench, page):
    for name in ("a", "b", "c"):
        add(bench, name)
    bench.show(page)
    page.table.selectRow(1)
    page.filter_edit.setText("b.log")
    assert page.selected is not None
    assert page.selected.source.name == "b"
    page.filter_edit.setText("c.log")
    assert page.selected.source.name == "c"


def test_the_whole_ledger_of_a_source_adds_up_on_the_screen(bench, page):
    web = add(bench, "web")
    ledger = LedgerDelta(
        bytes_seen=1_000, bytes_skipped=10, lines=9, parsed=6, unparsed=2, refused=1,
        too_long=1, undecodable=2, stored=8, lost=5, possible_losses=1,
    )  # fmt: skip
    bench.read_lines(web, bench.folder / "web.log", ledger, 1_000)
    bench.show(page)
    shown = {key: label.text() for key, label in page.detail.ledger.figures.items()}
    assert shown["bytes"] == "1,000"
    assert (shown["in_lines"], shown["skipped"]) == ("990", "10")
    parts = [int(shown[key]) for key in ("parsed", "unparsed", "refused")]
    assert sum(parts) == int(shown["lines"]) == 9
    assert int(shown["archived"]) + int(shown["expired"]) == int(shown["stored"]) == 8
    assert (shown["lost"], shown["maybe"]) == ("5", "1")
    assert (shown["too_long"], shown["undecodable"], shown["partial"]) == ("1", "2", "0")
    assert page.ledger.title.text() == "5 lines lost"
    assert cell(page, 0, Column.LOST) == "5, maybe more"


def test_a_thousand_sources_move_with_one_signal_and_keep_the_place(bench, page, qtbot):
    for place in range(60):
        add(bench, f"s{place:03}")
    bench.show(page)
    bench.desk.set_ingestion("running")
    page.table.verticalScrollBar().setValue(20)
    told = []
    page.model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    rows = [SourceStatus(one.source.id, "", "live") for one in page.model.facts]
    bench.desk.beat_arrived.emit(SessionBeat("CPU", "", tuple(rows), ()))
    assert told == [(0, 59)]
    bench.settle()
    page.refresh()
    bench.settle()
    assert page.table.verticalScrollBar().value() == 20
    bench.desk.set_ingestion("stopped")
    bench.settle()


def test_a_source_that_fails_moves_to_the_top_and_stays_selected(bench, page):
    a, b = add(bench, "a"), add(bench, "b")
    bench.show(page)
    bench.desk.set_ingestion("running")
    page.table.selectRow(1)
    beat = (SourceStatus(a.id, "a", "live"), SourceStatus(b.id, "b", "hung", "A read hangs."))
    bench.desk.beat_arrived.emit(SessionBeat("CPU", "", beat, ()))
    assert names(page) == ["b", "a"]
    assert page.selected is not None
    assert page.selected.source.name == "b"
    page.refresh()
    bench.settle()
    assert names(page) == ["b", "a"]
    bench.desk.set_ingestion("stopped")
    bench.settle()
    assert names(page) == ["a", "b"]
