"""Search results as a table, paged by key; and one event's columns as a table."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QModelIndex, QObject, Signal
from typing_extensions import override

from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.event_search import EventPage, EventQuery, EventRow, OpenSearcher
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.widgets.labels import safe_tip
from soc_copilot.ui.workers import Job

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

PAGE_ROWS: Final = 200
LINE_CHARS: Final = 500  # chosen: of a line in a cell; more never fits


class Column(IntEnum):
    """Columns of the results."""

    TIME = 0
    SOURCE = 1
    HOST = 2
    WHO = 3
    WHAT = 4
    LINE = 5


class EventTableModel(RowModel):
    """Events that match a query, newest first. GUI thread only; pages are read in jobs.

    A new query cancels the former one, also where it is being answered.
    """

    loaded = Signal(object)  # EventPage: a query's first page
    failed = Signal(str)
    busy_changed = Signal(bool)

    headers = ("Time", "Source", "Host", "User, address", "What", "Line")

    def __init__(self, desk: Desk, opener: OpenSearcher, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk, self._opener = desk, opener
        self._rows: list[EventRow] = []
        self._query = EventQuery()
        self._names: Mapping[int, str] = {}
        self._cancel = threading.Event()
        self._job: Job | None = None
        self._has_more, self._is_inserting = False, False
        desk.times.changed.connect(self.repaint)
        desk.theme.changed.connect(self.repaint)

    @property
    def query(self) -> EventQuery:
        """What is shown."""
        return self._query

    @property
    def rows(self) -> Sequence[EventRow]:
        """The events read so far."""
        return self._rows

    @property
    def has_more(self) -> bool:
        """True while older events may match."""
        return self._has_more

    @property
    def is_busy(self) -> bool:
        """True while a page is on its way."""
        return self._job is not None

    def row_at(self, row: int) -> EventRow | None:
        """The event in a row, None when there is none."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def set_names(self, names: Mapping[int, str]) -> None:
        """Say what the sources are called."""
        self._names = names
        self.repaint()

    def source_name(self, source_id: int) -> str:
        """What a source is called."""
        return self._names.get(source_id, f"source {source_id}")

    def set_query(self, query: EventQuery) -> None:
        """Look for something else."""
        self.stop()
        self._query = query
        self._ask(None, self._reset)

    def stop(self) -> None:
        """Give up what is being read; what is shown stays."""
        self._cancel.set()
        if self._job is not None:
            self._job.cancel()
            self._set_job(None)

    @override
    def canFetchMore(self, parent: Index) -> bool:
        is_idle = self._job is None and not self._is_inserting
        return not parent.isValid() and self._has_more and is_idle

    @override
    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent) and self._rows:
            self._ask(self._rows[-1], self._append)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        row, column = self._rows[index.row()], Column(index.column())
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == Role.ToolTipRole:
            exact = self._desk.times.absolute(row.at) if column is Column.TIME else None
            return safe_tip(exact or (row.raw if column is Column.LINE else "") or row.what)
        if role == Role.FontRole and column is Column.LINE:
            return self._desk.theme.mono_font()
        if role == Role.ForegroundRole and (row.is_partial or column is Column.SOURCE):
            return self._desk.theme.color("muted")
        return None

    def _text(self, row: EventRow, column: Column) -> str:
        match column:
            case Column.TIME:
                return self._desk.times.short(row.at)
            case Column.SOURCE:
                return render_safe(self.source_name(row.source_id), 80)
            case Column.HOST:
                return render_safe(row.host, 80)
            case Column.WHO:
                return render_safe(row.who, 120)
            case Column.WHAT:
                return render_safe(row.what, 80)
            case Column.LINE:
                return render_safe(row.raw, LINE_CHARS)

    def _ask(self, after: EventRow | None, done: Callable[[EventPage], None]) -> None:
        query, opener = self._query, self._opener
        key = None if after is None else after.key
        self._cancel = cancel = threading.Event()

        def search(governance: "Governance") -> EventPage:
            return opener(governance).search(query, key, PAGE_ROWS, cancel)

        def finish(page: EventPage) -> None:
            self._set_job(None)
            done(page)

        def fail(text: str) -> None:
            self._set_job(None)
            self._has_more = False
            self.failed.emit(text)

        self._set_job(self._desk.jobs.submit_search(search, finish, fail))

    def _set_job(self, job: Job | None) -> None:
        was, self._job = self._job, job
        if (was is None) != (job is None):
            self.busy_changed.emit(job is not None)

    def _reset(self, page: EventPage) -> None:
        self._is_inserting = True
        self.beginResetModel()
        self._rows, self._has_more = list(page.rows), page.has_more
        self._is_inserting = False
        self.endResetModel()
        self.loaded.emit(page)

    def _append(self, page: EventPage) -> None:
        self._has_more = page.has_more and bool(page.rows)
        if page.rows:
            self._is_inserting = True
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(page.rows) - 1)
            self._rows.extend(page.rows)
            self._is_inserting = False
            self.endInsertRows()


class FieldColumn(IntEnum):
    """Columns of one event."""

    NAME = 0
    VALUE = 1


class FieldModel(RowModel):
    """Every column of one event: its name, its value."""

    headers = ("Field", "Value")

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        desk.times.changed.connect(self.repaint)

    def show_event(self, row: EventRow | None) -> None:
        """Show an event's columns, or nothing."""
        self.replace_rows(() if row is None else row.fields())

    def field_at(self, row: int) -> tuple[str, Any] | None:
        """Name and value in a row."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        name, value = self._rows[index.row()]
        is_name = index.column() == FieldColumn.NAME
        text = name if is_name else self.value_text(value)
        if role == Role.DisplayRole:
            return render_safe(text, LINE_CHARS)
        if role == Role.ToolTipRole:
            return safe_tip(text)
        if role == Role.ForegroundRole and is_name:
            return self._desk.theme.color("muted")
        return None

    def value_text(self, value: object) -> str:
        """A value as it is read."""
        if isinstance(value, datetime):
            return self._desk.times.absolute(value)
        return f"{value:.4g}" if isinstance(value, float) else str(value)
