"""Which columns of a file are a series: time, value, unit, and what a time means."""

from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from soc_copilot.domain.setting import Value
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel

SERIES: Final = "series"
UNITS: Final = ("", "W", "kW", "MW", "GW", "kWh", "MWh", "events")
NAME_CHARS: Final = 40
MOST_COLUMNS: Final = 64  # chosen: columns to choose from


class SeriesFields(QWidget):
    """Four choices in a row; the columns are those of the file's first line."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * GRID)
        self.time, self.value, self.unit, self.stamps = (QComboBox() for _ in range(4))
        self.unit.setEditable(True)
        self.unit.addItems(UNITS)
        self.stamps.addItem("End of the hour", "end")
        self.stamps.addItem("Beginning of the hour", "begin")
        self._head = ""
        for title, box in (
            ("Time", self.time), ("Value", self.value), ("Unit", self.unit),
            ("A time is the", self.stamps),
        ):  # fmt: skip
            column = QVBoxLayout()
            column.setSpacing(GRID // 2)
            label = PlainLabel(title, "strong")
            label.setBuddy(box)
            box.setAccessibleName(f"Series: {title.lower()}")
            column.addWidget(label)
            column.addWidget(box)
            row.addLayout(column, 1)
            box.currentTextChanged.connect(lambda _text: self.changed.emit())
        self.show_head("")
        self.hide()

    def show_head(self, head: str) -> None:
        """Offer the columns of a file's first line."""
        if head == self._head and self.time.count():
            return
        self._head = head
        columns = columns_of(head)
        for box, chosen in ((self.time, 0), (self.value, 1)):
            box.blockSignals(True)
            box.clear()
            for number, (name, title) in enumerate(columns):
                box.addItem(title, name)
                if number == chosen:
                    box.setCurrentIndex(number)
            box.blockSignals(False)
        self.changed.emit()

    def options(self) -> dict[str, Value]:
        """As a source has them."""
        return {
            "series_time": str(self.time.currentData()),
            "series_value": str(self.value.currentData()),
            "series_unit": self.unit.currentText().strip()[:NAME_CHARS],
            "series_stamps": str(self.stamps.currentData()),
        }


def columns_of(head: str) -> list[tuple[str, str]]:
    """What a source calls its columns, and what a person reads: keys of JSON, else numbers."""
    import json

    try:
        told = json.loads(head) if head.lstrip().startswith("{") else None
    except ValueError:
        told = None
    if isinstance(told, dict) and len(told) >= 2:
        return [(str(key), render_safe(str(key), NAME_CHARS)) for key in told][:MOST_COLUMNS]
    text = head
    for separator in (";", "\t"):
        text = text.replace(separator, ",")
    cells = [cell.strip().strip('"') for cell in text.split(",")]
    count = max(len(cells), 2)
    names = [cells[i] if i < len(cells) else "" for i in range(min(count, MOST_COLUMNS))]
    return [
        (str(i + 1), f"{i + 1}: {render_safe(name, NAME_CHARS)}" if name else f"Column {i + 1}")
        for i, name in enumerate(names)
    ]
