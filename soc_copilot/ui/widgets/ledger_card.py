"""The loss ledger: seen = parsed + unparsed + refused, and what that means in words."""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from soc_copilot.domain.records import LedgerDelta
from soc_copilot.ui.source_facts import size_text
from soc_copilot.ui.theme import GRID, Theme
from soc_copilot.ui.widgets.cards import Card
from soc_copilot.ui.widgets.labels import ElidedLabel, PlainLabel, safe_tip


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What the card adds up.

    Attributes:
        totals: Stored counts over the sources shown.
        committed_bytes: Sum of the stored offsets.
        to_read_bytes: Bytes beyond them.
        n_sources: Sources added up.
        n_files: Files that they ever read.
        n_partial: Last lines that wait for their line end now.
    """

    totals: LedgerDelta
    committed_bytes: int = 0
    to_read_bytes: int = 0
    n_sources: int = 0
    n_files: int = 0
    n_partial: int = 0

    @property
    def before_start_bytes(self) -> int:
        """Bytes that lay before the place where reading began."""
        return self.committed_bytes - self.totals.bytes_seen


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ledger means, as a colour role, a heading and a sentence."""

    role: str
    icon: str
    title: str
    text: str


def judge(facts: LedgerFacts) -> Verdict:
    """Put the ledger into plain words."""
    totals = facts.totals
    missing = totals.lines - totals.parsed - totals.unparsed - totals.refused
    if missing:
        word = "missing" if missing > 0 else "counted twice"
        return Verdict(
            "critical",
            "warning",
            f"{_count(abs(missing), 'line')} {word}",
            "The ledger does not add up. Verify the audit trail and keep the database.",
        )
    if facts.before_start_bytes < 0:
        return Verdict(
            "critical",
            "warning",
            "The bytes do not add up",
            "More bytes were seen than the positions account for.",
        )
    if totals.lost:
        text = "Their source says when and why."
        return Verdict("critical", "warning", f"{_count(totals.lost, 'line')} lost", text)
    if totals.possible_losses:
        times = "once" if totals.possible_losses == 1 else f"{totals.possible_losses:,} times"
        text = "Their source says when and why."
        return Verdict("medium", "warning", f"Lines may be lost, {times}", text)
    if not totals.lines:
        return Verdict("muted", "info", "Nothing read yet", "")
    if totals.refused:
        text = "Every line is accounted for, but no detector saw these."
        return Verdict("medium", "warning", f"{_count(totals.refused, 'line')} refused", text)
    return Verdict("ok", "check", "Every line accounted for", "")


def amounts(facts: LedgerFacts) -> str:
    """Sources, files and bytes in one line; what is zero and of no interest is left out."""
    totals = facts.totals
    parts = [
        f"{_count(facts.n_sources, 'source')}, {_count(facts.n_files, 'file')}",
        f"{size_text(totals.bytes_seen)} seen",
        f"{size_text(facts.to_read_bytes)} still to read",
    ]
    if facts.before_start_bytes > 0:
        parts.append(f"{size_text(facts.before_start_bytes)} before the start")
    if totals.bytes_skipped:
        parts.append(f"{size_text(totals.bytes_skipped)} of padding")
    if totals.stored:
        parts.append(f"{_count(totals.stored, 'event')} stored")
    if facts.n_partial:
        parts.append(f"{_count(facts.n_partial, 'partial line')} waiting")
    if totals.undecodable:
        parts.append(f"{totals.undecodable:,} undecodable")
    if totals.too_long:
        parts.append(f"{_count(totals.too_long, 'long line')} cut")
    return " · ".join(parts)


class LedgerCard(Card):
    """The ledger as an equation, with its verdict. GUI thread only."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._facts = LedgerFacts(LedgerDelta())
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        self._sign = PlainLabel()
        self._sign.setFixedWidth(20)
        self.title = PlainLabel("", "title")
        self.text = ElidedLabel("", "muted")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.text)
        row.addWidget(self._sign)
        row.addLayout(words, 1)
        self.figures: dict[str, PlainLabel] = {}
        for sign, key, caption, tip in _FIGURES:
            if sign:
                row.addWidget(PlainLabel(sign, "muted"))
            row.addLayout(self._figure(key, caption, tip))
        self.body.addLayout(row)
        theme.changed.connect(self._paint)
        self.show_facts(self._facts)

    def show_facts(self, facts: LedgerFacts) -> None:
        """Show these counts."""
        self._facts, totals = facts, facts.totals
        for key, count in (
            ("lines", totals.lines),
            ("parsed", totals.parsed),
            ("unparsed", totals.unparsed),
            ("refused", totals.refused),
        ):
            self.figures[key].setText(f"{count:,}")
        self._paint()

    def _figure(self, key: str, caption: str, tip: str) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(2)
        number, words = PlainLabel("0", "title"), PlainLabel(caption, "small")
        for label in (number, words):
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
            label.setToolTip(safe_tip(tip))
            column.addWidget(label)
        self.figures[key] = number
        return column

    def _paint(self) -> None:
        verdict = judge(self._facts)
        self.title.setText(verdict.title)
        self.title.setStyleSheet(f"color: {self._theme.hex(verdict.role)};")
        parts = (verdict.text, amounts(self._facts))
        self.text.setText(" ".join(part for part in parts if part))
        self._sign.setPixmap(self._theme.icon(verdict.icon, verdict.role, 20).pixmap(20, 20))


# Sign before it, key, caption, what it means.
_FIGURES = (
    ("", "lines", "lines seen", "Whole lines read from every source."),
    ("=", "parsed", "parsed", "Lines that a format took apart."),
    ("+", "unparsed", "unparsed", "Lines kept whole because the format did not fit."),
    ("+", "refused", "refused", "Lines of batches that failed and were set aside."),
)


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"
