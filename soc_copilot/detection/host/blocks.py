"""Blocks of events as the detector takes them: checked, and in columns."""

import math
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np
import polars as pl

from soc_copilot.detection.host.activity import (
    ActivityColumns,
    HostEvent,
    Names,
    Operation,
    from_events,
)
from soc_copilot.detection.host.reading import (
    ENTROPY,
    EVENT_ID,
    IS_FOLDER,
    OPERATION,
    PATH,
    PREVIOUS_ENTROPY,
    PREVIOUS_SIZE,
    PROCESS,
    SCHEMA,
    SIZE,
    STREAM,
    TARGET,
    TIME,
    USER,
)
from soc_copilot.domain.errors import DetectorError

_TEXTS: Final = (EVENT_ID, STREAM, PATH, TARGET, USER, PROCESS)
_LAST_OPERATION: Final = max(Operation)
_BITS: Final = 8.0  # entropy of a byte is at most this
_MOST: Final = sys.float_info.max  # anything but infinity
_NEEDED: Final = (TIME, OPERATION, PATH)


def frame_of(events: Sequence[HostEvent]) -> pl.DataFrame:
    """Events as a canonical frame.

    Raises:
        DetectorError: A field has a type that it cannot have.
    """
    try:
        return pl.DataFrame(
            {
                EVENT_ID: [_text(e.event_id) for e in events],
                STREAM: [_text(e.stream) for e in events],
                TIME: [e.timestamp for e in events],
                OPERATION: [e.operation for e in events],
                PATH: [_text(e.path) for e in events],
                TARGET: [_text(e.target) for e in events],
                SIZE: [e.size for e in events],
                PREVIOUS_SIZE: [e.previous_size for e in events],
                ENTROPY: [e.entropy for e in events],
                PREVIOUS_ENTROPY: [e.previous_entropy for e in events],
                IS_FOLDER: [e.is_folder for e in events],
                USER: [_text(e.user) for e in events],
                PROCESS: [_text(e.process) for e in events],
            },
            schema=SCHEMA,
        )
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DetectorError(
            f"An event does not have the fields of a HostEvent ({error}). None was scored."
        ) from error


def checked(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with what is not known or cannot be as NaN and "".

    Raises:
        DetectorError: A needed column is missing or of another type, an event has no time, or
            an operation is none.
    """
    if _is_clean(frame):
        return frame
    missing = [name for name in _NEEDED if name not in frame.columns]
    if missing:
        raise DetectorError(
            f"The events lack {', '.join(missing)}. Read them with "
            "`soc_copilot.detection.host.reading`. None was scored."
        )
    added = [
        pl.lit(_default(name)).cast(dtype).alias(name)
        for name, dtype in SCHEMA.items()
        if name not in frame.columns
    ]
    try:
        rows = frame.with_columns(added).select(
            pl.col(name).cast(dtype) for name, dtype in SCHEMA.items()
        )
    except pl.exceptions.PolarsError as error:
        raise DetectorError(
            f"A column of the events has the wrong type ({error}). None was scored."
        ) from error
    _check_rows(rows)
    unknown = pl.lit(math.nan)

    def number(name: str, high: float) -> pl.Expr:
        value = pl.col(name)
        return (
            pl.when(value.is_finite() & value.is_between(0.0, high)).then(value).otherwise(unknown)
        )

    return rows.with_columns(
        *(number(name, math.inf).alias(name) for name in (SIZE, PREVIOUS_SIZE)),
        *(number(name, _BITS).alias(name) for name in (ENTROPY, PREVIOUS_ENTROPY)),
        pl.col(IS_FOLDER).fill_null(value=False),
        pl.col(*_TEXTS).fill_null(""),
    )


def columns_of(event: HostEvent) -> tuple[HostEvent, ActivityColumns]:
    """One event, checked, and its columns.

    Raises:
        DetectorError: It has no time or an unknown operation, or a field of the wrong type.
    """
    try:
        if not math.isfinite(event.timestamp):
            raise _no_time(event.event_id, event.timestamp)
        if not 0 <= event.operation <= _LAST_OPERATION:
            raise _no_operation(event.event_id, event.operation)
        if not (
            event.path.isascii() and event.target.isascii() and event.stream.isascii()
            and event.user.isascii() and event.process.isascii() and event.event_id.isascii()
        ):  # fmt: skip
            texts: dict[str, Any] = {name: _text(getattr(event, name)) for name in _TEXTS}
            event = replace(event, **texts)
        if not (
            _is_number(event.size, math.inf) and _is_number(event.previous_size, math.inf)
            and _is_number(event.entropy, _BITS) and _is_number(event.previous_entropy, _BITS)
        ):  # fmt: skip
            event = replace(
                event,
                size=_number(event.size, math.inf),
                previous_size=_number(event.previous_size, math.inf),
                entropy=_number(event.entropy, _BITS),
                previous_entropy=_number(event.previous_entropy, _BITS),
            )
        return event, from_events((event,))
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DetectorError(
            f"An event does not have the fields of a HostEvent ({error}). It was not scored."
        ) from error


def sliced(columns: ActivityColumns, start: int, end: int) -> ActivityColumns:
    """Some of the events, without copying them."""
    if start == 0 and end >= len(columns):
        return columns
    cut: dict[str, Any] = {}
    for field in fields(ActivityColumns):
        value = getattr(columns, field.name)
        if isinstance(value, Names):
            parts: list[Any] = [part[start:end] for part in value]
            cut[field.name] = Names(*parts)
        elif isinstance(value, np.ndarray):
            cut[field.name] = value[start:end]
    return ActivityColumns(**cut, head_bytes=columns.head_bytes)


def _is_clean(frame: pl.DataFrame) -> bool:
    """True when there is nothing to mend: the usual case, told without Polars' planner."""
    if frame.schema != SCHEMA or any(column.null_count() for column in frame.iter_columns()):
        return False

    def fits(name: str, high: float) -> bool:
        values = frame[name].to_numpy()
        return bool(((values >= 0.0) & (values <= high) | np.isnan(values)).all())

    return (
        bool(np.isfinite(frame[TIME].to_numpy()).all())
        and bool((frame[OPERATION].to_numpy() <= _LAST_OPERATION).all())
        and all(fits(name, _MOST) for name in (SIZE, PREVIOUS_SIZE))
        and all(fits(name, _BITS) for name in (ENTROPY, PREVIOUS_ENTROPY))
    )


def _check_rows(rows: pl.DataFrame) -> None:
    has_time = rows[TIME].is_finite().fill_null(value=False)
    if not has_time.all():
        row = int(has_time.arg_min() or 0)
        raise _no_time(rows[EVENT_ID][row], rows[TIME][row])
    is_known = (rows[OPERATION] <= _LAST_OPERATION).fill_null(value=False)
    if not is_known.all():
        row = int(is_known.arg_min() or 0)
        raise _no_operation(rows[EVENT_ID][row], rows[OPERATION][row])


def _no_time(event_id: str, found: object) -> DetectorError:
    return DetectorError(
        f'The event "{event_id}" has no time (found {found}). Give seconds, or leave it out. '
        "Nothing of its batch was scored."
    )


def _no_operation(event_id: str, found: object) -> DetectorError:
    return DetectorError(
        f'The event "{event_id}" has an unknown operation (found {found}). Give one of '
        f"0 to {_LAST_OPERATION}. Nothing of its batch was scored."
    )


def _default(name: str) -> Any:
    if name == IS_FOLDER:
        return False
    return "" if SCHEMA[name] == pl.String else math.nan


def _text(text: str) -> str:
    """The text; lone surrogates, which no column can hold, become "?"."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _is_number(value: float, high: float) -> bool:
    return math.isnan(value) or (0.0 <= value <= high and value != math.inf)


def _number(value: float, high: float) -> float:
    return value if _is_number(value, high) else math.nan
