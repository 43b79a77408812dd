from soc_copilot.phishing.sessions import MemorySessions
from tests.unit.phishing.parts import TurnedClock


def test_a_session_tells_its_last_answers_the_newest_first() -> None:
    sessions = MemorySessions(max_each=2)
    for data in (b"1", b"2", b"3"):
        sessions.note("ann", "s", data)
    sessions.note("bob", "s", b"other")
    assert sessions.recent("ann", "s") == [b"3", b"2"]
    assert sessions.recent("bob", "s") == [b"other"]
    assert sessions.recent("ann", "t") == []


def test_it_is_known_for_its_time_after_the_last_answer() -> None:
    clock = TurnedClock()
    sessions = MemorySessions(ttl_s=300, clock=clock)
    sessions.note("ann", "s", b"1")
    clock.s += 299
    sessions.note("ann", "s", b"2")
    clock.s += 299
    assert sessions.recent("ann", "s") == [b"2", b"1"]
    clock.s += 1
    assert sessions.recent("ann", "s") == []
    sessions.note("ann", "s", b"3")  # a new one under an old name
    assert sessions.recent("ann", "s") == [b"3"]


def test_their_number_is_bounded() -> None:
    sessions = MemorySessions(max_sessions=2)
    for name in "abc":
        sessions.note("ann", name, b"1")
    assert len(sessions) == 2
    assert sessions.recent("ann", "a") == []
    sessions.note("ann", "b", b"2")  # used again, so the other one goes first
    sessions.note("ann", "d", b"1")
    assert sessions.recent("ann", "b") == [b"2", b"1"]
    assert sessions.recent("ann", "c") == []
