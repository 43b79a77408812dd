import io

import pytest

from soc_copilot.service.frames import StorePlan, frame, read_frame

PLAN = StorePlan("g.db", None, ("ann", "cli"), {"a.b": True, "c": 1.5, "d": "x"}, 3, end=17)


def test_a_plan_comes_back_as_it_was_sent() -> None:
    assert StorePlan.from_bytes(PLAN.to_bytes()) == PLAN
    with pytest.raises(TypeError):
        StorePlan.from_bytes(b'{"actor":["a","b"],"newer":1}')


def test_frames_come_back_one_by_one() -> None:
    stream = io.BytesIO(frame(1, b"one\ntwo") + frame(2**40, b""))
    assert [read_frame(stream) for _ in range(3)] == [(1, b"one\ntwo"), (2**40, b""), None]


@pytest.mark.parametrize("n", range(len(frame(1, b"one"))))
def test_a_torn_frame_is_the_end(n: int) -> None:
    assert read_frame(io.BytesIO(frame(1, b"one")[:n])) is None


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="none of ours"):
        read_frame(io.BytesIO(b"\xff" * 20))
