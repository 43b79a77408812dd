import re

from soc_copilot.domain.attack import technique_ids, technique_name, technique_tactic


def test_every_technique_has_a_name_a_tactic_and_a_proper_id() -> None:
    assert technique_ids()
    for technique in technique_ids():
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", technique)
        assert technique_name(technique)
        assert technique_tactic(technique)


def test_an_unknown_technique_has_no_name() -> None:
    assert technique_name("T0000") == ""
    assert technique_tactic("") == ""
