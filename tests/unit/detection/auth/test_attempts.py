from soc_copilot.detection.auth.attempts import (
    MAX_CREDITS,
    MAX_NAME_CHARS,
    MAX_STREAMS,
    Listener,
    count_failures,
    pick,
    prune,
)
from soc_copilot.domain.columns import Action
from tests.unit.detection.auth.frames import accepted, batches, event, failed, pam


def counted(events, listener=None):
    """What each failure counts, and the listener after them."""
    listener = listener or Listener()
    picked = pick(batches(events)[0])
    failures, listener = count_failures(picked, listener.advance(picked))
    return failures["n"].to_list(), listener


def test_only_lines_that_a_rule_may_want_are_picked():
    batch = batches(
        [
            event(0, action=Action.HTTP_REQUEST),
            event(1, action=Action.SSH_DISCONNECT),
            failed(2, address="::ffff:192.0.2.1", user="u" * 500),
            event(3),
        ]
    )[0]
    picked = pick(batch)
    assert picked["row"].to_list() == [2]
    assert picked["address"].to_list() == ["192.0.2.1"]
    assert picked["user"].str.len_chars().to_list() == [MAX_NAME_CHARS]


def test_nothing_is_picked_where_there_is_nothing():
    assert pick(batches([event(0, action=Action.HTTP_REQUEST)])[0]) is None
    assert pick(batches([event(0)])[0]) is None
    assert pick(batches([event(0, action=Action.SSH_DISCONNECT)])[0]) is None


def test_pam_counts_until_the_host_speaks_for_itself():
    counts, listener = counted([pam(0, pid=1), pam(1, pid=2), failed(2, pid=3), pam(3, pid=4)])
    assert counts == [1, 1, 1, 0]
    assert counted([pam(9, pid=5)], listener)[0] == [0]
    assert counted([pam(9, pid=5, host="other")], listener)[0] == [1]


def test_the_line_that_follows_from_the_same_process_is_the_same_attempt():
    counts, listener = counted([pam(0, pid=1)])
    counts, listener = counted([failed(2, pid=1), failed(4, pid=1)], listener)
    assert counts == [0, 1]
    assert not listener.credits


def test_an_old_process_with_the_same_id_pays_for_nothing():
    counts, _ = counted([pam(0, pid=1), failed(7_200, pid=1)])
    assert counts == [1, 1]


def test_a_summary_of_repeats_spends_what_was_counted():
    counts, _ = counted([pam(0, pid=1), pam(1, pid=1, repeat=4), failed(2, pid=1, repeat=7)])
    assert counts == [1, 4, 2]


def test_sudo_by_pam_and_probes_never_count():
    counts, _ = counted(
        [pam(0, process="sudo"), failed(1, method="none"), failed(2, method="publickey")]
    )
    assert counts == []


def test_successes_are_no_failures():
    assert counted([accepted(0)])[0] == []


def test_clocks_and_credits_are_bounded():
    events = [pam(i, pid=i, host=f"h{i % 100}") for i in range(MAX_CREDITS + 500)]
    _, listener = counted(events)
    assert len(listener.clocks) == MAX_STREAMS
    assert len(listener.credits) <= MAX_CREDITS


def test_credits_far_from_every_clock_are_forgotten():
    _, listener = counted([pam(0, pid=1)])
    picked = pick(batches([failed(7_200, pid=9)])[0])
    assert prune(listener).credits
    assert not prune(listener.advance(picked)).credits
