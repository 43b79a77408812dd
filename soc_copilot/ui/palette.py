"""The command palette: every action, every page, and any alert by its number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, Qt, Slot
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QLineEdit,
    QListView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.ui.actions import ActionSpec, ActionTable
from soc_copilot.ui.theme import GRID, SMALL_PX, Theme
from soc_copilot.ui.widgets.labels import PlainLabel

Index = QModelIndex | QPersistentModelIndex
ROW_PX = 32
MAX_ROWS = 10  # rows seen at once


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the palette."""

    text: str
    group: str
    keys: str
    run: Callable[[], object]
    enabled: bool = True


def fuzzy_score(query: str, text: str) -> float | None:
    """How well a query fits a text: its letters in order, better when together.

    Returns:
        A positive number, higher is better; None when it does not fit.
    """
    wanted, hay = query.lower().replace(" ", ""), text.lower()
    if not wanted:
        return 1.0
    whole = hay.find(query.lower().strip())
    if whole >= 0:
        starts_word = whole == 0 or not hay[whole - 1].isalnum()
        return 100.0 + (20.0 if starts_word else 0.0) - whole * 0.1 - len(hay) * 0.01
    score, place = 0.0, -1
    for letter in wanted:
        found = hay.find(letter, place + 1)
        if found < 0:
            return None
        together = found == place + 1
        starts_word = found == 0 or not hay[found - 1].isalnum()
        score += 3.0 * together + 2.0 * starts_word + 1.0 / (1 + found - place)
        place = found
    return score


class PaletteModel(QAbstractListModel):
    """The entries that fit what was typed, best first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[Entry, ...] = ()
        self._shown: list[Entry] = []

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Take what there is to choose from."""
        self._all = tuple(entries)
        self.search("")

    def search(self, query: str) -> None:
        """Keep what fits; entries that cannot be run now come last."""
        ranked = []
        for place, entry in enumerate(self._all):
            score = fuzzy_score(query, f"{entry.text} {entry.group}")
            if score is not None:
                ranked.append((not entry.enabled, -score if query else 0.0, place, entry))
        self.beginResetModel()
        self._shown = [entry for *_, entry in sorted(ranked, key=lambda row: row[:3])]
        self.endResetModel()

    def entry(self, row: int) -> Entry | None:
        """The entry in a row, None when there is none."""
        return self._shown[row] if 0 <= row < len(self._shown) else None

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._shown)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        entry = self.entry(index.row()) if index.isValid() else None
        if entry is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.text
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            return f"{entry.group} {entry.keys}".strip()
        return entry if role == Qt.ItemDataRole.UserRole else None


class _EntryDelegate(QStyledItemDelegate):
    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> Any:
        size = super().sizeHint(option, index)
        size.setHeight(ROW_PX)
        return size

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        bare = QStyleOptionViewItem(option)
        self.initStyleOption(bare, index)
        entry: Entry = index.data(Qt.ItemDataRole.UserRole)
        bare.text = ""
        style = option.widget.style()
        style.drawControl(style.ControlElement.CE_ItemViewItem, bare, painter, option.widget)
        box: QRect = option.rect.adjusted(12, 0, -12, 0)
        painter.save()
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.setPen(self._theme.color("text" if entry.enabled else "muted"))
        painter.setFont(self._theme.font())
        painter.drawText(box, left, entry.text)
        painter.setPen(self._theme.color("muted"))
        painter.setFont(self._theme.font(SMALL_PX))
        painter.drawText(box, right, entry.keys or entry.group)
        painter.restore()


class Palette(QDialog):
    """A field over a list; Enter runs, Esc leaves."""

    def __init__(self, theme: Theme, entries: Sequence[Entry], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, GRID, GRID, GRID)
        column.setSpacing(GRID)
        self.field = QLineEdit()
        self.field.setPlaceholderText("A command, a page, or an alert's number")
        self.field.setAccessibleName("Command")
        self.model = PaletteModel(self)
        self.model.set_entries(entries)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_EntryDelegate(theme, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.nothing = PlainLabel("Nothing is called that.", "muted")
        self.nothing.setIndent(12)
        column.addWidget(self.field)
        column.addWidget(self.list)
        column.addWidget(self.nothing)
        self.setFixedWidth(560)
        self._alert_entry: Callable[[int], Entry] | None = None
        self._entries = tuple(entries)
        self.field.textChanged.connect(self.on_text)
        self.list.clicked.connect(self.on_clicked)
        self.on_text("")

    def offer_alerts(self, make: Callable[[int], Entry]) -> None:
        """Let a number stand for the alert that has it."""
        self._alert_entry = make

    @Slot(str)
    def on_text(self, text: str) -> None:
        """Show what fits."""
        number = text.strip().removeprefix("#")
        make = self._alert_entry
        if make is not None and number.isascii() and number.isdigit() and len(number) <= 18:
            self.model.set_entries((make(int(number)), *self._entries))
            self.model.search(f"#{number}")
        else:
            self.model.set_entries(self._entries)
            self.model.search(text)
        rows = self.model.rowCount()
        self.nothing.setVisible(rows == 0)
        self.list.setVisible(rows > 0)
        self.list.setFixedHeight(min(rows, MAX_ROWS) * ROW_PX + 2)
        self.list.setCurrentIndex(self.model.index(0))
        self.adjustSize()

    @Slot(QModelIndex)
    def on_clicked(self, index: QModelIndex) -> None:
        """Run the entry clicked."""
        self._run(index.row())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, row, rows = event.key(), self.list.currentIndex().row(), self.model.rowCount()
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: MAX_ROWS,
            Qt.Key.Key_PageUp: -MAX_ROWS,
        }
        if key in steps and rows:
            step = steps[Qt.Key(key)]
            target = (row + step) % rows if abs(step) == 1 else min(max(row + step, 0), rows - 1)
            self.list.setCurrentIndex(self.model.index(target))
        elif key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._run(row)
        else:
            super().keyPressEvent(event)

    def _run(self, row: int) -> None:
        entry = self.model.entry(row)
        if entry is not None and entry.enabled:
            self.close()
            entry.run()


def _rank(spec: ActionSpec, page: str) -> int:
    """Pages first, then what the page in front can do, leaving last."""
    if spec.id.startswith("go."):
        return 0
    if spec.id == "window.close":
        return 3
    return 1 if spec.page == page else 2


def entries_of(actions: ActionTable, page: str) -> list[Entry]:
    """Every action that can be run from a page, in the order of use."""
    native = QKeySequence.SequenceFormat.NativeText
    found = []
    for spec in actions.specs.values():
        if spec.id == "go.palette" or spec.page not in {"", page}:
            continue
        action: QAction = actions.action(spec.id)
        keys = action.shortcut().toString(native)
        text = action.text().rstrip("…")
        entry = Entry(text, spec.menu, keys, action.trigger, action.isEnabled())
        found.append((_rank(spec, page), entry))
    return [entry for _, entry in sorted(found, key=lambda pair: pair[0])]
