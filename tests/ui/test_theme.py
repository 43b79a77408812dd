"""Roles can be read on their surfaces, and a switch reaches everyone at once."""

import re
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import soc_copilot.ui
from soc_copilot.domain.findings import Severity
from soc_copilot.ui.qss import SHEET
from soc_copilot.ui.theme import DARK, EXTRA_PAIRS, LIGHT, SURFACES, TEXT_ROLES, Theme


def luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


PAIRS = [*((text, ground) for text in TEXT_ROLES for ground in SURFACES), *EXTRA_PAIRS]


@pytest.mark.parametrize("roles", [DARK, LIGHT], ids=["dark", "light"])
def test_every_role_reads_on_its_surfaces(roles: dict[str, str]) -> None:
    poor = {pair: contrast(roles[pair[0]], roles[pair[1]]) for pair in PAIRS}
    assert {pair: ratio for pair, ratio in poor.items() if ratio < 4.5} == {}


def test_both_themes_have_the_same_roles_and_the_sheet_uses_no_other() -> None:
    assert DARK.keys() == LIGHT.keys()
    words = {"small", "base", "title", "number", "radius", "look", "controls"}
    assert set(re.findall(r"\$(\w+)", SHEET)) <= DARK.keys() | words
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", SHEET)


def test_a_switch_is_told_once_and_changes_severity_colours(qtbot: QtBot) -> None:
    theme = Theme("dark")
    told: list[bool] = []
    theme.changed.connect(lambda: told.append(theme.is_dark))
    before = theme.severity_color(Severity.HIGH).name()
    theme.set_choice("light")
    theme.set_choice("light")
    assert told == [False]
    assert theme.severity_color(Severity.HIGH).name() != before


def test_a_source_keeps_its_colour(qtbot: QtBot) -> None:
    theme = Theme("dark")
    first = theme.series_color("a").name()
    assert theme.series_color("b").name() != first
    assert theme.series_color("a").name() == first


def test_labels_are_made_only_by_the_plain_text_helper() -> None:
    root = Path(soc_copilot.ui.__file__).parent
    makers = [
        path.name
        for path in root.rglob("*.py")
        if re.search(
            r"\bQLabel\(", path.read_text(encoding="utf-8").replace("PlainLabel(QLabel)", "")
        )
    ]
    assert makers in ([], ["labels.py"])
