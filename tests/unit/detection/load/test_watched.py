"""A series that comes in row by row: history, doubled rows, parts of hours, long gaps."""

import math

import numpy as np
import pytest

from soc_copilot.detection.load.detector import Shared
from soc_copilot.detection.load.saved import load
from soc_copilot.detection.load.scoring import CONTEXT_HOURS
from soc_copilot.detection.load.watched import MOST_GAP_HOURS, Step, WatchedSeries
from soc_copilot.domain.load import Odd
from soc_copilot.domain.paths import bundled
from soc_copilot.pipeline.bench_load import made

START = 412_000


@pytest.fixture(scope="module")
def shared() -> Shared:
    return Shared(load(bundled("models") / "load"))


def feed(watched: WatchedSeries, hours: list[int], values: np.ndarray) -> Step:
    step = Step()
    for place, (hour, value) in enumerate(zip(hours, values, strict=True)):
        watched.take(hour, float(value), place, step)
    return step


def test_history_is_kept_then_each_hour_is_judged_at_once(shared: Shared) -> None:
    values = made(CONTEXT_HOURS + 10)
    watched = WatchedSeries(shared)
    step = feed(watched, list(range(START, START + len(values))), values)
    judged = [row for row in step.rows if math.isfinite(row.forecast)]
    assert [row.hour for row in step.rows] == list(range(START, START + len(values)))
    assert judged[-1].hour == START + len(values) - 1
    facts, data = watched.kept()
    again = WatchedSeries.from_kept(shared, facts, data)
    assert again.kept()[0] == facts


def test_several_rows_an_hour_become_their_mean(shared: Shared) -> None:
    values = made(CONTEXT_HOURS + 4)
    hours = [START + i for i in range(len(values)) for _ in range(2)]
    halves = np.repeat(values, 2) * np.tile([0.9, 1.1], len(values))
    step = feed(WatchedSeries(shared), hours, halves)
    np.testing.assert_allclose([row.value for row in step.rows], values[:-1])
    assert step.odd == []


def test_a_row_of_the_past_is_told_and_a_long_gap_begins_anew(shared: Shared) -> None:
    values = made(CONTEXT_HOURS + 4)
    watched = WatchedSeries(shared)
    feed(watched, list(range(START, START + len(values))), values)
    late = feed(watched, [START + 3], values[:1])
    assert [row.odd for row, _ in late.odd] == [Odd.DUPLICATE]
    assert late.rows == []
    far = feed(watched, [START + len(values) + MOST_GAP_HOURS], values[:1])
    assert far.rows == []
    assert watched.kept()[1] == b""


def test_a_history_without_numbers_waits(shared: Shared) -> None:
    hours = list(range(START, START + CONTEXT_HOURS + 50))
    step = feed(WatchedSeries(shared), hours, np.full(len(hours), math.nan))
    assert not any(math.isfinite(row.forecast) for row in step.rows)
