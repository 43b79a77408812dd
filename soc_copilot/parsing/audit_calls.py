"""System calls that audit records tell of: numbers, what they do, where their folders are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from soc_copilot.domain.columns import Action

OPENS: Final = "file-opened"  # and not for writing
STARTS: Final = "process-started"  # as Windows events call it
TOUCHES: Final = "file-time-changed"
ATTRIBUTES: Final = "file-attributes-changed"

ARCHITECTURES: Final = {"c000003e": "x86_64", "c00000b7": "aarch64"}  # standard: AUDIT_ARCH_*


@dataclass(frozen=True, slots=True)
class Call:
    """One system call.

    Attributes:
        name: As the kernel's headers spell it.
        action: Of `event.action`.
        x86_64: Its number there, None where there is none.
        aarch64: The same.
        folder: Which argument names the open folder that the path starts from, None for the
            working directory.
        second_folder: The same of the second path.
        flags: Which argument holds the flags of an opening, None where none does.
    """

    name: str
    action: str
    x86_64: int | None
    aarch64: int | None = None
    folder: int | None = None
    second_folder: int | None = None
    flags: int | None = None


# Source of the numbers: the kernel's tables for x86_64 and of asm-generic, which aarch64 uses.
CALLS: Final = (
    Call("open", OPENS, 2, flags=1),
    Call("openat", OPENS, 257, 56, 0, flags=2),
    Call("openat2", OPENS, 437, 437, 0),
    Call("creat", Action.FILE_WRITTEN, 85),
    Call("truncate", Action.FILE_WRITTEN, 76, 45),
    Call("ftruncate", Action.FILE_WRITTEN, 77, 46),
    Call("rename", Action.FILE_RENAMED, 82),
    Call("renameat", Action.FILE_RENAMED, 264, 38, 0, 2),
    Call("renameat2", Action.FILE_RENAMED, 316, 276, 0, 2),
    Call("unlink", Action.FILE_DELETED, 87),
    Call("unlinkat", Action.FILE_DELETED, 263, 35, 0),
    Call("rmdir", Action.FILE_DELETED, 84),
    Call("mkdir", Action.FILE_CREATED, 83),
    Call("mkdirat", Action.FILE_CREATED, 258, 34, 0),
    Call("mknod", Action.FILE_CREATED, 133),
    Call("mknodat", Action.FILE_CREATED, 259, 33, 0),
    Call("link", Action.FILE_CREATED, 86),
    Call("linkat", Action.FILE_CREATED, 265, 37, 2),
    Call("symlink", Action.FILE_CREATED, 88),
    Call("symlinkat", Action.FILE_CREATED, 266, 36, 1),
    Call("chmod", Action.FILE_MODE_CHANGED, 90),
    Call("fchmod", Action.FILE_MODE_CHANGED, 91, 52),
    Call("fchmodat", Action.FILE_MODE_CHANGED, 268, 53, 0),
    Call("fchmodat2", Action.FILE_MODE_CHANGED, 452, 452, 0),
    Call("chown", Action.FILE_MODE_CHANGED, 92),
    Call("fchown", Action.FILE_MODE_CHANGED, 93, 55),
    Call("lchown", Action.FILE_MODE_CHANGED, 94),
    Call("fchownat", Action.FILE_MODE_CHANGED, 260, 54, 0),
    Call("utime", TOUCHES, 132),
    Call("utimes", TOUCHES, 235),
    Call("futimesat", TOUCHES, 261, None, 0),
    Call("utimensat", TOUCHES, 280, 88, 0),
    Call("setxattr", ATTRIBUTES, 188, 5),
    Call("lsetxattr", ATTRIBUTES, 189, 6),
    Call("fsetxattr", ATTRIBUTES, 190, 7),
    Call("removexattr", ATTRIBUTES, 197, 14),
    Call("execve", STARTS, 59, 221),
    Call("execveat", STARTS, 322, 281, 0),
)


def _numbers() -> Iterator[tuple[str, str, str]]:
    for call in CALLS:
        for architecture, number in (("x86_64", call.x86_64), ("aarch64", call.aarch64)):
            if number is not None:
                yield architecture, str(number), call.name


NUMBERS: Final = pl.DataFrame(
    list(_numbers()),
    schema=dict.fromkeys(("architecture", "number", "numbered"), pl.String),
    orient="row",
)
MEANINGS: Final = pl.DataFrame(
    [(x.name, x.action, x.folder, x.second_folder, x.flags) for x in CALLS],
    schema={
        "call": pl.String,
        "meaning": pl.String,
        "folder": pl.Int8,
        "second_folder": pl.Int8,
        "flags": pl.Int8,
    },
    orient="row",
)
