import pytest

from soc_copilot.domain.records import LedgerDelta
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.ledger_card import LedgerCard, LedgerFacts, amounts, judge

GOOD = LedgerDelta(bytes_seen=900, lines=10, parsed=9, unparsed=1)


def test_a_ledger_that_adds_up_says_that_every_line_is_accounted_for():
    verdict = judge(LedgerFacts(GOOD, committed_bytes=900, n_sources=1, n_files=2))
    assert (verdict.role, verdict.title) == ("ok", "Every line accounted for")


@pytest.mark.parametrize(
    ("parsed", "title"), [(6, "3 lines missing"), (10, "1 line counted twice")]
)
def test_a_ledger_that_does_not_add_up_warns_in_words(parsed, title):
    broken = LedgerDelta(bytes_seen=900, lines=10, parsed=parsed, unparsed=1)
    verdict = judge(LedgerFacts(broken, committed_bytes=900))
    assert (verdict.role, verdict.title) == ("critical", title)


def test_more_bytes_than_the_positions_account_for_is_a_warning():
    assert judge(LedgerFacts(GOOD, committed_bytes=899)).role == "critical"


def test_refused_lines_are_accounted_for_but_warned_about():
    refused = LedgerDelta(bytes_seen=900, lines=10, parsed=8, unparsed=1, refused=1)
    verdict = judge(LedgerFacts(refused, committed_bytes=900))
    assert (verdict.role, verdict.title) == ("medium", "1 line refused")


def test_before_the_first_line_nothing_is_claimed():
    assert judge(LedgerFacts(LedgerDelta())).title == "Nothing read yet"


def test_amounts_leave_out_what_is_zero():
    text = amounts(LedgerFacts(GOOD, committed_bytes=900, n_sources=1, n_files=2))
    assert text == "1 source, 2 files · 900 B seen · 0 B still to read"
    cut = LedgerDelta(bytes_seen=900, bytes_skipped=5, lines=1, parsed=1, too_long=1)
    text = amounts(LedgerFacts(cut, committed_bytes=1_000, n_sources=2, n_files=2))
    assert text.endswith("100 B before the start · 5 B of padding · 1 long line cut")


def test_the_card_shows_the_equation_and_follows_the_theme(qtbot):
    theme = Theme("dark")
    card = LedgerCard(theme)
    qtbot.addWidget(card)
    card.show_facts(LedgerFacts(GOOD, committed_bytes=900))
    figures = {key: label.text() for key, label in card.figures.items()}
    assert figures == {"lines": "10", "parsed": "9", "unparsed": "1", "refused": "0"}
    assert theme.hex("ok") in card.title.styleSheet()
    theme.set_choice("light")
    assert theme.hex("ok") in card.title.styleSheet()
