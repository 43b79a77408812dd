"""The box on top of the Phishing page: paste anything, drop anything. Nothing is fetched."""

from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QPushButton, QWidget
from typing_extensions import override

from soc_copilot.detection.phishing.contents import guess_kind
from soc_copilot.domain.phishing import ContentType
from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.phishing_facts import KINDS
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel

HINT: Final = (
    "Paste a URL, an e-mail's source, a text or a screenshot here, or drop files, a mailbox or a "
    "folder anywhere on the page."
)
PROMISE: Final = "Nothing is fetched, nothing is opened, nothing is run."
TO_RECOGNISE: Final = "Recognise the kind"
HIDDEN: Final = "There are characters in it that a screen hides; the verdict shows them."
EDIT_PX: Final = 60  # chosen: three lines
GUESSED_CHARS: Final = 8_000  # chosen: of a paste, enough to see what it is
LARGE_CHARS: Final = 200_000  # chosen: a larger paste is checked at once, not shown in the box


class PasteEdit(QPlainTextEdit):
    """An editor that hands on what is no text to be edited.

    Signals:
        files_given: Paths that were pasted.
        image_given: A picture that was pasted.
        large_given: A text too large to be edited.
    """

    files_given = Signal(object)
    image_given = Signal(object)
    large_given = Signal(str)

    @override
    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasImage() or super().canInsertFromMimeData(source)

    @override
    def insertFromMimeData(self, source: QMimeData) -> None:
        if paths := local_paths(source):
            self.files_given.emit(paths)
        elif source.hasText() and len(source.text()) > LARGE_CHARS:
            self.large_given.emit(source.text())
        elif source.hasText():
            super().insertFromMimeData(source)
        elif source.hasImage():
            self.image_given.emit(QImage(source.imageData()))


class PhishingInput(Card):
    """An editor, what its text is taken for, and buttons for files.

    Signals:
        wanted: A text to check, and its kind or None.
        files_given: Paths to check.
        image_given: A screenshot to check, pasted.
    """

    wanted = Signal(str, object)
    files_given = Signal(object)
    image_given = Signal(object)

    def __init__(self, theme: Theme, actions: ActionTable) -> None:
        super().__init__(padding=12)
        self._is_asking = False
        self.edit = PasteEdit()
        self.edit.setPlaceholderText(HINT)
        self.edit.setAccessibleName("What to check for phishing")
        self.edit.setAccessibleDescription(HINT)
        self.edit.setFont(theme.mono_font())
        self.edit.setTabChangesFocus(True)
        self.edit.setFixedHeight(EDIT_PX)
        self.edit.setAcceptDrops(False)  # the page takes drops, wherever they fall
        self.body.addWidget(self.edit)
        self.body.addWidget(self._build_row(actions))
        self.message = PlainLabel("", "error", wrap=True, selectable=True)
        self.message.hide()
        self.body.addWidget(self.message)
        self.edit.textChanged.connect(self._on_changed)
        self.edit.files_given.connect(self.files_given)
        self.edit.image_given.connect(self.image_given)
        self.edit.large_given.connect(lambda text: self.wanted.emit(text, self.kind))
        self._on_changed()

    def _build_row(self, actions: ActionTable) -> QWidget:
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.kind_box = QComboBox()
        self.kind_box.setAccessibleName("What it is")
        self.kind_box.addItem(TO_RECOGNISE, None)
        for kind, words in KINDS.items():
            self.kind_box.addItem(words, kind)
        self.kind_box.setMinimumWidth(176)
        self.note = ElidedLabel(PROMISE, "muted")
        row.addWidget(self.kind_box)
        row.addWidget(self.note, 1)
        self.buttons: dict[str, QPushButton] = {}
        for name, words in (
            ("example", "Examples"), ("brands", "Brands…"), ("folder", "Folder…"),
            ("file", "Files…"),
        ):  # fmt: skip
            action = actions.action(f"phishing.{name}")
            button = self.buttons[name] = QPushButton(words)
            key = actions.shortcut_text(f"phishing.{name}")
            button.setToolTip(f"{action.text().rstrip('…')}  {key}".strip())
            button.clicked.connect(action.trigger)
            row.addWidget(button)
        self.check_button = QPushButton("Check")
        self.check_button.setProperty("kind", "primary")
        self.check_button.setToolTip(actions.shortcut_text("phishing.check"))
        self.check_button.clicked.connect(self.ask)
        row.addWidget(self.check_button)
        return whole

    @property
    def kind(self) -> ContentType | None:
        """What a person says it is; None to have it recognised."""
        found: ContentType | None = self.kind_box.currentData()
        return found

    @property
    def text(self) -> str:
        """What is in the editor."""
        # Not toPlainText: that turns no-break spaces into plain ones.
        return self.edit.document().toRawText().replace("\u2029", "\n")

    def take(self, text: str) -> None:
        """Put a text into the editor and check it."""
        self.edit.setPlainText(text)
        self.ask()

    def ask(self) -> None:
        """Check what is in the editor."""
        if not self._is_asking and self.text.strip():
            self.wanted.emit(self.text, self.kind)

    def show_asking(self, *, is_asking: bool) -> None:
        """Say that an answer is on its way, or there."""
        self._is_asking = is_asking
        self._allow()

    def show_problem(self, text: str) -> None:
        """Say why there is no verdict; "" takes it away."""
        self.message.setText(text)
        self.message.setVisible(bool(text))

    def _on_changed(self) -> None:
        start = self.edit.toPlainText()[:GUESSED_CHARS]
        kind = guess_kind(start.encode("utf-8", "replace")) if start.strip() else None
        words = f"Recognised: {KINDS[kind]}" if kind is not None else TO_RECOGNISE
        self.kind_box.setItemText(0, words)
        is_odd = has_hidden(start.replace("\n", "").replace("\t", ""))
        self.note.setText(HIDDEN if is_odd else PROMISE)
        self.show_problem("")
        self._allow()

    def _allow(self) -> None:
        self.check_button.setEnabled(bool(self.text.strip()) and not self._is_asking)
        self.check_button.setText("Checking …" if self._is_asking else "Check")


def local_paths(source: QMimeData) -> list[Path]:
    """Files and folders of a drop or a paste."""
    return [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()]
