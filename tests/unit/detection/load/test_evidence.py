import numpy as np
import pytest

from soc_copilot.detection.load.days import COLUMNS, HOLIDAY, calendar
from soc_copilot.detection.load.evidence import (
    N_AROUND,
    N_SIGNS,
    N_STARTS,
    NAMES,
    begun,
    gather,
    gather_all,
    new_state,
    surroundings,
    surroundings_all,
    tables,
)
from soc_copilot.detection.load.series import hour_of


@pytest.fixture(scope="module")
def answer():
    found = np.zeros((168, 121))
    found[:, 1], found[:, 24], found[:, 25] = 0.9, 0.5, -0.45  # a forecast that swallows steps
    return found


def run(errors, answer, usual=0.01):
    n = len(errors)
    out, (sums, rings) = np.empty((n, N_SIGNS)), new_state()
    both, sizes = np.stack([errors, np.zeros(n)], 1), np.full((n, 2), usual)
    gather_all(
        0, n, both, sizes, np.ones(n, bool), np.arange(n) % 168, np.zeros((n, N_AROUND)),
        (answer, tables(answer)), (sums, rings), out,
    )  # fmt: skip
    return {name: out[:, i] for i, name in enumerate(NAMES)}


def errors_of(change, answer, seed=0):
    rng = np.random.default_rng(seed)
    errors = 0.008 * rng.normal(size=len(change)) + change
    for lag in range(1, 121):
        errors[lag:] -= answer[0, lag] * change[:-lag]
    return errors


def test_tables_are_the_errors_that_a_change_leads_to(answer):
    found = tables(answer)
    assert found[0, 5, :3] == pytest.approx([1, 0.1, 0.1])
    assert found[1, 5, :3] == pytest.approx([1, 2 - 0.9, 3 - 1.8])
    assert found.shape[1:] == (168, N_STARTS)


def test_a_steps_size_and_age_are_found(answer):
    change = np.zeros(500)
    change[400:] = 0.1
    found = run(errors_of(change, answer), answer)
    assert found["best_age"][420] == 20
    assert found["step_size_12"][420] == pytest.approx(0.1, abs=0.02)
    assert found["step_z_12"][420] > 6
    assert abs(found["step_z_12"][380]) < 4
    assert found["track"][405] == pytest.approx(0.1, abs=0.03)
    assert found["track_age"][420] == 20


def test_an_end_is_found(answer):
    change = np.zeros(500)
    change[400:430] = 0.15
    found = run(errors_of(change, answer), answer)
    assert found["ended_gain"][425] < 6
    assert found["ended_gain"][432] > 20
    assert found["ended_age"][432] == 2
    assert found["track"][432] == 0


def test_a_bump_is_a_bump(answer):
    change = np.zeros(500)
    change[400:448] = 0.3 * np.sin(np.pi * (np.arange(48) + 0.5) / 48) ** 2
    found = run(errors_of(change, answer), answer)
    assert found["bump_z_48"][440] > 5
    assert found["bump_size_48"][440] == pytest.approx(0.3, abs=0.1)


def test_signs_have_no_direction(answer):
    change = np.zeros(300)
    change[250:] = 0.1
    errors = errors_of(change, answer)
    up, down = run(errors, answer), run(-errors, answer)
    for name in NAMES:
        assert up[name] == pytest.approx(down[name], abs=1e-9), name


def test_hour_by_hour_is_the_same_as_all_at_once(answer):
    errors = errors_of(np.zeros(100), answer)
    whole = run(errors, answer)
    (sums, rings), out, shapes = new_state(), np.empty(N_SIGNS), tables(answer)
    for at, error in enumerate(errors):
        gather(
            at, np.array([error, 0.0]), np.full(2, 0.01), True, at % 168, np.zeros(N_AROUND),
            (answer, shapes), (sums, rings), out,
        )  # fmt: skip
        assert out.tolist() == [whole[name][at] for name in NAMES]


def test_scales_follow_the_series_but_not_its_attacks(answer):
    calm = errors_of(np.zeros(1_500), answer)
    found = np.exp(run(calm, answer)["scale"])
    assert found[-1] == pytest.approx(np.abs(calm).mean(), rel=0.2)
    struck = calm.copy()
    struck[1_400] = 1e9
    found = np.exp(run(struck, answer)["scale"])
    assert found[1_401] == pytest.approx(found[1_400], rel=0.05)
    assert all(np.isfinite(column).all() for column in run(struck, answer).values())


def test_the_likeliest_begin(answer):
    change = np.zeros(130)
    change[100:] = 0.2
    errors, shapes = errors_of(change, answer), tables(answer)
    (sums, rings), out = new_state(), np.empty(N_SIGNS)
    for at, error in enumerate(errors):
        gather(
            at, np.array([error, 0.0]), np.full(2, 0.01), True, at % 168, np.zeros(N_AROUND),
            (answer, shapes), (sums, rings), out,
        )  # fmt: skip
    assert begun(129, 2, sums) == 29


def test_what_time_it_is():
    start = hour_of("2016-12-24")
    days, out = calendar(start + np.arange(24 * 6)), np.empty((2, N_AROUND))
    assert days.shape[1] == len(COLUMNS)
    surroundings_all(days, 24 + 6, 6, out[:1])
    surroundings(days, 24 * 4 + 6, 6, out[1])
    assert out[:, :2] == pytest.approx(np.array([[0, 1], [0, 1]]), abs=1e-9)
    assert days[24 + 6, HOLIDAY] == out[0, 3] == 1
    assert out[1, 3] < out[1, 4] == 1
