import math

import numpy as np
import pytest

from soc_copilot.detection.load.scoring import score
from soc_copilot.detection.load.series import from_rows
from soc_copilot.domain.errors import SourceError
from tests.unit.detection.load.making import MONDAY, clean


def made(hours, values):
    return from_rows("a", [(MONDAY + 1 + h) * 3600 for h in hours], np.asarray(values))


def test_every_hour_has_its_line(shared):
    values, hours = clean(900, seed=21), list(range(900))
    series = made(hours, values)
    lines = list(score(series, shared, series.start + 700))
    assert len(lines) == 200
    assert [line["value"] for line in lines] == pytest.approx(values[700:], abs=1e-5)
    assert lines[0]["timestamp"] == "2002-02-05 05:00"
    assert len(list(score(series, shared))) == 900 - 504


def test_missing_and_doubled_hours_are_told(shared):
    values, hours = clean(800, seed=22), list(range(800))
    del hours[750:753]
    hours.insert(720, hours[720])
    series = made(hours, [values[h] for h in hours])
    lines = list(score(series, shared, series.start + 700))
    events = [line["event"] for line in lines]
    assert len(lines) == 101
    assert events[21] == "duplicate"
    assert [i for i, e in enumerate(events) if e == "missing"] == [51, 52, 53]
    assert all(math.isfinite(line["forecast"]) for line in lines)


def test_what_cannot_be_judged(shared):
    series = made(range(400), clean(400))
    for first in (series.start + 100, series.start + 400, series.start - 1):
        with pytest.raises(SourceError, match="hours can be judged"):
            list(score(series, shared, first))
