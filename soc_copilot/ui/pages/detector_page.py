"""What the pages of single detectors have in common: states, health, a table and its keys."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QTableView, QWidget
from typing_extensions import override

from soc_copilot.ui.context import Desk
from soc_copilot.ui.live import Live
from soc_copilot.ui.pages.split import SplitPage
from soc_copilot.ui.widgets.cards import EmptyState
from soc_copilot.ui.widgets.labels import ElidedLabel

REFRESH_MS: Final = 500  # chosen: twice a second; what moves, moves a pixel in a second or two


class DetectorPage(SplitPage):
    """What one detector tells, as summaries bring it. No detector is called here.

    Args:
        desk: The desk.
        live: Where the summaries are kept.
        now: The present, seconds since 1970.

    Attributes:
        detector: The detector's name; class attribute, as the four below.
        icon: Of the empty states.
        empty_title: What will be here.
        what_comes: The same in a sentence or two.
        stands_still: What does not move while the kill switch is engaged.
        stack: The page's states; a subclass puts it into its layout.
        trouble: A line that says why nothing moves.
        table: What the page's keys act on; made by a subclass.
        empty: The empty states by name.
    """

    detector: ClassVar[str]
    icon: ClassVar[str]
    empty_title: ClassVar[str]
    what_comes: ClassVar[str]
    stands_still: ClassVar[str]
    table: QTableView

    def __init__(self, desk: Desk, live: Live, now: Callable[[], float] = time.time) -> None:
        super().__init__(desk, Qt.Orientation.Vertical, REFRESH_MS)
        self._live, self._now = live, now
        self._has_looked = False
        self._is_moving = False  # rows change places by themselves, or one is selected here
        self._is_chosen = False  # until a person chooses a row, the page does
        self.stack = QStackedWidget()
        self.trouble = ElidedLabel("", "medium")
        self.trouble.hide()
        self.empty: dict[str, EmptyState] = {}

    # -- building

    def _add_states(self, full: QWidget, texts: Iterable[tuple[str, str, tuple[str, ...]]]) -> None:
        """Fill the stack: nothing until the first look, the page itself, the empty states.

        Args:
            full: The page when there is something to show.
            texts: Name, why nothing is here, and the actions that help: at least "nothing",
                "waiting" and "off"; "stopped" and "starting" where ingestion's state is told.
        """
        self._full = full
        self.stack.addWidget(QWidget())
        self.stack.addWidget(full)
        for name, why, actions in texts:
            found = [self.desk.actions.action(action) for action in actions]
            self.empty[name] = EmptyState(
                self.desk.theme, self.icon, self.empty_title, self.what_comes + why, found
            )
            self.stack.addWidget(self.empty[name])

    def _divide(self, upper: QWidget, lower: QWidget, shares: tuple[int, int]) -> None:
        """Put the two parts into the splitter."""
        self.splitter.addWidget(upper)
        self.splitter.addWidget(lower)
        self.splitter.setSizes(list(shares))
        for place, share in enumerate(shares):
            self.splitter.setStretchFactor(place, share)

    def _bind_keys(self, handlers: Mapping[str, Callable[[], object]]) -> None:
        """Bind the page's actions, and follow what changes elsewhere."""
        desk, actions = self.desk, self.desk.actions
        common = {
            "next": lambda: self._move(1),
            "previous": lambda: self._move(-1),
            "alerts": self.show_alerts,
            "events": self.show_events,
            "reload": self.look,
        }
        for name, handler in {**common, **handlers}.items():
            actions.bind(f"{self.name}.{name}", handler)
        # Enter presses whatever button has the focus; here it belongs to the table.
        alerts = actions.action(f"{self.name}.alerts")
        alerts.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.table.addAction(alerts)
        desk.alerts_changed.connect(self._look_if_seen)
        desk.sources_changed.connect(self._look_if_seen)
        desk.ingestion_changed.connect(lambda _state: self.refresh())
        desk.killswitch_changed.connect(lambda _state: self.refresh())

    # -- the page's life

    @override
    def shown(self) -> None:
        self.look()
        self.refresh()

    def look(self) -> None:
        """Read the database again in a job."""
        raise NotImplementedError

    def _look_if_seen(self) -> None:
        if self.isVisible():
            self.look()

    def _show_state(self, *, has_any: bool, has_sources: bool) -> None:
        """Show the page, or why there is nothing on it."""
        if has_any:
            if self.stack.currentWidget() is not self._full:
                had_focus = self.hasFocus()
                self.stack.setCurrentWidget(self._full)
                self.setFocusProxy(self.table)  # the page's keys act as soon as it is shown
                if had_focus:
                    self.setFocus()
            return
        if not self._has_looked:
            return
        self.setFocusProxy(None)  # type: ignore[arg-type]  # None ends it; the stubs forget that
        state, detail = self._health()
        if state in {"disabled", "open"}:
            words = f"{self.what_comes}The detector does not run: {detail}"
            self.empty["off"].text.setText(words)
            why = "off"
        elif not has_sources:
            why = "nothing"
        else:
            why = self.desk.ingestion if self.desk.ingestion in self.empty else "waiting"
        self.stack.setCurrentWidget(self.empty[why])

    def _health(self) -> tuple[str, str]:
        found = (h for h in self._live.detectors if h.name == self.detector)
        return next(((h.state, h.detail) for h in found), ("", ""))

    def _show_trouble(self) -> None:
        state, detail = self._health()
        text = ""
        if self.desk.killswitch.engaged:
            text = f"The kill switch is engaged: nothing is scored, and {self.stands_still}."
        elif self.stack.currentWidget() is not self._full:
            text = ""  # the empty state says it
        elif self.desk.ingestion == "stopped":
            text = "Ingestion is stopped: nothing new is scored. F6 starts it."
        elif self.desk.ingestion == "starting":
            text = "Ingestion is starting: the detectors load, which may take a minute once."
        elif state in {"disabled", "open", "degraded"}:
            text = f"The {self.detector} detector is {state}. {detail}"
        self.trouble.setText(text)
        self.trouble.setVisible(bool(text))

    # -- the table

    def _move(self, step: int) -> None:
        last = self.table.model().rowCount() - 1
        place = min(max(self.table.currentIndex().row() + step, 0), last)
        if place >= 0:
            self.table.selectRow(place)
            self.table.scrollTo(self.table.model().index(place, 0))

    def show_alerts(self) -> None:
        """Open the detector's alerts about what is selected."""
        raise NotImplementedError

    def show_events(self) -> None:
        """Open the stored events about what is selected."""
        raise NotImplementedError
