"""What speaks for an attack at each hour: matched filters over the errors of the forecast.

The base of the hour-ahead forecast is linear in the hours before it. A change of
the values by u (in logarithms) from hour s on so changes the errors by d = u - G u, where G is
the forecast's answer to changed inputs, known exactly: an error now, small ones of the same sign
later, as the forecast swallows the change. The size of a change that began at s is then a
regression of the errors on d, and A^2 / B its likelihood ratio: both are running sums, kept for
every start of the last days, for a step, a ramp, bumps and a daily wave. For the likeliest step
it is asked, too, whether its having ended meanwhile explains more.

Source:
    Willsky and Jones, A generalized likelihood ratio approach to the detection and estimation
    of jumps in linear systems, IEEE Trans. Automatic Control, 1976.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

N_STARTS: Final = 96  # chosen: hours back at which an attack may have begun; they last up to 72
N_TRACK: Final = 200  # hours of the track and of errors that are kept
_STEP_BANDS: Final = np.array([0, 1, 3, 6, 12, 24, 48, 72, 96], np.int64)
_RAMP_BANDS: Final = np.array([3, 6, 12, 24, 48, 96], np.int64)
_BUMPS: Final = (12, 24, 48, 72)  # chosen: hours that a bump lasts
N_SHAPES: Final = 2 + len(_BUMPS) + 1  # step, ramp, bumps, wave
_BUMP_AGES: Final = np.array([0, 0, *_BUMPS, N_STARTS], np.int64)
_LEAST_AGE: Final = 3  # chosen: hours before a bump or a wave can be told from a step
SPREAD: Final = 1.5  # measured: a Laplace scale of 1 is a deviation of about 1.4 and tails
_LEVEL_SHARE: Final = 1 / 168  # chosen: a week's memory of how large errors are here of late
_LEVEL_FIRST: Final = 10.0  # chosen: hours that the first level counts as
_LEVEL_CUT: Final = 3.0  # chosen: an error counts as at most so many of those before it
_LEVEL_LEAST: Final = 0.2  # chosen: a series may be so much calmer than those learned from
_JUMP: Final = 4.5  # chosen: errors beyond so many scales move the track
_BACK: Final = 0.4  # chosen: a track that falls below this share of its peak is over
_LIMIT: Final = 40.0  # chosen: statistics are cut there, beyond any doubt

NAMES: Final = (
    *(f"step_z_{a}" for a in _STEP_BANDS[:-1]),
    *(f"step_size_{a}" for a in _STEP_BANDS[:-1]),
    *(f"ramp_z_{a}" for a in _RAMP_BANDS[:-1]),
    *(f"ramp_size_{a}" for a in _RAMP_BANDS[:-1]),
    *("error_0", "error_1", "error_2", "error_3"),
    *("day_error", "day_error_6", "day_error_12", "day_error_24"),
    *("size_6", "size_24", "size_168"),
    *("drift_6", "drift_12", "drift_24", "drift_48"),
    *("track", "track_scales", "track_age", "track_peak", "track_left"),
    *("scale", "day_scale", "largest", "largest_age"),
    *(f"{what}_{n}" for n in (*_BUMPS, "wave") for what in ("bump_z", "bump_size", "bump_age")),
    *("best_z", "best_age", "ended_gain", "ended_age", "ended_size"),
    *("hour_cos", "hour_sin", "year_cos", "holiday", "holiday_of_late"),
)
N_SIGNS: Final = len(NAMES)
N_AROUND: Final = 5  # the last signs: what time it is


def new_state() -> tuple[Floats, Floats]:
    """Sums per start, shape (N_STARTS, 2 shapes), and rings of the last hours, (10, N_TRACK).

    Rings: track, error in scales, its size, day-ahead error in scales, error, surprise, the
    track's peak and first hour, weight, how large errors are of late and over how many hours,
    hour and day ahead.
    """
    rings = np.zeros((10, N_TRACK))
    rings[7, :] = -1.0
    rings[8:, :] = 1.0
    rings[9, 2:] = 0.0
    return np.zeros((N_STARTS, 2 * N_SHAPES)), rings


def tables(answer: Floats) -> Floats:
    """The errors d that a change of 1 leads to, for each shape, hour of the week and age.

    Args:
        answer: G, shape (168, lags + 1), 0 at lag 0.

    Returns:
        Shape (N_SHAPES, 168, N_STARTS).
    """
    ages = np.arange(N_STARTS)
    courses = [np.ones(N_STARTS), ages + 1.0]
    courses += [np.where(ages < n, np.sin(np.pi * (ages + 0.5) / n) ** 2, 0.0) for n in _BUMPS]
    courses.append(0.5 - 0.5 * np.cos(2 * np.pi * (ages + 0.5) / 24))
    found = np.empty((N_SHAPES, len(answer), N_STARTS))
    for which, course in enumerate(courses):
        for age in range(N_STARTS):
            lags = np.arange(1, min(age, answer.shape[1] - 1) + 1)
            found[which, :, age] = course[age] - answer[:, lags] @ course[age - lags]
    return found


@compiled
def _cut(value: float) -> float:
    return min(max(value, -_LIMIT), _LIMIT)


@compiled
def _sum_up(
    at: int, error: float, weight: float, week_hour: int, shapes: Floats, sums: Floats
) -> None:
    """Move all starts on by an hour."""
    for age in range(min(N_STARTS, at + 1)):
        slot = (at - age) % N_STARTS
        if age == 0:
            sums[slot, :] = 0.0
        for which in range(N_SHAPES):
            d = shapes[which, week_hour, age]
            sums[slot, 2 * which] += d * error * weight
            sums[slot, 2 * which + 1] += d * d * weight


@compiled
def _starts(at: int, sums: Floats, out: Floats) -> tuple[float, int]:
    """The strongest step and ramp of each band of ages go to `out`.

    Returns:
        The strongest statistic, and the age of the strongest step.
    """
    n_step, n_ramp = len(_STEP_BANDS) - 1, len(_RAMP_BANDS) - 1
    out[: 2 * (n_step + n_ramp)] = 0.0
    step_band, ramp_band, strongest, top, top_age = 0, 0, 0.0, 0.0, 0
    for age in range(min(N_STARTS, at + 1)):
        slot = (at - age) % N_STARTS
        if age >= _STEP_BANDS[step_band + 1]:
            step_band += 1
        z = sums[slot, 0] / np.sqrt(sums[slot, 1] + 1e-12)
        if abs(z) > abs(out[step_band]):
            out[step_band] = z
            out[n_step + step_band] = sums[slot, 0] / (sums[slot, 1] + 1e-12)
        if abs(z) > abs(top):
            top, top_age = z, age
        if age >= _RAMP_BANDS[0]:
            if age >= _RAMP_BANDS[ramp_band + 1]:
                ramp_band += 1
            z = sums[slot, 2] / np.sqrt(sums[slot, 3] + 1e-12)
            place = 2 * n_step + ramp_band
            if abs(z) > abs(out[place]):
                out[place] = z
                out[place + n_ramp] = (age + 1) * sums[slot, 2] / (sums[slot, 3] + 1e-12)
            if abs(z) > abs(strongest):
                strongest = z
    return (strongest if abs(strongest) > abs(top) else top), top_age


@compiled
def _bumps(at: int, sign: float, sums: Floats, out: Floats, place: int) -> None:
    """The strongest bump of each length, and the strongest wave."""
    for which in range(2, N_SHAPES):
        best, size, best_age = 0.0, 0.0, 0
        for age in range(_LEAST_AGE, min(_BUMP_AGES[which], at + 1)):
            slot = (at - age) % N_STARTS
            a, b = sums[slot, 2 * which], sums[slot, 2 * which + 1]
            z = a / np.sqrt(b + 1e-12)
            if abs(z) > abs(best):
                best, size, best_age = z, a / (b + 1e-12), age
        out[place], out[place + 1], out[place + 2] = sign * _cut(best), sign * size, best_age
        place += 3


@compiled
def begun(at: int, n_shapes: int, sums: Floats) -> int:
    """Hours since a change of one of the first shapes began, at its likeliest; 0: this hour."""
    top, found = 0.0, 0
    for which in range(n_shapes):
        oldest = N_STARTS if which < 2 else _BUMP_AGES[which]
        for age in range(0 if which < 2 else _LEAST_AGE, min(oldest, at + 1)):
            slot = (at - age) % N_STARTS
            a, b = sums[slot, 2 * which], sums[slot, 2 * which + 1]
            ratio = a * a / (b + 1e-12)
            if ratio > top:
                top, found = ratio, age
    return found


@compiled
def _ended(
    at: int, age: int, week_hour: int, shapes: Floats, rings: Floats
) -> tuple[float, int, float]:
    """Whether the step of an age ended meanwhile.

    Returns:
        How much its likelihood ratio gains by the best end, that end's age, and the size.
    """
    on_a, on_b = 0.0, 0.0
    for back in range(age, -1, -1):
        j = (at - back) % N_TRACK
        d, w = shapes[0, (week_hour - back) % 168, age - back], rings[8, j]
        on_a += d * rings[4, j] * w
        on_b += d * d * w
    best, best_age, best_size = on_a * on_a / (on_b + 1e-12), -1, 0.0
    on = best
    head_a, head_b = 0.0, 0.0
    for end in range(age - 1, -1, -1):  # the age of the first hour behind it
        j = (at - end - 1) % N_TRACK
        d, w = shapes[0, (week_hour - end - 1) % 168, age - end - 1], rings[8, j]
        head_a += d * rings[4, j] * w
        head_b += d * d * w
        a, b = head_a, head_b
        for back in range(end, -1, -1):
            j = (at - back) % N_TRACK
            k = (week_hour - back) % 168
            d, w = shapes[0, k, age - back] - shapes[0, k, end - back], rings[8, j]
            a += d * rings[4, j] * w
            b += d * d * w
        ratio = a * a / (b + 1e-12)
        if ratio > best:
            best, best_age, best_size = ratio, end, a / (b + 1e-12)
    return best - on, best_age, best_size


@compiled
def _track(at: int, error: float, scale: float, answer: Floats, rings: Floats) -> None:
    """Follow a change by its jumps: rings 0 (level), 6 (peak) and 7 (its first hour)."""
    before = (at - 1) % N_TRACK
    level, peak, since = rings[0, before], rings[6, before], rings[7, before]
    expected = level
    for lag in range(1, min(len(answer) - 1, at) + 1):
        expected -= answer[lag] * rings[0, (at - lag) % N_TRACK]
    surprise = error - expected
    if abs(surprise) > _JUMP * scale:
        level += surprise
        if since < 0:
            since, peak = float(at), 0.0
        if abs(level) > abs(peak):
            peak = level
    if since >= 0 and (abs(level) < _BACK * abs(peak) or at - since >= N_STARTS):
        level, peak, since = 0.0, 0.0, -1.0
    here = at % N_TRACK
    rings[0, here], rings[6, here], rings[7, here] = level, peak, since
    rings[5, here] = surprise / scale


@compiled
def _window(ring: Floats, at: int, n: int) -> float:
    total = 0.0
    for i in range(n):
        total += ring[(at - i) % N_TRACK]
    return total


@compiled
def _scale(error: float, usual: float, known: bool, levels: Floats, which: int) -> float:
    """The scale to expect of an error, by the errors before it; then this one is remembered."""
    found = usual * max(float(levels[which]), _LEVEL_LEAST)
    if known:
        seen = levels[2 + which]
        share = max(_LEVEL_SHARE, 1 / (seen + _LEVEL_FIRST))
        ratio = min(abs(error) / usual, _LEVEL_CUT * max(levels[which], _LEVEL_LEAST))
        levels[which] += share * (ratio - levels[which])
        levels[2 + which] = seen + 1
    return found


@compiled
def gather(
    at: int,
    errors: Floats,
    usual: Floats,
    known: bool,
    week_hour: int,
    around: Floats,
    model: tuple[Floats, Floats],
    state: tuple[Floats, Floats],
    out: Floats,
) -> None:
    """Take in an hour and write its signs.

    Args:
        at: Hours seen before this one.
        errors: Of the base's forecasts from the values as they came, in logarithms: hour and
            day ahead.
        usual: Mean sizes of such errors at this hour, over all series learned from.
        known: Whether the hour has a value; else the errors must be 0.
        week_hour: Of this hour.
        around: As `surroundings` gave it.
        model: G of each hour of the week (the forecast's move for a unit at each lag), `tables`.
        state: As `new_state` gave it; changed.
        out: Takes N_SIGNS numbers.
    """  # fmt: skip
    (answer, shapes), (sums, rings) = model, state
    scale, day_scale = _take_in(at, errors, usual, known, answer[week_hour], rings)
    _sum_up(at, errors[0], rings[8, at % N_TRACK], week_hour, shapes, sums)
    strongest, best_age = _starts(at, sums, out)
    sign = 1.0 if strongest >= 0 else -1.0
    n = 2 * (len(_STEP_BANDS) + len(_RAMP_BANDS) - 2)
    best = _best_step(sign, n, out)
    _recent(at, sign, rings, out, n)
    out[n + 20], out[n + 21] = np.log(scale), np.log(day_scale)
    _largest(at, sign, rings[1], out, n + 22)
    _bumps(at, sign, sums, out, n + 24)
    place = n + 24 + 3 * (N_SHAPES - 2)
    gain, ended_age, size = _ended(at, best_age, week_hour, shapes, rings)
    out[place], out[place + 1] = sign * _cut(best), best_age
    out[place + 2], out[place + 3], out[place + 4] = min(gain, 400.0), ended_age, sign * size
    out[N_SIGNS - N_AROUND :] = around


@compiled
def _take_in(
    at: int, errors: Floats, usual: Floats, known: bool, answer: Floats, rings: Floats
) -> tuple[float, float]:
    """Put an hour into the rings.

    Returns:
        The scales to expect of its errors, hour and day ahead.
    """
    scale = _scale(errors[0], usual[0], known, rings[9], 0)
    day_scale = _scale(errors[1], usual[1], known, rings[9], 1)
    here, spread = at % N_TRACK, SPREAD * scale
    rings[4, here], rings[8, here] = errors[0], 1 / (spread * spread)
    _track(at, errors[0], scale, answer, rings)
    z = _cut(errors[0] / scale)
    rings[1, here], rings[2, here] = z, abs(z)
    rings[3, here] = _cut(errors[1] / day_scale)
    return scale, day_scale


@compiled
def _best_step(sign: float, n: int, out: Floats) -> float:
    """The strongest of the steps in `out`; all of its first n then have the sign of the change."""
    best = out[0]
    for i in range(n):
        if abs(out[i]) > abs(best) and i < len(_STEP_BANDS) - 1:
            best = out[i]
        out[i] = sign * _cut(out[i])
    return float(best)


@compiled
def surroundings(calendar: Floats, at: int, hour: int, out: Floats) -> None:
    """What time it is: the hour of the day, the season, holidays now and in the days before."""
    turn = 2 * np.pi * hour / 24
    out[0], out[1] = np.cos(turn), np.sin(turn)
    out[2] = calendar[at, calendar.shape[1] - 3]
    out[3] = _holiday(calendar, at)
    late = 0.0
    for i in range(4):
        late = max(late, _holiday(calendar, at - 24 * i))
    out[4] = late


@compiled
def _holiday(calendar: Floats, at: int) -> float:
    return float(max(calendar[at, 7], max(0.5 * calendar[at, 8], 0.7 * calendar[at, 10])))


@compiled
def _recent(at: int, sign: float, rings: Floats, out: Floats, n: int) -> None:
    """The last errors, one by one and in windows, and the track."""
    here = at % N_TRACK
    for i in range(4):
        out[n + i] = sign * rings[1, (at - i) % N_TRACK]
    out[n + 4] = sign * rings[3, here]
    out[n + 5] = sign * _window(rings[3], at, 6) / 6
    out[n + 6] = sign * _window(rings[3], at, 12) / 12
    out[n + 7] = sign * _window(rings[3], at, 24) / 24
    out[n + 8] = _window(rings[2], at, 6) / 6
    out[n + 9] = _window(rings[2], at, 24) / 24
    out[n + 10] = _window(rings[2], at, 168) / 168
    for i, hours in enumerate((6, 12, 24, 48)):
        out[n + 11 + i] = sign * _window(rings[4], at, hours)
    level, peak, since = rings[0, here], rings[6, here], rings[7, here]
    out[n + 15] = sign * level
    out[n + 16] = sign * _cut(level / np.sqrt(1 / rings[8, here]) * SPREAD)
    out[n + 17] = at - since if since >= 0 else -1.0
    out[n + 18] = sign * peak
    out[n + 19] = sign * _cut(rings[5, here])


@compiled
def _largest(at: int, sign: float, ring: Floats, out: Floats, place: int) -> None:
    found, age = 0.0, 0
    for i in range(min(72, at + 1)):
        if abs(ring[(at - i) % N_TRACK]) > abs(found):
            found, age = ring[(at - i) % N_TRACK], i
    out[place], out[place + 1] = sign * found, age


@compiled
def gather_all(
    first: int,
    last: int,
    errors: Floats,
    usual: Floats,
    known: npt.NDArray[np.bool_],
    week_hours: Indices,
    around: Floats,
    model: tuple[Floats, Floats],
    state: tuple[Floats, Floats],
    out: Floats,
) -> None:
    """`gather` for hours in a row, from `first` on; errors and usual ones of shape (n, 2)."""
    for at in range(first, last):
        gather(
            at, errors[at], usual[at], known[at], week_hours[at], around[at], model, state,
            out[at],
        )  # fmt: skip


@compiled
def surroundings_all(calendar: Floats, first: int, hour: int, out: Floats) -> None:
    """`surroundings` of hours in a row from index `first` on, an hour of that hour of the day."""
    for k in range(len(out)):
        surroundings(calendar, first + k, (hour + k) % 24, out[k])
