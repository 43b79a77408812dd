"""The left rail: the pages, and how many alerts are open."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QVBoxLayout

from soc_copilot.domain.alerts import AlertCounts
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.theme import GRID, Theme, severity_role
from soc_copilot.ui.topbar import RAIL_PX
from soc_copilot.ui.widgets.cards import hline
from soc_copilot.ui.widgets.labels import PlainLabel, safe_tip, styled


class Rail(QFrame):
    """One entry for each page: drawing, word, and for alerts a count.

    Args:
        theme: Colours.
        actions: "go.<page>" gives the drawing, the shortcut and the handler.
        groups: Page names and titles in groups; a rule is drawn between groups.
    """

    def __init__(
        self,
        theme: Theme,
        actions: ActionTable,
        groups: Sequence[Sequence[tuple[str, str]]],
    ) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(RAIL_PX)
        self._theme, self._actions = theme, actions
        self._buttons: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(GRID, 12, GRID, 12)
        column.setSpacing(2)
        for place, group in enumerate(groups):
            if place:
                column.addSpacing(6)
                column.addWidget(hline())
                column.addSpacing(6)
            for name, title in group:
                column.addWidget(self._entry(name, title))
        column.addStretch(1)
        self.badge = PlainLabel("", "badge")
        self.badge.setFixedHeight(18)
        self.badge.hide()
        if "alerts" in self._buttons:
            inside = QHBoxLayout(self._buttons["alerts"])
            inside.setContentsMargins(0, 0, GRID, 0)
            inside.addStretch(1)
            inside.addWidget(self.badge)
        theme.changed.connect(self._paint)
        self._paint()

    def button(self, page: str) -> QPushButton:
        """The page's entry."""
        return self._buttons[page]

    def mark(self, page: str) -> None:
        """Show which page is in front."""
        self._buttons[page].setChecked(True)
        self._paint()

    @Slot(object)
    def show_counts(self, counts: AlertCounts) -> None:
        """Show how many alerts are open, in the colour of the worst."""
        worst = next((s for s in reversed(Severity) if counts.open_by_severity[s]), None)
        self.badge.setVisible(worst is not None)
        if worst is None:
            return
        self.badge.setText(f"{counts.open:,}" if counts.open < 10_000 else "9,999+")
        self.badge.setProperty("severity", severity_role(worst))
        styled(self.badge)
        parts = [
            f"{counts.open_by_severity[s]:,} {s.label.lower()}"
            for s in reversed(Severity)
            if counts.open_by_severity[s]
        ]
        words = f"{counts.open:,} open: {', '.join(parts)}"
        self._buttons["alerts"].setToolTip(safe_tip(words))
        self._buttons["alerts"].setAccessibleDescription(words)

    def _entry(self, name: str, title: str) -> QPushButton:
        button = QPushButton(f"  {title}")
        button.setCheckable(True)
        button.setAccessibleName(title)
        button.setToolTip(safe_tip(f"{title}  {self._actions.shortcut_text(f'go.{name}')}"))
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(self._opener(name))
        self._group.addButton(button)
        self._buttons[name] = button
        return button

    def _opener(self, name: str) -> Callable[[], None]:
        return lambda: self._actions.trigger(f"go.{name}")

    def _paint(self) -> None:
        for name, button in self._buttons.items():
            role = "text" if button.isChecked() else "muted"
            icon = self._actions.specs[f"go.{name}"].icon
            button.setIcon(self._theme.icon(icon, role))
