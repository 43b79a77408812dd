"""A series that comes in row by row: history, doubled rows, parts of hours, long gaps."""

import math

import numpy as np
import pytest

from soc_copilot.detection.load.detector import Shared
from soc_copilot.detection.load.saved import load
from soc_copilot.detection.load.scoring import CONTEXT_HOURS
from soc_copilot.detection.load.watched import MOST_GAP_HOURS, Step, WatchedSeries
from soc_copilot.domain.load import HOLD_HOURS, Odd
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


def test_hours_under_suspicion_do_not_count_for_drift(shared: Shared) -> None:
    values = made(CONTEXT_HOURS + 500 + 2 * 168, seed=3)
    values[-60:-12] *= 1.5
    watched = WatchedSeries(shared)
    step = feed(watched, list(range(START, START + len(values))), values)
    first = min(one.first for one, _ in step.flagged)
    last = max(one.last for one, _ in step.flagged)
    noted = [hour for hour, _, _ in watched._errors]
    for one in watched.intervals:
        assert not [h for h in noted if one.first <= h <= one.last + HOLD_HOURS]
    assert first < START + len(values) - 50 < last
    assert watched.drift is not None
    assert not watched.drift.is_drifting
    assert step.drifted == []


def test_drift_is_the_same_after_a_restart_and_a_state_from_before_goes_on(shared: Shared) -> None:
    values = made(CONTEXT_HOURS + 2 * 168 + 110, seed=4)
    watched = WatchedSeries(shared)
    hours = list(range(START, START + len(values)))
    feed(watched, hours[:-9], values[:-9])
    again = WatchedSeries.from_kept(shared, *watched.kept())
    for one in (watched, again):
        feed(one, hours[-9:], values[-9:])
    assert watched.drift is not None
    assert again.drift == watched.drift
    facts, data = watched.kept()
    facts["errors"] = [one[1:] for one in facts["errors"]][-168:]
    del facts["noted"], facts["drift"]
    old = WatchedSeries.from_kept(shared, facts, data)
    assert old.drift is not None
    assert old.drift.mape == watched.drift.mape
