"""Alerts: find, understand, decide; and the history of every decision."""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtWidgets import (
    QMenu,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.alerts import AlertBucket, AlertDetail, AlertFilter
from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.findings import Evidence
from soc_copilot.ui.alert_commands import AlertCommands
from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.event_search import OpenSearcher
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.models.alert_view import (
    AlertView,
    filter_to_view,
    views_from_json,
    views_to_json,
)
from soc_copilot.ui.models.alerts import AlertTableModel
from soc_copilot.ui.theme import ROW_HEIGHT
from soc_copilot.ui.widgets import Card, EmptyState
from soc_copilot.ui.widgets.alert_detail import AlertDetailPane
from soc_copilot.ui.widgets.alert_history import AlertHistoryView
from soc_copilot.ui.widgets.alert_table import AlertTable
from soc_copilot.ui.widgets.evidence_context import EvidenceContextWindow
from soc_copilot.ui.widgets.filter_bar import FilterBar
from soc_copilot.ui.widgets.histogram import SeverityHistogram, Span, nice_span
from soc_copilot.ui.widgets.triage_strip import TriageStrip

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

VIEWS_KEY: Final = "alerts.views"
NUMBERS_MS: Final = 1_000  # chosen: counts and bars that change faster cannot be read
DETAIL_MS: Final = 40  # chosen: holding J down asks only for the alert where it stops
GAP_PX: Final = 12
SPLIT: Final = (660, 340)  # table to detail, as shares


class _Numbers:
    """What one look at the database tells about a view, without the rows."""

    def __init__(
        self,
        governance: "Governance",
        view: AlertView,
        now: datetime,
    ) -> None:
        start = time.perf_counter()
        store, me = governance.alerts, governance.actor.name
        query = view.query(now, me)
        self.shown = store.count(query)
        self.total = store.count(AlertFilter())
        self.suppressed: int | None = None  # how many the view would have but for that
        if query.suppressed is False:
            self.suppressed = store.count(replace(query, suppressed=True))
        self.detectors = store.detectors()
        wide = replace(view, brush=None)
        self.span = _span(wide.range(now), store.extent(), now)
        self.buckets: tuple[AlertBucket, ...] = store.histogram(
            wide.query(now, me), self.span.start, self.span.end, self.span.n_buckets
        )
        self.took_ms = round((time.perf_counter() - start) * 1_000)


def _span(
    asked: tuple[datetime | None, datetime | None],
    extent: tuple[datetime, datetime] | None,
    now: datetime,
) -> Span:
    first, last = extent or (now - timedelta(hours=1), now)
    since, until = asked[0] or first, asked[1] or (now if asked[0] is not None else last)
    return nice_span(min(since, until - timedelta(seconds=1)), until + timedelta(microseconds=1))


class AlertsPage(Page):
    """The queue of alerts with filter, histogram, detail, triage, and all changes."""

    name = "alerts"
    title = "Alerts"

    def __init__(
        self, desk: Desk, parent: QWidget | None = None, opener: OpenSearcher | None = None
    ) -> None:
        super().__init__(desk, parent)
        self._opener = opener
        self.model = AlertTableModel(desk, self)
        self._numbers = Latest(desk.jobs, desk.error, slow=True)
        self._details = Latest(desk.jobs, self._on_detail_failed)
        self._wanted_id: int | None = None  # to be made current once its row is there
        self._wanted_top, self._wanted_end = False, False
        self._is_stale, self._has_views = True, False
        self._numbers_timer = QTimer(self, singleShot=True, interval=NUMBERS_MS)
        self._detail_timer = QTimer(self, singleShot=True, interval=DETAIL_MS)
        self._context: EvidenceContextWindow | None = None
        self._build()
        self.commands = AlertCommands(self)
        self._connect()

    # -- building

    def _build(self) -> None:
        # From the outside in: Qt styles again, with all it holds, whatever changes its parent.
        desk = self.desk
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self._stack = QStackedWidget(self)
        column.addWidget(self._stack)
        queue = QWidget(self._stack)
        self._body = QStackedWidget(queue)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self._body)
        self.bar = FilterBar(desk)
        self.histogram = SeverityHistogram(desk.theme, desk.times)
        self.histogram_card = Card(padding=5)
        self.histogram_card.body.addWidget(self.histogram)
        self.table = AlertTable(desk, self.model)
        self.pane = AlertDetailPane(desk)
        self.pane.setMinimumWidth(320)
        self.strip = TriageStrip()
        self.history = AlertHistoryView(desk)
        self.history_button = QToolButton()
        self.history_button.setDefaultAction(desk.actions.action("alerts.history"))
        self.history_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.history_button.setAccessibleName("All changes to alerts")
        self.bar.add_widget(self.history_button)
        self.splitter.setHandleWidth(GAP_PX)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self._make_table_card())
        self.splitter.addWidget(self.pane)
        self.splitter.setSizes(list(SPLIT))
        for place, share in enumerate(SPLIT):
            self.splitter.setStretchFactor(place, share)
        self._fill_queue(queue)
        self._stack.addWidget(queue)
        self._stack.addWidget(self.history)

    def _fill_queue(self, queue: QWidget) -> None:
        column = QVBoxLayout(queue)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_PX)
        column.addWidget(self.bar)
        column.addWidget(self.histogram_card)
        self.no_alerts = EmptyState(
            self.desk.theme,
            "alerts",
            "Alerts will appear here",
            "Nothing was raised so far. As soon as a detector finds something in the logs, it is "
            "listed here with its reasons and raw lines. Add a log source, or replay the sample.",
            [self.desk.actions.action(name) for name in ("sources.add", "replay.start")],
        )
        self._body.addWidget(self.splitter)
        self._body.addWidget(self.no_alerts)
        column.addWidget(self._body, 1)
        column.addWidget(self.strip)

    def _make_table_card(self) -> QWidget:
        self.table_card = Card(padding=4)
        self.table_card.setMinimumWidth(440)
        self.no_match = EmptyState(self.desk.theme, "search", "", "")
        self.clear_button = QPushButton("Clear the filter")
        self.clear_button.setProperty("kind", "primary")
        self.clear_button.clicked.connect(self.bar.clear)
        self.everything_button = QPushButton("Show closed ones too")
        self.everything_button.clicked.connect(self._show_closed_too)
        for button in (self.clear_button, self.everything_button):
            self.no_match.buttons.insertWidget(self.no_match.buttons.count() - 1, button)
        self._rows = QStackedWidget()
        self._rows.addWidget(self.table)
        self._rows.addWidget(self.no_match)
        self.table_card.body.addWidget(self._rows)
        return self.table_card

    def _connect(self) -> None:
        desk = self.desk
        self.bar.view_changed.connect(self._on_view_changed)
        self.bar.views_changed.connect(self._store_views)
        self.bar.left.connect(self.focus_table)
        self.histogram.range_chosen.connect(self._on_range_chosen)
        self.histogram.range_cleared.connect(self._on_range_cleared)
        self.model.loaded.connect(self._on_loaded)
        self.model.failed.connect(desk.error)
        self.model.prepended.connect(self._on_prepended)
        self.model.rowsInserted.connect(lambda: self._show_emptiness())
        self.model.rowsRemoved.connect(lambda: self._show_emptiness())
        self.table.selectionModel().currentRowChanged.connect(self._on_current_changed)
        self.table.pill_clicked.connect(self.go_top)
        self.table.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.table.customContextMenuRequested.connect(self._on_table_menu)
        self.table.doubleClicked.connect(lambda _index: self.pane.ask_context())
        self.pane.context_requested.connect(self._show_context)
        self.history.left.connect(self.show_queue)
        self.history.alert_chosen.connect(self.open_alert)
        self._numbers_timer.timeout.connect(self._ask_numbers)
        self._detail_timer.timeout.connect(self._ask_detail)
        desk.alerts_changed.connect(self._on_alerts_changed)

    # -- the page's life

    @override
    def shown(self) -> None:
        if not self._has_views:
            self._has_views = True
            self._read_views()
        if self._is_stale:
            self._is_stale = False
            self.reload()
        else:
            self.model.poll()
        if self._stack.currentIndex() == 0:
            self.focus_table()

    @override
    def open(self, **args: Any) -> None:
        """Show alerts: `filter` an `AlertFilter`, `text` a search, or `alert_id` one alert.

        With `suppressions` true, the list of suppressions.
        """
        self.show_queue()
        if (query := args.get("filter")) is not None:
            self.bar.set_view(filter_to_view(query))
        elif (text := args.get("text")) is not None:
            self.bar.set_view(AlertView(text=str(text), statuses=(), suppressed="shown"))
        elif (alert_id := args.get("alert_id")) is not None:
            self.open_alert(int(alert_id))
        elif args.get("suppressions"):
            self.commands.suppressing.show_list()

    @override
    def save_state(self) -> dict[str, str]:
        return {
            "splitter": ",".join(map(str, self.splitter.sizes())),
            "histogram": str(int(self.commands.is_histogram_wanted)),
            "preview": str(int(not self.pane.isHidden())),
            "hidden": ",".join(map(str, self.table.hidden_columns())),
            "view": self.bar.view.to_json(),
        }

    @override
    def restore_state(self, state: dict[str, str]) -> None:
        sizes = _numbers(state.get("splitter", ""))
        if len(sizes) == len(SPLIT) and all(sizes):
            self.splitter.setSizes(sizes)
        self.commands.show_histogram(state.get("histogram", "1") == "1")
        self.pane.setVisible(state.get("preview", "1") == "1")
        if "hidden" in state:
            self.table.set_hidden_columns(_numbers(state["hidden"]))
        try:
            self.bar.set_view(AlertView.from_json(state.get("view", "")))
        except ValueError:
            self.bar.clear()

    @property
    def is_busy(self) -> bool:
        """True while an answer of the database is on its way."""
        timers = (self._numbers_timer, self._detail_timer)
        questions = (self._numbers, self._details)
        return any(t.isActive() for t in timers) or any(q.is_busy for q in questions)

    def reload(self) -> None:
        """Read everything again."""
        self._wanted_id = self._current_id()
        self.model.set_query(self.bar.view.query(utc_now(), self.desk.reader.actor.name))
        self._ask_numbers()

    def _on_alerts_changed(self) -> None:
        if not self.isVisible():
            self._is_stale = True
            return
        self.model.poll()
        if not self._numbers_timer.isActive():
            self._numbers_timer.start()
        if self.pane.detail is not None:
            self._detail_timer.start()

    # -- filter and numbers

    def _on_view_changed(self, view: AlertView) -> None:
        self.histogram.set_brush(view.brush)
        self._wanted_top = True
        self.reload()

    def _on_range_chosen(self, since: datetime, until: datetime) -> None:
        self.bar.set_view(replace(self.bar.view, brush=(since, until)))

    def _on_range_cleared(self) -> None:
        self.bar.set_view(replace(self.bar.view, brush=None))

    def _show_closed_too(self) -> None:
        self.bar.set_view(replace(self.bar.view, statuses=()))

    def _ask_numbers(self) -> None:
        view, now = self.bar.view, utc_now()
        self._numbers.ask(lambda governance: _Numbers(governance, view, now), self._take_numbers)

    def _take_numbers(self, numbers: _Numbers) -> None:
        self.bar.set_count(numbers.shown, numbers.total)
        self.bar.set_suppressed(numbers.suppressed)
        self._n_suppressed = numbers.suppressed or 0
        self.bar.set_detectors(numbers.detectors)
        # While alerts stream in, a large database is counted a fifth of the time at most.
        self._numbers_timer.setInterval(max(NUMBERS_MS, 4 * numbers.took_ms))
        self.histogram.set_data(numbers.span, numbers.buckets)
        self.commands.set_matching(numbers.shown)
        self._total = numbers.total
        self._show_emptiness()

    _total = 0
    _n_suppressed = 0

    def _show_emptiness(self) -> None:
        is_bare = self._total == 0 and self.model.rowCount() == 0
        self._body.setCurrentIndex(1 if is_bare else 0)
        for widget in (self.bar, self.strip):
            widget.setVisible(not is_bare)
        self.histogram_card.setVisible(not is_bare and self.commands.is_histogram_wanted)
        self._rows.setCurrentIndex(1 if self.model.rowCount() == 0 else 0)
        if self.bar.is_default:
            self.no_match.title.setText("Nothing is open")
            hidden = f"{self._n_suppressed:,} open are suppressed, U shows them. "
            self.no_match.text.setText(
                ("Every alert was closed. " if not self._n_suppressed else hidden)
                + "New ones appear here at once."
            )
        else:
            self.no_match.title.setText("No alert matches the filter")
            self.no_match.text.setText(
                "Every part of it must fit. Take a part away, or look at closed alerts too."
            )
        self.clear_button.setVisible(not self.bar.is_default)
        self.everything_button.setVisible(bool(self.bar.view.statuses))

    def _read_views(self) -> None:
        self.desk.jobs.submit(
            lambda governance: governance.settings.ui_state(VIEWS_KEY),
            lambda text: self.bar.set_saved(views_from_json(text)),
            self.desk.error,
        )

    def _store_views(self, views: dict[str, AlertView]) -> None:
        text = views_to_json(views)
        self.desk.jobs.submit(
            lambda governance: governance.settings.set_ui_state(VIEWS_KEY, text),
            failed=self.desk.error,
        )

    # -- table and detail

    def focus_table(self) -> None:
        """Give the keyboard to the table."""
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def go_top(self) -> None:
        """To the newest alert, with what was held back."""
        if self.model.n_pending or self.model.has_gap:
            self._wanted_id, self._wanted_top = None, True
            self.model.show_pending()
        elif self.model.rowCount():
            self.table.go_to(0)
        self.focus_table()

    def load_oldest(self) -> None:
        """To the oldest alert."""
        self._wanted_end = True
        self.model.load_oldest()

    def open_alert(self, alert_id: int) -> None:
        """Show one alert, whatever the filter; its row too when it can be found."""
        self.show_queue()

        def found(detail: AlertDetail) -> None:
            view = AlertView(statuses=(), entity=detail.row.entity, suppressed="shown")
            self.bar.set_view(view)
            self._wanted_id, self._wanted_top = alert_id, False
            self.pane.show()
            self.pane.set_detail(detail)

        self._details.ask(lambda governance: governance.alerts.detail(alert_id), found)

    def show_queue(self) -> None:
        """Leave the history."""
        self._stack.setCurrentIndex(0)
        self.focus_table()

    def show_history(self) -> None:
        """Show every change to any alert, or go back."""
        if self._stack.currentIndex() == 1:
            self.show_queue()
            return
        self._stack.setCurrentIndex(1)
        self.history.refresh()
        self.history.setFocus()

    @property
    def is_history_shown(self) -> bool:
        """True while all changes are shown instead of the queue."""
        return self._stack.currentIndex() == 1

    def _current_id(self) -> int | None:
        row = self.model.row_at(self.table.current_row())
        return row.id if row is not None else self._wanted_id

    def _on_loaded(self) -> None:
        self._show_emptiness()
        row = self.model.row_of(self._wanted_id) if self._wanted_id is not None else None
        if row is not None:
            self.table.go_to(row)
        elif self._wanted_id is None:
            self.pane.set_detail(None)
        if self._wanted_top and row is None:
            self.table.scrollToTop()
            self.pane.set_detail(None)
        if self._wanted_end:
            self.table.go_to(self.model.rowCount() - 1)
        self._wanted_top, self._wanted_end, self._wanted_id = False, False, None
        self.table.show_pill(self.model.n_pending)

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.commands.on_moved()
        if current.isValid():
            self._detail_timer.start()
        elif self._wanted_id is None:
            self.pane.set_detail(None)

    def after_triage(self) -> None:
        """Read the current alert and the numbers again."""
        self._detail_timer.start()
        self._ask_numbers()

    def _ask_detail(self) -> None:
        row = self.model.row_at(self.table.current_row())
        shown = self.pane.detail
        alert_id = row.id if row is not None else shown.row.id if shown is not None else None
        if alert_id is not None:
            self._details.ask(
                lambda governance: governance.alerts.detail(alert_id), self._take_detail
            )

    def _take_detail(self, detail: AlertDetail) -> None:
        row = self.model.row_at(self.table.current_row())
        if row is None or row.id == detail.row.id:
            self.pane.set_detail(detail)

    def _on_detail_failed(self, text: str) -> None:
        self.pane.set_detail(None)
        self.desk.error(text)

    def _on_scrolled(self, value: int) -> None:
        if value < ROW_HEIGHT and self.model.has_gap:
            self.model.fetch_above()
        elif value == 0 and self.model.n_pending and not self.table.is_held():
            self.model.poll()

    def _on_prepended(self, count: int) -> None:
        bar = self.table.verticalScrollBar()
        bar.setValue(bar.value() + count * ROW_HEIGHT)  # what was seen stays where it was
        self.table.show_pill(self.model.n_pending)

    def _show_context(self, evidence: Evidence) -> None:
        detail = self.pane.detail
        if detail is None or evidence not in detail.evidence:
            return
        if self._context is None:
            self._context = EvidenceContextWindow(self.desk, self, self._opener)
        self._context.show_evidence(detail.evidence, evidence)

    @property
    def context_window(self) -> EvidenceContextWindow | None:
        """The window with the lines around the evidence, once it was asked for."""
        return self._context

    def _on_table_menu(self, at: QPoint) -> None:
        index = self.table.indexAt(at)
        if not index.isValid():
            return
        menu = QMenu(self)
        self.commands.fill_menu(menu, index)
        menu.exec(self.table.viewport().mapToGlobal(at))
        menu.deleteLater()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.isdecimal()]
