"""Series in files: times, values, and everything odd that was found on the way.

A series lives on an even axis of clock hours, the place's own: a day always has 24 of them.
Where the clocks go forward one hour of the axis stays empty; where they go back two rows share
one. What is missing, doubled, unreadable or impossible is told in `Series.notes`.
"""

import gzip
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.load.json_table import frame_of, is_json
from soc_copilot.domain.errors import SourceError

Hours = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOUR_S: Final = 3600
MAX_BYTES: Final = 2 * 1024**3  # chosen: bounds what is unpacked; hours of centuries fit
MAX_HOURS: Final = 24 * 366 * 200  # chosen: 200 years; a mistyped year is not filled up to
_TIMES: Final = ("datetime", "timestamp", "time", "date", "hour", "@timestamp")
_HOUR_ENDING: Final = "hour_ending"
# Chosen: factors on a word of a unit, all to the smallest of the kind.
UNITS: Final[Mapping[str, float]] = {
    "W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9, "Wh": 1.0, "kWh": 1e3, "MWh": 1e6, "GWh": 1e9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the series that a person should know.

    Attributes:
        kind: missing, clock_gap, clock_double, duplicate, unreadable, not_positive, resampled.
        count: How many rows or hours.
        first: Time of the first of them, as on the axis; empty where it has none.
        text: A sentence.
    """

    kind: str
    count: int
    first: str
    text: str


@dataclass(frozen=True, slots=True)
class Series:
    """A series on its axis, and its rows.

    Attributes:
        name: For people.
        start: First hour of the axis, hours since 1970-01-01 00:00 of the place's clock.
        values: One per hour of the axis, NaN where there is none.
        row_slots: For each row that has a time, its hour of the axis, in order of time.
        row_values: Of each such row; NaN where it cannot be read as a number.
        row_times: As written, for answers.
        notes: What was found.
    """

    name: str
    start: int
    values: Floats
    row_slots: Hours
    row_values: Floats
    row_times: tuple[str, ...]
    notes: tuple[Note, ...]

    @property
    def hours(self) -> Hours:
        """The axis: hours since 1970."""
        return np.arange(self.start, self.start + len(self.values), dtype=np.int64)


def clock(hour: int) -> str:
    """An hour of an axis in words."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=int(hour))).strftime(
        "%Y-%m-%d %H:%M"
    )


def hour_of(text: str) -> int:
    """The hour of the axis that a time such as "2017-08-03" or "2017-08-03 05:00" is in.

    Raises:
        SourceError: It is not a time.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise SourceError(f'"{text}" is not a time such as 2017-08-03 or 2017-08-03 05:00.') from (
            error
        )
    return int(at.replace(tzinfo=UTC).timestamp() // HOUR_S)


def read(
    path: Path,
    time: str | None = None,
    value: str | None = None,
    unit: str | None = None,
    to_unit: str | None = None,
) -> Series:
    """Read a series from CSV, JSON or JSON lines, plain or gzip'd.

    Args:
        path: The file.
        time: Column of times; the first by default, and `hour_ending` beside it counts, too.
        value: Column of values; the first other one that holds numbers by default.
        unit: Of the values, of `UNITS`; with `to_unit` they are converted.
        to_unit: What they are wanted in.

    Raises:
        SourceError: The file cannot be read, or holds no times.
    """
    frame = table_of(path)
    times, written, value_name = _times(frame, time, value, path)
    values = frame[value_name].cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
    return from_rows(path.name, times, values * _factor(unit, to_unit), written)


def _factor(unit: str | None, to_unit: str | None) -> float:
    if unit is None or to_unit is None:
        return 1.0
    if unit not in UNITS or to_unit not in UNITS or unit.endswith("h") != to_unit.endswith("h"):
        raise SourceError(f"Cannot turn {unit} into {to_unit}. Choose of: {', '.join(UNITS)}.")
    return UNITS[unit] / UNITS[to_unit]


def table_of(path: Path) -> pl.DataFrame:
    """All rows of a CSV or JSON file, every cell as text.

    Raises:
        SourceError: It cannot be read, or is no table.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if data[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(data)) as packed:
                data = packed.read(MAX_BYTES + 1)
    except (OSError, EOFError) as error:
        raise SourceError(
            f'Cannot read "{path}": {error}. Choose a CSV or JSON file that can be read.'
        ) from error
    if len(data) > MAX_BYTES:
        raise SourceError(f'"{path}" is larger than {MAX_BYTES} bytes. Split it.')
    try:
        if is_json(data):
            frame = frame_of(data, path.name)
        else:
            frame = pl.read_csv(
                io.BytesIO(data), infer_schema=False, truncate_ragged_lines=True,
                encoding="utf8-lossy",
            )  # fmt: skip
    except (ValueError, pl.exceptions.PolarsError) as error:
        raise SourceError(f'"{path}" is neither a CSV nor a JSON table ({error}).') from error
    if frame.width < 2 or not frame.height:
        raise SourceError(f'"{path}" holds no table with a time and a value in each row.')
    return frame


def _times(
    frame: pl.DataFrame, time: str | None, value: str | None, path: Path
) -> tuple[Sequence[float], tuple[str, ...], str]:
    """Seconds since 1970 of each row (NaN: none), as written, and the column of values."""
    for wanted in (time, value):
        if wanted is not None and wanted not in frame.columns:
            raise SourceError(
                f'"{path}" has no column "{wanted}". It has: {", ".join(frame.columns)}.'
            )
    named = next((c for c in frame.columns if c.lower() in _TIMES), frame.columns[0])
    time = time or named
    others = [c for c in frame.columns if c not in {time, _HOUR_ENDING}]
    numeric = [c for c in others if frame[c].cast(pl.Float64, strict=False).is_not_null().any()]
    if value is None and not numeric:
        raise SourceError(f'"{path}" has no column of numbers beside "{time}".')
    stamps = frame[time].fill_null("")
    seconds = [seconds_of(text) for text in stamps]
    written = list(stamps)
    if _HOUR_ENDING in frame.columns:
        endings = frame[_HOUR_ENDING].fill_null("")
        seconds = [s + HOUR_S * _ending(text) for s, text in zip(seconds, endings, strict=True)]
        written = [f"{w} {e}" for w, e in zip(written, endings, strict=True)]
    return seconds, tuple(written), value or numeric[0]


def seconds_of(text: str) -> float:
    """A time in seconds since 1970 on its own clock (an offset is left out); NaN for none."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC).timestamp()
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return float("nan")
    return number / 1000 if abs(number) > 1e11 else number  # chosen: above, milliseconds


def _ending(text: str) -> float:
    """The number of an hour of the day, "02X" being the second of two; NaN for none."""
    digits = text.strip().rstrip("Xx*")
    return float(digits) if digits.isdigit() and int(digits) <= 25 else float("nan")


def from_rows(
    name: str, seconds: Iterable[float], values: Floats, written: Sequence[str] | None = None
) -> Series:
    """Put rows on an axis.

    Args:
        name: For people.
        seconds: Time of each row, seconds since 1970 on the place's clock; NaN where unknown.
        values: One per row.
        written: Times as written; made from the seconds by default.

    Raises:
        SourceError: No row has a time, or they span centuries.
    """
    at = np.fromiter(seconds, np.float64)
    known = np.flatnonzero(np.isfinite(at) & (np.abs(at) < 1e11))
    notes: list[Note] = []
    if len(known) < len(at):
        n = len(at) - len(known)
        notes.append(Note("unreadable", n, "", f"{n} rows have no time that can be read."))
    if not len(known):
        raise SourceError(f'"{name}" holds no row with a time that can be read.')
    order = known[np.argsort(at[known], kind="stable")]
    hours = (at[order] // HOUR_S).astype(np.int64)
    start, n_hours = int(hours[0]), int(hours[-1] - hours[0]) + 1
    if n_hours > MAX_HOURS:
        raise SourceError(f'"{name}" spans from {clock(start)} on {n_hours} hours: mistyped?')
    found = np.asarray(values, np.float64)[order]
    slots = hours - start
    times = tuple(clock(h) for h in hours if written is None)
    times = times or tuple((written or ())[i] for i in order)
    usable = np.isfinite(found)
    counts = np.bincount(slots[usable], minlength=n_hours)
    sums = np.bincount(slots[usable], found[usable], minlength=n_hours)
    grid = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    notes += _notes(slots, found, counts, start, at[order])
    return Series(name, start, grid, slots, found, times, tuple(notes))


def _notes(slots: Hours, values: Floats, counts: Hours, start: int, at: Floats) -> list[Note]:
    steps = np.diff(at)
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else float(HOUR_S)
    rows = np.bincount(slots, minlength=len(counts))
    absent = np.flatnonzero(rows == 0)
    doubled = np.flatnonzero(rows > 1)
    found: list[Note] = []

    def tell(kind: str, at: Hours, text: str) -> None:
        if len(at):
            found.append(Note(kind, len(at), clock(start + int(at[0])), text))

    if step < HOUR_S:
        text = f"Rows come every {step:g} s; their mean is taken for each hour."
        found.append(Note("resampled", len(slots), clock(start), text))
    else:
        changes = np.array([_is_autumn(start + int(s)) for s in doubled], bool)
        is_double = changes[: len(doubled)] & (rows[doubled] == 2)
        tell("clock_double", doubled[is_double], _said(doubled[is_double], "were put back"))
        tell("duplicate", doubled[~is_double], _said(doubled[~is_double], ""))
    spring = np.array([is_left_out(start + int(s)) for s in absent], bool)
    lonely = spring & ~np.isin(absent - 1, absent) & ~np.isin(absent + 1, absent)
    tell("clock_gap", absent[lonely], _said(absent[lonely], "were put forward"))
    n = int((~lonely).sum())
    tell("missing", absent[~lonely], f"{n} hours have no row; a value was put in their place.")
    bad = slots[~np.isfinite(values)]
    tell("unreadable", bad, f"{len(bad)} values are no numbers.")
    low = slots[np.isfinite(values) & (values <= 0)]
    tell("not_positive", low, f"{len(low)} values are zero or less.")
    return found


def _said(at: Hours, moved: str) -> str:
    if moved == "":
        return f"{len(at)} hours have more than one row; their mean was taken."
    return f"{len(at)} hours where the clocks {moved}."


def is_left_out(hour: int) -> bool:
    """Whether clocks may go forward over an hour: a Sunday's night in spring, north or south."""
    return _is_change(hour, (2, 3, 4, 9, 10))


def _is_autumn(hour: int) -> bool:
    return _is_change(hour, (9, 10, 11, 3, 4))


def _is_change(hour: int, months: tuple[int, ...]) -> bool:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    return at.weekday() == 6 and 0 <= at.hour <= 4 and at.month in months
