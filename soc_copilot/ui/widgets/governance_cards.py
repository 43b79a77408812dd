"""The cards of the Governance page: kill switch, verification, database."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QProgressBar, QPushButton

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.governance import AuditReport, AuditRow, KillSwitchState
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.killswitch import SURFACES
from soc_copilot.ui.source_facts import size_text
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, styled
from soc_copilot.ui.workers import Job, JobControl

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance
    from soc_copilot.governance.facts import DatabaseFacts

CHANGES_SHOWN = 3  # chosen: the card's height; the audit trail below has them all
REASON_CHARS = 120
BUTTON_PX = 28
STEPS = 1_000  # of the progress bar


class KillSwitchCard(Card):
    """Whether processing is permitted, since when, and the last changes."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("Kill switch")
        self._desk = desk
        self._changes: Sequence[AuditRow] = ()
        self.button = QPushButton()
        self.button.clicked.connect(desk.actions.action("killswitch.toggle").trigger)
        self.header.addWidget(self.button)
        self.state = PlainLabel("", "title")
        self.text = PlainLabel("", "muted", wrap=True)
        self.body.addWidget(self.state)
        self.body.addWidget(self.text)
        self.lines = [ElidedLabel("", "small") for _ in range(CHANGES_SHOWN)]
        self.body.addStretch(1)
        for line in self.lines:
            self.body.addWidget(line)
        desk.killswitch_changed.connect(self.show_state)
        desk.times.changed.connect(self._fill)
        desk.theme.changed.connect(self._fill)
        self._fill()

    def show_state(self, state: KillSwitchState) -> None:
        """Say what the state is."""
        self._fill()

    def show_changes(self, changes: Sequence[AuditRow]) -> None:
        """The last changes, newest first."""
        self._changes = changes
        self._fill()

    def _fill(self) -> None:
        state, times = self._desk.killswitch, self._desk.times
        role = "critical" if state.engaged else "ok"
        self.state.setText("Engaged" if state.engaged else "Released")
        self.state.setStyleSheet(f"color: {self._desk.theme.hex(role)};")
        self.button.setText("Release…" if state.engaged else "Engage…")
        self.button.setProperty("kind", "" if state.engaged else "danger")
        styled(self.button)
        what = "Nothing is processed" if state.engaged else "Processing is permitted"
        if not state.readable:
            self.text.setText(f"It cannot be read, so it counts as engaged. {state.reason}")
        elif state.changed_at is None or (state.surface == "database" and not state.engaged):
            self.text.setText(f"{what}.")  # nobody used it yet
        else:
            who = f"{state.actor} {SURFACES.get(state.surface, state.surface)}".strip()
            since = times.absolute(state.changed_at)
            why = f": “{render_safe(state.reason, REASON_CHARS)}”" if state.reason else ""
            self.text.setText(f"{what} since {since}, by {who}{why}.")
        for place, line in enumerate(self.lines):
            known = place < len(self._changes)
            line.setVisible(known)
            line.setText(self._line(self._changes[place]) if known else "")

    def _line(self, row: AuditRow) -> str:
        word = row.action.rpartition(".")[2]
        why = f": “{row.reason}”" if row.reason else ""
        return f"{self._desk.times.short(row.at)}  {word} by {row.actor}{why}"


class VerifyCard(Card):
    """Checks the whole audit trail, with progress, and says what was found.

    Signals:
        broken: Number of the first row that does not fit.
    """

    broken = Signal(int)

    def __init__(self, desk: Desk) -> None:
        super().__init__("Audit trail")
        self._desk = desk
        self._job: Job | None = None
        self._began_s = 0.0
        self._report: AuditReport | None = None
        self._ended_at = utc_now()
        action = desk.actions.action("governance.verify")
        self.button = QPushButton("Verify")
        self.button.clicked.connect(action.trigger)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.cancel)
        self.cancel_button.hide()
        self.header.addWidget(self.cancel_button)
        self.header.addWidget(self.button)
        self.state = PlainLabel("", "title", wrap=True)
        self.text = PlainLabel("", "muted", wrap=True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Verification")
        self.bar.setRange(0, STEPS)
        self.bar.hide()
        self.body.addWidget(self.state)
        self.body.addWidget(self.bar)
        self.body.addWidget(self.text)
        self.body.addStretch(1)
        self.body.addWidget(
            PlainLabel(
                "Every row carries a keyed hash over itself and the row before it. The key and "
                "the number of rows are kept outside the database, so that a changed, removed or "
                "cut-off row is found.",
                "small",
                wrap=True,
            )
        )
        desk.theme.changed.connect(self._paint)
        self._paint()

    @property
    def report(self) -> AuditReport | None:
        """The last verdict, None before the first one."""
        return self._report

    def verify(self) -> None:
        """Start checking; does nothing while a check runs."""
        if self._job is not None:
            return
        self._began_s, self._report = time.monotonic(), None

        def check(governance: "Governance", control: JobControl) -> AuditReport:
            return governance.audit.verify(control.report)

        self._job = self._desk.jobs.submit_long(check, self._done, self._failed, self._progress)
        self.bar.setValue(0)
        self._paint()
        self.text.setText("Reading the first rows.")

    def cancel(self) -> None:
        """End the check that runs."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
            self._paint()
            self.text.setText("The check was cancelled; nothing was found out.")

    def _progress(self, done: int, total: int) -> None:
        self.bar.setValue(round(STEPS * done / max(total, 1)))
        elapsed_s = max(time.monotonic() - self._began_s, 1e-3)
        rate = done / elapsed_s
        left_s = (total - done) / rate if rate else 0.0
        self.text.setText(
            f"{done:,} of {total:,} rows, {rate:,.0f} rows/s, about {left_s:.0f} s left"
        )

    def _done(self, report: AuditReport) -> None:
        self._job, self._report, self._ended_at = None, report, utc_now()
        self._paint()
        if report.first_bad_seq is not None:
            self.broken.emit(report.first_bad_seq)

    def _failed(self, text: str) -> None:
        self._job = None
        self._paint()
        self._desk.error(text)

    def _paint(self) -> None:
        running, report = self._job is not None, self._report
        self.bar.setVisible(running)
        self.cancel_button.setVisible(running)
        self._desk.actions.action("governance.verify").setEnabled(not running)
        self.button.setEnabled(not running)
        if running:
            role, title, text = "text", "Checking every row", self.text.text()
        elif report is None:
            role, title, text = "text", "Not checked yet", "Checking reads every row once."
        elif report.ok:
            role, title = "ok", f"Intact: {report.rows:,} rows"
            text = f"{report.message} Checked {self._desk.times.absolute(self._ended_at)}."
        else:
            row = "" if report.first_bad_seq is None else f" at row {report.first_bad_seq:,}"
            role, title = "critical", f"Broken{row}"
            text = f"{report.message} Keep the database as it is, and find out who could write it."
        self.state.setText(title)
        self.state.setStyleSheet(f"color: {self._desk.theme.hex(role)};")
        self.text.setText(text)


class DatabaseCard(Card):
    """Where the database, the key and the head file lie, and how commits are kept."""

    def __init__(self) -> None:
        super().__init__("Database")
        self.title.setMinimumHeight(BUTTON_PX)  # as high as the cards beside it
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        self.values: dict[str, ElidedLabel] = {}
        for row, name in enumerate(_FACTS):
            value = ElidedLabel("-", mode=Qt.TextElideMode.ElideMiddle)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(PlainLabel(name, "muted"), row, 0)
            grid.addWidget(value, row, 1)
            self.values[name] = value
        self.body.addLayout(grid)
        self.body.addStretch(1)

    def show_facts(self, facts: "DatabaseFacts") -> None:
        """Show these."""
        size = "kept by the server" if facts.size_bytes is None else size_text(facts.size_bytes)
        for name, value in (
            ("File", facts.title),
            ("Size", size),
            ("Schema", facts.schema.replace("_", ".").removeprefix("v")),
            ("Engine", facts.engine),
            ("Journal", facts.journal),
            ("Keys", str(facts.keys)),
            ("Head file", str(facts.head)),
        ):
            self.values[name].setText(value)


_FACTS = ("File", "Size", "Schema", "Engine", "Journal", "Keys", "Head file")
