"""Times as logs write them, as Polars expressions that give UTC microseconds or null."""

import calendar
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from soc_copilot.parsing.protocol import DATETIME

# Chosen: what lies outside is a broken clock or an attack on whoever shows the time, and is
# treated as no time at all. Far enough from the limits of datetime for any zone shift.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

ISO_PATTERN: Final = (
    r"[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}"  # date
    r"[T _][0-9]{2}:[0-9]{2}:[0-9]{2}"  # time of day
    r"(?:[.,][0-9]{1,9})?"  # fraction of a second
    r"(?: ?(?:Z|UTC|[+-][0-9]{2}:?(?:[0-9]{2})?))?"  # zone; UTC when there is none
)
SYSLOG_PATTERN: Final = r"[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
ACCESS_PATTERN: Final = r"[0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"
CTIME_PATTERN: Final = (
    r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] "  # weekday, month, day
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})? [0-9]{4}"  # time of day, year
)
EPOCH_PATTERN: Final = r"[0-9]{9,19}(?:\.[0-9]{1,9})?"


def _sane(moment: pl.Expr) -> pl.Expr:
    return pl.when(moment.is_between(EARLIEST, LATEST, closed="left")).then(moment)


def _strptime(text: pl.Expr, layout: str) -> pl.Expr:
    # Measured: 7 million stamps/s with Polars' cache of stamps already seen, which is on.
    moment = text.str.to_datetime(layout, time_unit="us", strict=False)
    return moment.dt.replace_time_zone("UTC") if "%#z" not in layout else moment


def access_time(text: pl.Expr) -> pl.Expr:
    """Of "17/May/2015:10:05:03 +0000"."""
    moment = text.str.to_datetime("%d/%b/%Y:%H:%M:%S %z", time_unit="us", strict=False)
    return _sane(moment)


def ctime(text: pl.Expr) -> pl.Expr:
    """Of "Sun Dec 04 04:47:44 2005", with or without microseconds; taken as UTC."""
    return _sane(_strptime(text.str.slice(4), "%b %d %H:%M:%S%.f %Y"))


def iso_time(text: pl.Expr) -> pl.Expr:
    """Of ISO 8601 and its everyday relatives (`ISO_PATTERN`); UTC when no zone is given."""
    time_of_day = text.str.slice(11).str.replace_all(" ", "", literal=True)
    tidy = (
        text.str.slice(0, 10).str.replace_all(r"[/.]", "-")
        + pl.lit("T")
        + time_of_day.str.replace(",", ".", literal=True).str.replace("UTC", "Z", literal=True)
    )
    has_zone = time_of_day.str.contains(r"[Z+-]|UTC")
    zoned = pl.when(has_zone).then(tidy).otherwise(tidy + pl.lit("Z"))
    return _sane(_strptime(zoned, "%Y-%m-%dT%H:%M:%S%.f%#z"))


def epoch_time(text: pl.Expr) -> pl.Expr:
    """Of a number since 1970: seconds, milli-, micro- or nanoseconds, told by its size."""
    number = text.cast(pl.Float64, strict=False)
    whole = text.cast(pl.Int64, strict=False)  # exact where a float is not
    us = (
        pl.when(number < 1e11)
        .then((number * 1e6).round())
        .when(number < 1e14)
        .then((number * 1e3).round())
        .when(number < 1e17)
        .then(whole.cast(pl.Float64))
        .when(number < 1e19)
        .then((whole // 1_000).cast(pl.Float64))
    )
    return _sane(us.cast(pl.Int64, strict=False).cast(DATETIME, strict=False))


def syslog_time(text: pl.Expr, reference: datetime) -> pl.Expr:
    """Of "Jun  4 15:16:01", which lacks the year.

    Args:
        text: Stamps; null or anything else gives null.
        reference: Aware UTC. A stamp gets the latest year in which it exists and lies at
            most a day after this, so that a log read on New Year's Eve, or from a machine
            whose clock is ahead, falls into the right one.
    """
    in_2000 = _strptime(pl.lit("2000 ") + text, "%Y %b %d %H:%M:%S%.f")
    limit = reference + timedelta(days=1)
    year = pl.when(in_2000 <= limit.replace(year=2000))
    month, day = in_2000.dt.month(), in_2000.dt.day()
    return _sane(
        pl.when((month == 2) & (day == 29))
        .then(in_2000 + pl.lit(_leap_shift(limit)))
        .when(month <= 2)
        .then(in_2000 + year.then(_shift(limit.year, 1)).otherwise(_shift(limit.year - 1, 1)))
        .otherwise(in_2000 + year.then(_shift(limit.year, 3)).otherwise(_shift(limit.year - 1, 3)))
    )


def _shift(year: int, month: int) -> pl.Expr:
    return pl.lit(date(year, month, 1) - date(2000, month, 1))


def _leap_shift(limit: datetime) -> timedelta:
    year = limit.year
    while not calendar.isleap(year) or datetime(year, 2, 29, tzinfo=UTC) > limit:
        year -= 1
    return date(year, 2, 29) - date(2000, 2, 29)


def any_time(text: pl.Expr, reference: datetime) -> pl.Expr:
    """Of a text that is one of the kinds above and nothing else; null otherwise."""

    def whole(pattern: str) -> pl.Expr:
        return pl.when(text.str.contains(f"^(?:{pattern})$")).then(text)

    return pl.coalesce(
        iso_time(whole(ISO_PATTERN)),
        epoch_time(whole(EPOCH_PATTERN)),
        access_time(whole(ACCESS_PATTERN)),
        syslog_time(whole(SYSLOG_PATTERN), reference),
        ctime(whole(CTIME_PATTERN)),
    )
