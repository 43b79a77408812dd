"""The whole ledger of one source as equations that a person can add up."""

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from soc_copilot.ui.source_facts import SourceFacts, duration_text, size_text
from soc_copilot.ui.theme import GRID
from soc_copilot.ui.widgets.labels import PlainLabel, safe_tip

# Row title, then (sign before it, key, caption, what it means).
_ROWS: Final[tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...]] = (
    (
        "Bytes",
        (
            ("", "bytes", "seen", "Bytes of the source that the stored position moved over."),
            ("=", "in_lines", "in lines", "Bytes of lines, with their line ends."),
            (
                "+",
                "skipped",
                "padding",
                "Bytes that are no lines: NUL padding, a byte order mark.",
            ),
        ),
    ),
    (
        "Lines",
        (
            ("", "lines", "seen", "Whole lines read."),
            ("=", "parsed", "parsed", "Lines that a format took apart."),
            ("+", "unparsed", "unparsed", "Lines kept whole because the format did not fit."),
            ("+", "refused", "refused", "Lines of quarantined batches: moved over, not stored."),
        ),
    ),
    (
        "Events",
        (
            (
                "",
                "stored",
                "stored",
                "Events put into the archive. Fewer than lines where an event has several lines, "
                "or where lines were read while the archive was off.",
            ),
            ("=", "archived", "kept", "In the archive: what can be searched now."),
            (
                "+",
                "expired",
                "removed",
                "From the archive: older or more than retention allows.",
            ),
        ),
    ),
    (
        "Of these",
        (
            ("", "too_long", "too long", "Lines cut to 64 KiB; their length and hash are kept."),
            (
                "",
                "undecodable",
                "undecodable",
                "Lines with bytes that mean nothing in the encoding.",
            ),
        ),
    ),
    (
        "Lost",
        (
            ("", "lost", "known", "Gone before they could be read, by count."),
            ("", "maybe", "possible", "How often lines may be gone that nobody can count."),
        ),
    ),
    (
        "Waiting",
        (
            ("", "to_read", "to read", "Bytes beyond the stored position."),
            ("", "lag", "lag", "Age of the oldest line that is not yet stored."),
            ("", "partial", "partial", "Last lines that wait for their line end."),
        ),
    ),
)


class SourceLedgerView(QWidget):
    """One equation a row, numbers under each other. GUI thread only."""

    def __init__(self) -> None:
        super().__init__()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, GRID // 2, 0, 0)
        grid.setHorizontalSpacing(GRID // 2)
        grid.setVerticalSpacing(3)
        self.figures: dict[str, PlainLabel] = {}
        for row, (title, pieces) in enumerate(_ROWS):
            grid.addWidget(PlainLabel(title, "muted"), row, 0)
            for place, (sign, key, caption, tip) in enumerate(pieces):
                self._add_piece(grid, row, 1 + 4 * place, sign, key, caption, tip)
        grid.setColumnMinimumWidth(0, 64)
        grid.setColumnStretch(17, 1)
        grid.setRowStretch(len(_ROWS), 1)

    def _add_piece(
        self,
        grid: QGridLayout,
        row: int,
        column: int,
        sign: str,
        key: str,
        caption: str,
        tip: str,
    ) -> None:
        number, words = PlainLabel("0", "strong"), PlainLabel(caption, "small")
        number.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for label in (number, words):
            label.setToolTip(safe_tip(tip))
        mark = PlainLabel(sign, "muted")
        mark.setFixedWidth(12)
        grid.addWidget(mark, row, column)
        grid.addWidget(number, row, column + 1)
        grid.addWidget(words, row, column + 2)
        grid.setColumnMinimumWidth(column + 1, 64)
        grid.setColumnMinimumWidth(column + 3, GRID)
        self.figures[key] = number

    def show_facts(self, facts: SourceFacts | None) -> None:
        """Show a source's counts, or nothing."""
        shown = dict.fromkeys(self.figures, "") if facts is None else figures_of(facts)
        for key, text in shown.items():
            self.figures[key].setText(text)
        counts = None if facts is None else facts.ledger.totals
        self._look("lost", "critical", counts is not None and counts.lost > 0)
        self._look("maybe", "medium", counts is not None and counts.possible_losses > 0)
        self._look("refused", "medium", counts is not None and counts.refused > 0)
        self._look("unparsed", "medium", counts is not None and counts.unparsed > 0)

    def _look(self, key: str, kind: str, is_told: bool) -> None:
        self.figures[key].set_kind(kind if is_told else "strong")


def figures_of(facts: SourceFacts) -> dict[str, str]:
    """Every figure of the ledger as text, by key."""
    ledger, counts = facts.ledger, facts.ledger.totals
    return {
        "bytes": f"{counts.bytes_seen:,}",
        "in_lines": f"{counts.bytes_seen - counts.bytes_skipped:,}",
        "skipped": f"{counts.bytes_skipped:,}",
        "lines": f"{counts.lines:,}",
        "parsed": f"{counts.parsed:,}",
        "unparsed": f"{counts.unparsed:,}",
        "refused": f"{counts.refused:,}",
        "stored": f"{counts.stored:,}",
        "archived": f"{ledger.archived_events:,}",
        "expired": f"{counts.stored - ledger.archived_events:,}",
        "too_long": f"{counts.too_long:,}",
        "undecodable": f"{counts.undecodable:,}",
        "lost": f"{counts.lost:,}",
        "maybe": f"{counts.possible_losses:,}",
        "to_read": size_text(facts.to_read_bytes),
        "lag": duration_text(facts.lag_s),
        "partial": f"{ledger.n_partial:,}",
    }
