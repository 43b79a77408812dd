"""One source in full: its settings, the position in every file, what happened to the files."""

from enum import IntEnum
from pathlib import PurePath
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QPlainTextEdit, QPushButton
from typing_extensions import override

from soc_copilot.domain.records import Checkpoint
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.source_facts import KIND_WORDS, STATE_ROLES, STATE_WORDS, SourceFacts
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip
from soc_copilot.ui.widgets.tables import desk_table

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

TITLE_CHARS = 48  # chosen: of its name, so that the buttons beside it stay on a small screen


class Column(IntEnum):
    """Columns of the positions."""

    GENERATION = 0
    FILE = 1
    POSITION = 2
    SIZE = 3
    READ = 4
    STATE = 5


HEADERS = ("Generation", "File", "Position", "Size", "Read", "State")
_NUMBERS = frozenset({Column.GENERATION, Column.POSITION, Column.SIZE, Column.READ})


class PositionModel(QAbstractTableModel):
    """Stored positions, newest generation first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[Checkpoint, ...] = ()

    def show_positions(self, positions: tuple[Checkpoint, ...]) -> None:
        """Replace all of them; nothing flickers when they are the same."""
        fresh = tuple(sorted(positions, key=lambda one: -one.generation))
        if fresh == self._rows:
            return
        if len(fresh) == len(self._rows):
            self._rows = fresh
            last = self.index(len(fresh) - 1, len(Column) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._rows = fresh
        self.endResetModel()

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
        if role == Role.DisplayRole:
            return HEADERS[section]
        return _alignment(Column(section)) if role == Role.TextAlignmentRole else None

    @override
    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        if not self.checkIndex(index, self.CheckIndexOption.IndexIsValid):
            return None
        row, column = self._rows[index.row()], Column(index.column())
        if role == Role.DisplayRole:
            return render_safe(_cell(row, column), 300)
        if role == Role.TextAlignmentRole:
            return _alignment(column)
        if role == Role.ToolTipRole and column is Column.FILE:
            return safe_tip(row.path)
        return None


class SourceDetail(Card):
    """Everything about the selected source, and what can be done with it.

    Signals:
        format_chosen: Name of a format, chosen by a person.
    """

    format_chosen = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__("No source selected")
        self._desk = desk
        self._facts: SourceFacts | None = None
        self.state = PlainLabel()
        self.header.insertWidget(1, self.state)
        self._build_buttons()
        columns = QHBoxLayout()
        columns.setSpacing(3 * GRID)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(2 * GRID)
        self._grid.setVerticalSpacing(GRID // 2)
        self._grid.setColumnStretch(1, 1)
        self.values = {name: self._fact(row, name) for row, name in enumerate(_FACTS)}
        self._grid.setRowStretch(len(_FACTS), 1)
        self.positions = PositionModel(self)
        self.positions_table = desk_table(
            self.positions,
            "Positions",
            {
                Column.GENERATION: 92,
                Column.POSITION: 96,
                Column.SIZE: 96,
                Column.READ: 60,
                Column.STATE: 76,
            },
            stretch=Column.FILE,
        )
        self.messages = QPlainTextEdit()
        self.messages.setReadOnly(True)
        self.messages.setTabChangesFocus(True)
        self.messages.setAccessibleName("What happened to its files")
        columns.addLayout(self._grid, 4)
        columns.addWidget(self.positions_table, 6)
        columns.addWidget(self.messages, 3)
        self.body.addLayout(columns)
        self.setMinimumHeight(200)
        desk.times.changed.connect(self._fill)
        desk.theme.changed.connect(self._fill)

    @property
    def facts(self) -> SourceFacts | None:
        """The source shown, None when none is."""
        return self._facts

    def show_source(self, facts: SourceFacts | None) -> None:
        """Show a source, or nothing."""
        self._facts = facts
        self._fill()

    def set_formats(self, choices: tuple[tuple[str, str], ...]) -> None:
        """The formats to choose from, as (name, title)."""
        self.format_combo.clear()
        for name, title in (("auto", "Detect the format"), *choices):
            self.format_combo.addItem(title, name)
        self._fill()

    def _build_buttons(self) -> None:
        self.format_combo = QComboBox()
        self.format_combo.setAccessibleName("Format")
        self.format_combo.activated.connect(self._on_format)
        self.header.addWidget(self.format_combo)
        self.buttons: dict[str, QPushButton] = {}
        for action_id, text in (
            ("sources.reveal", "Show in folder"),
            ("sources.toggle", "Disable"),
            ("sources.remove", "Remove…"),
        ):
            button = QPushButton(text)
            button.setToolTip(safe_tip(self._desk.actions.shortcut_text(action_id)))
            button.clicked.connect(self._desk.actions.action(action_id).trigger)
            self.buttons[action_id] = button
            self.header.addWidget(button)
        self.buttons["sources.remove"].setProperty("kind", "danger")

    def _fact(self, row: int, name: str) -> ElidedLabel:
        value = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._grid.addWidget(PlainLabel(name, "muted"), row, 0)
        self._grid.addWidget(value, row, 1)
        return value

    def _fill(self) -> None:
        facts = self._facts
        for widget in (self.format_combo, *self.buttons.values()):
            widget.setEnabled(facts is not None)
        if facts is None:
            self.title.setText("No source selected")
            self.state.setText("")
            self.positions.show_positions(())
            self.messages.hide()
            for label in self.values.values():
                label.setText("")
            return
        source = facts.source
        self.title.setText(render_safe(source.name, TITLE_CHARS))
        self.state.setText(STATE_WORDS[facts.state])
        self.state.setStyleSheet(f"color: {self._desk.theme.hex(STATE_ROLES[facts.state])};")
        self.format_combo.setCurrentIndex(max(0, self.format_combo.findData(source.format)))
        self.buttons["sources.toggle"].setText("Disable" if source.enabled else "Enable")
        self.positions.show_positions(facts.positions)
        text = "\n".join(render_safe(line) for line in facts.messages)
        if text != self.messages.toPlainText():
            self.messages.setPlainText(text)
        self.messages.setVisible(bool(text))
        for name, value in self._values(facts).items():
            self.values[name].setText(value)

    def _values(self, facts: SourceFacts) -> dict[str, str]:
        source, totals = facts.source, facts.ledger.totals
        kind = KIND_WORDS.get(source.kind, source.kind)
        return {
            "State": facts.detail or STATE_WORDS[facts.state],
            "Path": source.path,
            "Kind": f"{kind}, files named {source.pattern}" if source.pattern else kind,
            "Starts": "at the beginning" if source.from_start else "at the end of what was there",
            "Added": self._desk.times.absolute(source.added_at),
            "Set aside": f"{totals.refused:,} lines refused, {totals.too_long:,} long ones cut",
        }

    def _on_format(self, place: int) -> None:
        name = str(self.format_combo.itemData(place))
        if self._facts is not None and name != self._facts.source.format:
            self.format_chosen.emit(name)


_FACTS = ("State", "Path", "Kind", "Starts", "Added", "Set aside")


def _cell(row: Checkpoint, column: Column) -> str:
    match column:
        case Column.GENERATION:
            return str(row.generation)
        case Column.FILE:
            return PurePath(row.path).name or row.path
        case Column.POSITION:
            return f"{row.offset:,}"
        case Column.SIZE:
            return f"{row.size_bytes:,}"
        case Column.READ:
            if row.compression or not row.size_bytes:
                return "-"
            return f"{min(row.offset / row.size_bytes, 1):.0%}"
        case Column.STATE:
            return "Finished" if row.finished else "Open"


def _alignment(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
