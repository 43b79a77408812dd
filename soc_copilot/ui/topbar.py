"""The bar on top: what runs, where, and the switch that halts it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QPushButton, QToolButton, QWidget

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.context import Desk
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.units import seconds_text
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip, styled

if TYPE_CHECKING:
    from soc_copilot.ui.live import Live

RAIL_PX = 184
BAR_PX = 52
CHIP = {  # state of ingestion: (word, look)
    "stopped": ("Stopped", "off"),
    "starting": ("Starting…", "busy"),
    "running": ("Ingesting", "on"),
    "stopping": ("Stopping…", "busy"),
    "halted": ("Halted", "halted"),
}
LIVE_STATES = {"live", "listening", "behind", "waiting", "ok", "running"}


class Chip(QFrame):
    """A state as coloured dot and word."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("chip")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(GRID)
        self._dot = QFrame()
        self._dot.setObjectName("dot")
        self._dot.setFixedSize(QSize(8, 8))
        self.label = PlainLabel()
        row.addWidget(self._dot)
        row.addWidget(self.label)
        self.setFixedHeight(28)

    def show_state(self, word: str, look: str) -> None:
        """Show a word in one of the looks "on", "off", "busy", "halted"."""
        self.label.setText(word)
        self.setAccessibleName(f"Ingestion: {word}")
        for part in (self, self._dot, self.label):
            part.setProperty("look", look)
            styled(part)


class Fact(QWidget):
    """A muted word and a strong value: "Sources 5 live"."""

    def __init__(self, name: str) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.name = PlainLabel(name, "muted")
        self.value = PlainLabel("—", "strong")
        row.addWidget(self.name)
        row.addWidget(self.value)

    def show_value(self, value: str, kind: str = "strong", tip: str = "") -> None:
        """Show a value."""
        self.value.setText(value)
        self.value.set_kind(kind)
        self.setToolTip(safe_tip(tip))


class SearchButton(QPushButton):
    """Looks like a field, opens the command palette."""

    def __init__(self, actions: ActionTable) -> None:
        super().__init__()
        self.setObjectName("search")
        self.setAccessibleName("Search or run a command")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 8, 0)
        text = ElidedLabel("Search or run a command", "muted")
        key = PlainLabel(actions.shortcut_text("go.palette"), "key")
        key.setFixedHeight(18)
        for label in (text, key):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row.addWidget(text, 1)
        row.addWidget(key)
        self.setMinimumWidth(160)
        self.setMaximumWidth(300)
        self.clicked.connect(lambda: actions.trigger("go.palette"))


class TopBar(QFrame):
    """Product, Start or Stop with the state, sources, lag, device, search, kill switch."""

    def __init__(self, theme: Theme, actions: ActionTable, menu: QMenu) -> None:
        super().__init__()
        self.setObjectName("topbar")
        self.setFixedHeight(BAR_PX)
        self._theme, self._actions = theme, actions
        self._live: Live | None = None
        self._desk: Desk | None = None
        self.chip = Chip()
        self.run_button = QPushButton("Start")
        self.run_button.clicked.connect(self._run)
        self.sources, self.lag = Fact("Sources"), Fact("Lag")
        self.device = Fact("Device")
        self.kill = Fact("Kill switch")
        self.kill_button = QPushButton("Engage…")
        self.kill_button.clicked.connect(lambda: actions.trigger("killswitch.toggle"))
        self.menu_button = self._menu_button(menu)
        self._lay_out()
        self.show_ingestion("stopped")
        self.show_killswitch(KillSwitchState(engaged=False))
        theme.changed.connect(self._paint)
        self._paint()

    def adopt(self, desk: Desk, live: "Live") -> None:
        """Follow the desk and the live numbers from now on."""
        self._desk, self._live = desk, live
        desk.ingestion_changed.connect(self.show_ingestion)
        desk.killswitch_changed.connect(self.show_killswitch)
        self.show_ingestion(desk.ingestion)
        self.show_killswitch(desk.killswitch)
        live.updated.connect(self.show_live)

    @Slot(str)
    def show_ingestion(self, state: str) -> None:
        """Show the state and offer the one thing to do about it."""
        self.chip.show_state(*CHIP[state])
        stopped = state in {"stopped", "stopping"}
        self.run_button.setText("Start" if stopped else "Stop")
        self.run_button.setEnabled(state != "stopping")
        self.run_button.setProperty("kind", "primary" if state == "stopped" else "")
        styled(self.run_button)
        action = "ingestion.start" if stopped else "ingestion.stop"
        self.run_button.setToolTip(
            safe_tip(f"{self._actions.specs[action].help} {self._actions.shortcut_text(action)}")
        )
        if state == "stopped" and self._live is not None:
            self.show_live()

    @Slot(object)
    def show_killswitch(self, state: KillSwitchState) -> None:
        """Show the switch and offer to turn it."""
        word = "Engaged" if state.engaged else "Released"
        self.kill.show_value(word, "critical" if state.engaged else "ok", state.reason)
        self.kill_button.setText("Release…" if state.engaged else "Engage…")
        self.kill_button.setProperty("kind", "" if state.engaged else "danger")
        styled(self.kill_button)

    @Slot()
    def show_live(self) -> None:
        """Show sources, lag and device as last told."""
        live = self._live
        if live is None:
            return
        if live.device:
            self.device.show_value(live.device, tip=live.device)
        found = live.current_sources()
        good = sum(source.state in LIVE_STATES for source in found)
        bad = len(found) - good
        tip = "\n".join(f"{source.name}: {source.state}. {source.detail}" for source in found)
        if not found:
            self.sources.show_value("—")
            self.lag.show_value("—")
            return
        words = f"{good} live" + (f", {bad} not" if bad else "")
        self.sources.show_value(words, "medium" if bad else "strong", tip)
        self.lag.show_value(seconds_text(live.lag_s() * 1_000) if live.lag_s() else "0 s")

    def open_menu(self) -> None:
        """Open the menu below its button, its first entry chosen, for the keyboard."""
        menu, button = self.menu_button.menu(), self.menu_button
        menu.setActiveAction(menu.actions()[0])
        menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _run(self) -> None:
        running = self.run_button.text() == "Stop"
        self._actions.trigger("ingestion.stop" if running else "ingestion.start")

    def _menu_button(self, menu: QMenu) -> QToolButton:
        button = QToolButton()
        button.setProperty("kind", "icon")
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setAccessibleName("Menu")
        button.setToolTip(
            safe_tip(f"Every command, by menu. {self._actions.shortcut_text('view.menu')}")
        )
        button.setFixedSize(32, 32)
        return button

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID, 0, 2 * GRID, 0)
        row.setSpacing(GRID)
        left = QWidget()
        left.setFixedWidth(RAIL_PX - GRID)
        start = QHBoxLayout(left)
        start.setContentsMargins(0, 0, 0, 0)
        start.setSpacing(4)
        start.addWidget(self.menu_button)
        start.addWidget(PlainLabel("SOC Copilot", "product"), 1)
        row.addWidget(left)
        row.addWidget(self.chip)
        row.addWidget(self.run_button)
        row.addSpacing(GRID)
        for fact in (self.sources, self.lag, self.device):
            row.addWidget(fact)
            row.addSpacing(GRID)
        row.addStretch(1)
        row.addWidget(SearchButton(self._actions), 6)
        row.addSpacing(GRID)
        row.addWidget(self.kill)
        row.addWidget(self.kill_button)

    def _paint(self) -> None:
        self.menu_button.setIcon(self._theme.icon("menu", "text"))
