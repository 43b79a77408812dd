"""One source in full: settings, ledger, what happened to it, its files, lines that wait."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QTabWidget,
    QWidget,
)

from soc_copilot.domain.source_options import KIND_TITLES, LISTENERS, options_of
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.source_parts import (
    EventColumn,
    PartialColumn,
    PartialModel,
    PositionColumn,
    PositionModel,
    SourceEventModel,
)
from soc_copilot.ui.source_facts import (
    STATE_ROLES,
    STATE_WORDS,
    SourceFacts,
    SourceMore,
    size_text,
)
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip
from soc_copilot.ui.widgets.setting_row import value_text
from soc_copilot.ui.widgets.source_ledger import SourceLedgerView
from soc_copilot.ui.widgets.tables import desk_table

TITLE_CHARS = 48  # chosen: of its name, so that the buttons beside it stay on a small screen
FORMAT_PX = 232  # chosen: the longest title of a format
TABS = ("Ledger", "What happened", "Files", "Partial lines")


class SourceDetail(Card):
    """Everything about the selected source, and what can be done with it.

    Signals:
        format_chosen: Name of a format, chosen by a person.
    """

    format_chosen = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__("No source selected")
        self._desk = desk
        self._facts: SourceFacts | None = None
        self._more = SourceMore(0)
        self.state = PlainLabel()
        self.header.insertWidget(1, self.state)
        self._build_buttons()
        columns = QHBoxLayout()
        columns.setSpacing(3 * GRID)
        columns.addWidget(self._build_facts(), 4)
        columns.addWidget(self._build_tabs(), 7)
        self.body.addLayout(columns)
        self.setMinimumHeight(232)
        desk.times.changed.connect(self._fill)
        desk.theme.changed.connect(self._fill)

    @property
    def facts(self) -> SourceFacts | None:
        """The source shown, None when none is."""
        return self._facts

    def show_source(self, facts: SourceFacts | None) -> None:
        """Show a source, or nothing."""
        self._facts = facts
        self._fill()

    def show_more(self, more: SourceMore) -> None:
        """Show what is read of the selected source only; of another one it came too late."""
        if self._facts is not None and more.source_id == self._facts.source.id:
            self._more = more
            self._fill()

    def set_formats(self, choices: tuple[tuple[str, str], ...]) -> None:
        """The formats to choose from, as (name, title)."""
        self.format_combo.clear()
        for name, title in (("auto", "Detect the format"), *choices):
            self.format_combo.addItem(title, name)
        self._fill()

    # -- building

    def _build_buttons(self) -> None:
        self.buttons: dict[str, QPushButton] = {}
        for action_id, text in (
            ("sources.options", "Options…"),
            ("sources.verify", "Verify…"),
            ("sources.reveal", "Show in folder"),
            ("sources.toggle", "Disable"),
            ("sources.remove", "Remove…"),
        ):
            button = QPushButton(text)
            help_text = self._desk.actions.specs[action_id].help
            keys = self._desk.actions.shortcut_text(action_id)
            button.setToolTip(safe_tip(f"{help_text} {keys}".strip()))
            button.clicked.connect(self._desk.actions.action(action_id).trigger)
            self.buttons[action_id] = button
            self.header.addWidget(button)
        self.buttons["sources.remove"].setProperty("kind", "danger")

    def _build_facts(self) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        self.values = {}
        for row, name in enumerate(_FACTS):
            grid.addWidget(PlainLabel(name, "muted"), row, 0)
            self.values[name] = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
            grid.addWidget(self.values[name], row, 1)
        self.format_combo = QComboBox()
        self.format_combo.setAccessibleName("Format")
        self.format_combo.setMaximumWidth(FORMAT_PX)
        self.format_combo.activated.connect(self._on_format)
        grid.addWidget(PlainLabel("Format", "muted"), len(_FACTS), 0)
        grid.addWidget(self.format_combo, len(_FACTS), 1, Qt.AlignmentFlag.AlignLeft)
        grid.setRowStretch(len(_FACTS) + 1, 1)
        return holder

    def _build_tabs(self) -> QTabWidget:
        desk = self._desk
        self.ledger = SourceLedgerView()
        self.events = SourceEventModel(desk, self)
        self.events.failed.connect(desk.error)
        self.events_table = desk_table(
            self.events,
            "What happened",
            {EventColumn.WHEN: 112, EventColumn.WHAT: 124, EventColumn.LOST: 64},
            stretch=EventColumn.MESSAGE,
        )
        self.positions = PositionModel(self)
        self.positions_table = desk_table(
            self.positions,
            "Positions",
            {
                PositionColumn.GENERATION: 88,
                PositionColumn.POSITION: 96,
                PositionColumn.SIZE: 96,
                PositionColumn.READ: 56,
                PositionColumn.ENCODING: 80,
                PositionColumn.STATE: 76,
            },
            stretch=PositionColumn.FILE,
        )
        self.partials = PartialModel(desk, self)
        self.partials_table = desk_table(
            self.partials,
            "Partial lines",
            {
                PartialColumn.FILE: 104,
                PartialColumn.OFFSET: 104,
                PartialColumn.LENGTH: 56,
                PartialColumn.SINCE: 112,
            },
            stretch=PartialColumn.TEXT,
        )
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.tabBar().setDrawBase(False)  # the pane draws its own line
        self.tabs.setAccessibleName("About this source")
        parts = (self.ledger, self.events_table, self.positions_table, self.partials_table)
        for title, part in zip(TABS, parts, strict=True):
            self.tabs.addTab(part, title)
        return self.tabs

    # -- filling

    def _fill(self) -> None:
        facts = self._facts
        self.format_combo.setEnabled(facts is not None)
        for action_id, button in self.buttons.items():
            button.setEnabled(self._desk.actions.action(action_id).isEnabled())
        self.ledger.show_facts(facts)
        if facts is None:
            self.title.setText("No source selected")
            self.state.setText("")
            self._fill_more(SourceMore(0))
            for label in self.values.values():
                label.setText("")
            return
        source = facts.source
        self.title.setText(render_safe(source.name, TITLE_CHARS))
        self.state.setText(STATE_WORDS[facts.state])
        self.state.setStyleSheet(f"color: {self._desk.theme.hex(STATE_ROLES[facts.state])};")
        self.format_combo.setCurrentIndex(max(0, self.format_combo.findData(source.format)))
        self.buttons["sources.toggle"].setText("Disable" if source.enabled else "Enable")
        for name, value in self._values(facts).items():
            self.values[name].setText(value)
        self._fill_more(self._more if self._more.source_id == source.id else SourceMore(source.id))

    def _fill_more(self, more: SourceMore) -> None:
        messages = self._facts.messages if self._facts is not None else ()
        self.positions.show_positions(more.positions)
        self.events.show_events(more.source_id, more.events, messages)
        self.partials.show_partials(more.partials)
        losses = self.events.n_losses
        self._name_tab(1, f"{losses:,} lost" if losses > 1 else "1 loss" if losses else "")
        self._name_tab(2, f"{len(more.positions):,}" if more.positions else "")
        self._name_tab(3, f"{len(more.partials):,}" if more.partials else "")
        icon = self._desk.theme.icon("warning", "critical" if losses else "muted")
        self.tabs.setTabIcon(1, icon if losses else type(icon)())

    def _name_tab(self, place: int, count: str) -> None:
        text = f"{TABS[place]} ({count})" if count else TABS[place]
        if self.tabs.tabText(place) != text:
            self.tabs.setTabText(place, text)

    def _values(self, facts: SourceFacts) -> dict[str, str]:
        source, ledger = facts.source, facts.ledger
        start = "from the beginning" if source.from_start else "at the end of what was there"
        kind = KIND_TITLES.get(source.kind, source.kind)
        if source.pattern:
            kind = f"{kind}, files named {source.pattern}"
        return {
            "State": facts.detail or STATE_WORDS[facts.state],
            "Where": _where_text(facts),
            "Kind": kind,
            "Began": "when it was added" if source.kind in LISTENERS else start,
            "Options": options_text(facts),
            "Archive": f"{ledger.archived_events:,} events, {size_text(ledger.archived_bytes)}",
            "Added": self._desk.times.absolute(source.added_at),
        }

    def _on_format(self, place: int) -> None:
        name = str(self.format_combo.itemData(place))
        if self._facts is not None and name != self._facts.source.format:
            self.format_chosen.emit(name)


_FACTS = ("State", "Where", "Kind", "Began", "Options", "Archive", "Added")


def _where_text(facts: SourceFacts) -> str:
    if facts.source.kind not in LISTENERS or not facts.address:
        return facts.where
    if facts.source.kind == "syslog-udp":
        return facts.address
    count = facts.n_connections
    return f"{facts.address} · {count:,} connection{'' if count == 1 else 's'}"


def options_text(facts: SourceFacts) -> str:
    """Options that differ from their defaults, in one line."""
    source = facts.source
    changed = source.options.changed
    parts = [
        f"{option.title.lower()} {value_text(option, changed[option.key])}"
        for option in options_of(source.kind)
        if option.key in changed
    ]
    return ", ".join(parts) or "as under Settings"
