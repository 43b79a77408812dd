"""The Alerts page's commands: keys, triage, export, and the menu of a cell."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QModelIndex, QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from soc_copilot.domain.alerts import AlertStatus, Disposition
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.alert_export_job import export_alerts
from soc_copilot.ui.alert_menu import offers
from soc_copilot.ui.dialogs.files import ask_export
from soc_copilot.ui.event_search import EventQuery, condition, quoted
from soc_copilot.ui.models.alert_view import AlertView, Target
from soc_copilot.ui.models.alerts import Column
from soc_copilot.ui.suppressing import SuppressCommands
from soc_copilot.ui.triage import Outcome, Triage
from soc_copilot.ui.widgets.filter_bar import menu_text

if TYPE_CHECKING:
    from soc_copilot.ui.pages.alerts import AlertsPage
    from soc_copilot.ui.workers import Job

TRIAGE_ACTIONS: Final = ("acknowledge", "close", "reopen", "suppress", "note")
AROUND: Final = timedelta(hours=1)  # chosen: what came shortly before and after an alert


class AlertCommands(QObject):
    """Binds every action of the page. GUI thread only."""

    def __init__(self, page: "AlertsPage") -> None:
        super().__init__(page)
        self._page, self._desk = page, page.desk
        self._table, self._model, self._strip = page.table, page.model, page.strip
        self.triage = Triage(page.desk, self)
        self.suppressing = SuppressCommands(page, self.triage, self._free_target)
        self.is_histogram_wanted = True
        self._n_matching = 0
        self._asked: Target | None = None  # what the strip's question is about
        self._range_start = -1
        self._export: Job | None = None
        self._bind()
        self._connect()
        self._on_undo_changed()

    def _bind(self) -> None:
        page = self._page
        handlers: dict[str, Callable[[], object]] = {
            "next": lambda: self._move(1),
            "previous": lambda: self._move(-1),
            "first": page.go_top,
            "last": self.go_to_end,
            "context": page.pane.ask_context,
            "preview": self._toggle_preview,
            "select": self._toggle_select,
            "select_range": self._select_range,
            "select_all": self._model.check_all,
            "mark": lambda: self._model.toggle_marked(self._table.current_row()),
            "next_mark": lambda: self._move_to_mark(1),
            "previous_mark": lambda: self._move_to_mark(-1),
            "acknowledge": self._acknowledge,
            "close": self._ask_close,
            "reopen": self._reopen,
            "note": self._ask_note,
            "undo": self.triage.undo,
            "search": self._search,
            "histogram": self._toggle_histogram,
            "clear_filter": self._escape,
            "history": page.show_history,
            "events": self._show_events,
            "export": self._ask_export,
            "reload": self._reload,
        }
        for severity in Severity:
            handlers[f"severity_{severity.name.lower()}"] = partial(self._severity, severity)
        for name, handler in handlers.items():
            self._desk.actions.bind(f"alerts.{name}", handler)
        # Space and Enter press whatever button has the focus; here they belong to the table.
        for name in ("preview", "context"):
            action = self._desk.actions.action(f"alerts.{name}")
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            self._table.addAction(action)
        self._page.pane.raw.addAction(self._desk.actions.action("alerts.context"))

    def _connect(self) -> None:
        self.triage.done.connect(self._on_done)
        self.triage.failed.connect(self._desk.error)
        self.triage.progressed.connect(self._strip.show_progress)
        self.triage.undo_changed.connect(self._on_undo_changed)
        self._model.selection_changed.connect(self._on_selection_changed)
        self._table.checked_from.connect(self._on_checked_from)
        self._strip.close_chosen.connect(self._on_close_chosen)
        self._strip.note_entered.connect(self._on_note_entered)
        self._strip.left.connect(self._page.focus_table)
        self._strip.undo_clicked.connect(self.triage.undo)
        self._strip.unselect_clicked.connect(self._model.clear_checked)
        self._strip.cancel_clicked.connect(self._cancel)

    # -- moving and selecting

    def set_matching(self, count: int) -> None:
        """Say how many alerts match the filter, for the words about a selection."""
        self._n_matching = count
        self._on_selection_changed()

    def on_moved(self) -> None:
        """Another alert is the current one: a question about the former one is void."""
        asked = self._asked
        if asked is not None and asked.query is None and not self._model.has_selection:
            row = self._model.row_at(self._table.current_row())
            if row is None or asked.ids != (row.id,):
                self._strip.dismiss()

    def _move(self, step: int) -> None:
        if self._page.is_history_shown:
            return
        at = self._table.current_row()
        target = at + step if at >= 0 else 0
        self._table.go_to(target)
        self._page.focus_table()

    def _move_to_mark(self, step: int) -> None:
        if self._page.is_history_shown:
            return
        target = self._model.next_marked(self._table.current_row(), step)
        if target is None:
            self._desk.info(f"No alert {'below' if step > 0 else 'above'} this one is marked.")
            return
        self._table.go_to(target)
        self._page.focus_table()

    def go_to_end(self) -> None:
        """To the oldest alert, without reading all that lies between."""
        if self._model.is_exhausted:
            self._table.go_to(self._model.rowCount() - 1)
        else:
            self._page.load_oldest()

    def _toggle_select(self) -> None:
        self._range_start = self._table.current_row()
        self._model.toggle_checked(self._range_start)

    def _select_range(self) -> None:
        here = self._table.current_row()
        self._model.check_range(self._range_start if self._range_start >= 0 else here, here)
        self._range_start = here

    def _on_checked_from(self, row: int) -> None:
        self._range_start = row

    def _on_selection_changed(self) -> None:
        if self._model.is_all_checked:
            count = max(self._n_matching - len(self._model.excluded), 0)
            words = f"All {count:,} that match selected"
        else:
            count = len(self._model.checked)
            words = f"{count:,} selected" if count else ""
        self._strip.show_selection(words)

    # -- triage

    def target(self) -> Target | None:
        """What an action is about: the selection, else the current alert."""
        model = self._model
        if model.is_all_checked:
            return Target(query=model.query, excluded=model.excluded)
        if model.checked:
            return Target(ids=tuple(sorted(model.checked)))
        row = model.row_at(self._table.current_row())
        shown = self._page.pane.detail
        if row is not None:
            return Target(ids=(row.id,))
        return Target(ids=(shown.row.id,)) if shown is not None else None

    def _acknowledge(self) -> None:
        if (target := self._free_target()) is not None:
            self.triage.acknowledge(target)

    def _reopen(self) -> None:
        if (target := self._free_target()) is not None:
            self.triage.reopen(target)

    def _ask_close(self) -> None:
        if (target := self._free_target()) is not None:
            self._asked = target
            self._strip.ask_close(self._subject(target))

    def _ask_note(self) -> None:
        if (target := self._free_target()) is not None:
            self._asked = target
            self._strip.ask_note(self._subject(target))

    def _free_target(self) -> Target | None:
        if self._page.is_history_shown:
            return None
        target = self.target()
        if target is None:
            self._strip.show_done("No alert is chosen. Press J for the newest one.", can_undo=False)
        elif self.triage.is_busy and target.query is not None:
            self._strip.show_done("The last action is still running.", can_undo=False)
            return None
        return target

    def _subject(self, target: Target) -> str:
        if target.query is not None:
            return f"{max(self._n_matching - len(target.excluded), 0):,} alerts"
        return "" if len(target.ids) == 1 else f"{len(target.ids):,} alerts"

    def _on_close_chosen(self, disposition: Disposition, note: str) -> None:
        if self._asked is not None:
            self.triage.close(self._asked, disposition, note)
        self._asked = None

    def _on_note_entered(self, text: str) -> None:
        if self._asked is not None:
            self.triage.add_note(self._asked, text)
        self._asked = None

    def _on_done(self, outcome: Outcome) -> None:
        at = self._table.current_row()
        if outcome.rows is None:
            self._page.reload()
        else:
            self._model.apply(outcome.rows)
            self._follow(outcome, at)
        if outcome.can_undo or outcome.is_undo:
            self._model.clear_checked()
        self._strip.show_done(outcome.words, can_undo=self.triage.can_undo)
        self._page.after_triage()

    def _follow(self, outcome: Outcome, at: int) -> None:
        """After one alert left the table, the next one takes its place; undo goes back to it."""
        if len(outcome.former) != 1:
            return
        row = self._model.row_of(outcome.former[0].id)
        if row is not None and outcome.is_undo:
            self._table.go_to(row)
        elif row is None and self._model.rowCount():
            self._table.go_to(min(max(at, 0), self._model.rowCount() - 1))

    def _on_undo_changed(self) -> None:
        self._desk.actions.action("alerts.undo").setEnabled(self.triage.can_undo)

    # -- filter, view

    def _severity(self, severity: Severity) -> None:
        self._page.bar.set_view(self._page.bar.view.toggled(severity))

    def _search(self) -> None:
        if self._page.is_history_shown:
            self._page.history.focus_search()
        else:
            self._page.bar.focus_text()

    def show_histogram(self, wanted: bool) -> None:
        """Show or hide the bars, and keep it so."""
        self.is_histogram_wanted = wanted
        self._page.histogram_card.setVisible(wanted)

    def _toggle_histogram(self) -> None:
        self.show_histogram(not self.is_histogram_wanted)

    def _toggle_preview(self) -> None:
        self._page.pane.setVisible(self._page.pane.isHidden())

    def _reload(self) -> None:
        if self._page.is_history_shown:
            self._page.history.refresh()
        else:
            self._page.reload()

    def _escape(self) -> None:
        """Esc takes back the latest thing first: a question, a selection, the filter."""
        if self._page.is_history_shown:
            self._page.show_queue()
        elif self._strip.is_asking:
            self._strip.dismiss()
        elif self._model.has_selection:
            self._model.clear_checked()
        else:
            self._page.bar.clear()

    # -- events

    def _show_events(self) -> None:
        """Search the archive for the current alert's entity, about the time of the alert."""
        row = self._model.row_at(self._table.current_row())
        if row is None:
            return
        words = condition(row.entity_type, row.entity) if row.entity_type else quoted(row.entity)
        since, until = to_us(row.first_seen - AROUND), to_us(row.last_seen + AROUND)
        self._desk.open_page("events", query=EventQuery(words, since, until))

    # -- export

    def _ask_export(self) -> None:
        ask_export(self._page, "Export alerts", "alerts", self.export_to)

    def export_to(self, path: Path) -> None:
        """Write the selected alerts, else all that match, to a file with a job."""
        model = self._model
        target = Target(query=model.query, excluded=model.excluded)
        if model.checked:
            target = Target(ids=tuple(sorted(model.checked, reverse=True)))

        def done(count: int) -> None:
            self._end_export()
            name = render_safe(path.name, 60)
            self._strip.show_done(f"Exported {count:,} alerts to {name}", can_undo=False)

        def failed(text: str) -> None:
            self._end_export()
            self._desk.error(text)

        self._export = self._desk.jobs.submit_long(
            lambda gov, control: export_alerts(gov.alerts, target, path, control.report),
            done,
            failed,
            self._strip.show_progress,
        )

    def _end_export(self) -> None:
        self._export = None
        self._strip.show_progress(0, 0)

    def _cancel(self) -> None:
        self.triage.cancel()
        if self._export is not None:
            self._export.cancel()
            self._end_export()
            self._strip.show_done("The export was cancelled; no file was left.", can_undo=False)

    # -- the menu of a cell

    def fill_menu(self, menu: QMenu, index: QModelIndex) -> None:
        """What can be done with a cell's value, and with its alert."""
        row = self._model.row_at(index.row())
        if row is None:
            return
        column = Column(index.column())
        for offer in offers(self._page.bar.view, row, column):
            self._add(menu, offer.words, partial(self._page.bar.set_view, offer.view))
        if not menu.isEmpty():
            menu.addSeparator()
        text = str(index.data(Qt.ItemDataRole.DisplayRole) or "")
        if text:
            self._add(menu, "Copy", partial(_copy, text))
        self._add(menu, "Copy the row", partial(self._copy_row, index.row()))
        everything = AlertView(statuses=(), entity=row.entity, suppressed="shown")
        self._add(menu, "All alerts of this entity", partial(self._page.bar.set_view, everything))
        menu.addSeparator()
        self._table.go_to(index.row())
        hidden = "reopen" if row.status is not AlertStatus.CLOSED else "close"
        for name in TRIAGE_ACTIONS:
            if name != hidden:
                menu.addAction(self._desk.actions.action(f"alerts.{name}"))
        for name in ("context", "events", "mark", "export"):
            menu.addAction(self._desk.actions.action(f"alerts.{name}"))

    def _add(self, menu: QMenu, words: str, do: Callable[[], object]) -> None:
        menu.addAction(menu_text(words)).triggered.connect(lambda _checked=False: do())

    def _copy_row(self, row: int) -> None:
        cells = [
            str(self._model.index(row, column).data() or "")
            for column in Column
            if column is not Column.CHECK
        ]
        _copy("\t".join(cells))


def _copy(text: str) -> None:
    QGuiApplication.clipboard().setText(text)
