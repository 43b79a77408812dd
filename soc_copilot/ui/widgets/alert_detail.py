"""The pane beside the alerts: what happened, why it was raised, the evidence, the history."""

from bisect import bisect_right
from pathlib import PurePath, PureWindowsPath
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from soc_copilot.domain.alerts import AlertChange, AlertDetail, AlertNote, AlertStatus
from soc_copilot.domain.attack import technique_name
from soc_copilot.domain.findings import Evidence, Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.ui.context import Desk
from soc_copilot.ui.models.alerts import score_text, status_text
from soc_copilot.ui.models.suppressions import until_words
from soc_copilot.ui.theme import GRID, PANEL_PADDING, Theme
from soc_copilot.ui.widgets import EmptyState, PlainLabel, paint_severity_shape
from soc_copilot.ui.widgets.buttons import link_button
from soc_copilot.ui.widgets.component_bars import ComponentBars
from soc_copilot.ui.widgets.key_button import KeyButton
from soc_copilot.ui.widgets.raw_text import FittedRawText

FIRST_LINES: Final = 20  # evidence shown before "more" is asked for
LINE_CHARS: Final = 1_200  # of one line here; the rest is in its context
LEAD_CHARS: Final = 120  # kept before the first marked part of a long line


class SeverityBadge(QWidget):
    """A severity as shape and word in its colour."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._severity = theme, Severity.INFO
        theme.changed.connect(self.update)

    def set_severity(self, severity: Severity) -> None:
        """Show this one."""
        self._severity = severity
        self.setAccessibleName(severity.label)
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        self.ensurePolished()
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._severity.label) + 24, metrics.height())

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        color = self._theme.severity_color(self._severity)
        box = QRectF(0, self.height() / 2 - 4.5, 9, 9)
        paint_severity_shape(painter, box, self._severity, color)
        painter.setFont(self._theme.font(bold=True))
        painter.setPen(color)
        painter.drawText(
            self.rect().adjusted(15, 0, 0, 0),
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            self._severity.label,
        )


class AlertDetailPane(QFrame):
    """Everything about one alert. It reads nothing; the page hands it an `AlertDetail`."""

    context_requested = Signal(object)  # Evidence
    entity_requested = Signal(str)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._desk, self._detail = desk, None
        self._is_all_shown = False
        self._first_blocks: list[int] = []  # of each evidence line in the raw text
        self._stack = QStackedWidget()
        self._empty = EmptyState(
            desk.theme,
            "alerts",
            "No alert selected",
            "Press J for the newest one, or click a row. Its reasons and raw lines appear here.",
        )
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._make_scroll())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.addWidget(self._stack)
        desk.theme.changed.connect(self._fill)
        desk.times.changed.connect(self._fill)

    _detail: AlertDetail | None

    @property
    def detail(self) -> AlertDetail | None:
        """What is shown."""
        return self._detail

    def set_detail(self, detail: AlertDetail | None) -> None:
        """Show an alert; the same one keeps its scroll position."""
        if detail == self._detail:
            return
        is_same = (
            detail is not None and self._detail is not None and detail.row.id == self._detail.row.id
        )
        self._detail = detail
        if not is_same:
            self._is_all_shown = False
            self._scroll.verticalScrollBar().setValue(0)
        self._fill()

    # -- building

    def _make_scroll(self) -> QScrollArea:
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        content = QWidget()
        content.setObjectName("detail")
        column = QVBoxLayout(content)
        column.setContentsMargins(PANEL_PADDING, PANEL_PADDING - 4, PANEL_PADDING, PANEL_PADDING)
        column.setSpacing(GRID)
        column.addLayout(self._make_head())
        self.sentence = PlainLabel("", "title", wrap=True, selectable=True)
        self.facts = PlainLabel("", "muted", wrap=True, selectable=True)
        column.addWidget(self.sentence)
        column.addWidget(self.facts)
        column.addLayout(self._make_buttons())
        column.addWidget(self._heading("Why", "why_hint"))
        self.bars = ComponentBars(self._desk.theme)
        column.addWidget(self.bars)
        column.addWidget(self._heading("Evidence", "evidence_hint"))
        self.raw = FittedRawText(self._desk.theme, "Evidence")
        column.addWidget(self.raw)
        column.addLayout(self._make_evidence_buttons())
        self.next_heading = self._heading("Check next", "next_hint")
        column.addWidget(self.next_heading)
        self.next_steps = PlainLabel("", wrap=True, selectable=True)
        column.addWidget(self.next_steps)
        self.notes_heading = self._heading("Notes", "notes_hint")
        column.addWidget(self.notes_heading)
        self.notes = PlainLabel("", wrap=True, selectable=True)
        column.addWidget(self.notes)
        column.addWidget(self._heading("History", "history_hint"))
        self.history = PlainLabel("", "muted", wrap=True, selectable=True)
        column.addWidget(self.history)
        column.addStretch(1)
        self._scroll.setWidget(content)
        for part in (content, self._scroll.viewport()):
            part.setAutoFillBackground(False)  # the card's surface shows through
        return self._scroll

    def _make_head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.badge = SeverityBadge(self._desk.theme)
        self.origin = PlainLabel("", "muted", wrap=True, selectable=True)
        self.origin.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        row.addWidget(self.badge, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.origin, 1)
        self.copy = QToolButton()
        self.copy.setProperty("kind", "flat")
        self.copy.setStyleSheet("padding: 0; min-height: 0;")  # as high as the words beside it
        self.copy.setFixedSize(24, 24)
        self.copy.setAccessibleName("Copy the alert")
        self.copy.setToolTip("Copy the alert with its evidence as text")
        self.copy.clicked.connect(self.copy_text)
        row.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _make_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        action = self._desk.actions.action
        self.take = KeyButton.for_action(action("alerts.acknowledge"), "Take", "A")
        self.close_alert = KeyButton.for_action(action("alerts.close"), "Close…", "E")
        self.reopen = KeyButton.for_action(action("alerts.reopen"), "Reopen", "R")
        self.note = KeyButton.for_action(action("alerts.note"), "Note", "C")
        for button in (self.take, self.close_alert, self.reopen, self.note):
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _make_evidence_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.context_button = KeyButton("Show in context", "Enter")
        self.context_button.clicked.connect(self.ask_context)
        self.more = link_button()
        self.more.clicked.connect(self._show_all)
        row.addWidget(self.context_button)
        row.addWidget(self.more)
        row.addStretch(1)
        return row

    def _heading(self, words: str, hint_name: str) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, GRID, 0, 0)
        row.setSpacing(GRID)
        hint = PlainLabel("", "small", wrap=True)
        setattr(self, hint_name, hint)
        row.addWidget(PlainLabel(words, "heading"), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(hint, 1, Qt.AlignmentFlag.AlignBottom)
        return box

    why_hint: PlainLabel
    evidence_hint: PlainLabel
    next_hint: PlainLabel
    notes_hint: PlainLabel
    history_hint: PlainLabel

    # -- filling

    def _fill(self) -> None:
        detail = self._detail
        self._stack.setCurrentIndex(0 if detail is None else 1)
        if detail is None:
            return
        row = detail.row
        self.copy.setIcon(self._desk.theme.icon("copy"))
        self.badge.set_severity(row.severity)
        technique = f"{row.technique} {technique_name(row.technique)}".strip()
        parts = [row.detector, technique, f"score {score_text(row.score)}"]
        self.origin.setText(" · ".join(part for part in parts if part))
        self.sentence.setText(detail.summary or row.title)
        self.facts.setText(self._facts(detail))
        is_closed = row.status is AlertStatus.CLOSED
        self.take.setVisible(not is_closed)
        self.close_alert.setVisible(not is_closed)
        self.reopen.setVisible(is_closed)
        self.why_hint.setText(
            f"score {score_text(row.score)}, raised from {score_text(detail.threshold)}"
            + (f" · {row.rule} {detail.model_version}" if detail.model_version else "")
        )
        self.bars.set_parts(detail.components, row.severity)
        self._fill_evidence(detail)
        self.next_heading.setVisible(bool(detail.next_steps))
        self.next_steps.setVisible(bool(detail.next_steps))
        self.next_steps.setText("\n".join(f"•  {step}" for step in detail.next_steps))
        self._fill_notes(detail.notes)
        self.history.setText("\n".join(map(self.change_text, detail.history)))

    def _facts(self, detail: AlertDetail) -> str:
        row, times = detail.row, self._desk.times
        first, last = times.short(row.first_seen), times.short(row.last_seen)
        span = last if first == last else f"{first} to {last}"
        events = "1 event" if row.count == 1 else f"{row.count:,} events"
        who = f"assigned to {row.assignee}" if row.assignee else "assigned to nobody"
        entity = render_safe(row.entity, 200)
        return (
            f"{entity} · {events} · {span} {times.zone_name()}\n"
            f"Alert {row.id} · {status_text(row)} · {who}" + self._suppressed(detail)
        )

    def _suppressed(self, detail: AlertDetail) -> str:
        one = detail.suppression
        if one is None:
            return ""
        why = f": “{one.reason}”" if one.reason else ""
        until = until_words(one, self._desk.times)
        return f"\nSuppressed {until} by {one.actor} (suppression {one.id}){why}"

    def _fill_evidence(self, detail: AlertDetail) -> None:
        shown = detail.evidence if self._is_all_shown else detail.evidence[:FIRST_LINES]
        left = len(detail.evidence) - len(shown)
        self.evidence_hint.setText(evidence_words(detail))
        self.more.setVisible(left > 0)
        self.more.setText(f"{left:,} more" if left else "")
        self.context_button.setVisible(bool(detail.evidence))
        self.raw.setVisible(bool(detail.evidence))
        self.raw.clear()
        self._first_blocks = []
        for line in shown:
            self._first_blocks.append(self.raw.n_blocks)
            when = self._desk.times.short(line.timestamp)
            self.raw.add_caption(f"{place_text(line)} · {when}", is_first=True)
            text, spans, rest = cut_line(line)
            self.raw.add_line(text, spans)
            if rest:
                self.raw.add_caption(f"… {rest:,} more characters; Enter shows the whole line")
        self.raw.verticalScrollBar().setValue(0)

    def _fill_notes(self, notes: tuple[AlertNote, ...]) -> None:
        self.notes_heading.setVisible(bool(notes))
        self.notes.setVisible(bool(notes))
        self.notes.setText(
            "\n".join(
                f"{self._desk.times.short(note.at)}  {note.actor}: {note.text}" for note in notes
            )
        )

    def change_text(self, change: AlertChange) -> str:
        """One line of the history."""
        when = self._desk.times.short(change.at)
        return f"{when}  {change_words(change)} · {change.actor}, {change.surface}"

    def _show_all(self) -> None:
        self._is_all_shown = True
        self._fill()

    # -- doing

    def ask_context(self) -> None:
        """Ask for the lines around the evidence under the cursor, else the first one."""
        if self._detail is None or not self._detail.evidence:
            return
        number = 0
        if self.raw.hasFocus():
            number = bisect_right(self._first_blocks, self.raw.textCursor().blockNumber()) - 1
        self.context_requested.emit(self._detail.evidence[max(number, 0)])

    def copy_text(self) -> None:
        """Put the alert on the clipboard as plain, safe text."""
        if self._detail is not None:
            QGuiApplication.clipboard().setText(detail_text(self._detail, self._desk))


def change_words(change: AlertChange) -> str:
    """What changed, from what to what."""
    if change.field == "raised":
        return "raised"
    if change.field == "note":
        return f"note: {render_safe(change.new or '', 200)}"
    old, new = value_words(change.old), value_words(change.new)
    return f"{change.field} {old} → {new}"


def value_words(value: str | None) -> str:
    """An old or new value for a screen."""
    return render_safe(value, 200).replace("_", " ") if value else "none"


def place_text(line: Evidence) -> str:
    """File name and byte offset: "auth.log:88,120"."""
    return f"{render_safe(file_name(line.path) or 'stream', 80)}:{line.offset:,}"


def file_name(path: str) -> str:
    """The last part of a path written on this or another platform."""
    return PureWindowsPath(path).name if "\\" in path and "/" not in path else PurePath(path).name


def evidence_words(detail: AlertDetail) -> str:
    """How many lines were kept, of how many events."""
    count = len(detail.evidence)
    if not count:
        return "No raw line was kept."
    lines = "1 line" if count == 1 else f"{count:,} lines"
    return lines if detail.row.count <= count else f"{lines} of {detail.row.count:,} events kept"


def cut_line(line: Evidence) -> tuple[str, tuple[tuple[int, int], ...], int]:
    """The part of a long line around what is marked.

    Returns:
        The text, the marked ranges in it, and how many characters were left out.
    """
    raw = line.raw
    if len(raw) <= LINE_CHARS:
        return raw, line.highlights, 0
    first = min((start for start, _ in line.highlights), default=0)
    start = max(0, min(first - LEAD_CHARS, len(raw) - LINE_CHARS))
    spans = tuple(
        (max(low - start, 0), min(high - start, LINE_CHARS))
        for low, high in line.highlights
        if high > start and low < start + LINE_CHARS
    )
    return raw[start : start + LINE_CHARS], spans, len(raw) - LINE_CHARS


def detail_text(detail: AlertDetail, desk: Desk) -> str:
    """An alert as plain text for a ticket or a mail, hidden characters visible."""
    row = detail.row
    technique = f"{row.technique} {technique_name(row.technique)}".strip() or "none"
    lines = [
        f"{row.severity.label}: {detail.summary or row.title}",
        f"Alert {row.id}, {row.detector} ({row.rule}), technique {technique}, "
        f"score {score_text(row.score)}",
        f"Entity {row.entity}, {row.count:,} events",
        f"First seen {desk.times.absolute(row.first_seen)}, "
        f"last seen {desk.times.absolute(row.last_seen)}",
        f"{status_text(row)}, {row.assignee or 'assigned to nobody'}",
        *(f"- {part.name}: {part.value}" for part in detail.components),
        *(f"{line.path}:{line.offset}: {line.raw}" for line in detail.evidence),
    ]
    return "\n".join(map(render_safe, lines))
