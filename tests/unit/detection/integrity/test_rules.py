"""Each rule says what it is in a form that findings can carry."""

from soc_copilot.detection.integrity import rules
from soc_copilot.domain.attack import technique_name


def test_rules_are_told_apart_and_pass_the_threshold():
    assert len({rule.id for rule in rules.RULES}) == len(rules.RULES)
    for rule in rules.RULES:
        assert technique_name(rule.technique)
        assert rules.THRESHOLD <= rule.scores[0] < rule.scores[1] <= 1.0
        assert 0 < rule.least < rule.full
        text = rule.sentence.format(entity="/var/log/{x}", value=1234)
        assert "/var/log/{x}" in text
        assert "1,234" in text
        assert rule.next_steps
