"""Sources that are no log file: ports that listen, folders watched, journals, Windows events."""

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QPushButton, QWidget
from typing_extensions import override

from soc_copilot.domain.addresses import LOOPBACK
from soc_copilot.domain.source_options import ALWAYS_FROM_START, KIND_TITLES, SourceOptions
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.file_form import AUTO, PROBE_MS, StartChoice
from soc_copilot.ui.dialogs.source_form import PathField, SourceDraft, SourceForm
from soc_copilot.ui.listen_probe import (
    PlaceLook,
    free_port,
    look_at_address,
    look_at_drop_folder,
    look_at_event_logs,
    look_at_folders,
    look_at_journal,
)
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.option_form import OptionForm
from soc_copilot.ui.workers import Job

EVERY_NETWORK: Final = "0.0.0.0"  # noqa: S104 - offered, never taken by itself
TLS_FILES: Final = frozenset({"tls_certificate", "tls_key"})
_START_WORDS: Final = (
    "With what comes from now on",
    "With everything that is there",
)


class _LookingForm(SourceForm):
    """A form whose place is looked at in a job a moment after the last key."""

    def __init__(self, desk: Desk, kind: str) -> None:
        super().__init__()
        self._desk, self.kind = desk, kind
        self._found = PlaceLook()
        self._is_fresh = False
        self._job: Job | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PROBE_MS)
        self._timer.timeout.connect(self.look)

    def question(self) -> Callable[[], PlaceLook]:
        """What the job asks, made from what is typed now."""
        raise NotImplementedError

    @override
    def look(self) -> None:
        self._timer.stop()
        if self._job is not None:
            self._job.cancel()
        ask = self.question()
        self._job = self._desk.jobs.submit(lambda _: ask(), self._show_look, self.show_problem)

    def wait(self) -> None:
        """What is typed changed: nothing can be added until it was looked at."""
        self._is_fresh = False
        self.changed.emit()
        self._timer.start()

    @property
    def place(self) -> str:
        """What could be added now, empty while something is missing or wrong."""
        return self._found.place if self._is_fresh and not self._found.problem else ""

    def _show_look(self, found: PlaceLook) -> None:
        self._found, self._job, self._is_fresh = found, None, True
        self.show_problem(found.problem)
        self.show_note("" if found.problem else found.note)
        self.changed.emit()

    def show_note(self, text: str) -> None:
        """Say what else is worth knowing."""
        raise NotImplementedError


class ListenForm(_LookingForm):
    """Address, port and format of a listener; certificate and key where it is encrypted."""

    def __init__(self, desk: Desk, kind: str) -> None:
        super().__init__(desk, kind)
        self._suggested = False
        self._build_address()
        self.note = PlainLabel("", "small", wrap=True)
        self.problem = self.add_error()
        self.body.addWidget(self.note)
        self.files: OptionForm | None = None
        if kind == "syslog-tls":
            self.own_options = TLS_FILES
            self.files = OptionForm(kind, SourceOptions(), keys=TLS_FILES)
            self.files.changed.connect(self.changed)
            self.body.addWidget(self.files)
        self.format_combo = QComboBox()
        self.format_combo.addItem("Detect the format", AUTO)
        self.add_titled("Format", self.format_combo)

    def _build_address(self) -> None:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.host_edit, self.port_edit = QLineEdit(LOOPBACK), QLineEdit()
        self.host_edit.setAccessibleName("Address")
        self.port_edit.setAccessibleName("Port")
        self.host_edit.setMinimumWidth(160)
        self.port_edit.setFixedWidth(80)
        self.port_edit.setMaxLength(5)
        for field in (self.host_edit, self.port_edit):
            field.textChanged.connect(self.wait)
        self.every_button = QPushButton("Every network")
        self.every_button.setToolTip("Listen on every network of this machine (0.0.0.0)")
        self.every_button.clicked.connect(lambda: self.host_edit.setText(EVERY_NETWORK))
        self.free_button = QPushButton("Free port")
        self.free_button.setToolTip("Put in a port that nobody listens on now")
        self.free_button.clicked.connect(self.suggest)
        for button in (self.every_button, self.free_button):
            button.setAutoDefault(False)
        for widget in (self.host_edit, self.every_button, PlainLabel("port", "muted")):
            row.addWidget(widget)
        row.addWidget(self.port_edit)
        row.addWidget(self.free_button)
        row.addStretch(1)
        holder.setFocusProxy(self.port_edit)
        self.add_titled("Listen on", holder)
        self.setFocusProxy(self.port_edit)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._suggested:
            self._suggested = True
            self.suggest()

    def suggest(self) -> None:
        """Put in a free port, found in a job."""
        kind, host = self.kind, self.host_edit.text().strip() or LOOPBACK

        def put(port: int) -> None:
            if port:
                self.port_edit.setText(str(port))

        self._desk.jobs.submit(lambda _: free_port(kind, host), put, self.show_problem)

    @override
    def question(self) -> Callable[[], PlaceLook]:
        kind, host, port = self.kind, self.host_edit.text(), self.port_edit.text()
        return lambda: look_at_address(kind, host, port)

    @override
    def draft(self) -> SourceDraft | None:
        values = self.files.values if self.files is not None else {}
        if not self.place or (self.files is not None and not all(values.values())):
            return None
        return SourceDraft(
            self.kind,
            self.place,
            f"{KIND_TITLES[self.kind]} {self.place}",
            format=str(self.format_combo.currentData()),
            from_start=True,
            options=values,
        )

    @override
    def show_problem(self, text: str) -> None:
        if self.files is not None and self.files.show_problem(text):
            return
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    @override
    def show_note(self, text: str) -> None:
        self.note.setText(text)

    @override
    def set_formats(self, choices: tuple[tuple[str, str], ...]) -> None:
        for name, title in choices:
            self.format_combo.addItem(title, name)


_PLACES: Final[dict[str, tuple[str, str, Callable[[str], PlaceLook], bool, bool]]] = {
    # kind: title, example, how it is looked at, offer files, offer folders
    "activity": ("Folder to watch", "/home", look_at_folders, False, True),
    "evtx": (
        "File, folder or channel",
        "C:\\Logs\\Security.evtx, or channel:Security",
        look_at_event_logs,
        True,
        True,
    ),
    "journald": (
        "Journal",
        "empty: this machine's journal; or a journal file or folder",
        look_at_journal,
        True,
        True,
    ),
    "mail": ("Folder to watch", "/srv/suspicious-mail", look_at_drop_folder, False, True),
}


class PlaceForm(_LookingForm):
    """A path, and where to start: folders watched, Windows event logs, journals."""

    def __init__(self, desk: Desk, kind: str) -> None:
        super().__init__(desk, kind)
        title, example, self._look_at, file, folder = _PLACES[kind]
        self.path_field = PathField(example, file=file, folder=folder)
        self.path_edit = self.path_field.edit
        self.path_edit.textChanged.connect(self.wait)
        self.add_titled(title, self.path_field)
        self.setFocusProxy(self.path_edit)
        self.note = PlainLabel("", "small", wrap=True)
        self.problem = self.add_error()
        self.body.addWidget(self.note)
        self.starts = StartChoice(*_START_WORDS)
        self.starts.setVisible(kind not in ALWAYS_FROM_START | {"activity"})
        self.body.addWidget(self.starts)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.wait()

    @override
    def question(self) -> Callable[[], PlaceLook]:
        look_at, typed = self._look_at, self.path_edit.text()
        return lambda: look_at(typed)

    @override
    def draft(self) -> SourceDraft | None:
        if not self.place:
            return None
        name = "" if self.kind == "evtx" else KIND_TITLES[self.kind]
        last = self.place.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
        words = name if self.place == "system" else f"{name} {last}".strip()
        return SourceDraft(self.kind, self.place, words, from_start=self.starts.from_start)

    @override
    def show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    @override
    def show_note(self, text: str) -> None:
        self.note.setText(text)
