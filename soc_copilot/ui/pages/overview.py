"""The Overview: four numbers, alerts over time, live plots, newest alerts, where it happens."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.alerts import AlertBucket, AlertCounts, AlertFilter, AlertRow, AlertStatus
from soc_copilot.domain.attack import technique_name
from soc_copilot.domain.clock import from_us, utc_now
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.live import (
    EVENTS,
    P50,
    P95,
    QUARTER_H_S,
    RAISED,
    Live,
    events_key,
    lag_key,
)
from soc_copilot.ui.models.newest import Column, NewestModel
from soc_copilot.ui.plots.plot_card import PlotCard
from soc_copilot.ui.plots.timeplot import Line, TimePlot
from soc_copilot.ui.replaying import SPEEDS
from soc_copilot.ui.theme import ROW_HEIGHT, severity_role
from soc_copilot.ui.units import count_text, seconds_text
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card, EmptyState
from soc_copilot.ui.widgets.delegates import SeverityDelegate
from soc_copilot.ui.widgets.histogram import SeverityHistogram, Span
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.overview_parts import ROW_PX, Bar, BarList, ScoreBars, Tile

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

SPAN_MIN: Final = 120  # minutes of the histogram, and how far back the live plots reach
REFRESH_MS: Final = 250  # chosen: a pixel of a live plot is two seconds; faster is not seen
NEWEST: Final = 10
TOP: Final = 5
ZOOMS_S: Final = (120, 300, QUARTER_H_S)  # the live plots widen as there is more to see
NARROW_PX: Final = 760  # below it the table leaves out what the detail shows anyway
NARROWEST_PX: Final = 520  # below it the count goes as well: what happened matters more
MAX_LINES: Final = 5  # sources drawn one by one
LEAST_ROWS: Final = 4  # chosen: of the newest alerts, so that 1280x800 shows every panel
OPEN = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the database for the panels."""

    n_sources: int
    total: int
    span: Span
    buckets: tuple[AlertBucket, ...]
    newest: tuple[AlertRow, ...]
    entities: tuple[tuple[str, int, Severity], ...]
    techniques: tuple[tuple[str, int, Severity], ...]


def look(governance: "Governance", picked: tuple[datetime, datetime] | None) -> Look:
    """Read what the panels show; `picked` is the brushed time range."""
    now_s = int(utc_now().timestamp())
    end_s = now_s - now_s % 60 + 60
    end = from_us(end_s * 1_000_000)
    span = Span(end - timedelta(minutes=SPAN_MIN), end, SPAN_MIN)
    alerts = governance.alerts
    since, until = picked if picked is not None else (None, None)
    query = AlertFilter(statuses=OPEN, since=since, until=until, suppressed=False)
    return Look(
        len(governance.sources.list()),
        alerts.counts().total,
        span,
        alerts.histogram(AlertFilter(), span.start, span.end, span.n_buckets),
        alerts.page(query, None, NEWEST),
        alerts.top_entities(since, TOP),
        alerts.top_techniques(since, TOP),
    )


class OverviewPage(Page):
    """What is going on, at a glance; every part leads to its page."""

    name = "overview"
    title = "Overview"

    def __init__(self, desk: Desk, live: Live) -> None:
        super().__init__(desk)
        self._live = live
        self._cursor: float | None = None
        self._n_sources = 0
        self._picked: tuple[datetime, datetime] | None = None
        self._is_asking, self._is_stale = False, True
        self._build()
        self._timer = QTimer(self, interval=REFRESH_MS)
        self._timer.timeout.connect(self.refresh_live)
        self._minute = QTimer(self, interval=15_000)  # the histogram moves on by itself
        self._minute.timeout.connect(self.refresh_stored)
        desk.alerts_changed.connect(self.refresh_stored)
        desk.sources_changed.connect(self.refresh_stored)
        desk.killswitch_changed.connect(lambda _state: self.refresh_live())
        desk.counts_changed.connect(self.show_counts)
        desk.theme.changed.connect(self._set_lines)
        desk.actions.bind("overview.all_time", self.clear_range)
        self.show_counts(desk.counts)

    @override
    def shown(self) -> None:
        self.refresh_stored()
        self.refresh_live()

    @override
    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self._timer.start()
        self._minute.start()

    @override
    def hideEvent(self, event: Any) -> None:
        self._timer.stop()
        self._minute.stop()
        super().hideEvent(event)

    @override
    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        table_px = self.width() * 12 // 26
        for column in (Column.DETECTOR, Column.SCORE):
            self.table.setColumnHidden(column, table_px < NARROW_PX)
        self.table.setColumnHidden(Column.COUNT, table_px < NARROWEST_PX)

    # -- refreshing

    def refresh_stored(self) -> None:
        """Read the panels again; one look at a time, a second one when asked meanwhile."""
        if self._is_asking or not self.isVisible():
            self._is_stale = True
            return
        self._is_asking, self._is_stale = True, False
        picked = self._picked
        self.desk.jobs.submit(lambda governance: look(governance, picked), self._take, self._fail)

    def _take(self, found: Look) -> None:
        self._is_asking = False
        empty = not (found.n_sources or found.total) and self.desk.ingestion == "stopped"
        self.layers.setCurrentIndex(0 if empty else 1)
        self.histogram.set_data(found.span, found.buckets)
        self.newest.set_rows(found.newest)
        self.nothing.setVisible(not found.newest)
        self.table.setVisible(bool(found.newest))
        bars = [Bar("", "Entities", 0, "", self.desk.theme.color("muted"), is_heading=True)]
        rows = min(max((self.where.height() // ROW_PX - 2) // 2, 2), TOP)
        bars += self._bars("entity", found.entities[:rows])
        bars.append(Bar("", "Techniques", 0, "", self.desk.theme.color("muted"), is_heading=True))
        bars += self._bars("technique", found.techniques[:rows])
        self.where.set_bars(bars if found.entities else ())
        self._n_sources = found.n_sources
        if self._is_stale:
            self.refresh_stored()

    def _fail(self, text: str) -> None:
        self._is_asking = False
        self.desk.error(text)

    def _bars(self, kind: str, rows: tuple[tuple[str, int, Severity], ...]) -> list[Bar]:
        most = max((count for _, count, _ in rows), default=1)
        color = self.desk.theme.severity_color
        titles = {name: technique_name(name) if kind == "technique" else "" for name, *_ in rows}
        return [
            Bar(
                f"{kind}:{name}",
                titles[name] or name,
                count / most,
                f"{count:,}",
                color(severity),
                f"{name} {titles[name]}".rstrip()
                + f": {count:,} open, worst {severity.label.lower()}",
            )
            for name, count, severity in rows
        ]

    def refresh_live(self) -> None:
        """Move the plots and numbers on; runs four times a second while the page is seen."""
        live, history = self._live, self._live.history
        live.tick()
        start, end = self._range()
        halted = self.desk.killswitch.engaged
        self._set_lines()
        for plot, factor in ((self.rates, 1.0), (self.latency, 0.001)):
            plot.set_range(start, end)
            plot.set_greyed(halted)
            for line in plot.lines:
                seconds, values = history.window(line.key, int(start), int(end) - 1)
                plot.set_data(line.key, seconds.astype(float), values.astype(float) * factor)
            plot.fit()
        self.scores.set_scores(live.scores(int(start), int(end)))
        self._show_tiles()
        self._show_flow()

    def show_counts(self, counts: AlertCounts) -> None:
        """The first tile: open alerts, the two worst severities in words."""
        worst = [s for s in reversed(Severity) if counts.open_by_severity[s]][:2]
        words = [
            (f"{counts.open_by_severity[s]:,} {s.label.lower()}", severity_role(s)) for s in worst
        ]
        self.tiles[0].show_number(f"{counts.open:,}", *words)
        self.tiles[0].spark.role = severity_role(worst[0]) if worst else "muted"
        self.all_open.setText(f"All {counts.open:,} open")

    def _show_tiles(self) -> None:
        live, latest = self._live, self._live.history.latest
        self.tiles[1].show_number(f"{live.rate():,.0f}", (f"peak {live.peak:,.0f}", "small"))
        found = live.latency_ms()
        if found is None:
            self.tiles[2].show_number("—", ("no lines in the last minute", "small"))
        else:
            self.tiles[2].show_number(
                seconds_text(found[0]), (f"p50, p95 {seconds_text(found[1])}", "small")
            )
        sources = live.current_sources()
        slow = sum(source.state not in {"live", "listening", "ok", "waiting"} for source in sources)
        words = (f"{slow} behind or not read", "medium") if slow else ("all read", "small")
        if not sources:
            words = ("not being read", "small")
        self.tiles[3].show_number(f"{len(sources) or self._n_sources}", words)
        lag = lag_key(sources[0].source_id) if sources else ""
        for tile, key in zip(self.tiles, (RAISED, EVENTS, P95, lag), strict=True):
            tile.spark.set_values(latest(key, self._zoom_s()))

    def _show_flow(self) -> None:
        live, color = self._live, self.desk.theme.color
        fill = live.buffer_fill
        bars = [Bar("", "Buffer", fill, f"{fill:.0%}", color("medium" if fill > 0.8 else "accent"))]
        for source in live.current_sources():
            text = seconds_text(source.lag_s * 1_000) if source.lag_s else "0 s"
            spark = live.history.latest(lag_key(source.source_id), self._zoom_s())
            tip = (
                f"{source.name}: {source.state}, {source.lag_bytes:,} bytes behind. {source.detail}"
            )
            shade = self.desk.theme.series_color(events_key(source.source_id))
            bars.append(Bar(str(source.source_id), source.name, 0, text, shade, tip, spark))
        self.flow.set_bars(bars)

    def _set_lines(self) -> None:
        theme = self.desk.theme
        sources = sorted(self._live.sources.values(), key=lambda s: -self._live.rate(s.source_id))
        chosen = sorted(sources[:MAX_LINES], key=lambda s: s.source_id)
        lines = [
            Line(events_key(s.source_id), s.name, theme.series_color(events_key(s.source_id)))
            for s in chosen
        ] or [Line(EVENTS, "all", theme.color("accent"))]
        self.rates.set_lines(lines)
        self.latency.set_lines(
            [Line(P50, "p50", theme.color("ok")), Line(P95, "p95", theme.color("high"))]
        )
        for card in (self.rates_card, self.latency_card):
            self._show_legend(card, self._cursor)

    # -- the time range

    def _range(self) -> tuple[float, float]:
        if self._picked is not None:
            return self._picked[0].timestamp(), self._picked[1].timestamp()
        now = time.time()
        return now - self._zoom_s(), now

    def _zoom_s(self) -> int:
        since = self._live.since_s
        seen = 0.0 if since is None else time.time() - since
        return next((zoom for zoom in ZOOMS_S if seen <= zoom), QUARTER_H_S)

    def pick_range(self, start: datetime, end: datetime) -> None:
        """Every panel shows this time range from now on."""
        self._picked = (start, end)
        self.refresh_stored()
        self.refresh_live()

    def clear_range(self) -> None:
        """Every panel shows what it shows by itself."""
        self._picked = None
        self.histogram.set_brush(None)
        self.refresh_stored()
        self.refresh_live()

    # -- read-outs and menus

    def show_cursor(self, second: float | None) -> None:
        """The crosshair stands at the same time in both plots; the legends read out values."""
        self._cursor = second
        for card, plot in ((self.rates_card, self.rates), (self.latency_card, self.latency)):
            plot.show_cursor(second)
            self._show_legend(card, second)

    def _show_legend(self, card: PlotCard, second: float | None) -> None:
        at = self.desk.times.short(from_us(int(second * 1_000_000))) if second is not None else ""
        card.read_out(at, second)

    def _plot_menu(self, plot: TimePlot, name: str, where: QPoint) -> None:
        menu = QMenu(self)
        menu.addAction("Copy as image", lambda: QGuiApplication.clipboard().setPixmap(plot.grab()))
        menu.addAction("Export the numbers…", lambda: self._export(plot, name))
        menu.exec(where)
        menu.deleteLater()

    def _export(self, plot: TimePlot, name: str) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Export the numbers", f"{name}.csv", "CSV (*.csv)"
        )
        if path:
            text = plot.numbers_csv()
            self.desk.jobs.submit(
                lambda _governance: Path(path).write_text(text, encoding="utf-8"),
                lambda _size: self.desk.message.emit("ok", f"The numbers are in {path}.", ""),
                self.desk.error,
            )

    # -- leading on

    def _open_bar(self, key: str) -> None:
        kind, _, name = key.partition(":")
        if name:
            query = AlertFilter(statuses=OPEN, suppressed=False, **{kind: name})  # type: ignore[arg-type]  # entity or technique
            self.desk.open_page("alerts", filter=query)

    def _open_alert(self, index: QModelIndex) -> None:
        row = self.newest.row(index.row())
        if row is not None:
            self.desk.open_page("alerts", alert_id=row.id)

    def _open_alerts(self) -> None:
        self.desk.open_page("alerts", filter=AlertFilter(statuses=OPEN, suppressed=False))

    # -- building

    def _build(self) -> None:
        self.layers: QStackedLayout = QStackedLayout(self)
        self.layers.addWidget(self._build_empty())
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self._build_panels())
        self.layers.addWidget(area)
        self.layers.setCurrentIndex(1)

    def _build_empty(self) -> EmptyState:
        actions = self.desk.actions
        empty = EmptyState(
            self.desk.theme,
            "logo",
            "Your desk is ready",
            "Here you will see alerts as they are raised, with the lines that led to them. Nothing "
            "is read yet: add a log of your own, or play two hours of a bundled sample.",
            (actions.action("sources.add"),),
        )
        self.speed = QComboBox()
        self.speed.setAccessibleName("Replay speed")
        for speed in SPEEDS:
            self.speed.addItem(f"{speed:,}x", float(speed))
        self.speed.setCurrentIndex(SPEEDS.index(60))
        self.replay_button = QPushButton("Replay the sample")
        self.replay_button.clicked.connect(lambda: self.desk.start_replay(self.speed.currentData()))
        place = empty.buttons.count() - 1
        empty.buttons.insertWidget(place, self.replay_button)
        empty.buttons.insertWidget(place + 1, self.speed)
        return empty

    def _build_panels(self) -> QWidget:
        panels = QWidget()
        panels.setObjectName("page")
        column = QVBoxLayout(panels)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(self._build_tiles())
        column.addWidget(self._build_histogram())
        column.addLayout(self._build_plots(), 3)
        column.addLayout(self._build_lists(), 5)
        return panels

    def _build_tiles(self) -> QHBoxLayout:
        theme, row = self.desk.theme, QHBoxLayout()
        row.setSpacing(12)
        self.tiles = [
            Tile(theme, "Open alerts", "critical"),
            Tile(theme, "Events per second", "accent"),
            Tile(theme, "Line to alert", "ok"),
            Tile(theme, "Sources", "low"),
        ]
        leads = (self._open_alerts, *[lambda: self.desk.open_page("sources")] * 3)
        for tile, lead in zip(self.tiles, leads, strict=True):
            tile.clicked.connect(lead)
            row.addWidget(tile, 1)
        return row

    def _build_histogram(self) -> Card:
        self.histogram_card = Card(
            "Alerts over time", "drag to set the time range for every panel, double-click for all"
        )
        self.histogram = SeverityHistogram(self.desk.theme, self.desk.times)
        self.histogram.setFixedHeight(92)
        self.histogram.range_chosen.connect(self.pick_range)
        self.histogram.range_cleared.connect(self.clear_range)
        self.histogram_card.body.addWidget(self.histogram)
        return self.histogram_card

    def _build_plots(self) -> QHBoxLayout:
        theme, times, row = self.desk.theme, self.desk.times, QHBoxLayout()
        row.setSpacing(12)
        self.rates = TimePlot(theme, times, lambda v: f"{count_text(v)}/s", 10.0)
        self.latency = TimePlot(theme, times, lambda v: f"{v:g} s", 0.5)
        self.rates_card = PlotCard("Events per second, by source", self.rates)
        self.latency_card = PlotCard("Line to alert, seconds", self.latency)
        for plot, name in ((self.rates, "events-per-second"), (self.latency, "line-to-alert")):
            plot.hovered.connect(self.show_cursor)
            plot.menu_wanted.connect(
                lambda where, plot=plot, name=name: self._plot_menu(plot, name, where)
            )
        self.scores = ScoreBars(theme)
        scores_card = Card("Scores by detector")
        scores_card.body.addWidget(self.scores, 1)
        for card, share in ((self.rates_card, 5), (self.latency_card, 4), (scores_card, 3)):
            row.addWidget(card, share)
        return row

    def _build_lists(self) -> QHBoxLayout:
        theme, row = self.desk.theme, QHBoxLayout()
        row.setSpacing(12)
        newest = Card("Newest alerts")
        self.all_open = link_button("All open")
        self.all_open.clicked.connect(self._open_alerts)
        newest.header.addWidget(self.all_open)
        self.nothing = PlainLabel("No open alert. What is raised appears here.", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        newest.body.addWidget(self._build_table(), 1)
        newest.body.addWidget(self.nothing, 1)
        self.where = BarList(theme, "No open alert.")
        self.where.chosen.connect(self._open_bar)
        self.where.setMinimumHeight(5 * ROW_PX)
        self.flow = BarList(theme, "Nothing is read.")
        self.flow.chosen.connect(lambda _key: self.desk.open_page("sources"))
        where, flow = Card("Where it happens"), Card("Buffer and lag")
        where.body.addWidget(self.where, 1)
        flow.body.addWidget(self.flow, 1)
        for card, share in ((newest, 12), (where, 8), (flow, 6)):
            row.addWidget(card, share)
        return row

    def _build_table(self) -> QTableView:
        self.newest = NewestModel(self.desk.times, self)
        table = self.table = QTableView()
        table.setModel(self.newest)
        table.setItemDelegateForColumn(Column.SEVERITY, SeverityDelegate(self.desk.theme, table))
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setTabKeyNavigation(False)
        table.setAccessibleName("Newest alerts")
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(Column.WHAT, QHeaderView.ResizeMode.Stretch)
        widths = {
            Column.SEVERITY: 88,
            Column.LAST_SEEN: 94,
            Column.ENTITY: 128,
            Column.DETECTOR: 72,
            Column.COUNT: 56,
            Column.SCORE: 60,
        }
        for place, width in widths.items():
            table.setColumnWidth(place, width)
        table.setMinimumHeight((LEAST_ROWS + 1) * ROW_HEIGHT)
        table.activated.connect(self._open_alert)
        return table
