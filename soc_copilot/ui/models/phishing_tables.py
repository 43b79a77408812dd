"""The Phishing page's tables: what was checked, and a message's links and attachments."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final

from PySide6.QtCore import QModelIndex, QObject, Qt
from typing_extensions import override

from soc_copilot.domain.phishing import Attachment, Link, Prediction
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.models.rows import GivenRows, Index, Role, RowModel
from soc_copilot.ui.phishing_checks import MAX_ROWS, CheckedRow
from soc_copilot.ui.phishing_facts import KINDS, WORDS, defanged_text
from soc_copilot.ui.units import size_text
from soc_copilot.ui.widgets.labels import safe_tip

ROLE_VERDICT: Final = Qt.ItemDataRole.UserRole + 3  # a Prediction or None, for VerdictDelegate
CELL_CHARS: Final = 300  # chosen: of a cell; all of it is in the detail
_RANKS: Final[dict[Prediction | None, int]] = {None: 0, "benign": 1, "suspicious": 2, "phish": 3}


class CheckedColumn(IntEnum):
    """Places of the columns."""

    VERDICT = 0
    SCORE = 1
    KIND = 2
    TITLE = 3
    SENDER = 4
    FILE = 5
    REASON = 6


class CheckedModel(RowModel):
    """What was checked since the window was opened, sorted; worst first, unless asked otherwise."""

    headers = ("Verdict", "Score", "Kind", "Subject or URL", "Sender", "From file", "Main reason")
    header_tips = {  # noqa: RUF012 - a constant, as the base class has it
        CheckedColumn.SCORE: "0 to 1; phishing from 0.7, suspicious from 0.4.",
    }
    _rows: list[CheckedRow]

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = []
        self._column, self._order = int(CheckedColumn.SCORE), Qt.SortOrder.DescendingOrder

    @property
    def rows(self) -> Sequence[CheckedRow]:
        """What is shown, in that order."""
        return self._rows

    def row(self, place: int) -> CheckedRow | None:
        """The row at a place."""
        return self._rows[place] if 0 <= place < len(self._rows) else None

    def place_of(self, number: int) -> int | None:
        """Where a row stands."""
        return next((at for at, row in enumerate(self._rows) if row.number == number), None)

    @property
    def counts(self) -> dict[Prediction | None, int]:
        """Rows by verdict; None for those that could not be read."""
        found: dict[Prediction | None, int] = {}
        for row in self._rows:
            found[row.prediction] = found.get(row.prediction, 0) + 1
        return found

    def add(self, rows: Sequence[CheckedRow]) -> None:
        """Put rows in at their places; what a view has selected stays selected."""
        some = list(rows)[: max(MAX_ROWS - len(self._rows), 0)]
        if not some:
            return
        first = len(self._rows)
        self.beginInsertRows(QModelIndex(), first, first + len(some) - 1)
        self._rows.extend(some)
        self.endInsertRows()
        self._arrange()

    def put(self, row: CheckedRow) -> None:
        """Show a row that was checked again in place of the former one."""
        place = self.place_of(row.number)
        if place is None:
            self.add([row])
            return
        self._rows[place] = row
        self.repaint_rows(place, place)
        self._arrange()

    def clear(self) -> None:
        """Show nothing."""
        self.beginResetModel()
        self._rows = []
        self.endResetModel()

    @override
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._column, self._order = column, order
        self._arrange()

    def _arrange(self) -> None:
        """Sort; rows that are alike keep their order."""
        is_down = self._order == Qt.SortOrder.DescendingOrder
        key = _KEYS.get(self._column)
        if key is None:
            return
        ordered = sorted(self._rows, key=key, reverse=is_down)
        if all(a is b for a, b in zip(ordered, self._rows, strict=True)):
            return
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        numbers = [self._rows[index.row()].number for index in held]
        self._rows = ordered
        wanted = set(numbers)
        at = {row.number: place for place, row in enumerate(ordered) if row.number in wanted}
        moved = [
            self.index(at[number], index.column())
            for number, index in zip(numbers, held, strict=True)
        ]
        self.changePersistentIndexList(held, moved)
        self.layoutChanged.emit()

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        row = self.row(index.row()) if index.isValid() else None
        if row is None:
            return None
        column = index.column()
        if role == Role.DisplayRole:
            return self._text(row, column)
        if role == ROLE_VERDICT and column == CheckedColumn.VERDICT:
            return row.prediction
        if role == Role.ToolTipRole:
            return safe_tip(_told(row))
        return self.alignment(column) if role == Role.TextAlignmentRole else None

    def _text(self, row: CheckedRow, column: int) -> str:
        if column == CheckedColumn.VERDICT:
            return WORDS[row.prediction]
        if column == CheckedColumn.SCORE:
            return f"{row.score:.3f}" if row.prediction is not None else ""
        if column == CheckedColumn.KIND:
            return KINDS[row.kind] if row.kind is not None else ""
        texts = {
            CheckedColumn.TITLE: row.title,
            CheckedColumn.SENDER: row.sender,
            CheckedColumn.FILE: row.given.name,
            CheckedColumn.REASON: _main_reason(row),
        }
        return render_safe(texts.get(CheckedColumn(column), ""), CELL_CHARS)


def _main_reason(row: CheckedRow) -> str:
    if row.prediction == "benign":
        return ""
    return row.problem or (row.reasons[0] if row.reasons else "")


_KEYS: Final[dict[int, Callable[[CheckedRow], Any]]] = {
    CheckedColumn.VERDICT: lambda row: (_RANKS[row.prediction], row.score),
    CheckedColumn.SCORE: lambda row: row.score,
    CheckedColumn.KIND: lambda row: row.kind or "",
    CheckedColumn.TITLE: lambda row: row.title.casefold(),
    CheckedColumn.SENDER: lambda row: row.sender.casefold(),
    CheckedColumn.FILE: lambda row: row.given.name,
    CheckedColumn.REASON: _main_reason,
}


def _told(row: CheckedRow) -> str:
    degraded = "Degraded: not every part gave an answer." if row.is_degraded else ""
    lines = [row.title, row.sender, row.given.name, row.problem, degraded, *row.reasons]
    return "\n".join(line for line in lines if line)


class LinkColumn(IntEnum):
    """Places of the columns."""

    TEXT = 0
    TARGET = 1


class LinkModel(GivenRows[Link]):
    """Links of a message: what a reader sees, and where they lead, defanged."""

    headers = ("Shown as", "Leads to")

    @override
    def cell(self, link: Link, column: int, role: int) -> Any:
        if role == Role.DisplayRole:
            is_target = column == LinkColumn.TARGET
            return render_safe(link.defanged if is_target else defanged_text(link.text), CELL_CHARS)
        if role == Role.ToolTipRole:
            return safe_tip(f"{defanged_text(link.text)}\n{link.defanged}")
        return self.alignment(column) if role == Role.TextAlignmentRole else None


class AttachmentColumn(IntEnum):
    """Places of the columns."""

    NAME = 0
    TYPE = 1
    SIZE = 2
    HASH = 3


class AttachmentModel(GivenRows[Attachment]):
    """Attachments of a message; none is ever opened."""

    headers = ("Name", "Type", "Size", "SHA-256")
    numbers = frozenset({AttachmentColumn.SIZE})

    @override
    def cell(self, file: Attachment, column: int, role: int) -> Any:
        texts = {
            AttachmentColumn.NAME: file.name or "(no name)",
            AttachmentColumn.TYPE: file.content_type,
            AttachmentColumn.SIZE: size_text(file.size_bytes),
            AttachmentColumn.HASH: file.sha256 or "cut",
        }
        if role == Role.DisplayRole:
            return render_safe(texts[AttachmentColumn(column)], CELL_CHARS)
        if role == Role.ToolTipRole:
            told = f"{file.name}\n{file.content_type}\n{file.size_bytes:,} bytes\n{file.sha256}"
            return safe_tip(told)
        return self.alignment(column) if role == Role.TextAlignmentRole else None
