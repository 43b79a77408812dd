"""Events: every line that was stored, found again by expression, time and source."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtWidgets import (
    QMenu,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.files import ask_export
from soc_copilot.ui.event_export_job import export_events
from soc_copilot.ui.event_search import EventBars, EventPage, EventQuery, OpenSearcher
from soc_copilot.ui.models.events import Column, EventTableModel
from soc_copilot.ui.pages.split import SplitPage
from soc_copilot.ui.widgets.cards import Card, EmptyState
from soc_copilot.ui.widgets.event_detail import EventDetailPane
from soc_copilot.ui.widgets.evidence_context import EvidenceContextWindow
from soc_copilot.ui.widgets.histogram import PlainBucket, Span, TimeHistogram
from soc_copilot.ui.widgets.progress_strip import ProgressStrip
from soc_copilot.ui.widgets.search_bar import SearchBar
from soc_copilot.ui.widgets.tables import desk_table
from soc_copilot.ui.workers import Job, JobControl

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

HINTS: Final = "J K move    Enter lines around    / search    F2 syntax    ? all keys"
HISTORY_KEY: Final = "events.history"
SPLIT: Final = (720, 280)  # table to detail, as shares
GIVE_WAY: Final = ((Column.HOST, 1_300), (Column.SOURCE, 1_080))  # columns, and below what width


class EventsPage(SplitPage):
    """Search over the archive. Everything is read in jobs; a new search cancels the former.

    Args:
        desk: The desk.
        opener: Gives the archive's searcher of a connection.
        parent: The window.
    """

    name = "events"
    title = "Events"

    def __init__(self, desk: Desk, opener: OpenSearcher, parent: QWidget | None = None) -> None:
        super().__init__(desk, Qt.Orientation.Horizontal, 0, parent)
        self._opener = opener
        self._bars_job: Job | None = None
        self._bars_cancel = threading.Event()
        self._export: Job | None = None
        self._context: EvidenceContextWindow | None = None
        self._has_asked, self._n_events = False, -1
        self._span: Span | None = None
        self.model = EventTableModel(desk, opener, self)
        self._build()
        self._bind()

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self._stack = QStackedWidget()
        column.addWidget(self._stack)
        self.nothing_stored = EmptyState(
            self.desk.theme,
            "events",
            "Every event will be found here",
            "Each line that is read is kept, whole and taken apart, and can be searched. Nothing "
            "was stored so far: add a log source and start ingestion, or replay the sample.",
            [self.desk.actions.action(name) for name in ("sources.add", "replay.start")],
        )
        full = QWidget()
        rows = QVBoxLayout(full)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(12)
        self.bar = SearchBar(self.desk)
        self.histogram = TimeHistogram(self.desk.theme, self.desk.times)
        self.histogram_card = Card(padding=5)
        self.histogram_card.body.addWidget(self.histogram)
        self.pane = EventDetailPane(self.desk)
        self.pane.setMinimumWidth(320)
        self.splitter.addWidget(self._build_table())
        self.splitter.addWidget(self.pane)
        self.splitter.setSizes(list(SPLIT))
        for place, share in enumerate(SPLIT):
            self.splitter.setStretchFactor(place, share)
        self.strip = ProgressStrip(HINTS)
        rows.addWidget(self.bar)
        rows.addWidget(self.histogram_card)
        rows.addWidget(self.splitter, 1)
        rows.addWidget(self.strip)
        self._stack.addWidget(full)
        self._stack.addWidget(self.nothing_stored)
        self.setFocusProxy(self.table)

    def _build_table(self) -> Card:
        card = Card(padding=4)
        card.setMinimumWidth(440)
        widths = {
            Column.TIME: 108,
            Column.SOURCE: 112,
            Column.HOST: 88,
            Column.WHO: 144,
            Column.WHAT: 184,
        }
        self.table = desk_table(self.model, "Events", widths, stretch=Column.LINE)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.doubleClicked.connect(lambda _index: self.show_around())
        self.no_match = EmptyState(self.desk.theme, "search", "No event matches", "")
        self.clear_button = QPushButton("Clear the search")
        self.clear_button.setProperty("kind", "primary")
        self.clear_button.clicked.connect(self.bar.clear)
        self.no_match.buttons.insertWidget(self.no_match.buttons.count() - 1, self.clear_button)
        self._rows = QStackedWidget()
        self._rows.addWidget(self.table)
        self._rows.addWidget(self.no_match)
        card.body.addWidget(self._rows)
        return card

    def _bind(self) -> None:
        actions = self.desk.actions
        for name, handler in (
            ("next", lambda: self._move(1)),
            ("previous", lambda: self._move(-1)),
            ("around", self.show_around),
            ("search", self.focus_search),
            ("syntax", self.bar.help_button.toggle),
            ("histogram", self._toggle_histogram),
            ("clear", self._escape),
            ("export", self._ask_export),
            ("reload", self.reload),
        ):
            actions.bind(f"events.{name}", handler)
        # Enter presses whatever button has the focus; here it belongs to the table.
        around = actions.action("events.around")
        around.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.table.addAction(around)
        self.bar.asked.connect(self._on_asked)
        self.bar.typing.connect(self._stop)
        self.bar.history_changed.connect(self._store_history)
        self.model.loaded.connect(self._on_loaded)
        self.model.failed.connect(self._on_failed)
        self.model.busy_changed.connect(self.strip.show_busy)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.histogram.range_chosen.connect(lambda since, until: self.bar.set_brush((since, until)))
        self.histogram.range_cleared.connect(lambda: self.bar.set_brush(None))
        self.pane.around_requested.connect(self.show_around)
        self.pane.condition_chosen.connect(self.bar.add_condition)
        self.strip.cancelled.connect(self._on_cancelled)
        self.desk.sources_changed.connect(self._read_names)
        self._read_names()
        self.desk.jobs.submit(
            lambda governance: governance.settings.ui_state(HISTORY_KEY), self.bar.set_history
        )

    # -- the page's life

    @override
    def shown(self) -> None:
        if not self._has_asked or self.model.rowCount() == 0:
            self.reload()

    @override
    def open(self, **args: Any) -> None:
        """Ask: `open(query=EventQuery(...))` or `open(text="user:root")`."""
        if isinstance(query := args.get("query"), EventQuery):
            self.bar.set_query(query)
        elif "text" in args:
            self.bar.set_query(EventQuery(str(args["text"])))

    @override
    def save_state(self) -> dict[str, str]:
        return {
            **super().save_state(),
            "histogram": str(int(not self.histogram_card.isHidden())),
            "text": self.bar.text.text(),
        }

    @override
    def restore_state(self, state: dict[str, str]) -> None:
        super().restore_state(state)
        self.histogram_card.setVisible(state.get("histogram", "1") == "1")
        self.bar.text.setText(state.get("text", ""))

    @override
    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self._fit_columns()

    def _fit_columns(self) -> None:
        """Hide what the width has no room for, and hosts where no event names one."""
        for column, least in GIVE_WAY:
            self.table.setColumnHidden(column, self.width() < least)
        if not any(row.host for row in self.model.rows):
            self.table.setColumnHidden(Column.HOST, True)

    # -- asking

    def reload(self) -> None:
        """Ask again, from the newest event."""
        self.bar.ask()

    def _on_asked(self, query: EventQuery) -> None:
        self._has_asked = True
        self._stop()
        self.histogram.set_brush(self.bar.brush)
        self.model.set_query(query)
        self._ask_bars(query)

    def _stop(self) -> None:
        """Give up what is being looked for: it is out of date."""
        self.model.stop()
        self._bars_cancel.set()
        if self._bars_job is not None:
            self._bars_job.cancel()
            self._bars_job = None

    def _ask_bars(self, query: EventQuery) -> None:
        opener = self._opener
        self._bars_cancel = cancel = threading.Event()
        wide = query
        if self.bar.brush is not None:  # the bars go on showing what lies beside the range
            wide = EventQuery(query.text, source_ids=query.source_ids)
        self._bars_job = self.desk.jobs.submit_search(
            lambda governance: opener(governance).bars(wide, cancel), self._take_bars
        )

    def _take_bars(self, bars: EventBars) -> None:
        self._bars_job = None
        self._n_events = bars.n_events
        if bars.counts:
            span = Span(bars.start, bars.end, len(bars.counts))
            buckets = [
                PlainBucket(bars.start + place * span.step, (count,))
                for place, count in enumerate(bars.counts)
            ]
            self.histogram.set_data(span, buckets)
        count = f"{bars.total:,}" if self.bar.brush is None else ""
        self.bar.show_count(
            count, f"of {bars.n_events:,}" if count else f"{bars.n_events:,} stored"
        )
        self._show_emptiness()

    def _on_loaded(self, page: EventPage) -> None:
        self.bar.show_problem("")
        for problem in page.problems:
            self.desk.message.emit("warning", problem, "")
        more = "the newest " if page.has_more else ""
        self.strip.show_done(f"Found {more}{len(page.rows):,} in {page.took_s:.2f} s.")
        self.pane.show_event(None)
        self._fit_columns()
        self.table.scrollToTop()
        self._show_emptiness()

    def _on_failed(self, text: str) -> None:
        self.strip.show_done("")
        self.bar.show_problem(text)

    def _show_emptiness(self) -> None:
        is_bare = self._n_events == 0 and self.model.rowCount() == 0 and self.bar.is_default
        self._stack.setCurrentIndex(1 if is_bare else 0)
        self._rows.setCurrentIndex(1 if self.model.rowCount() == 0 and self._n_events > 0 else 0)
        self.no_match.text.setText(
            "Every condition must hold. Take one away, widen the time, or look at all sources."
        )

    def _read_names(self) -> None:
        def take(names: Mapping[int, str]) -> None:
            self.model.set_names(names)
            self.bar.set_sources(names)

        self.desk.jobs.submit(
            lambda governance: {row.id: row.name for row in governance.sources.list()}, take
        )

    def _store_history(self, text: str) -> None:
        self.desk.jobs.submit(
            lambda governance: governance.settings.set_ui_state(HISTORY_KEY, text),
            failed=self.desk.error,
        )

    # -- looking

    def focus_search(self) -> None:
        """Go to the search field."""
        self.bar.text.setFocus()
        self.bar.text.selectAll()

    def show_around(self) -> None:
        """Show the lines around the current event; it can be stepped through the results."""
        row = self.model.row_at(self.table.currentIndex().row())
        if row is None:
            return
        if self._context is None:
            self._context = EvidenceContextWindow(self.desk, self, self._opener)
        pieces = {one.key: one.evidence() for one in self.model.rows}
        self._context.show_evidence(tuple(pieces.values()), pieces[row.key])

    @property
    def context_window(self) -> EvidenceContextWindow | None:
        """The window with the lines around, once it was asked for."""
        return self._context

    def _move(self, step: int) -> None:
        current = self.table.currentIndex().row()
        target = min(max(current + step, 0), self.model.rowCount() - 1)
        if target >= 0:
            self.table.selectRow(target)
            self.table.scrollTo(self.model.index(target, 0))

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        row = self.model.row_at(current.row()) if current.isValid() else None
        self.pane.show_event(row, "" if row is None else self.model.source_name(row.source_id))

    def _escape(self) -> None:
        """Out of the search field first, then clear the search."""
        if self.bar.text.hasFocus():
            self.table.setFocus()
        else:
            self.bar.clear()

    def _toggle_histogram(self) -> None:
        self.histogram_card.setVisible(self.histogram_card.isHidden())

    def _show_menu(self, where: QPoint) -> None:
        if not self.table.indexAt(where).isValid():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy", self.pane.copy_text)
        for name in ("around", "export"):
            menu.addAction(self.desk.actions.action(f"events.{name}"))
        menu.popup(self.table.viewport().mapToGlobal(where))

    # -- export

    def _ask_export(self) -> None:
        ask_export(self, "Export events", "events", self.export_to)

    def export_to(self, path: Path) -> None:
        """Write every hit to a file with a job."""
        query, opener = self.model.query, self._opener
        name = render_safe(path.name, 60)

        def run(governance: "Governance", control: JobControl) -> int:
            searcher = opener(governance)
            return export_events(searcher, query, path, lambda done: control.report(done, done + 1))

        def done(count: int) -> None:
            self._export = None
            self.strip.show_done(f"Exported {count:,} events to {name}.")

        def failed(text: str) -> None:
            self._export = None
            self.strip.show_done("")
            self.desk.error(text)

        self._export = self.desk.jobs.submit_long(
            run, done, failed, lambda count, _total: self.strip.show_work(f"Exporting {count:,} …")
        )
        self.strip.show_work("Exporting …")

    def _on_cancelled(self) -> None:
        if self._export is not None:
            self._export.cancel()
            self._export = None
            self.strip.show_done("The export was cancelled; no file was left.")
        else:
            self._stop()
            self.strip.show_done("The search was cancelled.")
