import pytest

from soc_copilot.detection.auth import create, rules
from soc_copilot.detection.auth.logins import network
from soc_copilot.domain.findings import Severity
from tests.unit.detection.auth.frames import accepted, alerts, batches, failed, run

DAY_S = 86_400


def found(events):
    return {k[0]: a for k, a in alerts(run(create({}), batches(events))).items()}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("host.example.org", "example.org"),
        ("localhost", "localhost"),
    ],
)
def test_networks_of_addresses(address, expected):
    assert network(address) == expected


def test_someone_mistyping_at_home_is_only_medium():
    home = [accepted(i * DAY_S / 4, "198.51.100.5", "ann") for i in range(9)]
    slips = [failed(3 * DAY_S + i, "198.51.100.5", "ann") for i in range(6)]
    login = accepted(3 * DAY_S + 9, "198.51.100.5", "ann")
    assert found([*home, *slips, login])[rules.SUCCESS.id]["severity"] == Severity.MEDIUM
    assert found([*slips, login])[rules.SUCCESS.id]["severity"] == Severity.HIGH


def test_a_traveller_is_left_alone():
    nets = [accepted(i * DAY_S, f"198.51.{i}.5", "ann", "publickey") for i in range(40)]
    answers = run(create({}), batches(nets))
    told = {key[2] for key in alerts(answers)}
    assert len(told) == rules.MAX_NETWORKS - rules.HISTORY_LOGINS


def test_root_from_a_private_address_is_low():
    assert found([accepted(0, "10.1.2.3")])[rules.ROOT.id]["severity"] == Severity.LOW
    assert found([accepted(0, "203.0.113.3")])[rules.ROOT.id]["severity"] == Severity.MEDIUM
