"""What columns a file of a series has, for a person to choose from."""

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from soc_copilot.detection.load.json_table import frame_of, is_json, is_lines
from soc_copilot.detection.load.series import seconds_of, table_of
from soc_copilot.domain.errors import SourceError

HEAD_BYTES: Final = 256 * 1024  # chosen: enough rows to tell times from values
_LEAST_SHARE: Final = 0.5  # chosen: of a column's cells that must be times or numbers


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file.

    Attributes:
        times: That hold times, the likeliest first.
        values: That hold numbers, in the file's order.
        n_rows: Rows that were looked at.
        first: Time of the first row, as written.
    """

    times: tuple[str, ...]
    values: tuple[str, ...]
    n_rows: int
    first: str


def columns(path: Path) -> Columns:
    """Look at the head of a file with a row a line, or at the whole of a JSON document.

    Raises:
        SourceError: It is no table with times and numbers.
    """
    frame = _head(path)
    names = frame.columns
    times = [name for name in names if _share_of_times(frame[name]) >= _LEAST_SHARE]
    values = [name for name in names if _share_of_numbers(frame[name]) >= _LEAST_SHARE]
    texts = [name for name in times if name not in values]  # 2017-01-01, not 1483228800
    times = [*texts, *(name for name in times if name not in texts)]
    values = [name for name in values if name != (times[0] if times else "")]
    if not times or not values:
        raise SourceError(
            f'"{path.name}" has no column of times and another one of numbers. It has: '
            f"{', '.join(names[:20])}."
        )
    return Columns(tuple(times), tuple(values), frame.height, str(frame[times[0]][0]))


def _head(path: Path) -> pl.DataFrame:
    try:
        with path.open("rb") as file:
            data = file.read(HEAD_BYTES)
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                data = packed.read(HEAD_BYTES)
    except (OSError, EOFError) as error:
        raise SourceError(
            f'Cannot read "{path}": {error}. Choose a CSV or JSON file that can be read.'
        ) from error
    if is_json(data) and not is_lines(data):
        return table_of(path)
    if len(data) == HEAD_BYTES:
        data = data[: data.rfind(b"\n") + 1]
    if is_json(data):
        return frame_of(data, path.name)
    try:
        frame = pl.read_csv(
            io.BytesIO(data), infer_schema=False, truncate_ragged_lines=True, encoding="utf8-lossy"
        )
    except pl.exceptions.PolarsError as error:
        raise SourceError(f'"{path}" is neither a CSV nor a JSON table ({error}).') from error
    if frame.width < 2 or not frame.height:
        raise SourceError(f'"{path}" holds no table with a time and a value in each row.')
    return frame


def _share_of_times(column: pl.Series) -> float:
    cells = [cell for cell in column.head(50).to_list() if cell]
    return sum(seconds_of(cell) == seconds_of(cell) and _is_like_time(cell) for cell in cells) / (
        max(len(cells), 1)
    )


def _is_like_time(cell: str) -> bool:
    """A date, or a number that as seconds or milliseconds lies in this age."""
    try:
        number = abs(float(cell))
    except ValueError:
        return True
    return 1e8 < number < 1e11 or 1e11 < number < 1e14


def _share_of_numbers(column: pl.Series) -> float:
    known = column.drop_nulls()
    numbers = known.cast(pl.Float64, strict=False).is_not_null().sum()
    return float(numbers) / len(known) if len(known) else 0.0
