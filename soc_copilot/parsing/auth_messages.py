"""What sshd, sudo, su, PAM, login and the account tools say in syslog, taken apart.

A table of rules: a program, literal beginnings that are cheap to look for, and an expression for
the few lines that have them. Names that a stranger chooses (a user name at a login prompt) stand
in the middle of these sentences, so expressions are greedy up to the last " from ": a user called
"x from 192.0.2.1 port 22" does not move the blame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action

_FROM: Final = r" from (?P<address>[^ ]+)(?: port (?P<port>[0-9]{1,5}))?"
_PREAUTH: Final = r"(?: \[preauth\])?$"
# "authenticating user root", "invalid user x", "user x": said before an address since 7.5.
_WHO: Final = r"(?:(?:authenticating |invalid )?user (?P<user>.*) )?"
_AT: Final = r"(?P<address>[0-9A-Fa-f:.]+(?:%[^ ]+)?)(?: port (?P<port>[0-9]{1,5}))?"


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of sentence is recognised and what it means.

    Attributes:
        starts: Literal beginnings, any of which the message must have.
        pattern: Its named groups are `user`, `target`, `address`, `port`, `command`, `group`,
            `method`, `repeat`; `account`, another place where the user may stand; and `fits`,
            a mere witness. The rule applies when any of them matches.
        action: Of `event.action`; None when only the fields are of use.
        category, outcome: Of the event.
    """

    starts: tuple[str, ...]
    pattern: str
    action: str | None
    category: str | None
    outcome: str | None


def _login(starts: str, pattern: str, outcome: str, action: str = Action.SSH_LOGIN) -> Rule:
    return Rule((starts,), pattern, action, "authentication", outcome)


_SSH_VERDICT: Final = (
    r" (?P<method>[^ ]+) for (?:invalid user |illegal user )?(?P<user>.*)"
    r" from (?P<address>[^ ]+) port (?P<port>[0-9]{1,5})"
    r"(?: ssh2?)?(?:: .*)?$"  # protocol; the key's fingerprint
)
_PAM_FIELDS: Final = r".*? rhost=(?P<address>[^ ]*)(?: +user=(?P<user>.*))?"

SSHD: Final = (
    _login("Failed ", "^Failed" + _SSH_VERDICT, "failure"),
    _login("Accepted ", "^Accepted" + _SSH_VERDICT, "success"),
    _login("ROOT LOGIN REFUSED", r"^ROOT LOGIN REFUSED FROM (?P<address>[^ ]+)", "failure"),
    Rule(
        ("Invalid user", "Illegal user"),
        r"^I(?:nvalid|llegal) user (?P<user>.*)" + _FROM + r" *$",
        Action.SSH_INVALID_USER,
        "authentication",
        "failure",
    ),
    Rule(
        ("User ",),
        r"^User (?P<user>.*) from (?P<address>[^ ]+) not allowed because ",
        Action.SSH_INVALID_USER,
        "authentication",
        "failure",
    ),
    Rule(
        ("error: maximum authentication attempts", "maximum authentication attempts"),
        r"maximum authentication attempts exceeded for (?:invalid user )?(?P<user>.*)" + _FROM,
        Action.SSH_MAX_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ("Disconnecting", "Too many authentication failures"),
        r"^(?:Disconnecting(?:: | " + _WHO + _AT + r": ))?"
        r"(?P<fits>Too many authentication failures)(?: for (?P<account>.*?))?" + _PREAUTH,
        Action.SSH_MAX_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ("PAM service(sshd) ignoring max retries",),
        r"^PAM service\(sshd\) ignoring (?P<fits>max retries)",
        Action.SSH_MAX_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ("PAM ",),
        r"^PAM (?P<repeat>[0-9]{1,9}) more authentication failures?;" + _PAM_FIELDS,
        Action.PAM_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ("error: PAM: ", "PAM: "),
        r"PAM: .*? for (?:illegal user |invalid user )?(?P<user>.*) from (?P<address>[^ ]+)",
        Action.PAM_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ("reverse mapping checking",),
        r"^reverse mapping checking \w+ for .* \[(?P<address>[^\]]+)\] failed",
        Action.SSH_BREAK_IN,
        "authentication",
        None,
    ),
    Rule(
        ("Address ",),
        r"^Address (?P<address>[^ ]+) maps to .* does not map back to the address",
        Action.SSH_BREAK_IN,
        "authentication",
        None,
    ),
    Rule(
        ("Received disconnect", "error: Received disconnect"),
        r"Received disconnect from " + _AT + r":",
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        ("Connection closed by", "Connection reset by", "Disconnected from"),
        r"^(?:Connection (?:closed|reset) by|Disconnected from) " + _WHO + _AT + _PREAUTH,
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        ("Did not receive identification", "Bad protocol version", "error: Bad protocol version"),
        r"(?:identification string|identification '.*')" + _FROM,
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        ("Unable to negotiate", "Timeout before authentication", "fatal: Timeout before"),
        r"(?:negotiate with|authentication for)(?: connection from)? " + _AT,
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        ("banner exchange", "ssh_dispatch_run_fatal", "error: banner exchange"),
        r"Connection from " + _WHO + _AT + r": ",
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(("Connection from",), r"^Connection from " + _AT, None, "network", None),
)

PAM: Final = (
    Rule(
        ("authentication failure;",),
        r"^authentication failure;" + _PAM_FIELDS,
        Action.PAM_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ("authentication success;",),
        r"^authentication success;" + _PAM_FIELDS,
        Action.PAM_AUTH,
        "authentication",
        "success",
    ),
    Rule(
        ("session opened",),
        r"^session opened for user (?P<target>[^ (]+)(?:\(uid=[0-9]+\))?"
        r" by (?P<user>[^ (]*)\(uid=[0-9]+\)",
        Action.SESSION_OPENED,
        "session",
        "success",
    ),
    Rule(
        ("session closed",),
        r"^session closed for user (?P<target>[^ (]+)",
        Action.SESSION_CLOSED,
        "session",
        None,
    ),
    Rule(
        ("password changed for",),
        r"^password changed for (?P<user>.+)",
        Action.PASSWORD_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        ('user "',),
        r'^user "(?P<user>.*)" does not exist in ',
        Action.PASSWORD_CHANGED,
        "iam",
        "failure",
    ),
    Rule(("check pass;",), r"^check pass; (?P<fits>.*)", None, "authentication", "failure"),
)

_SUDO_REST: Final = (
    r"(?:HOST=[^;]* ; )?TTY=[^;]* ; PWD=.*? ; USER=(?P<target>[^;]*?) ; "
    r"(?:GROUP=[^;]* ; )?(?:TSID=[^;]* ; )?(?:ENV=.*? ; )?COMMAND=(?P<command>.*)"
)
SUDO: Final = (
    Rule(
        ("",),
        r"^ *(?P<user>.+?) : (?P<repeat>[0-9]{1,9}) incorrect password attempts? ; " + _SUDO_REST,
        Action.SUDO_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ("",),
        r"^ *(?P<user>.+?) : a password is required ; " + _SUDO_REST,
        Action.SUDO_AUTH,
        "authentication",
        "failure",
    ),
    Rule(("",), r"^ *(?P<user>.+?) : " + _SUDO_REST, Action.SUDO, "process", "success"),
    Rule(
        ("",),
        r"^ *(?P<user>.+?) : (?P<fits>[^;=]+) ; " + _SUDO_REST,  # NOT in sudoers, not allowed
        Action.SUDO,
        "process",
        "failure",
    ),
)


def _su(starts: tuple[str, ...], pattern: str, outcome: str) -> Rule:
    return Rule(starts, pattern, Action.SU, "authentication", outcome)


SU: Final = (
    _su(("Successful su",), r"^Successful su for (?P<target>.+) by (?P<user>.+)", "success"),
    _su(("FAILED su ",), r"^FAILED su for (?P<target>.+) by (?P<user>.+)", "failure"),
    _su(("FAILED SU ",), r"^FAILED SU \(to (?P<target>[^)]+)\) (?P<user>.+) on ", "failure"),
    _su(("(to ",), r"^\(to (?P<target>[^)]+)\) (?P<user>.+) on ", "success"),
    _su(("+ ",), r"^\+ [^ ]+ (?P<user>[^:]+):(?P<target>.+)", "success"),
    _su(("- ",), r"^- [^ ]+ (?P<user>[^:]+):(?P<target>.+)", "failure"),
    _su(("BAD SU ",), r"^BAD SU (?P<user>.+) to (?P<target>.+) on ", "failure"),
)

LOGIN: Final = (
    _login(
        "FAILED LOGIN",
        r"^FAILED LOGIN (?:SESSION |\(?[0-9]+\)? )?"
        r"(?:on '[^']*' )?(?:[Ff][Rr][Oo][Mm] '?(?P<address>[^ ']+)'? )?"
        r"FOR '?(?P<user>.*?)'?, ",
        "failure",
        Action.LOGIN,
    ),
    _login(
        "ROOT LOGIN",
        r"^(?P<user>ROOT) LOGIN +[Oo][Nn] .*?(?: FROM (?P<address>[^ ]+))?$",
        "success",
        Action.LOGIN,
    ),
    _login(
        "LOGIN ON",
        r"^LOGIN ON [^ ]+ BY (?P<user>.*?)(?: FROM (?P<address>[^ ]+))?$",
        "success",
        Action.LOGIN,
    ),
    _login(
        "ANONYMOUS FTP LOGIN",
        r"^(?P<user>ANONYMOUS) FTP LOGIN FROM (?P<address>[^ ,]+)",
        "success",
        Action.LOGIN,
    ),
    _login(
        "FTP LOGIN FROM",
        r"^FTP LOGIN FROM (?P<address>[^ ,]+)(?: \[[^\]]*\])?, (?P<user>[^ ]+)",
        "success",
        Action.LOGIN,
    ),
    _login(
        "Authentication failed from",
        r"^Authentication failed from (?P<address>[^ ]+)",
        "failure",
        Action.LOGIN,
    ),
    Rule(("connection from",), r"^connection from (?P<address>[0-9A-Fa-f:.]+)", None, None, None),
)

ACCOUNTS: Final = (
    Rule(
        ("new user:",),
        r"^new user: name=(?P<user>[^,]+)",
        Action.USER_ADDED,
        "iam",
        "success",
    ),
    Rule(
        ("failed adding user",),
        r"^failed adding user '?(?P<user>[^',]+)",
        Action.USER_ADDED,
        "iam",
        "failure",
    ),
    Rule(
        ("new group:", "group added to"),
        r"name=(?P<group>[^,]+)",
        Action.GROUP_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        ("add '",),
        r"^add '(?P<user>[^']*)' to (?:shadow )?group '(?P<group>[^']*)'",
        Action.GROUP_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        ("user ",),
        r"^user (?P<user>.+) added by .+ to group (?P<group>.+)",
        Action.GROUP_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        ("password for ", "change user "),
        r"^(?:password for '(?P<user>[^']*)' changed|change user '(?P<account>[^']*)' password)",
        Action.PASSWORD_CHANGED,
        "iam",
        "success",
    ),
)

LOGIND: Final = (
    Rule(
        ("New session",),
        r"^New session [^ ]+ of user (?P<user>.+?)\.?$",
        Action.SESSION_OPENED,
        "session",
        "success",
    ),
)

CRON: Final = (
    Rule(
        ("(",),
        r"^\((?P<user>[^)]*)\) CMD \((?P<command>.*)\)$",
        None,
        "process",
        None,
    ),
)

# Which table speaks for which program. Others cannot forge these sentences.
BY_PROCESS: Final = (
    (("sshd", "sshd-session", "sshd-auth"), SSHD),
    (("sudo",), SUDO),
    (("su",), SU),
    (("login", "ftpd", "klogind", "rlogind"), LOGIN),
    (("useradd", "groupadd", "usermod", "gpasswd", "passwd", "chpasswd"), ACCOUNTS),
    (("systemd-logind",), LOGIND),
    (("CRON", "cron", "crond", "anacron"), CRON),
)
_TURNS_INTO: Final = ("sudo", "su", "runuser", "doas")

_TEXTS: Final = ("user", "target", "address", "command", "group", "method")
_FOUND: Final = {
    "row": pl.UInt32,
    **dict.fromkeys(_TEXTS, pl.String),
    "port": pl.Int32,
    "repeat": pl.Int32,
    "action": pl.String,
    "category": pl.String,
    "outcome": pl.String,
}
FIELDS: Final = {
    "action": c.ACTION,
    "category": c.CATEGORY,
    "outcome": c.OUTCOME,
    "user": c.USER,
    "target": c.USER_TARGET,
    "address": c.SOURCE_IP,
    "port": c.SOURCE_PORT,
    "command": c.COMMAND,
    "group": c.GROUP,
    "method": c.SSH_METHOD,
}


def take_apart(frame: pl.DataFrame) -> pl.DataFrame:
    """Meaning of messages that a rule knows.

    Args:
        frame: Columns `row` (UInt32), `process`, `module` (the PAM module, null for other
            messages) and `body` (the sentence without the module's name), all String.

    Returns:
        One row for each message known, in no particular order: `row`, `repeat` (Int32,
        null when the sentence gives no number) and the keys of `FIELDS`; empty texts are null.
    """
    spoken = frame.filter(pl.col("module").is_null())
    found = [_apply(PAM, frame.filter(pl.col("module").is_not_null()))]
    for processes, rules in BY_PROCESS:
        found.append(_apply(rules, spoken.filter(pl.col("process").is_in(processes))))
    known = pl.concat(found)
    if not known.height:
        return known
    known = known.join(frame.select("row", "process", "module"), on="row", how="left")
    return _settle(known)


def _settle(known: pl.DataFrame) -> pl.DataFrame:
    """Sessions name the account first: it is the user, or whom sudo or su turned one into."""
    plain_session = pl.col("module").is_not_null() & ~pl.col("process").is_in(_TURNS_INTO)
    target = pl.col("target")
    known = known.with_columns(
        pl.when(plain_session & target.is_not_null())
        .then(target)
        .otherwise(pl.col("user").replace({"ROOT": "root", "ANONYMOUS": "anonymous"}))
        .alias("user"),
        pl.when(~plain_session).then(target).alias("target"),
    )
    empty = pl.col(*_TEXTS)
    return known.with_columns(pl.when(empty.str.len_bytes() > 0).then(empty).name.keep()).select(
        *_FOUND
    )


def _apply(rules: Sequence[Rule], rest: pl.DataFrame) -> pl.DataFrame:
    """Rows of `rest` that a rule knows; the first rule that fits has it."""
    found = [pl.DataFrame(schema=_FOUND)]
    for rule in rules:
        if not rest.height:
            break
        body = pl.col("body")
        begins = pl.any_horizontal(body.str.starts_with(start) for start in rule.starts)
        near = rest.filter(begins)
        if not near.height:
            continue
        groups = near.select("row", body.str.extract_groups(rule.pattern).alias("g"))
        groups = groups.select("row", pl.col("g").struct.unnest())
        names = [name for name in groups.columns if name != "row"]
        hits = groups.filter(pl.any_horizontal(pl.col(*names).is_not_null()))
        found.append(_shape(rule, hits))
        rest = rest.join(hits.select("row"), on="row", how="anti", maintain_order="left")
    return pl.concat(found)


def _shape(rule: Rule, hits: pl.DataFrame) -> pl.DataFrame:
    if "account" in hits.columns:
        hits = hits.with_columns(pl.coalesce("user", "account").alias("user"))
    constants = {"action": rule.action, "category": rule.category, "outcome": rule.outcome}
    return hits.select(
        (
            pl.col(name).cast(dtype, strict=False)
            if name in hits.columns
            else pl.lit(constants.get(name), dtype=dtype).alias(name)
        )
        for name, dtype in _FOUND.items()
    )
