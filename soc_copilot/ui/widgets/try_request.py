"""The box that scores a pasted request: raw HTTP or a curl command. Nothing is sent anywhere."""

from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.web_trial import Tried
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.request_view import RequestView, chain_of_trial
from soc_copilot.ui.widgets.web_parts import spaced

EXAMPLE: Final = (
    "GET /item.php?id=1%2527%2520UNION%2520SELECT%2520login%252Cpassword%2520FROM%2520users--"
    " HTTP/1.1\nHost: shop.example\nUser-Agent: Mozilla/5.0\n\n"
)
BESIDE_FROM_PX: Final = 720  # chosen: wide enough for the verdict beside the request
LOADING: Final = "The model is loaded the first time, which may take a few seconds."
HINT: Final = "Paste a raw HTTP request, a curl command or a URL. It is scored here, never sent."


class TryRequest(Card):
    """An editor above, the verdict below.

    Signals:
        wanted: The text to score.
    """

    wanted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__("Try a request")
        self.setMinimumWidth(300)
        self._is_asking = False
        self.edit = QPlainTextEdit()
        self.edit.setPlaceholderText(HINT)
        self.edit.setAccessibleName("Request to score")
        self.edit.setAccessibleDescription(HINT)
        self.edit.setFont(theme.mono_font())
        self.edit.setTabChangesFocus(True)
        self.edit.setMinimumHeight(56)
        self.edit.textChanged.connect(self._on_changed)
        self.score_button = QPushButton("Score")
        self.score_button.setProperty("kind", "primary")
        self.score_button.setToolTip("Ctrl+Return")
        self.score_button.clicked.connect(self.ask)
        self.example_button = link_button("Example")
        self.example_button.clicked.connect(lambda: self.take(EXAMPLE))
        self.header.addWidget(self.example_button)
        self.header.addWidget(self.score_button)
        self._halves = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._halves.setSpacing(GRID)
        self._halves.addWidget(self.edit, 2)
        self._halves.addWidget(self._build_result(theme), 3)
        self.body.addLayout(self._halves, 1)
        self.body.addWidget(self.hidden_note)
        self.body.addWidget(self.message)
        self._on_changed()

    def _build_result(self, theme: Theme) -> QWidget:
        self.result = QWidget()
        column = QVBoxLayout(self.result)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        line = QHBoxLayout()
        line.setSpacing(GRID)
        self.number = PlainLabel("", "number")
        self.word = PlainLabel("")
        self.facts = ElidedLabel("", "small")
        for label in (self.number, self.word):
            line.addWidget(label, 0, Qt.AlignmentFlag.AlignBottom)
        line.addWidget(self.facts, 1, Qt.AlignmentFlag.AlignBottom)
        self.view = RequestView(theme, "The tried request and its decoding")
        column.addLayout(line)
        column.addWidget(self.view, 1)
        self.message = PlainLabel("", "error", wrap=True)
        self.message.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.hidden_note = PlainLabel(
            "There are characters in it that a screen hides; the verdict shows them.", "small",
            wrap=True,
        )  # fmt: skip
        self.hidden_note.hide()
        self.message.hide()
        self.result.hide()
        return self.result

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        way = QBoxLayout.Direction
        is_wide = self.width() >= BESIDE_FROM_PX
        self._halves.setDirection(way.LeftToRight if is_wide else way.TopToBottom)

    # -- asking

    def take(self, text: str) -> None:
        """Put a text into the editor and score it."""
        self.edit.setPlainText(text)
        self.ask()

    def ask(self) -> None:
        """Score what is in the editor."""
        self._allow(is_asking=True)
        if self.result.isHidden():
            self._say(LOADING, "muted")
        # Not toPlainText: that turns no-break spaces into plain ones.
        self.wanted.emit(self.edit.document().toRawText().replace("\u2029", "\n"))

    def _on_changed(self) -> None:
        text = self.edit.toPlainText()
        lines = text.replace("\n", "").replace("\t", "")
        self.hidden_note.setVisible(has_hidden(lines))
        self._allow(is_asking=self._is_asking)

    # -- answering

    def show_tried(self, tried: Tried) -> None:
        """Show a verdict."""
        self._end()
        verdict = tried.verdict
        self.number.setText(f"{verdict.score:.3f}")
        self.word.setText(tried.title if verdict.is_threat else "No threat")
        self.word.set_kind("high" if verdict.is_threat else "ok")
        ids = " · ".join(one for one in (verdict.technique, verdict.capec) if one)
        limit = f"threat from {tried.threshold:.3f} on ({spaced(tried.budget)})"
        self.facts.setText(f"{ids} · {limit}" if ids else limit)
        self.view.show_chain(chain_of_trial(tried))
        self.message.hide()
        self.result.show()

    def show_problem(self, text: str) -> None:
        """Say why there is no verdict."""
        self._end()
        self._say(text, "error")
        self.result.hide()

    def _say(self, text: str, kind: str) -> None:
        self.message.setText(text)
        self.message.set_kind(kind)
        self.message.show()

    def _end(self) -> None:
        self._allow(is_asking=False)

    def _allow(self, *, is_asking: bool) -> None:
        self._is_asking = is_asking
        has_text = not self.edit.document().isEmpty()
        self.score_button.setEnabled(has_text and not is_asking)
        self.score_button.setText("Scoring …" if is_asking else "Score")
