from pathlib import Path

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.web.classes import OTHER
from soc_copilot.detection.web.scorer import (
    MAX_TEXT_CHARS,
    Calibration,
    ScoreCache,
    as_series,
    load,
)
from soc_copilot.detection.weights import load_model, save_model
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.paths import bundled

TEXTS = [f"/item/{i}?q={'a' * (i % 40)}" for i in range(500)] + ["/?q=<script>alert(1)</script>"]


def test_scores_do_not_depend_on_the_grouping() -> None:
    whole = load(bundled("models") / "web").scorer.logits(as_series(TEXTS))[0]
    scorer = load(bundled("models") / "web").scorer
    parts = [scorer.logits(as_series(TEXTS[i : i + 7]))[0] for i in range(0, len(TEXTS), 7)]
    np.testing.assert_allclose(whole, np.concatenate(parts), atol=1e-5)


def test_repeated_texts_take_their_score_from_the_cache() -> None:
    scorer = load(bundled("models") / "web").scorer
    scorer._seed = 1  # two texts that share a place in the cache would be scored again
    first = scorer.logits(as_series(TEXTS[:50]))
    scorer.net = None  # type: ignore[assignment] # would fail if it were asked again
    again = scorer.logits(as_series(TEXTS[:50] * 2))
    np.testing.assert_array_equal(np.concatenate([first[0]] * 2), again[0])
    np.testing.assert_array_equal(np.concatenate([first[1]] * 2), again[1])


def test_the_cache_never_mixes_up_two_texts_in_one_place() -> None:
    cache = ScoreCache()
    keys = np.array([5, 5 + (1 << 40), 5 + (2 << 40)], np.uint64)  # one first place, one second
    for i, key in enumerate(keys):
        value = np.array([i])
        cache.remember(key[None], value.astype(np.float32), value.astype(np.uint8))
    known, logits, kinds = cache.look_up(keys)
    assert known.tolist() == [True, False, True]
    assert logits[known].tolist() == [0.0, 2.0]
    assert kinds[known].tolist() == [0, 2]


def test_null_has_no_score_and_no_class() -> None:
    logits, kinds = load(bundled("models") / "web").scorer.logits(as_series([None, "/", None]))
    assert np.isnan(logits).tolist() == [True, False, True]
    assert kinds[0] == OTHER


def test_no_texts_no_scores() -> None:
    assert (
        len(load(bundled("models") / "web").scorer.logits(pl.Series([], dtype=pl.String))[0]) == 0
    )


def test_both_ends_of_a_huge_text_are_read() -> None:
    scorer = load(bundled("models") / "web").scorer
    filler = "a word and another, " * (MAX_TEXT_CHARS // 20)
    logits, _ = scorer.logits(
        as_series([filler + "<script>alert(document.cookie)</script>", filler])
    )
    assert logits[0] > logits[1] + 3


def test_calibration_is_monotonic_and_bounded() -> None:
    scores = Calibration(0.5, -1.0).score(np.array([-1e9, -1, 0, 1, 1e9], np.float32))
    assert (np.diff(scores) >= 0).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_lone_surrogates_are_replaced() -> None:
    assert as_series(["a\ud800b"]).to_list() == ["a?b"]


def test_a_card_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    tensors, card = load_model(bundled("models") / "web")
    for change in ({"classes": ["sqli"]}, {"shape": {"views": 1}}, {"thresholds": None}):
        save_model(tmp_path, tensors, {**card, **change})
        with pytest.raises(DetectorError, match="train web"):
            load(tmp_path)


def test_a_few_texts_score_as_a_column_does_and_are_remembered() -> None:
    scorer = load(bundled("models") / "web").scorer
    whole = scorer.logits(as_series(TEXTS))
    parts = [scorer.logits_of(TEXTS[i : i + 7]) for i in range(0, len(TEXTS), 7)]
    np.testing.assert_allclose(whole[0], np.concatenate([p[0] for p in parts]), atol=2e-5)
    assert whole[1].tolist() == np.concatenate([p[1] for p in parts]).tolist()
    scorer.__dict__["fast"] = None  # would fail if it were asked again
    again = scorer.logits_of(TEXTS[-5:])
    assert again[1].tolist() == whole[1][-5:].tolist()


def test_long_texts_and_half_surrogates_are_read_alike_both_ways() -> None:
    scorer = load(bundled("models") / "web").scorer
    filler = "harmless+words+" * (MAX_TEXT_CHARS // 10)
    texts = [filler + "<script>alert(document.cookie)</script>", "/a\ud800b", filler, "\u4e2d" * 9]
    whole, found = scorer.logits(as_series(texts)), scorer.logits_of(texts)
    np.testing.assert_allclose(found[0], whole[0], rtol=1e-5, atol=1e-4)
    assert found[1].tolist() == whole[1].tolist()
