from soc_copilot.detection.host.rules import RULES
from soc_copilot.domain.attack import technique_name


def test_rules_have_names_steps_and_known_techniques():
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.id.startswith("host.")
        assert rule.next_steps
        assert not rule.technique or technique_name(rule.technique)


def test_next_steps_take_a_place_and_a_doer():
    for rule in RULES:
        for step in rule.next_steps:
            told = step.format(where="/srv", who=" as ann (gpg)")
            assert "{" not in told
            assert told.endswith((".", "?"))
