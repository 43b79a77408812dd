"""The rules as a table: what each looks for, where its threshold lies, and why."""

from dataclasses import dataclass
from typing import Final

VERSION: Final = "auth-rules 1"
THRESHOLD: Final = 0.5  # every rule's score reaches this exactly at its own threshold

# All counts are "within 5 minutes": in the clock minute of the event and the four before.
BRUTE_FAILURES: Final = 10  # chosen: sshd ends a connection at 6 tries; people stop before 10
SPRAY_ACCOUNTS: Final = 6  # chosen: one person, or a few behind one address, have fewer accounts
SPRAY_TRIES: Final = 3  # chosen: at most so many tries for each account, else it is brute force
DISTRIBUTED_ADDRESSES: Final = 10  # chosen: nobody mistypes from ten addresses at once
SUCCESS_FAILURES: Final = 5  # chosen: a mistyped password takes two or three tries
LOCAL_FAILURES: Final = 5  # chosen: sudo gives three tries; five is a second round
HISTORY_LOGINS: Final = 5  # chosen: logins before a user's usual networks count as known
HISTORY_US: Final = 24 * 3_600 * 1_000_000  # chosen: and over at least a day
MAX_NETWORKS: Final = 16  # chosen: someone who comes from more is a traveller; new ones say nothing
SUDO_HISTORY: Final = 5  # chosen: commands before a user's habits count as known
ADDED_MINUTES: Final = 15  # chosen: a new account made administrator within this is one act
ADDED_US: Final = ADDED_MINUTES * 60_000_000

INFO, LOW, MEDIUM, HIGH, CRITICAL = range(5)


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that the detector looks for.

    Attributes:
        id: Stable; part of an alert's identity.
        title: For the table's What column.
        entity_type: ECS name of the field that the alert is about.
        reason: Threshold and severity, and why they are what they are.
        next_steps: What an analyst checks next.
    """

    id: str
    title: str
    technique: str
    entity_type: str
    reason: str
    next_steps: tuple[str, ...]


BRUTE: Final = Rule(
    "auth.bruteforce",
    "Password guessing from one address",
    "T1110.001",
    "source.ip",
    "10 failures within 5 minutes: more than one connection's worth, faster than a person. "
    "Medium; high from 60, when guessing is steady enough to get somewhere.",
    (
        "Look for a successful login from this address, before or after.",
        "Block the address at the firewall if it has no business here.",
        "Check that the accounts tried have strong passwords or keys only.",
    ),
)
SPRAY: Final = Rule(
    "auth.spray",
    "Password spraying from one address",
    "T1110.003",
    "source.ip",
    "6 accounts within 5 minutes with at most 3 tries each on average: stays below lock-out. "
    "Medium; high from 20 accounts.",
    (
        "Look for a successful login from this address.",
        "See which of the accounts tried exist, and warn their owners.",
        "Block the address at the firewall if it has no business here.",
    ),
)
DISTRIBUTED: Final = Rule(
    "auth.distributed",
    "Password guessing at one account from many addresses",
    "T1110.001",
    "user.name",
    "10 addresses that fail at one account within 5 minutes: a botnet shares the work. "
    "Medium; high from 30 addresses.",
    (
        "Look for a successful login to this account, from any address.",
        "Turn off password logins for this account, or add a second factor.",
    ),
)
SUCCESS: Final = Rule(
    "auth.success-after-failures",
    "Login after failed attempts",
    "T1110",
    "source.ip",
    "A login with at least 5 failures from its address within 5 minutes before: the guess may "
    "have been right. High; critical after 20 failures, 3 accounts, or for root; medium when "
    "only this account failed, under 10 times, from a network it is used to: someone mistyping.",
    (
        "Ask the account's owner whether this login was theirs.",
        "If not, end the session, lock the account and change its password.",
        "Review what the session did: sudo, new keys, new accounts, outgoing connections.",
    ),
)
ORIGIN: Final = Rule(
    "auth.new-origin",
    "Login from a network new for this user",
    "T1078",
    "user.name",
    "A network (/24, or /48 of IPv6) never seen for a user with at least 5 logins over at least "
    "a day. Low, for people travel; medium when all former networks were private and this one "
    "is not. Users with more than 16 networks are left alone.",
    (
        "Ask the user whether they logged in from there.",
        "Compare the time and the place with the user's usual ones.",
    ),
)
ROOT: Final = Rule(
    "auth.root-password",
    "Root logged in with a password",
    "T1078",
    "source.ip",
    "Every one: root over the network with a password can be guessed, and leaves no name. "
    "Medium; low from a private address.",
    (
        "Find out who used root, and why not their own account with sudo.",
        "Set PermitRootLogin to prohibit-password or no.",
    ),
)
SUDO_REFUSED: Final = Rule(
    "auth.sudo-refused",
    "sudo refused",
    "T1548.003",
    "user.name",
    "Every refusal (not in sudoers, command not allowed): sudo itself calls it an incident. "
    "Medium.",
    (
        "Ask the user what they meant to do.",
        "See how the account was logged in to, and from where.",
    ),
)
SUDO_GUESS: Final = Rule(
    "auth.sudo-passwords",
    "Repeated wrong passwords at sudo",
    "T1548.003",
    "user.name",
    "5 wrong passwords within 5 minutes: a stolen session without its password. Medium.",
    (
        "Ask the user whether they forgot their password.",
        "If not, end the session and look at where it came from.",
    ),
)
SUDO_DANGER: Final = Rule(
    "auth.sudo-danger",
    "Dangerous command with sudo",
    "T1548.003",
    "user.name",
    "A command that opens a shell to the network or stops the audit trail: high, always. One that "
    "changes sudoers, passwords, keys or set-user-id bits: low, and only for a user with at "
    "least 5 commands before, none of this kind.",
    (
        "Ask the user why the command was needed.",
        "Look at the commands before and after, and at the file that it changed.",
    ),
)
SU_GUESS: Final = Rule(
    "auth.su-failures",
    "Repeated failures at su",
    "T1110.001",
    "user.name",
    "5 failed su within 5 minutes. Medium.",
    (
        "Ask the user whose password they were trying.",
        "See how the account was logged in to, and from where.",
    ),
)
ADMIN: Final = Rule(
    "auth.admin-added",
    "Account given administrator rights",
    "T1098",
    "user.name",
    "An account put into sudo, wheel, admin, root, adm, docker, lxd or shadow. Medium.",
    (
        "Find the change request or the administrator behind it.",
        "If there is none, take the account out of the group and review what it did.",
    ),
)
NEW_ADMIN: Final = Rule(
    "auth.new-admin",
    "New account made administrator",
    "T1136.001",
    "user.name",
    "An account put into such a group within 15 minutes of being made: a classic back door. High.",
    (
        "Find the change request or the administrator behind it.",
        "If there is none, lock the account and look for others made at that time.",
    ),
)

RULES: Final = (
    BRUTE, SPRAY, DISTRIBUTED, SUCCESS, ORIGIN, ROOT,
    SUDO_REFUSED, SUDO_GUESS, SUDO_DANGER, SU_GUESS, ADMIN, NEW_ADMIN,
)  # fmt: skip
BY_ID: Final = {rule.id: rule for rule in RULES}

ADMIN_GROUPS: Final = ("sudo", "wheel", "admin", "root", "adm", "docker", "lxd", "shadow")

# Command kind -> expression (Rust dialect) and whether it is always an alert. Chosen from what
# intruders do first: a way back in, more rights, no traces.
DANGERS: Final = {
    "network shell": (
        r"/dev/tcp/|\bn(?:c|cat)\b.* -\w*e\b|\b(?:curl|wget)\b.*\|\s*(?:ba|da|z)?sh\b",
        True,
    ),
    "audit trail": (
        r"\b(?:stop|disable|mask|kill|killall|pkill)\b"
        r".*\b(?:auditd|rsyslogd?|syslogd?|journald)\b|\bauditctl +-e *0|\bsetenforce +0",
        True,
    ),
    "sudoers": (r"\bvisudo\b|/etc/sudoers", False),
    "passwords": (r"/etc/(?:g?shadow|passwd)\b|\bpasswd +root\b|\bchpasswd\b", False),
    "login keys": (r"\bauthorized_keys\b", False),
    "set-user-id": (r"\bchmod\b.*(?: u?g?\+s\b| 0?[2467][0-7]{3}\b)", False),
}
