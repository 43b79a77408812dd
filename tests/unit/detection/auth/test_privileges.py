from soc_copilot.detection.auth import create, rules
from soc_copilot.domain.columns import Action
from tests.unit.detection.auth.frames import alerts, batches, event, pam, run, sudo


def found(events):
    return {k[0]: a for k, a in alerts(run(create({}), batches(events))).items()}


def test_the_same_user_on_two_hosts_is_counted_apart():
    wrong = event(0, action=Action.SUDO_AUTH, outcome="failure", user="ann", repeat=3)
    assert found([wrong, {**wrong, "host": "db"}]) == {}


def test_su_by_pam_counts_on_hosts_that_say_nothing_else():
    events = [pam(10 * i, None, "root", process="su", pid=i) for i in range(6)]
    assert set(found(events)) == {rules.SU_GUESS.id}


def test_a_failed_useradd_makes_no_account():
    made = event(0, action=Action.USER_ADDED, outcome="failure", user="bob")
    put = event(9, action=Action.GROUP_CHANGED, outcome="success", user="bob", group="wheel")
    assert set(found([made, put])) == {rules.ADMIN.id}


def test_a_habit_is_told_once_and_an_always_dangerous_command_each_time():
    tame = [sudo(i, "/bin/ls") for i in range(6)]
    keys = "/usr/bin/tee /root/.ssh/authorized_keys"
    assert found([*tame, sudo(9, keys), sudo(10, keys)])[rules.SUDO_DANGER.id]["count"] == 1
    stop = [sudo(9, "/bin/systemctl stop auditd"), sudo(10, "/bin/systemctl stop auditd")]
    assert found(stop)[rules.SUDO_DANGER.id]["count"] == 2
