"""The options of one kind of source, generated from their table."""

from collections.abc import Collection, Mapping
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.setting import Value
from soc_copilot.domain.source_options import SourceOptions, options_of
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import hline
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.setting_row import SettingRow

FILES: Final = frozenset({"tls_certificate", "tls_key", "tls_client_ca"})  # options naming a file


class OptionForm(QWidget):
    """A row for each option; a value that is refused says why at its row. GUI thread only.

    Args:
        kind: Kind of the source, one of `source_options.KINDS`.
        options: Values in force.
        keys: Show only these options; None for all of the kind.
        without: Leave these out.
    """

    changed = Signal()

    def __init__(
        self,
        kind: str,
        options: SourceOptions,
        *,
        keys: Collection[str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._kind = kind
        self.rows: dict[str, SettingRow] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID // 2)
        group = ""
        for option in options_of(kind):
            if option.key in without or (keys is not None and option.key not in keys):
                continue
            if option.group != group and keys is None:
                group = option.group
                if self.rows:
                    column.addWidget(hline())
                column.addWidget(PlainLabel(group, "small"))
            row = SettingRow(option)
            row.show_value(options.get(option.key))
            row.chosen.connect(self._on_chosen)
            if option.key in FILES:
                row.add_button(self._picker(row))
            self.rows[option.key] = row
            column.addWidget(row)

    @property
    def values(self) -> dict[str, Value]:
        """What each row holds, what is being typed included."""
        return {key: row.value for key, row in self.rows.items()}

    def check(self, others: Mapping[str, Value] | None = None) -> SourceOptions | None:
        """The options as typed, or None after saying at a row what is wrong.

        Args:
            others: Values of options that this form does not show.
        """
        refused = [row for row in self.rows.values() if not row.commit()]
        if refused:
            return None
        try:
            return SourceOptions.checked(self._kind, {**(others or {}), **self.values})
        except PolicyError as error:
            self.show_problem(str(error))
            return None

    def show_problem(self, text: str) -> bool:
        """Say a problem at the row that it names, longest name first; False when none is named."""
        for key in sorted(self.rows, key=len, reverse=True):
            if f'"{key}"' in text:
                self.rows[key].show_problem(text)
                self.rows[key].editor.setFocus()
                return True
        if "encoding" in text and "encoding" in self.rows:
            self.rows["encoding"].show_problem(text)
            return True
        return False

    def _on_chosen(self, key: str, value: Value) -> None:
        self.rows[key].show_value(value)
        self.changed.emit()

    def _picker(self, row: SettingRow) -> QPushButton:
        button = QPushButton("Choose…")
        button.setAutoDefault(False)
        button.setAccessibleName(f"Choose: {row.setting.title}")
        button.clicked.connect(lambda: self._choose(row))
        return button

    def _choose(self, row: SettingRow) -> None:
        dialog = QFileDialog(self, row.setting.title)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters(["PEM files (*.pem *.crt *.cer *.key)", "All files (*)"])
        dialog.fileSelected.connect(row.take)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
