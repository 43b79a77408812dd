"""Times as logs write them."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.parsing import timestamps as ts

REFERENCE = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PAST_AND_FUTURE = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


def one(expression: pl.Expr) -> datetime | None:
    found: datetime | None = pl.select(expression).item()
    return found


def syslog(text: str, reference: datetime = REFERENCE) -> datetime | None:
    return one(ts.syslog_time(pl.lit(text), reference))


@settings(deadline=None)
@given(PAST_AND_FUTURE, st.integers(-14 * 60, 14 * 60))
def test_access_times_come_back_as_utc(moment, minutes):
    moment = moment.replace(microsecond=0)
    local = moment + timedelta(minutes=minutes)
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    text = f"{local:%d/%b/}{local.year:04d}{local:%H:%M:%S} {zone}".replace(
        f"{local.year:04d}", f"{local.year:04d}:", 1
    )
    assert one(ts.access_time(pl.lit(text))) == moment


@settings(deadline=None)
@given(PAST_AND_FUTURE, st.sampled_from(["T", " "]), st.sampled_from(["Z", "+00:00", "", " UTC"]))
def test_iso_times_come_back_to_the_microsecond(moment, between, zone):
    text = moment.replace(tzinfo=None).isoformat(between, timespec="microseconds") + zone
    assert one(ts.any_time(pl.lit(text), REFERENCE)) == moment


@settings(deadline=None)
@given(PAST_AND_FUTURE)
def test_epochs_are_told_by_their_size(moment):
    moment = moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)
    ms = int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))
    if moment.year < 1974:  # smaller ones would be taken for seconds
        return
    for text in (f"{ms / 1000:.3f}", f"{ms}", f"{ms}000", f"{ms}000000"):
        assert one(ts.epoch_time(pl.lit(text))) == moment


@settings(deadline=None)
@given(PAST_AND_FUTURE, st.datetimes(datetime(1990, 1, 1), datetime(2190, 1, 1)))  # noqa: DTZ001
def test_syslog_years_are_the_latest_not_in_the_future(moment, reference):
    reference = reference.replace(tzinfo=UTC)
    found = syslog(f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}", reference)
    assert found is not None
    limit = reference + timedelta(days=1)
    assert found <= limit
    assert (found.month, found.day, found.hour, found.second) == (
        moment.month,
        moment.day,
        moment.hour,
        moment.second,
    )
    if (moment.month, moment.day) != (2, 29):
        assert found.replace(year=found.year + 1) > limit


def test_leap_day_falls_into_a_leap_year():
    assert syslog("Feb 29 01:02:03") == datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)
    assert syslog("Feb 29 01:02:03", datetime(2024, 2, 28, 12, tzinfo=UTC)) == datetime(
        2024, 2, 29, 1, 2, 3, tzinfo=UTC
    )
    assert syslog("Feb 29 01:02:03", datetime(2024, 2, 27, tzinfo=UTC)) == datetime(
        2020, 2, 29, 1, 2, 3, tzinfo=UTC
    )


def test_reference_on_a_leap_day_works():
    found = syslog("Mar  1 11:00:00", datetime(2024, 2, 29, 12, tzinfo=UTC))
    assert found == datetime(2024, 3, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize("text", ["Feb 30 01:02:03", "Foo  1 01:02:03", "Jan  1 25:00:00", ""])
def test_syslog_times_that_are_none_are_null(text):
    assert syslog(text) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026/03/10 09:00:04", datetime(2026, 3, 10, 9, 0, 4, tzinfo=UTC)),
        ("2026-03-10T09:00:04,5+0130", datetime(2026, 3, 10, 7, 30, 4, 500_000, tzinfo=UTC)),
        ("2026-03-10T23:59:60Z", datetime(2026, 3, 11, tzinfo=UTC)),
        ("10/Mar/2026:09:00:06 +0100", datetime(2026, 3, 10, 8, 0, 6, tzinfo=UTC)),
        ("Tue Mar 10 09:00:07.25 2026", datetime(2026, 3, 10, 9, 0, 7, 250_000, tzinfo=UTC)),
        ("Mar 10 09:00:05", datetime(2026, 3, 10, 9, 0, 5, tzinfo=UTC)),
    ],
)
def test_common_kinds_are_known(text, wanted):
    assert one(ts.any_time(pl.lit(text), REFERENCE)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "2026-02-30 00:00:00",
        "31/Dec/0000:00:00:00 +0000",
        "01/Jan/1970:00:00:00 +0100",
        "9999999999999999999",
        "99999999999",
        "-5",
        "1e300",
        "yesterday",
        "2026-03-10 09:00:00 and more",
    ],
)
def test_times_out_of_range_and_other_texts_are_null(text):
    assert one(ts.any_time(pl.lit(text), REFERENCE)) is None


@settings(deadline=None)
@given(st.text())
def test_any_text_is_taken_without_an_exception(text):
    pl.select(
        ts.access_time(pl.lit(text)),
        ts.iso_time(pl.lit(text)).alias("iso"),
        ts.epoch_time(pl.lit(text)).alias("epoch"),
        ts.syslog_time(pl.lit(text), REFERENCE).alias("syslog"),
        ts.ctime(pl.lit(text)).alias("ctime"),
        ts.any_time(pl.lit(text), REFERENCE).alias("any"),
    )
