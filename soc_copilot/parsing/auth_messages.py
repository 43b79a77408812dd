"""What sshd, sudo, su, PAM, login and the account tools say in syslog, taken apart.

A table of rules: a program, first words that are cheap to look for, and an expression for the
sentences that begin with them. Names that a stranger chooses (a user name at a login prompt) stand
in the middle of these sentences, so expressions are greedy up to the last " from ": a user called
"x from 192.0.2.1 port 22" does not move the blame.
"""

import re
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
_ADDRESS: Final = r"(?P<address>[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*[0-9A-Fa-f](?:%[^ ]+)?)"
_AT: Final = _ADDRESS + r"(?: port (?P<port>[0-9]{1,5}))?"
ANY_WORD: Final = "*"
_GROUP: Final = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of sentence is recognised and what it means.

    Attributes:
        words: First words, separated by spaces, one of which the sentence must have; `ANY_WORD`
            stands alone and for any.
        pattern: Its named groups are `user`, `target`, `address`, `port`, `command`, `group`,
            `method`, `repeat`; `account`, another place where the user may stand; and `fits`,
            a mere witness. The rule applies when any of them matches.
        action: Of `event.action`; None when only the fields are of use.
        category, outcome: Of the event.
    """

    words: str
    pattern: str
    action: str | None
    category: str | None
    outcome: str | None


def _login(words: str, pattern: str, outcome: str, action: str = Action.SSH_LOGIN) -> Rule:
    return Rule(words, pattern, action, "authentication", outcome)


_SSH_VERDICT: Final = (
    r" (?P<method>[^ ]+) for (?:invalid user |illegal user )?(?P<user>.*)"
    r" from (?P<address>[^ ]+) port (?P<port>[0-9]{1,5})"
    r"(?: ssh2?)?(?:: .*)?$"  # protocol; the key's fingerprint
)
_PAM_FIELDS: Final = r".*? rhost=(?P<address>[^ ]*)(?: +user=(?P<user>.*))?"

SSHD: Final = (
    _login("Failed", "^Failed" + _SSH_VERDICT, "failure"),
    _login("Accepted", "^Accepted" + _SSH_VERDICT, "success"),
    _login("ROOT", r"^ROOT LOGIN REFUSED FROM (?P<address>[^ ]+)", "failure"),
    Rule(
        "Invalid Illegal",
        r"^I(?:nvalid|llegal) user (?P<user>.*)" + _FROM + r" *$",
        Action.SSH_INVALID_USER,
        "authentication",
        "failure",
    ),
    Rule(
        "User",
        r"^User (?P<user>.*) from (?P<address>[^ ]+) not allowed because ",
        Action.SSH_INVALID_USER,
        "authentication",
        "failure",
    ),
    Rule(
        "error: maximum",
        r"maximum authentication attempts exceeded for (?:invalid user )?(?P<user>.*)" + _FROM,
        Action.SSH_MAX_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        "Disconnecting: Disconnecting Too",
        r"^(?:Disconnecting(?:: | " + _WHO + _AT + r": ))?"
        r"(?P<fits>Too many authentication failures)(?: for (?P<account>.*?))?" + _PREAUTH,
        Action.SSH_MAX_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        "PAM",
        r"^PAM service\(sshd\) ignoring (?P<fits>max retries)",
        Action.SSH_MAX_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        "PAM",
        r"^PAM (?P<repeat>[0-9]{1,9}) more authentication failures?;" + _PAM_FIELDS,
        Action.PAM_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        "error: PAM:",
        r"PAM: .*? for (?:illegal user |invalid user )?(?P<user>.*) from (?P<address>[^ ]+)",
        Action.PAM_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        "reverse",
        r"^reverse mapping checking \w+ for .* \[(?P<address>[^\]]+)\] failed",
        Action.SSH_BREAK_IN,
        "authentication",
        None,
    ),
    Rule(
        "Address",
        r"^Address (?P<address>[^ ]+) maps to .* does not map back to the address",
        Action.SSH_BREAK_IN,
        "authentication",
        None,
    ),
    Rule(
        "Received error:",
        r"Received disconnect from " + _AT + r":",
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        "Connection Disconnected",
        r"^(?:Connection (?:closed|reset) by|Disconnected from) " + _WHO + _AT + _PREAUTH,
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        "Did Bad error:",
        r"(?:identification string|identification '.*')" + _FROM,
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        "Unable Timeout fatal:",
        r"(?:negotiate with|authentication for)(?: connection from)? " + _AT,
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule(
        "banner ssh_dispatch_run_fatal: error:",
        r"Connection from " + _WHO + _AT + r": ",
        Action.SSH_DISCONNECT,
        "session",
        None,
    ),
    Rule("Connection", r"^Connection from " + _AT, None, "network", None),
)

PAM: Final = (
    Rule(
        "authentication",
        r"^authentication failure;" + _PAM_FIELDS,
        Action.PAM_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        "authentication",
        r"^authentication success;" + _PAM_FIELDS,
        Action.PAM_AUTH,
        "authentication",
        "success",
    ),
    Rule(
        "session",
        r"^session opened for user (?P<target>[^ (]+)(?:\(uid=[0-9]+\))?"
        r" by (?P<user>[^ (]*)\(uid=[0-9]+\)",
        Action.SESSION_OPENED,
        "session",
        "success",
    ),
    Rule(
        "session",
        r"^session closed for user (?P<target>[^ (]+)",
        Action.SESSION_CLOSED,
        "session",
        None,
    ),
    Rule(
        "password",
        r"^password changed for (?P<user>.+)",
        Action.PASSWORD_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        "user",
        r'^user "(?P<user>.*)" does not exist in ',
        Action.PASSWORD_CHANGED,
        "iam",
        "failure",
    ),
    Rule("check", r"^check pass; (?P<fits>.*)", None, "authentication", "failure"),
)

_SUDO_REST: Final = (
    r"(?:HOST=[^;]* ; )?TTY=[^;]* ; PWD=.*? ; USER=(?P<target>[^;]*?) ; "
    r"(?:GROUP=[^;]* ; )?(?:TSID=[^;]* ; )?(?:ENV=.*? ; )?COMMAND=(?P<command>.*)"
)
SUDO: Final = (
    Rule(
        ANY_WORD,
        r"^ *(?P<user>.+?) : (?P<repeat>[0-9]{1,9}) incorrect password attempts? ; " + _SUDO_REST,
        Action.SUDO_AUTH,
        "authentication",
        "failure",
    ),
    Rule(
        ANY_WORD,
        r"^ *(?P<user>.+?) : a password is required ; " + _SUDO_REST,
        Action.SUDO_AUTH,
        "authentication",
        "failure",
    ),
    Rule(ANY_WORD, r"^ *(?P<user>.+?) : " + _SUDO_REST, Action.SUDO, "process", "success"),
    Rule(
        ANY_WORD,
        r"^ *(?P<user>.+?) : (?P<fits>[^;=]+) ; " + _SUDO_REST,  # NOT in sudoers, not allowed
        Action.SUDO,
        "process",
        "failure",
    ),
)


def _su(words: str, pattern: str, outcome: str) -> Rule:
    return Rule(words, pattern, Action.SU, "authentication", outcome)


SU: Final = (
    _su("Successful", r"^Successful su for (?P<target>.+) by (?P<user>.+)", "success"),
    _su("FAILED", r"^FAILED su for (?P<target>.+) by (?P<user>.+)", "failure"),
    _su("FAILED", r"^FAILED SU \(to (?P<target>[^)]+)\) (?P<user>.+) on ", "failure"),
    _su("(to", r"^\(to (?P<target>[^)]+)\) (?P<user>.+) on ", "success"),
    _su("+", r"^\+ [^ ]+ (?P<user>[^:]+):(?P<target>.+)", "success"),
    _su("-", r"^- [^ ]+ (?P<user>[^:]+):(?P<target>.+)", "failure"),
    _su("BAD", r"^BAD SU (?P<user>.+) to (?P<target>.+) on ", "failure"),
)

LOGIN: Final = (
    _login(
        "FAILED",
        r"^FAILED LOGIN (?:SESSION |\(?[0-9]+\)? )?"
        r"(?:on '[^']*' )?(?:[Ff][Rr][Oo][Mm] '?(?P<address>[^ ']+)'? )?"
        r"FOR '?(?P<user>.*?)'?, ",
        "failure",
        Action.LOGIN,
    ),
    _login(
        "ROOT",
        r"^(?P<user>ROOT) LOGIN +[Oo][Nn] .*?(?: FROM (?P<address>[^ ]+))?$",
        "success",
        Action.LOGIN,
    ),
    _login(
        "LOGIN",
        r"^LOGIN ON [^ ]+ BY (?P<user>.*?)(?: FROM (?P<address>[^ ]+))?$",
        "success",
        Action.LOGIN,
    ),
    _login(
        "ANONYMOUS",
        r"^(?P<user>ANONYMOUS) FTP LOGIN FROM (?P<address>[^ ,]+)",
        "success",
        Action.LOGIN,
    ),
    _login(
        "FTP",
        r"^FTP LOGIN FROM (?P<address>[^ ,]+)(?: \[[^\]]*\])?, (?P<user>[^ ]+)",
        "success",
        Action.LOGIN,
    ),
    _login(
        "Authentication",
        r"^Authentication failed from (?P<address>[^ ]+)",
        "failure",
        Action.LOGIN,
    ),
    Rule("connection", r"^connection from " + _ADDRESS, None, None, None),
)

ACCOUNTS: Final = (
    Rule(
        "new",
        r"^new user: name=(?P<user>[^,]+)",
        Action.USER_ADDED,
        "iam",
        "success",
    ),
    Rule(
        "failed",
        r"^failed adding user '?(?P<user>[^',]+)",
        Action.USER_ADDED,
        "iam",
        "failure",
    ),
    Rule(
        "new group",
        r"name=(?P<group>[^,]+)",
        Action.GROUP_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        "add",
        r"^add '(?P<user>[^']*)' to (?:shadow )?group '(?P<group>[^']*)'",
        Action.GROUP_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        "user",
        r"^user (?P<user>.+) added by .+ to group (?P<group>.+)",
        Action.GROUP_CHANGED,
        "iam",
        "success",
    ),
    Rule(
        "password change",
        r"^(?:password for '(?P<user>[^']*)' changed|change user '(?P<account>[^']*)' password)",
        Action.PASSWORD_CHANGED,
        "iam",
        "success",
    ),
)

LOGIND: Final = (
    Rule(
        "New",
        r"^New session [^ ]+ of user (?P<user>.+?)\.?$",
        Action.SESSION_OPENED,
        "session",
        "success",
    ),
)

CRON: Final = (
    Rule(
        ANY_WORD,
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
    "process": pl.String,
    "by_pam": pl.Boolean,
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
    by_pam = pl.col("module").is_not_null()
    sentences = frame.select("row", "process", by_pam.alias("by_pam"), "body")
    spoken = sentences.filter(~pl.col("by_pam"))
    found = _apply(PAM, sentences.filter("by_pam"))
    for processes, rules in BY_PROCESS:
        found += _apply(rules, spoken.filter(pl.col("process").is_in(processes)))
    return _settle(pl.concat(found) if found else pl.DataFrame(schema=_FOUND))


def _settle(known: pl.DataFrame) -> pl.DataFrame:
    """Sessions name the account first: it is the user, or whom sudo or su turned one into."""
    is_user = pl.col("by_pam") & ~pl.col("process").is_in(_TURNS_INTO)
    target, user = pl.col("target"), pl.col("user")
    shouted = user.replace({"ROOT": "root", "ANONYMOUS": "anonymous"})
    known = known.with_columns(
        pl.when(is_user & target.is_not_null()).then(target).otherwise(shouted).alias("user"),
        pl.when(~is_user).then(target).alias("target"),
    )
    texts = pl.col(*_TEXTS)
    return known.with_columns(pl.when(texts.str.len_bytes() > 0).then(texts).name.keep())


def _apply(rules: Sequence[Rule], sentences: pl.DataFrame) -> list[pl.DataFrame]:
    """What the rules find. Sentences are dealt out by their first word, which is cheap.

    Measured: 2.5 times as fast as looking for every rule's beginning in every sentence.
    """
    if not sentences.height:
        return []
    by_word: dict[str, list[Rule]] = {}
    for rule in rules:
        for word in rule.words.split():
            by_word.setdefault(word, []).append(rule)
    if ANY_WORD in by_word:
        return _try(by_word[ANY_WORD], sentences)
    dealt = sentences.with_columns(pl.col("body").str.extract("^([^ ]*)").alias("word"))
    dealt = dealt.filter(pl.col("word").is_in(list(by_word)))
    found = []
    for (word,), part in dealt.partition_by("word", as_dict=True, include_key=False).items():
        found += _try(by_word[word], part)
    return found


def _try(rules: Sequence[Rule], rest: pl.DataFrame) -> list[pl.DataFrame]:
    """What the rules find in the same sentences; the first that fits has it."""
    found = []
    for rule in rules:
        hits = _hits(rule, rest)
        if hits.height:
            found.append(hits)
        if hits.height == rest.height:
            break
        if rule is not rules[-1]:
            rest = rest.join(hits.select("row"), on="row", how="anti", maintain_order="left")
    return found


def _hits(rule: Rule, sentences: pl.DataFrame) -> pl.DataFrame:
    """The sentences that the rule's expression matches, as `_FOUND`."""
    groups = pl.col("body").str.extract_groups(rule.pattern).struct
    names = _GROUP.findall(rule.pattern)
    values: dict[str, pl.Expr] = {name: pl.col(f"_{name}") for name in names}
    if "account" in values:
        account = values.pop("account")
        values["user"] = pl.coalesce(values["user"], account) if "user" in values else account
    constants = {"action": rule.action, "category": rule.category, "outcome": rule.outcome}
    values |= {name: pl.lit(value) for name, value in constants.items()}
    values |= {name: pl.col(name) for name in ("row", "process", "by_pam")}
    nothing = pl.lit(None)
    return (
        sentences.lazy()
        .select("row", "process", "by_pam", *(groups.field(n).alias(f"_{n}") for n in names))
        .filter(pl.any_horizontal(pl.col(f"_{name}").is_not_null() for name in names))
        .select(
            values.get(name, nothing).cast(dtype, strict=False).alias(name)
            for name, dtype in _FOUND.items()
        )
        .collect()
    )
