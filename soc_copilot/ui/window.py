"""The main window: top bar, rail, pages, status strip, and what lies above the pages."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from soc_copilot.ui.actions import MENUS, ActionTable
from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.palette import Entry, Palette, entries_of
from soc_copilot.ui.rail import Rail
from soc_copilot.ui.shortcut_help import ShortcutHelp
from soc_copilot.ui.strip import Strip
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.topbar import TopBar
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.messages import MessageBar

if TYPE_CHECKING:
    from soc_copilot.ui.live import Live

PageFactory = Callable[[Desk], Page]
GROUPS = (
    (
        ("overview", "Overview"),
        ("alerts", "Alerts"),
        ("events", "Events"),
        ("sources", "Sources"),
    ),
    (("host", "Host"), ("web", "Web"), ("phishing", "Phishing"), ("load", "Load")),
    (("governance", "Governance"), ("settings", "Settings")),
)
DEFAULT_SIZE = (1440, 900)
LEAST_SIZE = (1024, 640)
TITLE_BAR_PX = 32  # chosen: what the system draws around a window that fills the screen
PREBUILD_MS = 150  # chosen: pause between building pages that nobody asked for yet


def remembered_page(state: str) -> str:
    """The page that `MainWindow.save_state` remembered, empty when unknown."""
    try:
        return str(json.loads(state)["page"])
    except (ValueError, KeyError, TypeError):
        return ""


class MainWindow(QMainWindow):
    """The frame, shown first and empty; `adopt` fills it once the database is open.

    Args:
        theme: Colours, fonts, icons.
        actions: Every action; the window lists them and lets the global shortcuts act.
    """

    page_shown = Signal(str)
    close_asked = Signal()  # the user wants to leave; the owner closes once all is stored

    def __init__(self, theme: Theme, actions: ActionTable) -> None:
        super().__init__()
        self.setWindowTitle("SOC Copilot")
        self.setMinimumSize(*LEAST_SIZE)
        self.resize(*DEFAULT_SIZE)
        self.fit_screen()
        self._theme, self._actions = theme, actions
        self._desk: Desk | None = None
        self._factories: dict[str, PageFactory] = {}
        self._pages: dict[str, Page] = {}
        self._remembered: dict[str, dict[str, str]] = {}
        self._seen: set[str] = set()
        self._may_close = False
        self.menus = self._make_menus()
        self.topbar = TopBar(theme, actions, self.menus)
        self.rail = Rail(theme, actions, GROUPS)
        self.strip = Strip(theme)
        self.messages = MessageBar(theme)
        self.above = QVBoxLayout()  # kill-switch band, messages, replay: over every page
        self.stack = QStackedWidget()
        self.stack.setObjectName("content")
        self._wait = PlainLabel("Opening the database…", "muted")
        self._wait.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.stack.addWidget(self._wait)
        self._prebuild = QTimer(self)
        self._prebuild.setInterval(PREBUILD_MS)
        self._prebuild.timeout.connect(self.build_next)
        self._lay_out()
        actions.attach(self)
        theme.changed.connect(self.on_theme_changed)

    # -- filling

    def adopt(self, desk: Desk, live: "Live", factories: Mapping[str, PageFactory]) -> None:
        """Follow a desk; pages are built when first shown, the rest when nothing else is due."""
        self._desk = desk
        self._factories = dict(factories)
        self.topbar.adopt(desk, live)
        self.strip.adopt(desk, live)
        desk.message.connect(self.messages.show_message)
        desk.counts_changed.connect(self.rail.show_counts)
        desk.page_requested.connect(self.on_page_requested)
        for page in self._factories:
            self._actions.bind(f"go.{page}", self._opener(page))
        self._actions.bind("view.menu", self.topbar.open_menu)
        self._actions.bind("go.palette", self.open_palette)
        self._actions.bind("help.shortcuts", self.open_shortcuts)
        self._actions.bind("view.full_screen", self.toggle_full_screen)
        self._actions.bind("window.close", self.close)

    def add_above(self, widget: QWidget) -> None:
        """Put a bar over every page, below those already there."""
        self.above.addWidget(widget)

    @property
    def page(self) -> str:
        """Name of the page in front, empty before the first."""
        current = self.stack.currentWidget()
        return current.name if isinstance(current, Page) else ""

    @property
    def pages(self) -> Mapping[str, Page]:
        """The pages built so far."""
        return self._pages

    def show_page(self, name: str, **args: Any) -> None:
        """Bring a page to the front, building it first when need be."""
        if name not in self._factories:
            return
        page = self._built(name)
        self._seen.add(name)
        is_new = self.stack.currentWidget() is not page
        self.stack.setCurrentWidget(page)
        self.rail.mark(name)
        self.setWindowTitle(f"{page.title} · SOC Copilot")
        page.shown()
        if is_new:  # else Qt would choose a button on the page, and Space would press it
            page.setFocus(Qt.FocusReason.OtherFocusReason)
        if args:
            page.open(**args)
        self.page_shown.emit(name)

    def start_prebuilding(self) -> None:
        """Build the other pages one by one, so that the first switch is quick as well."""
        self._prebuild.start()

    @Slot()
    def build_next(self) -> None:
        """Build one page that nobody asked for yet."""
        missing = [name for name in self._factories if name not in self._pages]
        if missing:
            self._built(missing[0])
        if len(missing) <= 1:
            self._prebuild.stop()

    def _built(self, name: str) -> Page:
        if name not in self._pages and self._desk is not None:
            page = self._factories[name](self._desk)
            self._pages[name] = page
            self.stack.addWidget(page)
            page.restore_state(self._remembered.get(name, {}))
        return self._pages[name]

    @Slot(str, object)
    def on_page_requested(self, name: str, args: dict[str, Any]) -> None:
        """A page or a tile leads somewhere."""
        self.show_page(name, **args)

    @Slot()
    def on_theme_changed(self) -> None:
        """Style sheets are in force already; native frames are asked to follow."""
        self.update()

    def fit_screen(self) -> None:
        """Be no larger than the screen, which may be another one than at the last start."""
        room = self.screen().availableSize()
        self.setMinimumSize(min(LEAST_SIZE[0], room.width()), min(LEAST_SIZE[1], room.height()))
        if self.width() > room.width() or self.height() > room.height():
            self.resize(
                min(self.width(), room.width()), min(self.height(), room.height() - TITLE_BAR_PX)
            )
            self.setWindowState(self.windowState() | Qt.WindowState.WindowMaximized)

    # -- commands

    def open_palette(self) -> None:
        """Search or run a command."""
        palette = Palette(self._theme, entries_of(self._actions, self.page), self)
        palette.offer_alerts(self._alert_entry)
        left = self.rail.width() + (self.width() - self.rail.width() - palette.width()) // 2
        corner = self.mapToGlobal(self.rect().topLeft())
        palette.move(corner.x() + left, corner.y() + self.topbar.height() + GRID)
        palette.show()
        palette.field.setFocus()

    def open_shortcuts(self) -> None:
        """All keys on one sheet."""
        ShortcutHelp(self._actions, self).open()

    def toggle_full_screen(self) -> None:
        """Fill the screen, or give it back."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _alert_entry(self, number: int) -> Entry:
        desk = self._desk

        def show() -> None:
            if desk is not None:
                desk.open_page("alerts", alert_id=number)

        return Entry(f"Alert #{number}", "Alerts", "Enter", show)

    # -- what is remembered

    def save_state(self) -> str:
        """Geometry, page and what each page remembers, as JSON text."""
        geometry = bytes(self.saveGeometry().toBase64().data()).decode("ascii")
        pages = dict(self._remembered)
        # A page built in advance but never seen was never laid out: its sizes mean nothing.
        pages.update({name: self._pages[name].save_state() for name in self._seen})
        return json.dumps({"geometry": geometry, "page": self.page, "pages": pages})

    def restore_state(self, text: str) -> str:
        """Take back what `save_state` gave; returns the page to show, empty when unknown."""
        try:
            state = json.loads(text)
            geometry, page, pages = state["geometry"], str(state["page"]), state["pages"]
            self.restoreGeometry(QByteArray.fromBase64(QByteArray(geometry.encode())))
            self.fit_screen()
            self._remembered = {
                str(name): {str(key): str(value) for key, value in kept.items()}
                for name, kept in pages.items()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return ""  # from another version, or damaged: start as if there were none
        return page

    # -- leaving

    def allow_close(self) -> None:
        """Everything is stored: the next close event closes."""
        self._may_close = True

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        if not self._may_close:
            self.close_asked.emit()  # its owner may allow the close at once
        if self._may_close:
            self._prebuild.stop()
        event.setAccepted(self._may_close)

    # -- building

    def _opener(self, page: str) -> Callable[[], None]:
        return lambda: self.show_page(page)

    def _make_menus(self) -> QMenu:
        top = QMenu(self)
        for title in MENUS:
            entries = [spec for spec in self._actions.specs.values() if spec.menu == title]
            if entries:
                menu = top.addMenu(title)
                for spec in entries:
                    menu.addAction(self._actions.action(spec.id))
        return top

    def _lay_out(self) -> None:
        content = QWidget()
        content.setObjectName("content")
        column = QVBoxLayout(content)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        column.setSpacing(2 * GRID)  # takes no room while no bar is shown
        self.above.setSpacing(GRID)
        self.above.addWidget(self.messages)
        column.addLayout(self.above)
        column.addWidget(self.stack, 1)
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.rail)
        middle.addWidget(content, 1)
        root = QWidget()
        rows = QVBoxLayout(root)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        rows.addWidget(self.topbar)
        rows.addLayout(middle, 1)
        rows.addWidget(self.strip)
        self.setCentralWidget(root)
