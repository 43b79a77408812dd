"""Choose a file with a series, and which of its columns are meant."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget

from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import DeskDialog
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel

if TYPE_CHECKING:
    from soc_copilot.detection.load.columns import Columns

FILES = "Series (*.csv *.json *.jsonl *.ndjson *.csv.gz *.json.gz);;All files (*)"
UNITS = ("", "W", "kW", "MW", "GW", "kWh", "MWh")
STAMPS = (("End of the hour", -1), ("Beginning of the hour", 0))


class OpenSeries(DeskDialog):
    """Asks for a file, its columns, a unit, and what its times mean.

    Attributes:
        chosen: Columns that the file has; None until it was looked at.
    """

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        super().__init__(
            parent,
            "Replay a series",
            "A CSV or JSON file, plain or gzip'd, with a time and a value in each row. It is only "
            "read; its hours are judged as if they came in now.",
            "Open",
        )
        self.chosen: Columns | None = None
        self._looks = Latest(desk.jobs, self._fail)
        self.path = QLineEdit()
        self.path.setPlaceholderText("/path/to/series.csv")
        self.path.editingFinished.connect(self.look)
        browse = QPushButton("Browse…")
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(self.path, 1)
        row.addWidget(browse)
        self.add_field("File", box)
        self.path.setAccessibleName("File")
        self.time, self.value, self.stamps = QComboBox(), QComboBox(), QComboBox()
        for text, shift in STAMPS:
            self.stamps.addItem(text, shift)
        self.unit = QComboBox()
        self.unit.setEditable(True)
        self.unit.addItems(UNITS)
        self._pair(("Time", self.time), ("Value", self.value))
        self._pair(("Unit", self.unit), ("A time is the", self.stamps))
        self.told = PlainLabel("", "small", wrap=True)
        self.body.addWidget(self.told)
        self._show(None)

    def _pair(self, *fields: tuple[str, QWidget]) -> None:
        """Two titled fields beside each other."""
        from PySide6.QtWidgets import QVBoxLayout

        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        for title, field in fields:
            column = QVBoxLayout()
            column.setSpacing(GRID // 2)
            label = PlainLabel(title, "strong")
            label.setBuddy(field)
            field.setAccessibleName(title)
            column.addWidget(label)
            column.addWidget(field)
            row.addLayout(column, 1)
        self.body.addLayout(row)

    def take(self, path: str) -> None:
        """Put a file in and look at its columns."""
        self.path.setText(path)
        self.look()

    def look(self) -> None:
        """Read the head of the file in a job."""
        text = self.path.text().strip()
        if not text:
            self._show(None)
            return
        from soc_copilot.detection.load.columns import columns

        self.told.set_kind("small")
        self.told.setText("Looking at its columns…")
        self._looks.ask(lambda _governance: columns(Path(text)), self._show)

    @property
    def answer(self) -> tuple[Path, dict[str, object]]:
        """The file, and the arguments of `LoadDesk.open`."""
        return Path(self.path.text().strip()), {
            "time": self.time.currentText(),
            "value": self.value.currentText(),
            "unit": self.unit.currentText().strip(),
            "shift": int(self.stamps.currentData()),
        }

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a series", self.path.text(), FILES)
        if path:
            self.take(path)

    def _show(self, found: "Columns | None") -> None:
        self.chosen = found
        for box, names in (
            (self.time, found.times if found else ()),
            (self.value, found.values if found else ()),
        ):
            box.clear()
            box.addItems(names)
            box.setEnabled(bool(names))
        self.accept_button.setEnabled(found is not None)
        self.told.set_kind("small")
        self.told.setText(f"The first row is of {found.first}." if found else "")

    def _fail(self, text: str) -> None:
        self._show(None)
        self.told.set_kind("error")
        self.told.setText(text)
