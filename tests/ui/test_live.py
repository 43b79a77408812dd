"""The live numbers stay in fixed memory and say what was stored."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from soc_copilot.domain.streams import StreamScore
from soc_copilot.domain.summary import BatchSummary, SourceStats
from soc_copilot.domain.web import WebStanding
from soc_copilot.ui.live import EVENTS, Live, events_key
from soc_copilot.ui.plots.history import History, reduce_points
from soc_copilot.ui.units import count_text, seconds_text, size_text


def summary(second: int, n_events: int, latency_ms: float = 200.0) -> BatchSummary:
    stats = SourceStats(1, "web", n_events, 0, 0.1, "live")
    return BatchSummary(
        1, second * 1_000_000_000, n_events, n_events, 0, (0, 0, 0, 1, 0), 0,
        np.full(4, latency_ms, np.float32), (stats,), (),
        {"web": np.ones(20, np.int64)},
    )  # fmt: skip


def test_history_forgets_what_falls_out_and_shows_gaps() -> None:
    history = History(span_s=10)
    history.put("a", 100, 1.0)
    history.put("a", 103, 2.0)
    seconds, values = history.window("a", 0, 200)
    assert seconds.tolist() == list(range(94, 104))
    assert np.isnan(values[7])
    assert values[-1] == 2.0
    history.advance(200)
    assert np.isnan(history.window("a", 0, 200)[1]).all()
    history.put("a", 150, 1.0)  # too old
    assert np.isnan(history.window("a", 0, 200)[1]).all()


def test_history_refuses_series_beyond_its_bound() -> None:
    history = History(span_s=10, max_series=1)
    history.put("a", 1, 1.0)
    history.put("b", 1, 1.0)
    assert history.keys == ("a",)
    assert history.n_refused == 1


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=400), st.integers(1, 50))
def test_reduction_keeps_extremes_within_two_points_per_pixel(
    values: list[float], pixels: int
) -> None:
    y = np.array(values)
    _, shown = reduce_points(np.arange(len(y), dtype=float), y, pixels)
    assert len(shown) <= 2 * pixels
    assert shown.max() == y.max()
    assert shown.min() == y.min()


def test_rates_latency_and_scores_come_from_the_summaries(qtbot: QtBot) -> None:
    now = [1_000.0]
    live = Live(now=lambda: now[0])
    for second in range(990, 1_001):
        now[0] = float(second)
        live.on_summaries([summary(second, 50)])
    assert live.rate() == 50.0
    assert live.rate(1) == 50.0
    assert live.latency_ms() == (200.0, 200.0)
    assert live.scores(980, 1_000)["web"].tolist() == [11] * 20
    assert live.history.latest(events_key(1), 3).tolist() == [50.0] * 3
    now[0] = 1_200.0
    live.tick()
    assert live.rate() == 0.0
    assert live.latency_ms() is None


def test_a_late_batch_is_spread_over_the_seconds_it_took(qtbot: QtBot) -> None:
    live = Live(now=lambda: 105.0)
    live.on_summaries([summary(100, 10), summary(105, 50)])
    assert live.history.window(EVENTS, 100, 105)[1].tolist() == [10.0, *[10.0] * 5]


def test_figures_are_written_for_people() -> None:
    assert [seconds_text(ms) for ms in (38, 210, 1_500, 14_000, 180_000)] == [
        "38 ms", "0.21 s", "1.5 s", "14 s", "3 min",
    ]  # fmt: skip
    assert size_text(84_000_000) == "84 MB"
    assert [count_text(v) for v in (950, 12_000, 1_200_000)] == ["950", "12k", "1.2M"]


def test_how_streams_are_judged_is_kept_and_moves_on_with_the_clock(qtbot: QtBot) -> None:
    now = [1_772_366_400.0]
    live = Live(now=lambda: now[0])
    at = datetime.fromtimestamp(now[0], UTC)
    judged = StreamScore("host", "1/web", 1, "web", at, 0.9, 0.8, 5)
    live.on_summaries([replace(summary(int(now[0]), 5), streams=(judged,))])
    assert live.streams.records("host")["1/web"].top is judged
    now[0] += 3_600
    live.tick()
    assert live.streams.records("host")["1/web"].is_silent


def test_how_web_requests_are_judged_is_kept_and_moves_on_with_the_clock(qtbot: QtBot) -> None:
    now = [1_772_366_400.0]
    live = Live(now=lambda: now[0])
    live.on_summaries([replace(summary(int(now[0]), 5), web=(WebStanding(5),))])
    assert live.web.n_requests == 5
    now[0] += 3_600
    live.tick()
    assert live.web.n_requests == 0
