"""What is stored of watched series: packed and read again, for those who judge or only look."""

import math

import pytest

from soc_copilot.detection.load.states import pack, standings, unpack
from soc_copilot.domain.load import Standing

MADE = Standing(p50_us=80.0, p95_us=90.0, p99_us=99.0, hours_per_s=12_000.0, memory_bytes=5)
DRIFT = {"mae": 2.0, "mape": 0.03, "baseline_mape": 0.01, "ratio": 3.0, "is_drifting": True}


def test_parts_come_back_as_they_were() -> None:
    parts = [({"key": "1/a", "drift": DRIFT}, b"one" * 50), ({"key": "2/b", "drift": None}, b"")]
    told, found = unpack(pack(parts, MADE, [80, 90]))
    assert told["times"] == [80, 90]
    assert [facts["key"] for facts, _ in found] == ["1/a", "2/b"]


def test_who_only_looks_sees_drift_speed_and_memory() -> None:
    parts = [({"key": "1/a", "drift": DRIFT}, b"x"), ({"key": "2/b", "drift": None}, b"")]
    found = standings(pack(parts, MADE, []))
    assert found["1/a"].is_drifting
    assert (found["1/a"].ratio, found["1/a"].p50_us) == (3.0, 80.0)
    assert math.isnan(found["2/b"].ratio)
    assert found["2/b"].memory_bytes == 5


@pytest.mark.parametrize("state", [b"", b"\x05", b"\xff" * 50, b"\x02\x00\x00\x00{}"])
def test_what_cannot_be_read_says_nothing(state: bytes) -> None:
    assert standings(state) == {}
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind
        unpack(state)


def test_a_state_from_before_it_was_told_says_nothing_of_speed() -> None:
    import json
    import struct

    text = json.dumps({"format": 1, "series": [{"key": "1/a", "n": 0}]}).encode()
    found = standings(struct.pack("<I", len(text)) + text)
    assert found == {"1/a": found["1/a"]}
    assert found["1/a"].hours_per_s == 0
