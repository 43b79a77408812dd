"""Sources: what is read, how far, and the ledger that shows that nothing was lost."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, QUrl
from PySide6.QtGui import QDesktopServices, QHideEvent, QShowEvent
from PySide6.QtWidgets import QMenu, QPushButton, QSplitter, QStackedLayout, QVBoxLayout, QWidget
from typing_extensions import override

from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.dialogs.add_source import format_choices
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.ingest_worker import SessionBeat
from soc_copilot.ui.models.sources import Column, SourceTableModel
from soc_copilot.ui.source_facts import TROUBLES, SourceFacts, read_facts, totals
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card, EmptyState
from soc_copilot.ui.widgets.kept_sizes import restore_sizes, sizes_text
from soc_copilot.ui.widgets.ledger_card import LedgerCard, LedgerFacts
from soc_copilot.ui.widgets.source_detail import SourceDetail
from soc_copilot.ui.widgets.tables import desk_table

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

REFRESH_MS = 5_000  # chosen: how often an idle page looks at the database and the disk again
AFTER_BATCH_MS = 1_000  # chosen: a ledger that moves faster cannot be read
RUNNING = frozenset({"running", "halted", "stopping"})


class SourcesPage(Page):
    """The sources and their ledger. Everything is read and written in jobs."""

    name = "sources"
    title = "Sources"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self._statuses: tuple[SourceStatus, ...] = ()
        self._reading = False
        self._wanted: int | None = None  # source to select once it is listed
        self.model = SourceTableModel(desk, self)
        self._stack = QStackedLayout(self)
        self.empty = EmptyState(
            desk.theme,
            "sources",
            "Your log sources will be listed here",
            "Add a file or a folder of logs, and it is followed while it grows. Each line is "
            "counted, so that you can see that none was lost. Or replay the bundled sample.",
            (desk.actions.action("sources.add"), desk.actions.action("replay.start")),
        )
        self._full = QWidget()
        self._build()
        self._stack.addWidget(QWidget())  # until the first look: neither empty nor full
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self._full)
        self._bind()
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
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
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(2 * GRID)
        self.splitter.addWidget(self._table_card())
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        column.addWidget(self.ledger)
        column.addWidget(self.splitter, 1)

    def _table_card(self) -> Card:
        self.card = Card("Log sources")
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
            Column.STATE: 92,
            Column.KIND: 64,
            Column.FORMAT: 68,
            Column.LINES: 88,
            Column.PARSED: 66,
            Column.UNPARSED: 78,
            Column.BYTES: 76,
            Column.TO_READ: 72,
            Column.LAG: 54,
            Column.LAST: 82,
            Column.ALERTS: 58,
        }
        self.table = desk_table(
            self.model, "Log sources", widths, stretch=Column.PATH, sortable=True
        )
        self.table.sortByColumn(Column.NAME, Qt.SortOrder.AscendingOrder)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.selectionModel().selectionChanged.connect(self._on_selected)
        self.table.doubleClicked.connect(self.show_alerts)
        self.card.body.addWidget(self.table, 1)
        return self.card

    def _bind(self) -> None:
        desk, actions = self.desk, self.desk.actions
        actions.bind("sources.remove", self.remove)
        actions.bind("sources.toggle", self.toggle)
        actions.bind("sources.format", self.choose_format)
        actions.bind("sources.reveal", self.reveal)
        actions.bind("sources.reload", self.refresh)
        self.detail.format_chosen.connect(self.set_format)
        self.model.dataChanged.connect(self._on_changed)
        self.model.modelReset.connect(self._on_changed)
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
    def save_state(self) -> dict[str, str]:
        return {"splitter": sizes_text(self.splitter)}

    @override
    def restore_state(self, state: dict[str, str]) -> None:
        restore_sizes(self.splitter, state.get("splitter", ""))

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self._soon.stop()

    @property
    def selected(self) -> SourceFacts | None:
        """The source that is selected, None when none is."""
        rows = self.table.selectionModel().selectedRows()
        return self.model.facts[rows[0].row()] if rows else None

    def refresh(self) -> None:
        """Read everything again in a job; a second call meanwhile waits for the next time."""
        if not self._reading:
            self._reading = True
            self.desk.jobs.submit(read_facts, self._take, self._on_failed)

    def _take(self, facts: tuple[SourceFacts, ...]) -> None:
        self._reading = False
        chosen = self.selected
        self.model.set_facts(facts)
        if self.desk.ingestion in RUNNING:
            self.model.take_statuses(self._statuses)
        waited = self._stack.currentIndex() == 0
        self._stack.setCurrentWidget(self._full if facts else self.empty)
        if waited and facts and self.isVisible():
            self.setFocus()  # the table could not take it before it was there
        if chosen is not None and self._wanted is None:
            self._wanted = chosen.source.id
        self._select_wanted()

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
        self.detail.show_source(facts)
        for action_id in ("remove", "toggle", "format", "reveal"):
            self.desk.actions.action(f"sources.{action_id}").setEnabled(facts is not None)

    def _on_changed(self) -> None:
        facts = self.model.facts
        self.detail.show_source(self.selected)
        self.ledger.show_facts(
            LedgerFacts(
                totals(facts),
                committed_bytes=sum(one.ledger.committed_bytes for one in facts),
                to_read_bytes=sum(one.to_read_bytes for one in facts),
                n_sources=len(facts),
                n_files=sum(one.ledger.n_files for one in facts),
            )
        )
        troubled = sum(one.state in TROUBLES for one in facts)
        self.card.hint.setText(f"{troubled} cannot be read" if troubled else "")

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
        for action_id in ("toggle", "format", "reveal", "remove"):
            menu.addAction(self.desk.actions.action(f"sources.{action_id}"))
        menu.popup(self.table.viewport().mapToGlobal(where))
