"""Add a log source of any kind: what kind, its own fields, a name, the rest under "More"."""

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid
from typing_extensions import override

from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.source_options import FILES, LISTENERS, SourceOptions
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.file_form import FileForm
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.dialogs.place_forms import ListenForm, PlaceForm
from soc_copilot.ui.dialogs.source_form import SourceForm
from soc_copilot.ui.source_probe import format_choices
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.kind_list import SENTENCES, KindList
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.option_form import OptionForm

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

MORE_PX = 208  # chosen: of the options unfolded; the dialog still fits a screen 800 px high


class AddSourceDialog(DeskDialog):
    """Adds a source. Looks at it and stores it in jobs; the GUI thread never waits.

    Args:
        desk: The desk.
        parent: The window.
        path: Filled in, for a file that was dropped.
    """

    def __init__(self, desk: Desk, parent: QWidget | None, path: str = "") -> None:
        super().__init__(
            parent,
            "Add a log source",
            "Choose what kind it is. Whatever it is, it is only ever read.",
            "Add source",
            width=960,
        )
        self._desk = desk
        self._named = False  # True once a person typed a name of their own
        self._forms: dict[str, SourceForm] = {}
        self._more: OptionForm | None = None
        columns = QHBoxLayout()
        columns.setSpacing(3 * GRID)
        self.kinds = KindList(desk.theme)
        columns.addWidget(self.kinds)
        columns.addLayout(self._build_right(), 1)
        self.body.addLayout(columns)
        desk.jobs.submit(lambda _: format_choices(), self._take_formats)
        self.kinds.chosen.connect(self.choose)
        self.kinds.choose("file")
        self.files.path_edit.setText(path)
        self.files.path_edit.setFocus()

    # -- building

    def _build_right(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(2 * GRID)
        self.stack = QStackedWidget()
        column.addWidget(self.stack)
        self.files = FileForm(self._desk)
        self.files.kind_found.connect(self._on_kind_found)
        self._put(self.files, FILES)
        for kind in SENTENCES:
            if kind not in FILES:
                form_of = ListenForm if kind in LISTENERS else PlaceForm
                self._put(form_of(self._desk, kind), frozenset({kind}))
        self.name_edit = QLineEdit()
        self.name_edit.setAccessibleName("Name")
        self.name_edit.setMaxLength(120)
        self.name_edit.textEdited.connect(self._on_named)
        label = PlainLabel("Name", "strong")
        label.setBuddy(self.name_edit)
        box = QVBoxLayout()
        box.setSpacing(GRID // 2)
        box.addWidget(label)
        box.addWidget(self.name_edit)
        column.addLayout(box)
        self.more_button = link_button("More options")
        self.more_button.setCheckable(True)
        self.more_button.setAutoDefault(False)
        self.more_button.toggled.connect(self._show_more)
        column.addWidget(self.more_button, 0, Qt.AlignmentFlag.AlignLeft)
        self.more_area = QScrollArea()
        self.more_area.setWidgetResizable(True)
        self.more_area.setFrameShape(QFrame.Shape.NoFrame)
        self.more_area.setFixedHeight(MORE_PX)
        self.more_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.more_area.hide()
        column.addWidget(self.more_area)
        column.addStretch(1)
        return column

    def _take_formats(self, choices: tuple[tuple[str, str], ...]) -> None:
        for form in dict.fromkeys(self._forms.values()):
            form.set_formats(choices)

    def _put(self, form: SourceForm, kinds: frozenset[str]) -> None:
        form.changed.connect(self._on_changed)
        self.stack.addWidget(form)
        for kind in kinds:
            self._forms[kind] = form

    # -- choosing

    @property
    def form(self) -> SourceForm:
        """The form in front."""
        return self._forms[self.kinds.kind]

    def choose(self, kind: str) -> None:
        """Show the fields of a kind."""
        self.stack.setCurrentWidget(self._forms[kind])
        self._make_more(kind)
        self._order_tabs()
        self._on_changed()

    def _order_tabs(self) -> None:
        """From the list through the form in front, then on: Qt would go by age."""
        fields = [
            widget
            for widget in self.form.findChildren(QWidget)
            if widget.window() is self  # not the list that a combo box drops
            and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and widget.focusProxy() is None
        ]
        chain: list[QWidget] = [self.kinds, *fields, self.name_edit, self.more_button]
        for before, after in pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _on_kind_found(self, kind: str) -> None:
        if self.kinds.kind in FILES:
            self.kinds.choose(kind)

    def _make_more(self, kind: str) -> None:
        typed = {} if self._more is None else self._more.values
        without = self._forms[kind].own_options
        more = OptionForm(kind, SourceOptions(), without=without)
        more.setObjectName("content")
        more.setContentsMargins(0, 0, 2 * GRID, 0)
        for key, row in more.rows.items():
            if key in typed:
                row.show_value(typed[key])
        self._more = more
        self.more_area.setWidget(more)

    def _show_more(self, unfolded: bool) -> None:
        self.more_area.setVisible(unfolded)
        self.more_button.setText("Fewer options" if unfolded else "More options")
        self.adjustSize()

    def _on_named(self, text: str) -> None:
        self._named = bool(text.strip())

    def _on_changed(self) -> None:
        draft = self.form.draft()
        if not self._named:
            self.name_edit.setText(draft.name if draft is not None else "")
        self.accept_button.setEnabled(draft is not None)

    # -- storing

    @override
    def accept(self) -> None:
        """Store the source in a job; the dialog closes once that worked."""
        draft, more = self.form.draft(), self._more
        if draft is None or more is None or not self.accept_button.isEnabled():
            return
        options = more.check(draft.options)
        if options is None:
            self.more_button.setChecked(True)
            return
        self.accept_button.setEnabled(False)
        name = self.name_edit.text().strip()

        def store(governance: "Governance") -> SourceRow:
            from soc_copilot.pipeline.sources import check_readable  # late: it imports Polars

            check_readable(draft.kind, options)
            return governance.sources.add(
                draft.kind,
                draft.path,
                name=name,
                pattern=draft.pattern,
                format=draft.format,
                from_start=draft.from_start,
                options=options,
            )

        desk = self._desk
        dialog = self  # not `self`: `stored` is called even when the dialog is gone by now

        def stored(source: SourceRow) -> None:
            desk.sources_changed.emit()
            desk.message.emit("ok", f'Added the log source "{render_safe(source.name)}".', "")
            if isValid(dialog):
                dialog.done(QDialog.DialogCode.Accepted)

        desk.jobs.submit(store, stored, self._on_refused)

    def _on_refused(self, text: str) -> None:
        if self._more is None or not self._more.show_problem(text):
            self.form.show_problem(text)
        self.accept_button.setEnabled(True)
