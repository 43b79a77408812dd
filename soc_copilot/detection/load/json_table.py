"""A table out of a JSON file: lines of objects or pairs, or one document as programs export it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from soc_copilot.domain.errors import SourceError

# Chosen: read in one piece; 1.4 million rows. Measured: they take 0.4 GiB for a moment.
MAX_DOCUMENT_BYTES: Final = 64 * 1024**2
_MIB: Final = 1024**2
_BLOCK_ROWS: Final = 100_000  # chosen: rows that are Python objects at a time
_DEEPEST: Final = 5  # chosen: how far below the top a table is looked for
_LOOKED_AT: Final = 100  # chosen: entries of a list that are looked into for a table
_TIME: Final = "time"
_VALUE: Final = "value"
_BOM: Final = b"\xef\xbb\xbf"
_FIRST: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*[\[{]")
_NEXT: Final = re.compile(rb"\s*[\[{]")

Row = Mapping[str, Any]


def is_json(data: bytes) -> bool:
    """Whether a file that begins like this is JSON."""
    return bool(_FIRST.match(data))


def is_lines(data: bytes) -> bool:
    """Whether there is an object or a list on each line, rather than one document."""
    end = data.find(b"\n")
    if end < 0 or not _NEXT.match(data, end):
        return False
    try:
        return isinstance(json.loads(data[:end].removeprefix(_BOM)), dict | list)
    except (ValueError, RecursionError):
        return False


def frame_of(data: bytes, name: str) -> pl.DataFrame:
    """Every row of a JSON file, every cell as text.

    Args:
        data: The whole file, or the first whole lines of one that has a row a line.
        name: Of the file, for messages.

    Raises:
        SourceError: It is no table, several ones, or a document that is too large.
    """
    data = data.removeprefix(_BOM)
    if is_lines(data):
        return _frame(_rows_of_lines(data))
    if len(data) > MAX_DOCUMENT_BYTES:
        raise SourceError(
            f'"{name}" is one JSON document of {len(data) // _MIB} MiB; at most '
            f"{MAX_DOCUMENT_BYTES // _MIB} MiB are read in one piece. Write it as JSON lines "
            "or CSV, or split it."
        )
    try:
        found = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise SourceError(f'"{name}" is no JSON that can be read ({error}).') from error
    tables = list(_tables(found, 0))
    if not tables:
        raise SourceError(
            f'"{name}" is JSON without a table. A list of objects or of [time, value] pairs, an '
            "object with lists of one length, or an object a line can be read."
        )
    most = max(len(rows) for rows in tables)
    largest = [rows for rows in tables if len(rows) == most]
    if len(largest) > 1:
        raise SourceError(
            f'"{name}" holds {len(largest)} tables of {most} rows. Export one series at a time.'
        )
    return _frame(largest[0])


def _frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as columns of text; made block by block, so that few are Python objects at once."""
    blocks: list[pl.DataFrame] = []
    block: list[Row] = []
    for row in rows:
        block.append(row)
        if len(block) == _BLOCK_ROWS:
            blocks.append(_block(block))
            block = []
    if block or not blocks:
        blocks.append(_block(block))
    return pl.concat(blocks, how="diagonal")


def _block(rows: Sequence[Row]) -> pl.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row)
    return pl.DataFrame(
        {name: pl.Series([_text(row.get(name)) for row in rows], dtype=pl.String) for name in names}
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _rows_of_lines(data: bytes) -> Iterator[Row]:
    """A row for each line; an unreadable one is a row without a cell, which is told later."""
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line, at = data[at:end].strip(), end + 1
        if not line:
            continue
        try:
            found = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list):
            found = _named(found)
        yield found if isinstance(found, dict) else {}


def _named(cells: Sequence[Any]) -> Row:
    """A row that is a list: time, value, and whatever comes after them."""
    names = (_TIME, _VALUE, *(f"column {number}" for number in range(3, len(cells) + 1)))
    return dict(zip(names, cells, strict=False))


def _tables(found: Any, depth: int) -> Iterator[Sequence[Row]]:
    """Every table in a document; one is not looked for within another one."""
    if depth > _DEEPEST or not isinstance(found, dict | list) or not found:
        return
    rows = _of_list(found) if isinstance(found, list) else _of_object(found)
    if rows is not None:
        yield rows
        return
    if isinstance(found, dict) and (rows := _of_columns(found)) is not None:
        yield rows  # a few words may stand in lists beside the table, so look further
    inner = found if isinstance(found, list) else list(found.values())
    for one in inner[:_LOOKED_AT]:
        yield from _tables(one, depth + 1)


def _of_list(found: Sequence[Any]) -> Sequence[Row] | None:
    """Objects with a time and a value at least, or lists, perhaps under a row of names."""
    if all(isinstance(row, dict) for row in found):
        return found if any(_n_plain(row.values()) >= 2 for row in found[:_LOOKED_AT]) else None
    if not all(isinstance(row, list) and len(row) >= 2 for row in found):
        return None
    first = found[0]
    if _n_plain(first) < 2:
        return None
    if len(found) > 1 and all(isinstance(name, str) for name in first) and not _is_time(first[0]):
        return [dict(zip(first, row, strict=False)) for row in found[1:]]
    rows = [_named(row) for row in found]
    if _is_time(first[1]) and not _is_time(first[0]):  # the value stands first
        return [{**row, _TIME: row[_VALUE], _VALUE: row[_TIME]} for row in rows]
    return rows


def _of_columns(found: Mapping[str, Any]) -> Sequence[Row] | None:
    """The lists of one length in an object, the longest where there are several such."""
    groups: dict[int, dict[str, list[Any]]] = {}
    for name, column in found.items():
        if isinstance(column, list) and column and _n_plain(column[:1]):
            groups.setdefault(len(column), {})[name] = column
    lists = max((one for one in groups.values() if len(one) >= 2), default=None, key=_length)
    if lists is None:
        return None
    cells = zip(*lists.values(), strict=True)
    return [dict(zip(lists, row, strict=True)) for row in cells]


def _length(columns: Mapping[str, Sequence[Any]]) -> int:
    return len(next(iter(columns.values())))


def _of_object(found: Mapping[str, Any]) -> Sequence[Row] | None:
    """An object whose keys are times, an object of objects, or as pandas splits frames."""
    names, rows = found.get("columns"), found.get("data")
    if isinstance(names, list) and isinstance(rows, list):
        return _of_split(names, rows, found.get("index"))
    if all(isinstance(value, dict) for value in found.values()):
        return _of_objects(found)
    if len(found) >= 2 and all(_is_time(key) for key in found):
        return [{_TIME: key, _VALUE: value} for key, value in found.items()]
    return None


def _of_split(names: Sequence[Any], rows: Sequence[Any], index: Any) -> Sequence[Row] | None:
    """Names, rows and, where it tells times, the index, each in a list of its own."""
    if not rows or not all(isinstance(row, list) for row in rows):
        return None
    cells = [dict(zip(map(str, names), row, strict=False)) for row in rows]
    if isinstance(index, list) and len(index) == len(rows) and _is_time(index[0]):
        return [{_TIME: at, **row} for at, row in zip(index, cells, strict=True)]
    return cells


def _of_objects(found: Mapping[str, Mapping[str, Any]]) -> Sequence[Row] | None:
    """An object of objects: rows by their time, or columns by the row's number or time."""
    if all(_is_time(key) for key in found):
        return [{_TIME: key, **row} for key, row in found.items()]
    keys = list(dict.fromkeys(key for column in found.values() for key in column))
    by_time = bool(keys) and all(_is_time(key) for key in keys)
    if not by_time and (len(found) < 2 or not all(key.isdecimal() for key in keys)):
        return None
    rows = [{name: column.get(key) for name, column in found.items()} for key in keys]
    if by_time:
        return [{_TIME: key, **row} for key, row in zip(keys, rows, strict=True)]
    return rows


def _n_plain(cells: Iterable[Any]) -> int:
    return sum(not isinstance(cell, dict | list) for cell in cells)


def _is_time(cell: Any) -> bool:
    """A date, or seconds or milliseconds since 1970 in this age; no number of a row."""
    if isinstance(cell, str):
        try:
            datetime.fromisoformat(cell.strip())
        except ValueError:
            pass
        else:
            return True
    try:
        return 1e8 < abs(float(cell)) < 1e14
    except (TypeError, ValueError):
        return False
