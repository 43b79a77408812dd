"""The suppressions: what each hides, how much so far, until when; and lifting them."""

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QItemSelectionModel, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget
from shiboken6 import isValid
from typing_extensions import override

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.suppressions import End, Suppression
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import DeskDialog, ReasonDialog
from soc_copilot.ui.dialogs.killswitch import SURFACES
from soc_copilot.ui.models.suppressions import (
    SuppressionColumn,
    SuppressionModel,
    hidden_words,
    state_words,
    until_words,
)
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.key_button import KeyButton
from soc_copilot.ui.widgets.labels import PlainLabel
from soc_copilot.ui.widgets.tables import desk_table

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

TEXT: Final = (
    "What they hide is stored, counted and found all the same. When one is lifted, its alerts "
    "are in the list again; one that expires hides nothing new."
)
NONE_YET: Final = "Nothing is suppressed. Choose an alert and press S to suppress what is like it."
WIDE_PX: Final = 960
TABLE_PX: Final = 300
WIDTHS: Final = {
    SuppressionColumn.STATE: 84, SuppressionColumn.ALERTS: 72, SuppressionColumn.OCCURRENCES: 104,
    SuppressionColumn.LAST: 104, SuppressionColumn.UNTIL: 96, SuppressionColumn.BY: 104,
}  # fmt: skip


class SuppressionsDialog(DeskDialog):
    """All suppressions, newest first; read and lifted in jobs.

    Signals:
        lifted: Words about one that was lifted.
        alerts_requested: Id of one whose alerts are to be shown.
    """

    lifted = Signal(str)
    alerts_requested = Signal(int)

    def __init__(self, desk: Desk, parent: QWidget | None) -> None:
        super().__init__(parent, "Suppressions", TEXT, "Done", width=WIDE_PX)
        self.cancel_button.hide()
        self.accept_button.setAutoDefault(False)
        self.accept_button.setDefault(False)
        self._desk = desk
        self._is_busy = False
        self.model = SuppressionModel(desk, self)
        self.table = desk_table(self.model, "Suppressions", WIDTHS, stretch=SuppressionColumn.ALIKE)
        self.table.setMinimumHeight(TABLE_PX)
        self.none_yet = PlainLabel(NONE_YET, "muted")
        self.none_yet.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.none_yet.setMinimumHeight(TABLE_PX)
        self.about = PlainLabel("", "muted", wrap=True, selectable=True)
        self.problem = PlainLabel("", "error", wrap=True, selectable=True)
        for widget in (self.table, self.none_yet, self.about, self.problem):
            self.body.addWidget(widget)
        self._add_buttons()
        self.problem.hide()
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._show_current())
        self.table.doubleClicked.connect(lambda _: self.show_alerts())
        self._show_current()
        self.none_yet.hide()
        self.read()

    def _add_buttons(self) -> None:
        self.ended_check = QCheckBox("Ended ones too")
        self.ended_check.toggled.connect(lambda _: self.read())
        self.alerts_button = KeyButton("Show its alerts", "Enter")
        self.alerts_button.clicked.connect(self.show_alerts)
        self.lift_button = KeyButton("Lift…", "Del")
        self.lift_button.clicked.connect(self.ask_lift)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        for button in (self.alerts_button, self.lift_button):
            button.setAutoDefault(False)
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.ended_check)
        self.body.addLayout(row)

    # -- reading

    @property
    def is_busy(self) -> bool:
        """True while something is read or written."""
        return self._is_busy

    def read(self, wanted: int | None = None) -> None:
        """Read them again, and stay with one of them."""
        current = self.current
        stay = wanted if wanted is not None else current.id if current is not None else None
        ended = self.ended_check.isChecked()
        self._is_busy = True

        def done(rows: tuple[Suppression, ...]) -> None:
            if isValid(self):
                self._is_busy = False
                self._show(rows, stay)

        self._desk.jobs.submit(lambda gov: gov.suppressions.all(ended=ended), done, self._say)

    def _show(self, rows: tuple[Suppression, ...], stay: int | None) -> None:
        self.model.set_rows(rows)
        self.table.setVisible(bool(rows))
        self.none_yet.setVisible(not rows)
        place = self.model.place_of(stay) if stay is not None else None
        if rows:
            at = self.model.index(place or 0, 0)
            flags = QItemSelectionModel.SelectionFlag
            self.table.selectionModel().setCurrentIndex(at, flags.ClearAndSelect | flags.Rows)
            self.table.setFocus()
        self._show_current()

    @property
    def current(self) -> Suppression | None:
        """The one that is selected."""
        return self.model.row(self.table.currentIndex().row())

    def _show_current(self) -> None:
        one = self.current
        self.alerts_button.setEnabled(one is not None and one.n_alerts > 0)
        self.lift_button.setEnabled(one is not None and one.ended is not End.LIFTED)
        self.about.setText("" if one is None else self._about(one))

    def _about(self, one: Suppression) -> str:
        times = self._desk.times
        where = SURFACES.get(one.surface, one.surface)
        why = f": “{one.reason}”" if one.reason else ", without a reason"
        said = [
            f"Suppression {one.id}: {one.alike.words()}. Hid {hidden_words(one)}.",
            f"Made {times.absolute(one.created_at)} by {one.actor} {where}{why}.",
        ]
        if one.is_active(utc_now()):
            said.append(f"In force {until_words(one, times)}.")
        elif one.ended_at is not None:
            by = f" by {one.ended_by}" if one.ended_by else ""
            said.append(f"{state_words(one, utc_now())} {times.absolute(one.ended_at)}{by}.")
        return "\n".join(said)

    # -- doing

    def show_alerts(self) -> None:
        """Close, and show what the selected one hides."""
        if (one := self.current) is not None and one.n_alerts:
            self.alerts_requested.emit(one.id)
            self.accept()

    def ask_lift(self) -> None:
        """Ask for a reason and lift the selected one."""
        one = self.current
        if one is None or one.ended is End.LIFTED:
            return
        dialog = ReasonDialog(
            self,
            f"Lift suppression {one.id}?",
            f"It hid {hidden_words(one)}. Those that it still hides are in the list again at once.",
            "Lift",
            required=False,
            example="Why is it no longer needed?",
        )
        dialog.accepted.connect(lambda: self.lift(one.id, dialog.reason))
        dialog.open()

    def lift(self, suppression_id: int, reason: str) -> None:
        """Lift one and read the list again."""
        self._say("")
        self._is_busy = True

        def write(governance: "Governance") -> int:
            return governance.suppressions.lift(suppression_id, reason)

        def done(n_back: int) -> None:
            if isValid(self):
                alerts = "1 alert" if n_back == 1 else f"{n_back:,} alerts"
                self.lifted.emit(f"Lifted suppression {suppression_id}; {alerts} came back")
                self.read(suppression_id)

        self._desk.jobs.submit(write, done, self._say)

    def _say(self, text: str) -> None:
        if isValid(self):
            self._is_busy = False
            self.problem.setText(text)
            self.problem.setVisible(bool(text))

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = {
            Qt.Key.Key_Return: self.show_alerts,
            Qt.Key.Key_Enter: self.show_alerts,
            Qt.Key.Key_Delete: self.ask_lift,
        }
        act = keys.get(Qt.Key(event.key()))
        if act is not None and self.table.hasFocus() and not event.modifiers():
            act()
            return
        super().keyPressEvent(event)
