"""The system's file dialogs, as every page opens them: not modal, gone once they are closed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

EXPORT_KINDS: Final = ("CSV table (*.csv)", "JSON lines (*.jsonl)")

Mode = QFileDialog.FileMode


def ask_export(parent: QWidget, title: str, name: str, chosen: Callable[[Path], None]) -> None:
    """Ask where a table is to be written: CSV or JSON lines.

    Args:
        parent: Whose dialog it is.
        title: Of the dialog.
        name: Proposed, without its ending.
        chosen: Called with the file.
    """
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters(EXPORT_KINDS)
    dialog.setDefaultSuffix("csv")
    dialog.selectFile(name)
    dialog.filterSelected.connect(
        lambda kind: dialog.setDefaultSuffix("jsonl" if "jsonl" in kind else "csv")
    )
    dialog.fileSelected.connect(lambda path: chosen(Path(path)))
    _open(dialog)


def ask_paths(
    parent: QWidget,
    title: str,
    chosen: Callable[[list[Path]], object],
    *,
    mode: Mode,
    kinds: Sequence[str] = (),
) -> None:
    """Ask for something to read.

    Args:
        parent: Whose dialog it is.
        title: Of the dialog.
        chosen: Called with what was chosen.
        mode: One file, several, or a folder.
        kinds: Name filters; none shows all.
    """
    dialog = QFileDialog(parent, title)
    dialog.setFileMode(mode)
    if kinds:
        dialog.setNameFilters(kinds)
    dialog.filesSelected.connect(lambda paths: chosen([Path(path) for path in paths]))
    _open(dialog)


def _open(dialog: QFileDialog) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
