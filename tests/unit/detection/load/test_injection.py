import numpy as np
import pytest

from soc_copilot.detection.load.injection import (
    EXERCISE,
    TEMPLATES,
    Attack,
    check,
    draw,
    inject,
    profile,
)
from soc_copilot.domain.errors import SourceError


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("n_hours", [6, 25, 72])
def test_every_template_peaks_at_one_and_never_goes_below_zero(name, n_hours):
    found = profile(name, n_hours, seed=3)
    assert found.shape == (n_hours,)
    assert found.max() == pytest.approx(1)
    assert found.min() >= 0
    assert np.array_equal(found, profile(name, n_hours, seed=3))


def test_courses():
    assert profile("scaling", 6).tolist() == [1] * 6
    assert (np.diff(profile("ramp_up", 24)) > 0).all()
    assert profile("ramp_up_down", 25).argmax() == 12
    assert profile("smooth_curve", 48)[0] < 0.01
    assert profile("pulse", 12).tolist() == [1, 1, 0, 0, 0, 0] * 2
    assert profile("seasonal", 48)[[11, 35]] == pytest.approx([1, 1], abs=0.01)
    assert 0 < (profile("point_burst", 72) > 0).sum() < 50


def test_an_attack_changes_its_hours_alone():
    values = np.full(100, 10.0)
    attack = Attack("scaling", 20, 6, -0.2)
    found, mask = inject(values, attack)
    assert np.flatnonzero(mask).tolist() == [20, 21, 22, 23, 24, 25]
    assert found[mask].tolist() == [8.0] * 6
    assert found[~mask].tolist() == [10.0] * 94
    assert values.tolist() == [10.0] * 100
    assert attack.as_record()["kind"] == EXERCISE


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (Attack("scaling", 0, 5, 0.1), "lasts"),
        (Attack("scaling", 0, 73, 0.1), "lasts"),
        (Attack("scaling", 0, 6, 0.04), "size"),
        (Attack("scaling", 0, 6, -0.6), "size"),
        (Attack("scaling", 95, 6, 0.1), "not all"),
        (Attack("scaling", -1, 6, 0.1), "not all"),
    ],
)
def test_what_cannot_be_injected(attack, message):
    with pytest.raises(SourceError, match=message):
        check(attack, 100)
    with pytest.raises(SourceError, match="no attack"):
        profile("flood", 10)


def test_drawn_attacks_fit():
    rng = np.random.default_rng(0)
    for _ in range(50):
        attack = draw(rng, 100, 300, "random", 0.1)
        assert 100 <= attack.start < attack.end <= 300
        check(attack, 300)
