"""The archive's files: written whole or not at all, and removed only when nobody can name them.

A file belongs to the run that wrote it (its owner) until a database row names it. An owner
holds a lock for as long as it lives, so whoever sweeps can tell a file whose row is still to
come from one whose writer died.
"""

import errno
import logging
import os
import secrets
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from soc_copilot.domain.errors import DiskFullError, StoreError

logger = logging.getLogger(__name__)

SUFFIX: Final = ".parquet"
_PART: Final = ".part"
_LOCK: Final = ".lock"
_OWNER_BYTES: Final = 8  # chosen: 64 random bits, so that no two runs ever share a name
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class FileLock:
    """A lock on a file that ends with the process, however the process ends."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._close = weakref.finalize(self, os.close, handle)

    @classmethod
    def take(cls, path: Path) -> "FileLock | None":
        """The lock, or None when somebody else holds it. Creates the file when need be.

        Raises:
            OSError: The file cannot be opened.
        """
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(path, flags, 0o600)
        try:
            _lock(handle)
            # Who holds a file that was removed meanwhile holds nothing.
            is_there = path.exists() and os.path.samestat(os.fstat(handle), path.stat())
        except OSError:
            is_there = False
        if is_there:
            return cls(path, handle)
        os.close(handle)
        return None

    def release(self, *, remove: bool = False) -> None:
        """Let go; doing it twice is fine.

        Args:
            remove: Also remove the file, first where the platform can, so that whoever opened
                it meanwhile finds it gone.
        """
        if remove and sys.platform != "win32":
            self.path.unlink(missing_ok=True)
        self._close()
        if remove and sys.platform == "win32":
            with suppress(OSError):
                self.path.unlink(missing_ok=True)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Owner:
    """One run's right to files that no row names yet.

    Thread:
        Any.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._lock: FileLock | None = None
        self._count = 0

    def new_name(self) -> str:
        """A file name that nobody had before and nobody sweeps while this owner lives.

        Raises:
            StoreError: The folder cannot be written.
        """
        with self._guard:
            if self._lock is None:
                self._lock = _claim(self._folder)
            self._count += 1
            return f"{self._lock.path.stem}-{self._count}{SUFFIX}"

    def close(self) -> None:
        """Give the right up; what no row names is now free to be swept."""
        with self._guard:
            if self._lock is not None:
                self._lock.release()
                self._lock = None


def _claim(folder: Path) -> FileLock:
    with refusals(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:  # until nobody sweeps the file between its making and its locking
            lock = FileLock.take(folder / f"{secrets.token_hex(_OWNER_BYTES)}{_LOCK}")
            if lock is not None:
                return lock


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn what the system refuses into an error for the operator.

    Raises:
        DiskFullError: There is no room left.
        StoreError: Anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError(
                f'Cannot write to the archive "{path}": the disk is full. Free some space; '
                "nothing was half written."
            ) from error
        raise StoreError(
            f'Cannot write to the archive "{path}": {error.strerror or error}. '
            "Give write access to it."
        ) from error


def write_file(folder: Path, name: str, content: "bytes | memoryview") -> None:
    """Put a file on disk under its name, whole, so that it is there after a power cut.

    Raises:
        DiskFullError: There is no room left; no part of the file stays.
        StoreError: The folder cannot be written; likewise.
    """
    part = folder / f"{name}{_PART}"
    with refusals(folder):
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(folder / name)
        except BaseException:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # folders cannot be opened there; NTFS journals names by itself
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_file(folder: Path, name: str) -> bool:
    """Remove a file that no row names any more; False when that must wait for a sweep."""
    try:
        (folder / name).unlink(missing_ok=True)
    except OSError as error:  # on Windows: somebody is reading it
        logger.info("An archive file is removed later. name=%s reason=%s", name, error.strerror)
        return False
    return True


def sweep(folder: Path, named: Callable[[], frozenset[str]], grace_s: float = 0.0) -> int:
    """Remove what dead owners left behind and no row names.

    Args:
        folder: The archive's folder.
        named: Reads the names in the database; asked only after an owner was found dead, so
            that whatever it committed is among them.
        grace_s: Files younger than this stay: a database server may still finish the
            transaction of a client that just died.

    Returns:
        Files removed.
    """
    removed = 0
    for lock_path in sorted(folder.glob(f"*{_LOCK}")):
        if len(lock_path.stem) != 2 * _OWNER_BYTES:
            continue
        with suppress(OSError):
            lock = FileLock.take(lock_path)
            if lock is not None:
                removed += _sweep_owner(folder, lock, named, grace_s)
    return removed


def _sweep_owner(
    folder: Path, lock: FileLock, named: Callable[[], frozenset[str]], grace_s: float
) -> int:
    removed, is_done = 0, False
    try:
        left = sorted(folder.glob(f"{lock.path.stem}-*"))
        known = named() if left else frozenset[str]()
        oldest = time.time() - grace_s
        orphans = [path for path in left if path.name not in known]
        ready = [path for path in orphans if grace_s <= 0 or path.stat().st_mtime < oldest]
        removed = sum(remove_file(folder, path.name) for path in ready)
        # A named file may be replaced by one who dies before removing it: its owner's lock
        # stays until nothing of the owner is left.
        is_done = removed == len(left)
    finally:
        lock.release(remove=is_done)
    return removed
