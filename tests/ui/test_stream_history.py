"""A quarter of an hour of scores for each stream, and no more, however many come."""

from datetime import UTC, datetime

import numpy as np

from soc_copilot.domain.streams import StreamEvent, StreamScore
from soc_copilot.ui.stream_history import (
    COLUMN_S,
    MOST_EVENTS,
    MOST_STREAMS,
    N_COLUMNS,
    StreamHistory,
)

NOW_S = 1_772_366_400.0  # a multiple of COLUMN_S
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def judged(score: float, stream: str = "1", n_events: int = 1) -> StreamScore:
    events = (StreamEvent(AT, "file-written", f"/a/{score}", score),) * n_events
    return StreamScore("host", stream, 1, "", AT, score, 0.8, n_events, events=events)


def test_the_highest_score_of_a_column_is_kept_and_gaps_stay_open() -> None:
    history = StreamHistory()
    history.take([judged(0.4)], NOW_S)
    history.take([judged(0.2)], NOW_S + 1)
    history.take([judged(0.9)], NOW_S + 2 * COLUMN_S)
    (record,) = history.records("host").values()
    cells = history.cells(record)
    assert np.allclose(cells[-3:], [0.4, np.nan, 0.9], equal_nan=True)
    assert np.isnan(cells[:-3]).all()
    assert (record.latest.score, record.top.score, record.n_events) == (0.9, 0.9, 3)


def test_the_highest_is_forgotten_after_a_quarter_of_an_hour() -> None:
    history = StreamHistory()
    history.take([judged(0.9)], NOW_S)
    history.take([judged(0.1)], NOW_S + 60)
    (record,) = history.records("host").values()
    assert (record.top.score, record.latest.score) == (0.9, 0.1)
    history.advance(NOW_S + N_COLUMNS * COLUMN_S)
    assert record.top.score == 0.1
    assert np.nanmax(history.cells(record)) == np.float32(0.1)
    history.advance(NOW_S + 3 * N_COLUMNS * COLUMN_S)
    assert np.isnan(history.cells(record)).all()


def test_a_clock_that_goes_back_neither_fails_nor_moves_the_strip() -> None:
    history = StreamHistory()
    history.take([judged(0.4)], NOW_S)
    history.take([judged(0.5)], NOW_S - 10)
    history.take([judged(0.6)], NOW_S - 10 * N_COLUMNS * COLUMN_S)
    (record,) = history.records("host").values()
    cells = history.cells(record)
    assert np.allclose(cells[[-1, -3]], [0.4, 0.5])
    assert np.isfinite(cells).sum() == 2
    assert record.latest_s == NOW_S


def test_streams_are_told_apart_by_detector() -> None:
    history = StreamHistory()
    history.take([judged(0.4)], NOW_S)
    assert history.records("web") == {}
    assert list(history.records("host")) == ["1"]


def test_the_stream_silent_for_longest_makes_room() -> None:
    history = StreamHistory(most=3)
    for name in "abca":
        history.take([judged(0.1, name)], NOW_S)
    history.take([judged(0.1, "d")], NOW_S)
    assert list(history.records("host")) == ["c", "a", "d"]
    assert (len(history), history.n_put_away) == (3, 1)


def test_memory_stays_small_whatever_comes() -> None:
    history = StreamHistory()
    for i in range(3_000):
        history.take([judged(0.1, f"stream {i}", 8)] * 2, NOW_S)
    assert len(history) == MOST_STREAMS
    assert all(len(r.events) <= MOST_EVENTS for r in history.records("host").values())
