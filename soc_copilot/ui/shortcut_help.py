"""All keys on one sheet, made from the action table."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from soc_copilot.ui.actions import MENUS, ActionSpec, ActionTable
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel


class ShortcutHelp(QDialog):
    """Every action that has a key, by menu, in three columns."""

    def __init__(self, actions: ActionTable, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        groups: dict[str, list[ActionSpec]] = {menu: [] for menu in MENUS}
        for spec in actions.specs.values():
            if spec.shortcuts:
                groups.setdefault(spec.menu, []).append(spec)
        sheet = QWidget()
        sheet.setObjectName("page")
        row = QHBoxLayout(sheet)
        row.setContentsMargins(24, 16, 24, 16)
        row.setSpacing(5 * GRID)
        columns = [QVBoxLayout() for _ in range(3)]
        heights = [0, 0, 0]
        for menu, specs in sorted(groups.items(), key=lambda pair: -len(pair[1])):
            if specs:
                place = heights.index(min(heights))
                columns[place].addLayout(self._group(menu, specs, actions))
                columns[place].addSpacing(2 * GRID)
                heights[place] += len(specs) + 2
        for column in columns:
            column.addStretch(1)
            row.addLayout(column, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(sheet)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.resize(1120, 680)  # chosen: the longest names fit, and so does it at 1280 px

    def _group(self, menu: str, specs: list[ActionSpec], actions: ActionTable) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(GRID)
        column.addWidget(PlainLabel(menu, "heading"))
        table = QGridLayout()
        table.setVerticalSpacing(6)
        table.setHorizontalSpacing(2 * GRID)
        table.setColumnStretch(0, 1)
        native = QKeySequence.SequenceFormat.NativeText
        for line, spec in enumerate(specs):
            text = actions.action(spec.id).text().rstrip("…")
            keys = "  ".join(QKeySequence(key).toString(native) for key in spec.shortcuts)
            table.addWidget(PlainLabel(text, "muted"), line, 0)
            table.addWidget(PlainLabel(keys, "key"), line, 1, Qt.AlignmentFlag.AlignRight)
        column.addLayout(table)
        return column
