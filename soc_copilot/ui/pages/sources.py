"""Sources: what is read, how far, and the ledger that shows that nothing was lost."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QHideEvent, QResizeEvent
from PySide6.QtWidgets import (
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.source_options import LISTENERS
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.dialogs.source_options import SourceOptionsDialog
from soc_copilot.ui.dialogs.source_verify import VerifyDialog
from soc_copilot.ui.ingest_worker import SessionBeat
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.models.sources import Column, SourceTableModel
from soc_copilot.ui.pages.split import SplitPage
from soc_copilot.ui.source_facts import Kept, SourceFacts, read_facts, read_more, totals
from soc_copilot.ui.source_probe import format_choices
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card, EmptyState
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.ledger_card import LedgerCard, LedgerFacts
from soc_copilot.ui.widgets.source_detail import SourceDetail
from soc_copilot.ui.widgets.tables import desk_table

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

REFRESH_MS = 5_000  # chosen: how often an idle page looks at the database and the disk again
AFTER_BATCH_MS = 1_000  # chosen: a ledger that moves faster cannot be read
RUNNING = frozenset({"running", "halted", "stopping"})
NO_FOLDER = LISTENERS | {"journald", "service"}
NO_FILE = frozenset({"journald", "evtx", "mail"})  # nothing that could be read again byte by byte
ON_ONE = ("options", "verify", "toggle", "format", "reveal", "remove")  # need a selected source
# Columns that give way on a narrow desk, first one first, and the width below which they do.
GIVE_WAY = ((Column.UNPARSED, 1_240), (Column.BYTES, 1_160), (Column.ALERTS, 1_080))


class SourcesPage(SplitPage):
    """The sources and their ledger. Everything is read and written in jobs."""

    name = "sources"
    title = "Sources"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, Qt.Orientation.Vertical, REFRESH_MS, parent)
        self._statuses: tuple[SourceStatus, ...] = ()
        self._reading = False
        self._wanted: int | None = None  # source to select once it is listed
        self._kept: Kept = {}  # touched by the reading job only, and that one at a time
        self._details = Latest(desk.jobs, desk.error)
        self.model = SourceTableModel(desk, self)
        self._stack = QStackedLayout(self)
        self.empty = EmptyState(
            desk.theme,
            "sources",
            "Your log sources will be listed here",
            "Add a file, a folder, or a port that listens. Each line is counted, so that you can "
            "see that none was lost. Or replay the bundled sample.",
            (desk.actions.action("sources.add"), desk.actions.action("replay.start")),
        )
        self._full = QWidget()
        self._build()
        self._stack.addWidget(QWidget())  # until the first look: neither empty nor full
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._full)
        self._bind()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(AFTER_BATCH_MS)
        self._soon.timeout.connect(self.refresh)
        self.setFocusProxy(self.table)  # the page's keys act as soon as it is shown
        self._on_selected()

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self._full)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * GRID)
        self.ledger = LedgerCard(self.desk.theme)
        self.detail = SourceDetail(self.desk)
        self.splitter.addWidget(self._table_card())
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        column.addWidget(self.ledger)
        column.addWidget(self.splitter, 1)

    def _table_card(self) -> Card:
        self.card = Card("Log sources")
        self.filter_edit = QLineEdit()
        self.filter_edit.setPlaceholderText("Find: name, path, state, kind")
        self.filter_edit.setAccessibleName("Find sources")
        self.filter_edit.setClearButtonEnabled(True)
        self.filter_edit.setFixedWidth(240)
        self.problems_button = QPushButton("Problems")
        self.problems_button.setCheckable(True)
        self.problems_button.setToolTip("Show only sources that a person must look at (P)")
        self.card.header.addWidget(self.filter_edit)
        self.card.header.addWidget(self.problems_button)
        for action_id, text, kind in (
            ("replay.start", "Replay the sample", ""),
            ("sources.add", "Add a log source", "primary"),
        ):
            button = QPushButton(text)
            button.setProperty("kind", kind)
            button.clicked.connect(self.desk.actions.action(action_id).trigger)
            self.card.header.addWidget(button)
        widths = {
            Column.NAME: 144,
            Column.STATE: 106,
            Column.KIND: 96,
            Column.FORMAT: 104,
            Column.LINES: 88,
            Column.PARSED: 66,
            Column.UNPARSED: 78,
            Column.LOST: 60,
            Column.BYTES: 84,
            Column.TO_READ: 76,
            Column.LAG: 58,
            Column.LAST: 92,
            Column.ALERTS: 58,
        }
        self.table = desk_table(
            self.model, "Log sources", widths, stretch=Column.PATH, sortable=True
        )
        self.table.sortByColumn(Column.STATE, Qt.SortOrder.AscendingOrder)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self.table.doubleClicked.connect(self.show_alerts)
        self.nothing = PlainLabel("", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.hide()
        self.card.body.addWidget(self.table, 1)
        self.card.body.addWidget(self.nothing)
        return self.card

    def _bind(self) -> None:
        desk, actions = self.desk, self.desk.actions
        actions.bind("sources.remove", self.remove)
        actions.bind("sources.toggle", self.toggle)
        actions.bind("sources.format", self.choose_format)
        actions.bind("sources.reveal", self.reveal)
        actions.bind("sources.reload", self.refresh)
        actions.bind("sources.options", self.change_options)
        actions.bind("sources.verify", self.verify)
        actions.bind("sources.search", self.focus_search)
        actions.bind("sources.problems", self.problems_button.toggle)
        self.filter_edit.textChanged.connect(self._on_filter)
        self.problems_button.toggled.connect(self._on_filter)
        self.detail.format_chosen.connect(self.set_format)
        self.model.changed.connect(self._on_changed)
        self.model.modelReset.connect(self._on_listed)
        desk.sources_changed.connect(self.refresh)
        desk.summary_arrived.connect(self._on_summaries)
        desk.beat_arrived.connect(self._on_beat)
        desk.ingestion_changed.connect(self._on_ingestion)
        desk.jobs.submit(lambda _: format_choices(), self.detail.set_formats)

    # -- what is shown

    @override
    def shown(self) -> None:
        self.refresh()

    @override
    def open(self, **args: Any) -> None:
        """Select a source: `open(source_id=3)`."""
        self._wanted = args.get("source_id")
        self._select_wanted()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._soon.stop()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for column, least in GIVE_WAY:
            self.table.setColumnHidden(column, self.width() < least)

    @property
    def selected(self) -> SourceFacts | None:
        """The source that is selected, None when none is."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.facts[rows[0].row()] if rows else None

    @override
    def refresh(self) -> None:
        """Read everything again in a job; a second call meanwhile waits for the next time."""
        if not self._reading:
            self._reading = True
            kept = self._kept
            self.desk.jobs.submit(
                lambda governance: read_facts(governance, kept), self._take, self._on_failed
            )

    def _take(self, facts: tuple[SourceFacts, ...]) -> None:
        self._reading = False
        chosen = self.selected
        is_read = self.desk.ingestion in RUNNING
        self.model.set_facts(facts, self._statuses if is_read else ())
        waited = self._stack.currentIndex() == 0
        self._stack.setCurrentWidget(self._full if facts else self.empty)
        if waited and facts and self.isVisible():
            self.setFocus()  # the table could not take it before it was there
        if chosen is not None and self._wanted is None:
            self._wanted = chosen.source.id
        self._select_wanted()
        self._ask_more()

    def _on_failed(self, text: str) -> None:
        self._reading = False
        self.desk.error(text)

    def _select_wanted(self) -> None:
        row = None if self._wanted is None else self.model.row_of(self._wanted)
        if row is not None:
            self._wanted = None
        elif self.selected is None and self.model.rowCount():
            row = 0
        if row is not None:
            self.table.selectRow(row)

    def _on_selected(self) -> None:
        facts = self.selected
        action = self.desk.actions.action
        for name in ON_ONE:
            action(f"sources.{name}").setEnabled(facts is not None)
        if facts is not None:
            action("sources.reveal").setEnabled(facts.source.kind not in NO_FOLDER)
            action("sources.verify").setEnabled(facts.source.kind not in NO_FILE)
        self.detail.show_source(facts)
        self._ask_more()

    def _ask_more(self) -> None:
        if (facts := self.selected) is not None:
            source_id = facts.source.id
            self._details.ask(
                lambda governance: read_more(governance, source_id), self.detail.show_more
            )

    def _on_changed(self) -> None:
        facts = tuple(self.model.all_facts)
        self.detail.show_source(self.selected)
        self.ledger.show_facts(
            LedgerFacts(
                totals(facts),
                committed_bytes=sum(one.ledger.committed_bytes for one in facts),
                to_read_bytes=sum(one.to_read_bytes for one in facts),
                n_sources=len(facts),
                n_files=sum(one.ledger.n_files for one in facts),
                n_partial=sum(one.ledger.n_partial for one in facts),
            )
        )
        self._show_counts()

    def _show_counts(self) -> None:
        shown, known = self.model.rowCount(), self.model.n_all
        self.card.hint.setText(f"{shown:,} of {known:,}" if shown < known else f"{known:,}")
        troubled = sum(one.is_trouble for one in self.model.all_facts)
        self.problems_button.setText(f"Problems ({troubled:,})" if troubled else "Problems")
        self.problems_button.setEnabled(troubled > 0 or self.problems_button.isChecked())
        self.nothing.setText("No source fits. Take a word away, or show more than problems.")
        self.nothing.setVisible(shown == 0 and known > 0)

    def _on_filter(self) -> None:
        chosen = self.selected
        self.model.set_filter(
            self.filter_edit.text(), only_problems=self.problems_button.isChecked()
        )
        if chosen is not None:
            self._wanted = chosen.source.id
        self._select_wanted()
        self._wanted = None
        self._show_counts()

    def _on_listed(self) -> None:
        self._on_selected()

    def _on_summaries(self, summaries: list[BatchSummary]) -> None:
        if self.isVisible() and summaries:
            self.model.take_stats(summaries[-1].sources)
            if not self._soon.isActive():
                self._soon.start()

    def _on_beat(self, beat: SessionBeat) -> None:
        self._statuses = beat.sources
        if self.isVisible():
            self.model.take_statuses(beat.sources)

    def _on_ingestion(self, state: str) -> None:
        if state not in RUNNING:
            self._statuses = ()
        if self.isVisible():
            self.refresh()

    # -- what can be done

    def focus_search(self) -> None:
        """Go to the field that finds sources."""
        self.filter_edit.setFocus()
        self.filter_edit.selectAll()

    def change_options(self) -> None:
        """Open the options of the selected source."""
        if (facts := self.selected) is not None:
            SourceOptionsDialog(self.desk, self.window(), facts.source).open()

    def verify(self) -> None:
        """Read the selected source again and compare it with what is stored."""
        if (facts := self.selected) is not None:
            VerifyDialog(self.desk, self.window(), facts.source).open()

    def toggle(self) -> None:
        """Enable the selected source, or disable it."""
        if (facts := self.selected) is not None:
            source_id, enable = facts.source.id, not facts.source.enabled
            self._write(lambda governance: governance.sources.set_enabled(source_id, enable))

    def set_format(self, name: str) -> None:
        """Parse the selected source's next lines in another format."""
        if (facts := self.selected) is not None:
            source_id = facts.source.id
            self._write(lambda governance: governance.sources.set_format(source_id, name))

    def choose_format(self) -> None:
        """Open the list of formats of the selected source."""
        self.detail.format_combo.setFocus()
        self.detail.format_combo.showPopup()

    def remove(self) -> None:
        """Ask, then stop reading the selected source for good; its history stays."""
        facts = self.selected
        if facts is None:
            return
        source_id, name = facts.source.id, render_safe(facts.source.name, 80)
        dialog = ReasonDialog(
            self.window(),
            "Remove this log source?",
            f"“{name}” is no longer read. Its alerts, its ledger and the audit trail stay; the "
            "log itself is not touched.",
            "Remove",
            kind="danger-solid",
            required=False,
            example="Why is it no longer needed?",
        )

        def remove() -> None:
            reason = dialog.reason  # read here: the dialog is gone when the job runs
            self._write(lambda governance: governance.sources.remove(source_id, reason=reason))

        dialog.accepted.connect(remove)
        dialog.open()

    def reveal(self) -> None:
        """Open the folder of the selected source in the system's file manager."""
        if (facts := self.selected) is not None:
            path = Path(facts.source.path)
            folder = path if facts.source.kind == "directory" else path.parent
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
                self.desk.error(f'Cannot open "{render_safe(str(folder))}" in a file manager.')

    def show_alerts(self, index: QModelIndex) -> None:
        """Open the alerts of a source."""
        name = Path(self.model.facts[index.row()].source.path).name
        self.desk.open_page("alerts", text=f"file:{name}")

    def _write(self, change: "Callable[[Governance], object]") -> None:
        self.desk.jobs.submit(change, self._on_written, self.desk.error)

    def _on_written(self, _: object) -> None:
        self.desk.sources_changed.emit()

    def _show_menu(self, where: QPoint) -> None:
        if self.selected is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for action_id in ON_ONE:
            menu.addAction(self.desk.actions.action(f"sources.{action_id}"))
        menu.popup(self.table.viewport().mapToGlobal(where))
