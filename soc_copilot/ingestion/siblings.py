"""Where a rotated log went: the files beside it that carry its name."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from soc_copilot.ingestion.files import Identity

_MAX_ENTRIES = 20_000  # chosen: a folder with more is not searched to its end
# What rotation adds to a name: a number, a date, or a word; then perhaps a packed form.
_ROTATED = re.compile(r"[.\-_~](\d[\d.\-_TZ:]*|old|bak|prev|orig|save)?")


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
    bare = name.removesuffix(".gz")
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


def siblings(path: Path, *, rotations_only: bool = False) -> list[Sibling]:
    """Plain files beside `path`, oldest first by the time they were last written.

    Links are left out. An unreadable folder has none.
    """
    found = []
    try:
        with os.scandir(path.parent) as entries:
            for n, entry in enumerate(entries):
                if n >= _MAX_ENTRIES:
                    break
                if rotations_only and not is_rotation_name(entry.name, path.name):
                    continue
                if entry.name == path.name or not entry.is_file(follow_symlinks=False):
                    continue
                found.append(_sibling(Path(entry.path), path.name))
    except OSError:
        pass  # a file went away between listing and looking; the next look is soon
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
