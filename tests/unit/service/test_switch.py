import threading

import pytest

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.service import switch
from soc_copilot.service.switch import SwitchWatch


def test_the_switch_is_seen_soon_and_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "POLL_S", 0.01)
    states = [KillSwitchState(engaged=False)]
    seen = threading.Condition()

    def read() -> KillSwitchState:
        with seen:
            seen.notify_all()
        return states[0]

    watch = SwitchWatch(read)
    assert "not read yet" in watch.reason()
    watch.start()
    assert watch.reason() == ""
    states[0] = KillSwitchState(engaged=True, actor="ann", reason="a drill")
    with seen:
        for _ in range(3):  # two whole looks lie between three
            assert seen.wait(30)
    assert watch.reason() == "The kill switch is engaged by ann: a drill."
    watch.stop()


def test_what_cannot_be_read_counts_as_engaged(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> KillSwitchState:
        raise OSError("gone")

    watch = SwitchWatch(fail)
    watch.start()
    assert "cannot be read" in watch.reason()
    watch.stop()
    unreadable = SwitchWatch(lambda: KillSwitchState(True, reason="No disk.", readable=False))
    unreadable.start()
    assert unreadable.reason() == "No disk."
    unreadable.stop()


def test_a_switch_that_is_not_read_any_more_counts_as_engaged() -> None:
    now = [100.0]
    hangs, may_end = threading.Event(), threading.Event()
    states = iter([KillSwitchState(engaged=False)])

    def read() -> KillSwitchState:
        if (state := next(states, None)) is not None:
            return state
        hangs.set()
        assert may_end.wait(30)
        return KillSwitchState(engaged=False)

    watch = SwitchWatch(read, lambda: now[0])
    watch.start()
    assert hangs.wait(30)
    now[0] += switch.STALE_S
    assert watch.reason() == ""
    now[0] += 0.1
    assert "not read for 10 s" in watch.reason()
    may_end.set()
    watch.stop()
    assert watch.reason() == ""
