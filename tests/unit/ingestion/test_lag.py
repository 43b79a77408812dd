"""The age of the oldest unread byte comes from when the file grew past it."""

from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.ingestion.lag import UNKNOWN, LagWatch


def test_bytes_from_before_we_watched_have_no_known_age():
    watch = LagWatch(100)
    assert watch.age_s(0, 100, 5.0) == UNKNOWN
    watch.look(100, 100, 5.0)
    assert watch.age_s(100, 100, 9.0) == 0.0


def test_the_age_is_that_of_the_oldest_unread_byte():
    watch = LagWatch(0)
    watch.look(0, 10, 1.0)
    watch.look(0, 20, 2.0)
    assert watch.age_s(0, 20, 5.0) == 4.0
    watch.look(10, 20, 5.0)
    assert watch.age_s(10, 20, 5.0) == 3.0
    watch.look(20, 20, 6.0)
    assert watch.age_s(20, 20, 6.0) == 0.0


@given(st.lists(st.integers(0, 9), max_size=400), st.floats(0, 1))
def test_however_much_is_remembered_the_age_is_never_too_young(steps, share):
    watch, size, grown = LagWatch(0), 0, []
    for second, step in enumerate(steps):
        size += step
        grown.append((size, second))
        watch.look(0, size, float(second))
    position = int(size * share)
    watch.look(position, size, float(len(steps)))
    true = next((len(steps) - second for at, second in grown if at > position), 0)
    assert watch.age_s(position, size, float(len(steps))) >= true
