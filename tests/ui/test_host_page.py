"""The Host page: what streams in, what is chosen, what came before, and what can be done."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertFilter, Disposition
from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui import exercise
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.event_search import EventQuery
from soc_copilot.ui.host_rows import OPEN
from soc_copilot.ui.live import Live
from soc_copilot.ui.models.host_streams import Column
from soc_copilot.ui.pages.host import HostPage
from soc_copilot.ui.stream_history import COLUMN_S, N_COLUMNS
from soc_copilot.ui.widgets.host_detail import CALM, SILENT, UNUSUAL
from tests.ui.desk_support import DeskBench, desk_bench
from tests.ui.host_support import OK, feed, judged, raise_alert

Make = Callable[[], HostPage]


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def live(bench: DeskBench) -> Live:
    return Live(bench.desk)


@pytest.fixture
def make(bench: DeskBench, live: Live, qtbot: QtBot) -> Iterator[Make]:
    pages: list[HostPage] = []

    def made() -> HostPage:
        page = HostPage(bench.desk, live)
        qtbot.addWidget(page)
        pages.append(page)
        bench.show(page)
        return page

    yield made
    for page in pages:
        page.hide()


def watch(bench: DeskBench, name: str = "papers") -> int:
    folder = bench.folder / name
    folder.mkdir(exist_ok=True)
    return bench.governance.sources.add("activity", folder, name=f"Watched: {name}").id


def reasons(page: HostPage) -> list[str]:
    return [label.text() for label in page.detail.reasons if not label.isHidden()]


def opened(bench: DeskBench) -> list[tuple[str, dict[str, object]]]:
    asked: list[tuple[str, dict[str, object]]] = []
    bench.desk.page_requested.connect(lambda name, args: asked.append((name, args)))
    return asked


# -- empty


def shown_state(page: HostPage) -> str:
    return next(name for name, state in page.empty.items() if page.stack.currentWidget() is state)


def test_the_first_start_says_what_will_be_here_and_offers_to_watch_a_folder(
    bench: DeskBench, make: Make
) -> None:
    asked: list[int] = []
    bench.desk.actions.bind("host.watch", lambda: asked.append(1))
    page = make()
    assert shown_state(page) == "nothing"
    assert "watch a folder" in page.empty["nothing"].text.text()
    buttons = page.empty["nothing"].buttons
    first = buttons.itemAt(1).widget()
    assert first.text() == "Watch a folder"
    first.click()
    assert asked == [1]


def test_each_reason_to_be_empty_has_its_own_words(
    bench: DeskBench, make: Make, live: Live
) -> None:
    log = bench.folder / "a.log"
    log.write_text("one\n")
    bench.governance.sources.add("file", log)
    page = make()
    assert shown_state(page) == "stopped"
    bench.desk.set_ingestion("running")
    assert shown_state(page) == "waiting"
    live.detectors = (replace(OK, state="open", detail="The model is missing."),)
    page.refresh()
    assert shown_state(page) == "off"
    assert "The model is missing." in page.empty["off"].text.text()


def test_a_search_without_a_hit_does_not_look_like_an_empty_page(
    bench: DeskBench, make: Make
) -> None:
    watch(bench)
    page = make()
    page.find_edit.setText("nothing like it")
    assert page.model.rowCount() == 0
    assert page.stack.currentIndex() == 1
    bench.desk.actions.trigger("host.clear")
    assert page.model.rowCount() == 1


# -- streaming


def test_scores_reach_the_strips_and_the_detail(bench: DeskBench, make: Make, live: Live) -> None:
    bench.desk.set_ingestion("running")
    feed(live, judged(0.1, "1/calm"), judged(0.93, "1/bad", reason="5 files are lost."))
    page = make()
    assert [row.key for row in page.model.rows] == ["1/bad", "1/calm"]
    assert page.card.hint.text() == "2, 1 of them a threat"
    assert page.selected is not None
    assert page.selected.key == "1/bad"
    assert (page.detail.number.text(), page.detail.word.text()) == ("0.93", "Threat")
    assert reasons(page) == ["5 files are lost."]
    assert page.detail.events.rowCount() == 2
    assert page.detail.bars.accessibleName() == "Sequence of events 0.93"
    assert not page.trouble.isVisible()


def test_the_highest_stays_explained_when_the_stream_is_calm_again(make: Make, live: Live) -> None:
    feed(live, judged(0.93, reason="5 files are lost."))
    feed(live, judged(0.05))
    page = make()
    assert (page.detail.number.text(), page.detail.word.text()) == ("0.05", "Ordinary")
    assert "Highest of the last 15 min: 0.93" in page.detail.highest.text()
    assert reasons(page) == ["5 files are lost."]


@pytest.mark.parametrize(("score", "words"), [(0.1, CALM), (0.5, UNUSUAL)])
def test_below_the_threshold_the_page_says_so(
    make: Make, live: Live, score: float, words: str
) -> None:
    feed(live, judged(score))
    assert reasons(make()) == [words]


def test_the_chosen_stream_stays_chosen_while_others_get_worse(
    bench: DeskBench, make: Make, live: Live
) -> None:
    feed(live, judged(0.1, "1/calm"), judged(0.5, "1/odd"))
    page = make()
    page.open(stream="1/calm")
    feed(live, judged(0.97, "1/bad"))
    page.refresh()
    assert [row.key for row in page.model.rows] == ["1/bad", "1/odd", "1/calm"]
    assert page.selected is not None
    assert page.selected.key == "1/calm"
    bench.desk.actions.trigger("host.pin")
    assert page.model.rows[0].key == page.selected.key == "1/calm"
    bench.desk.actions.trigger("host.pin")
    assert page.model.rows[2].key == "1/calm"


def test_until_a_person_chooses_the_worst_stream_is_shown(
    bench: DeskBench, make: Make, live: Live
) -> None:
    feed(live, judged(0.5, "1/odd"), judged(0.1, "1/calm"))
    page = make()
    feed(live, judged(0.9, "1/bad"))
    page.refresh()
    assert page.selected is not None
    assert page.selected.key == "1/bad"
    bench.desk.actions.trigger("host.next")
    assert page.selected.key == "1/odd"
    feed(live, judged(0.97, "1/worse"))
    page.refresh()
    assert page.selected.key == "1/odd"


def test_a_stream_that_fell_silent_is_no_threat_any_more(
    bench: DeskBench, live: Live, qtbot: QtBot
) -> None:
    now = [1_772_366_400.0]
    page = HostPage(bench.desk, live, lambda: now[0])
    qtbot.addWidget(page)
    feed(live, judged(0.93), at_s=now[0])
    bench.show(page)
    now[0] += COLUMN_S * N_COLUMNS
    assert page.card.hint.text() == "1, 1 of them a threat"
    page.refresh()
    assert page.card.hint.text() == "1"
    assert page.model.index(0, Column.HIGHEST).data() == "—"
    assert page.detail.highest.text().startswith("Its last score")
    page.hide()


def test_what_keeps_scores_from_coming_is_said(bench: DeskBench, make: Make, live: Live) -> None:
    watch(bench)
    page = make()
    assert page.trouble.text().startswith("Ingestion is stopped")
    bench.desk.set_ingestion("starting")
    assert page.trouble.text().startswith("Ingestion is starting")
    bench.desk.set_ingestion("running")
    assert not page.trouble.isVisible()
    live.detectors = (replace(OK, state="degraded", detail="It was slow."),)
    page.refresh()
    assert page.trouble.text() == "The host detector is degraded. It was slow."
    bench.desk.set_killswitch(KillSwitchState(engaged=True))
    assert page.trouble.text().startswith("The kill switch is engaged")
    assert page.strips.is_greyed


def test_a_thousand_streams_leave_the_page_whole(make: Make, live: Live, qtbot: QtBot) -> None:
    for first in range(0, 1_000, 64):
        names = range(first, min(first + 64, 1_000))
        feed(live, *(judged(0.1 + i % 5 / 100, f"1/host-{i:04d}") for i in names))
    page = make()
    assert page.model.rowCount() == 1_000
    page.find_edit.setText("host-0999")
    assert [row.key for row in page.model.rows] == ["1/host-0999"]
    page.grab()


# -- from before the window was opened


def test_alerts_tell_what_happened_before_the_window_was_opened(
    bench: DeskBench, make: Make
) -> None:
    raise_alert(bench, "web-1")
    page = make()
    bench.settle()
    assert page.model.rows[0].key == "alert web-1"
    assert (page.detail.number.text(), page.detail.word.text()) == ("0.93", "from its alert")
    assert reasons(page) == ["Under web-1: 12 files are lost."]
    assert page.detail.bars.accessibleName() == "Rule: files lost 0.90"
    assert page.detail.alerts_title.text() == "1 open alert"


def test_a_watched_folder_is_listed_before_anything_happens_in_it(
    bench: DeskBench, make: Make
) -> None:
    watch(bench)
    page = make()
    assert page.model.index(0, Column.STREAM).data() == "Watched: papers"
    assert page.model.index(0, Column.HEARD).data() == "none yet"
    assert reasons(page) == [SILENT]
    assert page.detail.buttons["unwatch"].isVisible()
    assert not page.detail.buttons["exercise"].isVisible()


def test_a_closed_alert_leaves_the_page(bench: DeskBench, make: Make) -> None:
    number = raise_alert(bench, "web-1")
    page = make()
    bench.governance.alerts.close([number], Disposition.BENIGN)
    bench.desk.alerts_changed.emit()
    bench.settle()
    assert page.model.rowCount() == 0


# -- leading on


def test_the_stream_leads_to_its_alerts_and_events(
    bench: DeskBench, make: Make, live: Live
) -> None:
    number = raise_alert(bench, "web-1")
    feed(live, judged(0.93, "7/web-1", entity="web-1"))
    page = make()
    asked = opened(bench)
    bench.desk.actions.trigger("host.alerts")
    bench.desk.actions.trigger("host.events")
    page.detail.alert_buttons[0].click()
    assert asked == [
        (
            "alerts",
            {
                "filter": AlertFilter(
                    statuses=OPEN, detectors=("host",), entity="web-1", suppressed=False
                )
            },
        ),
        ("events", {"query": EventQuery(source_ids=frozenset({7}))}),
        ("alerts", {"alert_id": number}),
    ]
    assert page.detail.alert_buttons[0].text() == "High: Files are being encrypted"


def test_the_keys_move_from_stream_to_stream(bench: DeskBench, make: Make, live: Live) -> None:
    feed(live, judged(0.9, "1/a"), judged(0.5, "1/b"))
    page = make()
    for action, key in (("next", "1/b"), ("next", "1/b"), ("previous", "1/a")):
        bench.desk.actions.trigger(f"host.{action}")
        assert page.selected is not None
        assert page.selected.key == key


def test_nothing_is_offered_for_what_is_not_there(bench: DeskBench, make: Make) -> None:
    raise_alert(bench, "web-1")
    make()
    enabled = {
        name: bench.desk.actions.action(f"host.{name}").isEnabled()
        for name in ("alerts", "events", "unwatch", "exercise", "pin")
    }
    assert enabled == {
        "alerts": True, "events": False, "unwatch": False, "exercise": False, "pin": True,
    }  # fmt: skip


def test_the_strips_can_be_copied_as_numbers_and_as_image(
    bench: DeskBench, make: Make, live: Live
) -> None:
    feed(live, judged(0.93, "1/a\tb"), judged(0.1, "1/c"))
    page = make()
    page.copy_numbers()
    lines = QGuiApplication.clipboard().text().split("\n")
    cells = [line.split("\t") for line in lines]
    assert [len(line) for line in cells] == [N_COLUMNS + 2] * 3
    assert cells[0][:2] == ["stream", "threshold"]
    assert cells[1][0] == "a␉b · source 1"
    assert "0.930" in cells[1]
    assert cells[2][1] == "0.8"
    page.copy_image()
    assert not QGuiApplication.clipboard().pixmap().isNull()


# -- watching


def test_watching_is_undone_with_a_reason(bench: DeskBench, make: Make) -> None:
    watch(bench)
    page = make()
    bench.desk.actions.trigger("host.unwatch")
    dialog = bench.dialog(ReasonDialog, page)
    dialog.reason_edit.setText("Done looking.")
    dialog.accept_button.click()
    bench.settle()
    assert bench.governance.sources.list() == ()
    assert (bench.folder / "papers").is_dir()
    assert shown_state(page) == "nothing"


def test_the_exercise_runs_in_a_demonstration_folder_only(
    bench: DeskBench, make: Make, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    run = exercise.run
    monkeypatch.setattr(
        exercise, "run", lambda folder, report: run(folder, report, pace_s=0, learn_s=0)
    )
    folder = exercise.make_folder(bench.folder)
    bench.governance.sources.add("activity", folder)
    started: list[int] = []
    bench.desk.start_requested.connect(lambda: started.append(1))
    page = make()
    assert page.detail.buttons["exercise"].isVisible()
    qtbot.mouseClick(page.detail.buttons["exercise"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Exercise over" in page.strip.text.text())
    assert len(list(folder.rglob(f"*{exercise.ENDING}"))) == 48
    assert started == [1]
    assert page.detail.buttons["exercise"].isEnabled()


def test_the_exercise_can_be_cancelled(
    bench: DeskBench, make: Make, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    ended = threading.Event()

    def endless(_folder: Path, report: Callable[[int, int], None]) -> int:
        try:
            while True:
                report(1, 48)
        finally:
            ended.set()

    monkeypatch.setattr(exercise, "run", endless)
    bench.governance.sources.add("activity", exercise.make_folder(bench.folder))
    page = make()
    bench.desk.actions.trigger("host.exercise")
    qtbot.waitUntil(lambda: "1 of 48" in page.strip.text.text())
    assert not page.detail.buttons["exercise"].isEnabled()
    page.strip.cancel_button.click()
    assert ended.wait(60)
    assert page.strip.text.text() == "Exercise cancelled."
    assert page.detail.buttons["exercise"].isEnabled()


def test_an_exercise_that_fails_says_why(
    bench: DeskBench, make: Make, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    folder = exercise.make_folder(bench.folder)
    bench.governance.sources.add("activity", folder)
    (folder / exercise.MARKER).unlink()
    make()
    bench.desk.actions.trigger("host.exercise")
    qtbot.waitUntil(lambda: bool(bench.messages))
    assert bench.messages[0][0] == "error"
    assert "not a demonstration folder" in bench.messages[0][1]


# -- looks


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("wide", "high"), [(1_040, 620), (1_064, 660), (1_384, 860)])
def test_it_fits_both_desks_in_both_themes(
    bench: DeskBench, make: Make, live: Live, theme: str, wide: int, high: int
) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    bench.desk.theme.set_choice(theme)
    bench.desk.theme.apply(app)
    long = "The content of very many files in a very deep folder is unreadable now. " * 4
    feed(live, judged(0.93, "1/a", reason=long))
    page = make()
    page.resize(wide, high)
    page.grab()
    fits = page.width() == wide, page.minimumSizeHint().width() <= wide
    app.setStyleSheet("")
    assert fits == (True, True)
    assert page.table.isColumnHidden(Column.HIGHEST) == (wide < 1_000)


def test_a_switch_of_theme_reaches_every_part(bench: DeskBench, make: Make, live: Live) -> None:
    raise_alert(bench, "web-1")
    feed(live, judged(0.93, "7/web-1", entity="web-1"))
    page = make()
    for theme in ("light", "dark"):
        bench.desk.theme.set_choice(theme)
        color = page.grab().toImage().pixelColor(4, page.detail.y() + page.detail.height() - 4)
        assert color.name() in {bench.desk.theme.hex(r) for r in ("background", "surface", "line")}
