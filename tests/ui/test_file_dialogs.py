"""The system's file dialogs: what they offer, and what they hand on."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.ui.dialogs.files import EXPORT_KINDS, Mode, ask_export, ask_paths


def test_an_export_proposes_a_table_and_follows_the_kind(qtbot: QtBot, tmp_path: Path) -> None:
    parent, chosen = QWidget(), list[Path]()
    qtbot.addWidget(parent)
    ask_export(parent, "Export", "alerts", chosen.append)
    dialog = parent.findChild(QFileDialog)
    assert (dialog.defaultSuffix(), tuple(dialog.nameFilters())) == ("csv", EXPORT_KINDS)
    dialog.filterSelected.emit(EXPORT_KINDS[1])
    assert dialog.defaultSuffix() == "jsonl"
    dialog.fileSelected.emit(str(tmp_path / "a.jsonl"))
    assert chosen == [tmp_path / "a.jsonl"]
    dialog.reject()


def test_several_files_are_handed_on_together(qtbot: QtBot, tmp_path: Path) -> None:
    parent, chosen = QWidget(), list[list[Path]]()
    qtbot.addWidget(parent)
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    ask_paths(parent, "Add", chosen.append, mode=Mode.ExistingFiles, kinds=["Pictures (*.png)"])
    dialog = parent.findChild(QFileDialog)
    assert dialog.fileMode() == Mode.ExistingFiles
    assert list(dialog.nameFilters()) == ["Pictures (*.png)"]
    dialog.filesSelected.emit([str(path) for path in paths])
    assert chosen == [paths]
    dialog.reject()
