"""A newest-first window onto the stored alerts, read one page at a time by key."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    Qt,
    QTimer,
)
from PySide6.QtCore import Signal as QtSignal
from typing_extensions import override

from soc_copilot.domain.alerts import AlertCursor, AlertFilter, AlertRow, AlertStatus
from soc_copilot.domain.attack import technique_name
from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.alert_pages import (
    MAX_LIVE_ROWS,
    PAGE_ROWS,
    TAIL_ROWS,
    AlertPage,
    LiveChanges,
    matches,
    read_live,
    read_oldest,
    read_page,
)
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.widgets import ROLE_SEVERITY, safe_tip

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

T = TypeVar("T")

SLOW_PAGE_S: Final = 0.008  # pages that took longer are read on the worker from then on
CELL_CHARS: Final = 240  # chosen: more never fits into a cell
ROLE_ROW: Final = Role.UserRole + 10  # the AlertRow
ROLE_CHECKED: Final = Role.UserRole + 11  # bool: selected for a bulk action
ROLE_MARKED: Final = Role.UserRole + 12  # bool: marked for this session


class Column(IntEnum):
    """Columns of the table, left to right."""

    CHECK = 0
    SEVERITY = 1
    LAST_SEEN = 2
    ENTITY = 3
    WHAT = 4
    TECHNIQUE = 5
    DETECTOR = 6
    COUNT = 7
    STATUS = 8
    SCORE = 9
    FIRST_SEEN = 10


TITLES: Final = {
    Column.CHECK: "",
    Column.SEVERITY: "Severity",
    Column.LAST_SEEN: "Last seen",
    Column.ENTITY: "Entity",
    Column.WHAT: "What",
    Column.TECHNIQUE: "Technique",
    Column.DETECTOR: "Detector",
    Column.COUNT: "Count",
    Column.STATUS: "Status",
    Column.SCORE: "Score",
    Column.FIRST_SEEN: "First seen",
}


def status_text(row: AlertRow) -> str:
    """The Status cell: a closed alert tells its disposition, a hidden one that it is."""
    if row.status is AlertStatus.CLOSED and row.disposition is not None:
        return f"Closed, {row.disposition.label.lower()}"
    is_hidden = row.suppressed_by is not None and row.status is not AlertStatus.CLOSED
    return "Suppressed" if is_hidden else row.status.label


def _key(row: AlertRow) -> tuple[int, int]:
    # Ascending in this key is newest first.
    return (-to_us(row.last_seen), -row.id)


class AlertTableModel(RowModel):
    """Alerts that match a filter, newest first, live.

    A row keeps its place from the moment it was read, though its alert may grow; new alerts
    are held back (`pending_changed`) while `hold` is true, so nothing moves under the user.
    Filters are read on the worker; later pages on the GUI thread while they stay fast.
    GUI thread only.
    """

    headers = tuple(TITLES.values())
    numbers = frozenset({Column.COUNT, Column.SCORE})

    loading_changed = QtSignal(bool)
    loaded = QtSignal()  # a filter's first page is there
    pending_changed = QtSignal(int)  # alerts waiting above the first row
    prepended = QtSignal(int)  # rows that came in above, while the newest are not read
    selection_changed = QtSignal()
    failed = QtSignal(str)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rows: list[AlertRow] = []
        self._keys: list[tuple[int, int]] = []  # of each row when it took its place
        self._place: dict[int, tuple[int, int]] = {}  # alert id to its key
        self._cursor: AlertCursor | None = None
        self._query = AlertFilter()
        self._generation, self._token = 0, 0
        self._exhausted, self._is_loading, self._is_paging = True, False, False
        self._is_polling, self._is_fast, self._is_inserting = False, False, False
        self._wants_oldest, self._has_gap = False, False
        self._n_pending, self._next_fill_s = 0, 0.0
        self._checked: set[int] = set()
        self._all_but: set[int] | None = None  # ids left out when everything is selected
        self._marked: set[int] = set()
        self.hold: Callable[[], bool] = lambda: False
        self._fill_timer = QTimer(self, singleShot=True)
        self._fill_timer.timeout.connect(self.poll)
        desk.times.changed.connect(self.repaint)
        desk.theme.changed.connect(self.repaint)

    # -- what Qt asks

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        if role == Role.ToolTipRole and section == Column.LAST_SEEN:
            return safe_tip(f"Times in {self._desk.times.zone_name()}; newest first")
        return super().headerData(section, orientation, role)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row, column = self._rows[index.row()], Column(index.column())
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == Role.TextAlignmentRole:
            return self.alignment(column)
        if role == Role.ToolTipRole:
            return safe_tip(self._tip(row, column))
        if role == Role.ForegroundRole:
            is_quiet = row.status is AlertStatus.CLOSED or row.suppressed_by is not None
            return self._desk.theme.color("muted") if is_quiet else None
        if role == ROLE_SEVERITY:
            return row.severity if column is Column.SEVERITY else None
        if role == ROLE_ROW:
            return row
        if role == ROLE_CHECKED:
            return self.is_checked(row.id)
        if role == ROLE_MARKED:
            return row.id in self._marked
        return None

    @override
    def canFetchMore(self, parent: Index) -> bool:
        if parent.isValid() or self._exhausted or self._is_paging or self._is_loading:
            return False
        return not self._is_inserting  # listeners may ask while they are told of other rows

    @override
    def fetchMore(self, parent: Index) -> None:
        if not self.canFetchMore(parent):
            return
        query, cursor, generation = self._query, self._cursor, self._generation
        if self._is_fast:
            page = read_page(self._desk.reader, query, cursor)
            self._append(page)
            return
        self._is_paging = True

        def done(page: AlertPage) -> None:
            self._is_paging = False
            if generation == self._generation:
                self._append(page)

        self._submit(lambda gov: read_page(gov, query, cursor), done)

    # -- reading

    @property
    def query(self) -> AlertFilter:
        """The filter in force, or on its way."""
        return self._query

    @property
    def is_busy(self) -> bool:
        """True while rows are being read on the worker, or soon will be."""
        return (
            self._is_loading or self._is_paging or self._is_polling or self._fill_timer.isActive()
        )

    @property
    def is_exhausted(self) -> bool:
        """True when the oldest alert that matches was read."""
        return self._exhausted and not self._is_loading

    @property
    def n_pending(self) -> int:
        """New alerts held back above the first row."""
        return self._n_pending

    @property
    def has_gap(self) -> bool:
        """True while only the oldest alerts were read, and newer ones lie above them."""
        return self._has_gap

    def load_oldest(self) -> None:
        """Go to the far end at once: read the last rows instead of everything before them."""
        self._wants_oldest = True
        self._read_first()

    def fetch_above(self) -> None:
        """Read the page above the first row, after `load_oldest`."""
        if not self._has_gap or self._is_paging or self._is_loading or not self._rows:
            return
        self._is_paging = True
        query, top, generation = self._query, self._top(), self._generation

        def done(rows: tuple[AlertRow, ...]) -> None:
            self._is_paging = False
            if generation == self._generation:
                self._prepend(rows)

        self._submit(lambda gov: gov.alerts.page_after(query, top, PAGE_ROWS), done)

    def _prepend(self, rows: tuple[AlertRow, ...]) -> None:
        fresh = [row for row in rows if row.id not in self._place]
        self._has_gap = len(rows) == PAGE_ROWS
        self._insert(0, fresh)
        self.prepended.emit(len(fresh))

    def _top(self) -> AlertCursor:
        return AlertCursor(from_us(-self._keys[0][0]), -self._keys[0][1])

    def set_query(self, query: AlertFilter) -> None:
        """Show other alerts; the old rows stay until the new ones are there."""
        self._query = query
        self._checked.clear()
        self._all_but = None
        self.selection_changed.emit()
        self.reload()

    def reload(self) -> None:
        """Read the first page again."""
        self._wants_oldest = False
        self._read_first()

    def _read_first(self) -> None:
        self._generation += 1
        if not self._is_loading:
            self._is_loading = True
            self.loading_changed.emit(True)
            self._load()

    def poll(self) -> None:
        """Look for new and changed alerts; called when the desk says that some changed."""
        if self._is_polling or self._is_loading:
            return
        self._is_polling = True
        query, token, generation = self._query, self._token, self._generation
        top = None if self._has_gap or not self._rows else self._top()

        def done(live: LiveChanges) -> None:
            self._is_polling = False
            if generation == self._generation:
                self._take_live(live)

        self._submit(lambda gov: read_live(gov, query, top, token), done)

    def show_pending(self) -> None:
        """Read from the newest again, with what was held back."""
        self.reload()

    def _load(self) -> None:
        query, generation, oldest = self._query, self._generation, self._wants_oldest

        def done(page: AlertPage) -> None:
            if generation != self._generation:  # the filter changed meanwhile: read the last one
                self._load()
                return
            self._reset(page)

        read = read_oldest if oldest else read_page
        self._submit(lambda gov: read(gov, query, None), done)

    def _reset(self, page: AlertPage) -> None:
        self.beginResetModel()
        self._rows = list(page.rows)
        self._keys = [_key(row) for row in page.rows]
        self._place = {row.id: key for row, key in zip(self._rows, self._keys, strict=True)}
        self._after_page(page)
        self._has_gap = self._wants_oldest and len(page.rows) == TAIL_ROWS
        self._exhausted = self._exhausted or self._wants_oldest
        self._token = page.token
        self.endResetModel()
        self._is_loading = self._is_paging = False  # not sooner: no page is read within a reset
        self._set_pending(0)
        self.loading_changed.emit(False)
        self.loaded.emit()

    def _append(self, page: AlertPage) -> None:
        rows = [row for row in page.rows if row.id not in self._place]
        self._after_page(page)
        self._insert(len(self._rows), rows)

    def _after_page(self, page: AlertPage) -> None:
        self._exhausted = len(page.rows) < PAGE_ROWS
        self._next_fill_s = time.monotonic() + 9 * page.took_s  # a tenth of the time at most
        self._is_fast = page.took_s <= SLOW_PAGE_S
        if page.rows:
            last = page.rows[-1]
            self._cursor = AlertCursor(last.last_seen, last.id)

    def _submit(self, read: "Callable[[Governance], T]", done: "Callable[[T], None]") -> None:
        # A text search reads many rows to find a few: nothing short may wait behind it.
        jobs = self._desk.jobs
        (jobs.submit_search if self._query.text else jobs.submit)(read, done, self._fail)

    def _fail(self, text: str) -> None:
        was_loading = self._is_loading
        self._is_loading = self._is_paging = self._is_polling = False
        if was_loading:
            self.loading_changed.emit(False)
        self.failed.emit(text)

    # -- live changes

    def _take_live(self, live: LiveChanges) -> None:
        if not self._rows:
            self._fill_empty(live)
            return
        self._token = live.token
        for row in live.changed:
            self._refresh(row)
        if self.hold() or self._has_gap:
            self._set_pending(sum(row.id not in self._place for row in live.fresh))
        elif len(live.fresh) > MAX_LIVE_ROWS:
            self.reload()
        else:
            self._put_on_top(live.fresh)
            self._set_pending(0)

    def _fill_empty(self, live: LiveChanges) -> None:
        """Read again when something may match now, but never search most of the time."""
        if not any(matches(row, self._query) for row in live.changed):
            self._token = live.token
        elif (wait_s := self._next_fill_s - time.monotonic()) > 0:
            self._fill_timer.start(round(wait_s * 1_000) + 1)
        else:
            self.reload()

    def _put_on_top(self, fresh: Sequence[AlertRow]) -> None:
        for row in fresh:
            if row.id in self._place:  # it grew and belongs higher up now
                self._remove_at(self._find(row.id))
        self._insert(0, list(fresh))

    def _set_pending(self, count: int) -> None:
        if count != self._n_pending:
            self._n_pending = count
            self.pending_changed.emit(count)

    def apply(self, rows: Iterable[AlertRow]) -> None:
        """Take rows as they are now after a change made here.

        Those that no longer match leave, those that match again come back to their place.
        """
        for row in rows:
            if matches(row, self._query):
                if not self._refresh(row):
                    self._restore(row)
            elif row.id in self._place:
                self._remove_at(self._find(row.id))

    def _refresh(self, row: AlertRow) -> bool:
        if row.id not in self._place:
            return False
        at = self._find(row.id)
        if self._rows[at] != row:
            self._rows[at] = row
            self.repaint_rows(at, at)
        return True

    def _restore(self, row: AlertRow) -> None:
        key = _key(row)
        is_above = self._has_gap and bool(self._keys) and key < self._keys[0]
        is_below = not self._exhausted and not (self._keys and key <= self._keys[-1])
        if not is_above and not is_below:
            self._insert(bisect_left(self._keys, key), [row])

    def _insert(self, at: int, rows: list[AlertRow]) -> None:
        if not rows:
            return
        self._is_inserting = True
        self.beginInsertRows(QModelIndex(), at, at + len(rows) - 1)
        keys = [_key(row) for row in rows]
        self._rows[at:at] = rows
        self._keys[at:at] = keys
        self._place.update((row.id, key) for row, key in zip(rows, keys, strict=True))
        self.endInsertRows()
        self._is_inserting = False

    def _remove_at(self, at: int) -> None:
        self.beginRemoveRows(QModelIndex(), at, at)
        row = self._rows.pop(at)
        del self._keys[at], self._place[row.id]
        self.endRemoveRows()

    def _find(self, alert_id: int) -> int:
        return bisect_left(self._keys, self._place[alert_id])

    # -- rows and the selection for bulk actions

    def row_at(self, at: int) -> AlertRow | None:
        """The alert in a row, None outside the table."""
        return self._rows[at] if 0 <= at < len(self._rows) else None

    def row_of(self, alert_id: int) -> int | None:
        """The row of an alert, None while it is not among the rows read."""
        return self._find(alert_id) if alert_id in self._place else None

    @property
    def is_all_checked(self) -> bool:
        """True when the whole query is selected, with what was not read yet."""
        return self._all_but is not None

    @property
    def excluded(self) -> frozenset[int]:
        """Alerts left out of a selection of everything."""
        return frozenset(self._all_but or ())

    @property
    def checked(self) -> frozenset[int]:
        """Alerts selected one by one."""
        return frozenset(self._checked)

    @property
    def has_selection(self) -> bool:
        """True when a bulk action has something to work on."""
        return self._all_but is not None or bool(self._checked)

    def is_checked(self, alert_id: int) -> bool:
        """True when the alert is selected."""
        if self._all_but is not None:
            return alert_id not in self._all_but
        return alert_id in self._checked

    def toggle_checked(self, at: int) -> None:
        """Select or unselect the alert in a row."""
        row = self.row_at(at)
        if row is None:
            return
        ids = self._checked if self._all_but is None else self._all_but
        ids.symmetric_difference_update({row.id})
        self._selection_moved(at, at)

    def check_range(self, first: int, last: int) -> None:
        """Select every row from one to the other."""
        low, high = sorted((max(first, 0), min(last, len(self._rows) - 1)))
        ids = {row.id for row in self._rows[low : high + 1]}
        if self._all_but is not None:
            self._all_but -= ids
        else:
            self._checked |= ids
        self._selection_moved(low, high)

    def check_all(self) -> None:
        """Select the whole query."""
        self._checked.clear()
        self._all_but = set()
        self._selection_moved(0, len(self._rows) - 1)

    def clear_checked(self) -> None:
        """Select nothing."""
        self._checked.clear()
        self._all_but = None
        self._selection_moved(0, len(self._rows) - 1)

    def toggle_marked(self, at: int) -> None:
        """Mark or unmark the alert in a row, for this session."""
        if (row := self.row_at(at)) is not None:
            self._marked.symmetric_difference_update({row.id})
            self._selection_moved(at, at)

    def next_marked(self, at: int, step: int) -> int | None:
        """The nearest marked row after one (step 1) or before it (-1), of those read so far."""
        last = len(self._rows) if step > 0 else -1
        rows = range(max(at + step, 0) if step > 0 else at - 1, last, step)
        return next((row for row in rows if self._rows[row].id in self._marked), None)

    def _selection_moved(self, first: int, last: int) -> None:
        self.repaint_rows(first, last)
        self.selection_changed.emit()

    # -- what cells say

    def _text(self, row: AlertRow, column: Column) -> str:
        match column:
            case Column.CHECK:
                return ""
            case Column.SEVERITY:
                return row.severity.label
            case Column.LAST_SEEN:
                return self._time(row.last_seen)
            case Column.FIRST_SEEN:
                return self._time(row.first_seen)
            case Column.COUNT:
                return count_text(row.count)
            case Column.SCORE:
                return score_text(row.score)
            case Column.STATUS:
                return status_text(row)
            case Column.ENTITY:
                return render_safe(row.entity, CELL_CHARS)
            case Column.WHAT:
                return render_safe(row.title, CELL_CHARS)
            case Column.TECHNIQUE:
                return render_safe(row.technique, CELL_CHARS)
            case Column.DETECTOR:
                return render_safe(row.detector, CELL_CHARS)

    def _time(self, moment: datetime) -> str:
        # Of other days the minute is enough; the tooltip has the second.
        text = self._desk.times.short(moment)
        return text if len(text) <= len("10:41:52") else text.removesuffix(text[-3:])

    def _tip(self, row: AlertRow, column: Column) -> str:
        times = self._desk.times
        match column:
            case Column.LAST_SEEN | Column.FIRST_SEEN:
                return (
                    f"Last seen {times.relative(row.last_seen)}, {times.absolute(row.last_seen)}\n"
                    f"First seen {times.relative(row.first_seen)}, "
                    f"{times.absolute(row.first_seen)}"
                )
            case Column.TECHNIQUE:
                name = technique_name(row.technique)
                return f"{row.technique} {name}".strip()
            case Column.ENTITY:
                return f"{row.entity}\n{row.entity_type}"
            case Column.WHAT:
                return f"{row.title}\n{row.rule}"
            case Column.STATUS:
                return f"{status_text(row)}\n{row.assignee or 'Assigned to nobody'}"
            case Column.COUNT:
                return f"{row.count:,} events"
            case Column.CHECK:
                return "Select for an action on several alerts"
            case _:
                return self._text(row, column)


def count_text(count: int) -> str:
    """A count that always fits its column: "99,999", "120k", "1.2M"; never cut."""
    if count < 100_000:
        return f"{count:,}"
    return f"{count // 1_000}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def score_text(score: float) -> str:
    """A score in [0, 1] to three places without the leading zero: ".998", "1.00"."""
    return "1.00" if score >= 0.9995 else f"{score:.3f}".removeprefix("0")
