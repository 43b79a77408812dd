"""Settings: made from the settings table; keyboard shortcuts; what this program is."""

import sys
from collections.abc import Iterable
from importlib import metadata
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from soc_copilot import __version__
from soc_copilot.settings import SETTINGS, Setting, Value
from soc_copilot.ui.actions import ActionSpec
from soc_copilot.ui.context import Desk, Page
from soc_copilot.ui.ingest_worker import SessionBeat
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.cards import Card, hline
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.setting_row import SettingRow, value_text

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

DISTRIBUTION = "soc-copilot"


class SettingsPage(Page):
    """Every setting with its editor. A change is stored, and audited, as soon as it is made."""

    name = "settings"
    title = "Settings"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # not a field: no key changes a setting
        self.rows: dict[str, SettingRow] = {}
        outer = QHBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(2 * GRID)
        self._left, left = _scrolling()
        self._right, right = _scrolling()
        outer.addWidget(self._left, 3)  # first, because Qt styles again what changes its parent
        outer.addWidget(self._right, 2)
        for group in dict.fromkeys(setting.group for setting in SETTINGS):
            left.addWidget(self._group_card(group))
        left.addStretch(1)
        self.shortcuts = ShortcutsCard(desk)
        self.about = AboutCard(desk)
        right.addWidget(self.about)
        right.addWidget(self.shortcuts)
        right.addStretch(1)
        desk.theme.changed.connect(self.refresh)
        desk.times.changed.connect(self.refresh)
        desk.jobs.submit(lambda _: licences(), self.about.show_licences, desk.error)

    def _group_card(self, group: str) -> Card:
        card = Card(group)
        settings = [setting for setting in SETTINGS if setting.group == group]
        for place, setting in enumerate(settings):
            if place:
                card.body.addWidget(hline())
            row = SettingRow(setting)
            row.chosen.connect(self.store)
            self.rows[setting.key] = row
            card.body.addWidget(row)
        return card

    @override
    def shown(self) -> None:
        self.refresh()

    @override
    def open(self, **args: Any) -> None:
        """Bring a setting or a card into view: `open(key="ui.theme")`, `open(card="about")`."""
        row = self.rows.get(str(args.get("key", "")))
        if row is not None:
            row.editor.setFocus()
            self._left.ensureWidgetVisible(row)
        card = {"about": self.about, "shortcuts": self.shortcuts}.get(str(args.get("card", "")))
        if card is not None:
            self._right.ensureWidgetVisible(card)
            card.setFocus()

    def refresh(self) -> None:
        """Read every value again in a job."""
        self.desk.jobs.submit(
            lambda governance: governance.settings.all(), self._take, self.desk.error
        )

    def store(self, key: str, value: Value) -> None:
        """Store a value in a job; it takes effect once that worked."""

        def write(governance: "Governance") -> Value:
            return governance.settings.set(key, value)

        def refused(text: str) -> None:
            self.rows[key].show_problem(text)

        self.desk.jobs.submit(write, lambda stored: self._on_stored(key, stored), refused)

    def _take(self, values: dict[str, Value]) -> None:
        for key, row in self.rows.items():
            if not row.editor.hasFocus() or row.value != values[key]:
                row.show_value(values[key])

    def _on_stored(self, key: str, value: Value) -> None:
        setting = self.rows[key].setting
        self.rows[key].show_value(value)
        self.desk.setting_changed.emit(key, value)
        if key == "ui.theme":
            self.desk.theme.set_choice(str(value))
        elif key == "ui.time_zone":
            self.desk.times.set_zone(str(value))
        self.desk.info(stored_text(setting, value, running=self.desk.ingestion != "stopped"))


def stored_text(setting: Setting, value: Value, *, running: bool) -> str:
    """What to say after a change."""
    text = f"{setting.title} is now {value_text(setting, value)}."
    if setting.restart and running:
        text += " It takes effect when ingestion is stopped and started again."
    return text


class ShortcutsCard(Card):
    """Every action that has a key, made from the table of actions."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("Keyboard shortcuts")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.filter_edit = QLineEdit()
        self.filter_edit.setPlaceholderText("Find a key or a command")
        self.filter_edit.setAccessibleName("Find a key or a command")
        self.filter_edit.setClearButtonEnabled(True)
        self.filter_edit.textChanged.connect(self.show_matching)
        self.body.addWidget(self.filter_edit)
        self._lines: list[tuple[str, str, QWidget]] = []
        self._headings: dict[str, PlainLabel] = {}
        specs = [spec for spec in desk.actions.specs.values() if spec.shortcuts]
        for menu in dict.fromkeys(spec.menu for spec in specs):
            self._headings[menu] = PlainLabel(menu, "small")
            self.body.addWidget(self._headings[menu])
            for spec in specs:
                if spec.menu == menu:
                    self._add_line(spec)
        self.nothing = PlainLabel("No key or command is called that.", "muted")
        self.nothing.hide()
        self.body.addWidget(self.nothing)

    @property
    def visible_commands(self) -> list[str]:
        """Texts of the commands shown now."""
        return [text for _, text, line in self._lines if not line.isHidden()]

    def show_matching(self, words: str) -> None:
        """Show only commands whose text or keys hold all the words."""
        wanted = words.casefold().split()
        shown: set[str] = set()
        for menu, text, line in self._lines:
            haystack = f"{text} {line.property('keys')} {menu}".casefold()
            fits = all(word in haystack for word in wanted)
            line.setVisible(fits)
            if fits:
                shown.add(menu)
        for menu, heading in self._headings.items():
            heading.setVisible(menu in shown)
        self.nothing.setVisible(not shown)

    def _add_line(self, spec: ActionSpec) -> None:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        row.addWidget(ElidedLabel(spec.text.rstrip("…")), 1)
        keys = [key_text(key) for key in spec.shortcuts]
        for key in keys:
            row.addWidget(PlainLabel(key, "key"))
        line.setProperty("keys", " ".join(keys))
        self._lines.append((spec.menu, spec.text, line))
        self.body.addWidget(line)


class AboutCard(Card):
    """Version, device, and the licences of what is used."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("About SOC Copilot", f"version {__version__}")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.body.addWidget(
            PlainLabel(
                "It advises; it never acts on the systems it watches. Nothing leaves this machine.",
                "muted",
                wrap=True,
            )
        )
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(2 * GRID)
        self._grid.setVerticalSpacing(GRID // 2)
        self._grid.setColumnStretch(1, 1)
        self.device = ElidedLabel("known once ingestion runs")
        python = ".".join(map(str, sys.version_info[:3]))
        for row, (name, value) in enumerate(
            (
                ("Licence", PlainLabel("Apache-2.0")),
                ("Models run on", self.device),
                ("Python, Qt", PlainLabel(f"{python}, {qVersion()}")),
            )
        ):
            self._grid.addWidget(PlainLabel(name, "muted"), row, 0)
            self._grid.addWidget(value, row, 1)
        self.body.addLayout(self._grid)
        self.body.addWidget(hline())
        self.body.addWidget(PlainLabel("Made with", "small"))
        self.licences = QGridLayout()
        self.licences.setHorizontalSpacing(2 * GRID)
        self.licences.setVerticalSpacing(2)
        self.licences.setColumnStretch(2, 1)
        self.body.addLayout(self.licences)
        desk.beat_arrived.connect(self._on_beat)

    def show_licences(self, used: Iterable[tuple[str, str, str]]) -> None:
        """Name, version and licence of each package."""
        for row, (name, version, licence) in enumerate(used):
            self.licences.addWidget(PlainLabel(name), row, 0)
            self.licences.addWidget(PlainLabel(version, "muted"), row, 1)
            self.licences.addWidget(ElidedLabel(licence, "muted"), row, 2)

    def _on_beat(self, beat: SessionBeat) -> None:
        if beat.device:
            self.device.setText(beat.device)


def key_text(key: str) -> str:
    """A shortcut as this platform writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def licences() -> tuple[tuple[str, str, str], ...]:
    """Name, version and licence of the packages that the program declares; reads the disk."""
    try:
        declared = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return ()
    found = []
    for requirement in declared:
        if "extra ==" in requirement:
            continue
        name = requirement.split(";")[0].strip()
        for sign in "<>=!~ ":
            name = name.split(sign)[0]
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            continue
        found.append((about["Name"], about["Version"], licence_of(about)))
    return tuple(sorted(found, key=lambda one: one[0].casefold()))


def licence_of(about: "metadata.PackageMetadata") -> str:
    """The licence a package states: its expression, else its classifier, else its first line."""
    if "License-Expression" in about:
        return str(about["License-Expression"])
    for classifier in about.get_all("Classifier") or []:
        if classifier.startswith("License ::"):
            return str(classifier.rpartition(" :: ")[2])
    return str(about["License"]).splitlines()[0] if "License" in about else "see its own files"


def _scrolling() -> tuple[QScrollArea, QVBoxLayout]:
    inner = QWidget()
    inner.setObjectName("content")
    column = QVBoxLayout(inner)
    column.setContentsMargins(0, 0, GRID // 2, 0)
    column.setSpacing(2 * GRID)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setWidget(inner)
    return area, column
