import numpy as np
import pytest

from soc_copilot.detection.phishing.visual.compare import (
    FEATURES,
    Rule,
    Seen,
    features,
    gallery_of,
)


def unit(*places: int) -> np.ndarray:
    """Directions along single axes of four."""
    return np.eye(4, dtype=np.float32)[list(places)]


def seen(look: int, logos: tuple[int, ...] = (), sure: tuple[float, ...] = ()) -> Seen:
    return Seen(unit(look)[0], unit(*logos), np.array(sure, np.float32))


def test_the_most_alike_logos_of_each_picture_count() -> None:
    gallery = gallery_of([seen(0, (0, 1), (0.9, 0.5)), seen(1), seen(2, (2,), (0.9,))])
    found = features(gallery, seen(0, (1, 3), (0.8, 0.4)))
    named = dict(zip(FEATURES, found.T, strict=True))
    assert named["logo"].tolist() == [1.0, 0.0, 0.0]
    assert named["sure"].tolist() == pytest.approx([0.8, 0.0, 0.8])
    assert named["look"].tolist() == [1.0, 0.0, 0.0]
    assert named["shown"].tolist() == pytest.approx([0.8] * 3)
    assert named["logo_sure"].tolist() == pytest.approx([0.8, 0.0, 0.0])
    assert named["look_bare"].tolist() == pytest.approx([0.2, 0.0, 0.0])
    assert named["both"].tolist() == [1.0, 0.0, 0.0]


def test_a_page_without_a_logo_has_its_look_alone() -> None:
    gallery = gallery_of([seen(0, (0,), (0.9,))])
    named = dict(zip(FEATURES, features(gallery, seen(0))[0], strict=True))
    assert (named["logo"], named["sure"], named["shown"]) == (0.0, 0.0, 0.0)
    assert named["look_bare"] == named["look"] == 1.0


def test_an_unlikely_logo_counts_less_than_a_likely_one() -> None:
    half = np.array([[0.8, 0.6, 0.0, 0.0]], np.float32)
    asked = Seen(unit(0)[0], np.concatenate([half, unit(0)]), np.array([0.9, 0.1], np.float32))
    named = dict(
        zip(FEATURES, features(gallery_of([seen(0, (0,), (1.0,))]), asked)[0], strict=True)
    )
    assert named["logo"] == pytest.approx(0.8)
    assert named["sure"] == pytest.approx(0.9)


def test_the_rule_is_logistic() -> None:
    rule = Rule((2.0, *(0.0,) * 6), -1.0)
    rows = np.zeros((3, 7), np.float32)
    rows[:, 0] = (0.5, 1.0, 1e6)
    assert rule.scores(rows).tolist() == pytest.approx([0.5, 1 / (1 + np.exp(-1)), 1.0])
