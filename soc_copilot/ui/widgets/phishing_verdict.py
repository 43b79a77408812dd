"""The pane beside what was checked: the verdict in words, why, and the content taken apart."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from soc_copilot.domain.findings import Highlight
from soc_copilot.domain.phishing import Analysis, Content, ParsedEmail, ParsedUrl, defang
from soc_copilot.domain.text import render_safe
from soc_copilot.ui import phishing_facts as facts
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.look import LookDialog
from soc_copilot.ui.models.phishing_tables import (
    AttachmentColumn,
    AttachmentModel,
    LinkColumn,
    LinkModel,
)
from soc_copilot.ui.phishing_checks import Detail
from soc_copilot.ui.theme import GRID, PANEL_PADDING, ROW_HEIGHT
from soc_copilot.ui.widgets.cards import EmptyState
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel
from soc_copilot.ui.widgets.phishing_parts import (
    FactGrid,
    PicturePair,
    ReasonList,
    ScoreBar,
    VerdictBadge,
)
from soc_copilot.ui.widgets.raw_text import FittedRawText
from soc_copilot.ui.widgets.tables import desk_table

SHOWN_CHARS: Final = 12_000  # chosen: of a content; a longer one is cut, and it is said
SHOWN_LINES: Final = 400  # chosen
MOST_ROWS: Final = 6  # of a table here before it scrolls
NOTHING_CHOSEN: Final = (
    "Press J for the first one, or click a row. Why it has its verdict, who it says it is from "
    "and where its links lead appear here."
)


class VerdictPane(QFrame):
    """Everything about one content. It reads nothing; the page hands it a `Detail`.

    Args:
        desk: The desk.
        can_draw: Saved pages can be drawn on this machine.

    Signals:
        kind_wanted: It is to be checked again as this kind.
        screenshot_wanted: A picture of the page is to be added.
        rendering_wanted: The saved page is to be drawn here.
    """

    kind_wanted = Signal(str)
    screenshot_wanted = Signal()
    rendering_wanted = Signal()

    def __init__(self, desk: Desk, *, can_draw: bool = False) -> None:
        super().__init__()
        self.setObjectName("card")
        self._can_draw = can_draw
        self._desk = desk
        self._detail: Detail | None = None
        self._stack = QStackedWidget()
        self._empty = EmptyState(desk.theme, "phishing", "Nothing selected", NOTHING_CHOSEN)
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self._build())
        outer = QVBoxLayout(self)
        outer.setContentsMargins(1, 1, 1, 1)
        outer.addWidget(self._stack)
        desk.theme.changed.connect(self._fill_text)
        desk.times.changed.connect(self._fill)

    @property
    def detail(self) -> Detail | None:
        """What is shown."""
        return self._detail

    def show_detail(
        self,
        detail: Detail | None,
        screenshot: QImage | None = None,
        reference: QImage | None = None,
    ) -> None:
        """Show a verdict from its beginning, or nothing.

        Args:
            detail: What is known.
            screenshot: Of the page.
            reference: Of the brand that it looks like.
        """
        self._detail = detail
        self._images = screenshot, reference
        self._scroll.verticalScrollBar().setValue(0)
        self._fill()

    _images: tuple[QImage | None, QImage | None] = (None, None)
    _captions: tuple[str, str] = ("", "")

    # -- building

    def _build(self) -> QScrollArea:
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        content = QWidget()
        content.setObjectName("detail")
        self._column = column = QVBoxLayout(content)
        column.setContentsMargins(PANEL_PADDING, PANEL_PADDING - 4, PANEL_PADDING, PANEL_PADDING)
        column.setSpacing(GRID)
        self._build_head(column)
        self._build_look()
        self.reasons_heading, _ = self._heading(column, "Why")
        self.reasons = ReasonList(self._desk.theme)
        column.addWidget(self.reasons)
        self.parts = PlainLabel("", "small", wrap=True, selectable=True)
        column.addWidget(self.parts)
        column.addWidget(self.look)
        self.head_heading, _ = self._heading(column, "Sender")
        self.head = FactGrid()
        column.addWidget(self.head)
        self._build_content(column)
        column.addStretch(1)
        self._scroll.setWidget(content)
        for part in (content, self._scroll.viewport()):
            part.setAutoFillBackground(False)  # the card's surface shows through
        return self._scroll

    def _build_head(self, column: QVBoxLayout) -> None:
        row = QHBoxLayout()
        row.setSpacing(12)
        self.badge = VerdictBadge(self._desk.theme)
        self.score = ElidedLabel("", "muted")
        self.kind_button = QPushButton()
        self.kind_button.setAccessibleName("Check it as another kind")
        self.kind_button.setToolTip("Check it as another kind")
        menu = QMenu(self.kind_button)
        for kind, words in facts.KINDS.items():
            menu.addAction(words, partial(self.kind_wanted.emit, kind))
        self.kind_button.setMenu(menu)
        self.copy_button = QPushButton("Copy")
        self.copy_button.setToolTip("Copy the verdict and its reasons as text, links defanged")
        self.copy_button.clicked.connect(self.copy_text)
        row.addWidget(self.badge)
        row.addWidget(self.score, 1)
        row.addWidget(self.kind_button)
        row.addWidget(self.copy_button)
        column.addLayout(row)
        self.bar = ScoreBar(self._desk.theme)
        column.addWidget(self.bar)
        self.title = PlainLabel("", "strong", wrap=True, selectable=True)
        self.summary = PlainLabel("", wrap=True, selectable=True)
        self.degraded = PlainLabel("", "medium", wrap=True, selectable=True)
        for label in (self.title, self.summary, self.degraded):
            column.addWidget(label)

    def _build_look(self) -> None:
        self.look = QWidget()
        column = QVBoxLayout(self.look)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        self._heading(column, "Look of the page")
        self.pictures = PicturePair(self._desk.theme)
        column.addWidget(self.pictures)
        self.look_words = PlainLabel("", wrap=True)
        column.addWidget(self.look_words)
        row = QHBoxLayout()
        row.setSpacing(GRID)
        self.screenshot_button = QPushButton("Add a screenshot…")
        self.screenshot_button.clicked.connect(self.screenshot_wanted)
        self.render_button = QPushButton("Draw it here")
        self.render_button.setToolTip("In a sandboxed browser without any network")
        self.render_button.clicked.connect(self.rendering_wanted)
        self.larger_button = QPushButton("See it larger")
        self.larger_button.setToolTip("Both pictures as large as the window has room")
        self.larger_button.clicked.connect(self.see_larger)
        for button in (self.larger_button, self.screenshot_button, self.render_button):
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)

    def _build_content(self, column: QVBoxLayout) -> None:
        self.links, self.attachments = LinkModel(self), AttachmentModel(self)
        self.attachments_heading, self.attachments_hint = self._heading(column, "Attachments")
        widths = {AttachmentColumn.TYPE: 128, AttachmentColumn.SIZE: 72, AttachmentColumn.HASH: 148}
        self.attachment_table = desk_table(
            self.attachments, "Attachments", widths, stretch=AttachmentColumn.NAME
        )
        column.addWidget(self.attachment_table)
        self.links_heading, self.links_hint = self._heading(column, "Links")
        self.link_table = desk_table(
            self.links, "Links", {LinkColumn.TEXT: 172}, stretch=LinkColumn.TARGET
        )
        column.addWidget(self.link_table)
        self.text_heading, self.text_hint = self._heading(column, "Content")
        self.text = FittedRawText(self._desk.theme, "Content, marked where it speaks for phishing")
        column.addWidget(self.text)
        self.notes = PlainLabel("", "small", wrap=True, selectable=True)
        column.addWidget(self.notes)

    def _heading(self, column: QVBoxLayout, text: str) -> tuple[QWidget, PlainLabel]:
        """A section's title and the words beside it."""
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, GRID, 0, 0)
        row.setSpacing(GRID)
        hint = PlainLabel("", "small")
        row.addWidget(PlainLabel(text, "heading"))
        row.addWidget(hint, 1)
        column.addWidget(whole)
        return whole, hint

    # -- filling

    def _fill(self) -> None:
        detail = self._detail
        self._stack.setCurrentIndex(0 if detail is None else 1)
        if detail is None:
            return
        analysis, row = detail.analysis, detail.row
        self.badge.set_prediction(row.prediction if analysis is not None else None)
        self.title.setText(row.title)
        self.title.setVisible(bool(row.title))
        self.kind_button.setVisible(analysis is not None)
        self.bar.setVisible(analysis is not None)
        self.score.setText("")
        self.degraded.hide()
        if analysis is None:
            self.summary.setText(row.problem)
        else:
            self._fill_verdict(detail, analysis)
        self._fill_reasons(detail)
        self._fill_mail(detail)
        self._fill_look(detail)
        self._fill_text()

    def _fill_verdict(self, detail: Detail, analysis: Analysis) -> None:
        sure = facts.sureness(analysis.confidence)
        self.score.setText(f"{analysis.score:.3f} · {sure}")
        self.badge.setToolTip(f"Confidence {analysis.confidence:.2f}")
        self.kind_button.setText(f"{facts.KINDS[analysis.content_type]} ▾")
        self.bar.show_score(analysis.score, analysis.prediction)
        self.summary.setText(facts.summary_of(analysis))
        told = facts.part_facts(analysis.parts, detail.missing)
        degraded = facts.degraded_words(told)
        self.degraded.setText(degraded)
        self.degraded.setVisible(bool(degraded))
        words = [f"{part.name} {part.words}" for part in told if part.state == "ok"]
        took = f"{analysis.processing_time_ms:.0f} ms"
        self.parts.setText(" · ".join(["Parts that answered: " + ", ".join(words), took]))

    def _fill_reasons(self, detail: Detail) -> None:
        analysis = detail.analysis
        reasons = facts.told_reasons(analysis) if analysis is not None else ()
        self.reasons.show_reasons(reasons)
        for widget in (self.reasons_heading, self.reasons):
            widget.setVisible(bool(reasons))
        self.parts.setVisible(analysis is not None)

    def _fill_mail(self, detail: Detail) -> None:
        mail = detail.content.parsed if detail.content is not None else None
        mail = mail if isinstance(mail, ParsedEmail) else None
        reasons = detail.analysis.reasons if detail.analysis is not None else ()
        date = self._desk.times.absolute(mail.date) if mail is not None and mail.date else ""
        self.head.show_facts(facts.header_facts(mail, reasons, date) if mail is not None else ())
        for widget in (self.head_heading, self.head):
            widget.setVisible(mail is not None)
        links = mail.links if mail is not None else ()
        files = mail.attachments if mail is not None else ()
        self.links.set_rows(links)
        self.attachments.set_rows(files)
        self.links_hint.setText(f"{len(links):,}, shown so that none can be followed")
        self.attachments_hint.setText(f"{len(files):,}, never opened")
        _fit(self.link_table, len(links), self.links_heading)
        _fit(self.attachment_table, len(files), self.attachments_heading)
        notes = mail.notes if mail is not None else ()
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))

    def _fill_look(self, detail: Detail) -> None:
        content, match = detail.content, detail.match
        screenshot, reference = self._images
        has_picture = content is not None and content.screenshot is not None
        is_page = content is not None and content.kind in {"page", "url"}
        self.look.setVisible(has_picture or is_page)
        # A picture tells it at once; that there is none is not the first thing to read.
        self._column.removeWidget(self.look)
        before = self.reasons_heading if has_picture else self.head_heading
        self._column.insertWidget(self._column.indexOf(before), self.look)
        self.pictures.setVisible(has_picture)
        self.screenshot_button.setVisible(is_page and not has_picture)
        is_saved = self._can_draw and content is not None and content.kind == "page"
        self.render_button.setVisible(is_saved and not has_picture)
        brand = match.brand if match is not None else ""
        self.larger_button.setVisible(has_picture and screenshot is not None)
        self._captions = ("This page", f"Picture of {render_safe(brand, 60)}")
        self.pictures.show_pair(screenshot, reference, self._captions)
        words = ""
        if match is not None:
            where = "and stands on a domain that is not its own"
            if match.is_own_domain:
                where = "and stands on its own domain"
            elif content is not None and not isinstance(content.parsed, ParsedUrl):
                where = "; where it stands is not known, so compare its address"
            alike = f"{int(100 * match.similarity)}%"
            words = f"It looks like {render_safe(brand, 60)} ({alike} alike) {where}."
            words = words.replace(" ;", ";")
        elif has_picture:
            words = "It looks like none of your brands."
        elif is_page:
            words = "Without a screenshot it cannot be compared with the look of your brands."
        self.look_words.setText(words)
        self.look_words.set_kind(
            "high" if match is not None and not match.is_own_domain else "muted"
        )
        self.look_words.setVisible(bool(words))

    def _fill_text(self) -> None:
        self.text.clear()
        detail = self._detail
        content = detail.content if detail is not None else None
        shown, marks = _shown(content, detail.analysis if detail is not None else None)
        for widget in (self.text_heading, self.text):
            widget.setVisible(bool(shown))
        if not shown:
            return
        n_lines = 0
        for at, line in _lines(shown):
            if n_lines >= SHOWN_LINES:
                break
            self.text.add_line(line, [(a - at, b - at) for a, b in marks if b > at])
            n_lines += 1
        n_more = len(content.text) - SHOWN_CHARS if content is not None else 0
        if n_more > 0 or n_lines >= SHOWN_LINES:
            self.text.add_caption("… the rest is not shown here", is_first=True)
        self.text_hint.setText("marked where it speaks for phishing" if marks else "")
        self.text.verticalScrollBar().setValue(0)

    def see_larger(self) -> None:
        """Show both pictures as large as the window has room."""
        images, words = self._images, self.look_words.text()
        LookDialog(self.window(), self._desk.theme, images, self._captions, words).open()

    def copy_text(self) -> None:
        """Put the verdict on the clipboard as plain, safe text."""
        detail = self._detail
        if detail is None:
            return
        row = detail.row
        lines = [f"{self.badge.text}  {row.score:.3f}  {row.title}", row.sender, row.problem]
        lines += (
            [one.text for one in facts.grouped(detail.analysis.reasons)]
            if (detail.analysis is not None)
            else []
        )
        content = detail.content
        if content is not None and isinstance(content.parsed, ParsedEmail):
            lines += [f"link: {link.defanged}" for link in content.parsed.links]
            lines += [
                f"attachment: {one.name} {one.content_type} {one.sha256}"
                for one in content.parsed.attachments
            ]
        elif content is not None and content.kind == "url":
            lines.append(defang(content.text))
        QGuiApplication.clipboard().setText("\n".join(render_safe(one) for one in lines if one))


def _shown(content: Content | None, analysis: Analysis | None) -> tuple[str, tuple[Highlight, ...]]:
    """A content's beginning with no URL that could be followed, and its marked places."""
    if content is None or content.kind == "page":
        return "", ()  # a page's HTML says little to a reader
    marks: tuple[Highlight, ...] = ()
    if analysis is not None and analysis.prediction != "benign":
        marks = facts.marks_of(analysis.reasons, "" if content.kind == "url" else content.text)
    text = content.text[:SHOWN_CHARS]
    return facts.defanged_spans(text, marks, is_url=content.kind == "url")


def _lines(text: str) -> Sequence[tuple[int, str]]:
    """Lines with the place where each begins; empty ones are passed over."""
    found, at = [], 0
    for line in text.split("\n"):
        if line.strip():
            found.append((at, line))
        at += len(line) + 1
    return found


def _fit(table: QTableView, n_rows: int, heading: QWidget) -> None:
    """A table as high as its rows, within limits; hidden when it has none."""
    for widget in (table, heading):
        widget.setVisible(n_rows > 0)
    table.setFixedHeight(ROW_HEIGHT * (min(n_rows, MOST_ROWS) + 1) + 8)
