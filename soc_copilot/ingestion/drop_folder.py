"""Which files lie in a drop folder, and which of them nobody writes to any more."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.ingestion.drop_places import Stamp
from soc_copilot.ingestion.files import Identity

SETTLE_S: Final = 2.0
"""Chosen: a file that does not change for so long is whole; programs that copy write all the
time, and who writes slowly should rename."""
_LONG_AGO_NS: Final = 10_000_000_000  # chosen: neither content nor name changed within 10 s
_UNFINISHED: Final = frozenset(
    {".tmp", ".part", ".partial", ".crdownload", ".filepart", ".download", ".swp", ".lock"}
)
"""Names under which programs keep what they have not finished."""
_DELIVERED: Final = ("new", "cur")  # of a maildir: files come there by renaming, whole


@dataclass(frozen=True, slots=True)
class Found:
    """A file in the folder.

    Attributes:
        is_delivered: It lies in a maildir: it was whole when it came, and is a message.
        changed_ns: When content, name or rights changed last, since 1970 UTC.
    """

    path: str
    identity: Identity
    stamp: Stamp
    is_delivered: bool
    changed_ns: int


def files_in(folder: Path, *, recursive: bool) -> Iterator[Found]:
    """Files that may hold messages; links, hidden and unfinished ones are left out.

    Raises:
        OSError: The folder cannot be listed.
    """
    waiting = [str(folder)]
    while waiting:
        at = waiting.pop()
        try:
            with os.scandir(at) as entries:
                rows = list(entries)
        except OSError:
            if at == str(folder):
                raise
            continue  # gone meanwhile, or not ours to read
        folders = {row.name: row for row in rows if row.is_dir(follow_symlinks=False)}
        if all(name in folders for name in _DELIVERED):
            for name in _DELIVERED:
                yield from _delivered(folders[name].path)
        for name, row in folders.items():
            is_box = _is_maildir(row.path)
            is_part = name in {*_DELIVERED, "tmp"} and all(one in folders for one in _DELIVERED)
            if not is_part and not name.startswith(".") and (recursive or is_box):
                waiting.append(row.path)
        for row in rows:
            if row.name not in folders and _is_wanted(row):
                yield from _found(row.path, is_delivered=False)


def _is_maildir(path: str) -> bool:
    return all(os.path.isdir(os.path.join(path, name)) for name in _DELIVERED)  # noqa: PTH112, PTH118


def _delivered(folder: str) -> Iterator[Found]:
    try:
        with os.scandir(folder) as entries:
            rows = list(entries)
    except OSError:
        return
    for row in rows:
        if not row.name.startswith(".") and row.is_file(follow_symlinks=False):
            yield from _found(row.path, is_delivered=True)


def _is_wanted(row: "os.DirEntry[str]") -> bool:
    name = row.name
    if name.startswith((".", "~")) or name.endswith("~"):
        return False
    return Path(name).suffix.lower() not in _UNFINISHED and row.is_file(follow_symlinks=False)


def _found(path: str, *, is_delivered: bool) -> Iterator[Found]:
    try:
        stat = os.lstat(path)  # an entry's own knows no inode on Windows
    except OSError:
        return
    changed_ns = max(stat.st_mtime_ns, stat.st_ctime_ns)
    yield Found(path, Identity.of(stat), stamp_of(stat), is_delivered, changed_ns)


def stamp_of(stat: os.stat_result) -> Stamp:
    """What changes when the file does."""
    return (Identity.of(stat).inode, stat.st_size, stat.st_mtime_ns)


class Settling:
    """Tells files that are whole from those that are being written."""

    def __init__(self, settle_s: float = SETTLE_S) -> None:
        self._settle_s = settle_s
        self._since: dict[str, tuple[Stamp, float]] = {}

    @property
    def n_waiting(self) -> int:
        """Files that changed lately."""
        return len(self._since)

    def is_whole(self, found: Found, now_s: float, now_ns: int) -> bool:
        """True when nobody seems to write to the file; asked at each look at the folder."""
        if not found.stamp[1]:
            return False  # made, and not filled yet
        if found.is_delivered or now_ns - found.changed_ns >= _LONG_AGO_NS:
            self._since.pop(found.path, None)
            return True
        stamp, since_s = self._since.get(found.path, (found.stamp, now_s))
        if stamp != found.stamp:
            since_s = now_s
        self._since[found.path] = (found.stamp, since_s)
        if now_s - since_s < self._settle_s:
            return False
        del self._since[found.path]
        return True

    def forget(self, present: set[str]) -> None:
        """Leave out files that are gone."""
        self._since = {path: one for path, one in self._since.items() if path in present}
