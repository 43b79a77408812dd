"""Web: requests as they are judged, who attacks what, one request in full, and one to try."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.clock import from_us
from soc_copilot.domain.text import render_safe
from soc_copilot.domain.web import WebRequest
from soc_copilot.settings import SETTINGS
from soc_copilot.ui.context import Desk
from soc_copilot.ui.event_search import EventQuery
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.live import Live
from soc_copilot.ui.models.web_tables import CountColumn, CountModel, ThreatColumn, ThreatModel
from soc_copilot.ui.pages.detector_page import DetectorPage
from soc_copilot.ui.pages.settings import stored_text
from soc_copilot.ui.plots.plot_card import PlotCard
from soc_copilot.ui.plots.timeplot import Line, TimePlot
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.units import count_text
from soc_copilot.ui.web_facts import DETECTOR, OPEN, WebFacts, read_web
from soc_copilot.ui.web_history import COLUMN_S, REQUESTS, SPAN_S, SURE_NAMES
from soc_copilot.ui.web_trial import BUDGET_KEY, Presets, Trial, read_presets
from soc_copilot.ui.widgets.alert_links import AlertLinks
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.delegates import BarDelegate
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.progress_strip import ProgressStrip
from soc_copilot.ui.widgets.request_view import RequestView, as_pasted, chain_of
from soc_copilot.ui.widgets.tables import desk_table
from soc_copilot.ui.widgets.try_request import TryRequest
from soc_copilot.ui.widgets.web_parts import FAMILIES, PresetBar, class_titles

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

MOST_ROWS: Final = 100  # chosen: addresses, and paths, in a table
KIND_FROM_PX: Final = 1_560  # narrower, the counts' classes give way: their tooltip tells them
ANSWER_FROM_PX: Final = 1_160  # narrower, the servers' answers give way
SPLIT: Final = (360, 260)  # upper to lower part, as shares
HINTS: Final = "J K move    Enter alerts    V events    T try    Y try this one    ? all keys"
NOTHING_CHOSEN: Final = "Choose a threat above to see what gave it away."


class WebPage(DetectorPage):
    """Plots and tables above, one request in full below. Reads summaries, no detector.

    Args:
        desk: The desk.
        live: Where the summaries are kept.
        now: The present, seconds since 1970.
    """

    name = "web"
    title = "Web"
    detector = DETECTOR
    icon = "web"
    empty_title = "Requests to your web servers will be judged here"
    what_comes = (
        "Every line of an access log, and every request that the checking service is asked about, "
        "is scored for attacks: how many come in, who attacks what, and which part gave it away. "
    )
    stands_still = "the plots stand still"

    def __init__(self, desk: Desk, live: Live, now: Callable[[], float] = time.time) -> None:
        super().__init__(desk, live, now)
        self._facts = WebFacts(0, (), "")
        self._attacker, self._target = "", ""
        self._chosen: WebRequest | None = None
        self._told = -1, -1  # what the tables show
        self._trial = Trial()
        self._looks = Latest(desk.jobs, desk.error)
        self._build()
        self._bind()
        desk.jobs.submit(lambda _governance: read_presets(), self._take_presets, desk.error)

    # -- building

    def _build(self) -> None:
        theme, times = self.desk.theme, self.desk.times
        titles = class_titles()
        self.attackers = CountModel("Attacker", titles, self)
        self.targets = CountModel("Target", titles, self)
        self.threats = ThreatModel(times, self)
        self.try_card = TryRequest(theme)
        self.preset = PresetBar()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(self.preset)
        column.addWidget(self.trouble)
        self._divide(self.stack, self._build_lower(), SPLIT)
        column.addWidget(self.splitter, 1)
        self.strip = ProgressStrip(HINTS)
        column.addWidget(self.strip)
        self._add_states(self._build_upper(), (
            ("nothing", "Nothing is read so far: add the access log of a web server.",
             ("sources.add", "replay.start")),
            ("stopped", "Ingestion is stopped, so nothing is scored.",
             ("ingestion.start", "sources.add")),
            ("waiting", "No source has told of a request since this window was opened.",
             ("sources.add", "replay.start")),
            ("starting", "Ingestion is starting: the detectors load, which may take a minute once.",
             ("sources.add",)),
            ("off", "", ("go.settings",)),
        ))  # fmt: skip

    def _build_upper(self) -> QWidget:
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(self._build_plots(), 2)
        column.addLayout(self._build_tables(), 3)
        return upper

    def _build_plots(self) -> QHBoxLayout:
        theme, times, row = self.desk.theme, self.desk.times, QHBoxLayout()
        row.setSpacing(12)
        self.rates = TimePlot(theme, times, lambda v: f"{count_text(v)}/s", 1.0)
        self.verdicts = TimePlot(theme, times, count_text, 3.0)
        self.rates_card = PlotCard("Requests per second", self.rates)
        self.verdicts_card = PlotCard("Threats in 10 s", self.verdicts)
        for card, share in ((self.rates_card, 4), (self.verdicts_card, 6)):
            card.setMinimumHeight(132)
            card.plot.hovered.connect(self.show_cursor)
            card.plot.menu_wanted.connect(
                lambda where, plot=card.plot: self._plot_menu(plot, where)
            )
            row.addWidget(card, share)
        self._paint_lines()
        return row

    def _build_tables(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(12)
        self.attackers_card, self.attackers_table = self._count_table(
            "Attackers", self.attackers, "Addresses by threats"
        )
        self.targets_card, self.targets_table = self._count_table(
            "Targets", self.targets, "Paths by threats"
        )
        self.threats_card = Card("Threats", padding=12)
        widths = {
            ThreatColumn.TIME: 96, ThreatColumn.KIND: 128, ThreatColumn.FROM: 108,
            ThreatColumn.ANSWER: 64, ThreatColumn.SCORE: 56,
        }  # fmt: skip
        self.table = desk_table(self.threats, "Last threats", widths, stretch=ThreatColumn.REQUEST)
        self.clear_button = link_button("Show all")
        self.clear_button.clicked.connect(self.clear)
        self.clear_button.hide()
        self.threats_card.header.addWidget(self.clear_button)
        self.threats_card.body.addWidget(self.table, 1)
        for card, share in ((self.attackers_card, 4), (self.targets_card, 4),
                            (self.threats_card, 12)):  # fmt: skip
            card.setMinimumHeight(128)
            row.addWidget(card, share)
        return row

    def _count_table(self, title: str, model: CountModel, name: str) -> tuple[Card, QTableView]:
        card = Card(title, "last 15 min", padding=12)
        widths = {CountColumn.KIND: 96, CountColumn.BAR: 44, CountColumn.COUNT: 64}
        table = desk_table(model, name, widths, stretch=CountColumn.NAME)
        table.setItemDelegateForColumn(CountColumn.BAR, BarDelegate(self.desk.theme, table))
        if model is self.targets:
            table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        card.body.addWidget(table, 1)
        return card, table

    def _build_lower(self) -> QWidget:
        lower = QWidget()
        row = QHBoxLayout(lower)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.request_card = Card("Request")
        self.kind = PlainLabel("", "high")
        self.ids = ElidedLabel("", "muted")
        self.try_button = link_button("Try it")
        self.try_button.clicked.connect(self.desk.actions.action("web.retry").trigger)
        self.request_card.header.addWidget(self.try_button)
        line = QHBoxLayout()
        line.setSpacing(GRID)
        line.addWidget(self.kind)
        line.addWidget(self.ids, 1)
        self.view = RequestView(self.desk.theme, "The request and its decoding")
        self.request_card.body.addLayout(line)
        self.request_card.body.addWidget(self.view, 1)
        self.alerts_card = AlertLinks(self.desk, "No open alert of the web detector.")
        for card, share in ((self.request_card, 9), (self.alerts_card, 5), (self.try_card, 8)):
            row.addWidget(card, share)
        return lower

    def _bind(self) -> None:
        desk = self.desk
        self._bind_keys(
            {
                "try": self.focus_trial,
                "retry": self.try_chosen,
                "score": self.try_card.ask,
                "clear": self._escape,
            }
        )
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        for table in (self.attackers_table, self.targets_table):
            table.selectionModel().selectionChanged.connect(
                lambda _new, _old, table=table: self._on_counted(table)
            )
        self.alerts_card.chosen.connect(lambda one: desk.open_page("alerts", alert_id=one))
        self.alerts_card.all_wanted.connect(self.show_alerts)
        self.try_card.wanted.connect(self._try)
        self.preset.chosen.connect(self._store_budget)
        desk.setting_changed.connect(self._on_setting)
        desk.theme.changed.connect(self._paint_lines)
        desk.times.changed.connect(self._on_zone)
        self._show_chosen()

    # -- the page's life

    @override
    def open(self, **args: Any) -> None:
        """Show an address: `open(attacker="192.0.2.7")`, or put a text in: `open(text="GET /")`."""
        if "attacker" in args:
            self.select(attacker=str(args["attacker"]))
        if "text" in args:
            self.try_card.take(str(args["text"]))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for table in (self.attackers_table, self.targets_table):
            table.setColumnHidden(CountColumn.KIND, self.width() < KIND_FROM_PX)
        self.table.setColumnHidden(ThreatColumn.ANSWER, self.width() < ANSWER_FROM_PX)

    @override
    def look(self) -> None:
        self._looks.ask(read_web, self._take)

    def _take(self, facts: WebFacts) -> None:
        self._has_looked = True
        self._facts = facts
        self.preset.show_budget(facts.budget)
        self.refresh()
        self._show_alerts_card()

    def _take_presets(self, presets: Presets) -> None:
        self.preset.show_presets(presets)

    @override
    def refresh(self) -> None:
        """Move the plots on and bring the tables up to date; twice a second while seen."""
        web = self._live.web
        web.advance(self._now())
        self._show_emptiness()
        self._show_trouble()
        self._show_plots()
        if self._told != (web.n_told, web.head):
            self._told = web.n_told, web.head
            self._show_tables()

    def _show_emptiness(self) -> None:
        has_any = self._live.web.since_s is not None
        for card in (self.request_card, self.alerts_card):
            card.setVisible(has_any or bool(self._facts.alerts))
        self._show_state(has_any=has_any, has_sources=bool(self._facts.n_sources))

    # -- plots

    def _paint_lines(self) -> None:
        color = self.desk.theme.color
        self.rates.set_lines([Line(REQUESTS, "all requests", color("accent"))])
        self.verdicts.set_lines([Line(f.key, f.title, color(f.role)) for f in FAMILIES])
        self.show_cursor(None)

    def _show_plots(self) -> None:
        web = self._live.web
        end = float(web.head * COLUMN_S)
        start = end - SPAN_S
        if web.since_s is not None:  # a window just opened is not mostly empty
            start = max(start, min(web.since_s - COLUMN_S, end - 120))
        seconds, counts = web.series()
        # The column that is not over yet would look like a fall.
        self.rates.set_data(REQUESTS, seconds[:-1], counts[:-1] / COLUMN_S)
        for family in FAMILIES:
            seconds, counts = web.series(family.kinds)
            self.verdicts.set_data(family.key, seconds[:-1], counts[:-1])
        for plot in (self.rates, self.verdicts):
            plot.set_greyed(self.desk.killswitch.engaged)
            plot.set_range(start, end - COLUMN_S)
            plot.fit()
        n_all, n_threats = web.n_requests, web.n_threats
        share = f" ({100 * n_threats / n_all:.2g} %)" if n_all else ""
        self.rates_card.title.setToolTip(f"{n_all:,} in the last 15 minutes")
        words = f"{n_threats:,} of {n_all:,} requests in 15 min{share}"
        self.threats_card.hint.setText(words)

    def show_cursor(self, second: float | None) -> None:
        """The crosshair stands at the same time in both plots; the legends read out values."""
        at = self.desk.times.short(from_us(int(second * 1_000_000))) if second is not None else ""
        for card in (self.rates_card, self.verdicts_card):
            card.plot.show_cursor(second)
            card.read_out(at or self.desk.times.zone_name(), second)

    def _on_zone(self) -> None:
        self.show_cursor(None)
        self.threats.repaint()

    def _plot_menu(self, plot: TimePlot, where: QPoint) -> None:
        clipboard = QGuiApplication.clipboard()
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy as image", lambda: clipboard.setPixmap(plot.grab()))
        menu.addAction("Copy the numbers", lambda: clipboard.setText(plot.numbers_csv()))
        menu.popup(where)

    # -- tables and what is selected

    def _show_tables(self) -> None:
        web = self._live.web
        self._is_moving = True
        for card, model, table, rows, name in (
            (self.attackers_card, self.attackers, self.attackers_table, web.attackers(),
             self._attacker),
            (self.targets_card, self.targets, self.targets_table, web.targets(), self._target),
        ):  # fmt: skip
            many = "+" if len(rows) >= SURE_NAMES else ""
            card.hint.setText(f"{len(rows):,}{many} in 15 min")
            model.set_rows(rows[:MOST_ROWS])
            _select(table, model.place_of(name) if name else None)
        self._show_threats()
        self._is_moving = False

    def _show_threats(self) -> None:
        """New rows come in on top and move neither what is selected nor what is being read."""
        bar = self.table.verticalScrollBar()
        former, is_read = self._chosen, self._is_chosen or bar.value() > 0
        was_at = None if former is None else self.threats.place_of(former)
        at = bar.value()
        self.threats.set_rows(self._live.web.requests(attacker=self._attacker, target=self._target))
        place = None
        if former is not None and is_read:
            place = self.threats.place_of(former)
        if place is None and self.threats.rows:
            place = 0
        _select(self.table, place)
        if is_read and place is not None and was_at is not None:
            bar.setValue(at + place - was_at)
        chosen = None if place is None else self.threats.row(place)
        if chosen is not former:
            self._chosen = chosen
            self._show_chosen()

    def select(self, *, attacker: str = "", target: str = "") -> None:
        """Show only the threats of an address, or those at a path."""
        self._attacker, self._target = attacker, target
        self._chosen, self._is_chosen = None, False
        self.table.setColumnHidden(ThreatColumn.FROM, bool(attacker))
        self.clear_button.setVisible(bool(attacker or target))
        self.threats_card.title.setText(
            f"Threats of {render_safe(attacker, 40)}" if attacker
            else f"Threats at {render_safe(target, 40)}" if target else "Threats"
        )  # fmt: skip
        self._show_tables()
        self._show_chosen()

    def clear(self) -> None:
        """Show the threats of everyone again."""
        self.select()

    def _escape(self) -> None:
        if self.try_card.edit.hasFocus():
            self.table.setFocus()
        else:
            self.clear()

    def _on_counted(self, table: QTableView) -> None:
        if self._is_moving:
            return
        rows = table.selectionModel().selectedRows()
        model = self.attackers if table is self.attackers_table else self.targets
        name = model.rows[rows[0].row()].name if rows else ""
        if table is self.attackers_table:
            self.select(attacker=name)
        else:
            self.select(target=name)

    def _on_current(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._is_moving:
            self._chosen, self._is_chosen = self.threats.row(current.row()), True
            self._show_chosen()

    def _show_chosen(self) -> None:
        one = self._chosen
        self.view.show_chain(None if one is None else chain_of(one))
        self.view.setPlaceholderText(NOTHING_CHOSEN)
        self.kind.setText("" if one is None else one.title)
        score = "" if one is None else f"score {one.score:.3f}"
        ids = [] if one is None else [score, one.technique, one.capec, one.address]
        self.ids.setText(" · ".join(render_safe(text, 60) for text in ids if text))
        self.try_button.setVisible(one is not None)
        for name in ("retry", "events"):
            self.desk.actions.action(f"web.{name}").setEnabled(one is not None)
        self._show_alerts_card()

    # -- alerts and events

    def _entities(self) -> frozenset[str]:
        """Addresses that the selection is about; none when nothing is selected."""
        if self._attacker:
            return frozenset({self._attacker})
        if self._target:
            return frozenset(row.address for row in self.threats.rows)
        return frozenset({self._chosen.address}) if self._chosen is not None else frozenset()

    def _show_alerts_card(self) -> None:
        wanted, alerts = self._entities(), self._facts.alerts
        if wanted:
            alerts = tuple(alert for alert in alerts if alert.entity in wanted)
        rule = f"{DETECTOR}.{self._chosen.kind}" if self._chosen is not None else ""
        ordered = sorted(alerts, key=lambda alert: (alert.rule != rule, -alert.severity))
        who = next(iter(wanted)) if len(wanted) == 1 else ""
        self.alerts_card.show_alerts(ordered, who)

    @override
    def show_alerts(self) -> None:
        wanted = self._entities()
        entity = next(iter(wanted)) if len(wanted) == 1 else None
        query = AlertFilter(
            statuses=OPEN, detectors=(DETECTOR,), entity=entity or None, suppressed=False
        )
        self.desk.open_page("alerts", filter=query)

    @override
    def show_events(self) -> None:
        if self._chosen is not None:
            query = EventQuery(source_ids=frozenset({self._chosen.source_id}))
            self.desk.open_page("events", query=query)

    # -- trying a request

    def focus_trial(self) -> None:
        """Go to the box that scores a pasted request."""
        self.try_card.edit.setFocus()
        self.try_card.edit.selectAll()

    def try_chosen(self) -> None:
        """Put the chosen request into the box and score it."""
        if self._chosen is not None:
            self.try_card.take(as_pasted(self._chosen))

    def _try(self, text: str) -> None:
        trial = self._trial
        self.desk.jobs.submit_model(
            lambda governance: trial.score(text, str(governance.settings.get(BUDGET_KEY))),
            self.try_card.show_tried,
            self.try_card.show_problem,
        )

    # -- the threshold

    def _store_budget(self, budget: str) -> None:
        def write(governance: "Governance") -> str:
            return str(governance.settings.set(BUDGET_KEY, budget))

        self.desk.jobs.submit(write, self._on_stored, self.desk.error)

    def _on_stored(self, budget: str) -> None:
        self.preset.show_budget(budget)
        self.desk.setting_changed.emit(BUDGET_KEY, budget)
        setting = next(one for one in SETTINGS if one.key == BUDGET_KEY)
        self.desk.info(stored_text(setting, budget, running=self.desk.ingestion != "stopped"))

    def _on_setting(self, key: str, value: object) -> None:
        if key == BUDGET_KEY:
            self.preset.show_budget(str(value))


def _select(table: QTableView, place: int | None) -> None:
    """Select a row, or none, without scrolling when it is seen already."""
    if place is None:
        table.clearSelection()
    elif [row.row() for row in table.selectionModel().selectedRows()] != [place]:
        table.selectRow(place)
