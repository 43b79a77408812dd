"""The ledger of one source adds up, and what is lost stands out."""

from datetime import UTC, datetime

from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import SourceLedger, SourceRow
from soc_copilot.domain.records import LedgerDelta
from soc_copilot.ui.source_facts import SourceFacts
from soc_copilot.ui.widgets.source_ledger import SourceLedgerView, figures_of

ROW = SourceRow(1, "w", "file", "/w", "", "auto", True, True, datetime(2026, 3, 4, tzinfo=UTC))
TOTALS = LedgerDelta(
    bytes_seen=2_000, bytes_skipped=500, lines=30, parsed=20, unparsed=7, refused=3,
    stored=25, lost=2, possible_losses=1,
)  # fmt: skip


def facts(totals: LedgerDelta = TOTALS) -> SourceFacts:
    ledger = SourceLedger(ROW, totals, 0, 1, 0, None, n_partial=4, archived_events=20)
    return SourceFacts(ledger, to_read_bytes=512, lag_s=-1.0)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_equation_holds() -> None:
    shown = figures_of(facts())
    for whole, parts in (
        ("bytes", ("in_lines", "skipped")),
        ("lines", ("parsed", "unparsed", "refused")),
        ("stored", ("archived", "expired")),
    ):
        assert number(shown[whole]) == sum(number(shown[part]) for part in parts)
    assert (shown["to_read"], shown["lag"], shown["partial"]) == ("512 B", "?", "4")


def test_every_figure_has_its_place_and_losses_stand_out(qtbot: QtBot) -> None:
    view = SourceLedgerView()
    qtbot.addWidget(view)
    assert view.figures.keys() == figures_of(facts()).keys()
    view.show_facts(facts())
    assert view.figures["lost"].property("kind") == "critical"
    assert view.figures["maybe"].property("kind") == "medium"
    view.show_facts(facts(LedgerDelta(lines=1, parsed=1)))
    assert view.figures["lost"].property("kind") == "strong"
    view.show_facts(None)
    assert view.figures["lines"].text() == ""
