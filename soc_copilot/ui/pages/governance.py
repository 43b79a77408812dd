"""Governance: the kill switch, the audit trail and whether it is intact, the database."""

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.governance import AuditRow, KillSwitchState
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.killswitch import SURFACES
from soc_copilot.ui.models.audit import AuditTableModel, Column
from soc_copilot.ui.pages.split import SplitPage
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.governance_cards import (
    CHANGES_SHOWN,
    DatabaseCard,
    KillSwitchCard,
    VerifyCard,
)
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.tables import desk_table

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

REFRESH_MS = 2_000  # chosen: how soon a row written by another process shows
TYPING_MS = 250  # chosen: after the last key, before the database is searched
DETAIL_PX = 272  # chosen: the exact time and an action's id are not cut
FIELDS = ("Row", "When", "Who", "Action", "What", "Keyed hash")


class AuditDetail(Card):
    """One audit row in full."""

    def __init__(self, desk: Desk) -> None:
        super().__init__("Audit row")
        self.setMinimumWidth(DETAIL_PX)
        self._desk = desk
        self._row: AuditRow | None = None
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID // 2)
        grid.setColumnStretch(1, 1)
        self.values = {}
        for place, name in enumerate(FIELDS):
            grid.addWidget(PlainLabel(name, "muted"), place, 0)
            self.values[name] = ElidedLabel()
            grid.addWidget(self.values[name], place, 1)
        self.body.addLayout(grid)
        self.texts = {name: self._text_box(name) for name in ("Old value", "New value", "Reason")}
        desk.times.changed.connect(self._fill)

    def show_row(self, row: AuditRow | None) -> None:
        """Show a row, or nothing."""
        self._row = row
        self._fill()

    def _text_box(self, name: str) -> QPlainTextEdit:
        box = QPlainTextEdit()
        box.setReadOnly(True)
        box.setTabChangesFocus(True)
        box.setAccessibleName(name)
        box.setPlaceholderText("none")
        box.setMinimumHeight(36)  # a line of text; the facts above are never squeezed
        self.body.addWidget(PlainLabel(name, "muted"))
        self.body.addWidget(box, 1)
        return box

    def _fill(self) -> None:
        row = self._row
        shown: dict[str, str] = dict.fromkeys(FIELDS, "")
        texts = dict.fromkeys(self.texts, "")
        if row is not None:
            where = SURFACES.get(row.surface, row.surface)
            shown = {
                "Row": f"{row.seq:,}",
                "When": self._desk.times.absolute(row.at),
                "Who": f"{row.actor} {where}",
                "Action": row.action,
                "What": row.subject,
                "Keyed hash": row.mac,
            }
            texts = {
                "Old value": row.old or "",
                "New value": row.new or "",
                "Reason": row.reason or "",
            }
        for name, text in shown.items():
            self.values[name].setText(text)
        for name, text in texts.items():
            self.texts[name].setPlainText("\n".join(map(render_safe, text.split("\n"))))


class GovernancePage(SplitPage):
    """Who did what, and the proof of it. Everything is read and written in jobs."""

    name = "governance"
    title = "Governance"

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(desk, Qt.Orientation.Horizontal, REFRESH_MS, parent)
        self._wanted: int | None = None  # audit row to select once it is here
        self.model = AuditTableModel(desk, self)
        self.killswitch = KillSwitchCard(desk)
        self.verify = VerifyCard(desk)
        self.database = DatabaseCard()
        self.detail = AuditDetail(desk)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2 * GRID)
        cards = QHBoxLayout()
        cards.setSpacing(2 * GRID)
        for card, share in ((self.killswitch, 5), (self.verify, 5), (self.database, 6)):
            card.setMinimumHeight(200)
            cards.addWidget(card, share)
        column.addLayout(cards)
        self.splitter.addWidget(self._table_card())
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 72)
        self.splitter.setStretchFactor(1, 28)
        self.splitter.setSizes([740, 260])
        column.addWidget(self.splitter, 1)
        self._typing = QTimer(self)
        self._typing.setSingleShot(True)
        self._typing.setInterval(TYPING_MS)
        self._typing.timeout.connect(self._search)
        self.setFocusProxy(self.table)  # the page's keys act as soon as it is shown
        self._connect()

    def _table_card(self) -> Card:
        card = Card("History", "newest first; nothing is ever changed or removed")
        self.search_edit = QLineEdit()
        self.search_edit.setPlaceholderText("Search: killswitch, source 2, a name")
        self.search_edit.setAccessibleName("Search the audit trail")
        self.search_edit.setClearButtonEnabled(True)
        self.search_edit.setMinimumWidth(160)
        self.search_edit.setMaximumWidth(280)
        self.suppressions_button = link_button()
        self.suppressions_button.setToolTip("Alerts that are kept out of the list, and how long")
        self.suppressions_button.hide()
        card.header.addWidget(self.suppressions_button)
        card.header.addWidget(self.search_edit, 4)
        widths = {
            Column.SEQ: 56,
            Column.AT: 116,
            Column.ACTOR: 80,
            Column.SURFACE: 72,
            Column.ACTION: 148,
            Column.SUBJECT: 104,
        }
        self.table = desk_table(self.model, "Audit trail", widths, stretch=Column.CHANGE)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.nothing = PlainLabel("", "muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        card.body.addWidget(self.table, 1)
        card.body.addWidget(self.nothing)
        return card

    def _connect(self) -> None:
        desk = self.desk
        desk.actions.bind("governance.verify", self.start_verify)
        desk.actions.bind("governance.reload", self.reload)
        desk.actions.bind("governance.search", self.focus_search)
        desk.killswitch_changed.connect(self._on_killswitch)
        self.verify.broken.connect(self.show_row)
        self.suppressions_button.clicked.connect(
            lambda: desk.open_page("alerts", suppressions=True)
        )
        self.search_edit.textChanged.connect(self._on_typed)
        self.table.customContextMenuRequested.connect(self._show_menu)
        self.table.selectionModel().currentRowChanged.connect(self._on_current)
        self.model.loaded.connect(self._on_loaded)

    # -- what is shown

    @override
    def shown(self) -> None:
        self.refresh()
        self._read_changes()

    @override
    def open(self, **args: Any) -> None:
        """Show what the arguments name: `open(text="killswitch")`, `open(verify=True)`."""
        if "text" in args:
            self.search_edit.setText(str(args["text"]))
        if args.get("verify"):
            self.start_verify()

    @override
    def refresh(self) -> None:
        """Bring the table and the database's facts up to date."""
        self.model.pull_new()
        jobs = self.desk.jobs
        jobs.submit(lambda governance: governance.facts(), self.database.show_facts)
        jobs.submit(_in_force, self._show_suppressions)

    def _show_suppressions(self, n_active: int) -> None:
        words = "1 suppression" if n_active == 1 else f"{n_active:,} suppressions"
        self.suppressions_button.setText(f"{words} in force")
        self.suppressions_button.setVisible(n_active > 0)

    def reload(self) -> None:
        """Start again from the newest row."""
        self.model.reload()
        self.refresh()

    def start_verify(self) -> None:
        """Check the whole chain, on this page."""
        if not self.isVisible():
            self.desk.open_page(self.name)
        self.verify.verify()

    def show_row(self, seq: int) -> None:
        """Select an audit row, or the one before where it is missing; reads it if need be."""
        self._wanted = seq
        if self.model.line_of(seq) is not None and not self.model.text:
            self._on_loaded()
            return
        self._typing.stop()
        self.search_edit.blockSignals(True)
        self.search_edit.clear()
        self.search_edit.blockSignals(False)
        self.model.show_from(seq)

    def focus_search(self) -> None:
        """Go to the search field."""
        self.search_edit.setFocus()
        self.search_edit.selectAll()

    def _read_changes(self) -> None:
        self.desk.jobs.submit(_last_changes, self.killswitch.show_changes, self.desk.error)

    def _on_killswitch(self, _: KillSwitchState) -> None:
        if self.isVisible():
            self.refresh()
            self._read_changes()

    def _on_typed(self) -> None:
        self._typing.start()

    def _search(self) -> None:
        self.model.set_text(self.search_edit.text())

    def _on_loaded(self) -> None:
        rows = self.model.rowCount()
        words = render_safe(self.model.text, 60)
        self.nothing.setText(f"No row holds “{words}”." if words and not rows else "")
        self.nothing.setVisible(bool(words) and not rows)
        line = None if self._wanted is None else self.model.line_of(self._wanted)
        if line is None and rows and (self._wanted or not self.table.currentIndex().isValid()):
            line = 0
        self._wanted = None
        if line is not None:
            self.table.selectRow(line)
            self.table.scrollTo(self.model.index(line, 0))
        elif not rows:
            self.detail.show_row(None)

    def _on_current(self) -> None:
        index = self.table.currentIndex()
        self.detail.show_row(self.model.row_at(index.row()) if index.isValid() else None)

    def _show_menu(self, where: QPoint) -> None:
        index = self.table.indexAt(where)
        if not index.isValid():
            return
        row = self.model.row_at(index.row())
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Show only this action", lambda: self.search_edit.setText(row.action))
        menu.addAction("Show only this subject", lambda: self.search_edit.setText(row.subject))
        menu.addAction("Copy the row", lambda: QGuiApplication.clipboard().setText(_line(row)))
        menu.popup(self.table.viewport().mapToGlobal(where))


def _in_force(governance: "Governance") -> int:
    return len(governance.suppressions.all(ended=False))


def _last_changes(governance: "Governance") -> tuple[AuditRow, ...]:
    return governance.audit.rows(None, CHANGES_SHOWN, text="killswitch.")


def _line(row: AuditRow) -> str:
    """A row as tab-separated text, hidden characters made visible."""
    values = (row.seq, row.at.isoformat(), row.actor, row.surface, row.action, row.subject)
    texts = (*map(str, values), row.old or "", row.new or "", row.reason or "", row.mac)
    return "\t".join(map(render_safe, texts))
