"""Tables about one source: positions in its files, what happened to it, lines that wait."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from pathlib import PurePath, PureWindowsPath
from typing import TYPE_CHECKING, Any, ClassVar, Final

from PySide6.QtCore import QModelIndex, QObject, Signal
from PySide6.QtGui import QColor
from typing_extensions import override

from soc_copilot.domain.clock import from_us
from soc_copilot.domain.governance import StoredPartial, StoredSourceEvent
from soc_copilot.domain.records import Checkpoint, SourceEvent
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.source_facts import EVENTS_PAGE
from soc_copilot.ui.widgets.labels import safe_tip
from soc_copilot.ui.workers import Job

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

CELL_CHARS: Final = 600  # chosen: more than the widest column shows
EVENT_WORDS: Final = {
    "rotated": "Rotated",
    "truncated": "Truncated",
    "rewritten": "Rewritten",
    "replaced": "Replaced",
    "deleted": "Deleted",
    "recovered": "Recovered",
    "new-generation": "New file",
    "lost": "Lost",
    "unterminated": "No line end",
    "refused": "Refused",
    "quarantined": "Quarantined",
    "denied": "Denied",
    "restored": "Restored",
    "decoding": "Decoding",
    "overflow": "Overflow",
    "connection": "Connection",
    "note": "Note",
}


def file_name(path: str) -> str:
    """The last part of a path written on this or another platform."""
    name = PureWindowsPath(path).name if "\\" in path and "/" not in path else PurePath(path).name
    return name or path


class PositionColumn(IntEnum):
    """Columns of the positions."""

    GENERATION = 0
    FILE = 1
    POSITION = 2
    SIZE = 3
    READ = 4
    ENCODING = 5
    STATE = 6


class PositionModel(RowModel):
    """Stored positions, newest generation first."""

    headers = ("Generation", "File", "Position", "Size", "Read", "Encoding", "State")
    numbers = frozenset(
        {
            PositionColumn.GENERATION,
            PositionColumn.POSITION,
            PositionColumn.SIZE,
            PositionColumn.READ,
        }
    )

    def show_positions(self, positions: Sequence[Checkpoint]) -> None:
        """Replace all of them; nothing flickers when they are the same."""
        fresh = tuple(sorted(positions, key=lambda one: -one.generation))
        if fresh != self._rows:
            self.replace_rows(fresh)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        row, column = self._rows[index.row()], PositionColumn(index.column())
        if role == Role.DisplayRole:
            return render_safe(_position_text(row, column), CELL_CHARS)
        if role == Role.TextAlignmentRole:
            return self.alignment(column)
        if role == Role.ToolTipRole and column is PositionColumn.FILE:
            return safe_tip(row.path)
        return None


def _position_text(row: Checkpoint, column: PositionColumn) -> str:
    match column:
        case PositionColumn.GENERATION:
            return str(row.generation)
        case PositionColumn.FILE:
            return file_name(row.path)
        case PositionColumn.POSITION:
            return row.cursor or f"{row.offset:,}"
        case PositionColumn.SIZE:
            return f"{row.size_bytes:,}"
        case PositionColumn.READ:
            if row.compression or row.cursor or not row.size_bytes:
                return "-"
            return f"{min(row.offset / row.size_bytes, 1):.0%}"
        case PositionColumn.ENCODING:
            packed = f", {row.compression}" if row.compression else ""
            return f"{row.encoding or '-'}{packed}"
        case PositionColumn.STATE:
            return "Finished" if row.finished else "Open"


class EventColumn(IntEnum):
    """Columns of what happened."""

    WHEN = 0
    WHAT = 1
    LOST = 2
    MESSAGE = 3


class SourceEventModel(RowModel):
    """What happened to one source, newest first, paged by key; losses stand out.

    Things that the reader said in this run and that are not stored yet come first.
    GUI thread only; pages are read in jobs.
    """

    failed = Signal(str)

    headers = ("When", "What", "Lost", "What it means")
    numbers = frozenset({EventColumn.LOST})

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rows: list[SourceEvent | str] = []
        self._stored: list[StoredSourceEvent] = []
        self._source_id = 0
        self._messages: tuple[str, ...] = ()
        self._exhausted, self._is_inserting = True, False
        self._job: Job | None = None
        desk.times.changed.connect(self.repaint)
        desk.theme.changed.connect(self.repaint)

    @property
    def n_losses(self) -> int:
        """Rows here that tell of a loss."""
        return sum(one.event.is_loss for one in self._stored)

    def show_events(
        self, source_id: int, events: Sequence[StoredSourceEvent], messages: tuple[str, ...] = ()
    ) -> None:
        """Show a source's newest page; nothing moves when it is what is here already."""
        fresh, newest = list(events), events[0].id if events else 0
        same = source_id == self._source_id
        if same and messages == self._messages and newest == self._newest_id():
            return
        if same and len(self._stored) > len(fresh):  # keep what was paged in, put the new on top
            known = self._newest_id()
            added = [one for one in fresh if one.id > known]
            fresh = [*added, *self._stored] if len(added) < EVENTS_PAGE else fresh
        else:
            self._exhausted = len(fresh) < EVENTS_PAGE
        if not same and self._job is not None:
            self._job.cancel()
            self._job = None
        self._source_id, self._stored, self._messages = source_id, fresh, messages
        told = {one.event.message for one in fresh}
        unsaved = [text for text in reversed(messages) if text not in told]
        self.beginResetModel()
        self._rows = [*unsaved, *(one.event for one in fresh)]
        self.endResetModel()

    def _newest_id(self) -> int:
        return self._stored[0].id if self._stored else 0

    @override
    def canFetchMore(self, parent: Index) -> bool:
        is_idle = self._job is None and not self._is_inserting
        return not parent.isValid() and not self._exhausted and is_idle

    @override
    def fetchMore(self, parent: Index) -> None:
        if not self.canFetchMore(parent) or not self._stored:
            return
        source_id, before = self._source_id, self._stored[-1].id

        def read(governance: "Governance") -> tuple[StoredSourceEvent, ...]:
            return governance.sources.events(source_id, limit=EVENTS_PAGE, before_id=before)

        self._job = self._desk.jobs.submit(read, self._append, self._fail)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        row, column = self._rows[index.row()], EventColumn(index.column())
        if role == Role.TextAlignmentRole:
            return self.alignment(column)
        if isinstance(row, str):
            return self._unsaved(row, column, role)
        if role == Role.DisplayRole:
            return render_safe(self._text(row, column), CELL_CHARS)
        if role == Role.ToolTipRole:
            if column is EventColumn.WHEN:
                return safe_tip(self._desk.times.absolute(_moment(row)))
            return safe_tip(row.message if column is EventColumn.MESSAGE else "")
        if role == Role.ForegroundRole:
            return self._color(row, column)
        if role == Role.DecorationRole and row.is_loss and column is EventColumn.WHAT:
            return self._desk.theme.icon("warning", "critical")
        return None

    def _unsaved(self, text: str, column: EventColumn, role: int) -> Any:
        if role == Role.ForegroundRole and column is not EventColumn.MESSAGE:
            return self._desk.theme.color("muted")
        if role == Role.ToolTipRole:
            return safe_tip(text)
        if role != Role.DisplayRole:
            return None
        return render_safe(("this run", "Note", "", text)[column], CELL_CHARS)

    def _text(self, event: SourceEvent, column: EventColumn) -> str:
        match column:
            case EventColumn.WHEN:
                return self._desk.times.short(_moment(event))
            case EventColumn.WHAT:
                return EVENT_WORDS.get(event.kind, event.kind)
            case EventColumn.LOST:
                if event.n_lost is not None:
                    return f"{event.n_lost:,}" if event.n_lost or event.is_loss else ""
                return "maybe" if event.is_loss else ""
            case EventColumn.MESSAGE:
                return event.message

    def _color(self, event: SourceEvent, column: EventColumn) -> QColor | None:
        theme = self._desk.theme
        if event.is_loss and column in {EventColumn.WHAT, EventColumn.LOST}:
            return theme.color("critical")
        return theme.color("muted") if column is EventColumn.WHEN else None

    def _append(self, events: tuple[StoredSourceEvent, ...]) -> None:
        self._job, self._exhausted = None, len(events) < EVENTS_PAGE
        if events:
            self._is_inserting = True
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(events) - 1)
            self._stored.extend(events)
            self._rows.extend(one.event for one in events)
            self._is_inserting = False
            self.endInsertRows()

    def _fail(self, text: str) -> None:
        self._job, self._exhausted = None, True
        self.failed.emit(text)


class PartialColumn(IntEnum):
    """Columns of the lines that wait for their end."""

    FILE = 0
    OFFSET = 1
    LENGTH = 2
    SINCE = 3
    TEXT = 4


class PartialModel(RowModel):
    """Last lines that wait for their line end."""

    headers = ("File", "At byte", "Bytes", "Quiet since", "So far")
    header_tips: ClassVar[Mapping[int, str]] = {
        PartialColumn.TEXT: "Shown, never scored: it may go on."
    }
    numbers = frozenset({PartialColumn.OFFSET, PartialColumn.LENGTH})

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        desk.times.changed.connect(self.repaint)

    def show_partials(self, partials: Sequence[StoredPartial]) -> None:
        """Replace all of them; nothing flickers when they are the same."""
        if tuple(partials) != tuple(self._rows):
            self.replace_rows(tuple(partials))

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        row, column = self._rows[index.row()], PartialColumn(index.column())
        if role == Role.DisplayRole:
            return render_safe(self._text(row, column), CELL_CHARS)
        if role == Role.TextAlignmentRole:
            return self.alignment(column)
        if role == Role.FontRole and column is PartialColumn.TEXT:
            return self._desk.theme.mono_font()
        if role == Role.ToolTipRole:
            return safe_tip(self._tip(row, column))
        return None

    def _text(self, row: StoredPartial, column: PartialColumn) -> str:
        partial = row.partial
        match column:
            case PartialColumn.FILE:
                return file_name(row.path)
            case PartialColumn.OFFSET:
                return f"{partial.offset:,}"
            case PartialColumn.LENGTH:
                return f"{partial.length:,}"
            case PartialColumn.SINCE:
                return self._desk.times.short(from_us(partial.seen_ns // 1_000))
            case PartialColumn.TEXT:
                return partial.text

    def _tip(self, row: StoredPartial, column: PartialColumn) -> str:
        tips: dict[PartialColumn, Callable[[], str]] = {
            PartialColumn.FILE: lambda: row.path,
            PartialColumn.SINCE: lambda: self._desk.times.absolute(
                from_us(row.partial.seen_ns // 1_000)
            ),
            PartialColumn.TEXT: lambda: row.partial.text,
        }
        return tips.get(column, str)()


def _moment(event: SourceEvent) -> datetime:
    return from_us(event.at_ns // 1_000)
