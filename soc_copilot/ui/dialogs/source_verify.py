"""Read a source again and show that each of its lines stands exactly once in the archive."""

import time
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QPlainTextEdit, QProgressBar, QPushButton, QWidget
from typing_extensions import override

from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.source_facts import size_text
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.workers import Job, JobControl

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance
    from soc_copilot.pipeline.verify import Verification

STEPS: Final = 1_000  # of the bar: Qt's own range is 32 bits, files are larger
# What adds up to the lines read again: attribute, sign, words, colour role once it is not 0.
PARTS: Final = (
    ("n_lines", "", "lines read again", "text"),
    ("n_same", "=", "stand exactly once, unchanged", "ok"),
    ("n_refused", "+", "were refused, as the ledger says", "medium"),
    ("n_lost", "+", "were declared lost", "medium"),
    ("n_removed", "+", "were removed by retention, or read while the archive was off", "muted"),
    ("n_missing", "+", "are missing", "critical"),
    ("n_doubled", "+", "stand more than once", "critical"),
    ("n_differing", "+", "stand there changed", "critical"),
    ("n_unexpected", "", "events are stored of which the file has no line", "critical"),
)


class VerifyDialog(DeskDialog):
    """Compares in a long job that can be ended; the result stays until it is closed."""

    def __init__(self, desk: Desk, parent: QWidget | None, source: SourceRow) -> None:
        super().__init__(
            parent,
            f"Verify “{render_safe(source.name, 48)}”",
            "Its files are read again from their beginning, and each line is looked for in the "
            "archive. Nothing is changed.",
            "Start",
            width=600,
        )
        self._desk, self._source = desk, source
        self._job: Job | None = None
        self._began_s = 0.0
        self._result: Verification | None = None
        self.verdict = PlainLabel("", "title", wrap=True)
        self.bar = QProgressBar()
        self.bar.setRange(0, STEPS)
        self.bar.setTextVisible(False)
        self.state = PlainLabel("", "muted", wrap=True)
        self.counts = QWidget()
        self._grid = QGridLayout(self.counts)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(GRID)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(2, 1)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setTabChangesFocus(True)
        self.details.setAccessibleName("What is wrong, and where")
        self.details.setMaximumHeight(120)
        for widget in (self.verdict, self.bar, self.state, self.counts, self.details):
            self.body.addWidget(widget)
        self.copy_button = QPushButton("Copy")
        self.copy_button.setAutoDefault(False)
        self.copy_button.clicked.connect(self.copy_text)
        self.footer.insertWidget(0, self.copy_button)
        self._show_idle()

    @property
    def found(self) -> "Verification | None":
        """What was found, None before."""
        return self._result

    @override
    def accept(self) -> None:
        """Start, or start again; Enter never closes a result that nobody read."""
        if self._job is not None:
            return
        source_id = self._source.id

        def run(governance: "Governance", control: JobControl) -> "Verification":
            from soc_copilot.pipeline.verify import verify_source  # late: it imports Polars

            return verify_source(governance, source_id, progress=control.report)

        self._began_s = time.monotonic()
        self._show_idle()
        self.bar.show()
        self.accept_button.setEnabled(False)
        self.cancel_button.setText("Cancel")
        self.state.setText("Looking at its files …")
        self._job = self._desk.jobs.submit_long(run, self._take, self._fail, self._show_progress)

    @override
    def reject(self) -> None:
        """End the comparison; with none running, close."""
        if self._job is None:
            super().reject()
            return
        self._stop()
        self._show_idle()
        self.state.setText("The comparison was cancelled.")

    @override
    def done(self, code: int) -> None:
        self._stop()
        super().done(code)

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self.accept_button.setEnabled(True)
        self.cancel_button.setText("Close")

    def _show_idle(self) -> None:
        for widget in (self.verdict, self.bar, self.counts, self.details, self.copy_button):
            widget.hide()
        self.state.setText("")

    def _show_progress(self, done: int, total: int) -> None:
        share = min(done / total, 1.0) if total else 0.0
        self.bar.setValue(round(share * STEPS))
        spent = time.monotonic() - self._began_s
        rate = done / spent if spent > 0 else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate and total > done else ""
        self.state.setText(
            f"{size_text(done)} of {size_text(total)} compared, {size_text(round(rate))}/s{left}"
        )

    def _fail(self, text: str) -> None:
        self._stop()
        self._show_idle()
        self.verdict.set_kind("error")
        self.verdict.setText(text)
        self.verdict.show()

    def _take(self, found: "Verification") -> None:
        self._stop()
        self._result = found
        self.bar.hide()
        kind, text = verdict_of(found)
        self.verdict.set_kind("title")
        self.verdict.setStyleSheet(f"color: {self._desk.theme.hex(kind)};")
        self.verdict.setText(text)
        waiting = found.bytes_not_stored
        self.state.setText(
            f"{size_text(waiting)} after the stored positions are not stored yet."
            if waiting
            else ""
        )
        self._fill_counts(found)
        lines = details_of(found)
        self.details.setPlainText("\n".join(render_safe(line) for line in lines))
        self.details.setVisible(bool(lines))
        for widget in (self.verdict, self.counts, self.copy_button):
            widget.show()
        self.state.setVisible(bool(self.state.text()))
        self.accept_button.setText("Verify again")
        self.adjustSize()

    def _fill_counts(self, found: "Verification") -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        shown = [part for part in PARTS if getattr(found, part[0]) or part[0] in _ALWAYS]
        for row, (name, sign, words, role) in enumerate(shown):
            number = getattr(found, name)
            count = PlainLabel(f"{number:,}", "strong")
            count.setAlignment(Qt.AlignmentFlag.AlignRight)
            if number and role not in {"text", "muted"}:
                count.setStyleSheet(f"color: {self._desk.theme.hex(role)};")
            self._grid.addWidget(PlainLabel(sign, "muted"), row, 0)
            self._grid.addWidget(count, row, 1)
            self._grid.addWidget(PlainLabel(words, "muted"), row, 2)

    def copy_text(self) -> None:
        """Put the result on the clipboard as plain, safe text."""
        found = self._result
        if found is not None:
            lines = [f"{self._source.name} ({self._source.path})", verdict_of(found)[1]]
            lines += [f"{getattr(found, name):,} {words}" for name, _, words, _ in PARTS]
            lines += details_of(found)
            QGuiApplication.clipboard().setText("\n".join(map(render_safe, lines)))


_ALWAYS: Final = frozenset({"n_lines", "n_same", "n_missing", "n_doubled"})


def verdict_of(found: "Verification") -> tuple[str, str]:
    """The result as a colour role and a sentence."""
    if found.is_sound and found.unreadable:
        return "medium", "What could be read again stands exactly once; not everything could be."
    if found.is_sound:
        if not found.n_lines:
            return "muted", "There is no line to compare yet."
        if found.n_same < found.n_lines:
            return "ok", "Every line that is to be there stands exactly once."
        return "ok", "Every line stands exactly once."
    if found.is_empty and not found.n_wrong:
        if not found.n_lines:
            return "medium", "Nothing could be compared: its files cannot be read again."
        return "medium", "No line could be compared: none of them is in the archive now."
    return "critical", "Not every line stands exactly once."


def details_of(found: "Verification") -> list[str]:
    """Places where something is wrong, and what could not be read."""
    places = [
        f"{one.what}: generation {one.generation}, byte {one.offset:,}" for one in found.examples
    ]
    return [*found.unreadable, *places]
