"""The frame: pages, what is remembered, how it is left, and that every key does one thing."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.app import PAGES, Desktop, Options
from soc_copilot.ui.actions import ACTIONS, ActionTable
from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.live import Live
from soc_copilot.ui.palette import Palette
from soc_copilot.ui.shortcut_help import ShortcutHelp
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.window import MainWindow
from tests.ui.desk_support import desk_bench

Frame = tuple[MainWindow, Desk]


class FakePage(Page):
    """Notes what the window does with it."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.calls: list[object] = []

    def shown(self) -> None:
        self.calls.append("shown")

    def open(self, **args: object) -> None:
        self.calls.append(args)

    def save_state(self) -> dict[str, str]:
        return {"sizes": "1,2"}

    def restore_state(self, state: dict[str, str]) -> None:
        self.calls.append(state)


class Overview(FakePage):
    name = "overview"
    title = "Overview"


class Alerts(FakePage):
    name = "alerts"
    title = "Alerts"


def fill(window: MainWindow, desk: Desk) -> None:
    window.adopt(desk, Live(desk), {"overview": Overview, "alerts": Alerts})


@pytest.fixture
def frame(qtbot: QtBot, tmp_path: Path) -> Iterator[Frame]:
    with desk_bench(qtbot, tmp_path) as bench:
        window = MainWindow(bench.desk.theme, bench.desk.actions)
        fill(window, bench.desk)
        window.show()
        yield window, bench.desk
        window.allow_close()
        window.close()
        window.deleteLater()


def fake(window: MainWindow, name: str) -> FakePage:
    page = window.pages[name]
    assert isinstance(page, FakePage)
    return page


# -- pages


def test_the_frame_says_what_it_waits_for(qtbot: QtBot) -> None:
    theme = Theme("dark")
    window = MainWindow(theme, actions := ActionTable(theme))
    qtbot.addWidget(window)
    window.allow_close()
    label = window.stack.currentWidget()
    assert isinstance(label, PlainLabel)
    assert label.text() == "Opening the database…"
    assert actions.specs


def test_a_page_is_built_when_it_is_first_shown(frame: Frame) -> None:
    window, _ = frame
    window.show_page("alerts")
    assert list(window.pages) == ["alerts"]


def test_a_page_is_built_once(frame: Frame) -> None:
    window, _ = frame
    window.show_page("alerts")
    first = fake(window, "alerts")
    window.show_page("overview")
    window.show_page("alerts")
    assert fake(window, "alerts") is first


def test_a_page_is_refreshed_before_it_takes_its_arguments(frame: Frame) -> None:
    window, desk = frame
    desk.open_page("alerts", alert_id=7)
    assert fake(window, "alerts").calls == [{}, "shown", {"alert_id": 7}]


def test_a_page_that_does_not_exist_leaves_the_one_in_front(frame: Frame) -> None:
    window, desk = frame
    window.show_page("overview")
    desk.open_page("nothing")
    assert window.page == "overview"


def test_the_title_names_the_page(frame: Frame) -> None:
    window, _ = frame
    window.show_page("alerts")
    assert window.windowTitle() == "Alerts · SOC Copilot"


def test_the_page_in_front_has_the_focus_so_that_its_keys_act(frame: Frame) -> None:
    window, _ = frame
    window.show_page("alerts")
    assert window.focusWidget() is fake(window, "alerts")


def test_the_other_pages_are_built_in_idle_time_and_then_the_timer_rests(frame: Frame) -> None:
    window, _ = frame
    window.show_page("overview")
    window.start_prebuilding()
    window.build_next()
    assert set(window.pages) == {"overview", "alerts"}
    assert not any(timer.isActive() for timer in window.findChildren(QTimer))


def test_a_message_of_the_desk_is_shown_over_the_page(frame: Frame) -> None:
    window, desk = frame
    desk.error("The disk is full.", "errno 28")
    assert window.messages.current == ("error", "The disk is full.", "errno 28")


def test_a_bar_added_later_stands_below_the_earlier_ones(frame: Frame) -> None:
    window, _ = frame
    bars = [QWidget(), QWidget()]
    for bar in bars:
        window.add_above(bar)
    assert [window.above.indexOf(bar) for bar in bars] == [1, 2]


# -- commands


def test_the_palette_waits_for_words(frame: Frame) -> None:
    window, desk = frame
    desk.actions.trigger("go.palette")
    palette = window.findChild(Palette)
    assert palette is not None
    assert palette.focusWidget() is palette.field
    palette.close()


def test_the_palette_leads_to_an_alert_by_its_number(frame: Frame) -> None:
    window, _ = frame
    window._alert_entry(7).run()
    assert fake(window, "alerts").calls[-1] == {"alert_id": 7}


def test_the_sheet_of_keys_opens(frame: Frame, qtbot: QtBot) -> None:
    window, desk = frame
    desk.actions.trigger("help.shortcuts")
    sheet = window.findChild(ShortcutHelp)
    assert sheet is not None
    assert sheet.isVisible()
    sheet.close()


def test_full_screen_is_taken_and_given_back(frame: Frame) -> None:
    window, desk = frame
    states = []
    for _ in range(2):
        desk.actions.trigger("view.full_screen")
        states.append(window.isFullScreen())
    assert states == [True, False]


# -- what is remembered


def test_what_a_page_remembers_comes_back_with_it(frame: Frame) -> None:
    window, _ = frame
    window.restore_state(json.dumps({"geometry": "", "page": "", "pages": {"alerts": {"a": "1"}}}))
    window.show_page("alerts")
    assert fake(window, "alerts").calls[0] == {"a": "1"}


def test_what_a_page_remembered_survives_a_run_in_which_it_was_not_opened(frame: Frame) -> None:
    window, _ = frame
    window.restore_state(json.dumps({"geometry": "", "page": "", "pages": {"alerts": {"a": "1"}}}))
    window.show_page("overview")
    pages = json.loads(window.save_state())["pages"]
    assert pages == {"alerts": {"a": "1"}, "overview": {"sizes": "1,2"}}


def test_a_page_built_in_advance_but_never_seen_is_not_asked(frame: Frame) -> None:
    window, _ = frame
    window.show_page("overview")
    window.build_next()
    assert set(window.pages) == {"overview", "alerts"}
    assert set(json.loads(window.save_state())["pages"]) == {"overview"}


def test_the_page_in_front_is_remembered(frame: Frame) -> None:
    window, _ = frame
    window.show_page("alerts")
    assert window.restore_state(window.save_state()) == "alerts"


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"page": "alerts"}', '{"geometry": 1, "page": "", "pages": {}}',
     '{"geometry": "", "page": "alerts", "pages": {"alerts": 3}}'],
)  # fmt: skip
def test_a_damaged_memory_is_as_good_as_none(frame: Frame, text: str) -> None:
    window, _ = frame
    assert window.restore_state(text) == ""


def test_a_window_is_never_larger_than_the_screen(frame: Frame) -> None:
    window, _ = frame
    window.resize(5_000, 4_000)
    window.fit_screen()
    room = QGuiApplication.primaryScreen().availableSize()
    assert window.normalGeometry().size().boundedTo(room) == window.normalGeometry().size()
    assert window.isMaximized()


def test_a_window_that_fits_keeps_its_size(qtbot: QtBot) -> None:
    theme = Theme("dark")
    window = MainWindow(theme, ActionTable(theme))
    qtbot.addWidget(window)
    window.allow_close()
    window.setWindowState(Qt.WindowState.WindowNoState)
    window.resize(window.minimumSize())
    window.fit_screen()
    assert (window.size(), window.isMaximized()) == (window.minimumSize(), False)


# -- leaving


def test_closing_asks_first(frame: Frame) -> None:
    window, _ = frame
    asked: list[int] = []
    window.close_asked.connect(lambda: asked.append(1))
    window.close()
    assert asked == [1]
    assert window.isVisible()


def test_an_owner_that_has_nothing_to_store_lets_the_window_go_at_once(frame: Frame) -> None:
    window, _ = frame
    window.close_asked.connect(window.allow_close)
    window.close()
    assert not window.isVisible()


def test_no_page_is_built_after_the_window_closed(frame: Frame) -> None:
    window, _ = frame
    window.start_prebuilding()
    window.allow_close()
    window.close()
    assert not any(timer.isActive() for timer in window.findChildren(QTimer))


# -- keys, in the whole program


@pytest.fixture
def desktop(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Desktop]]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path))
    monkeypatch.setattr("soc_copilot.app.WARM_MS", 3_600_000)  # torch is not needed here
    made: list[Desktop] = []

    def opened(page: str) -> Desktop:
        one = Desktop(Options(page=page))
        made.append(one)
        one.start()
        qtbot.waitUntil(lambda: one.window.page == page)
        one.window.activateWindow()
        qtbot.waitUntil(one.window.isActiveWindow)
        for name in PAGES:  # the keys of a page in the background must stay silent
            one.window.show_page(name)
        one.window.show_page(page)
        return one

    yield opened
    for one in made:
        one.shut_down()
        one.window.allow_close()
        one.window.close()
        one.window.deleteLater()
        one.deleteLater()


def record(desktop: Desktop) -> list[str]:
    """Replace what every action does by a note of its id."""
    fired: list[str] = []
    for spec in ACTIONS:
        desktop.actions.bind(spec.id, lambda spec=spec: fired.append(spec.id))
    return fired


def acting(page: str) -> list[tuple[str, str]]:
    """The keys that act while a page is in front, each with its action."""
    return [(key, s.id) for s in ACTIONS if s.page in {"", page} for key in s.shortcuts]


def test_on_each_page_each_key_triggers_its_own_action_and_no_other(
    desktop: Callable[[str], Desktop],
) -> None:
    one = desktop("overview")
    fired = record(one)
    wrong = {}
    for page in PAGES:
        one.window.show_page(page)
        for key, action in acting(page):
            fired.clear()
            one.window.pages[page].setFocus()
            QTest.keySequence(one.window.pages[page], QKeySequence(key))
            if fired != [action]:
                wrong[page, key, action] = list(fired)
    assert wrong == {}


def test_no_two_actions_or_shortcuts_of_the_live_window_share_a_key(
    desktop: Callable[[str], Desktop],
) -> None:
    one = desktop("overview")
    declared = {spec.id: spec.page for spec in ACTIONS}
    held: dict[str, list[tuple[str, str]]] = {}
    for action in {*one.window.findChildren(QAction), *one.actions.findChildren(QAction)}:
        for keys in action.shortcuts():
            page = declared.get(action.objectName(), "")
            held.setdefault(keys.toString(), []).append((page, action.objectName()))
    for shortcut in one.window.findChildren(QShortcut):
        for keys in QShortcut.keys(shortcut):
            held.setdefault(keys.toString(), []).append(("", shortcut.objectName()))
    shared = {
        keys: owners
        for keys, owners in held.items()
        if len(owners) > 1 and (len({page for page, _ in owners}) < len(owners)
                                or "" in {page for page, _ in owners})
    }  # fmt: skip
    assert shared == {}


def test_a_letter_typed_into_the_search_is_text_and_no_command(
    desktop: Callable[[str], Desktop],
) -> None:
    one = desktop("alerts")
    fired = record(one)
    field = next(field for field in one.window.pages["alerts"].findChildren(QLineEdit))
    letters = "".join(key.lower() for key, _ in acting("alerts") if len(key) == 1 and key.isalnum())
    field.setFocus()
    QTest.keyClicks(field, letters)
    assert (field.text(), fired) == (letters, [])


def test_keys_of_the_table_are_keys_that_a_keyboard_has() -> None:
    keys = [QKeySequence(key) for spec in ACTIONS for key in spec.shortcuts]
    assert [one for one in keys if one.isEmpty() or one[0].key() == Qt.Key.Key_unknown] == []
