"""The sources as a table: all in memory, filtered and sorted here, refreshed in place."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, ClassVar

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPixmap
from typing_extensions import override

from soc_copilot.domain.records import SourceStatus
from soc_copilot.domain.source_options import KIND_TITLES
from soc_copilot.domain.summary import SourceStats
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.rows import Index, Role, RowModel
from soc_copilot.ui.source_facts import (
    KIND_WORDS,
    STATE_ROLES,
    STATE_WORDS,
    SourceFacts,
    duration_text,
    loss_text,
    size_text,
)
from soc_copilot.ui.widgets.labels import safe_tip

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
    LOST = 7
    BYTES = 8
    TO_READ = 9
    LAG = 10
    LAST = 11
    ALERTS = 12
    PATH = 13


HEADERS = {
    Column.NAME: "Name",
    Column.STATE: "State",
    Column.KIND: "Kind",
    Column.FORMAT: "Format",
    Column.LINES: "Lines",
    Column.PARSED: "Parsed",
    Column.UNPARSED: "Unparsed",
    Column.LOST: "Lost",
    Column.BYTES: "Bytes",
    Column.TO_READ: "To read",
    Column.LAG: "Lag",
    Column.LAST: "Last line",
    Column.ALERTS: "Alerts",
    Column.PATH: "Where",
}


def parsed_text(share: float | None) -> str:
    """A share in [0, 1] that says 100% only when nothing is missing."""
    if share is None:
        return "-"
    return "100%" if share == 1 else f"{min(share * 100, 99.9):.1f}%"


class SourceTableModel(RowModel):
    """One row for each source that fits the filter. GUI thread only; reads no database.

    Signals:
        changed: Something differs, whether or not its row is shown.
    """

    changed = Signal()

    headers = tuple(HEADERS.values())
    header_tips: ClassVar[Mapping[int, str]] = {
        Column.STATE: "Sorted by it, problems come first.",
        Column.PARSED: "Share of the lines that its format could take apart.",
        Column.UNPARSED: "Lines kept whole because the format did not fit; still searched.",
        Column.LOST: "Lines, messages or events that were gone before they could be read.",
        Column.TO_READ: "Bytes in its files beyond the stored position.",
        Column.LAG: "Age of the oldest line that is not yet stored.",
        Column.LAST: "When its last line was stored.",
    }
    numbers = frozenset(
        {
            Column.LINES,
            Column.PARSED,
            Column.UNPARSED,
            Column.LOST,
            Column.BYTES,
            Column.TO_READ,
            Column.LAG,
            Column.ALERTS,
        }
    )

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._all: dict[int, SourceFacts] = {}
        self._rows: list[SourceFacts] = []
        self._order, self._descending = Column.STATE, False
        self._words: tuple[str, ...] = ()
        self._only_problems = False
        self._dots: dict[str, QPixmap] = {}
        desk.theme.changed.connect(self._on_theme)
        desk.times.changed.connect(self.repaint)

    @property
    def facts(self) -> Sequence[SourceFacts]:
        """The rows, in the order shown."""
        return self._rows

    @property
    def all_facts(self) -> Iterable[SourceFacts]:
        """Every source, shown or not."""
        return self._all.values()

    @property
    def n_all(self) -> int:
        """Sources, shown or not."""
        return len(self._all)

    def find(self, source_id: int) -> SourceFacts | None:
        """A source, shown or not."""
        return self._all.get(source_id)

    def row_of(self, source_id: int) -> int | None:
        """The row of a source, None when it is not shown."""
        return next((n for n, one in enumerate(self._rows) if one.source.id == source_id), None)

    def set_facts(
        self, facts: Iterable[SourceFacts], statuses: Sequence[SourceStatus] = ()
    ) -> None:
        """Take the sources as they are now; rows that stay are changed in place.

        Args:
            facts: Every source.
            statuses: What the readers said last; it counts more than a look at the disk.
        """
        told = {one.source_id: one for one in statuses}
        self._all = {
            one.source.id: one.with_status(told[one.source.id]) if one.source.id in told else one
            for one in facts
        }
        self._arrange()
        self.changed.emit()

    def set_filter(self, text: str, *, only_problems: bool = False) -> None:
        """Show only sources in which all the words occur, and, if asked, only problems."""
        self._words, self._only_problems = tuple(text.casefold().split()), only_problems
        self._arrange()

    def take_stats(self, stats: Sequence[SourceStats]) -> None:
        """Show what a stored batch says, until the next `set_facts`."""
        known = {one.source_id: one for one in stats}
        self._map(lambda one: one.with_stats(known[one.source.id]), known)

    def take_statuses(self, statuses: Sequence[SourceStatus]) -> None:
        """Show what the readers say."""
        known = {one.source_id: one for one in statuses}
        self._map(lambda one: one.with_status(known[one.source.id]), known)

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        facts, column = self._rows[index.row()], Column(index.column())
        if role == Role.DisplayRole:
            return render_safe(self._text(facts, column), CELL_CHARS)
        if role == Role.TextAlignmentRole:
            return self.alignment(column)
        if role == Role.ToolTipRole:
            return safe_tip(self._tip(facts, column))
        if role == Role.ForegroundRole:
            return self._color(facts, column)
        if role == Role.DecorationRole and column is Column.STATE:
            return self._dot(STATE_ROLES[facts.state])
        return None

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(Column):
            self._order, self._descending = Column(column), order == Qt.SortOrder.DescendingOrder
            self._arrange()

    def _fits(self, facts: SourceFacts) -> bool:
        if self._only_problems and not facts.is_trouble:
            return False
        if not self._words:
            return True
        source = facts.source
        words = (source.name, facts.where, KIND_TITLES.get(source.kind, source.kind))
        state = STATE_WORDS[facts.state]
        hay = " ".join((*words, source.kind, state, facts.format_text, facts.address)).casefold()
        return all(word in hay for word in self._words)

    def _arrange(self) -> None:
        """Filter and sort again; what is selected moves with its row."""
        before = [one.source.id for one in self._rows]
        fresh = self._sorted(filter(self._fits, self._all.values()))
        after = [one.source.id for one in fresh]
        if before == after:
            self._rows = fresh
            self.repaint()
        elif len(before) == len(after) and set(before) == set(after):
            self.layoutAboutToBeChanged.emit()
            self._rows = fresh
            places = {source_id: row for row, source_id in enumerate(after)}
            for old in self.persistentIndexList():
                new = self.index(places[before[old.row()]], old.column())
                self.changePersistentIndex(old, new)
            self.layoutChanged.emit()
        else:
            self.beginResetModel()
            self._rows = fresh
            self.endResetModel()

    def _map(self, change: Callable[[SourceFacts], SourceFacts], known: Mapping[int, Any]) -> None:
        moved, is_reordered = {}, False
        for source_id in known:
            old = self._all.get(source_id)
            if old is not None and (fresh := change(old)) != old:
                self._all[source_id] = moved[source_id] = fresh
                is_reordered = is_reordered or fresh.rank != old.rank
        if not moved:
            return
        if self._order is Column.STATE and is_reordered:
            self._arrange()
            self.changed.emit()
            return
        rows = [row for row, one in enumerate(self._rows) if one.source.id in moved]
        for row in rows:
            self._rows[row] = moved[self._rows[row].source.id]
        if rows:  # one signal however many moved: a view asks only for the rows it shows
            self.repaint_rows(rows[0], rows[-1])
        self.changed.emit()

    def _sorted(self, facts: Iterable[SourceFacts]) -> list[SourceFacts]:
        def key(facts: SourceFacts) -> tuple[Any, int]:
            return self._key(facts, self._order), facts.source.id

        return sorted(facts, key=key, reverse=self._descending)

    @staticmethod
    def _key(facts: SourceFacts, column: Column) -> Any:
        ledger, source = facts.ledger, facts.source
        counts = ledger.totals
        match column:
            case Column.NAME:
                return source.name.casefold()
            case Column.STATE:
                return facts.rank, source.name.casefold()
            case Column.KIND:
                return source.kind
            case Column.FORMAT:
                return facts.format_text
            case Column.LINES:
                return counts.lines
            case Column.PARSED:
                return -1.0 if facts.parsed_share is None else facts.parsed_share
            case Column.UNPARSED:
                return counts.unparsed
            case Column.LOST:
                return counts.lost, counts.possible_losses
            case Column.BYTES:
                return counts.bytes_seen
            case Column.TO_READ:
                return facts.to_read_bytes
            case Column.LAG:
                return facts.lag_s if facts.lag_s >= 0 else float("inf")
            case Column.LAST:
                return ledger.last_stored_at.timestamp() if ledger.last_stored_at else 0.0
            case Column.ALERTS:
                return ledger.alerts
            case Column.PATH:
                return facts.where

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
            case Column.LOST:
                return loss_text(ledger.totals)
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
                return facts.where

    def _tip(self, facts: SourceFacts, column: Column) -> str:
        ledger = facts.ledger
        match column:
            case Column.STATE:
                return facts.detail or facts.address
            case Column.LAST:
                stored = ledger.last_stored_at
                return self._desk.times.absolute(stored) if stored else "No line was stored yet."
            case Column.BYTES:
                return f"{ledger.totals.bytes_seen:,} bytes"
            case Column.KIND:
                return KIND_TITLES.get(facts.source.kind, facts.source.kind)
            case Column.LAG:
                return "Older than what was watched." if facts.lag_s < 0 else ""
            case Column.LOST:
                return loss_tip(facts)
            case Column.NAME | Column.PATH:
                return self._text(facts, column)
            case _:
                return ""

    def _color(self, facts: SourceFacts, column: Column) -> QColor | None:
        theme, counts = self._desk.theme, facts.ledger.totals
        if column is Column.STATE:
            return theme.color(STATE_ROLES[facts.state])
        if column is Column.UNPARSED and counts.unparsed:
            return theme.color("medium")
        if column is Column.LOST and (counts.lost or counts.possible_losses):
            return theme.color("critical" if counts.lost else "medium")
        muted = not facts.source.enabled or column in {Column.KIND, Column.PATH}
        return theme.color("muted") if muted else None

    def _on_theme(self) -> None:
        self._dots.clear()
        self.repaint()

    def _dot(self, role: str) -> QPixmap:
        if role not in self._dots:
            self._dots[role] = _draw_dot(self._desk.theme.color(role))
        return self._dots[role]


def loss_tip(facts: SourceFacts) -> str:
    """What is gone, and what may be, in a sentence or two."""
    counts = facts.ledger.totals
    if not counts.lost and not counts.possible_losses:
        return "Nothing was lost."
    parts = []
    if counts.lost:
        parts.append(f"{counts.lost:,} lines, messages or events are known to be gone.")
    if counts.possible_losses:
        times = "Once" if counts.possible_losses == 1 else f"{counts.possible_losses:,} times"
        parts.append(f"{times} lines may be gone that nobody can count.")
    return " ".join(parts)


def _draw_dot(color: QColor) -> QPixmap:
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
