"""The loops of the forecast as machine code: features, the linear base, the network's step.

One row at a time and always in the same order of sums, so that a forecast is the same to the
bit whether hours arrive one by one or a whole history is read at once.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
# Weights per hour of the day for an hour and a day ahead, their lags, and the usual errors.
BaseParts = tuple[Floats, Floats, Indices, Indices, Floats]

ERROR_LIMIT: Final = 8.0  # chosen: errors of the base, in its usual error, are cut there
INPUT_LIMIT: Final = 10.0  # chosen: likewise the other inputs
ROW_LIMIT: Final = 6.0  # chosen: likewise normalised features, in deviations


@compiled
def mean_of(logs: Floats, end: int, n: int) -> float:
    """Mean of the n values that end at an index, that one included."""
    total = 0.0
    for i in range(end - n + 1, end + 1):
        total += logs[i]
    return total / n


@compiled
def stand_in(logs: Floats, at: int) -> float:
    """A value for an hour that has none: last week's, moved by how yesterday's differed."""
    moved = 0.0
    for i in range(1, 25):
        moved += logs[at - i] - logs[at - i - 168]
    return float(logs[at - 168] + moved / 24)


@compiled
def fill_gaps(logs: Floats, first: int) -> None:
    """Put stand-ins where values are NaN, in place, from an index on."""
    for i in range(first, len(logs)):
        if logs[i] != logs[i]:
            logs[i] = stand_in(logs, i)


@compiled
def fill_row(
    logs: Floats, calendar: Floats, at: int, horizon: int, lags: Indices, out: Floats
) -> float:
    """Features of the hour `horizon` after `at`, all relative to the week's mean.

    Args:
        logs: Logarithms of the values; 529 before `at` must be there.
        calendar: One row per hour of `logs`, and of the hour that is forecast.
        at: Index of the last hour that is known.
        horizon: Hours ahead, at most 24.
        lags: Hours before the one that is forecast, none below `horizon`.
        out: Takes the features.

    Returns:
        The mean of the last 168 hours, to which they are relative.
    """
    level, aim, n = mean_of(logs, at, 168), at + horizon, len(lags)
    for i in range(n):
        out[i] = logs[aim - lags[i]] - level
    day = mean_of(logs, at, 24) - level
    out[n] = day
    for end in (at - 24, at - 48, aim - 168, at - 168, aim - 336, at - 336):
        n += 1
        out[n] = mean_of(logs, end, 24) - level
    out[n + 1] = mean_of(logs, at - 168, 168) - level
    n = _fill_days(calendar, aim, n + 2, out)
    for j in (0, 4, 5, 6, 7, 9):  # Monday, Friday, Saturday, Sunday, holiday, the day after one
        own = calendar[aim, j]
        out[n] = own * out[0]
        out[n + 1] = own * (logs[aim - 24] - level)
        out[n + 2] = own * (logs[aim - 168] - level)
        out[n + 3] = own * day
        n += 4
    for j in range(calendar.shape[1] - 4, calendar.shape[1]):  # the season
        own = calendar[aim, j]
        out[n] = own * (logs[aim - 24] - logs[aim - 168])
        out[n + 1] = own * (out[0] - (logs[aim - 24 - horizon] - level))
        n += 2
    out[n] = 1.0
    return level


@compiled
def _fill_days(calendar: Floats, aim: int, n: int, out: Floats) -> int:
    """The calendar of an hour, and holidays a day and a week before; the next place."""
    width = calendar.shape[1]
    out[n : n + width] = calendar[aim]
    n += width
    for back in (24, 168):
        out[n] = calendar[aim - back, 7]
        out[n + 1] = calendar[aim - back, 9]
        n += 2
    return n


@compiled
def base_ahead(
    logs: Floats,
    calendar: Floats,
    at: int,
    hour: int,
    base: BaseParts,
    bases: Floats,
    row: Floats,
    day_row: Floats,
) -> None:
    """The linear forecasts from the hour at index `at`, for the next hour and a day ahead.

    Args:
        logs: Logarithms.
        calendar: One row per hour, a day beyond the last.
        at: Index of the last hour that is known.
        hour: Of the day, of that hour.
        base: As for `advance`.
        bases: Takes the forecasts at the hours they are of, shape (2, hours and a day).
        row: Space for features.
        day_row: Likewise, day ahead.
    """  # fmt: skip
    near = fill_row(logs, calendar, at, 1, base[2], row)
    far = fill_row(logs, calendar, at, 24, base[3], day_row)
    weights, day_weights = base[0][(hour + 1) % 24], base[1][hour]
    for j in range(len(row)):
        near += row[j] * weights[j]
    for j in range(len(day_row)):
        far += day_row[j] * day_weights[j]
    bases[0, at + 1], bases[1, at + 24] = near, far


@compiled
def base_errors(
    first: int,
    start: int,
    logs: Floats,
    calendar: Floats,
    base: BaseParts,
    errors: Floats,
) -> None:
    """Errors of the linear forecasts of a whole series, in logarithms.

    Args:
        first: Index of the first hour from which a forecast is made.
        start: Hour since 1970 of index 0.
        logs: Logarithms.
        calendar: One row per hour, a day beyond the last.
        base: As for `advance`.
        errors: Takes them, shape (2, hours); 0 where there was no forecast.
    """  # fmt: skip
    bases = np.full((2, len(logs) + 24), np.nan)
    row, day_row = np.empty(base[0].shape[1]), np.empty(base[1].shape[1])
    for at in range(first, len(logs)):
        for k in range(2):
            error = logs[at] - bases[k, at]
            errors[k, at] = error if error == error else 0.0
        base_ahead(logs, calendar, at, (start + at) % 24, base, bases, row, day_row)


@compiled
def fill_rows(
    logs: Floats,
    calendar: Floats,
    first: int,
    horizon: int,
    lags: Indices,
    out: Floats,
    levels: Floats,
) -> None:
    """`fill_row` for many hours, from index `first` on."""
    for k in range(len(out)):
        levels[k] = fill_row(logs, calendar, first + k, horizon, lags, out[k])


@compiled
def _harmonics(hour: int, n: int, out: Singles, place: int) -> None:
    for k in range(n):
        turn = 2 * math.pi * hour * (k + 1) / 24
        out[place + k] = math.sin(turn)
        out[place + n + k] = math.cos(turn)


@compiled
def _volatility(errors: Floats, at: int, n: int) -> float:
    total = 0.0
    for i in range(at - n + 1, at + 1):
        total += min(abs(errors[i]), ERROR_LIMIT)
    return math.log(max(total / n, 0.05))


@compiled
def _clip(value: float, limit: float) -> float:
    return min(max(value, -limit), limit)


@compiled
def fill_inputs(
    logs: Floats,
    calendar: Floats,
    known: bool,
    hour: int,
    at: int,
    level: float,
    errors: Floats,
    day_errors: Floats,
    out: Singles,
) -> None:
    """What the LSTM reads of an hour.

    Args:
        logs: As for `fill_row`.
        calendar: As for `fill_row`.
        known: Whether the hour has a value of its own.
        hour: Of the day.
        at: Index of the hour.
        level: Mean of the week that ends with it.
        errors: Of the base, hour ahead, in its usual error, aligned with `logs`.
        day_errors: Likewise, day ahead.
        out: Takes 13 numbers and the calendar.
    """  # fmt: skip
    out[0] = _clip(errors[at], ERROR_LIMIT)
    out[1] = _clip(day_errors[at], ERROR_LIMIT)
    out[2] = _clip((logs[at] - logs[at - 24]) * 10, INPUT_LIMIT)
    out[3] = _clip((logs[at] - logs[at - 168]) * 10, INPUT_LIMIT)
    out[4] = _clip((logs[at] - level) * 5, INPUT_LIMIT)
    out[5] = _clip((logs[at] - logs[at - 1]) * 20, INPUT_LIMIT)
    out[6] = _volatility(errors, at, 168)
    out[7] = _volatility(day_errors, at, 168)
    out[8] = 1.0 if known else 0.0
    width = calendar.shape[1]
    for j in range(width):
        out[9 + j] = calendar[at, j]
    _harmonics(hour, 2, out, 9 + width)


@compiled
def fill_head(
    row: Floats,
    base: float,
    hour: int,
    inputs: Singles,
    mean: Singles,
    scale: Singles,
    out: Singles,
) -> None:
    """What a head reads beside the state: features, the base's forecast, hour, volatilities.

    Args:
        row: As `fill_row` gave it.
        base: The linear forecast.
        hour: Of the day, of the hour that is forecast.
        inputs: As `fill_inputs` gave them.
        mean: Of the numbers in training.
        scale: One over their deviation.
        out: Takes the numbers, normalised.
    """  # fmt: skip
    n = len(row) - 1  # the last is the constant
    for j in range(n):
        out[j] = row[j]
    out[n] = base
    _harmonics(hour, 4, out, n + 1)
    out[n + 9] = inputs[6]
    out[n + 10] = inputs[7]
    for j in range(n + 11):
        out[j] = _clip((out[j] - mean[j]) * scale[j], ROW_LIMIT)


@compiled
def lstm_step(
    inputs: Singles,
    weight_in: Singles,
    weight_own: Singles,
    bias: Singles,
    hidden: Singles,
    cell: Singles,
) -> None:
    """One hour of the LSTM; the weights are transposed, the gates in torch's order.

    Args:
        inputs: Of the hour.
        weight_in: Shape (n_inputs, 4 width).
        weight_own: Shape (width, 4 width).
        bias: Both of torch's biases, added up.
        hidden: State; changed.
        cell: State; changed.
    """  # fmt: skip
    width = len(hidden)
    gates = bias.copy()
    for i in range(len(inputs)):
        _add(gates, inputs[i], weight_in[i])
    for i in range(width):
        _add(gates, hidden[i], weight_own[i])
    for j in range(width):
        keep = _logistic(gates[width + j])
        cell[j] = keep * cell[j] + _logistic(gates[j]) * math.tanh(gates[2 * width + j])
        hidden[j] = _logistic(gates[3 * width + j]) * math.tanh(cell[j])


@compiled
def _logistic(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))


@compiled
def _add(total: Singles, factor: np.float32, row: Singles) -> None:
    for j in range(len(total)):
        total[j] += factor * row[j]


@compiled
def head_step(
    hidden: Singles,
    row: Singles,
    first: Singles,
    first_bias: Singles,
    second: Singles,
    second_bias: Singles,
    last: Singles,
    last_bias: Singles,
) -> tuple[float, float]:
    """Shift and log scale of one horizon; the weights are transposed."""  # fmt: skip
    one = first_bias.copy()
    for i in range(len(hidden)):
        _add(one, hidden[i], first[i])
    for i in range(len(row)):
        _add(one, row[i], first[len(hidden) + i])
    two = second_bias.copy()
    for i in range(len(one)):
        if one[i] > 0:
            _add(two, one[i], second[i])
    shift, log_scale = last_bias[0], last_bias[1]
    for i in range(len(two)):
        if two[i] > 0:
            shift += two[i] * last[i, 0]
            log_scale += two[i] * last[i, 1]
    return float(shift), min(max(float(log_scale), -3.0), 3.0)


@compiled
def advance(
    at: int,
    known: bool,
    hour: int,
    logs: Floats,
    calendar: Floats,
    series: tuple[Floats, Floats, Floats, Floats],
    base: BaseParts,
    lstm: tuple[Singles, Singles, Singles],
    heads: tuple[tuple[Singles, ...], tuple[Singles, ...]],
    state: tuple[Singles, Singles],
    room: tuple[Floats, Floats, Singles, Singles, Singles],
) -> None:
    """Take in the hour at index `at` and forecast the next one and the one a day ahead.

    Args:
        at: Index of the hour in all arrays that are aligned with `logs`.
        known: Whether it has a value of its own.
        hour: Of the day.
        logs: Logarithms.
        calendar: One row per hour, a day beyond the last.
        series: Base forecasts, base errors, forecasts and scales, each of shape
            (2, hours and a day): hour ahead and day ahead, at the hour that is forecast.
        base: Weights per hour of the day for both horizons, their lags, the usual errors.
        lstm: Weights from inputs and from its own state, bias.
        heads: For each horizon three layers' weights and biases, mean and scale of the rows.
        state: Of the LSTM; changed.
        room: Space for two rows of features, inputs and two rows of the heads.
    """  # fmt: skip
    bases, errors, forecasts, scales = series
    units = base[4]
    level, near, far = _take_in(at, hour, logs, calendar, bases, errors, base, room[0], room[1])
    fill_inputs(logs, calendar, known, hour, at, level, errors[0], errors[1], room[2])
    lstm_step(room[2], lstm[0], lstm[1], lstm[2], state[0], state[1])
    shift, scale = _corrected(heads[0], state[0], room[2], room[0], near, (hour + 1) % 24, room[3])
    forecasts[0, at + 1] = level + near + shift * units[0]
    scales[0, at + 1] = scale * units[0]
    shift, scale = _corrected(heads[1], state[0], room[2], room[1], far, hour, room[4])
    forecasts[1, at + 24] = level + far + shift * units[1]
    scales[1, at + 24] = scale * units[1]


@compiled
def _take_in(
    at: int,
    hour: int,
    logs: Floats,
    calendar: Floats,
    bases: Floats,
    errors: Floats,
    base: BaseParts,
    row: Floats,
    day_row: Floats,
) -> tuple[float, float, float]:
    """The base's errors of an hour, and its forecasts from there, relative to the level."""
    for k in range(2):
        error = (logs[at] - bases[k, at]) / base[4][k]
        errors[k, at] = error if error == error else 0.0
    level = fill_row(logs, calendar, at, 1, base[2], row)
    fill_row(logs, calendar, at, 24, base[3], day_row)
    near, far = 0.0, 0.0
    weights = base[0][(hour + 1) % 24]
    for j in range(len(row)):
        near += row[j] * weights[j]
    weights = base[1][hour]
    for j in range(len(day_row)):
        far += day_row[j] * weights[j]
    bases[0, at + 1], bases[1, at + 24] = level + near, level + far
    return level, near, far


@compiled
def _corrected(
    head: tuple[Singles, ...],
    hidden: Singles,
    inputs: Singles,
    row: Floats,
    base: float,
    hour: int,
    room: Singles,
) -> tuple[float, float]:
    """A head's shift of a forecast, and the scale of its error, both in the base's units."""
    fill_head(row, base, hour, inputs, head[6], head[7], room)
    shift, log_scale = head_step(
        hidden, room, head[0], head[1], head[2], head[3], head[4], head[5]
    )  # fmt: skip
    return shift, math.exp(log_scale)


@compiled
def collect(
    first: int,
    last: int,
    start: int,
    known: npt.NDArray[np.bool_],
    logs: Floats,
    calendar: Floats,
    bases: Floats,
    errors: Floats,
    base: BaseParts,
    near: Singles,
    far: Singles,
    inputs: Singles,
) -> None:
    """What `advance` reads of many hours of a whole series, for training.

    Args:
        first: First hour, an index of `logs`.
        last: The one behind the last.
        start: Hour since 1970 of index 0.
        known: Which hours have a value of their own.
        logs: Logarithms.
        calendar: One row per hour, a day beyond the last.
        bases: Takes the base forecasts, shape (2, hours and a day), NaN before.
        errors: Takes the base's errors, shape (2, hours), 0 before.
        base: As for `advance`.
        near: Takes what the hour-ahead head reads, not normalised, from `first` on.
        far: Likewise, day ahead.
        inputs: Likewise, what the LSTM reads.
    """  # fmt: skip
    row, day_row = np.empty(base[0].shape[1]), np.empty(base[1].shape[1])
    means, ones = np.zeros(near.shape[1], np.float32), np.ones(near.shape[1], np.float32)
    for at in range(first, last):
        hour, k = (start + at) % 24, at - first
        level, one, two = _take_in(
            at, hour, logs, calendar, bases, errors, base, row, day_row
        )  # fmt: skip
        fill_inputs(logs, calendar, known[at], hour, at, level, errors[0], errors[1], inputs[k])
        fill_head(row, one, (hour + 1) % 24, inputs[k], means, ones, near[k])
        fill_head(day_row, two, hour, inputs[k], means, ones, far[k])
