"""Change the options of one source: generated from their table, checked, audited."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QScrollArea, QWidget
from shiboken6 import isValid
from typing_extensions import override

from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.source_options import KIND_TITLES, SourceOptions
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.option_form import OptionForm

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

LEAST_PX, MOST_PX = 240, 460  # chosen: of the list of options; a small screen keeps the buttons


class SourceOptionsDialog(DeskDialog):
    """Every option of one source. Stored in a job; the dialog closes once that worked."""

    def __init__(self, desk: Desk, parent: QWidget | None, source: SourceRow) -> None:
        kind = KIND_TITLES.get(source.kind, source.kind)
        super().__init__(
            parent,
            f"Options of “{render_safe(source.name, 48)}”",
            f"{kind}. {when_text(desk.ingestion)}",
            "Store",
            width=680,
        )
        self._desk, self._source = desk, source
        self.form = OptionForm(source.kind, source.options)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.form.setObjectName("content")
        self.form.setContentsMargins(0, 0, 2 * GRID, 0)
        area.setWidget(self.form)
        area.setMinimumHeight(LEAST_PX)
        area.setMaximumHeight(MOST_PX)
        self._area = area
        self.body.addWidget(area)
        self.problem = PlainLabel("", "error", wrap=True)
        self.problem.hide()
        self.body.addWidget(self.problem)
        first = next(iter(self.form.rows.values()), None)
        if first is not None:
            first.editor.setFocus()

    @override
    def accept(self) -> None:
        """Store what differs; says so when nothing does."""
        checked = self.form.check()
        if checked is None:
            row = next((r for r in self.form.rows.values() if not r.problem.isHidden()), None)
            if row is not None:
                self._area.ensureWidgetVisible(row)
            return
        if checked == self._source.options:
            self.done(QDialog.DialogCode.Accepted)
            return
        self.accept_button.setEnabled(False)
        source_id, kind = self._source.id, self._source.kind

        def store(governance: "Governance") -> SourceOptions:
            from soc_copilot.pipeline.sources import check_readable  # late: it imports Polars

            check_readable(kind, checked)
            governance.sources.set_options(source_id, checked)
            return checked

        desk, name = self._desk, render_safe(self._source.name, 80)
        dialog = self  # not `self`: `stored` is called even when the dialog is gone by now

        def stored(_options: SourceOptions) -> None:
            desk.sources_changed.emit()
            said = f"Stored the options of “{name}”. {when_text(desk.ingestion)}"
            desk.message.emit("ok", said, "")
            if isValid(dialog):
                dialog.done(QDialog.DialogCode.Accepted)

        desk.jobs.submit(store, stored, self._on_refused)

    def _on_refused(self, text: str) -> None:
        self.accept_button.setEnabled(True)
        if not self.form.show_problem(text):
            self.problem.setText(text)
            self.problem.show()


def when_text(ingestion: str) -> str:
    """When a change takes effect, as ingestion stands in this window."""
    if ingestion == "stopped":
        return "A change takes effect when ingestion is started."
    return "A change takes effect at once: the source goes on from its stored position."
