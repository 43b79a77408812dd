import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.detection.web.classes import NAMES
from soc_copilot.ui.web_trial import Preset, Presets
from soc_copilot.ui.widgets.web_parts import FAMILIES, PresetBar, class_titles

PRESETS = Presets(
    "web-1",
    2_000,
    {"0.1%": Preset("0.1%", 0.95, 0.00095, 0.98), "0.5%": Preset("0.5%", 0.5)},
)


@pytest.fixture
def bar(qtbot: QtBot) -> PresetBar:
    made = PresetBar()
    qtbot.addWidget(made)
    return made


def test_every_class_is_in_one_family_with_a_colour_of_its_own() -> None:
    kinds = [kind for family in FAMILIES for kind in family.kinds]
    assert sorted(kinds) == sorted(NAMES)
    assert len({family.role for family in FAMILIES}) == len(FAMILIES)
    assert set(class_titles()) == set(NAMES)


def test_what_was_measured_is_told_and_what_was_not_is_no_more_than_a_limit(
    bar: PresetBar,
) -> None:
    bar.show_presets(PRESETS)
    bar.show_budget("0.1%")
    assert bar.measured.text() == (
        "0.095 % of 2,000 harmless validation requests flagged, 98.0 % of attacks found · "
        "threshold 0.950"
    )
    assert "Model web-1" in bar.buttons["0.1%"].toolTip()
    bar.show_budget("0.5%")
    assert bar.measured.text().startswith("At most 0.5\u00a0% of 2,000 harmless")
    assert not bar.buttons["1%"].isEnabled()  # the card does not know it


def test_a_choice_counts_when_it_is_stored(bar: PresetBar) -> None:
    wanted: list[str] = []
    bar.chosen.connect(wanted.append)
    bar.show_presets(PRESETS)
    bar.show_budget("0.1%")
    bar.buttons["0.1%"].click()
    assert wanted == []
    bar.buttons["0.5%"].click()
    assert wanted == ["0.5%"]
    assert bar.buttons["0.1%"].isChecked()
