"""The audit trail as a table: newest first, one page at a time, by key."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QObject, Signal
from typing_extensions import override

from soc_copilot.domain.governance import AuditRow
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.widgets.labels import safe_tip
from soc_copilot.ui.workers import Job

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

PAGE_ROWS = 256  # chosen: several screens, a few milliseconds
CELL_CHARS = 300  # chosen: more than a column shows


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows read, and the newest row's number just before."""

    newest_seq: int
    rows: tuple[AuditRow, ...]


class Column(IntEnum):
    """Columns of the table."""

    SEQ = 0
    AT = 1
    ACTOR = 2
    SURFACE = 3
    ACTION = 4
    SUBJECT = 5
    CHANGE = 6


HEADERS = ("Row", "When", "Who", "From", "Action", "What", "Change")


def change_text(row: AuditRow) -> str:
    """Old and new value in one line, with the reason: "released → engaged: noisy deploy"."""
    if row.old is not None and row.new is not None:
        change = f"{row.old} → {row.new}"
    elif row.old is not None:
        change = f"was {row.old}"
    else:
        change = row.new or ""
    return ": ".join(part for part in (change, row.reason or "") if part)


class AuditTableModel(RowModel):
    """A window onto the audit trail. GUI thread only; pages are read in jobs."""

    headers = HEADERS

    loaded = Signal()  # a page arrived, or reading failed

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rows: list[AuditRow] = []
        self._exhausted = True  # until the first page was asked for
        self._text = ""
        self._known_seq = 0  # every row up to it was looked at for the words in force
        self._changing = False  # True while views hear of rows that are not here yet
        self._pinned = False  # True while the top is not the newest row on purpose
        self._job: Job | None = None
        desk.times.changed.connect(self.repaint)

    @property
    def text(self) -> str:
        """The words in force."""
        return self._text

    @property
    def is_loading(self) -> bool:
        """True while a page is being read."""
        return self._job is not None

    @property
    def is_exhausted(self) -> bool:
        """True when the oldest row that fits is here."""
        return self._exhausted

    def row_at(self, row: int) -> AuditRow:
        """The audit row in a line of the table."""
        return self._rows[row]

    def line_of(self, seq: int) -> int | None:
        """The line that shows an audit row, None when it is not here."""
        return next((n for n, row in enumerate(self._rows) if row.seq == seq), None)

    def set_text(self, text: str) -> None:
        """Show only rows in which all of the words occur."""
        if text.strip() != self._text:
            self._text = text.strip()
            self.reload()

    def reload(self) -> None:
        """Start again from the newest row."""
        self._pinned = False
        self._read(None, self._reset)

    def show_from(self, seq: int) -> None:
        """Show all rows from this one down, without a search; newer ones wait for `reload`."""
        self._text, self._pinned = "", True
        self._read(seq + 1, self._reset)

    def pull_new(self) -> None:
        """Put rows that were added meanwhile on top; what is selected stays selected."""
        if self._job is None and not self._pinned:
            self._read(None, self._take_new, after=self._known_seq)

    @override
    def canFetchMore(self, parent: Index) -> bool:
        idle = self._job is None and not self._changing
        return not parent.isValid() and not self._exhausted and idle

    @override
    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._read(self._rows[-1].seq if self._rows else None, self._append)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        row, column = self._rows[index.row()], Column(index.column())
        if role == Role.DisplayRole:
            return render_safe(self._cell(row, column), CELL_CHARS)
        if role == Role.ToolTipRole:
            exact = self._desk.times.absolute(row.at) if column is Column.AT else None
            return safe_tip(exact or self._cell(row, column))
        if role == Role.ForegroundRole and column in {Column.SEQ, Column.SURFACE}:
            return self._desk.theme.color("muted")
        return None

    def _cell(self, row: AuditRow, column: Column) -> str:
        match column:
            case Column.SEQ:
                return f"{row.seq:,}"
            case Column.AT:
                return self._desk.times.short(row.at)
            case Column.ACTOR:
                return row.actor
            case Column.SURFACE:
                return row.surface
            case Column.ACTION:
                return row.action
            case Column.SUBJECT:
                return row.subject
            case Column.CHANGE:
                return change_text(row)

    def _read(
        self,
        before: int | None,
        done: Callable[[tuple[AuditRow, ...]], None],
        after: int = 0,
    ) -> None:
        if self._job is not None:
            self._job.cancel()
        text = self._text

        def read(governance: "Governance") -> _Page:
            newest = governance.audit.count()
            rows = governance.audit.rows(before, PAGE_ROWS, text=text, after_seq=after)
            return _Page(newest, rows)

        def finish(page: _Page) -> None:
            self._job = None
            if before is None:
                self._known_seq = page.newest_seq
            done(page.rows)
            self.loaded.emit()

        self._job = self._desk.jobs.submit(read, finish, self._fail)

    def _reset(self, rows: tuple[AuditRow, ...]) -> None:
        self._changing = True
        self.beginResetModel()
        self._rows, self._exhausted = list(rows), len(rows) < PAGE_ROWS
        self._changing = False
        self.endResetModel()

    def _append(self, rows: tuple[AuditRow, ...]) -> None:
        self._exhausted = len(rows) < PAGE_ROWS
        self._insert(len(self._rows), rows)

    def _take_new(self, rows: tuple[AuditRow, ...]) -> None:
        newest = self._rows[0].seq if self._rows else 0
        fresh = tuple(row for row in rows if row.seq > newest)
        if len(fresh) == PAGE_ROWS:
            self._reset(rows)  # too far behind: start again from the newest page
        else:
            self._insert(0, fresh)

    def _insert(self, at: int, rows: tuple[AuditRow, ...]) -> None:
        if rows:
            self._changing = True
            self.beginInsertRows(QModelIndex(), at, at + len(rows) - 1)
            self._rows[at:at] = rows
            self._changing = False
            self.endInsertRows()

    def _fail(self, text: str) -> None:
        self._job, self._exhausted = None, True
        self._desk.error(text)
        self.loaded.emit()
