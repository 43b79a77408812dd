"""The table of JSON keys."""

from soc_copilot.domain import columns as c
from soc_copilot.parsing.json_keys import ALIASES, KEPT, REQUEST_LINE


def test_no_key_writes_where_a_record_comes_from_or_what_it_is():
    own = {*c.BASE, c.KIND, c.DATASET}
    assert own.isdisjoint(ALIASES)
    assert own.isdisjoint(KEPT)


def test_names_are_given_once():
    assert len(set(KEPT)) == len(KEPT)
    assert set(KEPT).isdisjoint(ALIASES)
    for column, names in ALIASES.items():
        assert column not in names
        assert len(set(names)) == len(names)
    assert set(REQUEST_LINE).isdisjoint(name for names in ALIASES.values() for name in names)
