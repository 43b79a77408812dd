import re

from soc_copilot.detection.web.classes import CLASSES, NAMES, SCANNER, SCANNER_AGENTS
from soc_copilot.domain.attack import technique_name


def test_every_class_has_a_technique_that_we_can_name() -> None:
    assert all(technique_name(kind.technique) for kind in CLASSES)


def test_names_are_unique_and_the_scanner_comes_last() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len(NAMES) - 1 == SCANNER


def test_tool_names_are_lower_case() -> None:
    assert all(name == name.lower() for name in SCANNER_AGENTS)


def test_every_known_class_names_its_attack_pattern() -> None:
    named = {kind.name: kind.capec for kind in CLASSES}
    assert named.pop("other") == ""
    assert all(re.fullmatch(r"CAPEC-\d{2,3}", capec) for capec in named.values())
