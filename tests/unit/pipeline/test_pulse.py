"""Silence and floods, by the rules alone."""

import math

import pytest

from soc_copilot.domain.records import SourceStatus
from soc_copilot.pipeline.pulse import (
    ADOPT_S,
    FLOOD,
    LEAST_ARRIVALS,
    SILENCE,
    Rules,
    SourceWatch,
    Told,
    words_of,
)
from soc_copilot.settings import SETTINGS

LIVE = SourceStatus(1, "app", "live")


class Hand:
    """A clock moved by hand, and a watch that is looked at every ten seconds."""

    def __init__(self, state: bytes = b"", status: SourceStatus = LIVE) -> None:
        self.s = 0.0
        self.watch = SourceWatch(Rules(), self, state)
        self.told: list[Told] = []
        self.look(status)

    def monotonic_s(self) -> float:
        return self.s

    def now_ns(self) -> int:
        return int((1_700_000_000 + self.s) * 1e9)

    def look(self, status: SourceStatus = LIVE, *, halted: bool = False) -> None:
        self.told += self.watch.tick((status,), halted=halted)

    def run(self, seconds: float, n: int = 0, *, status: SourceStatus = LIVE,
            halted: bool = False, every: float = 10.0) -> None:  # fmt: skip
        """Let time pass; `n` lines come at each look."""
        end = self.s + seconds
        while self.s < end:
            self.s += every
            self.watch.take(((1, "app", n),))
            self.look(status, halted=halted)

    def rules(self) -> list[tuple[str, bool]]:
        return [(one.finding.rule, one.is_over) for one in self.told]


def test_ten_minutes_of_nothing_are_silence_and_it_is_told_once() -> None:
    hand = Hand()
    hand.run(200, 5)
    hand.run(590)
    assert hand.told == []
    hand.run(20)
    assert hand.rules() == [(SILENCE, False)]
    hand.run(86_400)
    assert len(hand.told) == 1
    hand.run(10, 5)
    assert hand.rules() == [(SILENCE, False), (SILENCE, True)]
    assert "sends again" in hand.told[1].note


def test_a_source_with_long_gaps_may_be_quiet_for_longer() -> None:
    hand = Hand()
    for _ in range(LEAST_ARRIVALS + 2):
        hand.run(10, 5)
        hand.run(300)
    hand.run(1_100)
    assert hand.told == []  # five times its gap of five minutes are not over
    hand.run(200)
    assert hand.rules() == [(SILENCE, False)]


def test_a_source_that_hardly_spoke_is_not_known() -> None:
    hand = Hand()
    hand.run(10, 5)
    hand.run(100_000)
    assert hand.told == []


def test_a_long_gap_that_comes_again_is_usual() -> None:
    hand = Hand()
    hand.run(200, 5)
    for _ in range(3):
        hand.run(4_000)
        hand.run(200, 5)
    assert [rule for rule in hand.rules() if not rule[1]] == [(SILENCE, False)] * 2


@pytest.mark.parametrize("state", ["denied", "error", "hung", "stopped", "quarantined"])
def test_what_cannot_be_read_is_not_silent(state: str) -> None:
    hand = Hand()
    hand.run(200, 5)
    hand.run(5_000, status=SourceStatus(1, "app", state))
    hand.run(500)
    assert hand.told == []


def test_a_file_that_is_gone_is_silent() -> None:
    hand = Hand()
    hand.run(200, 5)
    hand.run(620, status=SourceStatus(1, "app", "missing"))
    assert hand.rules() == [(SILENCE, False)]


def test_halted_asleep_or_switched_off_is_not_silent() -> None:
    hand = Hand()
    hand.run(200, 5)
    hand.run(5_000, halted=True)
    hand.run(500)
    hand.s += 50_000
    hand.look()
    assert hand.told == []
    hand.run(20, 5)
    hand.watch.rest(1)
    hand.s += 50
    hand.watch.tick(())
    hand.run(590)
    assert hand.told == []


def test_ten_times_the_busiest_minute_is_a_flood_until_it_is_over() -> None:
    hand = Hand()
    hand.run(900, 20)  # 120 a minute
    assert hand.told == []
    hand.run(30, 500)
    assert hand.rules() == [(FLOOD, False)]
    assert "lines a minute" in hand.told[0].finding.title
    hand.run(600, 500)
    assert len(hand.told) == 1
    hand.run(70, 20)
    assert hand.rules() == [(FLOOD, False), (FLOOD, True)]
    hand.run(600, 20)
    hand.run(60, 500)  # what was a flood has not become usual
    assert hand.rules()[2:] == [(FLOOD, False)]


def test_a_flood_that_stays_is_usual_in_the_end() -> None:
    hand = Hand()
    hand.run(900, 20)
    hand.run(ADOPT_S + 7_200, 500)
    assert hand.rules() == [(FLOOD, False), (FLOOD, True)]
    assert "usual" in hand.told[1].note


def test_a_quiet_source_or_a_backlog_is_no_flood() -> None:
    hand = Hand()
    hand.run(900, 1)
    hand.run(60, 30)  # thirty times more, but only 180 a minute
    assert hand.told == []
    late = SourceStatus(1, "app", "behind", lag_bytes=10**6)
    behind = Hand(hand.watch.state(), late)
    behind.run(120, 5_000, status=late)
    assert behind.told == []


def test_what_was_learned_is_kept() -> None:
    hand = Hand()
    hand.run(900, 20)
    hand.run(700)
    later = Hand(hand.watch.state())
    later.run(10, 5)
    assert later.rules() == [(SILENCE, True)]
    later.run(120, 20)
    later.run(30, 500)
    assert later.rules()[1:] == [(FLOOD, False)]


@pytest.mark.parametrize("state", [b"", b"{", b"[]", b'{"1": 5}', b'{"x": {"name": "a"}}'])
def test_a_damaged_state_is_left_out(state: bytes) -> None:
    hand = Hand(state)
    hand.run(900, 5)
    assert hand.told == []


def test_each_whole_hour_is_counted_for_the_page() -> None:
    hand = Hand()
    hand.run(3 * 3_600, 5)
    done = hand.watch.drain()
    assert [one.key for one in done] == ["rate/1"] * len(done)
    counts = [row.value for one in done for row in one.rows]
    assert counts[-1] == 5 * 360
    assert math.isnan(counts[0]) or counts[0] <= 5 * 360
    assert hand.watch.drain() == ()


def test_rules_are_as_a_person_has_set_them() -> None:
    settings = {setting.key: setting.default for setting in SETTINGS}
    assert Rules.of(settings) == Rules()


def test_durations_are_told_in_words() -> None:
    assert [words_of(s) for s in (40, 600, 7_200, 200_000)] == ["40 s", "10 min", "2.0 h", "2 days"]
