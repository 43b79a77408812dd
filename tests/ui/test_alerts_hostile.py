import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextDocument
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from soc_copilot.domain.findings import Component, Evidence
from soc_copilot.ui.models.alerts import Column
from tests.ui.alerts_support import NOON, bench, finding


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def was_asked(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


def test_text_from_a_log_is_shown_inert_and_visible_everywhere(
    qtbot: QtBot, tmp_path: Path, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]
    evil = f"<img src=http://127.0.0.1:{port}/x>\x1b[31m\x00\u202egnp.exe&amp;\u2028=1+1"
    long_line = evil + "A" * (8_192 - len(evil))
    line = Evidence("1-1-0", 1, 1, f"/var/log/{evil}", 0, 9, NOON, long_line, ((0, 30),), 0.9)
    made_of_it = finding(
        1,
        entity=evil,
        title=evil,
        summary=evil,
        rule=evil,
        technique="T1190",
        components=(Component(evil, evil, 0.5),),
        evidence=(line,),
        next_steps=(evil,),
        model_version=evil,
    )
    with bench(qtbot, tmp_path, [made_of_it]) as made:
        made.load()
        page = made.page
        page.table.go_to(0)
        made.settle()
        made.governance.alerts.add_note([1], evil)
        made.desk.alerts_changed.emit()
        made.settle()
        for column in Column:
            index = page.model.index(0, column)
            shown = index.data() or ""
            assert not any(ch in shown for ch in "\x1b\x00\u202e\u2028")
            tip = index.data(Qt.ItemDataRole.ToolTipRole) or ""
            assert "<img" not in tip
            document = QTextDocument()
            document.setHtml(tip)  # as a tooltip does
            if column in {Column.ENTITY, Column.WHAT}:
                assert "<img src=" in document.toPlainText()
        assert "\u241b" in page.model.index(0, Column.ENTITY).data()
        raw = page.pane.raw.toPlainText()
        assert "<img src=" in raw
        assert "\\u202e" in raw
        page.pane.ask_context()
        qtbot.waitUntil(lambda: page.context_window.shown is not None)
        page.show_history()
        page.history.search.setText("note")
        qtbot.waitUntil(lambda: page.history.model.rowCount() == 1)
        page.show_queue()
        page.pane.copy_text()
        assert "\x00" not in QGuiApplication.clipboard().text()
        for label in page.findChildren(QLabel):
            assert label.textFormat() is Qt.TextFormat.PlainText or not label.text()
            assert "\x1b" not in label.text()
        page.grab()
        QApplication.processEvents()
        page.context_window.close()
    assert not was_asked(listener)
