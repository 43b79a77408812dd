"""Sentences of sshd, sudo, su, PAM and the account tools."""

import polars as pl
import pytest

from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
from soc_copilot.parsing import auth_messages
from soc_copilot.parsing.auth_messages import FIELDS, take_apart
from tests.unit.parsing.golden import Row, row_of


def said(process: str, message: str) -> Row:
    return row_of("syslog", f"Mar 10 09:00:00 gate {process}[7]: {message}")


def test_frame_without_known_sentences_gives_no_rows():
    frame = pl.DataFrame(
        {"row": [0], "process": ["app"], "module": [None], "body": ["hello"]},
        schema={"row": pl.UInt32, "process": pl.String, "module": pl.String, "body": pl.String},
    )
    found = take_apart(frame)
    assert found.height == 0
    assert set(FIELDS) <= set(found.columns)
    assert take_apart(frame.clear()).schema == found.schema


@pytest.mark.parametrize(
    "user",
    [
        "x from 198.51.100.1 port 22",
        "x from 198.51.100.1 port 22 ssh2",
        "x from 198.51.100.1 port 22 ssh2: RSA SHA256:abc",
        "invalid user root",
        "root] [preauth]",
        "a b",
    ],
)
def test_user_name_with_a_forged_origin_does_not_move_the_blame(user):
    message = f"Failed password for invalid user {user} from 192.0.2.9 port 50003 ssh2"
    row = said("sshd", message)
    assert (row[c.SOURCE_IP], row[c.SOURCE_PORT]) == ("192.0.2.9", 50_003)
    assert row[c.USER] == user
    row = said("sshd", f"Invalid user {user} from 192.0.2.9 port 50003")
    assert row[c.SOURCE_IP] == "192.0.2.9"
    row = said("sshd", f"Connection closed by invalid user {user} 192.0.2.9 port 50003 [preauth]")
    assert row[c.SOURCE_IP] == "192.0.2.9"


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Failed none for invalid user 0 from 192.0.2.9 port 9 ssh2", (Action.SSH_LOGIN, "0")),
        ("Illegal user test from ::ffff:192.0.2.9", (Action.SSH_INVALID_USER, "test")),
        (
            "User git from 192.0.2.9 not allowed because not listed in AllowUsers",
            (Action.SSH_INVALID_USER, "git"),
        ),
        ("Disconnected from user anna 192.0.2.9 port 50003", (Action.SSH_DISCONNECT, "anna")),
        ("Disconnected from 192.0.2.9 port 50003 [preauth]", (Action.SSH_DISCONNECT, None)),
        (
            "Bad protocol version identification 'GET /' from 192.0.2.9",
            (Action.SSH_DISCONNECT, None),
        ),
        ("Unable to negotiate with 192.0.2.9 port 5: no matching", (Action.SSH_DISCONNECT, None)),
        ("Timeout before authentication for 192.0.2.9 port 5", (Action.SSH_DISCONNECT, None)),
        ("banner exchange: Connection from 192.0.2.9 port 5: x", (Action.SSH_DISCONNECT, None)),
        ("error: Received disconnect from 192.0.2.9: 14: No", (Action.SSH_DISCONNECT, None)),
        (
            "Address 192.0.2.9 maps to x.example, but this does not map back to the address - "
            "POSSIBLE BREAK-IN ATTEMPT!",
            (Action.SSH_BREAK_IN, None),
        ),
        ("ROOT LOGIN REFUSED FROM 192.0.2.9", (Action.SSH_LOGIN, None)),
        (
            "error: PAM: Authentication failure for root from 192.0.2.9",
            (Action.PAM_AUTH, "root"),
        ),
        ("Connection from 192.0.2.9 port 5 on 10.0.0.1 port 22", (None, None)),
    ],
)
def test_sshd_sentences_name_action_user_and_origin(message, wanted):
    row = said("sshd-session", message)
    assert (row.get(c.ACTION), row.get(c.USER)) == wanted
    assert str(row[c.SOURCE_IP]).endswith("192.0.2.9")


def test_pam_success_and_empty_fields():
    row = said(
        "sshd", "pam_sss(sshd:auth): authentication success; logname= uid=0 rhost=192.0.2.9 user=a"
    )
    assert (row[c.ACTION], row[c.OUTCOME]) == (Action.PAM_AUTH, "success")
    row = said(
        "login", "pam_unix(login:auth): authentication failure; tty=tty1 ruser= rhost=  user=a"
    )
    assert c.SOURCE_IP not in row
    assert row[c.USER] == "a"


def test_sudo_that_needs_a_password_is_a_failed_authentication():
    row = said(
        "sudo", "bob : a password is required ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/ls"
    )
    assert (row[c.ACTION], row[c.OUTCOME]) == (Action.SUDO_AUTH, "failure")


def test_sudo_command_may_quote_a_refusal():
    row = said(
        "sudo",
        "bob : TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=/bin/echo 3 incorrect password attempts ; x",
    )
    assert (row[c.ACTION], row[c.OUTCOME]) == (Action.SUDO, "success")
    assert row[c.COMMAND] == "/bin/echo 3 incorrect password attempts ; x"


@pytest.mark.parametrize(
    ("process", "message", "wanted"),
    [
        ("login", "LOGIN ON tty1 BY anna FROM 192.0.2.9", ("login", "success", "anna")),
        ("ftpd", "FTP LOGIN FROM 192.0.2.9 [x], anna", ("login", "success", "anna")),
        ("klogind", "Authentication failed from 192.0.2.9 (x): y", ("login", "failure", None)),
        ("su", "FAILED su for root by carl", ("su", "failure", "carl")),
        ("su", "- /dev/pts/1 carl:root", ("su", "failure", "carl")),
        (
            "passwd",
            "password for 'anna' changed by 'root'",
            ("password-changed", "success", "anna"),
        ),
        ("usermod", "change user 'anna' password", ("password-changed", "success", "anna")),
    ],
)
def test_logins_su_and_accounts(process, message, wanted):
    row = said(process, message)
    assert (row[c.ACTION], row[c.OUTCOME], row.get(c.USER)) == wanted


def test_every_group_name_is_one_that_is_used():
    known = {*FIELDS, "repeat", "account", "fits"}
    for _, rules in (*auth_messages.BY_PROCESS, ((), auth_messages.PAM)):
        for rule in rules:
            dtype = pl.select(pl.lit("").str.extract_groups(rule.pattern)).to_series().dtype
            assert isinstance(dtype, pl.Struct)
            assert {field.name for field in dtype.fields} <= known
