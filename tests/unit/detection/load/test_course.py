import numpy as np
import pytest
import torch

from soc_copilot.detection.load.course import (
    LIMIT,
    N_BESIDE,
    N_INPUTS,
    N_KEPT,
    N_OUTPUTS,
    course_rows,
    from_arrays,
    side_by_side,
)
from soc_copilot.detection.load.days import COLUMNS
from soc_copilot.detection.load.evidence import N_SIGNS, NAMES
from soc_copilot.detection.load.training.course import CourseNet, CourseRecipe, _finished

N = 200


@pytest.fixture(scope="module")
def made():
    torch.manual_seed(0)
    nets = [CourseNet(CourseRecipe(width=8, hidden=8)).eval() for _ in range(2)]
    norm = np.full(N_INPUTS, 0.1, np.float32), np.full(N_INPUTS, 0.7, np.float32)
    return nets, norm, side_by_side([_finished(net.state_dict(), norm) for net in nets])


@pytest.fixture(scope="module")
def hours():
    rng = np.random.default_rng(0)
    signs = rng.normal(0, 2, (N, N_SIGNS))
    errors = rng.normal(0, 0.01, (N, 2))
    known = rng.uniform(size=N) < 0.9
    days = rng.integers(0, 2, (N, len(COLUMNS))).astype(np.float64)
    return errors, known, np.arange(N) % 168, days, signs


def test_streamed_as_at_once_and_as_in_torch(made, hours):
    nets, norm, course = made
    rows = course_rows(*hours)
    whole = course.run(rows)
    memory = np.zeros((3, N_KEPT)), course.new_state()
    room = np.zeros(N_INPUTS, np.float32), np.zeros(N_OUTPUTS)
    for at in range(N):
        odds = course.step(*(part[at] for part in hours), memory, room)
        assert odds == whole[at, 0]
        assert (room[1] == whole[at]).all()
    with torch.no_grad():
        seen = torch.from_numpy(np.clip((rows - norm[0]) * norm[1], -LIMIT, LIMIT))[None]
        found = np.mean([net(seen)[0][0].numpy() for net in nets], 0)
    assert np.abs(found - whole).max() < 1e-5


def test_what_it_reads(hours):
    errors, known, week_hours, days, signs = hours
    rows = course_rows(*hours)
    assert np.isfinite(rows).all()
    of = {name: rows[:, k] for k, name in enumerate(NAMES)}
    was = {name: signs[:, k] for k, name in enumerate(NAMES)}
    z = was["step_z_0"]
    assert of["step_z_0"] == pytest.approx(np.sign(z) * np.log1p(np.abs(z)), rel=1e-5)
    assert of["best_age"] == pytest.approx(was["best_age"] / 24, rel=1e-5)
    assert of["step_size_3"] == pytest.approx(was["step_size_3"] * 8, rel=1e-5)
    assert of["size_24"] == pytest.approx(np.log(np.maximum(was["size_24"], 0.05)), rel=1e-5)
    sign = rows[:, N_SIGNS + 2]
    assert (sign == np.where(errors[:, 0] * was["error_0"] >= 0, 1, -1)).all()
    assert (rows[:, N_SIGNS + 5] == known).all()
    assert (rows[:, N_SIGNS + N_BESIDE :] == days).all()
    turn = 2 * np.pi * (week_hours % 24) / 24
    assert rows[:, N_SIGNS + 6] == pytest.approx(np.sin(turn), abs=1e-6)


def test_wild_signs_stay_numbers(made, hours):
    errors, known, week_hours, days, signs = hours
    rows = course_rows(errors * 1e9, known, week_hours, days, signs * 1e9 - 1)
    found = made[2].run(np.clip(rows, -1e30, 1e30))
    assert np.isfinite(found).all()


def test_kept_and_read_again(made, hours):
    course = made[2]
    again = from_arrays(course.tensors())
    rows = course_rows(*hours)
    assert (again.run(rows) == course.run(rows)).all()
    with pytest.raises(ValueError, match="another shape"):
        from_arrays(course.tensors() | {"bias": np.zeros(3, np.float32)})


def test_what_it_reads_of_the_days_before(hours):
    errors, _, _, _, signs = hours
    rows = course_rows(*hours)[:, N_SIGNS:]
    z = errors / np.exp(signs[:, [NAMES.index("scale"), NAMES.index("day_scale")]])
    z = np.clip(z, -20, 20)
    at = N - 1
    assert rows[at, 10:14] == pytest.approx(
        [z[at - 24, 0] / 3, z[at - 24, 1] / 3, z[at - 48, 0] / 3, z[at - 48, 1] / 3], rel=1e-5
    )
    assert rows[at, 14] == pytest.approx(z[at - 47 :, 1].mean(), rel=1e-4)
    assert rows[at, 19] == pytest.approx(8 * errors[at - 167 :, 0].sum(), rel=1e-4)
    assert not rows[:24, 10:12].any()
