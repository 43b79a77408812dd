"""Adding a source of any kind, by keyboard, by mouse and by dropping a file."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.domain.source_options import KINDS, MADE_BY_PROGRAM, options_of
from soc_copilot.ui.dialogs import WindowDialogs
from soc_copilot.ui.dialogs.add_source import AddSourceDialog
from soc_copilot.ui.dialogs.file_form import FileForm
from soc_copilot.ui.dialogs.place_forms import EVERY_NETWORK, ListenForm, PlaceForm
from soc_copilot.ui.dialogs.source_form import SourceDraft
from soc_copilot.ui.models.preview import CompletionModel, PreviewModel, telling_columns
from soc_copilot.ui.widgets.kind_list import SENTENCES, KindModel
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench

ACCESS = '192.0.2.7 - - [04/Mar/2026:12:00:00 +0000] "GET /shop HTTP/1.1" 200 512 "-" "curl"\n'
Key = Qt.Key


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


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "web.log"
    path.write_text(ACCESS * 4)
    return path


def opened(bench: DeskBench, window: QWidget, path: str = "") -> AddSourceDialog:
    dialog = AddSourceDialog(bench.desk, window, path)
    dialog.open()
    looked(bench, dialog)
    return dialog


def looked(bench: DeskBench, dialog: AddSourceDialog) -> None:
    """Wait for the look that typing asked for."""
    dialog.form.look()
    bench.settle()


def preview_row(dialog: AddSourceDialog, row: int = 0) -> dict[str, str]:
    model = dialog.files.preview
    columns = range(model.columnCount())
    horizontal = Qt.Orientation.Horizontal
    return {
        model.headerData(column, horizontal): model.index(row, column).data() for column in columns
    }


def test_the_models_keep_their_promises(qtmodeltester):
    completions, preview = CompletionModel(), PreviewModel()
    qtmodeltester.check(completions)
    completions.set_paths(("/a", "/b"))
    completions.set_paths(())
    qtmodeltester.check(preview)
    preview.show_lines(("a", "b"), ({"a": "1"}, {"b": "2"}))
    preview.show_lines((), ())


def test_the_format_and_three_lines_are_shown_before_it_is_accepted(bench, window, log):
    dialog = opened(bench, window, str(log))
    assert "Apache" in dialog.files.verdict.text()
    assert "100%" in dialog.files.verdict.text()
    assert dialog.files.preview.rowCount() == 3
    row = preview_row(dialog)
    assert row["Time (UTC)"] == "2026-03-04 12:00:00"
    assert (row["From"], row["Method"], row["URL"]) == ("192.0.2.7", "GET", "/shop")
    assert dialog.accept_button.isEnabled()


def test_a_source_is_added_by_keyboard_alone(bench, window, log, qtbot):
    changed = []
    bench.desk.sources_changed.connect(lambda: changed.append(True))
    dialog = opened(bench, window)
    assert not dialog.accept_button.isEnabled()
    qtbot.keyClicks(dialog.files.path_edit, str(log))
    looked(bench, dialog)
    qtbot.keyClick(dialog.files.path_edit, Key.Key_Return)
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert (source.kind, source.path, source.name) == ("file", str(log), "web.log")
    assert (source.format, source.from_start) == ("auto", False)
    assert changed
    assert bench.messages == [("ok", 'Added the log source "web.log".')]


def test_what_was_chosen_is_stored(bench, window, log, qtbot):
    dialog = opened(bench, window, str(log))
    dialog.files.format_combo.setCurrentIndex(dialog.files.format_combo.findData("plain"))
    qtbot.keyClick(dialog.files.beginning_radio, Key.Key_Space)
    dialog.name_edit.selectAll()
    qtbot.keyClicks(dialog.name_edit, "shop front")
    looked(bench, dialog)
    assert dialog.name_edit.text() == "shop front"
    dialog.accept()
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert (source.name, source.format, source.from_start) == ("shop front", "plain", True)


def test_another_format_parses_the_lines_again(bench, window, log):
    dialog = opened(bench, window, str(log))
    dialog.files.format_combo.setCurrentIndex(dialog.files.format_combo.findData("plain"))
    looked(bench, dialog)
    assert "URL" not in preview_row(dialog)
    assert preview_row(dialog)["Message"] == ACCESS.strip()


def test_a_folder_asks_for_a_pattern_and_counts_the_files(bench, window, log, tmp_path):
    (tmp_path / "other.txt").write_text("x\n")
    dialog = opened(bench, window, str(tmp_path))
    assert dialog.files.pattern_box.isVisible()
    assert dialog.files.matches.text().startswith("1 file matches")
    dialog.files.pattern_edit.setText("*.t*")
    looked(bench, dialog)
    assert dialog.files.matches.text().startswith("1 file matches, 2 B")
    dialog.accept()
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert (source.kind, source.pattern) == ("directory", "*.t*")


def test_a_problem_is_shown_inline_and_nothing_can_be_accepted(bench, window, tmp_path):
    dialog = opened(bench, window, str(tmp_path / "gone.log"))
    assert dialog.files.problem.isVisible()
    assert "There is no file or folder" in dialog.files.problem.text()
    assert not dialog.accept_button.isEnabled()
    dialog.accept()
    bench.settle()
    assert bench.governance.sources.list() == ()


def test_an_empty_file_can_be_added(bench, window, tmp_path):
    (tmp_path / "new.log").touch()
    dialog = opened(bench, window, str(tmp_path / "new.log"))
    assert "will be decided at the first lines" in dialog.files.verdict.text()
    assert dialog.accept_button.isEnabled()


def test_a_refusal_of_the_database_keeps_the_dialog_open(bench, window, log):
    bench.governance.sources.add("file", log)
    dialog = opened(bench, window, str(log))
    dialog.accept()
    bench.settle()
    assert dialog.isVisible()
    assert "already" in dialog.files.problem.text()


def test_while_typing_nothing_old_can_be_accepted(bench, window, log, qtbot):
    dialog = opened(bench, window, str(log))
    qtbot.keyClicks(dialog.files.path_edit, "x")
    assert not dialog.accept_button.isEnabled()
    looked(bench, dialog)
    assert not dialog.accept_button.isEnabled()


def test_escape_adds_nothing(bench, window, log, qtbot):
    dialog = opened(bench, window, str(log))
    qtbot.keyClick(dialog, Key.Key_Escape)
    bench.settle()
    assert bench.governance.sources.list() == ()


def test_closing_while_it_is_stored_neither_fails_nor_hides_the_source(bench, window, log, qtbot):
    changed = []
    bench.desk.sources_changed.connect(lambda: changed.append(True))
    dialog = opened(bench, window, str(log))
    dialog.accept()
    dialog.reject()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    bench.settle()
    assert changed
    assert len(bench.governance.sources.list()) == 1


def test_completions_show_hidden_characters_but_insert_the_real_path():
    model = CompletionModel()
    model.set_paths((HOSTILE,))
    assert model.index(0, 0).data() == SHOWN
    assert model.index(0, 0).data(Qt.ItemDataRole.EditRole) == HOSTILE


def test_a_hostile_line_is_shown_inert(bench, window, tmp_path):
    log = tmp_path / "a\u202eb.log"
    log.write_text("<img src=http://127.0.0.1:9/x>\x1b[31m\n")
    dialog = opened(bench, window, str(log))
    shown = [text for text in preview_row(dialog).values() if "img" in text]
    assert shown == ["<img src=http://127.0.0.1:9/x>␛[31m"]
    for column in range(dialog.files.preview.columnCount()):
        tip = dialog.files.preview.index(0, column).data(Qt.ItemDataRole.ToolTipRole)
        assert "<img" not in tip
    assert dialog.name_edit.text() == "a\\u202eb.log"


def test_known_columns_come_first_and_repeats_are_left_out():
    columns = ("url.path", "zzz", "url.original", "@timestamp")
    assert telling_columns(columns) == ("@timestamp", "url.original", "zzz")


def drop(url: QUrl, kind: type[QDragEnterEvent] | type[QDropEvent]) -> tuple[QDropEvent, QMimeData]:
    data = QMimeData()
    data.setUrls([url])
    copy, left, none = (
        Qt.DropAction.CopyAction,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    if kind is QDragEnterEvent:
        return QDragEnterEvent(QPointF(5, 5).toPoint(), copy, data, left, none), data
    return QDropEvent(QPointF(5, 5), copy, data, left, none), data


def test_a_file_dropped_on_the_window_opens_the_dialog_with_it(bench, window, log):
    WindowDialogs(bench.desk, window)
    for kind in (QDragEnterEvent, QDropEvent):
        event, _data = drop(QUrl.fromLocalFile(str(log)), kind)
        QApplication.sendEvent(window, event)
        assert event.isAccepted()
    dialog = bench.dialog(AddSourceDialog, window)
    assert dialog.files.path_edit.text() == str(log)
    bench.settle()


def test_a_link_dropped_on_the_window_is_not_taken(bench, window):
    WindowDialogs(bench.desk, window)
    event, _data = drop(QUrl("http://127.0.0.1:9/x"), QDropEvent)
    event.ignore()
    QApplication.sendEvent(window, event)
    assert not window.findChildren(AddSourceDialog)


def test_the_action_opens_the_dialog(bench, window):
    WindowDialogs(bench.desk, window)
    bench.desk.add_source()
    assert bench.dialog(AddSourceDialog, window).files.path_edit.text() == ""
    bench.settle()


# -- kinds that are no file


def kind_dialog(bench: DeskBench, window: QWidget, kind: str) -> AddSourceDialog:
    dialog = opened(bench, window)
    dialog.kinds.choose(kind)
    bench.settle()
    looked(bench, dialog)
    return dialog


def test_every_kind_that_can_be_added_is_offered_with_a_sentence(qtmodeltester):
    assert set(SENTENCES) == set(KINDS) - MADE_BY_PROGRAM
    model = KindModel()
    qtmodeltester.check(model)
    assert model.index(0, 0).data() == "File"
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())


@pytest.mark.parametrize("kind", SENTENCES)
def test_every_kind_has_its_form_and_options(bench, window, kind):
    dialog = kind_dialog(bench, window, kind)
    assert dialog.form.isVisible()
    own = dialog.form.own_options
    keys = [option.key for option in options_of(kind) if option.key not in own]
    assert dialog._more is not None
    assert list(dialog._more.rows) == keys
    dialog.reject()


def test_a_free_port_is_suggested_and_the_listener_stored(bench, window, qtbot):
    dialog = kind_dialog(bench, window, "syslog-udp")
    form = dialog.form
    assert isinstance(form, ListenForm)
    assert int(form.port_edit.text()) >= 5514
    assert "this machine" in form.note.text()
    qtbot.waitUntil(dialog.accept_button.isEnabled)
    port = form.port_edit.text()
    dialog.accept()
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert (source.kind, source.path) == ("syslog-udp", f"127.0.0.1:{port}")


def test_a_taken_port_is_said_at_once_and_cannot_be_added(bench, window):
    dialog = kind_dialog(bench, window, "syslog-tcp")
    form = dialog.form
    assert isinstance(form, ListenForm)
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        form.port_edit.setText(str(held.getsockname()[1]))
        assert not dialog.accept_button.isEnabled()
        looked(bench, dialog)
    assert "is taken" in form.problem.text()
    assert not dialog.accept_button.isEnabled()
    form.every_button.click()
    assert form.host_edit.text() == EVERY_NETWORK
    looked(bench, dialog)
    assert "unencrypted" in form.note.text()


def test_an_encrypted_listener_needs_certificate_and_key(bench, window, tmp_path):
    dialog = kind_dialog(bench, window, "syslog-tls")
    form = dialog.form
    assert isinstance(form, ListenForm)
    assert form.files is not None
    assert form.place
    assert not dialog.accept_button.isEnabled()
    form.files.rows["tls_certificate"].take("/etc/ssl/desk.pem")
    assert not dialog.accept_button.isEnabled()
    form.files.rows["tls_key"].take("/etc/ssl/desk.key")
    assert dialog.accept_button.isEnabled()
    dialog.accept()
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert source.options.text("tls_key") == "/etc/ssl/desk.key"


def test_a_folder_can_be_watched_with_options_of_its_own(bench, window, tmp_path):
    dialog = kind_dialog(bench, window, "activity")
    form = dialog.form
    assert isinstance(form, PlaceForm)
    form.path_edit.setText(str(tmp_path))
    looked(bench, dialog)
    dialog.more_button.setChecked(True)
    assert dialog.more_area.isVisible()
    assert dialog._more is not None
    dialog._more.rows["recursive"].take(True)
    dialog.accept()
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert (source.kind, source.path) == ("activity", str(tmp_path))
    assert source.options.is_on("recursive")


@pytest.mark.parametrize(("kind", "is_asked"), [("evtx", False), ("journald", True)])
def test_where_to_start_is_asked_where_there_is_a_choice(bench, window, kind, is_asked):
    form = kind_dialog(bench, window, kind).form
    assert isinstance(form, PlaceForm)
    assert form.starts.isVisible() is is_asked


def test_a_refused_option_unfolds_the_options_and_is_said_there(bench, window, log):
    dialog = opened(bench, window, str(log))
    assert dialog._more is not None
    row = dialog._more.rows["encoding"]
    row.editor.setText("klingon")
    dialog.accept()
    assert dialog.more_button.isChecked()
    assert "klingon" in row.problem.text()
    assert dialog.isVisible()


def test_a_folder_typed_under_file_becomes_a_folder(bench, window, tmp_path):
    dialog = opened(bench, window, str(tmp_path))
    assert dialog.kinds.kind == "directory"
    assert dialog._more is not None
    assert "recursive" in dialog._more.rows


def test_arrows_choose_the_kind_and_tab_goes_on_to_its_fields(bench, window, qtbot):
    dialog = opened(bench, window)
    qtbot.keyClick(dialog.kinds, Key.Key_Down)
    qtbot.keyClick(dialog.kinds, Key.Key_Down)
    assert dialog.kinds.kind == "syslog-udp"
    bench.settle()
    form = dialog.form
    assert isinstance(form, ListenForm)
    chain, widget = [], dialog.kinds.nextInFocusChain()
    while widget is not dialog.name_edit:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None:
            chain.append(widget)
        widget = widget.nextInFocusChain()
    fields = [form.host_edit, form.every_button, form.port_edit, form.free_button]
    assert chain == [*fields, form.format_combo]
    dialog.reject()
    bench.settle()


def test_a_name_typed_stays_when_the_kind_changes(bench, window, qtbot):
    dialog = opened(bench, window)
    qtbot.keyClicks(dialog.name_edit, "edge")
    dialog.kinds.choose("syslog-udp")
    bench.settle()
    assert dialog.name_edit.text() == "edge"
    dialog.reject()


def test_a_draft_says_all_that_is_stored(bench, window, log):
    dialog = opened(bench, window, str(log))
    assert isinstance(dialog.form, FileForm)
    assert dialog.form.draft() == SourceDraft("file", str(log), "web.log")
    dialog.files.path_edit.setText("")
    looked(bench, dialog)
    assert dialog.form.draft() is None
