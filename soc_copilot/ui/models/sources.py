"""The sources as a table: few rows, all in memory, refreshed in place."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from typing_extensions import override

from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.summary import SourceStats
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.source_facts import (
    KIND_WORDS,
    STATE_ROLES,
    STATE_WORDS,
    SourceFacts,
    duration_text,
    size_text,
)
from soc_copilot.ui.widgets.labels import safe_tip

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

DOT_PX = 8
CELL_CHARS = 400  # chosen: more than any column shows


class Column(IntEnum):
    """Columns of the table."""

    NAME = 0
    STATE = 1
    KIND = 2
    FORMAT = 3
    LINES = 4
    PARSED = 5
    UNPARSED = 6
    BYTES = 7
    TO_READ = 8
    LAG = 9
    LAST = 10
    ALERTS = 11
    PATH = 12


HEADERS = {
    Column.NAME: "Name",
    Column.STATE: "State",
    Column.KIND: "Kind",
    Column.FORMAT: "Format",
    Column.LINES: "Lines",
    Column.PARSED: "Parsed",
    Column.UNPARSED: "Unparsed",
    Column.BYTES: "Bytes",
    Column.TO_READ: "To read",
    Column.LAG: "Lag",
    Column.LAST: "Last line",
    Column.ALERTS: "Alerts",
    Column.PATH: "Path",
}
HEADER_TIPS = {
    Column.PARSED: "Share of the lines that its format could take apart.",
    Column.UNPARSED: "Lines kept whole because the format did not fit; still searched and counted.",
    Column.TO_READ: "Bytes in its files beyond the stored position.",
    Column.LAG: "Age of the oldest line that is read but not yet stored.",
    Column.LAST: "When its last line was stored.",
}
NUMBERS = frozenset(
    {
        Column.LINES,
        Column.PARSED,
        Column.UNPARSED,
        Column.BYTES,
        Column.TO_READ,
        Column.LAG,
        Column.ALERTS,
    }
)


def parsed_text(share: float | None) -> str:
    """A share in [0, 1] that says 100% only when nothing is missing."""
    if share is None:
        return "-"
    return "100%" if share == 1 else f"{min(share * 100, 99.9):.1f}%"


class SourceTableModel(QAbstractTableModel):
    """Every source, one row each. GUI thread only; never reads the database itself."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._rows: list[SourceFacts] = []
        self._order, self._descending = Column.NAME, False
        desk.theme.changed.connect(self.repaint)
        desk.times.changed.connect(self.repaint)

    @property
    def facts(self) -> Sequence[SourceFacts]:
        """The rows, in the order shown."""
        return self._rows

    def row_of(self, source_id: int) -> int | None:
        """The row of a source, None when it is not listed."""
        return next((n for n, one in enumerate(self._rows) if one.source.id == source_id), None)

    def set_facts(self, facts: Sequence[SourceFacts]) -> None:
        """Take the sources as they are now; rows that stay are changed in place."""
        fresh = self._sorted(facts)
        if [one.source.id for one in fresh] == [one.source.id for one in self._rows]:
            self._rows = fresh
            self.repaint()
            return
        self.beginResetModel()
        self._rows = fresh
        self.endResetModel()

    def take_stats(self, stats: Sequence[SourceStats]) -> None:
        """Show what a stored batch says, until the next `set_facts`."""
        known = {one.source_id: one for one in stats}
        self._map(lambda one: one.with_stats(known[one.source.id]), known)

    def take_statuses(self, statuses: Sequence[SourceStatus]) -> None:
        """Show what the readers say."""
        known = {one.source_id: one for one in statuses}
        self._map(lambda one: one.with_status(known[one.source.id]), known)

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._rows)

    @override
    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(Column)

    @override
    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        column = Column(section)
        if role == Role.DisplayRole:
            return HEADERS[column]
        if role == Role.ToolTipRole:
            return safe_tip(HEADER_TIPS.get(column, ""))
        return _alignment(column) if role == Role.TextAlignmentRole else None

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        facts, column = self._rows[index.row()], Column(index.column())
        if role == Role.DisplayRole:
            return render_safe(self._text(facts, column), CELL_CHARS)
        if role == Role.TextAlignmentRole:
            return _alignment(column)
        if role == Role.ToolTipRole:
            return safe_tip(self._tip(facts, column))
        if role == Role.ForegroundRole:
            return self._color(facts, column)
        if role == Role.DecorationRole and column is Column.STATE:
            return self._dot(self._desk.theme.color(STATE_ROLES[facts.state]))
        return None

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if not 0 <= column < len(Column):
            return
        self._order, self._descending = Column(column), order == Qt.SortOrder.DescendingOrder
        self.layoutAboutToBeChanged.emit()
        before = [one.source.id for one in self._rows]
        self._rows = self._sorted(self._rows)
        places = {one.source.id: n for n, one in enumerate(self._rows)}
        for old in self.persistentIndexList():
            new = self.index(places[before[old.row()]], old.column())
            self.changePersistentIndex(old, new)
        self.layoutChanged.emit()

    def repaint(self) -> None:
        """Tell views that every cell may look different."""
        if self._rows:
            last = self.index(len(self._rows) - 1, len(Column) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def _map(self, change: Callable[[SourceFacts], SourceFacts], known: dict[int, Any]) -> None:
        for row, one in enumerate(self._rows):
            if one.source.id in known and (fresh := change(one)) != one:
                self._rows[row] = fresh
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))

    def _sorted(self, facts: Sequence[SourceFacts]) -> list[SourceFacts]:
        def key(facts: SourceFacts) -> tuple[Any, int]:
            return self._key(facts, self._order), facts.source.id

        return sorted(facts, key=key, reverse=self._descending)

    @staticmethod
    def _key(facts: SourceFacts, column: Column) -> Any:
        ledger, source = facts.ledger, facts.source
        stored = ledger.last_stored_at
        return {
            Column.NAME: source.name.casefold(),
            Column.STATE: facts.state,
            Column.KIND: source.kind,
            Column.FORMAT: facts.format_text,
            Column.LINES: ledger.totals.lines,
            Column.PARSED: -1.0 if facts.parsed_share is None else facts.parsed_share,
            Column.UNPARSED: ledger.totals.unparsed,
            Column.BYTES: ledger.totals.bytes_seen,
            Column.TO_READ: facts.to_read_bytes,
            Column.LAG: facts.lag_s,
            Column.LAST: stored.timestamp() if stored else 0.0,
            Column.ALERTS: ledger.alerts,
            Column.PATH: source.path,
        }[column]

    def _text(self, facts: SourceFacts, column: Column) -> str:
        ledger, source = facts.ledger, facts.source
        stored = ledger.last_stored_at
        match column:
            case Column.NAME:
                return source.name
            case Column.STATE:
                return STATE_WORDS[facts.state]
            case Column.KIND:
                return KIND_WORDS.get(source.kind, source.kind)
            case Column.FORMAT:
                return facts.format_text
            case Column.LINES:
                return f"{ledger.totals.lines:,}"
            case Column.PARSED:
                return parsed_text(facts.parsed_share)
            case Column.UNPARSED:
                return f"{ledger.totals.unparsed:,}"
            case Column.BYTES:
                return size_text(ledger.totals.bytes_seen)
            case Column.TO_READ:
                return size_text(facts.to_read_bytes)
            case Column.LAG:
                return duration_text(facts.lag_s)
            case Column.LAST:
                return self._desk.times.relative(stored) if stored else "-"
            case Column.ALERTS:
                return f"{ledger.alerts:,}"
            case Column.PATH:
                return f"{source.path}/{source.pattern}" if source.pattern else source.path

    def _tip(self, facts: SourceFacts, column: Column) -> str:
        stored = facts.ledger.last_stored_at
        if column is Column.STATE:
            return facts.detail
        if column is Column.LAST:
            return self._desk.times.absolute(stored) if stored else "No line was stored yet."
        if column is Column.BYTES:
            return f"{facts.ledger.totals.bytes_seen:,} bytes"
        if column in {Column.NAME, Column.PATH}:
            return self._text(facts, column)
        return ""

    def _color(self, facts: SourceFacts, column: Column) -> QColor | None:
        theme = self._desk.theme
        if column is Column.STATE:
            return theme.color(STATE_ROLES[facts.state])
        if column is Column.UNPARSED and facts.ledger.totals.unparsed:
            return theme.color("medium")
        muted = not facts.source.enabled or column in {Column.KIND, Column.PATH}
        return theme.color("muted") if muted else None

    def _dot(self, color: QColor) -> QPixmap:
        scale = 2  # sharp on dense screens
        pixmap = QPixmap(DOT_PX * scale, DOT_PX * scale)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color)
        painter.drawEllipse(pixmap.rect())
        painter.end()
        pixmap.setDevicePixelRatio(scale)
        return pixmap


def _alignment(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column in NUMBERS else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
