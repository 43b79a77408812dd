import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.auth.windows import (
    HORIZON_MINUTES,
    MAX_MEMBERS,
    MAX_ROWS,
    WINDOW_MINUTES,
    WindowTable,
)

SCHEMA = {"key": pl.String, "member": pl.String, "minute": pl.Int64, "n": pl.Int64}


def events(*rows):
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_a_window_is_the_own_minute_and_the_four_before():
    window, _ = WindowTable().fold(
        events(("a", "x", 0, 1), ("a", "y", 4, 1), ("a", "x", 5, 2), ("b", "x", 5, 1))
    )
    assert window.total.tolist() == [1, 2, 3, 1]
    assert window.distinct.tolist() == [1, 2, 2, 1]


def test_looking_does_not_enter_and_nobody_is_no_member():
    window, table = WindowTable().fold(events(("a", "", 0, 3), ("a", "x", 0, 0), ("a", "x", 0, 1)))
    assert window.total.tolist() == [3, 3, 4]
    assert window.distinct.tolist() == [0, 0, 1]
    assert table.height == 2


def test_no_events_are_no_trouble():
    window, table = WindowTable().fold(events())
    assert window.total.tolist() == []
    assert table.height == 0


def test_members_beyond_the_cap_only_count():
    rows = [("a", f"m{i}", 0, 1) for i in range(MAX_MEMBERS + 50)]
    window, table = WindowTable().fold(events(*rows))
    assert window.total[-1] == MAX_MEMBERS + 50
    assert window.distinct[-1] == MAX_MEMBERS
    assert table.height == MAX_MEMBERS + 1


def test_minutes_far_from_every_clock_are_forgotten():
    _, table = WindowTable().fold(events(*(("a", "x", 10 * i, 1) for i in range(10))))
    near = table.pruned([0, 90])
    kept = near.to_json()["minute"]
    assert kept == [m for m in range(0, 100, 10) if min(m, 90 - m) <= HORIZON_MINUTES]
    assert table.pruned([]).height == 0


def test_rows_kept_are_bounded():
    _, table = WindowTable().fold(events(*((f"k{i}", "x", 0, 1) for i in range(MAX_ROWS + 5))))
    assert table.bounded().height == MAX_ROWS


def test_a_table_comes_back_from_json():
    _, table = WindowTable().fold(events(("a", "x", 1, 2), ("b", "", 2, 3)))
    assert WindowTable.from_json(table.to_json()).to_json() == table.to_json()
    with pytest.raises(ValueError, match="empty"):
        WindowTable.from_json({"key": ["a"], "member": [None], "minute": [1], "n": [1]})


ROWS = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(["", "x", "y", "z"]),
    st.integers(0, 12),
    st.integers(0, 3),
)


def slowly(rows):
    """The definition, one event at a time."""
    seen, totals, distincts = [], [], []
    for row in rows:
        key, _, minute, n = row
        if n:
            seen.append(row)
        inside = [r for r in seen if r[0] == key and minute - WINDOW_MINUTES < r[2] <= minute]
        totals.append(sum(r[3] for r in inside))
        distincts.append(len({r[1] for r in inside} - {""}))
    return totals, distincts


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, max_size=40), st.integers(0, 40))
def test_folding_equals_the_definition_for_any_split(rows, at):
    first, table = WindowTable().fold(events(*rows[:at]))
    second, _ = table.fold(events(*rows[at:]))
    totals, distincts = slowly(rows)
    assert [*first.total, *second.total] == totals
    assert [*first.distinct, *second.distinct] == distincts
