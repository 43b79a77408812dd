"""One setting: title, help, the editor that fits its type, its default, what is wrong."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.errors import PolicyError
from soc_copilot.settings import Setting, Value
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.labels import PlainLabel, safe_tip

EDITOR_WIDTH = 144  # px, chosen: the widest choice fits
TEXT_WIDTH = 232  # px, chosen: a good part of a path
UNIT_WIDTH = 40  # px, chosen: the longest unit fits


class SettingRow(QWidget):
    """Edits one setting. Nothing is stored here: `chosen` carries a value that was checked.

    Signals:
        chosen: The setting's key and the value a person wants.
    """

    chosen = Signal(str, object)

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self._value: Value = setting.default
        row = QHBoxLayout(self)
        row.setContentsMargins(0, GRID // 2, 0, GRID // 2)
        row.setSpacing(3 * GRID)
        words = QVBoxLayout()
        words.setSpacing(2)
        self.title = PlainLabel(setting.title, "strong")
        self.help = PlainLabel(setting.help, "muted", wrap=True)
        self.limits = PlainLabel(limits_text(setting), "small", wrap=True)
        self.problem = PlainLabel("", "error", wrap=True)
        for label in (self.title, self.help, self.limits, self.problem):
            words.addWidget(label)
        self.problem.hide()
        if not self.limits.text():  # showing it here would open a window of its own
            self.limits.hide()
        row.addLayout(words, 1)
        row.addLayout(self._editor_column())
        self.setToolTip(safe_tip(setting.key))

    @property
    def value(self) -> Value:
        """The value in force."""
        return self._value

    def show_value(self, value: Value) -> None:
        """Show the value in force; what was typed and refused is forgotten."""
        self._value = value
        self._put(value)
        self.show_problem("")
        changed = value != self.setting.default
        self.reset_button.setVisible(changed)

    def show_problem(self, text: str) -> None:
        """Say beside the editor why the value cannot be taken; empty takes it back."""
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def take(self, value: object) -> None:
        """Check a value a person gave; hand it on, or say what is wrong."""
        try:
            checked = self.setting.check(value)
        except PolicyError as error:
            self.show_problem(str(error))
            return
        self.show_problem("")
        if checked != self._value:
            self.chosen.emit(self.setting.key, checked)

    def commit(self) -> bool:
        """Take what is being typed now; False when it is refused, which is said beside it."""
        if isinstance(self.editor, QLineEdit):
            self.take(self.editor.text().strip())
        return self.problem.isHidden()

    def add_button(self, button: QPushButton) -> None:
        """Put a button under the editor, such as one that chooses a file."""
        self._column.insertWidget(1, button, 0, Qt.AlignmentFlag.AlignLeft)

    def _editor_column(self) -> QVBoxLayout:
        self._column = column = QVBoxLayout()
        line = QHBoxLayout()
        column.setSpacing(2)
        line.setSpacing(GRID)
        self.editor, self._put = self._make_editor()
        self.editor.setAccessibleName(self.setting.title)
        self.editor.setAccessibleDescription(self.setting.help)
        is_text = isinstance(self.setting.default, str) and not self.setting.choices
        self.editor.setFixedWidth(TEXT_WIDTH if is_text else EDITOR_WIDTH)
        self.title.setBuddy(self.editor)
        unit = PlainLabel(self.setting.unit, "muted")
        unit.setFixedWidth(UNIT_WIDTH)
        line.addWidget(self.editor)
        line.addWidget(unit)
        default = value_text(self.setting, self.setting.default)
        self.reset_button = link_button(f"Reset to {default}")
        self.reset_button.clicked.connect(lambda: self.take(self.setting.default))
        self.reset_button.hide()
        column.addLayout(line)
        column.addWidget(self.reset_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        return column

    def _make_editor(self) -> tuple[QWidget, Callable[[Value], None]]:
        setting = self.setting
        if isinstance(setting.default, bool):
            box = QCheckBox("On")
            box.clicked.connect(self.take)
            return box, lambda value: box.setChecked(bool(value))
        if setting.choices:
            combo = _QuietCombo()
            for choice in setting.choices:
                combo.addItem(choice_text(choice), choice)
            combo.activated.connect(lambda place: self.take(combo.itemData(place)))
            return combo, lambda value: combo.setCurrentIndex(combo.findData(value))
        field = QLineEdit()
        field.setMaxLength(200)
        field.editingFinished.connect(lambda: self.take(field.text().strip()))
        return field, lambda value: field.setText(plain_text(value))


class _QuietCombo(QComboBox):
    """A combo box that the mouse wheel does not change while the page is scrolled past it."""

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


def plain_text(value: Value) -> str:
    """A value as it is typed: "1", "0.1", "10000"."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def value_text(setting: Setting, value: Value) -> str:
    """A value as it is read: "on", "0.1 s", "10,000 lines", "System"."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, str):
        return choice_text(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return f"{text} {setting.unit}".rstrip()


def choice_text(choice: str) -> str:
    """A choice as it is read: a word gets a capital, the rest stays."""
    return choice.capitalize() if choice.islower() and choice.isalpha() else choice


def limits_text(setting: Setting) -> str:
    """Limits, default, and when a change takes effect, in one line."""
    parts = []
    if setting.low is not None and setting.high is not None:
        low, high = _number_text(setting.low), _number_text(setting.high)
        parts.append(f"{low} to {high} {setting.unit}".rstrip())
    if setting.default != "":
        parts.append(f"default {value_text(setting, setting.default)}")
    if setting.restart:
        parts.append("in force from the next start of ingestion")
    text = " · ".join(parts)
    return text[:1].upper() + text[1:]


def _number_text(number: float) -> str:
    """A limit as it is read: "0.1", "1,048,576"."""
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"
