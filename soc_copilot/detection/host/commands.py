"""Commands that are known for preparing harm or hiding it: a documented rule, no model.

Sources: MITRE ATT&CK, T1490, T1070, T1485 and T1562 and the procedures named there; the programs'
own manuals for which of their uses are harmless. What runs encoded (`powershell -enc`), from a
script file or under another name is not seen.
"""

from dataclasses import dataclass
from typing import Final

from soc_copilot.detection.host.rules import DEFENCES, DESTRUCTION, RECOVERY, TRACES, Rule


@dataclass(frozen=True, slots=True)
class Command:
    """A use of some programs.

    Attributes:
        programs: Their names, without ".exe"; an expression (Rust dialect) has no capitals.
        use: Expression for what follows the name and a space.
        rule: What it is.
        is_usual: Administrators do it, too: one step less severe.
        signs: Of these, in small letters, one stands in each such command; the programs when
            none is given. So most commands need no closer look.
    """

    programs: tuple[str, ...]
    use: str
    rule: Rule
    is_usual: bool = False
    signs: tuple[str, ...] = ()


_GUARDS: Final = (
    r"(?:auditd|rsyslogd?|syslog|syslog-ng|systemd-journald|journald|auditbeat|filebeat|osqueryd"
    r"|wazuh-agent|falcon-sensor|falco|sysmon|clamav-daemon|clamd|mdatp|crowdsec)"
    r"(?:\.service|\.socket)?(?: |$)"
)
_WINDOWS_GUARDS: Final = (
    r"(?:windefend|windows defender|wdnissvc|wdfilter|sense|securityhealthservice|wscsvc|eventlog"
    r"|windows event log|sysmon(?:64|drv)?|mpssvc)\b"
)
_GUARD_SIGNS: Final = (
    "auditd", "syslog", "journald", "beat", "osqueryd", "wazuh", "falco", "sysmon", "clam", "mdatp",
    "crowdsec",
)  # fmt: skip
_WINDOWS_SIGNS: Final = (
    "defend", "wdnissvc", "wdfilter", "sense", "securityhealth", "wscsvc", "eventlog", "event log",
    "sysmon", "mpssvc",
)  # fmt: skip
_COPIES: Final = r"(?:vss|volume shadow copy|swprv|wbengine)\b"
_COPY_SIGNS: Final = ("vss", "shadow", "swprv", "wbengine")
# The logs that tell who did what; rotated ones (auth.log.4.gz) and applications' are left out.
_LOGS: Final = (
    r"(?:/var/log/(?:auth\.log|secure|syslog|messages|audit(?:/audit\.log)?|wtmp|btmp|lastlog"
    r"|journal\S*)(?:/\*?)?|\S*\.(?:ba|z|a)?sh_history)(?: |$)"
)
_ALL_LOGS: Final = r"/var/log(?:/\*?)?(?: |$)"  # also where images of systems are made
_DISK: Final = r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|mapper/|md|disk/)"
_ZEROS: Final = r"if=/dev/(?:zero|u?random)"
_OPERAND: Final = r"(?:.* )?[^- ]"  # something that is no option: not just "--help"
_LOG_SIGNS: Final = ("/var/log", "sh_history")
# Of pkill, killall and systemctl; -1 and -HUP only make a service read its settings again.
_DEADLY: Final = (
    r"(?:(?:-(?:[2369]|15|19|[sefxqwvi]+|-signal|-exact|-full|-kill-who=\S+)"
    r"|(?:--signal=|-{0,2})(?:sig)?(?:int|quit|kill|term|stop|abrt|9|15)) )*"
)

# The first that fits counts.
COMMANDS: Final = (
    Command(("vssadmin",), r"delete shadows", RECOVERY),
    Command(("vssadmin",), r"resize shadowstorage", RECOVERY, is_usual=True),
    Command(("diskshadow",), r".*delete shadows", RECOVERY),
    Command(("wmic",), r".*shadowcopy .*delete", RECOVERY),
    Command(
        ("get-wmiobject", "gwmi", "get-ciminstance", "gcim"),
        r".*win32_shadowcopy.*(?:delete|remove)", RECOVERY,
    ),
    Command(("wbadmin",), r"delete .*keepversions:[1-9]", RECOVERY, is_usual=True),
    Command(("wbadmin",), r"delete (?:catalog|systemstatebackup|backup)", RECOVERY),
    Command(("bcdedit",), r".*[/-]set .*recoveryenabled (?:no|off|false|0)", RECOVERY),
    Command(("bcdedit",), r".*[/-]set .*bootstatuspolicy ignoreallfailures", RECOVERY),
    Command(("bcdedit",), r".*[/-]set .*safeboot (?:minimal|network)", DEFENCES, is_usual=True),
    Command(("reagentc",), r".*/disable", RECOVERY, is_usual=True),
    Command(("disable-computerrestore",), r"", RECOVERY),
    Command(("timeshift",), r".*--delete-all", RECOVERY, is_usual=True),
    Command(("net", "net1"), rf"stop {_COPIES}", RECOVERY, is_usual=True, signs=_COPY_SIGNS),
    Command(("sc",), rf"config {_COPIES}.*start= ?disabled", RECOVERY, signs=_COPY_SIGNS),
    Command(("wevtutil",), r"(?:cl|clear-log) ", TRACES),
    Command(("wevtutil",), r"(?:sl|set-log) .*/e(?:nabled)?:false", DEFENCES),
    Command(("clear-eventlog", "remove-eventlog"), r"", TRACES),
    Command(("fsutil",), r"usn deletejournal", TRACES),
    Command(("del", "erase", "rd", "remove-item"), r".*winevt[\\/]logs", TRACES, signs=("winevt",)),
    Command(
        ("journalctl",), r".*--vacuum-(?:time[= ]\d{1,3}s?|size[= ]\d{1,4}[bk]?)(?: |$)", TRACES
    ),
    Command(("journalctl",), r".*--vacuum-(?:time|size|files)", TRACES, is_usual=True),
    Command(("rm", "unlink", "truncate"), rf"(?:.* )?{_LOGS}", TRACES, signs=_LOG_SIGNS),
    Command(("rm",), rf"(?:.* )?{_ALL_LOGS}", TRACES, is_usual=True, signs=_LOG_SIGNS),
    Command(("cp", "ln"), rf"(?:.* )?/dev/null {_LOGS}", TRACES, signs=_LOG_SIGNS),
    Command(("shred",), rf"(?:.* )?{_DISK}", DESTRUCTION),
    Command(
        ("shred", "wipe", "srm", "sfill", "scrub", "nwipe", "sdelete(?:64)?"), _OPERAND,
        DESTRUCTION, is_usual=True,
    ),
    Command(("cipher",), r"(?:.* )?/w", DESTRUCTION),
    Command(
        ("dd",), rf"(?:.*{_ZEROS}.* of={_DISK}|.*of={_DISK}.* {_ZEROS})", DESTRUCTION,
        signs=("of=/dev/",),
    ),
    Command(("blkdiscard", "wipefs"), rf"(?:.* )?(?:-a|--all|-f|-s|-z).*{_DISK}", DESTRUCTION,
            is_usual=True),
    Command(("format",), r"[a-z]: .*/(?:y|q|x)", DESTRUCTION, is_usual=True),
    Command(("auditctl",), r"(?:.* )?(?:-e ?0|(?-i:-D))(?: |$)", DEFENCES),
    Command(
        ("systemctl",), rf"(?:-\S+ )*(?:(?:disable|mask) (?:\S+ )*|kill {_DEADLY}){_GUARDS}",
        DEFENCES, signs=_GUARD_SIGNS,
    ),
    Command(
        ("systemctl",), r"(?:-\S+ )*stop (?:\S+ )*(?:auditd|(?:systemd-)?journald|sysmon)",
        DEFENCES, signs=_GUARD_SIGNS,
    ),
    # As updates of packages do.
    Command(
        ("systemctl",), rf"(?:-\S+ )*stop (?:\S+ )*{_GUARDS}", DEFENCES, is_usual=True,
        signs=_GUARD_SIGNS,
    ),
    Command(("service", "rc-service"), rf"{_GUARDS}stop", DEFENCES, signs=_GUARD_SIGNS),
    Command(("auditd", "rsyslog", "syslog-ng"), r"stop", DEFENCES),  # /etc/init.d
    Command(("pkill", "killall"), rf"{_DEADLY}{_GUARDS}", DEFENCES),
    Command(("setenforce",), r"(?:0|permissive)", DEFENCES),
    Command(("auditpol",), r"/(?:clear|remove|set .*(?:success|failure):disable)", DEFENCES),
    Command(
        ("sc",), rf"(?:\\\\\S+ )?(?:stop|delete) {_WINDOWS_GUARDS}", DEFENCES,
        signs=_WINDOWS_SIGNS,
    ),
    Command(
        ("sc",), rf"(?:\\\\\S+ )?config {_WINDOWS_GUARDS}.*start= ?disabled", DEFENCES,
        signs=_WINDOWS_SIGNS,
    ),
    Command(("net", "net1"), rf"stop {_WINDOWS_GUARDS}", DEFENCES, signs=_WINDOWS_SIGNS),
    Command(("stop-service",), rf".*{_WINDOWS_GUARDS}", DEFENCES),
    Command(("set-mppreference",), r".*-disable\w+ (?:\$?true|1)", DEFENCES),
    Command(
        ("add-mppreference",), r".*-exclusion(?:path|process|extension)", DEFENCES, is_usual=True
    ),
    Command(("sysmon(?:64)?",), r"[-/]u(?: |$)", DEFENCES),
    Command(("fltmc",), r"unload \S", DEFENCES),
    Command(("taskkill",), r".*/im (?:msmpeng|sysmon)", DEFENCES),
    Command(
        ("reg",), r"add .*(?:disableantispyware|disablerealtimemonitoring).*/d (?:0x)?1", DEFENCES,
        signs=("disableantispyware", "disablerealtimemonitoring"),
    ),
    Command(("netsh",), r"advfirewall set \w+profiles? state off", DEFENCES, is_usual=True),
)  # fmt: skip

# Where a program's name can stand: first, after a separator, and as what another one is to run.
_START: Final = r"""(?imx)
(?: ^ | [;&|(){}=] | \bprocess\ call\ create\s | \s-(?:exec|execdir|ok|okdir)\s
  # Programs that run another, with their options and settings of the environment.
  | (?:^|[\s\\/;&|(])
    (?: (?:sudo|doas|nohup|env|xargs|exec|time|timeout|nice|ionice|setsid|start|call|busybox)
        (?:\.exe)? (?: \s-\S+ (?:\s[\w.]+)?? | \s\w+=\S* | \s\d+[smh]? )* \s
      | (?:ba|da|a|z|k)?sh (?:\s-\S+)* \s-\w*c\s
      | cmd (?:\.exe)? (?:\s/\S+)*? \s/[ckr]
      | (?:powershell|pwsh) (?:\.exe)? \s (?:[^;|]*\s)?
    )
)
\s* (?:&\s*)? (?:\S*[\\/])?
"""


def signs_of(command: Command) -> list[str]:
    """Small letters of which some stand in every such command line."""
    return list(command.signs or (name.partition("(")[0] for name in command.programs))


def signs() -> list[str]:
    """Those of all known commands."""
    return sorted({sign for command in COMMANDS for sign in signs_of(command)})


def expression(command: Command) -> str:
    """For a command line without quotes and with single spaces; capitals make no difference."""
    follows = rf"\s(?-x:{command.use})" if command.use else r"(?:\s|$)"
    return rf"{_START}(?:{'|'.join(command.programs)})(?:\.exe|\.com)?{follows}"
