"""What an attack looks like as it goes on: LSTMs over the signs of the hours.

The signs weigh each start by itself; how they went from hour to hour, at what time of day, tells
weather from a hand. The networks are carried on from hour to hour, so that an hour costs the same
whatever came before; the mean of their log-odds says how likely the hour is under attack.

Source:
    Hochreiter and Schmidhuber, Long short-term memory, 1997.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.compiled import compiled
from soc_copilot.detection.load.days import COLUMNS
from soc_copilot.detection.load.evidence import N_SIGNS
from soc_copilot.detection.load.evidence import NAMES as SIGNS
from soc_copilot.detection.load.injection import TEMPLATES
from soc_copilot.detection.load.kernel import lstm_step

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]
Number = TypeVar("Number", float, npt.NDArray[np.float64])

_BACK: Final = (24, 48)  # chosen: hours back whose errors are read again: the same hour of a day
_WINDOWS: Final = (48, 72, 168)  # chosen: hours over which day-ahead errors are averaged
_SUMS: Final = (72, 96, 168)  # chosen: hours over which hour-ahead errors are summed up
N_KEPT: Final = 168  # hours whose errors are remembered
N_BESIDE: Final = 10 + 2 * len(_BACK) + len(_WINDOWS) + len(_SUMS)
N_INPUTS: Final = N_SIGNS + N_BESIDE + len(COLUMNS)
N_OUTPUTS: Final = 1 + len(TEMPLATES)  # log-odds of an attack, and scores of the templates
LIMIT: Final = 6.0  # chosen: normalised inputs are cut there, in deviations
_SCALE, _DAY_SCALE = SIGNS.index("scale"), SIGNS.index("day_scale")
_ERROR: Final = SIGNS.index("error_0")
_LINEAR, _LOG, _LEVEL = 0, 1, 2
_SCALE_LIMIT: Final = 20.0  # chosen: no logarithm of a scale is beyond
_Z_LIMIT: Final = 20.0  # chosen: errors in scales are cut there
_SIZES: Final = frozenset({"size_6", "size_24", "size_168"})
_SCALED: Final = frozenset({"track_scales", "track_left", "largest", "ended_gain"})
_LEAST_LEVEL: Final = 0.05  # chosen: of mean sizes, before their logarithm
NET_SHARE: Final = 0.5  # measured: of the networks in the log-odds, the rest are the trees'


def _ways() -> tuple[Indices, Floats]:
    """How each sign is read (as it is, by the logarithm of its size, of itself), and its unit."""
    ways, units = np.zeros(N_SIGNS, np.int64), np.ones(N_SIGNS)
    for k, name in enumerate(SIGNS):
        if name in _SIZES:
            ways[k] = _LEVEL
        elif "age" in name:
            units[k] = 1 / 24
        elif "_z" in name or name.startswith(("error_", "day_error")) or name in _SCALED:
            ways[k] = _LOG
        elif "size" in name or name.startswith("drift") or name in {"track", "track_peak"}:
            units[k] = 8.0
    return ways, units


_WAYS, _UNITS = _ways()


@compiled
def _in_scales(error: float, log_scale: float) -> float:
    scale = math.exp(min(max(log_scale, -_SCALE_LIMIT), _SCALE_LIMIT))
    return min(max(error / scale, -_Z_LIMIT), _Z_LIMIT)


@compiled
def _bounded(value: float) -> float:
    return min(max(value, -_Z_LIMIT), _Z_LIMIT)


@compiled
def _read_signs(signs: Floats, ways: Indices, units: Floats, out: Singles) -> None:
    for k in range(len(signs)):
        value = signs[k]
        if ways[k] == _LOG:
            size = math.log1p(abs(value))
            out[k] = size if value >= 0 else -size
        elif ways[k] == _LEVEL:
            out[k] = math.log(max(value, _LEAST_LEVEL))
        else:
            out[k] = value * units[k]


@compiled
def _read_back(kept: Floats, n: int, out: Singles) -> None:
    """The errors of days before: the same hours', means and sums over days."""
    at = 0
    for back in _BACK:
        out[at] = kept[0, N_KEPT - 1 - back] / 3
        out[at + 1] = kept[1, N_KEPT - 1 - back] / 3
        at += 2
    for hours in _WINDOWS:
        total = 0.0
        for i in range(N_KEPT - hours, N_KEPT):
            total += kept[1, i]
        out[at] = total / hours
        at += 1
    for hours in _SUMS:
        total = 0.0
        for i in range(N_KEPT - hours, N_KEPT):
            total += kept[2, i]
        out[at] = 8 * total
        at += 1


@compiled
def fill_course(
    errors: Floats,
    known: bool,
    week_hour: int,
    calendar: Floats,
    signs: Floats,
    reading: tuple[Indices, Floats],
    kept: Floats,
    out: Singles,
) -> None:
    """What the networks read of an hour, not normalised.

    Args:
        errors: Of the base, hour and day ahead, in logarithms.
        known: Whether the hour has a value.
        week_hour: Of the hour.
        calendar: Its row.
        signs: As `evidence.gather` gave them.
        reading: How each is read, and what it is multiplied by.
        kept: Errors of the hours before, the latest last, shape (3, N_KEPT); changed.
        out: Takes N_INPUTS numbers.
    """  # fmt: skip
    n = len(signs)
    _read_signs(signs, reading[0], reading[1], out)
    z = _in_scales(errors[0], signs[_SCALE])
    day_z = _in_scales(errors[1], signs[_DAY_SCALE])
    kept[:, :-1] = kept[:, 1:].copy()
    kept[0, -1], kept[1, -1], kept[2, -1] = z, day_z, errors[0]
    out[n], out[n + 1] = z / 3, day_z / 3
    out[n + 2] = 1.0 if z * signs[_ERROR] >= 0 else -1.0
    out[n + 3] = _bounded(errors[0] * 50)
    out[n + 4] = _bounded(errors[1] * 15)
    out[n + 5] = 1.0 if known else 0.0
    turn = 2 * math.pi * (week_hour % 24) / 24
    out[n + 6], out[n + 7] = math.sin(turn), math.cos(turn)
    out[n + 8], out[n + 9] = math.sin(2 * turn), math.cos(2 * turn)
    _read_back(kept, n + 10, out[n + 10 : n + N_BESIDE])
    for j in range(len(calendar)):
        out[n + N_BESIDE + j] = calendar[j]


@compiled
def _fill_all(
    errors: Floats,
    known: npt.NDArray[np.bool_],
    week_hours: Indices,
    calendar: Floats,
    signs: Floats,
    reading: tuple[Indices, Floats],
    kept: Floats,
    out: Singles,
) -> None:
    for at in range(len(out)):
        fill_course(
            errors[at], known[at], week_hours[at], calendar[at], signs[at], reading, kept, out[at]
        )  # fmt: skip


def course_rows(
    errors: Floats,
    known: npt.NDArray[np.bool_],
    week_hours: Indices,
    calendar: Floats,
    signs: Floats,
) -> Singles:
    """What the networks read of hours in a row from nothing on, not normalised.

    Args:
        errors: Of the base, shape (n, 2).
        known: Which hours have a value.
        week_hours: Of the hours.
        calendar: Their rows.
        signs: Shape (n, N_SIGNS).

    Returns:
        Shape (n, N_INPUTS).
    """
    out, kept = np.empty((len(signs), N_INPUTS), np.float32), np.zeros((3, N_KEPT))
    _fill_all(errors, known, week_hours, calendar, signs, (_WAYS, _UNITS), kept, out)
    return out


@compiled
def _take(
    row: Singles,
    norm: tuple[Singles, Singles],
    lstm: tuple[Singles, Singles, Singles],
    head: tuple[Singles, Singles, Singles, Singles],
    hidden: Singles,
    cell: Singles,
    out: Floats,
) -> None:
    """One network takes in an hour's row; its outputs are added to `out`."""
    seen = np.empty_like(row)
    for k in range(len(row)):
        seen[k] = min(max((row[k] - norm[0][k]) * norm[1][k], -LIMIT), LIMIT)
    lstm_step(seen, lstm[0], lstm[1], lstm[2], hidden, cell)
    middle, width = head[1].copy(), len(hidden)
    for i in range(width):
        for j in range(len(middle)):
            middle[j] += hidden[i] * head[0][i, j]
    for i in range(len(seen)):
        for j in range(len(middle)):
            middle[j] += seen[i] * head[0][width + i, j]
    for k in range(len(out)):
        total = float(head[3][k])
        for j in range(len(middle)):
            if middle[j] > 0:
                total += middle[j] * head[2][j, k]
        out[k] += total


@compiled
def _take_mean(
    row: Singles,
    norms: tuple[Singles, Singles],
    lstms: tuple[Singles, Singles, Singles],
    heads: tuple[Singles, Singles, Singles, Singles],
    state: Singles,
    out: Floats,
) -> None:
    """All networks take in an hour's row; `out` takes the mean of their outputs."""
    out[:] = 0.0
    for k in range(len(state)):
        _take(
            row, (norms[0][k], norms[1][k]), (lstms[0][k], lstms[1][k], lstms[2][k]),
            (heads[0][k], heads[1][k], heads[2][k], heads[3][k]), state[k, 0], state[k, 1], out,
        )  # fmt: skip
    for j in range(len(out)):
        out[j] /= len(state)


@compiled
def _take_all(
    rows: Singles,
    norms: tuple[Singles, Singles],
    lstms: tuple[Singles, Singles, Singles],
    heads: tuple[Singles, Singles, Singles, Singles],
    state: Singles,
    out: Floats,
) -> None:
    for at in range(len(rows)):
        _take_mean(rows[at], norms, lstms, heads, state, out[at])


@dataclass(frozen=True, slots=True)
class Net:
    """One network's numbers, or with another dimension in front those of several.

    Attributes:
        mean: Of the inputs.
        scale: One over their deviation.
        from_input: The LSTM's weights, shape (N_INPUTS, 4 width).
        from_state: Likewise, shape (width, 4 width).
        bias: Both of torch's biases, added up.
        first: Of the head, from state and inputs, shape (width + N_INPUTS, hidden).
        first_bias: Shape (hidden,).
        second: Shape (hidden, N_OUTPUTS).
        second_bias: Shape (N_OUTPUTS,).
    """

    mean: Singles
    scale: Singles
    from_input: Singles
    from_state: Singles
    bias: Singles
    first: Singles
    first_bias: Singles
    second: Singles
    second_bias: Singles


class Course:
    """Networks of one width side by side; shared by all series."""

    def __init__(self, nets: Net) -> None:
        """Take several networks.

        Raises:
            ValueError: Their shapes do not fit together, or this version.
        """
        _check(nets)
        self.nets = nets
        self._parts = (
            (nets.mean, nets.scale),
            (nets.from_input, nets.from_state, nets.bias),
            (nets.first, nets.first_bias, nets.second, nets.second_bias),
        )

    def new_state(self) -> Singles:
        """Nothing was seen yet: hidden and cell of each network, shape (n, 2, width)."""
        n, width = self.nets.from_state.shape[:2]
        return np.zeros((n, 2, width), np.float32)

    def step(
        self,
        errors: Floats,
        known: bool,
        week_hour: int,
        calendar: Floats,
        signs: Floats,
        memory: tuple[Floats, Singles],
        room: tuple[Singles, Floats],
    ) -> float:
        """Take in an hour.

        Args:
            errors: As for `fill_course`, likewise the next four.
            known: Whether the hour has a value.
            week_hour: Of the hour.
            calendar: Its row.
            signs: Of the hour.
            memory: Errors of the hours before, as for `fill_course`, and the state; changed.
            room: Space for a row, and for N_OUTPUTS outputs, which are left there.

        Returns:
            Log-odds that the hour is under attack.
        """
        fill_course(
            errors, known, week_hour, calendar, signs, (_WAYS, _UNITS), memory[0], room[0]
        )  # fmt: skip
        _take_mean(room[0], *self._parts, memory[1], room[1])
        return float(room[1][0])

    def run(self, rows: Singles) -> Floats:
        """Outputs of hours in a row from a new state, shape (n, N_OUTPUTS)."""
        out = np.empty((len(rows), N_OUTPUTS))
        _take_all(rows, *self._parts, self.new_state(), out)
        return out

    def tensors(self) -> dict[str, Singles]:
        """The arrays by name, to be stored."""
        return {field.name: getattr(self.nets, field.name) for field in fields(Net)}


def joined(trees: Number, networks: Number) -> Number:
    """The log-odds that count, of those of the trees and the networks over the same signs."""
    return NET_SHARE * networks + (1 - NET_SHARE) * trees


def from_arrays(held: Mapping[str, Singles]) -> Course:
    """The stored networks, their shapes checked.

    Raises:
        ValueError: They do not fit together, or this version.
    """
    names = [field.name for field in fields(Net)]
    return Course(Net(*(np.ascontiguousarray(held[name], np.float32) for name in names)))


def side_by_side(nets: Sequence[Net]) -> Course:
    """Networks whose mean counts.

    Raises:
        ValueError: They are not of one width, or not of this version.
    """
    names = [field.name for field in fields(Net)]
    return from_arrays({name: np.stack([getattr(net, name) for net in nets]) for name in names})


def _check(nets: Net) -> None:
    n, width = nets.from_state.shape[0], nets.from_state.shape[1]
    hidden = nets.first_bias.shape[-1]
    shapes = {
        "mean": (n, N_INPUTS), "scale": (n, N_INPUTS), "from_input": (n, N_INPUTS, 4 * width),
        "from_state": (n, width, 4 * width), "bias": (n, 4 * width),
        "first": (n, width + N_INPUTS, hidden), "first_bias": (n, hidden),
        "second": (n, hidden, N_OUTPUTS), "second_bias": (n, N_OUTPUTS),
    }  # fmt: skip
    for name, shape in shapes.items():
        array = getattr(nets, name)
        if array.shape != shape or not np.isfinite(array).all() or not n:
            raise ValueError("its networks over the signs have another shape")
