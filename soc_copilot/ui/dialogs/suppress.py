"""Suppress what is like an alert: what must be alike, how long, and what it would have hidden."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from PySide6.QtCore import QDateTime, QSignalBlocker, Qt, QTimeZone, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.clock import from_us, to_us, utc_now
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.suppressions import (
    DEFAULT_FIELDS,
    LENGTHS,
    LONGEST,
    REASON_CHARS,
    DryRun,
    Field,
    Offer,
)
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.models.newest import Column, NewestModel
from soc_copilot.ui.models.suppressions import Plan
from soc_copilot.ui.theme import GRID, ROW_HEIGHT
from soc_copilot.ui.widgets.delegates import SeverityDelegate
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.tables import desk_table

TEXT: Final = (
    "Alerts that are alike stay stored, counted and searchable, but out of the list. SOC "
    "Copilot's own alerts are never suppressed."
)
UNTIL: Final = "Until a date…"
NO_END: Final = "Without an end…"
NO_END_WORDS: Final = "Yes, without an end: nothing brings them back but somebody who lifts it"
WHY_NOT: Final = (
    "What is worse than what you have seen may be an attack behind the noise: unless this is "
    "ticked, it comes through."
)
EVERY: Final = "The alert is critical: what is alike is hidden whatever its severity."
WIDE_PX: Final = 720
HINT_PX: Final = 24  # below the words of a check box
EXAMPLE_WIDTHS: Final = {
    Column.SEVERITY: 92, Column.LAST_SEEN: 132, Column.ENTITY: 148, Column.COUNT: 64,
}  # fmt: skip


class SuppressDialog(DeskDialog):
    """Asks what shall be suppressed; nothing can be confirmed before the dry run has answered.

    Args:
        desk: The desk.
        parent: The window.
        offer: What the chosen alerts have in common.
        usual: The length that is chosen at first, a key of `LENGTHS`.
        names: Of sources, by id.

    Signals:
        confirmed: A `Plan`.
    """

    confirmed = Signal(object)

    def __init__(
        self,
        desk: Desk,
        parent: QWidget | None,
        offer: Offer,
        usual: str,
        names: Mapping[int, str],
    ) -> None:
        super().__init__(parent, "Suppress alike", TEXT, "Suppress", width=WIDE_PX)
        self._desk, self._offer = desk, offer
        self._run: DryRun | None = None
        self._questions = Latest(desk.jobs, self.show_problem, slow=True)
        self.body.setSpacing(GRID + GRID // 2)
        self._add_fields(names)
        self._add_end(usual)
        self._add_severity()
        self._add_dry_run()
        self.hide_check = QCheckBox()
        self.hide_check.hide()
        self.body.addWidget(self.hide_check)
        self._on_end()
        self.look()
        self.reason_edit.setFocus()

    # -- building

    def _add_fields(self, names: Mapping[int, str]) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        self.field_checks: dict[Field, QCheckBox] = {}
        for place, (field, value) in enumerate(self._offer.values):
            check = QCheckBox(field.label)
            check.setChecked(field in DEFAULT_FIELDS)
            check.setAccessibleName(f"{field.label} {value}")
            check.toggled.connect(self.look)
            shown = value
            if field is Field.SOURCE:
                shown = names.get(int(value), f"source {value}")
            grid.addWidget(check, place, 0)
            grid.addWidget(ElidedLabel(shown, "muted"), place, 1)
            self.field_checks[field] = check
        box = QVBoxLayout()
        box.setSpacing(GRID // 2)
        count = len(self._offer.ids)
        of = "this alert" if count == 1 else f"these {count:,} alerts"
        box.addWidget(PlainLabel(f"Like {of} in", "strong"))
        box.addLayout(grid)
        self.body.addLayout(box)

    def _add_end(self, usual: str) -> None:
        self.end_box = QComboBox()
        self.end_box.addItems([*LENGTHS, UNTIL, NO_END])
        self.end_box.setCurrentText(usual)
        self.end_box.setAccessibleName("How long")
        self.end_box.currentIndexChanged.connect(self._on_end)
        self.until_edit = self._make_until()
        self.reason_edit = QLineEdit()
        self.reason_edit.setMaxLength(REASON_CHARS)
        self.reason_edit.setPlaceholderText("Why? May stay empty; kept in the audit trail")
        self.reason_edit.setAccessibleName("Reason")
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for title, widgets, share in (
            ("For", (self.end_box, self.until_edit), 0),
            ("Reason", (self.reason_edit,), 1),
        ):
            box = QVBoxLayout()
            box.setSpacing(GRID // 2)
            box.addWidget(PlainLabel(title, "strong"))
            line = QHBoxLayout()
            line.setSpacing(GRID)
            for widget in widgets:
                line.addWidget(widget)
            box.addLayout(line)
            row.addLayout(box, share)
        self.body.addLayout(row)
        self.no_end_check = QCheckBox(NO_END_WORDS)
        self.no_end_check.toggled.connect(self._allow)
        self.body.addWidget(self.no_end_check)

    def _make_until(self) -> QDateTimeEdit:
        is_utc = self._desk.times.zone == "UTC"
        zone = QTimeZone.utc() if is_utc else QTimeZone.systemTimeZone()
        edit = QDateTimeEdit()
        edit.setTimeZone(zone)
        now = utc_now()
        for put, moment in (
            (edit.setMinimumDateTime, now),
            (edit.setMaximumDateTime, now + LONGEST - timedelta(days=1)),
            (edit.setDateTime, now + timedelta(days=7)),
        ):
            put(QDateTime.fromMSecsSinceEpoch(to_us(moment) // 1_000, zone))
        edit.setDisplayFormat("yyyy-MM-dd HH:mm")
        edit.setCalendarPopup(True)
        edit.setAccessibleName("Until")
        edit.setToolTip(f"Times in {self._desk.times.zone_name()}")
        return edit

    def _add_severity(self) -> None:
        word = self._offer.highest.label.lower()
        self.any_check = QCheckBox(f"Also hide alerts more severe than {word}")
        self.any_check.toggled.connect(self.look)
        self.any_hint = PlainLabel(WHY_NOT, "small", wrap=True)
        self.any_hint.setContentsMargins(HINT_PX, 0, 0, 0)
        box = QVBoxLayout()
        box.setSpacing(0)
        for widget in (self.any_check, self.any_hint):
            box.addWidget(widget)
        self.body.addLayout(box)
        if self._offer.highest is Severity.CRITICAL:
            self.any_check.hide()
            self.any_hint.setText(EVERY)
            self.any_hint.setContentsMargins(0, 0, 0, 0)

    def _add_dry_run(self) -> None:
        frame = QFrame()
        frame.setObjectName("card")
        column = QVBoxLayout(frame)
        column.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        column.setSpacing(GRID // 2)
        self.answer = PlainLabel("", "heading", wrap=True)
        self.warning = PlainLabel("", "high", wrap=True)
        self.more = PlainLabel("", "small", wrap=True)
        self.examples = NewestModel(self._desk.times, self)
        self.table = self._make_table()
        for widget in (self.answer, self.warning, self.more, self.table):
            column.addWidget(widget)
        self.problem = PlainLabel("", "error", wrap=True, selectable=True)
        self.problem.hide()
        column.addWidget(self.problem)
        self.body.addWidget(frame)

    def _make_table(self) -> QTableView:
        table = desk_table(self.examples, "Examples", EXAMPLE_WIDTHS, stretch=Column.WHAT)
        table.setItemDelegateForColumn(Column.SEVERITY, SeverityDelegate(self._desk.theme, table))
        for column in (Column.DETECTOR, Column.SCORE):
            table.setColumnHidden(column, True)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.horizontalHeader().hide()
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # nothing can be done with them here
        table.setSelectionMode(QTableView.SelectionMode.NoSelection)
        table.setFixedHeight(4 * ROW_HEIGHT + 2)
        return table

    # -- the dry run

    @property
    def fields(self) -> frozenset[Field]:
        """What must be alike."""
        return frozenset(f for f, check in self.field_checks.items() if check.isChecked())

    @property
    def is_busy(self) -> bool:
        """True while the dry run is on its way."""
        return self._questions.is_busy

    def look(self) -> None:
        """Ask what it would have hidden."""
        self._run = None
        self.problem.hide()
        fields, ids, every = self.fields, self._offer.ids, self.any_check.isChecked()
        if not fields:
            self.show_problem("Tick at least one thing that must be alike.")
            return
        self.answer.setText("Looking at the last 7 days…")
        self._allow()
        self._questions.ask(
            lambda governance: governance.suppressions.dry_run(ids, fields, any_severity=every),
            self._take,
        )

    def _take(self, run: DryRun) -> None:
        if run.alike.is_any_severity != self._is_any or not self.fields:
            return  # nothing is ticked any more
        self._run = run
        self.answer.setText(run.words())
        self.warning.setText(run.warning())
        self.warning.setVisible(bool(run.warning()))
        said = []
        if run.n_above:
            verb = "1 more severe one" if run.n_above == 1 else f"{run.n_above:,} more severe ones"
            said.append(f"{verb} would have stayed in the list.")
        if run.n_already:
            said.append(f"{run.n_already:,} of them are suppressed already.")
        self.more.setText(" ".join(said))
        self.more.setVisible(bool(said))
        self.examples.set_rows(run.examples)
        self.table.setVisible(bool(run.examples))
        ones = "open one" if run.n_open_now == 1 else f"{run.n_open_now:,} open ones"
        self.hide_check.setText(f"Also hide the {ones} now")
        self.hide_check.setVisible(run.n_open_now > 0)
        self._allow()
        self.fit()

    @property
    def _is_any(self) -> bool:
        return self.any_check.isChecked() or self._offer.highest is Severity.CRITICAL

    def show_problem(self, text: str) -> None:
        """Say why it cannot be suppressed like this."""
        self._run = None
        self.answer.setText("")
        self.examples.set_rows(())
        for widget in (self.warning, self.more, self.hide_check):
            widget.hide()
        self.problem.setText(text)
        self.problem.show()
        self._allow()

    # -- the end

    def _on_end(self) -> None:
        chosen = self.end_box.currentText()
        self.until_edit.setVisible(chosen == UNTIL)
        self.no_end_check.setVisible(chosen == NO_END)
        with QSignalBlocker(self.no_end_check):
            self.no_end_check.setChecked(False)  # said anew each time
        self._allow()

    def _allow(self) -> None:
        is_said = self.end_box.currentText() != NO_END or self.no_end_check.isChecked()
        self.accept_button.setEnabled(self._run is not None and is_said)

    def plan(self) -> Plan:
        """What was chosen."""
        chosen = self.end_box.currentText()
        until = from_us(self.until_edit.dateTime().toMSecsSinceEpoch() * 1_000)
        return Plan(
            self._offer.ids,
            self.fields,
            LENGTHS.get(chosen),
            until if chosen == UNTIL else None,
            chosen == NO_END,
            self.reason_edit.text().strip(),
            self.any_check.isChecked(),
            self.hide_check.isChecked() and not self.hide_check.isHidden(),
        )

    @override
    def accept(self) -> None:
        if self.accept_button.isEnabled():
            self.confirmed.emit(self.plan())
            super().accept()
