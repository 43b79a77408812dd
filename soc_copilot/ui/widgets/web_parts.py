"""Parts of the Web page: families of attacks with their colours, and the threshold preset."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QWidget

from soc_copilot.ui.theme import GRID
from soc_copilot.ui.web_trial import BUDGETS, Preset, Presets
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip


@dataclass(frozen=True, slots=True)
class Family:
    """Attack classes that are drawn as one line: fifteen colours nobody could tell apart.

    Attributes:
        key: Of the line.
        title: For people.
        role: Colour, always the same.
        kinds: Names of the classes.
    """

    key: str
    title: str
    role: str
    kinds: tuple[str, ...]


FAMILIES: Final = (
    Family("queries", "SQL, queries", "accent", ("sqli", "query")),
    Family("scripts", "XSS", "medium", ("xss",)),
    Family("code", "commands, code", "critical", ("cmdi", "code", "ssti", "jndi")),
    Family("files", "files", "high", ("traversal", "inclusion", "xxe")),
    Family("forged", "SSRF, headers", "ok", ("ssrf", "crlf")),
    Family("probes", "probes, other", "info", ("probe", "scanner", "other")),
)


class PresetBar(QWidget):
    """Chooses how much may be flagged by mistake, and says what was measured.

    Signals:
        chosen: The budget a person wants, "0.5%".
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._presets: Presets | None = None
        self._budget = ""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(PlainLabel("False positives allowed", "strong"))
        group = QButtonGroup(self)
        group.setExclusive(True)
        self.buttons: dict[str, QPushButton] = {}
        for budget in BUDGETS:
            button = self.buttons[budget] = QPushButton(spaced(budget))
            button.setCheckable(True)
            button.setAccessibleName(f"Allow {spaced(budget)} of harmless requests to be flagged")
            button.clicked.connect(lambda _checked=False, one=budget: self._choose(one))
            group.addButton(button)
            row.addWidget(button)
        self.measured = ElidedLabel("", "muted")
        row.addWidget(self.measured, 1)

    def show_presets(self, presets: Presets) -> None:
        """Take what the model's card says."""
        self._presets = presets
        for budget, button in self.buttons.items():
            known = presets.presets.get(budget)
            button.setEnabled(known is not None)
            words = "" if known is None else f"{self._words(known)}\nModel {presets.version}"
            button.setToolTip(safe_tip(words))
        self.show_budget(self._budget)

    def show_budget(self, budget: str) -> None:
        """Mark the preset in force."""
        self._budget = budget
        if budget in self.buttons:
            self.buttons[budget].setChecked(True)
        known = self._presets.presets.get(budget) if self._presets is not None else None
        self.measured.setText("" if known is None else self._words(known))

    def _choose(self, budget: str) -> None:
        if budget != self._budget:
            self.show_budget(self._budget)  # until it is stored, the former one is in force
            self.chosen.emit(budget)

    def _words(self, preset: Preset) -> str:
        presets = self._presets
        if presets is None:
            return ""
        if preset.fpr is None:
            flags = f"At most {spaced(preset.budget)}"
        else:
            flags = f"{100 * preset.fpr:.3g} %"
        text = f"{flags} of {presets.n_harmless:,} harmless validation requests flagged"
        if preset.tpr is not None:
            text += f", {100 * preset.tpr:.1f} % of attacks found"
        return f"{text} · threshold {preset.threshold:.3f}"


def spaced(budget: str) -> str:
    """A share as it is read: "0.1 %"."""
    return budget.replace("%", "\N{NO-BREAK SPACE}%")


def class_titles() -> Mapping[str, str]:
    """Attack classes for people, by their names."""
    from soc_copilot.detection.web.classes import CLASSES

    return {kind.name: kind.title for kind in CLASSES}
