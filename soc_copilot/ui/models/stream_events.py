"""The last events of one stream, newest first."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QObject
from typing_extensions import override

from soc_copilot.domain.columns import Action
from soc_copilot.domain.streams import StreamEvent
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.labels import safe_tip

PATH_CHARS: Final = 400  # chosen: of a path that is shown; its end, where the name stands
WORDS: Final = {
    Action.FILE_CREATED: "created",
    Action.FILE_WRITTEN: "written",
    Action.FILE_RENAMED: "renamed",
    Action.FILE_DELETED: "deleted",
    Action.FILE_MODE_CHANGED: "rights changed",
}


class Column(IntEnum):
    """Places of the columns."""

    TIME = 0
    WHAT = 1
    FILE = 2
    SCORE = 3


class StreamEventsModel(RowModel):
    """A few events, replaced as a whole."""

    headers = ("Time", "What", "File", "Score")
    numbers = frozenset({Column.SCORE})
    _rows: tuple[StreamEvent, ...] = ()

    def __init__(self, times: TimeFormat, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._times = times

    def set_events(self, events: Sequence[StreamEvent]) -> None:
        """Show these, given oldest first."""
        rows = tuple(reversed(events))
        if rows != self._rows:
            self.replace_rows(rows)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not index.isValid() or not 0 <= index.row() < len(self._rows):
            return None
        event = self._rows[index.row()]
        if role == Role.DisplayRole:
            return self._text(event, index.column())
        if role == Role.ToolTipRole and index.column() == Column.FILE:
            return safe_tip(event.path)
        if role == Role.ToolTipRole and index.column() == Column.TIME:
            return safe_tip(self._times.absolute(event.at))
        return self.alignment(index.column()) if role == Role.TextAlignmentRole else None

    def _text(self, event: StreamEvent, column: int) -> str:
        if column == Column.TIME:
            return self._times.short(event.at)
        if column == Column.WHAT:
            return WORDS.get(event.action) or render_safe(event.action, 24)
        if column == Column.FILE:
            return render_safe(event.path[-PATH_CHARS:])
        return f"{event.score:.2f}"
