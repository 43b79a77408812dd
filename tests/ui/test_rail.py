import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertCounts
from soc_copilot.ui.actions import ActionTable
from soc_copilot.ui.rail import Rail
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.window import GROUPS


@pytest.fixture
def rail(qtbot: QtBot) -> Rail:
    theme = Theme("dark")
    made = Rail(theme, ActionTable(theme), GROUPS)
    qtbot.addWidget(made)
    return made


def test_an_entry_goes_to_its_page(qtbot: QtBot) -> None:
    theme = Theme("dark")
    actions, went = ActionTable(theme), []
    rail = Rail(theme, actions, GROUPS)
    qtbot.addWidget(rail)
    actions.bind("go.sources", lambda: went.append("sources"))
    rail.button("sources").click()
    assert went == ["sources"]


def test_one_page_is_marked_at_a_time(rail: Rail) -> None:
    rail.mark("alerts")
    rail.mark("settings")
    marked = [name for group in GROUPS for name, _ in group if rail.button(name).isChecked()]
    assert marked == ["settings"]


def test_the_badge_counts_open_alerts_in_the_colour_of_the_worst(rail: Rail) -> None:
    rail.show_counts(AlertCounts(1_205, (0, 1_200, 0, 5, 0)))
    assert not rail.badge.isHidden()
    assert (rail.badge.text(), rail.badge.property("severity")) == ("1,205", "high")
    words = rail.button("alerts").accessibleDescription()
    assert words == "1,205 open: 5 high, 1,200 low"


def test_the_badge_vanishes_when_none_is_open_and_stays_narrow_when_many_are(rail: Rail) -> None:
    rail.show_counts(AlertCounts(10_000, (10_000, 0, 0, 0, 0)))
    assert rail.badge.text() == "9,999+"
    rail.show_counts(AlertCounts(0, (0, 0, 0, 0, 0)))
    assert rail.badge.isHidden()
