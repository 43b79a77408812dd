"""A replay of a file: the same hours at any speed, after going back and forth, with exercises."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from soc_copilot.detection.load.detector import Shared
from soc_copilot.detection.load.drift import AFTER_HOURS
from soc_copilot.detection.load.saved import load
from soc_copilot.detection.load.series import clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.paths import bundled
from soc_copilot.pipeline.bench_load import made
from soc_copilot.pipeline.load_replay import LoadReplay, Opened, open_series

HOURS = 168 + 400
START = 412_000
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def shared() -> Shared:
    return Shared(load(bundled("models") / "load"))


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    path = tmp_path / "meter.csv"
    values = made(HOURS, seed=5)
    rows = [f"{clock(START + i)},{v}" for i, v in enumerate(values) if i != 300]
    path.write_text("time,value\n" + "\n".join(rows) + "\n")
    return open_series(path, unit="MW")


@pytest.fixture
def play(opened: Opened, shared: Shared) -> Iterator[Callable[..., LoadReplay]]:
    replays: list[LoadReplay] = []

    def started(speed: float = 0.0, *, paused: bool = False) -> LoadReplay:
        replay = LoadReplay(opened, lambda: shared, speed)
        replays.append(replay)
        if paused:
            replay.pause()
        replay.start()
        return replay

    yield started
    for replay in replays:
        assert replay.stop()


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def forecasts(replay: LoadReplay) -> np.ndarray:
    return replay.trace.columns["forecast"][: replay.trace.n].copy()


def test_going_back_and_forth_changes_nothing(play: Callable[..., LoadReplay]) -> None:
    straight = play()
    wait(lambda: straight.is_over)
    assert straight.error == ""
    assert straight.trace.n == HOURS
    assert straight.progress == 1.0
    assert straight.figures is not None
    assert straight.figures.n_hours == HOURS - straight.opened.context
    other = play(1.0, paused=True)
    first = other.trace.start
    other.seek(first + 400)
    wait(lambda: other.trace.n == 400)
    wait(lambda: other.figures is not None and other.figures.n_hours == 400 - 168)
    other.seek(first + 250)
    wait(lambda: other.trace.n == 250)
    other.resume()
    other.set_speed(0.0)
    wait(lambda: other.is_over)
    np.testing.assert_array_equal(forecasts(straight), forecasts(other))


def test_where_it_hurries_to_is_known_at_once(play: Callable[..., LoadReplay]) -> None:
    replay = play(1.0, paused=True)
    first, whole = replay.trace.start, HOURS - replay.opened.context
    for hour in (500, 200, 450):  # each from where the one before leads, however far that is
        replay.seek(first + hour)
        assert replay.target == first + hour
        assert replay.place == (hour - replay.opened.context) / whole
    replay.inject("scaling", 0.3, first + 220, 24)  # judged anew, on the way there
    assert replay.target == first + 450
    wait(lambda: replay.trace.n >= 450)
    assert (replay.target, replay.progress) == (first + 450, replay.place)
    replay.clear()
    assert replay.target == first + 450
    wait(lambda: not replay._wake.is_set() and replay._row >= replay._until)
    assert replay.trace.end == first + 450
    assert not any(one.is_exercise for one in replay.trace.intervals)
    replay.set_speed(0.0)
    replay.resume()
    wait(lambda: replay.is_over)
    assert (replay.target, replay.place) == (first + HOURS, 1.0)


def test_a_missing_hour_is_told(play: Callable[..., LoadReplay]) -> None:
    replay = play()
    wait(lambda: replay.is_over)
    assert np.flatnonzero(replay.trace.odds).tolist() == [300]


def test_an_exercise_is_marked_and_can_be_taken_out(play: Callable[..., LoadReplay]) -> None:
    replay = play()
    wait(lambda: replay.is_over)
    before, clean = forecasts(replay), replay.trace.columns["value"].copy()
    n_before = len(replay.trace.intervals)
    replay.inject("scaling", 0.5, replay.trace.start + 400, 24)
    wait(lambda: replay.is_over and bool(replay.trace.exercise[400]))
    trace = replay.trace
    np.testing.assert_allclose(trace.columns["value"][400:424], clean[400:424] * 1.5)
    assert np.flatnonzero(trace.exercise).tolist() == list(range(400, 424))
    (found,) = [one for one in trace.intervals if one.is_exercise]
    assert found.first <= trace.start + 402
    assert found.severity >= 1
    assert found.words
    replay.clear()
    wait(lambda: replay.is_over and not replay.trace.exercise.any() and replay.trace.n == HOURS)
    np.testing.assert_array_equal(forecasts(replay), before)
    assert len(replay.trace.intervals) == n_before


def test_what_an_exercise_leads_to_is_marked_for_a_day(play: Callable[..., LoadReplay]) -> None:
    replay = play(paused=True)
    start = replay.trace.start
    replay.inject("scaling", 0.2, start + 300, 24)
    marked = replay._is_of_exercise
    assert marked(290, 300)
    assert marked(310, 311)  # also where its course is at zero
    assert marked(324, 326)  # its end looks like a change the other way
    assert not marked(290, 299)
    assert not marked(324 + AFTER_HOURS, 400)


def test_an_exercise_is_no_drift(tmp_path: Path, shared: Shared) -> None:
    path, n = tmp_path / "longer.csv", 168 + 600
    rows = [f"{clock(START + i)},{v}" for i, v in enumerate(made(n, seed=5))]
    path.write_text("time,value\n" + "\n".join(rows) + "\n")
    replay = LoadReplay(open_series(path), lambda: shared)
    replay.start()
    wait(lambda: replay.is_over)
    assert replay.figures is not None
    clean = replay.figures.drift
    replay.inject("random", 0.5, replay.trace.start + n - 40, 36)
    wait(lambda: replay.is_over and bool(replay.trace.exercise[n - 38]))
    trace = replay.trace
    value, forecast = (trace.columns[name][n - 168 : n] for name in ("value", "forecast"))
    found = replay.figures.drift
    assert clean is not None
    assert found is not None
    off = float((np.abs(forecast - value) / value).mean())
    assert off > 2 * clean.baseline_mape  # as it would be called drifting
    assert not found.is_drifting
    assert found.ratio < 1.1 * clean.ratio
    assert replay.stop()


def test_what_cannot_be_injected_is_said(play: Callable[..., LoadReplay]) -> None:
    replay = play(paused=True)
    with pytest.raises(SourceError, match="lasts"):
        replay.inject("scaling", 0.2, replay.trace.start + 400, 500)
    with pytest.raises(SourceError, match="history"):
        replay.inject("scaling", 0.2, replay.trace.start + 5, 24)
    assert replay.attacks == ()


def test_a_replay_that_cannot_start_says_why(opened: Opened) -> None:
    def broken() -> Shared:
        raise SourceError("No model.")

    replay = LoadReplay(opened, broken)
    replay.start()
    wait(lambda: replay.is_over)
    assert replay.error == "No model."
    assert replay.stop()


def test_a_short_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,value\n2017-01-01 00:00,5\n2017-01-01 01:00,6\n")
    with pytest.raises(SourceError, match="first week"):
        open_series(path)
