"""What a Windows event's number means, by the family of its provider."""

from dataclasses import dataclass
from typing import Final

from soc_copilot.domain.columns import Action

GROUP_MEMBERS: Final = ("4728", "4729", "4732", "4733", "4756", "4757")  # members come and go
CREATED_PROCESS: Final = "4688"
ACCESSED_OBJECT: Final = "4663"
CHANGED_PERMISSIONS: Final = "4670"
OBJECT_ACCESS: Final = "object-access"
# What the rights that were used make of an access to a file, the first that fits.
# Source: Microsoft's file access rights constants.
FILE_ACCESSES: Final = (
    (0x1_0000, Action.FILE_DELETED),  # DELETE; a rename needs it, too
    (0x2 | 0x4, Action.FILE_WRITTEN),  # write data, append data
    (0x4_0000 | 0x8_0000, Action.FILE_MODE_CHANGED),  # write permissions, take ownership
    (0x10 | 0x100, "file-attributes-changed"),  # extended ones, plain ones
)

_AUTH: Final = "authentication"
_BY_STATUS: Final = "by-status"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one kind of event says.

    Attributes:
        family: "security", "sysmon", "powershell", "eventlog" or "services".
        code: The event's number.
        action: Of `event.action`; one of `Action` where the meaning is the same.
        category: Of `event.category`.
        outcome: "success" or "failure" when the number says so, "by-status" when the result
            code in the event does, None when only the log's keywords may.
    """

    family: str
    code: int
    action: str
    category: str
    outcome: str | None = None


def _security(code: int, action: str, category: str, outcome: str | None = None) -> Meaning:
    return Meaning("security", code, action, category, outcome)


def _sysmon(code: int, action: str, category: str) -> Meaning:
    return Meaning("sysmon", code, action, category)


# Source: Microsoft's reference of security auditing events, and Sysmon's documentation.
MEANINGS: Final = (
    _security(4624, Action.LOGIN, _AUTH, "success"),
    _security(4625, Action.LOGIN, _AUTH, "failure"),
    _security(4634, Action.SESSION_CLOSED, "session"),
    _security(4647, Action.SESSION_CLOSED, "session"),
    _security(4778, Action.SESSION_OPENED, "session", "success"),
    _security(4779, Action.SESSION_CLOSED, "session"),
    _security(4648, "explicit-login", _AUTH),
    _security(4672, "special-privileges", "iam", "success"),
    _security(4768, "kerberos-login", _AUTH, _BY_STATUS),
    _security(4769, "kerberos-ticket", _AUTH, _BY_STATUS),
    _security(4771, "kerberos-login", _AUTH, "failure"),
    _security(4776, "ntlm-login", _AUTH, _BY_STATUS),
    _security(4720, Action.USER_ADDED, "iam", "success"),
    _security(4722, "user-enabled", "iam", "success"),
    _security(4723, Action.PASSWORD_CHANGED, "iam"),
    _security(4724, Action.PASSWORD_CHANGED, "iam"),
    _security(4725, "user-disabled", "iam", "success"),
    _security(4726, "user-removed", "iam", "success"),
    _security(4738, "user-changed", "iam", "success"),
    _security(4740, "user-locked-out", "iam"),
    _security(4767, "user-unlocked", "iam", "success"),
    _security(4727, Action.GROUP_CHANGED, "iam", "success"),
    _security(4728, Action.GROUP_CHANGED, "iam", "success"),
    _security(4729, "group-member-removed", "iam", "success"),
    _security(4731, Action.GROUP_CHANGED, "iam", "success"),
    _security(4732, Action.GROUP_CHANGED, "iam", "success"),
    _security(4733, "group-member-removed", "iam", "success"),
    _security(4754, Action.GROUP_CHANGED, "iam", "success"),
    _security(4756, Action.GROUP_CHANGED, "iam", "success"),
    _security(4757, "group-member-removed", "iam", "success"),
    _security(4688, "process-started", "process", "success"),
    _security(4689, "process-ended", "process"),
    _security(4656, OBJECT_ACCESS, "host"),
    _security(4660, "object-deleted", "host"),  # without the name of what was deleted
    _security(4663, OBJECT_ACCESS, "host"),
    _security(4670, "object-permissions-changed", "host", "success"),
    _security(4657, "registry-changed", "host"),
    _security(4697, "service-installed", "host", "success"),
    _security(4698, "task-created", "host", "success"),
    _security(4699, "task-removed", "host", "success"),
    _security(4702, "task-changed", "host", "success"),
    _security(4719, "audit-policy-changed", "host", "success"),
    _security(5140, "share-access", "file"),
    _security(5145, "share-access", "file"),
    _security(5156, "network-connection", "network", "success"),
    _security(5157, "network-connection", "network", "failure"),
    Meaning("eventlog", 1100, "event-log-stopped", "host"),
    Meaning("eventlog", 1102, "log-cleared", "host", "success"),
    Meaning("eventlog", 104, "log-cleared", "host", "success"),
    Meaning("services", 7045, "service-installed", "host", "success"),
    Meaning("services", 7040, "service-changed", "host", "success"),
    Meaning("services", 7036, "service-state", "host"),
    Meaning("powershell", 4103, "script-command", "process"),
    Meaning("powershell", 4104, "script-block", "process"),
    Meaning("powershell", 400, "script-engine-started", "process"),
    _sysmon(1, "process-started", "process"),
    _sysmon(2, "file-time-changed", "file"),
    _sysmon(3, "network-connection", "network"),
    _sysmon(4, "sysmon-state", "host"),
    _sysmon(5, "process-ended", "process"),
    _sysmon(6, "driver-loaded", "host"),
    _sysmon(7, "image-loaded", "process"),
    _sysmon(8, "remote-thread", "process"),
    _sysmon(9, "raw-disk-read", "host"),
    _sysmon(10, "process-access", "process"),
    _sysmon(11, Action.FILE_CREATED, "file"),
    _sysmon(12, "registry-changed", "host"),
    _sysmon(13, "registry-changed", "host"),
    _sysmon(14, "registry-changed", "host"),
    _sysmon(15, "file-stream-created", "file"),
    _sysmon(16, "sysmon-configured", "host"),
    _sysmon(17, "pipe-created", "host"),
    _sysmon(18, "pipe-connected", "host"),
    _sysmon(22, "dns-query", "network"),
    _sysmon(23, Action.FILE_DELETED, "file"),
    _sysmon(25, "process-tampering", "process"),
    _sysmon(26, Action.FILE_DELETED, "file"),
    _sysmon(27, "file-blocked", "file"),
    _sysmon(28, "file-shredding-blocked", "file"),
    _sysmon(29, "executable-created", "file"),
)
