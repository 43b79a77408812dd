"""Series of hours as they were judged: written with the batch, read for the window."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from soc_copilot.governance.schema import SeriesHourModel, SeriesIntervalModel, SeriesModel
from soc_copilot.governance.session import Session, in_chunks

if TYPE_CHECKING:
    from soc_copilot.domain.load import HourRow, LoadInterval, SeriesUpdate, StoredSeries

_SERIES = SeriesModel.__table__.c
_HOUR = SeriesHourModel.__table__.c
_INTERVAL = SeriesIntervalModel.__table__.c
_NUMBERS: Final = ("value", "forecast", "lower", "upper", "benchmark", "score")
_CHUNK: Final = 500  # chosen: hours in one question; a database takes no more than so many
KEPT_HOURS: Final = 24 * 366 * 20  # chosen: twenty years; older hours go


def store_series(connection: Connection, updates: "Iterable[SeriesUpdate]") -> None:
    """Write hours and intervals within the batch's transaction; a second time changes nothing."""
    for one in updates:
        series_id = _id_of(connection, one)
        for rows in in_chunks(list(one.rows), _CHUNK):
            hours = [row.hour for row in rows]
            connection.execute(
                delete(SeriesHourModel).where(_HOUR.series_id == series_id, _HOUR.hour.in_(hours))
            )
            latest = {row.hour: row for row in rows}
            connection.execute(
                insert(SeriesHourModel), [_values(series_id, row) for row in latest.values()]
            )
        for interval in one.intervals:
            _store_interval(connection, series_id, interval)
        if one.rows:
            oldest = max(row.hour for row in one.rows) - KEPT_HOURS
            connection.execute(
                delete(SeriesHourModel).where(_HOUR.series_id == series_id, _HOUR.hour < oldest)
            )


def _id_of(connection: Connection, one: "SeriesUpdate") -> int:
    found = connection.execute(
        select(_SERIES.id, _SERIES.name, _SERIES.unit).where(_SERIES.key == one.key)
    ).first()
    if found is None:
        added = connection.execute(
            insert(SeriesModel).values(key=one.key, name=one.name, unit=one.unit)
        )
        return int(added.inserted_primary_key[0])  # type: ignore[index]  # an insert has one
    if (found.name, found.unit) != (one.name, one.unit):
        connection.execute(
            update(SeriesModel).where(_SERIES.id == found.id).values(name=one.name, unit=one.unit)
        )
    return int(found.id)


def _values(series_id: int, row: "HourRow") -> dict[str, Any]:
    numbers = {name: getattr(row, name) for name in _NUMBERS}
    known = {name: v if math.isfinite(v) else None for name, v in numbers.items()}
    return {
        "series_id": series_id, "hour": row.hour, **known, "grade": row.grade, "odd": int(row.odd)
    }  # fmt: skip


def _store_interval(connection: Connection, series_id: int, one: "LoadInterval") -> None:
    connection.execute(
        delete(SeriesIntervalModel).where(
            _INTERVAL.series_id == series_id, _INTERVAL.first <= one.last,
            _INTERVAL.last >= one.first,
        )
    )  # fmt: skip
    told = json.dumps(asdict(one))
    connection.execute(
        insert(SeriesIntervalModel),
        {"series_id": series_id, "first": one.first, "last": one.last, "told": told},
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


class SeriesStore:
    """Reads what is stored of series."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self) -> "tuple[StoredSeries, ...]":
        """Every series that has an hour, by name."""
        from soc_copilot.domain.load import StoredSeries

        first, last = (
            select(bound(_HOUR.hour))
            .where(_HOUR.series_id == _SERIES.id)
            .correlate(SeriesModel)
            .scalar_subquery()
            for bound in (func.min, func.max)
        )
        query = select(
            _SERIES.id, _SERIES.key, _SERIES.name, _SERIES.unit, first.label("first"),
            last.label("last"),
        ).order_by(_SERIES.name, _SERIES.id)  # fmt: skip
        with self._session.read() as connection:
            rows = connection.execute(query).all()
        return tuple(StoredSeries(*row) for row in rows if row.first is not None)

    def hours(
        self, key: str, first: int | None = None, last: int | None = None
    ) -> "tuple[HourRow, ...]":
        """Hours of a series, oldest first.

        Args:
            key: Which series.
            first: Oldest hour that is wanted; all by default.
            last: Newest one.
        """
        from soc_copilot.domain.load import HourRow

        columns = (_HOUR.hour, *(_HOUR[name] for name in _NUMBERS), _HOUR.grade, _HOUR.odd)
        query = (
            select(*columns)
            .join(SeriesModel, _HOUR.series_id == _SERIES.id)
            .where(_SERIES.key == key)
            .order_by(_HOUR.hour)
        )
        if first is not None:
            query = query.where(_HOUR.hour >= first)
        if last is not None:
            query = query.where(_HOUR.hour <= last)
        with self._session.read() as connection:
            rows = connection.execute(query).all()
        return tuple(
            HourRow(row[0], *(_number(v) for v in row[1:7]), grade=row[7], odd=row[8])  # type: ignore[misc,arg-type]  # six numbers
            for row in rows
        )

    def intervals(self, key: str, first: int | None = None) -> "tuple[LoadInterval, ...]":
        """Suspected attacks of a series, oldest first; those that end before `first` left out."""
        from soc_copilot.domain.load import LoadInterval

        query = (
            select(_INTERVAL.told)
            .join(SeriesModel, _INTERVAL.series_id == _SERIES.id)
            .where(_SERIES.key == key)
            .order_by(_INTERVAL.first)
        )
        if first is not None:
            query = query.where(_INTERVAL.last >= first)
        with self._session.read() as connection:
            told = [json.loads(text) for text in connection.execute(query).scalars()]
        return tuple(LoadInterval(**{**one, "words": tuple(one["words"])}) for one in told)
