"""Watch a folder: which one, what that means, and how it is undone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QWidget
from shiboken6 import isValid
from typing_extensions import override

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.setting import Value
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.domain.text import render_safe
from soc_copilot.ui import exercise
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.dialogs.source_form import PathField
from soc_copilot.ui.host_rows import WATCHED
from soc_copilot.ui.listen_probe import PlaceLook, look_at_folders
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.workers import Job

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

PROBE_MS: Final = 250  # chosen: a pause in typing
BATCH_S: Final = 1.0  # chosen: files are lost fast; a score comes a second after the change
TEXT: Final = (
    "What happens to files in it and below is scored as it happens: created, changed, renamed, "
    "deleted. Files are only read, a sample of each, to see whether their content turned "
    "unreadable; nothing is changed. “Stop watching the folder” on this page undoes it."
)
DEMONSTRATION: Final = (
    "No folder at hand? A demonstration folder holds a few sample files of our own, in the "
    "system's temporary folder. The exercise on this page encrypts copies of them, so that you "
    "see what an attack looks like."
)


def watch_folder(governance: "Governance", place: str) -> SourceRow:
    """Read file activity of a folder from now on; for a job.

    Raises:
        SourceError: It cannot be watched.
    """
    wanted: dict[str, Value] = {"recursive": True, "batch_interval_s": BATCH_S}
    found = governance.sources.find(place, kind=WATCHED)
    if found is not None:
        options = SourceOptions.checked(WATCHED, {**found.options.changed, **wanted})
        governance.sources.set_options(found.id, options)
        governance.sources.set_enabled(found.id, enabled=True)
        return governance.sources.get(found.id)
    last = Path(place.split(os.pathsep)[0]).name or place
    if last.startswith(exercise.PREFIX):
        last = "demonstration folder"
    options = SourceOptions.checked(WATCHED, wanted)
    return governance.sources.add(WATCHED, place, name=f"Watched: {last}", options=options)


class WatchFolderDialog(DeskDialog):
    """Asks for a folder; accepting adds the source and starts ingestion when that is stopped."""

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        super().__init__(parent, "Watch a folder", TEXT, "Watch this folder", width=560)
        self._desk = desk
        self._found = PlaceLook()
        self._job: Job | None = None
        self.field = PathField(str(Path.home() / "Documents"), file=False, folder=True)
        self.path_edit = self.field.edit
        self.add_field("Folder", self.field)
        self.note = PlainLabel("", "small", wrap=True)
        self.problem = PlainLabel("", "error", wrap=True)
        self.problem.hide()
        self.body.addWidget(self.problem)
        self.body.addWidget(self.note)
        self._add_demonstration()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PROBE_MS)
        self._timer.timeout.connect(self.look)
        self.path_edit.textChanged.connect(self._on_typed)
        self.accept_button.setEnabled(False)
        self.path_edit.setFocus()

    def _add_demonstration(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        row.addWidget(PlainLabel(DEMONSTRATION, "muted", wrap=True), 1)
        self.make_button = QPushButton("Make a demonstration folder")
        self.make_button.setAutoDefault(False)
        self.make_button.clicked.connect(self.make_demonstration)
        row.addWidget(self.make_button)
        self.body.addLayout(row)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._show_note()

    def _on_typed(self) -> None:
        self._found = PlaceLook()
        self.accept_button.setEnabled(False)
        self._timer.start()

    def look(self) -> None:
        """See in a job whether what is typed can be watched."""
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        typed = self.path_edit.text()
        self._job = self._desk.jobs.submit(
            lambda _: look_at_folders(typed), self._show_look, self.show_problem
        )

    def _show_look(self, found: PlaceLook) -> None:
        if not isValid(self):
            return
        self._found, self._job = found, None
        self.show_problem(found.problem)
        self.accept_button.setEnabled(bool(found.place) and not found.problem)

    def show_problem(self, text: str) -> None:
        """Say why the folder cannot be watched."""
        if isValid(self):
            self.problem.setText(text)
            self.problem.setVisible(bool(text))

    def _show_note(self) -> None:
        words = "Ingestion starts, if it is not running." if self._is_stopped else ""
        self.note.setText(words)
        self.note.setVisible(bool(words))

    @property
    def _is_stopped(self) -> bool:
        return self._desk.ingestion in {"stopped", "stopping"}

    def make_demonstration(self) -> None:
        """Make a folder with sample files in a job and fill it in."""
        self.make_button.setEnabled(False)

        def made(folder: Path) -> None:
            self.make_button.setEnabled(True)
            self.path_edit.setText(str(folder))
            self.look()
            self.accept_button.setFocus()

        def failed(text: str) -> None:
            self.make_button.setEnabled(True)
            self.show_problem(text)

        self._desk.jobs.submit(lambda _: _make_demonstration(), made, failed)

    @override
    def accept(self) -> None:
        """Add the source in a job; the dialog closes once that worked."""
        place = self._found.place
        if not place or not self.accept_button.isEnabled():
            return
        self.accept_button.setEnabled(False)
        desk = self._desk
        dialog = self  # not `self`: `stored` is called even when the dialog is gone by now

        def stored(source: SourceRow) -> None:
            desk.sources_changed.emit()
            if desk.ingestion == "stopped":
                desk.start_ingestion()
            desk.message.emit("ok", f"{render_safe(source.name, 120)}, from now on.", "")
            desk.open_page("host", source_id=source.id)
            if isValid(dialog):
                dialog.done(QDialog.DialogCode.Accepted)

        desk.jobs.submit(lambda governance: watch_folder(governance, place), stored, self._refused)

    def _refused(self, text: str) -> None:
        self.show_problem(text)
        self.accept_button.setEnabled(True)


def _make_demonstration() -> Path:
    try:
        return exercise.make_folder()
    except OSError as error:
        raise SourceError(
            f"Cannot make a demonstration folder: {error.strerror or error}. Choose a folder."
        ) from error
