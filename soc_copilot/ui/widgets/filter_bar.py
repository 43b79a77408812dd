"""The bar above the alerts: text, menus of what to show, time range, saved views, count."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from PySide6.QtCore import QDateTime, QEvent, QObject, Qt, QTimer, QTimeZone, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QDateTimeEdit,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.alerts import AlertStatus
from soc_copilot.domain.clock import from_us, to_us, utc_now
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.alert_view import (
    BUILT_IN,
    DEFAULT_VIEW,
    OPEN,
    PRESETS,
    SUPPRESSED,
    AlertView,
)
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets import PlainLabel, safe_tip
from soc_copilot.ui.widgets.buttons import link_button

DEBOUNCE_MS: Final = 150  # typing rests this long before the alerts are asked for
NAME_CHARS: Final = 24  # of a name on a button
COMPACT_PX: Final = 1_000  # narrower than this, buttons say less


class StayOpenMenu(QMenu):
    """A menu of ticks that stays open, so that several can be set at once."""

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.activeAction()
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
            return
        super().mouseReleaseEvent(event)


def menu_text(text: str) -> str:
    """Text for a menu or a button: visible, and without accelerators of its own."""
    return render_safe(text, 60).replace("&", "&&")


class FilterBar(QWidget):
    """Shows a view and lets a person change it; `view_changed` follows every change."""

    view_changed = Signal(object)  # AlertView
    views_changed = Signal(object)  # dict[str, AlertView]: what was saved
    left = Signal()  # the person is done with the text: back to the table

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._view = desk, DEFAULT_VIEW
        self._is_compact = False
        self._detectors: tuple[str, ...] = ()
        self._saved: dict[str, AlertView] = {}
        self._debounce = QTimer(self, singleShot=True, interval=DEBOUNCE_MS)
        self._debounce.timeout.connect(self._take_text)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self._row = row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self._make_text(), 3)
        column.addLayout(row)
        column.addWidget(self._make_chips())
        self.severity_button = self._button("severity", self._fill_severities)
        self.status_button = self._button("status", self._fill_statuses)
        self.detector_button = self._button("detector", self._fill_detectors)
        self.time_button = self._button("time range", self._fill_times)
        self.saved_button = self._button("saved view", self._fill_saved)
        self.clear_button = QPushButton("Clear")
        self.clear_button.setProperty("kind", "flat")
        self.clear_button.setToolTip("Back to the open alerts of all time (Esc)")
        self.clear_button.clicked.connect(self.clear)
        for button in (
            self.severity_button,
            self.status_button,
            self.detector_button,
            self.time_button,
            self.saved_button,
            self.clear_button,
        ):
            row.addWidget(button)
        row.addStretch(1)
        self.suppressed_button = self._make_suppressed()
        row.addWidget(self.suppressed_button)
        self.count = PlainLabel("", "strong")
        self.total = PlainLabel("", "muted")
        row.addWidget(self.count)
        row.addSpacing(4 - GRID)
        row.addWidget(self.total)
        self._show()

    # -- the view

    @property
    def view(self) -> AlertView:
        """The view in force."""
        return self._view

    def set_view(self, view: AlertView) -> None:
        """Show a view and tell everyone when it differs from the former one."""
        self._debounce.stop()
        if self.text.text() != view.text:
            self.text.setText(view.text)
            self._debounce.stop()
        changed = view != self._view
        self._view = view
        self._show()
        if changed:
            self.view_changed.emit(view)

    def clear(self) -> None:
        """Back to the default view."""
        self.set_view(DEFAULT_VIEW)

    @property
    def is_default(self) -> bool:
        """True when nothing is filtered beyond the default."""
        return self._view == DEFAULT_VIEW

    def set_detectors(self, names: Sequence[str]) -> None:
        """Say which detectors there are."""
        self._detectors = tuple(names)

    def set_saved(self, views: dict[str, AlertView]) -> None:
        """Take the saved views as they were stored."""
        self._saved = dict(views)
        self._show()

    def set_count(self, shown: int | None, total: int) -> None:
        """How many alerts match, of how many; None while it is being counted."""
        self.count.setText("" if shown is None else f"{shown:,}")
        self.total.setText(f"of {total:,}" if shown is not None else "Counting…")

    def set_suppressed(self, count: int | None) -> None:
        """Say how many the view keeps back; None while it shows suppressed ones."""
        if count is None:
            said = "only suppressed" if self._view.suppressed == "only" else "suppressed too"
            self.suppressed_button.setText(f"{said}  ✕")
        else:
            self.suppressed_button.setText(f"+ {count:,} suppressed")
        is_said = count is None and self._view.suppressed == "hidden"  # the text decides
        self.suppressed_button.setVisible(count != 0 and not is_said)
        self._choose_words()

    def toggle_suppressed(self) -> None:
        """Show suppressed alerts as well, or no longer."""
        shown = "shown" if self._view.suppressed == "hidden" else "hidden"
        self._set(suppressed=shown, suppression=None)

    def _make_suppressed(self) -> QPushButton:
        button = link_button()
        button.setToolTip("Alerts that a suppression keeps out of the list. Show or hide them (U)")
        button.clicked.connect(self.toggle_suppressed)
        button.hide()
        return button

    def focus_text(self) -> None:
        """Put the cursor into the text and select it."""
        self.text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.text.selectAll()

    def _set(self, **changes: object) -> None:
        self.set_view(replace(self._view, **changes))  # type: ignore[arg-type]  # by keyword

    def _take_text(self) -> None:
        self._set(text=self.text.text())

    # -- what it looks like

    def _make_text(self) -> QLineEdit:
        self.text = QLineEdit()
        self.text.setPlaceholderText("text, entity:192.0.2.77, file:auth.log …")
        self.text.setClearButtonEnabled(True)
        self.text.setMinimumWidth(144)
        self.text.setMaximumWidth(420)
        self.text.setAccessibleName("Filter alerts by text")
        self.text.setToolTip(
            safe_tip(
                "Words that must all occur. entity:, detector:, technique:, file:, status:, "
                "severity: and suppressed: narrow to one field.\n"
                "Press / to come here, Enter to go back."
            )
        )
        self.text.textEdited.connect(lambda _text: self._debounce.start())
        self.text.textChanged.connect(self._on_text_changed)
        self.text.returnPressed.connect(self._on_return)
        self.text.installEventFilter(self)
        return self.text

    def _on_text_changed(self, text: str) -> None:
        if not text and self._view.text:  # the clear button does not count as editing
            self._debounce.start()

    def _on_return(self) -> None:
        self._debounce.stop()
        self._take_text()
        self.left.emit()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() in {Qt.Key.Key_Escape, Qt.Key.Key_Down}:
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()  # so that Esc leaves the text before it clears the filter
            elif event.type() == QEvent.Type.KeyPress:
                self._on_return()
                return True
        return super().eventFilter(watched, event)

    def add_widget(self, widget: QWidget) -> None:
        """Put something more at the right end."""
        self._row.addWidget(widget)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._choose_words()

    def _choose_words(self) -> None:
        more = 0 if self.suppressed_button.isHidden() else self.suppressed_button.sizeHint().width()
        if (is_compact := self.width() < COMPACT_PX + more) != self._is_compact:
            self._is_compact = is_compact
            self._show()

    def _make_chips(self) -> QWidget:
        """What is filtered without a button of its own; a row that is there only then."""
        self._chips = QWidget()
        row = QHBoxLayout(self._chips)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID)
        self.entity_chip = self._chip(lambda: self._set(entity=None))
        self.technique_chip = self._chip(lambda: self._set(technique=None))
        self.suppression_chip = self._chip(lambda: self._set(suppression=None))
        for chip in (self.entity_chip, self.technique_chip, self.suppression_chip):
            row.addWidget(chip)
        row.addStretch(1)
        return self._chips

    def _button(self, name: str, fill: Callable[[QMenu], None]) -> QPushButton:
        button = QPushButton()
        button.setAccessibleName(f"Filter by {name}")
        menu = StayOpenMenu(button)
        menu.aboutToShow.connect(lambda: fill(menu))
        button.setMenu(menu)
        return button

    def _chip(self, remove: Callable[[], None]) -> QPushButton:
        chip = QPushButton()
        chip.setCheckable(True)
        chip.setChecked(True)
        chip.clicked.connect(remove)
        chip.hide()
        return chip

    def _show(self) -> None:
        view = self._view
        self._label(self.severity_button, "Severity", severity_words(view.severities))
        words = status_words(view.statuses) + (", mine" if view.mine else "")
        self._label(self.status_button, "Status", words)
        detectors = ", ".join(view.detectors) if len(view.detectors) < 3 else "several"
        self._label(self.detector_button, "Detector", detectors or "all")
        self.time_button.setText("Brushed range" if view.brush else PRESETS[view.preset][0])
        self._label(self.saved_button, "View", self._view_name())
        held_by = None if view.suppression is None else str(view.suppression)
        chips = (view.entity, view.technique, held_by)
        self._chips.setVisible(any(value is not None for value in chips))
        self._show_chip(self.entity_chip, "Entity", view.entity)
        self._show_chip(self.technique_chip, "Technique", view.technique)
        self._show_chip(self.suppression_chip, "Suppressed by", held_by)
        self.clear_button.setVisible(not self.is_default)

    def _label(self, button: QPushButton, name: str, value: str) -> None:
        """Say "Status: open"; where room is scarce "Open", or the name when that is all."""
        if not self._is_compact:
            text = f"{name}: {value}"
        elif value == "all" or button is self.saved_button:
            text = name
        else:
            text = value[:1].upper() + value[1:]
        button.setText(menu_text(text))
        button.setToolTip(safe_tip(f"{name}: {value}"))

    def _show_chip(self, chip: QPushButton, word: str, value: str | None) -> None:
        chip.setVisible(value is not None)
        chip.setChecked(True)
        if value is not None:
            short = render_safe(value, NAME_CHARS).replace("&", "&&")
            chip.setText(f"{word} {short}  ✕")
            chip.setToolTip(safe_tip(f"Only {word.lower()} {value}. Click to show all."))

    def _view_name(self) -> str:
        bare = replace(self._view, brush=None)
        for name, view in (*self._saved.items(), *BUILT_IN.items()):
            if view == bare:
                return render_safe(name, NAME_CHARS)
        return "unsaved"

    # -- menus

    def _tick(
        self, menu: QMenu, text: str, on: bool, do: Callable[[], None], key: str = ""
    ) -> QAction:
        action = menu.addAction(menu_text(text) + (f"\t{key}" if key else ""))
        action.setCheckable(True)
        action.setChecked(on)
        action.triggered.connect(lambda _checked=False: do())
        return action

    def _fill_severities(self, menu: QMenu) -> None:
        menu.clear()
        every = menu.addAction("All")
        every.triggered.connect(lambda: self._set(severities=()))
        menu.addSeparator()
        for severity in reversed(Severity):
            self._tick(
                menu,
                severity.label,
                severity in self._view.severities,
                partial(self._toggle_severity, severity),
                str(severity.value + 1),
            )

    def _fill_statuses(self, menu: QMenu) -> None:
        menu.clear()
        menu.addAction("All").triggered.connect(lambda: self._set(statuses=()))
        menu.addAction("Open").triggered.connect(lambda: self._set(statuses=OPEN))
        menu.addSeparator()
        for status in AlertStatus:
            self._tick(
                menu,
                status.label,
                status in self._view.statuses,
                partial(self._toggle_status, status),
            )
        menu.addSeparator()
        self._tick(menu, "Mine or unassigned", self._view.mine, self._toggle_mine)
        menu.addSeparator()
        for key, (words, _) in SUPPRESSED.items():
            chosen = key == self._view.suppressed
            self._tick(menu, words, chosen, partial(self._set, suppressed=key, suppression=None))

    def _toggle_mine(self) -> None:
        self._set(mine=not self._view.mine)

    def _toggle_severity(self, severity: Severity) -> None:
        self.set_view(self._view.toggled(severity))

    def _toggle_status(self, status: AlertStatus) -> None:
        chosen = set(self._view.statuses) ^ {status}
        self._set(statuses=tuple(item for item in AlertStatus if item in chosen))

    def _fill_detectors(self, menu: QMenu) -> None:
        menu.clear()
        menu.addAction("All").triggered.connect(lambda: self._set(detectors=()))
        menu.addSeparator()
        for name in dict.fromkeys((*self._detectors, *self._view.detectors)):
            self._tick(
                menu,
                name,
                name in self._view.detectors,
                partial(self._toggle_detector, name),
            )

    def _toggle_detector(self, name: str) -> None:
        self._set(detectors=tuple(sorted(set(self._view.detectors) ^ {name})))

    def _fill_times(self, menu: QMenu) -> None:
        menu.clear()
        for key, (words, _) in PRESETS.items():
            if key != "custom":
                self._tick(
                    menu,
                    words,
                    key == self._view.preset and self._view.brush is None,
                    partial(self._set_preset, key),
                )
        menu.addSeparator()
        menu.addAction("From … to …").triggered.connect(lambda: self._ask_range())

    def _set_preset(self, key: str) -> None:
        self._set(preset=key, since=None, until=None, brush=None)

    def _ask_range(self) -> None:
        now = utc_now()
        since, until = self._view.brush or self._view.range(now)
        dialog = RangeDialog(self._desk, since or now, until or now, self)
        dialog.accepted.connect(lambda: self._take_range(dialog))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _take_range(self, dialog: "RangeDialog") -> None:
        since, until = dialog.range()
        self._set(preset="custom", since=since, until=until, brush=None)

    def _fill_saved(self, menu: QMenu) -> None:
        menu.clear()
        bare = replace(self._view, brush=None)
        for group in (BUILT_IN, self._saved):
            for name, view in group.items():
                self._tick(menu, name, view == bare, partial(self.set_view, view))
            menu.addSeparator()
        menu.addAction("Save this view…").triggered.connect(lambda: self._ask_save())
        for words, slot in (("Rename", self._ask_rename), ("Delete", self.delete_view)):
            if self._saved:
                submenu = menu.addMenu(words)
                for name in self._saved:
                    action = submenu.addAction(menu_text(name))
                    action.triggered.connect(partial(_call, slot, name))

    def _ask_save(self) -> None:
        self._ask_name("Save this view", "", lambda name: self.save_view(name))

    def _ask_rename(self, old: str) -> None:
        self._ask_name("Rename the view", old, lambda name: self.rename_view(old, name))

    def _ask_name(self, title: str, text: str, take: Callable[[str], None]) -> None:
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(title)
        dialog.setLabelText("Name")
        dialog.setTextValue(text)
        dialog.textValueSelected.connect(take)
        dialog.open()

    def save_view(self, name: str) -> None:
        """Keep the present view under a name; the same name replaces it."""
        if name := name.strip():
            self._saved[name] = replace(self._view, brush=None)
            self._store()

    def rename_view(self, old: str, new: str) -> None:
        """Give a saved view another name."""
        if (new := new.strip()) and old in self._saved and new != old:
            self._saved = {new if name == old else name: v for name, v in self._saved.items()}
            self._store()

    def delete_view(self, name: str) -> None:
        """Forget a saved view."""
        if self._saved.pop(name, None) is not None:
            self._store()

    def _store(self) -> None:
        self._show()
        self.views_changed.emit(dict(self._saved))


def _call(slot: Callable[[str], None], name: str, _checked: bool = False) -> None:
    slot(name)


def severity_words(chosen: Sequence[Severity]) -> str:
    """What the severity button says: "all", "high and above", "low, high"."""
    if not chosen:
        return "all"
    low = min(chosen)
    if len(chosen) > 1 and set(chosen) == {s for s in Severity if s >= low}:
        return f"{low.label.lower()} and above"
    return ", ".join(severity.label.lower() for severity in sorted(chosen, reverse=True))


def status_words(chosen: Sequence[AlertStatus]) -> str:
    """What the status button says: "all", "open", "new, closed"."""
    if not chosen or len(chosen) == len(AlertStatus):
        return "all"
    if set(chosen) == set(OPEN):
        return "open"
    return ", ".join(status.label.lower() for status in chosen)


class RangeDialog(QDialog):
    """Asks for a time range in the zone that the desk shows."""

    def __init__(self, desk: Desk, since: datetime, until: datetime, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Time range")
        is_utc = desk.times.zone == "UTC"
        self._zone = QTimeZone.utc() if is_utc else QTimeZone.systemTimeZone()
        self.since, self.until = self._edit(since), self._edit(until)
        form = QFormLayout()
        form.addRow("From", self.since)
        form.addRow("To", self.until)
        self._problem = PlainLabel("", "error")
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        buttons.accepted.connect(self._on_accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(2 * GRID)
        column.addWidget(PlainLabel(f"Times in {desk.times.zone_name()}", "muted"))
        column.addLayout(form)
        column.addWidget(self._problem)
        column.addWidget(buttons)

    def range(self) -> tuple[datetime, datetime]:
        """The two moments, aware."""
        return tuple(  # type: ignore[return-value]  # of two
            from_us(edit.dateTime().toMSecsSinceEpoch() * 1_000)
            for edit in (self.since, self.until)
        )

    def _edit(self, moment: datetime) -> QDateTimeEdit:
        shown = QDateTime.fromMSecsSinceEpoch(to_us(moment) // 1_000, self._zone)
        edit = QDateTimeEdit(shown)
        edit.setTimeZone(self._zone)
        edit.setDateTime(shown)
        edit.setDisplayFormat("yyyy-MM-dd HH:mm:ss")
        edit.setCalendarPopup(True)
        edit.setMinimumWidth(220)
        return edit

    def _on_accept(self) -> None:
        since, until = self.range()
        if since >= until:
            self._problem.setText("The end must come after the start.")
            return
        self.accept()
