import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.host.activity import HostEvent, Operation, from_events, from_frame
from soc_copilot.detection.host.blocks import checked, columns_of, frame_of, sliced
from soc_copilot.detection.host.reading import SCHEMA
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.host.making import mixed, write


def _flat(columns):
    for name in columns.__slots__:
        value = getattr(columns, name)
        if isinstance(value, tuple):
            yield from value
        elif isinstance(value, np.ndarray):
            yield value


def _same(a, b):
    return all(
        np.array_equal(x, y, equal_nan=True) for x, y in zip(_flat(a), _flat(b), strict=True)
    )


def test_events_and_their_frame_give_the_same_columns():
    events = mixed(80)
    frame = checked(frame_of(events))
    assert frame.schema == SCHEMA
    assert _same(from_frame(frame), from_events(events))
    for i in (0, 7, 79):
        assert _same(sliced(from_frame(frame), i, i + 1), columns_of(events[i])[1])


def test_a_slice_of_everything_is_the_thing_itself():
    columns = from_events(mixed(20))
    assert sliced(columns, 0, len(columns)) is columns
    assert len(sliced(columns, 3, 9)) == 6


ODD = {"size": math.inf, "previous_size": -1.0, "entropy": 8.5, "previous_entropy": -math.inf}


def test_numbers_that_cannot_be_count_as_unknown():
    event = replace(write(0, "/a.txt", 0), **ODD)
    plain = replace(event, **dict.fromkeys(ODD, math.nan))
    assert _same(columns_of(event)[1], from_events([plain]))
    assert _same(from_frame(checked(frame_of([event]))), from_events([plain]))


def test_lone_surrogates_become_question_marks_in_both_forms():
    event = replace(write(0, "/a\udcff.txt", 0), user="\ud800")
    own, columns = columns_of(event)
    assert (own.path, own.user) == ("/a?.txt", "?")
    assert _same(from_frame(checked(frame_of([event]))), columns)


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_an_event_without_a_time_is_refused(time):
    event = HostEvent("e7", time, Operation.WRITE, "/a")
    for check in (lambda: columns_of(event), lambda: checked(frame_of([write(0, "/", 0), event]))):
        with pytest.raises(DetectorError, match='"e7" has no time'):
            check()


@pytest.mark.parametrize("operation", [6, 250])
def test_an_unknown_operation_is_refused(operation):
    event = HostEvent("e7", 1.0, operation, "/a")
    for check in (lambda: columns_of(event), lambda: checked(frame_of([event]))):
        with pytest.raises(DetectorError, match='"e7" has an unknown operation'):
            check()


@pytest.mark.parametrize(
    "more", [{"timestamp": "now"}, {"path": None}, {"operation": "write"}, {"size": "big"}]
)
def test_fields_of_another_type_are_refused(more):
    event = replace(write(0, "/a", 0), **more)
    with pytest.raises(DetectorError, match="HostEvent"):
        columns_of(event)
    with pytest.raises(DetectorError, match="HostEvent"):
        frame_of([event])


def test_what_a_frame_lacks_is_unknown_but_for_what_is_needed():
    frame = pl.DataFrame({"time": [1.0], "operation": [1], "path": ["/a"]})
    found = checked(frame)
    assert found.schema == SCHEMA
    assert math.isnan(found["size"][0])
    assert found["stream"][0] == ""
    assert not found["is_folder"][0]
    with pytest.raises(DetectorError, match="lack time"):
        checked(frame.drop("time"))
    with pytest.raises(DetectorError, match="wrong type"):
        checked(frame.with_columns(time=pl.lit("soon")))
    with pytest.raises(DetectorError, match="has no time"):
        checked(frame.with_columns(time=pl.lit(None, pl.Float64)))


def test_nulls_are_unknown():
    frame = frame_of([write(0, "/a", 0)]).with_columns(
        pl.lit(None, pl.Float64).alias("size"), pl.lit(None, pl.String).alias("user")
    )
    found = checked(frame)
    assert math.isnan(found["size"][0])
    assert found["user"][0] == ""
