"""Verifying a source: progress, an end to it, and a result that adds up on the screen."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.pipeline import verify
from soc_copilot.pipeline.verify import Finding, Verification
from soc_copilot.ui.dialogs.source_verify import (
    PARTS,
    VerifyDialog,
    details_of,
    verdict_of,
)
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


def dialog_for(bench: DeskBench, window: QWidget) -> VerifyDialog:
    log = bench.folder / "web.log"
    log.write_text("one\ntwo\n")
    source = bench.governance.sources.add("file", log, name="web", from_start=True)
    dialog = VerifyDialog(bench.desk, window, source)
    dialog.open()
    return dialog


def test_it_starts_with_enter_and_says_what_it_found(bench, window, qtbot):
    dialog = dialog_for(bench, window)
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog.found is not None)
    assert dialog.found is not None
    assert dialog.verdict.text() == verdict_of(dialog.found)[1]
    assert dialog.accept_button.text() == "Verify again"
    dialog.reject()


def test_what_is_wrong_is_said_with_its_place(bench, window, qtbot, monkeypatch):
    found = Verification(n_lines=10, n_same=7, n_missing=2, n_doubled=1)
    found.examples = [Finding("missing", 1, 2_048)]
    monkeypatch.setattr(verify, "verify_source", lambda *_args, **_more: found)
    dialog = dialog_for(bench, window)
    dialog.accept()
    qtbot.waitUntil(dialog.details.isVisible)
    assert dialog.verdict.text() == "Not every line stands exactly once."
    assert dialog.details.toPlainText() == "missing: generation 1, byte 2,048"
    dialog.copy_text()
    assert "2 are missing" in QGuiApplication.clipboard().text()
    dialog.reject()


def test_progress_is_shown_and_a_running_comparison_can_be_ended(bench, window, qtbot, monkeypatch):
    ended, go = threading.Event(), threading.Event()

    def slow(*_args, progress, **_more):
        try:
            while True:
                progress(3_000_000_000, 6_000_000_000)  # beyond 32 bits
                go.wait(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(verify, "verify_source", slow)
    dialog = dialog_for(bench, window)
    dialog.accept()
    qtbot.waitUntil(lambda: dialog.bar.value() == 500)
    assert dialog.state.text().startswith("3.0 GB of 6.0 GB compared")
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)  # once to end it
    assert dialog.isVisible()
    assert dialog.state.text() == "The comparison was cancelled."
    assert ended.wait(60)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)  # and once to leave
    assert not dialog.isVisible()


def test_a_refusal_is_said(bench, window, qtbot):
    dialog = dialog_for(bench, window)
    bench.governance.sources.add("journald", "", name="journal")
    dialog._source = bench.governance.sources.list()[-1]
    dialog.accept()
    qtbot.waitUntil(dialog.verdict.isVisible)
    assert "cannot be compared" in dialog.verdict.text()
    dialog.reject()


@pytest.mark.parametrize(
    ("found", "role"),
    [
        (Verification(), "muted"),
        (Verification(n_lines=2, n_same=2), "ok"),
        (Verification(n_lines=2, n_same=1, n_removed=1), "ok"),
        (Verification(n_lines=2, n_removed=2), "medium"),
        (Verification(unreadable=["a.log is gone."]), "medium"),
        (Verification(n_unexpected=1, unreadable=["a.log is gone."]), "critical"),
        (Verification(n_lines=2, n_same=2, unreadable=["a.gz is gone."]), "medium"),
        (Verification(n_lines=2, n_same=1, n_missing=1), "critical"),
    ],
)
def test_the_verdict_follows_the_counts(found, role):
    assert verdict_of(found)[0] == role


def test_every_count_of_the_result_has_its_line():
    names = {name for name in Verification.__dataclass_fields__ if name.startswith("n_")}
    assert {part[0] for part in PARTS} == names
    assert details_of(Verification(unreadable=["a.gz is gone."])) == ["a.gz is gone."]
