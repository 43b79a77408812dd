"""Every action, declared once as data; menus, shortcuts, palette and help are made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from soc_copilot.ui.theme import Theme


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One thing that a person can do.

    Attributes:
        id: Dotted: "alerts.acknowledge".
        text: Imperative, as in a menu; an ellipsis when more is asked.
        menu: Title of the menu that lists it.
        shortcuts: Portable key texts ("Ctrl+K"); the first is the one shown.
        page: Name of the only page where its shortcuts act; empty means everywhere.
        icon: Name of a drawing in `resources/icons`, or empty.
        help: One sentence for the shortcut help and the tooltip.
    """

    id: str
    text: str
    menu: str
    shortcuts: tuple[str, ...] = ()
    page: str = ""
    icon: str = ""
    help: str = ""


MENUS: Final = (
    "File",
    "Ingestion",
    "Alerts",
    "Events",
    "Sources",
    "Host",
    "Web",
    "Phishing",
    "Load",
    "Governance",
    "View",
    "Go",
    "Help",
)

_FRAME: Final = (
    ActionSpec("window.retry", "Open the database again", "File"),
    ActionSpec("window.close", "Quit", "File", ("Ctrl+Q",), help="Stop, store and leave."),
    ActionSpec(
        "ingestion.start",
        "Start ingestion",
        "Ingestion",
        ("F6",),
        icon="play",
        help="Read every enabled source from where it was left.",
    ),
    ActionSpec(
        "ingestion.stop",
        "Stop ingestion",
        "Ingestion",
        ("Shift+F6",),
        icon="stop",
        help="Store what was read, then stop reading.",
    ),
    ActionSpec(
        "replay.start",
        "Replay the sample",
        "Ingestion",
        ("Ctrl+Shift+R",),
        icon="replay",
        help="Play the bundled sample logs as if they were written now.",
    ),
    ActionSpec("replay.pause", "Pause or resume the replay", "Ingestion", ("Ctrl+Shift+P",)),
    ActionSpec("replay.stop", "Stop the replay", "Ingestion", ("Ctrl+Shift+X",)),
    ActionSpec(
        "killswitch.toggle",
        "Kill switch…",
        "Governance",
        ("Ctrl+Shift+K",),
        icon="halt",
        help="Halt all processing, or release it; asks for a reason.",
    ),
    ActionSpec("view.theme_dark", "Dark theme", "View"),
    ActionSpec("view.theme_light", "Light theme", "View"),
    ActionSpec("view.theme_system", "Theme of the system", "View"),
    ActionSpec("view.toggle_theme", "Switch between dark and light", "View", ("Ctrl+Shift+L",)),
    ActionSpec("view.toggle_zone", "Switch between local time and UTC", "View", ("Ctrl+Shift+U",)),
    ActionSpec("view.full_screen", "Full screen", "View", ("F11",)),
    ActionSpec("view.menu", "Open the menu", "Go", ("F10",), icon="menu"),
    ActionSpec("go.palette", "Search or run a command…", "Go", ("Ctrl+K",), icon="search"),
    ActionSpec("go.overview", "Overview", "Go", ("Ctrl+1",), icon="overview"),
    ActionSpec("go.alerts", "Alerts", "Go", ("Ctrl+2",), icon="alerts"),
    ActionSpec("go.events", "Events", "Go", ("Ctrl+3",), icon="events"),
    ActionSpec("go.sources", "Sources", "Go", ("Ctrl+4",), icon="sources"),
    ActionSpec("go.host", "Host", "Go", ("Ctrl+5",), icon="host"),
    ActionSpec("go.web", "Web", "Go", ("Ctrl+6",), icon="web"),
    ActionSpec("go.phishing", "Phishing", "Go", ("Ctrl+7",), icon="phishing"),
    ActionSpec("go.load", "Load", "Go", ("Ctrl+8",), icon="load"),
    ActionSpec("go.governance", "Governance", "Go", ("Ctrl+9",), icon="governance"),
    ActionSpec("go.settings", "Settings", "Go", ("Ctrl+0", "Ctrl+,"), icon="settings"),
    ActionSpec("help.shortcuts", "Keyboard shortcuts", "Help", ("?", "F1"), icon="help"),
    ActionSpec("help.about", "About SOC Copilot", "Help"),
)
_OVERVIEW: Final = (
    ActionSpec(
        "overview.all_time",
        "Show the whole time range",
        "View",
        ("Esc",),
        page="overview",
        help="Undo the time range picked with the mouse.",
    ),
)
_ALERTS: Final = tuple(
    ActionSpec(f"alerts.{name}", text, "Alerts", keys, page="alerts", icon=icon, help=help_text)
    for name, text, keys, icon, help_text in (
        ("next", "Next alert", ("J",), "", ""),
        ("previous", "Previous alert", ("K",), "", ""),
        ("first", "Newest alert", ("G",), "", "Go to the top, with what came in since."),
        ("last", "Oldest alert", ("Shift+G",), "", "Read on to the end of the table."),
        ("context", "Evidence in context", ("Return", "Enter"), "", "The lines around it."),
        ("preview", "Show or hide the details", ("Space",), "", ""),
        ("select", "Select or unselect", ("X",), "", ""),
        ("mark", "Mark or unmark", ("M",), "", "A flag of your own, until the window closes."),
        ("next_mark", "Next marked alert", ("]",), "", ""),
        ("previous_mark", "Previous marked alert", ("[",), "", ""),
        ("select_range", "Select up to here", ("Shift+X",), "", ""),
        ("select_all", "Select all that match", ("*",), "", "The whole query, not only the page."),
        ("acknowledge", "Acknowledge and take", ("A",), "check", "Assigns the alert to you."),
        ("close", "Close…", ("E",), "close", "Then T true, F false, B benign, D duplicate."),
        ("reopen", "Reopen", ("R",), "replay", ""),
        ("note", "Add a note…", ("C",), "note", ""),
        ("suppress", "Suppress alike…", ("S",), "suppress", "After a dry run; with an end."),
        ("suppressions", "Suppressions…", ("Shift+S",), "", "What is hidden; lift one."),
        ("suppressed", "Suppressed alerts on or off", ("U",), "", ""),
        ("undo", "Undo the last change", ("Ctrl+Z",), "", ""),
        ("search", "Search alerts", ("/", "Ctrl+F"), "search", ""),
        ("severity_info", "Info alerts on or off", ("1",), "", ""),
        ("severity_low", "Low alerts on or off", ("2",), "", ""),
        ("severity_medium", "Medium alerts on or off", ("3",), "", ""),
        ("severity_high", "High alerts on or off", ("4",), "", ""),
        ("severity_critical", "Critical alerts on or off", ("5",), "", ""),
        ("histogram", "Show or hide the histogram", ("H",), "", ""),
        ("clear_filter", "Clear the filter", ("Esc",), "", ""),
        ("history", "All changes to alerts", ("Shift+H",), "history", "Who changed what and when."),
        ("events", "Events of this entity", ("V",), "events", "Search the archive for it."),
        ("export", "Export what is shown…", ("Ctrl+E",), "export", ""),
        ("reload", "Reload", ("F5",), "", ""),
    )
)
_EVENTS: Final = tuple(
    ActionSpec(f"events.{name}", text, "Events", keys, page="events", icon=icon, help=help_text)
    for name, text, keys, icon, help_text in (
        ("next", "Next event", ("J",), "", "An older one."),
        ("previous", "Previous event", ("K",), "", "A newer one."),
        ("around", "Lines around the event", ("Return", "Enter"), "", "As its file has them."),
        ("search", "Search events", ("/", "Ctrl+F"), "search", ""),
        ("syntax", "What can be searched for", ("F2",), "help", "Examples of the syntax."),
        ("histogram", "Show or hide the histogram", ("H",), "", ""),
        ("clear", "Clear the search", ("Esc",), "", ""),
        ("export", "Export what was found…", ("Ctrl+E",), "export", ""),
        ("reload", "Search again", ("F5",), "", "With what was stored since."),
    )
)
_HOST: Final = (
    ActionSpec(
        "host.watch",
        "Watch a folder…",
        "Host",
        ("Ctrl+Shift+W",),
        icon="folder",
        help="Score what happens to the files in it; can be undone.",
    ),
    *(
        ActionSpec(f"host.{name}", text, "Host", keys, page="host", icon=icon, help=help_text)
        for name, text, keys, icon, help_text in (
            ("next", "Next stream", ("J",), "", ""),
            ("previous", "Previous stream", ("K",), "", ""),
            ("alerts", "Alerts of the stream", ("Return", "Enter"), "alerts", ""),
            ("events", "Events of the stream's source", ("V",), "events", "All that is stored."),
            ("pin", "Keep on top, or no longer", ("M",), "", "Until the window closes."),
            ("exercise", "Run the exercise", ("X",), "play",
             "Encrypts copies of our own sample files in a demonstration folder."),
            ("unwatch", "Stop watching the folder…", ("Del",), "", "What was read stays."),
            ("search", "Find a stream", ("/", "Ctrl+F"), "search", ""),
            ("clear", "Clear the search", ("Esc",), "", ""),
            ("reload", "Reload", ("F5",), "", ""),
        )
    ),
)  # fmt: skip
_WEB: Final = tuple(
    ActionSpec(f"web.{name}", text, "Web", keys, page="web", icon=icon, help=help_text)
    for name, text, keys, icon, help_text in (
        ("next", "Next threat", ("J",), "", "An older one."),
        ("previous", "Previous threat", ("K",), "", "A newer one."),
        ("alerts", "Alerts of the selection", ("Return", "Enter"), "alerts", ""),
        ("events", "Events of its source", ("V",), "events", "All that is stored."),
        ("try", "Try a request…", ("T",), "web", "Raw HTTP, a curl command or a URL; never sent."),
        ("retry", "Try the selected request", ("Y",), "", "Scored again, to be changed there."),
        ("score", "Score what is pasted", ("Ctrl+Return", "Ctrl+Enter"), "play", ""),
        ("clear", "Show all threats", ("Esc",), "", ""),
        ("reload", "Reload", ("F5",), "", ""),
    )
)
_PHISHING: Final = tuple(
    ActionSpec(
        f"phishing.{name}", text, "Phishing", keys, page="phishing", icon=icon, help=help_text
    )
    for name, text, keys, icon, help_text in (
        ("next", "Next content", ("J",), "", "Its verdict is shown beside the table."),
        ("previous", "Previous content", ("K",), "", ""),
        ("paste", "Paste into the box", ("T",), "", ""),
        ("check", "Check what is there", ("Ctrl+Return", "Ctrl+Enter"), "play", ""),
        ("file", "Choose files…", ("Ctrl+O",), "file",
         "Messages (.eml, .msg), mboxes, saved pages, screenshots (PNG)."),
        ("folder", "Choose a folder…", ("Ctrl+Shift+O",), "folder", "A maildir, or any folder."),
        ("example", "Check the examples", ("X",), "replay", "Made-up messages of our own."),
        ("screenshot", "Add a screenshot…", ("S",), "", "To the selected content."),
        ("brands", "Protected brands…", ("B",), "", "What pages are compared with."),
        ("export", "Export the table…", ("Ctrl+E",), "export", ""),
        ("escape", "Leave the box, cancel", ("Esc",), "", ""),
        ("clear", "Clear the table", ("Ctrl+Shift+Del",), "", "Nothing of it is stored."),
        ("again", "Check again", ("F5",), "", ""),
    )
)  # fmt: skip
_LOAD: Final = tuple(
    ActionSpec(f"load.{name}", text, "Load", keys, page="load", icon=icon, help=help_text)
    for name, text, keys, icon, help_text in (
        ("sample", "Replay the sample series", ("S",), "replay",
         "Half a year of an invented town, changed in four places."),
        ("open", "Replay a series…", ("O", "Ctrl+O"), "file", "A CSV or JSON file; only read."),
        ("play", "Pause, go on, or play again", ("Space",), "play", ""),
        ("exercise", "Put the exercise in", ("X",), "", "Into the replay that is seen."),
        ("next", "Next suspected attack", ("J",), "", "An older one."),
        ("previous", "Previous suspected attack", ("K",), "", "A newer one."),
        ("following", "Next series", ("N",), "", ""),
        ("former", "Previous series", ("P",), "", ""),
        ("compare", "Compare with the next", ("C",), "",
         "Up to four; a kept one is let go."),
        ("alone", "See one series alone", ("Shift+C",), "", ""),
        ("all", "See the whole series", ("A", "Esc"), "", ""),
        ("follow", "Follow the newest hour", ("F",), "", ""),
        ("alerts", "Alerts of the series", ("Return", "Enter"), "alerts", ""),
        ("events", "Events of its source", ("V",), "events", "All that is stored."),
        ("close", "Close the replay", ("Del",), "close", "Its file is not touched."),
        ("reload", "Reload", ("F5",), "", ""),
    )
)  # fmt: skip
_OTHERS: Final = (
    ActionSpec(
        "sources.add",
        "Add a log source…",
        "Sources",
        ("Ctrl+N",),
        icon="plus",
        help="A file, a folder, a port that listens, a journal; it is only ever read.",
    ),
    ActionSpec("sources.remove", "Remove the source…", "Sources", ("Del",), page="sources"),
    ActionSpec(
        "sources.toggle", "Enable or disable the source", "Sources", ("Ctrl+D",), page="sources"
    ),
    ActionSpec("sources.format", "Change the format", "Sources", ("F2",), page="sources"),
    ActionSpec(
        "sources.reveal", "Show in its folder", "Sources", ("Ctrl+Shift+F",), page="sources"
    ),
    ActionSpec(
        "sources.options",
        "Options of the source…",
        "Sources",
        ("F4",),
        page="sources",
        icon="settings",
        help="Encoding, events of several lines, intervals, retention.",
    ),
    ActionSpec(
        "sources.verify",
        "Verify the source…",
        "Sources",
        ("F8",),
        page="sources",
        icon="check",
        help="Read it again and show that each line stands exactly once in the archive.",
    ),
    ActionSpec(
        "sources.search",
        "Find sources",
        "Sources",
        ("/", "Ctrl+F"),
        page="sources",
        icon="search",
    ),
    ActionSpec("sources.problems", "Only sources with problems", "Sources", ("P",), page="sources"),
    ActionSpec("sources.reload", "Reload", "Sources", ("F5",), page="sources"),
    ActionSpec(
        "governance.verify",
        "Verify the audit trail",
        "Governance",
        ("Ctrl+Shift+V",),
        icon="check",
        help="Check every row of the chain against its keyed hash.",
    ),
    ActionSpec("governance.reload", "Reload", "Governance", ("F5",), page="governance"),
    ActionSpec(
        "governance.search",
        "Search the audit trail",
        "Governance",
        ("/", "Ctrl+F"),
        page="governance",
        icon="search",
    ),
)

ACTIONS: Final[tuple[ActionSpec, ...]] = (
    *_FRAME,
    *_OVERVIEW,
    *_ALERTS,
    *_EVENTS,
    *_HOST,
    *_WEB,
    *_PHISHING,
    *_LOAD,
    *_OTHERS,
)


class ActionTable(QObject):
    """The live actions. An action is enabled once a handler is bound. GUI thread only."""

    def __init__(
        self,
        theme: Theme,
        specs: tuple[ActionSpec, ...] = ACTIONS,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._specs = {spec.id: spec for spec in specs}
        self._actions = {spec.id: self._make(spec) for spec in specs}
        self._handlers: dict[str, Callable[[], object]] = {}
        self.paint_icons()
        theme.changed.connect(self.paint_icons)

    @property
    def specs(self) -> Mapping[str, ActionSpec]:
        """The table, by id, in the order declared."""
        return self._specs

    def action(self, action_id: str) -> QAction:
        """The QAction, for menus, buttons and tests."""
        return self._actions[action_id]

    def bind(self, action_id: str, handler: Callable[[], object]) -> None:
        """Say what the action does; a later call replaces the former handler."""
        action = self._actions[action_id]
        if action_id not in self._handlers:
            action.triggered.connect(lambda _checked=False: self._handlers[action_id]())
        self._handlers[action_id] = handler
        action.setEnabled(True)

    def is_bound(self, action_id: str) -> bool:
        """True when a handler was bound."""
        return action_id in self._handlers

    def trigger(self, action_id: str) -> None:
        """Do it, as if chosen from the menu."""
        self._actions[action_id].trigger()

    def shortcut_text(self, action_id: str) -> str:
        """The first shortcut as this platform writes it, or an empty text."""
        keys = self._specs[action_id].shortcuts
        native = QKeySequence.SequenceFormat.NativeText
        return QKeySequence(keys[0]).toString(native) if keys else ""

    def attach(self, widget: QWidget, page: str = "") -> None:
        """Let the shortcuts of a page (or, with "", of the whole window) act in a widget."""
        for spec in self._specs.values():
            if spec.page == page:
                widget.addAction(self._actions[spec.id])

    def paint_icons(self) -> None:
        """Draw every icon in the theme's present colours."""
        for spec in self._specs.values():
            if spec.icon:
                self._actions[spec.id].setIcon(self._theme.icon(spec.icon))

    def _make(self, spec: ActionSpec) -> QAction:
        action = QAction(spec.text, self)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(keys) for keys in spec.shortcuts])
        context = Qt.ShortcutContext
        action.setShortcutContext(
            context.WidgetWithChildrenShortcut if spec.page else context.WindowShortcut
        )
        action.setEnabled(False)
        return action
