"""Host: scores of file activity as they come in, one strip a stream, and what drives them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.clock import from_us
from soc_copilot.domain.text import render_safe
from soc_copilot.ui import exercise
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.event_search import EventQuery
from soc_copilot.ui.host_rows import (
    DETECTOR,
    OPEN,
    THREAT,
    HostFacts,
    HostRow,
    assemble,
    read_host,
)
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.live import Live
from soc_copilot.ui.models.host_streams import Column, StreamTableModel
from soc_copilot.ui.pages.detector_page import DetectorPage
from soc_copilot.ui.stream_history import COLUMN_S, N_COLUMNS
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.host_detail import HostDetail
from soc_copilot.ui.widgets.labels import ElidedLabel
from soc_copilot.ui.widgets.progress_strip import ProgressStrip
from soc_copilot.ui.widgets.strips import (
    StateDelegate,
    StripDelegate,
    StripHeader,
    StripHover,
    StripLegend,
)
from soc_copilot.ui.widgets.tables import desk_table
from soc_copilot.ui.workers import Job, JobControl

HINTS: Final = "J K move    Enter alerts    V events    M keep on top    ? all keys"
SPLIT: Final = (300, 320)  # strips to detail, as shares
# Columns that give way on a narrow desk, first one first, and the width below which they do.
GIVE_WAY: Final = ((Column.HIGHEST, 1_000), (Column.HEARD, 880))
NAME_SHARE: Final = 0.2  # chosen: of the width, for names
LEAST_NAME_PX, MOST_NAME_PX = 176, 336


class HostPage(DetectorPage):
    """Strips above, the chosen stream below. Reads summaries and the database, no detector.

    Args:
        desk: The desk.
        live: Where the scores are kept.
        now: The present, seconds since 1970.
    """

    name = "host"
    title = "Host"
    detector = DETECTOR
    icon = "host"
    empty_title = "Scores of file activity will stream here"
    what_comes = (
        "Each watched folder, host and user gets a line: how much what happens to its files looks "
        "like encryption, wiping or tampering, over the last 15 minutes, and why. "
    )
    stands_still = "the strips stand still"

    def __init__(self, desk: Desk, live: Live, now: Callable[[], float] = time.time) -> None:
        super().__init__(desk, live, now)
        self._facts = HostFacts({}, (), ())
        self._pinned: set[str] = set()
        self._wanted: str | None = None  # stream to select once it is listed
        self._possible: dict[str, bool] = {}
        self._told_of = 0  # alert whose words the detail shows
        self._exercise: Job | None = None
        self._looks, self._details = Latest(desk.jobs, desk.error), Latest(desk.jobs, desk.error)
        self.model = StreamTableModel(live.streams, desk.times, self)
        self._build()
        self._bind()

    # -- building

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)
        full = QWidget()
        rows = QVBoxLayout(full)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(12)
        self.detail = HostDetail(self.desk)
        self._divide(self._build_table(), self.detail, SPLIT)
        self.strip = ProgressStrip(HINTS)
        rows.addWidget(self.splitter, 1)
        rows.addWidget(self.strip)
        self._add_states(full, (
            ("nothing", "Nothing that is read tells of files so far: watch a folder, or add "
             "audit records or Windows events as a source.", ("host.watch", "sources.add")),
            ("stopped", "Ingestion is stopped, so nothing is scored.",
             ("ingestion.start", "host.watch")),
            ("waiting", "No source has told of a file that changed so far. Watch a folder "
             "to see one.", ("host.watch",)),
            ("starting", "Ingestion is starting: the detectors load, which may take a minute once.",
             ("host.watch",)),
            ("off", "", ("go.settings", "host.watch")),
        ))  # fmt: skip

    def _build_table(self) -> Card:
        theme, times = self.desk.theme, self.desk.times
        self.card = Card("Streams", padding=12)
        self.readout = ElidedLabel("", "muted")
        self.readout.setContentsMargins(GRID, 0, 2 * GRID, 0)
        self.find_edit = QLineEdit()
        self.find_edit.setPlaceholderText("Find a stream")
        self.find_edit.setAccessibleName("Find a stream")
        self.find_edit.setClearButtonEnabled(True)
        self.find_edit.setFixedWidth(176)
        self.watch_button = QPushButton("Watch a folder")
        self.watch_button.setProperty("kind", "primary")
        self.watch_button.clicked.connect(self.desk.actions.action("host.watch").trigger)
        self.card.header.insertWidget(2, self.readout, 1)
        self.card.header.setStretch(self.card.header.count() - 1, 0)
        for widget in (StripLegend(theme), self.find_edit, self.watch_button):
            self.card.header.addWidget(widget)
        self.card.body.addWidget(self.trouble)
        widths = {
            Column.STATE: 96, Column.STREAM: 208, Column.SCORE: 56, Column.HIGHEST: 72,
            Column.HEARD: 96, Column.ALERTS: 60,
        }  # fmt: skip
        self.table = desk_table(self.model, "Streams and their scores", widths)
        self.strips = StripDelegate(theme, times, self._now, self.table)
        self._set_header(widths)
        self.table.setItemDelegateForColumn(Column.STATE, StateDelegate(theme, self.table))
        self.table.setItemDelegateForColumn(Column.STRIP, self.strips)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.hover = StripHover(self.table, self.strips, Column.STRIP)
        self.card.body.addWidget(self.table, 1)
        self.card.setMinimumHeight(160)
        return self.card

    def _set_header(self, widths: dict[Column, int]) -> None:
        header = StripHeader(self.strips, Column.STRIP, self.desk.theme, self.desk.times)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setMinimumSectionSize(48)
        self.table.setHorizontalHeader(header)
        header.setSectionResizeMode(Column.STRIP, StripHeader.ResizeMode.Stretch)
        for column, width in widths.items():
            self.table.setColumnWidth(column, width)

    def _bind(self) -> None:
        desk = self.desk
        self._bind_keys(
            {
                "pin": self.pin,
                "unwatch": self.unwatch,
                "exercise": self.run_exercise,
                "search": self.focus_search,
                "clear": self._escape,
            }
        )
        self.find_edit.textChanged.connect(lambda _text: self.refresh())
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.table.doubleClicked.connect(lambda _index: self.show_alerts())
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.hover.told.connect(self._on_hover)
        self.detail.alert_chosen.connect(lambda one: desk.open_page("alerts", alert_id=one))
        self.strip.cancelled.connect(self._on_cancelled)
        self._show_row(None)

    # -- the page's life

    @override
    def open(self, **args: Any) -> None:
        """Select a stream: `open(stream="3/web-1")`, or that of a source: `open(source_id=3)`."""
        if "source_id" in args:
            self._wanted = str(args["source_id"])
        elif "stream" in args:
            self._wanted = str(args["stream"])
        self._select_wanted()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for column, least in GIVE_WAY:
            self.table.setColumnHidden(column, self.width() < least)
        wide = min(max(int(self.width() * NAME_SHARE), LEAST_NAME_PX), MOST_NAME_PX)
        self.table.setColumnWidth(Column.STREAM, wide)

    @override
    def look(self) -> None:
        self._looks.ask(read_host, self._take)

    def _take(self, facts: HostFacts) -> None:
        self._has_looked = True
        self._facts = facts
        self.refresh()

    @override
    def refresh(self) -> None:
        """Move the strips on and bring everything up to date; twice a second while seen."""
        self._live.streams.advance(self._now())
        records = self._live.streams.records(DETECTOR)
        rows = assemble(records, self._facts, pinned=self._pinned, words=self.find_edit.text())
        self.strips.is_greyed = self.desk.killswitch.engaged
        self._is_moving = True
        self.model.set_rows(rows)
        self._is_moving = False
        self.table.horizontalHeader().viewport().update()
        has_any = bool(self.model.rowCount() or self.find_edit.text())
        self._show_state(has_any=self._has_looked and has_any, has_sources=bool(self._facts.names))
        self._show_counts()
        self._show_trouble()
        self._select_wanted()
        self._show_row(self.selected)

    def _show_counts(self) -> None:
        rows = self.model.rows
        threats = sum(row.worst == THREAT for row in rows)
        words = f"{len(rows):,}" if not threats else f"{len(rows):,}, {threats:,} of them a threat"
        self.card.hint.setText(words)

    # -- the chosen stream

    @property
    def selected(self) -> HostRow | None:
        """The stream that is selected."""
        chosen = self.table.selectionModel().selectedRows()
        return self.model.row(chosen[0].row()) if chosen else None

    def _select_wanted(self) -> None:
        place = None if self._wanted is None else self.model.place_of(self._wanted)
        if place is not None:
            self._wanted, self._is_chosen = None, True
        elif self.model.rowCount() and (self.selected is None or not self._is_chosen):
            place = 0
        if place is not None and self.model.row(place) is not self.selected:
            self._is_moving = True
            self.table.selectRow(place)
            self._is_moving = False
            self.table.scrollTo(self.model.index(place, 0))

    def _on_current(self, _current: QModelIndex, _previous: QModelIndex) -> None:
        self._is_chosen = self._is_chosen or not self._is_moving
        self._told_of = 0
        self._show_row(self.selected)

    def _show_row(self, row: HostRow | None) -> None:
        can_exercise = row is not None and _is_demonstration(row.folder)
        self.detail.show_row(row, can_exercise=can_exercise)
        self._enable(
            {
                "alerts": row is not None,
                "pin": row is not None,
                "events": row is not None and row.source_id is not None,
                "unwatch": row is not None and bool(row.folder),
                "exercise": can_exercise and self._exercise is None,
            }
        )
        if row is not None and row.record is None and row.alerts:
            self._ask_alert(row.alerts[0].id)

    def _enable(self, possible: dict[str, bool]) -> None:
        """Say what can be done with the selected stream; only a change is passed on."""
        for name, enabled in possible.items():
            if self._possible.get(name) is not enabled:
                self.desk.actions.action(f"host.{name}").setEnabled(enabled)
        self._possible = possible
        self.detail.buttons["exercise"].setEnabled(possible["exercise"])

    def _ask_alert(self, alert_id: int) -> None:
        """An alert from before tells what no score tells yet."""
        if alert_id != self._told_of:
            self._told_of = alert_id
            self._details.ask(
                lambda governance: governance.alerts.detail(alert_id), self.detail.show_told
            )

    def _on_hover(self, place: int, words: str) -> None:
        row = self.model.row(place)
        self.readout.setText("" if row is None else f"{words}   {render_safe(row.name, 60)}")

    # -- what can be done

    def focus_search(self) -> None:
        """Go to the field that finds streams."""
        self.find_edit.setFocus()
        self.find_edit.selectAll()

    def _escape(self) -> None:
        if self.find_edit.hasFocus():
            self.table.setFocus()
        else:
            self.find_edit.clear()

    @override
    def show_alerts(self) -> None:
        row = self.selected
        if row is None:
            return
        entities = {alert.entity for alert in row.alerts}
        entity = entities.pop() if len(entities) == 1 else None
        query = AlertFilter(statuses=OPEN, detectors=(DETECTOR,), entity=entity, suppressed=False)
        self.desk.open_page("alerts", filter=query)

    @override
    def show_events(self) -> None:
        if (row := self.selected) is not None and row.source_id is not None:
            query = EventQuery(source_ids=frozenset({row.source_id}))
            self.desk.open_page("events", query=query)

    def pin(self) -> None:
        """Keep the selected stream on top, or no longer."""
        if (row := self.selected) is not None:
            self._pinned ^= {row.key}
            self.refresh()

    def unwatch(self) -> None:
        """Ask, then stop reading what the selected stream comes from."""
        row = self.selected
        if row is None or not row.folder or row.source_id is None:
            return
        source_id = row.source_id
        fate = "the folder itself is not touched"
        if _is_demonstration(row.folder):
            fate = "the sample files, which are our own, are removed"
        dialog = ReasonDialog(
            self.window(),
            "Stop watching the folder?",
            f"“{render_safe(row.folder, 200)}” is no longer watched. What was read stays, its "
            f"alerts and the audit trail too; {fate}.",
            "Stop watching",
            kind="danger-solid",
            required=False,
            example="Why is it no longer needed?",
        )

        def remove() -> None:
            reason = dialog.reason  # read here: the dialog is gone when the job runs
            self.desk.jobs.submit(
                lambda governance: governance.sources.remove(source_id, reason=reason),
                lambda _none: self.desk.sources_changed.emit(),
                self.desk.error,
            )

        dialog.accepted.connect(remove)
        dialog.open()

    def _show_menu(self, where: QPoint) -> None:
        if self.selected is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name in ("alerts", "events", "pin", "exercise", "unwatch"):
            action: QAction = self.desk.actions.action(f"host.{name}")
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction("Copy as image", self.copy_image)
        menu.addAction("Copy the numbers", self.copy_numbers)
        menu.popup(self.table.viewport().mapToGlobal(where))

    def copy_image(self) -> None:
        """Put a picture of the strips on the clipboard."""
        QGuiApplication.clipboard().setPixmap(self.table.grab())

    def copy_numbers(self) -> None:
        """Put every strip on the clipboard as tab-separated text, one column for five seconds."""
        history = self._live.streams
        first_s = (history.head + 1 - N_COLUMNS) * COLUMN_S
        times = [from_us((first_s + i * COLUMN_S) * 1_000_000) for i in range(N_COLUMNS)]
        lines = ["\t".join(["stream", "threshold", *(at.isoformat() for at in times)])]
        for row in self.model.rows:
            if (record := row.record) is not None:
                cells = ["" if score != score else f"{score:.3f}"  # NaN: there were no events
                         for score in history.cells(record).tolist()]  # fmt: skip
                name = render_safe(row.name, 200)
                lines.append("\t".join([name, f"{record.top.threshold:g}", *cells]))
        QGuiApplication.clipboard().setText("\n".join(lines))

    # -- the exercise

    def run_exercise(self) -> None:
        """Encrypt copies of our own sample files in the selected demonstration folder."""
        row = self.selected
        if row is None or self._exercise is not None or not _is_demonstration(row.folder):
            return
        folder = Path(row.folder)
        if self.desk.ingestion == "stopped":
            self.desk.start_ingestion()

        def run(_governance: object, control: JobControl) -> int:
            return exercise.run(folder, control.report)

        self.strip.show_work("Exercise: copying the sample files …")
        self._exercise = self.desk.jobs.submit_long(
            run, self._on_exercised, self._on_exercise_failed, self._on_exercise_moved
        )
        self._show_row(row)

    def _on_exercise_moved(self, done: int, total: int) -> None:
        words = f"Exercise: {done:,} of {total:,} copies encrypted." if done else (
            "Exercise: the watcher gets to know the copies …"
        )  # fmt: skip
        self.strip.show_work(words)

    def _on_exercised(self, count: int) -> None:
        self._end_exercise(f"Exercise over: {count:,} copies of our own sample files encrypted.")

    def _on_exercise_failed(self, text: str) -> None:
        self._end_exercise("")
        self.desk.error(text)

    def _on_cancelled(self) -> None:
        if self._exercise is not None:
            self._exercise.cancel()
            self._end_exercise("Exercise cancelled.")

    def _end_exercise(self, words: str) -> None:
        self._exercise = None
        self.strip.show_done(words)
        self._show_row(self.selected)


def _is_demonstration(folder: str) -> bool:
    """By its name alone, for that costs nothing; the exercise itself looks closer."""
    return Path(folder).name.startswith(exercise.PREFIX)
