"""The kinds of harm that the host detector tells apart, and what to do about each."""

from dataclasses import dataclass
from typing import Final

from soc_copilot.domain.findings import Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of harm.

    Attributes:
        id: Dotted and stable.
        severity: At first; losing many files makes it critical.
        next_steps: "{where}" is the folder concerned, "{who}" user and program.
    """

    id: str
    title: str
    technique: str
    severity: Severity
    next_steps: tuple[str, ...]


_ISOLATE: Final = (
    "Take the host off the network now and leave it running: its memory may still hold the keys."
)
_PROGRAM: Final = (
    "Find the program that does this{who}: note its path, parent and command line, keep a copy, "
    "and stop it."
)
_SNAPSHOT: Final = "Keep an image of the memory and of the disk before anything is restarted."
_SHARES: Final = (
    "Disconnect shares and backup disks that the host can write to, and see whether shadow copies "
    "and snapshots are still there."
)

ENCRYPTION: Final = Rule(
    "host.encryption", "Files are being encrypted", "T1486", Severity.HIGH,
    (
        _ISOLATE, _PROGRAM, _SHARES, _SNAPSHOT,
        "See which files under {where} changed since then, and restore them from a backup made "
        "before, once the program is gone.",
    ),
)  # fmt: skip
WIPING: Final = Rule(
    "host.wiping", "Files are being destroyed", "T1485", Severity.HIGH,
    (
        _PROGRAM, "Take the host off the network now; stop writing to the disk: deleted content "
        "may still be there.", _SNAPSHOT, _SHARES,
        "Ask who keeps {where} whether this was a clean-up; if not, restore from a backup.",
    ),
)  # fmt: skip
TAMPERING: Final = Rule(
    "host.tampering", "Logs, keys or backups are being tampered with", "T1070", Severity.HIGH,
    (
        "Compare with the copies of these logs that were sent elsewhere: what is missing here?",
        _PROGRAM, _SNAPSHOT,
        "See what else happened on the host in the hour before: tracks are removed after a deed.",
        "See whether backups, shadow copies and snapshots under {where} can still be restored.",
    ),
)  # fmt: skip
UNUSUAL: Final = Rule(
    "host.unusual", "File activity like an attack's", "", Severity.MEDIUM,
    (
        "Ask who works in {where} whether this was expected.",
        "Find the program that does this{who}, and whether it is known and signed.",
        "Look at a few of the files named: can they still be opened?",
    ),
)  # fmt: skip
RULES: Final = (ENCRYPTION, WIPING, TAMPERING, UNUSUAL)

# Of commands (`commands.COMMANDS`), which tell the purpose before the first file is lost.
_LOGIN: Final = "See how the account{who} was logged in to, from where, and what it ran before."
_ASK: Final = "Ask who looks after {where} whether this was planned."
RECOVERY: Final = Rule(
    "host.recovery", "Backups and recovery are being removed", "T1490", Severity.HIGH,
    (
        _ASK, "If it was not, take the host off the network now: encryption comes next.",
        "See which shadow copies, snapshots and backup catalogues are left, and keep backup disks "
        "apart.",
        _LOGIN,
    ),
)  # fmt: skip
TRACES: Final = Rule(
    "host.traces", "Logs are being removed", "T1070", Severity.HIGH,
    (
        _ASK, "Compare with the copies of these logs that were sent elsewhere: what is missing?",
        _LOGIN, "See what else happened on the host in the hour before.",
    ),
)  # fmt: skip
DESTRUCTION: Final = Rule(
    "host.destruction", "A command overwrites data for good", "T1485", Severity.HIGH,
    (
        _ASK, "See which files or disks the command names, and whether a backup has them.",
        "If it was not, stop the program and write nothing more to the disk.", _LOGIN,
    ),
)  # fmt: skip
DEFENCES: Final = Rule(
    "host.defences", "Auditing or protection is being switched off", "T1562", Severity.HIGH,
    (
        _ASK, "Switch it on again, and see whether its rules are still there.", _LOGIN,
        "Look for what happened while it was off: other hosts' logs may have seen it.",
    ),
)  # fmt: skip
COMMAND_RULES: Final = (RECOVERY, TRACES, DESTRUCTION, DEFENCES)
