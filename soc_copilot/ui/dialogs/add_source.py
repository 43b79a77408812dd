"""Add a log source: path, format shown with its first lines, where to start, name."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractListModel,
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
)
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QCompleter,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid
from typing_extensions import override

from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.source_facts import size_text
from soc_copilot.ui.source_probe import Probe, format_choices, probe_source
from soc_copilot.ui.theme import GRID, ROW_HEIGHT
from soc_copilot.ui.widgets.labels import PlainLabel, safe_tip
from soc_copilot.ui.widgets.tables import desk_table
from soc_copilot.ui.workers import Job

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

PROBE_MS = 150  # chosen: after the last key, before the disk is asked
PREVIEW_LINES = 3
CELL_CHARS = 300  # chosen: of a previewed value
AUTO = "auto"
# Columns of the preview in the order that tells most, with the words for a screen.
PREVIEW_TITLES = {
    "@timestamp": "Time (UTC)",
    "host.name": "Host",
    "process.name": "Process",
    "source.ip": "From",
    "user.name": "User",
    "http.request.method": "Method",
    "url.original": "URL",
    "http.response.status_code": "Status",
    "event.action": "Action",
    "event.outcome": "Outcome",
    "log.level": "Level",
    "message": "Message",
}
MAX_COLUMNS = 7  # chosen: what fits beside each other
DEFAULT_PATTERN = "*.log"


class CompletionModel(QAbstractListModel):
    """Paths that what was typed may become; shown safely, inserted as they are."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._paths: tuple[str, ...] = ()

    def set_paths(self, paths: tuple[str, ...]) -> None:
        """Replace all of them."""
        if paths != self._paths:
            self.beginResetModel()
            self._paths = paths
            self.endResetModel()

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._paths)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        path = self._paths[index.row()]
        if role == Role.EditRole:
            return path
        return render_safe(path) if role == Role.DisplayRole else None


class PreviewModel(QAbstractTableModel):
    """The first lines of a source, taken apart: one row a line, one column a field."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._columns: tuple[str, ...] = ()
        self._rows: tuple[dict[str, str], ...] = ()

    def show_lines(self, columns: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
        """Replace everything."""
        self.beginResetModel()
        self._columns, self._rows = tuple(columns), tuple(rows[:PREVIEW_LINES])
        self.endResetModel()

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._columns)

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        inside = 0 <= section < len(self._columns)
        if inside and orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            name = self._columns[section]
            return PREVIEW_TITLES.get(name, render_safe(name, 40))
        return None

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        value = self._rows[index.row()].get(self._columns[index.column()], "")
        if role == Role.DisplayRole:
            return render_safe(value, CELL_CHARS)
        return safe_tip(value) if role == Role.ToolTipRole else None


class AddSourceDialog(DeskDialog):
    """Adds a file or folder. Looks at it and stores it in jobs; the GUI thread never waits.

    Args:
        desk: The desk.
        parent: The window.
        path: Filled in, for a file that was dropped.
    """

    def __init__(self, desk: Desk, parent: QWidget | None, path: str = "") -> None:
        super().__init__(
            parent,
            "Add a log source",
            "A file, or a folder whose matching files are all read. It is only ever read, and "
            "followed while it grows.",
            "Add source",
            width=760,
        )
        self._desk = desk
        self._probe = Probe(path="")
        self._job: Job | None = None
        self._named = False  # True once a person typed a name of their own
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PROBE_MS)
        self._timer.timeout.connect(self.look)
        self._build_path()
        self._build_pattern()
        self._build_format()
        self._build_start()
        self._show_probe(self._probe)
        self.path_edit.setText(path)
        self.path_edit.setFocus()

    # -- building

    def _build_path(self) -> None:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.path_edit = QLineEdit()
        self.path_edit.setPlaceholderText("/var/log/nginx/access.log")
        self.path_edit.setAccessibleName("Path")
        self._paths = CompletionModel(self)
        completer = QCompleter(self._paths, self)
        completer.setCompletionRole(Role.EditRole)
        completer.setMaxVisibleItems(8)
        self.path_edit.setCompleter(completer)
        self.path_edit.textChanged.connect(self._wait)
        self.file_button = QPushButton("File…")
        self.folder_button = QPushButton("Folder…")
        for button, slot in (
            (self.file_button, self._browse_file),
            (self.folder_button, self._browse_folder),
        ):
            button.setAutoDefault(False)
            button.clicked.connect(slot)
        row.addWidget(self.path_edit, 1)
        row.addWidget(self.file_button)
        row.addWidget(self.folder_button)
        holder.setFocusProxy(self.path_edit)
        self.add_field("File or folder", holder)
        self.problem = PlainLabel("", "error", wrap=True)
        self.problem.hide()
        self.body.addWidget(self.problem)

    def _build_pattern(self) -> None:
        self.pattern_box = QWidget()
        row = QHBoxLayout(self.pattern_box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.pattern_edit = QLineEdit(DEFAULT_PATTERN)
        self.pattern_edit.setAccessibleName("Pattern of file names")
        self.pattern_edit.setFixedWidth(160)
        self.pattern_edit.textChanged.connect(self._wait)
        self.matches = PlainLabel("", "muted")
        row.addWidget(PlainLabel("Files named", "muted"))
        row.addWidget(self.pattern_edit)
        row.addWidget(self.matches, 1)
        self.body.addWidget(self.pattern_box)

    def _build_format(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(GRID)
        self.format_combo = QComboBox()
        self.format_combo.setAccessibleName("Format")
        self.format_combo.setMinimumWidth(240)
        self.format_combo.addItem("Detect the format", AUTO)
        self.format_combo.currentIndexChanged.connect(self._wait)
        self.verdict = PlainLabel("", "muted", wrap=True)
        label = PlainLabel("Format", "strong")
        label.setBuddy(self.format_combo)
        head.addWidget(self.format_combo)
        head.addWidget(self.verdict, 1)
        self.preview = PreviewModel(self)
        self.preview_table = desk_table(self.preview, "First lines", {})
        self.preview_table.setFixedHeight((PREVIEW_LINES + 1) * ROW_HEIGHT + 2 * GRID)
        self.preview_table.horizontalHeader().setStretchLastSection(True)
        box = QVBoxLayout()
        box.setSpacing(GRID // 2)
        box.addWidget(label)
        box.addLayout(head)
        box.addSpacing(GRID // 2)
        box.addWidget(self.preview_table)
        self.body.addLayout(box)
        self._desk.jobs.submit(lambda _: format_choices(), self._take_formats)

    def _build_start(self) -> None:
        columns = QHBoxLayout()
        columns.setSpacing(3 * GRID)
        start, name = QVBoxLayout(), QVBoxLayout()
        start.setSpacing(GRID // 2)
        name.setSpacing(GRID // 2)
        self.end_radio = QRadioButton("At its end: only lines written from now on")
        self.beginning_radio = QRadioButton("From the beginning: everything it holds")
        self.end_radio.setChecked(True)
        self._starts = QButtonGroup(self)
        start.addWidget(PlainLabel("Start reading", "strong"))
        for radio in (self.end_radio, self.beginning_radio):
            self._starts.addButton(radio)
            start.addWidget(radio)
        start.addStretch(1)
        self.name_edit = QLineEdit()
        self.name_edit.setAccessibleName("Name")
        self.name_edit.setMaxLength(120)
        self.name_edit.textEdited.connect(self._on_named)
        label = PlainLabel("Name", "strong")
        label.setBuddy(self.name_edit)
        name.addWidget(label)
        name.addWidget(self.name_edit)
        name.addStretch(1)
        columns.addLayout(start, 3)
        columns.addLayout(name, 2)
        self.body.addLayout(columns)

    # -- looking

    @property
    def probe(self) -> Probe:
        """What was last found at the path."""
        return self._probe

    def look(self) -> None:
        """Look at what is typed now, in a job; what an older look finds is dropped."""
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        typed, pattern = self.path_edit.text(), self.pattern_edit.text()
        chosen = str(self.format_combo.currentData())
        self._job = self._desk.jobs.submit(
            lambda _: probe_source(typed, pattern, chosen), self._show_probe, self._show_problem
        )

    def _wait(self) -> None:
        self.accept_button.setEnabled(False)
        self._timer.start()

    def _show_probe(self, probe: Probe) -> None:
        self._probe, self._job = probe, None
        self._paths.set_paths(probe.completions)
        self.pattern_box.setVisible(probe.kind == "directory")
        self.matches.setText(_matches_text(probe))
        self._show_problem(probe.problem)
        found = probe.preview
        self.verdict.setText(_verdict(probe))
        if found is None:
            self.preview.show_lines((), ())
        else:
            self.preview.show_lines(telling_columns(found.columns), found.rows)
            self.preview_table.resizeColumnsToContents()
            for column in range(self.preview.columnCount()):
                width = min(self.preview_table.columnWidth(column) + 2 * GRID, 240)
                self.preview_table.setColumnWidth(column, width)
        self.preview_table.setEnabled(found is not None)
        if not self._named:
            self.name_edit.setText(render_safe(Path(probe.path).name) if probe.kind else "")
        self.accept_button.setEnabled(bool(probe.kind) and not probe.problem)

    def _show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def _take_formats(self, choices: tuple[tuple[str, str], ...]) -> None:
        for name, title in choices:
            self.format_combo.addItem(title, name)

    # -- choosing

    def _on_named(self, text: str) -> None:
        self._named = bool(text.strip())

    def _browse_file(self) -> None:
        self._browse(QFileDialog.FileMode.ExistingFile)

    def _browse_folder(self) -> None:
        self._browse(QFileDialog.FileMode.Directory)

    def _browse(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Choose what to read")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        if self._probe.kind:
            folder = Path(self._probe.path)
            dialog.setDirectory(str(folder if self._probe.kind == "directory" else folder.parent))
        dialog.fileSelected.connect(self.path_edit.setText)
        dialog.open()

    @override
    def accept(self) -> None:
        """Store the source in a job; the dialog closes once that worked."""
        if not self.accept_button.isEnabled():
            return
        self.accept_button.setEnabled(False)
        probe, name = self._probe, self.name_edit.text().strip()
        chosen, from_start = str(self.format_combo.currentData()), self.beginning_radio.isChecked()
        pattern = self.pattern_edit.text().strip() if probe.kind == "directory" else ""

        def store(governance: "Governance") -> SourceRow:
            return governance.sources.add(
                probe.kind,
                probe.path,
                name=name,
                pattern=pattern,
                format=chosen,
                from_start=from_start,
            )

        desk = self._desk

        def stored(source: SourceRow) -> None:  # said even when the dialog is gone by now
            desk.sources_changed.emit()
            desk.message.emit("ok", f'Added the log source "{render_safe(source.name)}".', "")
            if isValid(self):
                self.done(QDialog.DialogCode.Accepted)

        desk.jobs.submit(store, stored, self._on_refused)

    def _on_refused(self, text: str) -> None:
        self._show_problem(text)
        self.accept_button.setEnabled(True)


def telling_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns worth showing: known ones first, in their order, then others."""
    known = [name for name in PREVIEW_TITLES if name in columns]
    others = [name for name in columns if name not in PREVIEW_TITLES]
    if "url.original" in columns:  # its parts would only repeat it
        others = [name for name in others if not name.startswith("url.")]
    return tuple((known + others)[:MAX_COLUMNS])


def _matches_text(probe: Probe) -> str:
    if probe.kind != "directory":
        return ""
    files = "1 file matches" if probe.n_files == 1 else f"{probe.n_files:,} files match"
    more = " of those looked at" if probe.more_files else ""
    return f"{files}{more}, {size_text(probe.size_bytes)}"


def _verdict(probe: Probe) -> str:
    if probe.preview is None:
        return probe.note
    found = probe.preview
    fits = f"{found.share:.0%} of the first lines fit"
    where = f" ({render_safe(Path(probe.sample).name)})" if probe.kind == "directory" else ""
    return f"{found.title}: {fits}{where}. {probe.note}".rstrip()
