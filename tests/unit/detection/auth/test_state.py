import json
import zlib

import pytest

from soc_copilot.detection.auth import create
from soc_copilot.detection.auth.state import MAX_ALERTS, MAX_TAILS, State, unpack
from soc_copilot.domain.errors import DetectorError
from tests.unit.detection.auth.frames import accepted, batches, failed, pam, run, sudo


def test_a_state_comes_back_as_it_was_packed():
    events = [failed(i, user=f"ü{i % 9}") for i in range(30)]
    events += [pam(31, host="old", pid=4), accepted(40), sudo(50, "/usr/sbin/visudo")]
    (answer,) = run(create({}), batches(events))
    assert unpack(answer.state).pack() == answer.state
    assert unpack(State().pack()).pack() == State().pack()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        zlib.compress(b"[]"),
        zlib.compress(b'{"format": 99}'),
        zlib.compress(json.dumps({"format": 1}).encode()),
        State().pack()[:-4],
    ],
)
def test_damaged_bytes_are_refused(data):
    with pytest.raises(DetectorError, match="damaged"):
        unpack(data)


def test_what_is_remembered_is_bounded():
    addresses = [f"10.{i // 250}.{i % 250}.1" for i in range(700)]
    events = [failed(i / 1000, address=a, user=f"u{i}") for i, a in enumerate(addresses * 11)]
    (answer,) = run(create({}), batches(events))
    state = unpack(answer.state)
    assert len(state.alerts) == MAX_ALERTS
    assert len(state.tails) == MAX_TAILS
    assert len(answer.state) < 500_000
