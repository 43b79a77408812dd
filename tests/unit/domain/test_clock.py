from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.clock import SYSTEM_CLOCK, from_us, to_us, utc_now


@given(st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
def test_microseconds_survive_the_round_trip(us: int) -> None:
    assert to_us(from_us(us)) == us


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        to_us(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_now_is_utc_and_agrees_with_the_clock() -> None:
    now = utc_now()
    assert now.tzinfo is UTC
    assert abs(SYSTEM_CLOCK.now_ns() / 1e3 - to_us(now)) < 5e6
    assert SYSTEM_CLOCK.monotonic_s() <= SYSTEM_CLOCK.monotonic_s()
