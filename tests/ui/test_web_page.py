"""The Web page: what comes in, who attacks what, one request in full, one to try, the preset."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.errors import ParseError
from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.event_search import EventQuery
from soc_copilot.ui.live import Live
from soc_copilot.ui.models.web_tables import CountColumn, ThreatColumn
from soc_copilot.ui.pages.web import ANSWER_FROM_PX, KIND_FROM_PX, WebPage
from soc_copilot.ui.web_facts import OPEN
from soc_copilot.ui.web_history import COLUMN_S, REQUESTS
from soc_copilot.ui.web_trial import BUDGET_KEY, Tried
from tests.ui.desk_support import DeskBench, desk_bench
from tests.ui.web_support import OK, TEXT, asked, feed, raise_alert

Make = Callable[[], WebPage]


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def live(bench: DeskBench) -> Live:
    return Live(bench.desk)


@pytest.fixture
def make(bench: DeskBench, live: Live, qtbot: QtBot) -> Iterator[Make]:
    pages: list[WebPage] = []

    def made() -> WebPage:
        page = WebPage(bench.desk, live)
        qtbot.addWidget(page)
        pages.append(page)
        bench.show(page)
        return page

    yield made
    for page in pages:
        page.hide()


def opened(bench: DeskBench) -> list[tuple[str, dict[str, object]]]:
    found: list[tuple[str, dict[str, object]]] = []
    bench.desk.page_requested.connect(lambda name, args: found.append((name, args)))
    return found


def add_log(bench: DeskBench) -> None:
    log = bench.folder / "access.log"
    log.write_text("one\n")
    bench.governance.sources.add("file", log)


def addresses(page: WebPage) -> list[str]:
    return [row.address for row in page.threats.rows]


# -- empty


def shown_state(page: WebPage) -> str:
    return next(name for name, state in page.empty.items() if page.stack.currentWidget() is state)


def test_each_reason_to_be_empty_has_its_own_words(
    bench: DeskBench, make: Make, live: Live
) -> None:
    page = make()
    assert shown_state(page) == "nothing"
    add_log(bench)
    page.look()
    bench.settle()
    assert shown_state(page) == "stopped"
    bench.desk.set_ingestion("starting")
    assert shown_state(page) == "starting"
    bench.desk.set_ingestion("running")
    assert shown_state(page) == "waiting"
    live.detectors = (replace(OK, state="open", detail="The model is missing."),)
    page.refresh()
    assert shown_state(page) == "off"
    assert "The model is missing." in page.empty["off"].text.text()


def test_a_request_can_be_tried_before_anything_is_read(make: Make) -> None:
    page = make()
    assert page.try_card.isVisible()
    assert page.preset.isVisible()
    assert not page.request_card.isVisible()


# -- what comes in


def test_the_first_requests_fill_the_page(bench: DeskBench, make: Make, live: Live) -> None:
    bench.desk.set_ingestion("running")
    page = make()
    feed(live, asked("192.0.2.7"), asked("192.0.2.8", path="/p", kind="xss"))
    page.refresh()
    assert page.stack.currentWidget() is page._full
    assert [row.name for row in page.attackers.rows] == ["192.0.2.7", "192.0.2.8"]
    assert [row.name for row in page.targets.rows] == ["/item", "/p"]
    assert page.attackers_card.hint.text() == "2 in 15 min"
    assert page.threats_card.hint.text() == "2 of 50 requests in 15 min (4 %)"
    assert not page.trouble.isVisible()


def test_the_plots_show_whole_columns_alone(bench: DeskBench, live: Live, qtbot: QtBot) -> None:
    now = 1_700_000_000.0
    feed(live, asked(), at_s=now)
    feed(live, asked(kind="xss"), at_s=now + COLUMN_S)
    page = WebPage(bench.desk, live, now=lambda: now + COLUMN_S)
    qtbot.addWidget(page)
    page.refresh()
    assert page.rates.value_at(REQUESTS, now) == 5.0
    assert page.rates.numbers_csv().count("\n") == 2  # the header and the column that is over
    assert page.verdicts.value_at("queries", now) == 1
    page.show_cursor(now)
    assert page.rates_card._labels[0].text() == "all requests 5/s"
    page.show_cursor(None)
    assert page.rates_card._labels[0].text() == "all requests"
    assert page.rates_card.hint.text() == "UTC"
    bench.desk.times.set_zone("local")
    assert page.rates_card.hint.text() == bench.desk.times.zone_name()
    bench.settle()


def test_the_newest_threat_is_shown_until_a_person_chooses(make: Make, live: Live) -> None:
    feed(live, asked("a"))
    page = make()
    feed(live, asked("b"))
    page.refresh()
    assert addresses(page) == ["b", "a"]
    assert page._chosen is page.threats.row(0)
    page.table.selectRow(1)
    feed(live, asked("c"), asked("d"))
    page.refresh()
    assert page._chosen is not None
    assert page._chosen.address == "a"
    assert [row.row() for row in page.table.selectionModel().selectedRows()] == [3]


def test_a_choice_does_not_move_on_the_screen(bench: DeskBench, make: Make, live: Live) -> None:
    feed(live, *(asked(f"a{i}") for i in range(40)))
    page = make()
    page.table.selectRow(20)
    page.table.scrollTo(page.threats.index(20, 0))
    before = page.table.visualRect(page.threats.index(20, 0)).top()
    feed(live, asked("b"), asked("c"), asked("d"))
    page.refresh()
    assert page.table.visualRect(page.threats.index(23, 0)).top() == before


def test_a_threat_is_shown_with_what_gave_it_away(make: Make, live: Live) -> None:
    feed(live, asked())
    page = make()
    assert page.kind.text() == "SQL injection"
    assert page.ids.text() == "score 0.990 · T1190 · CAPEC-66 · 192.0.2.7"
    shown = page.view.toPlainText()
    assert TEXT in shown
    assert "percent-encoded more than once" in shown
    assert "id=1'" in shown


# -- the selection


def test_an_address_or_a_path_narrows_the_threats(bench: DeskBench, make: Make, live: Live) -> None:
    feed(live, asked("a"), asked("a", path="/p"), asked("b", path="/p"))
    page = make()
    page.attackers_table.selectRow(0)
    assert addresses(page) == ["a", "a"]
    assert page.threats_card.title.text() == "Threats of a"
    assert page.table.isColumnHidden(ThreatColumn.FROM)
    page.targets_table.selectRow(page.targets.place_of("/p") or 0)
    assert sorted(addresses(page)) == ["a", "b"]
    assert page.threats_card.title.text() == "Threats at /p"
    assert not page.attackers_table.selectionModel().hasSelection()
    assert page.clear_button.isVisible()
    bench.desk.actions.trigger("web.clear")
    assert len(page.threats.rows) == 3
    assert not page.clear_button.isVisible()
    page.open(attacker="b")
    assert addresses(page) == ["b"]


def test_the_selection_stays_while_counts_change(make: Make, live: Live) -> None:
    feed(live, asked("a"), asked("b"))
    page = make()
    page.open(attacker="a")
    feed(live, asked("b"), asked("b"))
    page.refresh()
    chosen = page.attackers_table.selectionModel().selectedRows()
    assert [page.attackers.rows[row.row()].name for row in chosen] == ["a"]
    assert addresses(page) == ["a"]


def test_alerts_are_those_of_the_selection(bench: DeskBench, make: Make, live: Live) -> None:
    other = raise_alert(bench, "b")
    mine = raise_alert(bench, "a", "web.xss")
    same = raise_alert(bench, "a", "web.sqli")
    feed(live, asked("a"), asked("b"))
    page = make()
    page.open(attacker="a")
    assert [alert.id for alert in page.alerts_card._alerts] == [same, mine]
    assert page.alerts_card.who.text() == "Of a"
    asked_for = opened(bench)
    page.alerts_card.buttons[0].click()
    page.alerts_card.all_button.click()
    query = AlertFilter(statuses=OPEN, detectors=("web",), entity="a", suppressed=False)
    assert asked_for == [("alerts", {"alert_id": same}), ("alerts", {"filter": query})]
    page.open(attacker="b")
    assert [alert.id for alert in page.alerts_card._alerts] == [other]


def test_keys_move_and_lead_on(bench: DeskBench, make: Make, live: Live, qtbot: QtBot) -> None:
    feed(live, asked("a"), asked("b"), asked("c"))
    page = make()
    page.setFocus()
    asked_for = opened(bench)
    for name in ("next", "next", "next", "previous"):
        bench.desk.actions.trigger(f"web.{name}")
    assert page.table.currentIndex().row() == 1
    bench.desk.actions.trigger("web.alerts")
    bench.desk.actions.trigger("web.events")
    assert page._chosen is not None
    entity = page._chosen.address
    assert asked_for == [
        (
            "alerts",
            {
                "filter": AlertFilter(
                    statuses=OPEN, detectors=("web",), entity=entity, suppressed=False
                )
            },
        ),
        ("events", {"query": EventQuery(source_ids=frozenset({1}))}),
    ]
    bench.desk.actions.trigger("web.try")
    assert page.try_card.edit.hasFocus()
    bench.desk.actions.trigger("web.clear")
    assert page.table.hasFocus()


# -- trying


def test_a_pasted_request_is_scored_off_the_gui_thread(
    bench: DeskBench, make: Make, qtbot: QtBot
) -> None:
    page = make()
    page.try_card.edit.setPlainText(
        "curl 'http://h/i?id=1%2527%2520UNION%2520SELECT%2520login%2520FROM%2520users--'"
    )
    bench.desk.actions.trigger("web.score")
    assert not page.try_card.score_button.isEnabled()
    qtbot.waitUntil(page.try_card.score_button.isEnabled, timeout=60_000)
    assert page.try_card.message.isHidden()
    assert page.try_card.word.text() == "SQL injection"
    assert "T1190 · CAPEC-66" in page.try_card.facts.text()
    assert "1. Undone: " in page.try_card.view.toPlainText()


def test_what_is_no_request_is_said_in_the_box(bench: DeskBench, make: Make, qtbot: QtBot) -> None:
    page = make()
    page.open(text="hello")
    qtbot.waitUntil(page.try_card.score_button.isEnabled, timeout=60_000)
    assert "no request line" in page.try_card.message.text()
    assert not page.try_card.result.isVisible()
    assert bench.messages == []


class StandIn:
    """A trial that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score(self, text: str, budget: str) -> Tried:
        self.asked.append((text, budget))
        if not text:
            raise ParseError("Nothing.")
        from soc_copilot.detection.web.request import Request

        return Tried(Request(), Verdict(0.2, False, "", ()), "", 0.5, budget)


def test_the_selected_threat_can_be_tried(
    bench: DeskBench, make: Make, live: Live, qtbot: QtBot
) -> None:
    feed(live, asked())
    page = make()
    page._trial = stand_in = StandIn()  # type: ignore[assignment]
    bench.governance.settings.set(BUDGET_KEY, "1%")
    bench.desk.actions.trigger("web.retry")
    qtbot.waitUntil(page.try_card.score_button.isEnabled, timeout=10_000)
    assert stand_in.asked == [(f"GET {TEXT} HTTP/1.1\n", "1%")]
    assert page.try_card.word.text() == "No threat"
    assert "(1\u00a0%)" in page.try_card.facts.text()


# -- the preset


def test_the_preset_in_force_tells_what_was_measured(make: Make) -> None:
    page = make()
    assert page.preset.buttons["0.1%"].isChecked()
    assert "of 18,888 harmless" in page.preset.measured.text() or (
        "harmless validation requests flagged" in page.preset.measured.text()
    )
    assert "threshold 0." in page.preset.measured.text()


def test_another_preset_is_stored_and_audited(bench: DeskBench, make: Make, qtbot: QtBot) -> None:
    page = make()
    changed: list[tuple[str, object]] = []
    bench.desk.setting_changed.connect(lambda key, value: changed.append((key, value)))
    page.preset.buttons["0.5%"].click()
    assert page.preset.buttons["0.1%"].isChecked()  # until it is stored
    qtbot.waitUntil(lambda: bool(changed), timeout=10_000)
    assert changed == [(BUDGET_KEY, "0.5%")]
    assert page.preset.buttons["0.5%"].isChecked()
    assert bench.governance.settings.get(BUDGET_KEY) == "0.5%"
    assert "setting.changed" in " ".join(bench.actions_audited()).replace("_", ".")
    assert any("is now 0.5%" in text for _, text in bench.messages)


def test_a_change_made_elsewhere_is_followed(bench: DeskBench, make: Make) -> None:
    page = make()
    bench.desk.setting_changed.emit(BUDGET_KEY, "1%")
    assert page.preset.buttons["1%"].isChecked()


# -- states


@pytest.mark.parametrize(
    ("state", "words"), [("stopped", "F6 starts it"), ("starting", "is starting")]
)
def test_what_holds_the_page_up_is_said(
    bench: DeskBench, make: Make, live: Live, state: str, words: str
) -> None:
    feed(live, asked())
    page = make()
    bench.desk.set_ingestion("running")
    bench.desk.set_ingestion(state)
    assert words in page.trouble.text()


def test_an_engaged_kill_switch_greys_the_plots(bench: DeskBench, make: Make, live: Live) -> None:
    feed(live, asked())
    page = make()
    bench.desk.set_killswitch(KillSwitchState(engaged=True))
    assert "kill switch is engaged" in page.trouble.text()
    assert page.rates._greyed
    assert page.verdicts._greyed


def test_columns_give_way_on_a_narrow_desk(make: Make, live: Live) -> None:
    feed(live, asked())
    page = make()
    page.resize(ANSWER_FROM_PX - 10, 700)
    assert page.table.isColumnHidden(ThreatColumn.ANSWER)
    assert page.attackers_table.isColumnHidden(CountColumn.KIND)
    page.resize(KIND_FROM_PX + 10, 900)
    assert not page.table.isColumnHidden(ThreatColumn.ANSWER)
    assert not page.attackers_table.isColumnHidden(CountColumn.KIND)


def test_a_plot_can_be_copied(make: Make, live: Live, qtbot: QtBot) -> None:
    feed(live, asked())
    page = make()
    page._plot_menu(page.rates, page.mapToGlobal(page.rect().center()))
    from PySide6.QtWidgets import QMenu

    menu = next(menu for menu in page.findChildren(QMenu) if menu.isVisible())
    next(one for one in menu.actions() if "numbers" in one.text()).trigger()
    assert QGuiApplication.clipboard().text().startswith("time,requests")
    menu.close()


def test_tab_leaves_the_box_of_the_pasted_request(make: Make, qtbot: QtBot) -> None:
    page = make()
    page.try_card.edit.setFocus()
    qtbot.keyClick(page.try_card.edit, Qt.Key.Key_Tab)
    assert "\t" not in page.try_card.edit.toPlainText()
    assert not page.try_card.edit.hasFocus()
