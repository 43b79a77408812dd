"""Options of a source: every one is shown, checked at its row, stored and audited."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.domain.source_options import KINDS, SourceOptions, options_of
from soc_copilot.ui.dialogs.source_options import SourceOptionsDialog, when_text
from soc_copilot.ui.widgets.option_form import OptionForm
from tests.ui.desk_support import DeskBench, desk_bench


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[QWidget]:
    made = QWidget()
    qtbot.addWidget(made)
    made.resize(1280, 800)
    made.show()
    yield made
    made.close()


def dialog_for(bench: DeskBench, window: QWidget, kind: str = "file") -> SourceOptionsDialog:
    place = {"syslog-tls": "127.0.0.1:6514"}.get(kind, str(bench.folder / "a.log"))
    source = bench.governance.sources.add(kind, place, name="web")
    dialog = SourceOptionsDialog(bench.desk, window, source)
    dialog.open()
    return dialog


def typed(dialog: SourceOptionsDialog, key: str, text: str) -> None:
    editor = dialog.form.rows[key].editor
    assert isinstance(editor, QLineEdit)
    editor.setText(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_of_every_kind_has_a_row(qtbot: QtBot, kind: str) -> None:
    form = OptionForm(kind, SourceOptions())
    qtbot.addWidget(form)
    assert list(form.rows) == [option.key for option in options_of(kind)]
    assert form.check() == SourceOptions()


def test_what_is_typed_is_stored_audited_and_told(bench, window, qtbot):
    changed = []
    bench.desk.sources_changed.connect(lambda: changed.append(True))
    dialog = dialog_for(bench, window)
    typed(dialog, "encoding", "utf-16-le")
    typed(dialog, "retention_days", "30")
    dialog.accept()
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert source.options.changed == {"encoding": "utf-16-le", "retention_days": 30}
    assert bench.actions_audited()[-1] == "source.options_changed"
    assert changed
    assert bench.messages[-1] == (
        "ok",
        "Stored the options of “web”. A change takes effect when ingestion is started.",
    )


def test_a_refused_value_is_said_at_its_row_and_nothing_is_stored(bench, window):
    dialog = dialog_for(bench, window)
    typed(dialog, "retention_days", "-1")
    typed(dialog, "max_size", "many")
    dialog.accept()
    bench.settle()
    assert dialog.isVisible()
    assert "at least 0" in dialog.form.rows["retention_days"].problem.text()
    assert "whole number" in dialog.form.rows["max_size"].problem.text()
    assert bench.governance.sources.list()[0].options.changed == {}


def test_an_encoding_that_is_none_is_said_at_its_row(bench, window):
    dialog = dialog_for(bench, window)
    typed(dialog, "encoding", "klingon")
    dialog.accept()
    assert "klingon" in dialog.form.rows["encoding"].problem.text()


def test_what_only_two_options_together_forbid_is_said_at_the_one_that_lacks(bench, window):
    dialog = dialog_for(bench, window)
    combo = dialog.form.rows["multiline"].editor
    combo.setCurrentIndex(combo.findData("start"))
    combo.activated.emit(combo.currentIndex())
    dialog.accept()
    assert dialog.isVisible()
    assert "needs" in dialog.form.rows["multiline_pattern"].problem.text()
    typed(dialog, "multiline_pattern", "^[0-9]")
    dialog.accept()
    bench.settle()
    options = bench.governance.sources.list()[0].options
    assert (options.text("multiline"), options.text("multiline_pattern")) == ("start", "^[0-9]")


def test_a_pattern_that_cannot_be_used_is_said_at_its_row(bench, window, qtbot):
    dialog = dialog_for(bench, window)
    combo = dialog.form.rows["multiline"].editor
    combo.setCurrentIndex(combo.findData("start"))
    combo.activated.emit(combo.currentIndex())
    row = dialog.form.rows["multiline_pattern"]
    typed(dialog, "multiline_pattern", "(?=x)")
    dialog.accept()
    qtbot.waitUntil(lambda: "RE2" in row.problem.text())
    assert dialog.isVisible()
    assert bench.governance.sources.list()[0].options.text("multiline") == "auto"


def test_nothing_changed_stores_nothing(bench, window):
    dialog = dialog_for(bench, window)
    before = bench.actions_audited()
    dialog.accept()
    bench.settle()
    assert bench.actions_audited() == before


def test_enter_stores_and_escape_does_not(bench, window, qtbot):
    dialog = dialog_for(bench, window)
    field = dialog.form.rows["retention_days"].editor
    field.selectAll()
    qtbot.keyClicks(field, "7")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    bench.settle()
    assert bench.governance.sources.list()[0].options.changed == {}


def test_certificates_are_chosen_from_the_disk(bench, window):
    dialog = dialog_for(bench, window, "syslog-tls")
    row = dialog.form.rows["tls_certificate"]
    row.take("/etc/ssl/desk.pem")
    assert dialog.form.values["tls_certificate"] == "/etc/ssl/desk.pem"
    dialog.reject()


def test_it_is_said_plainly_when_a_change_takes_effect():
    assert "is started" in when_text("stopped")
    for state in ("running", "halted", "starting"):
        assert "at once" in when_text(state)
