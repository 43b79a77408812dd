"""A file or folder to read: path, format shown with its first lines, where to start."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.series_fields import SERIES, SeriesFields
from soc_copilot.ui.dialogs.source_form import PathField, SourceDraft, SourceForm
from soc_copilot.ui.models.preview import (
    PREVIEW_LINES,
    CompletionModel,
    PreviewModel,
    telling_columns,
)
from soc_copilot.ui.source_facts import size_text
from soc_copilot.ui.source_probe import Probe, probe_source
from soc_copilot.ui.theme import GRID, ROW_HEIGHT
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.tables import desk_table
from soc_copilot.ui.workers import Job

PROBE_MS = 150  # chosen: after the last key, before the disk is asked
AUTO = "auto"
DEFAULT_PATTERN = "*.log"


class FileForm(SourceForm):
    """Looks at the path in jobs; the GUI thread never waits.

    Signals:
        kind_found: "file" or "directory", as the disk says.
    """

    kind_found = Signal(str)
    own_options = frozenset({"series_time", "series_value", "series_unit", "series_stamps"})

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.kind = "file"
        self._probe = Probe(path="")
        self._is_fresh = False  # True while what was found is what is typed
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PROBE_MS)
        self._timer.timeout.connect(self.look)
        self._build_path()
        self._build_pattern()
        self._build_format()
        self.series = SeriesFields()
        self.series.changed.connect(self.changed)
        self.body.addWidget(self.series)
        self._build_start()
        self._show_probe(self._probe)

    # -- building

    def _build_path(self) -> None:
        self.path_field = PathField("/var/log/nginx/access.log", file=True, folder=True)
        self.path_edit = self.path_field.edit
        self._paths = CompletionModel(self)
        completer = QCompleter(self._paths, self)
        completer.setCompletionRole(Qt.ItemDataRole.EditRole)
        completer.setMaxVisibleItems(8)
        self.path_edit.setCompleter(completer)
        self.path_edit.textChanged.connect(self._wait)
        self.add_titled("File or folder", self.path_field)
        self.problem = self.add_error()
        self.setFocusProxy(self.path_edit)

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
        self.format_combo.setMinimumWidth(220)
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

    def _build_start(self) -> None:
        self.starts = StartChoice(
            "At its end: only lines written from now on",
            "From the beginning: everything it holds",
        )
        self.end_radio, self.beginning_radio = self.starts.end_radio, self.starts.beginning_radio
        self.body.addWidget(self.starts)

    # -- looking

    @property
    def probe(self) -> Probe:
        """What was last found at the path."""
        return self._probe

    @override
    def draft(self) -> SourceDraft | None:
        probe = self._probe
        if not self._is_fresh or not probe.kind or probe.problem:
            return None
        return SourceDraft(
            probe.kind,
            probe.path,
            render_safe(Path(probe.path).name),
            pattern=self.pattern_edit.text().strip() if probe.kind == "directory" else "",
            format=str(self.format_combo.currentData()),
            from_start=self.starts.from_start,
            options=self.series.options() if self._is_series else {},
        )

    @property
    def _is_series(self) -> bool:
        return str(self.format_combo.currentData()) == SERIES

    @override
    def look(self) -> None:
        """Look at what is typed now, in a job; what an older look finds is dropped."""
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        typed, pattern = self.path_edit.text(), self.pattern_edit.text()
        chosen = str(self.format_combo.currentData())
        self._job = self._desk.jobs.submit(
            lambda _: probe_source(typed, pattern, chosen), self._show_probe, self.show_problem
        )

    @override
    def show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def _wait(self) -> None:
        self._is_fresh = False
        self.changed.emit()
        self._timer.start()

    def _show_probe(self, probe: Probe) -> None:
        self._probe, self._job, self._is_fresh = probe, None, True
        self.series.setVisible(self._is_series)
        if self._is_series:
            self.series.show_head(probe.head)
        self._paths.set_paths(probe.completions)
        if probe.kind:
            folder = Path(probe.path)
            self.path_field.start = str(folder if probe.kind == "directory" else folder.parent)
            self.kind = probe.kind
            self.kind_found.emit(probe.kind)
        self.pattern_box.setVisible(probe.kind == "directory")
        self.matches.setText(_matches_text(probe))
        self.show_problem(probe.problem)
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
        self.changed.emit()

    @override
    def set_formats(self, choices: tuple[tuple[str, str], ...]) -> None:
        for name, title in choices:
            self.format_combo.addItem(title, name)


class StartChoice(QWidget):
    """Where reading begins: at the end of what is there, or at its beginning."""

    def __init__(self, end: str, beginning: str) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        column.addWidget(PlainLabel("Start reading", "strong"))
        self.end_radio, self.beginning_radio = QRadioButton(end), QRadioButton(beginning)
        self._group = QButtonGroup(self)
        for radio in (self.end_radio, self.beginning_radio):
            self._group.addButton(radio)
            column.addWidget(radio)
        self.end_radio.setChecked(True)

    @property
    def from_start(self) -> bool:
        """True when what is there already is read too."""
        return self.beginning_radio.isChecked()


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
