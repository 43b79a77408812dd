from dataclasses import replace

import numpy as np
import pytest

from soc_copilot.detection.phishing.visual.compare import (
    FEATURES,
    Rule,
    Seen,
    compare,
    gallery_of,
)


def unit(*places: int) -> np.ndarray:
    """Directions along single axes of four."""
    return np.eye(4, dtype=np.float32)[list(places)]


def seen(
    look: int,
    logos: tuple[int, ...] = (),
    sure: tuple[float, ...] = (),
    parts: tuple[int, ...] | None = None,
    places: tuple[int, ...] | None = None,
) -> Seen:
    n = len(logos)
    return Seen(
        unit(look)[0],
        unit(*logos),
        np.array(sure, np.float32),
        np.array(parts if parts is not None else (0,) * n, np.int8),
        np.array(places if places is not None else range(n), np.int8),
    )


def test_the_most_alike_logos_of_each_picture_count() -> None:
    gallery = gallery_of([seen(0, (0, 1), (0.9, 0.4)), seen(1), seen(2, (2,), (0.9,))])
    found = compare(gallery, seen(0, (1, 3), (0.8, 0.4)))
    assert found.look.tolist() == [1.0, 0.0, 0.0]
    assert found.logo.tolist() == [[0.0, 0.0, 0.0]] * 3  # its surest is another
    assert found.logo_sure[0].tolist() == pytest.approx([0.8, 0.0, 0.8])
    assert not found.logo_sure[1:].any()
    assert found.pair.tolist() == [1.0, 0.0, 0.0]
    assert found.pair_sure.tolist() == pytest.approx([(0.4 * 0.8) ** 0.5, 0.0, (0.9 * 0.8) ** 0.5])
    assert found.cover.tolist() == pytest.approx([0.4 / 1.3, 0.0, 0.0])
    assert found.shown.tolist() == pytest.approx([0.8] * 3)


def test_features_are_what_their_names_say() -> None:
    found = compare(gallery_of([seen(0, (0,), (0.9,))]), seen(0, (0,), (0.4,)))
    named = dict(zip(FEATURES, found.features()[0].tolist(), strict=True))
    both = (0.9 * 0.4) ** 0.5
    assert named == pytest.approx(
        {"look": 1.0, "cover": 1.0, "shown": 0.4, "look_bare": 0.6, "look_near": 0.2,
         "look_nearest": 0.1, "look_near_bare": 0.2 * 0.6, "copy": 0.3 * 0.2, "pair": both,
         "pair_near": 0.3 * both, "whole": 0.4, "whole_near": 0.3 * 0.4, "mark": 0.0,
         "mark_near": 0.0, "word": 0.0, "word_near": 0.0},
        abs=1e-5,
    )  # fmt: skip


def test_a_page_without_a_logo_has_its_look_alone() -> None:
    for gallery in (gallery_of([seen(0, (0,), (0.9,))]), gallery_of([seen(0)])):
        found = compare(gallery, seen(0))
        named = dict(zip(FEATURES, found.features()[0].tolist(), strict=True))
        assert {name for name, value in named.items() if value} == {
            "look", "look_bare", "look_near", "look_nearest", "look_near_bare"
        }  # fmt: skip


def test_an_unlikely_logo_counts_less_than_a_likely_one() -> None:
    half = np.array([[0.8, 0.6, 0.0, 0.0]], np.float32)
    asked = replace(seen(0, (0, 0), (0.9, 0.1)), logos=np.concatenate([half, unit(0)]))
    found = compare(gallery_of([seen(0, (0,), (1.0,))]), asked)
    assert found.logo[0, 0] == pytest.approx(0.8)
    assert found.logo_sure[0, 0] == pytest.approx(0.9)


def test_a_word_alone_is_found_in_a_logo_that_has_a_mark_too() -> None:
    known = seen(0, (0, 1, 2, 3), (0.9, 0.9, 0.9, 0.4), (0, 1, 2, 0), (1, 1, 1, 2))
    found = compare(gallery_of([known]), seen(3, (2,), (0.8,)))
    assert found.logo.T.tolist() == [[0.0, 0.0, 1.0]]  # whole, mark, word
    assert found.cover.tolist() == [0.0]
    other = compare(gallery_of([known]), seen(3, (3,), (0.8,)))
    assert not other.logo.any()  # what it is like is not the reference's surest
    assert other.pair.tolist() == [1.0]


def test_the_rule_is_logistic() -> None:
    rule = Rule((2.0, *(0.0,) * (len(FEATURES) - 1)), -1.0)
    rows = np.zeros((3, len(FEATURES)), np.float32)
    rows[:, 0] = (0.5, 1.0, 1e6)
    assert rule.scores(rows).tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-1)), 1.0])
