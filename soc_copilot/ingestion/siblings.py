"""Where a rotated log went: the files beside it that carry its name."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from soc_copilot.ingestion.files import Identity

_MAX_ENTRIES = 20_000  # chosen: a folder with more is not searched to its end
PACKED_SUFFIXES = (".gz", ".xz", ".bz2", ".zst", ".zstd")
# What rotation adds to a name: a number, a date, or a word; then perhaps a packed form.
_TAIL = r"[.\-_~](?:\d[\d.\-_TZ:]*|old|bak|prev|orig|save)"
_ROTATED = re.compile(_TAIL + r"|[.\-_~]")
_WITH_TAIL = re.compile(rf"(.+?){_TAIL}")


@dataclass(frozen=True, slots=True)
class Sibling:
    """A plain file in the same folder."""

    path: Path
    identity: Identity
    size: int
    mtime_ns: int
    is_rotation: bool  # its name says that it is a rotated form of the log

    @property
    def stamp(self) -> tuple[Identity, int, int]:
        """What stays the same as long as nobody writes to it."""
        return (self.identity, self.size, self.mtime_ns)


def is_rotation_name(name: str, of: str) -> bool:
    """True for `app.log.1`, `app.log-20260101.gz` or `app-2026-01-01.log` of `app.log`."""
    stem, dot, suffix = of.rpartition(".")
    if not name.startswith(stem or of):
        return False  # most names in a folder, told at once
    bare = unpacked_name(name).removesuffix(".backup")  # logrotate's way out of a clash
    if bare.startswith(of) and _ROTATED.fullmatch(bare[len(of) :]):
        return True
    rest = bare.removesuffix(f".{suffix}")
    return bool(
        dot
        and stem
        and rest != bare
        and rest.startswith(stem)
        and _ROTATED.fullmatch(rest[len(stem) :])
    )


def unpacked_name(name: str) -> str:
    """The name without what packing added to it."""
    for suffix in PACKED_SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix)
    return name


def family(name: str) -> str:
    """What a log and its rotated forms have in common: `app.log` for `app.log.1.gz`."""
    bare = unpacked_name(name)
    if found := _WITH_TAIL.fullmatch(bare):
        return found[1]
    stem, dot, suffix = bare.rpartition(".")
    found = _WITH_TAIL.fullmatch(stem) if dot else None
    return f"{found[1]}.{suffix}" if found else bare.rstrip("~")


def siblings(
    path: Path, *, rotations_only: bool = False, skip: Callable[[str], object] | None = None
) -> list[Sibling]:
    """Plain files beside `path`, oldest first by the time they were last written.

    Links are left out. A folder that is not there or must not be listed has none.

    Args:
        path: The log.
        rotations_only: Only those whose names say that they are rotated forms of it.
        skip: Names to leave out, before anything is asked about their files.

    Raises:
        OSError: The folder could not be listed now (too many open files, a failing disk).
    """
    found, of = [], path.name
    try:
        entries = os.scandir(path.parent)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    with entries:
        for n, entry in enumerate(entries):
            if n >= _MAX_ENTRIES:
                break
            if skip is not None and skip(entry.name):
                continue
            if rotations_only and not is_rotation_name(entry.name, of):
                continue
            if entry.name == of or not entry.is_file(follow_symlinks=False):
                continue
            with suppress(FileNotFoundError):  # it went away between listing and looking
                found.append(_sibling(Path(entry.path), of))
    found.sort(key=lambda s: (s.mtime_ns, _age(s.path.name)))
    return found


def _sibling(path: Path, of: str) -> Sibling:
    stat = path.stat(follow_symlinks=False)  # scandir's own stat has no inode on Windows
    return Sibling(
        path,
        Identity.of(stat),
        stat.st_size,
        stat.st_mtime_ns,
        is_rotation_name(path.name, of),
    )


def _age(name: str) -> tuple[int, ...]:
    """Orders equal times: `log.2` is older than `log.1`; dates are older when smaller."""
    numbers = [int(n) for n in re.findall(r"\d+", name)]
    return tuple(-n if n < 10_000 else n for n in numbers)
