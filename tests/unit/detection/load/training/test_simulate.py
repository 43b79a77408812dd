import numpy as np
import pytest

from soc_copilot.detection.load.course import joined
from soc_copilot.detection.load.detector import watch
from soc_copilot.detection.load.evidence import N_SIGNS, tables
from soc_copilot.detection.load.features import REACH, prepare
from soc_copilot.detection.load.injection import profile
from soc_copilot.detection.load.intervals import ECHO_HOURS
from soc_copilot.detection.load.templates import N_ROW
from soc_copilot.detection.load.training.simulate import (
    FIRST_HOURS,
    course_of,
    draw_all,
    errors_of,
    looks,
    signs,
)
from tests.unit.detection.load.making import MONDAY, clean


def test_drawn_attacks():
    change, attacks, labels = draw_all(3_000, np.random.default_rng(0), 250)
    assert len(attacks) > 5
    assert labels.max() == len(attacks)
    assert attacks[0].start >= FIRST_HOURS
    first = attacks[0]
    assert np.flatnonzero(labels == 1).tolist() == list(range(first.start, first.end))
    assert np.abs(np.expm1(change[labels == 1])).max() == pytest.approx(abs(first.size))
    assert (change[labels == 0] == 0).all()
    _, same, _ = draw_all(3_000, np.random.default_rng(1), 250, size=0.1)
    assert {abs(attack.size) for attack in same} == {0.1}


def test_a_change_shows_in_the_errors_as_the_base_answers(shared):
    base = shared.model.base
    ready = prepare(clean(1_500, seed=3), MONDAY)
    first, last = REACH + 600, REACH + 1_400
    change = np.zeros(800)
    change[500:530] = 0.1
    one, other = (errors_of(ready, base, first, last, c) for c in (None, change))
    moved = (other.values - one.values)[:, 0]
    assert (moved[:500] == 0).all()
    assert moved[500] == pytest.approx(0.1)
    answer = base.answers(ECHO_HOURS)
    assert moved[501] == pytest.approx(0.1 * (1 - answer[(600 + 501) % 168, 1]), abs=0.01)
    assert ready.hours[first] == one.hours[0]


def test_signs_of_a_stretch(shared):
    base, usual = shared.model.base, shared.model.usual
    ready = prepare(clean(1_500, seed=3), MONDAY)
    errors = errors_of(ready, base, REACH + 600, REACH + 900)
    answer = base.answers(ECHO_HOURS)
    found = signs(errors, usual, answer, tables(answer))
    assert found.shape == (300, N_SIGNS)
    assert np.isfinite(found).all()
    again, rows = looks(errors, usual, answer, tables(answer), {50: 48, 299: 299})
    assert np.array_equal(again.astype(np.float32), found)
    assert {at: len(row) for at, row in rows.items()} == {50: N_ROW, 299: N_ROW}
    assert np.array_equal(rows[299][:N_SIGNS], again[299])


def test_the_detector_sees_live_what_was_simulated(shared):
    values = clean(1_600, seed=4)
    change = np.zeros(1_600)
    change[1_200:1_240] = np.log1p(0.15 * profile("ramp_up_down", 40))
    live = watch(shared, values * np.exp(change), MONDAY, 168)
    ready = prepare(values, MONDAY)
    first = REACH + 168
    errors = errors_of(ready, shared.model.base, first, REACH + 1_600, change[168:])
    found = signs(errors, shared.model.usual, *shared.evidence)
    networks = shared.model.course.run(course_of(errors, found))[:, 0]
    odds = joined(shared.model.trees.logits(found).astype(np.float64), networks)
    wanted = 1 / (1 + np.exp(-odds))
    missed = np.abs(wanted - [v.score for v in live])[500:]
    assert np.median(missed) < 0.001
    assert np.mean(missed > 0.05) < 0.02
