"""What the watcher of any regular series does with one row, compiled.

A linear forecast learns as it goes (recursive least squares over the last rows, the same time
yesterday and a week ago). Six statistics of the series are watched for new records (the largest,
of values the smallest as well); a record counts by how seldom one as large was set, of all rows. A
row's forecast error counts only where it is very seldom. What counts is added up, and a row
scores when the sum stands above a bar that each odd row raises and that falls slowly.

All compiled code is in this one file: what is kept compiled is told apart by its file's date.

Source:
    Haykin, Adaptive Filter Theory (recursive least squares); Chandler, The distribution and
    frequency of record values, 1952 (records of exchangeable rows come as 1/t); Lavin and Ahmad,
    2015 (values out of the range so far, as their detectors flag them).
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled

Floats = npt.NDArray[np.float64]
Kept = tuple[Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats, Floats]

CHANNELS: Final = ("value", "mean_3", "error_12", "day_48", "profile_12", "mix_144", "row")
N_CHANNELS: Final = len(CHANNELS)
N_RECORDS: Final = 6  # the channels before the last are records of a statistic
N_VALUES: Final = 2  # the first of them have records downwards, too; the others are sizes
_MEMORY: Final = 6_400.0  # source: rows of the windowed Gaussian, of the running mean and spread
_FORGET: Final = 1 - 1 / 3_000  # chosen: the forecast's memory in rows
N_FEATURES: Final = 9
N_LATE: Final = 16  # rows of errors, values and distances from the profile that are kept
_NORMAL_LIMIT: Final = 10.0  # chosen: a row counts as at most so many deviations off the mean
_ERROR_LIMIT: Final = 3.0  # chosen: what the forecast learns from one row is cut there
_MEAN_LIMIT: Final = 8.0  # chosen: what one row counts in a mean of errors
_PROFILE: Final = 0.1  # chosen: share of a new day in the profile of the day
N_LEVELS: Final = 8  # chosen: steps of a series' mix of values
_WIDE: Final = 2.5  # chosen: deviations on both sides that the steps cover
_MIX: Final = 144  # chosen: rows whose mix is compared with that of those before
# Measured: what a record is compared with. 6,000 to 30,000 rows are worth within 1.4 points on the
# benchmark; shorter costs more. Then the same may be a record again.
N_BLOCKS: Final = 8
BLOCK: Final = 1_500
_FIRST: Final = 50  # chosen: rows before anything is a record
_WARM: Final = 100  # chosen: rows before anything is scored
PER_DECADE: Final = 24  # chosen: steps of the sizes of records that are counted
N_SIZES: Final = 12 * PER_DECADE  # from 1e-6 to 1e6 times the range
_SMALLEST: Final = 0.01  # chosen: times the range; less is no record, 0.005 to 0.01 do as well
_LARGEST: Final = 9e5  # chosen: the size of a record where all before was the same
# Measured: as -log10 of a share of rows; what is less seldom counts nothing. For records all of
# 0.75 to 1.5 do about as well; for rows less than 2.5 costs much.
_SELDOM: Final = 1.25
_SELDOM_ROW: Final = 2.5
_FAR: Final = 6.0  # chosen: usual errors off the forecast, near five deviations of a normal
_RAISE: Final = 1.2  # measured: how much odder than of late a row must be; 1.1 to 1.4 do as well
_FALL: Final = 0.05  # measured: of the rows so far, in which the bar falls to 1/e; 0.03 to 0.07
_SLOWEST: Final = 600.0  # chosen: and at most so many rows
_QUICKEST: Final = 10.0


@compiled
def _features(t: int, day: int, ring: Floats, out: Floats) -> None:
    """What the forecast of row t reads."""
    n = len(ring)
    out[:] = 0.0
    out[0] = 1.0
    for i in range(1, min(3, t) + 1):
        out[i] = ring[(t - i) % n]
    some = min(12, t)
    for i in range(1, some + 1):
        out[4] += ring[(t - i) % n] / some
    if t > day + 16:
        out[5] = ring[(t - day) % n]
        for i in range(-3, 4):
            out[6] += ring[(t - day + min(i, day - 1)) % n] / 7
        for i in range(1, 13):
            out[7] += ring[(t - day - i) % n] / 12
    if t > 7 * day:
        out[8] = ring[(t - 7 * day) % n]


@compiled
def _learn(error: float, features: Floats, weights: Floats, spread: Floats) -> None:
    """Recursive least squares with forgetting, kept from winding up."""
    n = len(weights)
    gain = np.zeros(n)
    total = _FORGET
    for i in range(n):
        for j in range(n):
            gain[i] += spread[i, j] * features[j]
        total += gain[i] * features[i]
    trace = 0.0
    for i in range(n):
        weights[i] += gain[i] / total * min(max(error, -_ERROR_LIMIT), _ERROR_LIMIT)
    for i in range(n):
        for j in range(n):
            spread[i, j] = (spread[i, j] - gain[i] * gain[j] / total) / _FORGET
        trace += spread[i, i]
    if trace > 1e4:
        spread *= 1e4 / trace


@compiled
def _remember(value: float, mean: float, error: float, slow: Floats) -> None:
    """Move the running mean, variance and size of errors on by a row."""
    slow[3] = min(slow[3] + 1, _MEMORY)
    slow[2] += (min(abs(error), 5.0) - slow[2]) / min(slow[3], 1_000.0)
    moved = value - mean
    slow[0] = mean + moved / slow[3]
    slow[1] += (moved * (value - slow[0]) - slow[1]) / slow[3]


@compiled
def _mean(late: Floats, t: int, n: int, limit: float) -> float:
    """The mean of the last n rows of late ones, each cut at a limit."""
    total, some = 0.0, min(n, t + 1)
    for i in range(some):
        total += min(max(late[(t - i) % N_LATE], -limit), limit) / some
    return total


@compiled
def _beside_profile(x: float, at: int, profile: Floats) -> float:
    """How far a row is from what is usual at its time of the day, which it then changes.

    Args:
        x: Row, normalised.
        at: Its place in the day.
        profile: Mean, size of differences and days, for each place; changed.
    """
    off = x - profile[0, at]
    found = off / max(profile[1, at], 0.1) if profile[2, at] > 0 else 0.0
    profile[2, at] += 1
    share = max(1 / profile[2, at], _PROFILE)
    if profile[2, at] > 1:
        profile[1, at] += (abs(off) - profile[1, at]) * share
    else:
        profile[1, at] = 1.0
    profile[0, at] += off * share
    return found


@compiled
def _level(x: float) -> int:
    return int(min(max((x + _WIDE) / (2 * _WIDE) * N_LEVELS, 0.0), N_LEVELS - 1.0))


@compiled
def _divergence(t: int, ring: Floats, mix: Floats) -> float:
    """Relative entropy of the last rows' mix of values to that of the rows before them.

    Args:
        t: Row.
        ring: Rows, normalised.
        mix: Counts of the last rows and of those before, by level; changed.
    """
    mix[0, _level(ring[t % len(ring)])] += 1
    if t >= _MIX:
        left = _level(ring[(t - _MIX) % len(ring)])
        mix[0, left] -= 1
        mix[1, left] += 1
    total, found = mix[1].sum() + N_LEVELS, 0.0
    for i in range(N_LEVELS):
        share = mix[0, i] / _MIX
        if share > 0:
            found += share * math.log(share * total / (mix[1, i] + 1))
    return max(found, 0.0)


@compiled
def _since_yesterday(t: int, day: int, ring: Floats) -> float:
    """The mean of the last 48 rows less that of the same rows the day before."""
    total, n = 0.0, len(ring)
    for i in range(48):
        total += (ring[(t - i) % n] - ring[(t - i - day) % n]) / 48
    return total


@compiled
def _record(t: int, value: float, is_old: bool, is_both: bool, peaks: Floats) -> float:
    """By how much a statistic leaves the range it had, in ranges; 0 inside.

    Args:
        t: Row.
        value: The statistic.
        is_old: Whether it is known for long enough for a record.
        is_both: Whether downwards counts, too.
        peaks: Its largest and smallest value in each block of rows; changed.
    """
    high, low, found = peaks[0].max(), peaks[1].min(), 0.0
    beyond = max(value - high, low - value) if is_both else value - high
    if is_old and high >= low:
        found = beyond / (high - low) if high > low else _LARGEST * (beyond > 0)
        found = min(found, _LARGEST) if found > _SMALLEST else 0.0
    block = t // BLOCK % N_BLOCKS
    peaks[0, block] = max(peaks[0, block], value)
    peaks[1, block] = min(peaks[1, block], value)
    return found


@compiled
def _seldom(size: float, seen: float, counts: Floats) -> float:
    """How seldom a size was reached, as -log10 of a share of all rows; then count it.

    Args:
        size: At least 0; most sizes are 0.
        seen: Rows so far.
        counts: Of the sizes so far, by `PER_DECADE`; changed.
    """
    if size <= 1e-6:
        return 0.0
    place = min((math.log10(size) + 6) * PER_DECADE, N_SIZES - 1e-6)
    at = int(max(place, 0.0))
    larger = counts[at] * (1 - (place - at))
    for i in range(at + 1, N_SIZES):
        larger += counts[i]
    counts[at] += 1
    return math.log10((seen + 1) / (larger + 1))


@compiled
def _next_block(t: int, slow: Floats, mix: Floats, peaks: Floats, counts: Floats) -> None:
    """Forget the oldest rows, of whose size there are eight blocks."""
    block = t // BLOCK % N_BLOCKS
    peaks[:, 0, block], peaks[:, 1, block] = -np.inf, np.inf
    if t >= BLOCK * N_BLOCKS:
        kept = 1 - 1 / N_BLOCKS
        slow[4] *= kept
        mix[1] *= kept
        counts *= kept


@compiled
def _above_the_bar(t: int, raw: float, bars: Floats) -> float:
    """What a row is worth: all, if it is odder than the rows of late, else nothing.

    Args:
        t: Row.
        raw: How odd it is.
        bars: One bar; changed.
    """
    rows = min(max(_FALL * t, _QUICKEST), _SLOWEST)
    bar = bars[0] * math.exp(-1 / rows)
    bars[0] = max(bar, raw * _RAISE)
    return raw if raw > bar else 0.0


@compiled
def _statistics(t: int, day: int, value: float, error: float, state: Kept, out: Floats) -> None:
    """The six statistics at row t, whose normalised value is in the ring."""
    ring, late, profile, mix = state[0], state[1], state[5], state[6]
    late[0, t % N_LATE], late[1, t % N_LATE] = error, value
    late[2, t % N_LATE] = _beside_profile(ring[t % len(ring)], t % day, profile)
    out[0], out[1] = value, _mean(late[1], t, 3, np.inf)
    out[2] = abs(_mean(late[0], t, 12, _MEAN_LIMIT))
    out[3] = abs(_since_yesterday(t, day, ring)) if t > day + 48 else 0.0
    out[4] = abs(_mean(late[2], t, 12, _NORMAL_LIMIT))
    out[5] = _divergence(t, ring, mix)


@compiled
def _oddness(t: int, day: int, values: Floats, state: Kept, out: Floats) -> float:
    """How seldom each channel was as large, and what that is worth together."""
    late, slow, mix, peaks, counts = state[1], state[2], state[6], state[7], state[8]
    raw = 0.0
    if t % BLOCK == 0:
        _next_block(t, slow, mix, peaks, counts)
    for k in range(N_RECORDS):
        begin = day + 49 if k == 3 else 2 * _MIX if k == 5 else _FIRST
        if t < begin - _FIRST:
            continue
        size = _record(t, values[k], t >= begin, k < N_VALUES, peaks[k])
        out[k] = _seldom(size, slow[4], counts[k])
        raw += max(out[k] - _SELDOM, 0.0)
    out[N_RECORDS] = _seldom(abs(late[0, t % N_LATE]), slow[4], counts[N_RECORDS])
    slow[4] += 1
    return float(raw + max(out[N_RECORDS] - _SELDOM_ROW, 0.0))


@compiled
def step_row(
    t: int, value: float, is_known: bool, day: int, state: Kept, out: Floats
) -> tuple[float, float, float, bool]:
    """Take in row t.

    Args:
        t: From 0 on.
        value: A number; a stand-in where there was none.
        is_known: Whether there was one; else nothing is scored.
        day: Rows per day.
        state: Changed: normalised rows of a week and more; late errors, values and distances
            from the profile; mean, variance, size of errors, their rows, rows counted, two bars;
            the forecast's weights and their spread; profile; mix; peaks; counts of sizes.
        out: Takes N_CHANNELS numbers: how seldom, as -log10 of a share.

    Returns:
        The forecast and the usual size of its error, in units of the values; the score; whether
        the row is seldom and far off the forecast, and the first such row of late.
    """
    ring, slow, weights, spread = state[0], state[2], state[3], state[4]
    features, values = np.zeros(N_FEATURES), np.zeros(N_RECORDS)
    out[:] = 0.0
    deviation = max(math.sqrt(slow[1]), 1e-9)
    mean = slow[0] if t else value
    x = min(max((value - mean) / deviation, -_NORMAL_LIMIT), _NORMAL_LIMIT) if t > 2 else 0.0
    _features(t, day, ring, features)
    foretold = 0.0
    for i in range(N_FEATURES):
        foretold += weights[i] * features[i]
    error, usual = x - foretold, max(slow[2], 1e-3)
    ring[t % len(ring)] = x
    _learn(error, features, weights, spread)
    _remember(value, mean, error, slow)
    _statistics(t, day, value, error / usual, state, values)
    raw = _oddness(t, day, values, state, out)
    counts_now = is_known and t >= _WARM
    found = _above_the_bar(t, raw if counts_now else 0.0, slow[5:])
    off = _above_the_bar(t, abs(error) / usual if counts_now else 0.0, slow[6:])
    is_far = off >= _FAR and out[N_RECORDS] >= _SELDOM_ROW
    return mean + foretold * deviation, usual * deviation, found, is_far
