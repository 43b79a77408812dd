import numpy as np
import polars as pl

from soc_copilot.detection.host.reading import ENTROPY, OPERATION, PATH, TIME
from soc_copilot.detection.host.training.baselines import (
    WINDOW,
    boosting_scores,
    fit_boosting,
    noisy_files,
    window_statistics,
)


def test_window_statistics_are_means_and_maxima_of_the_last_events():
    rows = np.random.default_rng(0).random((200, 3)).astype(np.float32)
    found = window_statistics(rows)
    for i in (0, 1, 5, 63, 64, 199):
        last = rows[max(i - WINDOW + 1, 0) : i + 1]
        assert np.allclose(found[i, :3], last.mean(0), atol=1e-5)
        assert np.array_equal(found[i, 3:], last.max(0))
    assert window_statistics(rows[:1]).shape == (1, 6)


def test_boosting_finds_what_it_was_shown(found):
    for has_windows in (False, True):
        model = fit_boosting(found, has_windows=has_windows, seed=1)
        scores = boosting_scores(model, [s.rows for s in found], has_windows=has_windows)
        harm = np.concatenate([x[s.target > 0] for s, x in zip(found, scores, strict=True)])
        work = np.concatenate([x[s.target == 0] for s, x in zip(found, scores, strict=True)])
        assert np.median(harm) > np.median(work)


def test_different_noisy_files_of_ten_seconds_are_counted():
    frame = pl.DataFrame(
        {
            TIME: [0.0, 1.0, 2.0, 3.0, 11.5, 30.0],
            OPERATION: pl.Series([1, 0, 1, 3, 1, 1], dtype=pl.UInt8),
            PATH: ["a", "b", "a", "c", "d", "e"],
            ENTROPY: [7.9, 7.9, 7.9, 7.9, 7.9, 4.0],
        }
    )
    assert noisy_files(frame).tolist() == [1, 2, 2, 2, 2, 0]
