"""What was last seen of files, within bounds, and how their content is sampled."""

import os
import stat as stat_flags
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.files import open_log, read_at

MAX_FILES: Final = 100_000  # measured: about 40 MB


@dataclass(frozen=True, slots=True)
class Seen:
    """How a file or folder stood when it was last looked at.

    Attributes:
        kind: "file", "dir", "link" or "other".
        entropy: Bits per byte of the sample; None when none was taken.
    """

    kind: str
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    owner: int
    entropy: float | None = None


def look(path: str) -> Seen | None:
    """How it stands now, links not followed; None when it is gone or out of reach."""
    try:
        found = Path(path).lstat()
    except (OSError, ValueError):
        return None
    mode = found.st_mode
    kind = (
        "file"
        if stat_flags.S_ISREG(mode)
        else "dir"
        if stat_flags.S_ISDIR(mode)
        else "link"
        if stat_flags.S_ISLNK(mode)
        else "other"
    )
    return Seen(
        kind,
        found.st_ino,
        found.st_size,
        found.st_mtime_ns,
        found.st_ctime_ns,
        stat_flags.S_IMODE(mode),
        found.st_uid,
    )


def sampled_entropy(path: str, sample_bytes: int) -> float | None:
    """Bits per byte of a sample, half from the start and half from the middle.

    Disturbs nobody: links are not followed, a FIFO is not waited for, no lock is taken, the
    time of last access stays where the system allows it. None when it cannot be read.
    """
    try:
        fd = _open(path)
    except (OSError, SourceError, ValueError):
        return None
    try:
        found = os.fstat(fd)
        if not stat_flags.S_ISREG(found.st_mode):
            return None
        if found.st_size <= sample_bytes:
            return entropy(read_at(fd, 0, sample_bytes))
        half = sample_bytes // 2
        return entropy(read_at(fd, 0, half) + read_at(fd, found.st_size // 2, sample_bytes - half))
    except OSError:
        return None
    finally:
        os.close(fd)


def _open(path: str) -> int:
    if sys.platform != "linux":
        return open_log(Path(path), follow=False)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:  # only a file's owner may leave its time alone
        return os.open(path, flags)


def entropy(data: bytes) -> float | None:
    """Shannon entropy, bits per byte, [0, 8]; None for no bytes."""
    if not data:
        return None
    counts = np.bincount(np.frombuffer(data, np.uint8))
    shares = counts[counts > 0] / len(data)
    return round(abs(float((shares * np.log2(shares)).sum())), 4)


class FileMemory:
    """The files last seen, the ones untouched for longest forgotten first.

    Args:
        limit: Files at most.
    """

    def __init__(self, limit: int = MAX_FILES) -> None:
        self._limit = limit
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self.has_forgotten = False  # something had to go, so that absence says nothing

    def __len__(self) -> int:
        return len(self._seen)

    def get(self, path: str) -> Seen | None:
        """What is known of it."""
        return self._seen.get(path)

    def put(self, path: str, seen: Seen) -> None:
        """Remember it as the newest."""
        self._seen[path] = seen
        self._seen.move_to_end(path)
        if len(self._seen) > self._limit:
            self._seen.popitem(last=False)
            self.has_forgotten = True

    def pop(self, path: str) -> Seen | None:
        """Forget it; returns what was known."""
        return self._seen.pop(path, None)

    def below(self, folder: str) -> list[str]:
        """Paths known in a folder, at any depth."""
        prefix = folder.rstrip(os.sep) + os.sep
        return [path for path in self._seen if path.startswith(prefix)]

    def move(self, path: str, target: str, *, is_folder: bool) -> None:
        """It has another name now, with everything in it."""
        moved = [path, *(self.below(path) if is_folder else ())]
        for old in moved:
            seen = self._seen.pop(old, None)
            if seen is not None:
                self.put(target + old[len(path) :], seen)
