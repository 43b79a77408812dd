"""What every form of the add-source dialog gives: a draft of a source, or what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from soc_copilot.domain.setting import Value
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """A source as a person wants it.

    Attributes:
        name: Suggested; a person may type another.
        options: Values that the form itself asks for; the rest stands under "More".
    """

    kind: str
    path: str
    name: str = ""
    pattern: str = ""
    format: str = "auto"
    from_start: bool = False
    options: Mapping[str, Value] = field(default_factory=dict)


class SourceForm(QWidget):
    """The fields of one kind of source. GUI thread only.

    Signals:
        changed: The draft may differ now.
    """

    changed = Signal()
    kind = ""
    own_options: frozenset[str] = frozenset()  # options that the form itself asks for

    def __init__(self) -> None:
        super().__init__()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(2 * GRID)

    def draft(self) -> SourceDraft | None:
        """What could be added now, None while something is missing or wrong."""
        raise NotImplementedError

    def show_problem(self, text: str) -> None:
        """Say why it cannot be added, at the field that it is about."""
        raise NotImplementedError

    def look(self) -> None:
        """Look in a job at what is typed now."""

    def set_formats(self, choices: tuple[tuple[str, str], ...]) -> None:
        """The formats to choose from, as (name, title), for a form that asks."""

    def add_titled(self, title: str, field: QWidget, hint: str = "") -> PlainLabel:
        """Put a titled field below what is there; returns the hint's label."""
        box = QVBoxLayout()
        box.setSpacing(GRID // 2)
        label, below = PlainLabel(title, "strong"), PlainLabel(hint, "small", wrap=True)
        label.setBuddy(field)
        field.setAccessibleName(title)
        box.addWidget(label)
        box.addWidget(field)
        box.addWidget(below)
        below.setVisible(bool(hint))
        self.body.addLayout(box)
        return below

    def add_error(self) -> PlainLabel:
        """A line for what is wrong with the field above, hidden until there is something."""
        label = PlainLabel("", "error", wrap=True)
        label.hide()
        self.body.addWidget(label)
        return label


class PathField(QWidget):
    """A path with buttons that look for a file or a folder.

    Args:
        placeholder: An example.
        file: Offer to choose a file.
        folder: Offer to choose a folder.
    """

    def __init__(self, placeholder: str, *, file: bool, folder: bool) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText(placeholder)
        self.edit.setAccessibleName("Path")
        row.addWidget(self.edit, 1)
        modes = QFileDialog.FileMode
        for word, mode, wanted in (
            ("File…", modes.ExistingFile, file),
            ("Folder…", modes.Directory, folder),
        ):
            if wanted:
                button = QPushButton(word)
                button.setAutoDefault(False)
                button.clicked.connect(lambda _checked=False, mode=mode: self._browse(mode))
                row.addWidget(button)
        self.setFocusProxy(self.edit)
        self.start = ""  # folder in which looking begins

    def _browse(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Choose what to read")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(mode)
        if self.start:
            dialog.setDirectory(self.start)
        dialog.fileSelected.connect(self.edit.setText)
        dialog.open()
