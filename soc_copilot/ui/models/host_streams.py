"""The Host page's table: one line a stream, with its strip of scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from PySide6.QtCore import QModelIndex, QObject, Qt
from typing_extensions import override

from soc_copilot.domain.findings import Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.host_rows import (
    BAND_WORDS,
    ORDINARY,
    QUIET,
    RAISED,
    THREAT,
    HostRow,
    band,
)
from soc_copilot.ui.models.rows import GivenRows, Role
from soc_copilot.ui.stream_history import COLUMN_S, Floats, StreamHistory
from soc_copilot.ui.timeformat import TimeFormat
from soc_copilot.ui.widgets.delegates import ROLE_SEVERITY
from soc_copilot.ui.widgets.labels import safe_tip

ROLE_STRIP = Qt.ItemDataRole.UserRole + 3  # a Strip, for StripDelegate
NAME_CHARS = 160  # chosen: of a name that is shown; the column cuts it to its width
BAND_SEVERITIES = {
    QUIET: Severity.INFO,
    ORDINARY: Severity.LOW,
    RAISED: Severity.MEDIUM,
    THREAT: Severity.CRITICAL,
}


class Column(IntEnum):
    """Places of the columns."""

    STATE = 0
    STREAM = 1
    STRIP = 2
    SCORE = 3
    HIGHEST = 4
    HEARD = 5
    ALERTS = 6


@dataclass(frozen=True, slots=True)
class Strip:
    """What a strip draws.

    Attributes:
        cells: Highest score of each column, oldest first, NaN without events; the last one
            ends at `head_s`.
        head_s: End of the present column, seconds since 1970.
        threshold: Score of a threat.
        marks_s: When alerts were last seen, for a stream of which nothing else is known.
    """

    cells: Floats | None
    head_s: float
    threshold: float
    marks_s: tuple[float, ...] = ()


class StreamTableModel(GivenRows[HostRow]):
    """Streams in the order given; what is selected stays selected wherever its line goes."""

    headers = ("", "Stream", "", "Now", "Highest", "Last event", "Alerts")
    header_tips: ClassVar[dict[int, str]] = {
        Column.STATE: "The worst of the last 15 minutes; quiet when nothing happened",
        Column.SCORE: "Highest score of the stream's last batch",
        Column.HIGHEST: "Highest score of the last 15 minutes",
        Column.ALERTS: "Open alerts",
    }
    numbers = frozenset({Column.SCORE, Column.HIGHEST, Column.ALERTS})

    def __init__(
        self, history: StreamHistory, times: TimeFormat, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._history, self._times = history, times

    def place_of(self, key: str) -> int | None:
        """The line of a stream."""
        return next((i for i, row in enumerate(self._rows) if row.key == key), None)

    @override
    def set_rows(self, rows: Sequence[HostRow]) -> None:
        """Show these streams; views keep their selection and where they are scrolled to."""
        keys = {row.key for row in rows}
        for place in reversed(range(len(self._rows))):
            if self._rows[place].key not in keys:
                self.beginRemoveRows(QModelIndex(), place, place)
                self._rows = self._rows[:place] + self._rows[place + 1 :]
                self.endRemoveRows()
        old = [row.key for row in self._rows]
        known = set(old)
        fresh = tuple(row for row in rows if row.key not in known)
        if fresh:
            self.beginInsertRows(QModelIndex(), len(old), len(old) + len(fresh) - 1)
            self._rows += fresh
            self.endInsertRows()
            old += [row.key for row in fresh]
        if old == [row.key for row in rows]:
            self._rows = tuple(rows)
            self.repaint()
        else:
            self._reorder(old, tuple(rows))

    def _reorder(self, old: Sequence[str], rows: tuple[HostRow, ...]) -> None:
        self.layoutAboutToBeChanged.emit()
        places = {row.key: place for place, row in enumerate(rows)}
        before = self.persistentIndexList()
        self._rows = rows
        after = [self.index(places[old[index.row()]], index.column()) for index in before]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    @override
    def cell(self, row: HostRow, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == Role.ToolTipRole:
            return self._tip(row, column)
        if role == Role.TextAlignmentRole:
            return self.alignment(column)
        if role == ROLE_SEVERITY and column == Column.STATE:
            return BAND_SEVERITIES[row.worst]
        if role == ROLE_STRIP and column == Column.STRIP:
            return self._strip(row)
        return None

    def _text(self, row: HostRow, column: int) -> str:
        record = row.record
        if column == Column.STATE:
            return BAND_WORDS[row.worst]
        if column == Column.STREAM:
            return render_safe(("▴ " if row.is_pinned else "") + row.name, NAME_CHARS)
        if column == Column.STRIP:
            return "" if row.judged is None else f"highest {row.judged.score:.2f}"
        if column == Column.SCORE:
            return "—" if record is None else f"{record.latest.score:.2f}"
        if column == Column.HIGHEST:
            return "—" if row.judged is None else f"{row.judged.score:.2f}"
        if column == Column.HEARD:
            heard = row.last_heard
            return "none yet" if heard is None else self._times.relative(heard)
        return f"{len(row.alerts):,}" if row.alerts else ""

    def _tip(self, row: HostRow, column: int) -> str:
        if column == Column.HEARD and (heard := row.last_heard) is not None:
            return safe_tip(self._times.absolute(heard))
        if column == Column.STREAM:
            return safe_tip(row.name + (f"\nWatched: {row.folder}" if row.folder else ""))
        if column in {Column.SCORE, Column.HIGHEST} and row.record is not None:
            judged = row.record.latest if column == Column.SCORE else row.record.top
            word = BAND_WORDS[band(judged.score, judged.threshold)].lower()
            return safe_tip(f"{judged.score:.3f}, {word}; a threat from {judged.threshold:.2f} on")
        return ""

    def _strip(self, row: HostRow) -> Strip:
        head_s = float((self._history.head + 1) * COLUMN_S)
        if row.record is None:
            marks = tuple(alert.last_seen.timestamp() for alert in row.alerts)
            return Strip(None, head_s, 1.0, marks)
        return Strip(self._history.cells(row.record), head_s, row.record.top.threshold)
