from soc_copilot.domain import columns as c


def test_column_names_are_distinct_and_flat() -> None:
    names = [value for key, value in vars(c).items() if key.isupper() and isinstance(value, str)]
    kinds = {c.KIND_EVENT, c.KIND_UNPARSED}
    columns = [name for name in names if name not in kinds]
    assert len(columns) == len(set(columns))
    assert set(c.BASE) <= set(columns)


def test_actions_are_distinct() -> None:
    actions = [value for key, value in vars(c.Action).items() if key.isupper()]
    assert len(actions) == len(set(actions))
