"""Traces and intervals."""

import numpy as np

from soc_copilot.domain.findings import Severity
from soc_copilot.domain.load import HOLD_HOURS, HourRow, LoadInterval, Trace, extend, severity_of


def test_a_trace_grows_keeps_gaps_and_can_be_cut() -> None:
    trace = Trace("k", "meter", "MW", 100, 4)
    for hour in (100, 101, 109):
        trace.put(HourRow(hour, float(hour), grade=2 if hour == 109 else 0, odd=1))
    trace.put(HourRow(99, 1.0))
    assert (trace.n, trace.end) == (10, 110)
    hours, values = trace.window("value", 0, 10**6)
    assert hours.tolist() == list(range(100, 110))
    assert np.isnan(values[2:9]).all()
    assert values[9] == 109
    assert trace.window("value", 101, 101)[1].tolist() == [101.0]
    trace.intervals = (LoadInterval(100, 101, 1, 0.1), LoadInterval(109, 109, 2, 0.3))
    trace.cut(105)
    assert trace.end == 105
    assert trace.grades.max() == 0
    assert [one.first for one in trace.intervals] == [100]


def test_hours_of_one_attack_are_one_interval() -> None:
    first = LoadInterval(10, 10, 1, 0.1, "scaling", 0.5, 0.1, 0.7, ("a",))
    later = LoadInterval(9, 12, 2, -0.3, "ramp_up", 0.8, 0.3, 0.9, ("b",), is_exercise=True)
    intervals, joined = extend((first,), later)
    assert intervals == (joined,)
    assert (joined.first, joined.last, joined.grade, joined.deviation) == (9, 12, 2, -0.3)
    assert (joined.template, joined.words, joined.is_exercise) == ("ramp_up", ("b",), True)
    assert joined.severity is Severity.MEDIUM
    far = LoadInterval(12 + HOLD_HOURS + 1, 20, 1, 0.1)
    assert extend(intervals, far)[0] == (joined, far)
    assert severity_of(0) is Severity.LOW
    assert severity_of(4) is Severity.CRITICAL


def test_the_tail_is_the_newest_hours_and_what_was_detected_in_them():
    trace = Trace("k", "meter", "MW", 100, 10)
    for hour in range(100, 110):
        trace.put(HourRow(hour, float(hour), grade=hour % 2, odd=1, exercise=hour == 109))
    trace.intervals = (LoadInterval(101, 103, 2, 0.2), LoadInterval(104, 106, 2, 0.2))
    tail = trace.tail(4)
    assert (tail.start, tail.n, tail.end) == (106, 4, 110)
    assert tail.columns["value"].tolist() == [106.0, 107.0, 108.0, 109.0]
    assert tail.grades.tolist() == [0, 1, 0, 1]
    assert tail.exercise.tolist() == [False, False, False, True]
    assert tail.intervals == trace.intervals[1:]
    tail.put(HourRow(112, 1.0))
    assert (trace.n, tail.n) == (10, 7)
    assert trace.tail(1_000).n == 10
    assert (tail.room, trace.room) == (7, 10)


def test_the_room_is_what_was_planned_until_more_comes():
    trace = Trace("k", "meter", "MW", 100, 10)
    trace.put(HourRow(104, 1.0))
    assert trace.room == 10
    trace.put(HourRow(110, 1.0))
    assert trace.room == 11  # not what is kept free for later


def test_columns_are_as_long_as_the_hours_though_more_come_in_meanwhile() -> None:
    trace = Trace("1/a", "a", "", 100, 50)
    for hour in range(100, 110):
        trace.put(HourRow(hour, 1.0, lower=0.5, upper=1.5))

    class Growing(dict):  # type: ignore[type-arg]
        def __getitem__(self, name: str) -> object:
            trace.n += 1  # as another thread would, between two columns
            return super().__getitem__(name)

    trace.columns = Growing(trace.columns)
    hours, (lower, upper) = trace.windows(("lower", "upper"), 100, 149)
    assert len(hours) == len(lower) == len(upper) == 10
