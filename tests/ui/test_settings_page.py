from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from soc_copilot.settings import BY_KEY, SETTINGS, get_setting
from soc_copilot.ui.ingest_worker import SessionBeat
from soc_copilot.ui.pages.settings import SettingsPage, licence_of, licences, stored_text
from soc_copilot.ui.widgets.setting_row import SettingRow
from tests.ui.desk_support import HOSTILE, DeskBench, desk_bench

Key = Qt.Key


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def page(bench: DeskBench, qtbot: QtBot) -> Iterator[SettingsPage]:
    made = SettingsPage(bench.desk)
    qtbot.addWidget(made)
    bench.show(made)
    yield made
    made.close()


def type_in(qtbot: QtBot, row: SettingRow, text: str) -> None:
    """Type into a setting's field and press Enter."""
    row.editor.selectAll()
    qtbot.keyClicks(row.editor, text)
    qtbot.keyClick(row.editor, Key.Key_Return)


def test_every_setting_has_an_editor_of_its_type(page):
    assert list(page.rows) == [setting.key for setting in SETTINGS]
    for key, row in page.rows.items():
        setting = BY_KEY[key]
        if isinstance(setting.default, bool):
            assert isinstance(row.editor, QCheckBox)
        elif setting.choices:
            assert isinstance(row.editor, QComboBox)
            assert row.editor.count() == len(setting.choices)
        else:
            assert isinstance(row.editor, QLineEdit)
        assert row.editor.accessibleName() == setting.title
        assert row.value == setting.default


def test_a_number_is_stored_and_audited_by_enter(bench, page, qtbot):
    type_in(qtbot, page.rows["ingestion.max_size"], "5000")
    bench.settle()
    assert bench.governance.settings.get("ingestion.max_size") == 5000
    row = bench.governance.audit.rows(None, 1)[0]
    assert (row.action, row.old, row.new) == ("setting.changed", "10000", "5000")
    assert bench.messages == [("info", "Batch size is now 5,000 lines.")]


@pytest.mark.parametrize(
    ("typed", "words"),
    [("99", "at least 100"), ("1e9", "a whole number"), ("", "a whole number"), (HOSTILE, "whole")],
)
def test_a_value_that_does_not_fit_is_explained_inline_and_not_stored(
    bench, page, qtbot, typed, words
):
    row = page.rows["ingestion.max_size"]
    row.take(typed)
    bench.settle()
    assert not row.problem.isHidden()
    assert words in row.problem.text()
    assert "\u202e" not in row.problem.text()
    assert bench.governance.settings.get("ingestion.max_size") == 10_000
    type_in(qtbot, row, "200")
    bench.settle()
    assert row.problem.isHidden()


def test_a_changed_setting_can_be_reset_to_the_default_it_names(bench, page, qtbot):
    row = page.rows["ingestion.batch_interval_s"]
    assert row.reset_button.isHidden()
    type_in(qtbot, row, "2.5")
    bench.settle()
    assert row.reset_button.text() == "Reset to 1 s"
    row.reset_button.click()
    bench.settle()
    assert bench.governance.settings.get("ingestion.batch_interval_s") == 1.0
    assert row.reset_button.isHidden()
    assert row.editor.text() == "1"


def test_a_box_and_a_choice_are_changed_by_keyboard(bench, page, qtbot):
    qtbot.keyClick(page.rows["detection.web.enabled"].editor, Key.Key_Space)
    bench.settle()
    assert bench.governance.settings.get("detection.web.enabled") is False
    combo = page.rows["detection.web.budget"].editor
    combo.setFocus()
    qtbot.keyClick(combo, Key.Key_Down)
    bench.settle()
    assert bench.governance.settings.get("detection.web.budget") == "0.5%"


def test_theme_and_zone_take_effect_at_once(bench, page):
    page.rows["ui.theme"].take("light")
    page.rows["ui.time_zone"].take("UTC")
    bench.settle()
    assert bench.desk.theme.choice == "light"
    assert bench.desk.times.zone == "UTC"
    assert bench.governance.settings.get("ui.theme") == "light"


def test_a_stored_change_is_told_to_whoever_holds_the_value(bench, page):
    told = []
    bench.desk.setting_changed.connect(lambda key, value: told.append((key, value)))
    page.rows["ui.replay_speed"].take("120")
    bench.settle()
    assert told == [("ui.replay_speed", 120.0)]


def test_a_change_that_waits_for_a_restart_says_so_while_running():
    setting = get_setting("ingestion.max_size")
    assert stored_text(setting, 500, running=False) == "Batch size is now 500 lines."
    assert stored_text(setting, 500, running=True).endswith("stopped and started again.")
    assert "again" not in stored_text(get_setting("ui.theme"), "dark", running=True)


def test_a_change_made_elsewhere_shows_when_the_page_is_shown(bench, page):
    bench.governance.settings.set("ingestion.max_size", 700)
    page.shown()
    bench.settle()
    assert page.rows["ingestion.max_size"].editor.text() == "700"


def test_what_is_being_typed_is_not_overwritten(bench, page, qtbot):
    row = page.rows["ingestion.max_size"]
    page.activateWindow()
    row.editor.setFocus()
    qtbot.waitUntil(row.editor.hasFocus)
    row.editor.setText("12")
    page.refresh()
    bench.settle()
    assert row.editor.text() == "12"


def test_the_wheel_does_not_change_a_choice_in_passing(page):
    combo = page.rows["ui.theme"].editor
    before = combo.currentIndex()
    none, nowhere = Qt.MouseButton.NoButton, QPointF(5, 5)
    event = QWheelEvent(
        nowhere,
        nowhere,
        QPoint(),
        QPoint(0, -120),
        none,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(combo, event)
    assert combo.currentIndex() == before


def test_a_page_can_be_opened_at_a_setting_or_a_card(page, qtbot):
    page.activateWindow()
    page.open(key="ui.replay_speed")
    qtbot.waitUntil(page.rows["ui.replay_speed"].editor.hasFocus)
    page.open(card="shortcuts")
    qtbot.waitUntil(page.shortcuts.hasFocus)


def test_every_action_with_a_key_is_listed_and_can_be_found(bench, page, qtbot):
    with_keys = {spec.text for spec in bench.desk.actions.specs.values() if spec.shortcuts}
    assert set(page.shortcuts.visible_commands) == with_keys
    qtbot.keyClicks(page.shortcuts.filter_edit, "kill switch")
    assert page.shortcuts.visible_commands == ["Kill switch…"]
    page.shortcuts.filter_edit.setText("ctrl+shift+k")
    assert page.shortcuts.visible_commands == ["Kill switch…"]
    page.shortcuts.filter_edit.setText("zzz")
    assert page.shortcuts.visible_commands == []
    assert not page.shortcuts.nothing.isHidden()


def test_about_names_device_and_licences(bench, page):
    bench.desk.beat_arrived.emit(SessionBeat("CPU, 2 threads", "", (), ()))
    assert page.about.device.text() == "CPU, 2 threads"
    used = {name: licence for name, _, licence in licences()}
    assert used["SQLAlchemy"] == "MIT"
    assert "LGPL-3.0-only" in used["PySide6_Essentials"]
    assert page.about.licences.count() == 3 * len(used)


def test_a_licence_is_read_from_wherever_it_is_stated():
    def stating(**fields: str) -> Message:
        about = Message()  # what a package's metadata is made of
        for name, value in fields.items():
            about[name.replace("_", "-")] = value
        return about

    assert licence_of(stating(License_Expression="MIT", License="other")) == "MIT"
    assert licence_of(stating(Classifier="License :: OSI Approved :: BSD License")) == "BSD License"
    assert licence_of(stating(License="zlib\nlong text")) == "zlib"
    assert licence_of(stating()) == "see its own files"
