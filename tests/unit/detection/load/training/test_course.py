import numpy as np
import pytest

from soc_copilot.detection.load.course import N_INPUTS
from soc_copilot.detection.load.training.course import (
    PIECE_HOURS,
    CourseRecipe,
    Lesson,
    _batches,
    _pace,
    _pieces,
    fit_course,
)


def lesson(n, rng):
    """Hours under attack are those with a high first input; the second says which."""
    rows = rng.normal(0, 0.3, (n, N_INPUTS)).astype(np.float32)
    kinds = np.full(n, -1)
    for at in range(150, n - 40, 120):
        kinds[at : at + 30] = rng.integers(2)
    rows[:, 0] += 2.0 * (kinds >= 0)
    rows[:, 1] += 2.0 * (kinds == 1)
    return Lesson(rows, kinds, np.ones(n, np.float32))


def test_it_learns_what_is_there():
    recipe = CourseRecipe(
        n_nets=2, n_turns=3, epochs=4, width=8, hidden=8, batch=4, chunk_hours=250, rate=0.01
    )
    course = fit_course(lambda rng: [lesson(9_000, rng), lesson(5_000, rng)], recipe, 0)
    unseen = lesson(3_000, np.random.default_rng(99))
    outputs = course.run(unseen.rows)[200:]
    found = outputs[:, 0]
    kinds = unseen.kinds[200:]
    assert found[kinds >= 0].mean() > found[kinds < 0].mean() + 3
    named = outputs[kinds >= 0, 1:].argmax(1) == kinds[kinds >= 0]
    assert named.mean() > 0.8


def test_nothing_to_learn_is_no_network():
    with pytest.raises(ValueError, match="nothing to learn"):
        fit_course(lambda _: [], CourseRecipe(n_turns=0), 0)


def test_pieces_have_one_length():
    rng = np.random.default_rng(0)
    found = _pieces([lesson(9_000, rng), lesson(500, rng)])
    assert found.rows.shape == (3, PIECE_HOURS, N_INPUTS)
    assert found.weights[2, 499] == 1
    assert not found.weights[2, 500:].any()
    assert not found.weights[:, :100].any()
    assert (found.kinds[2, 500:] == -1).all()


def test_every_hour_of_a_batch_comes_in_order():
    recipe = CourseRecipe(batch=2, chunk_hours=500)
    found = _batches(5, recipe, np.random.default_rng(0))
    assert [part.start for _, part in found] == list(range(0, PIECE_HOURS, 500)) * 2
    assert len({int(i) for some, _ in found for i in some}) == 4


def test_the_pace_rises_and_falls():
    paces = [_pace(step, 1_000) for step in (0, 30, 60, 500, 999)]
    assert paces[0] < paces[1] < paces[2]
    assert paces[2] > paces[3] > paces[4] > 0
