"""Room on the disk set aside, so that a full disk never keeps a person from the kill switch."""

import logging
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from soc_copilot.domain.governance import DiskState
from soc_copilot.governance.location import is_full, sync_folder

logger = logging.getLogger(__name__)

RESERVE_BYTES = 16 * 1024 * 1024  # chosen: hundreds of audited changes, each below 64 KiB
MARGIN_BYTES = 16 * 1024 * 1024  # chosen: what must stay free once the reserve is made
PROBE_BYTES = 64 * 1024  # chosen: a disk that takes no more than this is full

_BLOCK_BYTES = 512  # of st_blocks (POSIX)


def takes_no_more(folder: Path) -> bool:
    """True when a small file can no longer be written there for want of room.

    SQLite reports a used-up quota, and a full disk found by fsync, as plain input/output
    errors; this tells them from a broken disk.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            _allocate(file.fileno(), PROBE_BYTES)
            os.fsync(file.fileno())
    except OSError as error:
        return is_full(error)
    return False


class Reserve:
    """A file that holds disk blocks for nothing but to be deleted when they are needed.

    Safe for several threads and processes: each step leaves the file whole, gone, or to be
    completed by the next one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_impossible = False

    def ensure(self, *, thoroughly: bool = False) -> bool:
        """Make the file where it is missing and there is room.

        Args:
            thoroughly: Also look whether its blocks are really taken.

        Returns:
            False when there is no room for it. True too where it cannot be made for another
            reason, which is logged once: that must not stop anything.
        """
        size, taken = self._sizes()
        if size >= RESERVE_BYTES and (not thoroughly or taken >= RESERVE_BYTES):
            return True
        if self._is_impossible:
            return True
        try:
            if shutil.disk_usage(self.path.parent).free < RESERVE_BYTES - taken + MARGIN_BYTES:
                return size >= RESERVE_BYTES
            self._make()
        except OSError as error:
            if is_full(error):
                return False
            self._is_impossible = True
            logger.exception("Cannot keep room in reserve. path=%s", self.path)
        return True

    def release(self) -> bool:
        """Give the room back to the disk; False when there was none to give."""
        size, _ = self._sizes()
        try:
            self.path.unlink()
        except OSError:
            return False
        logger.warning("The disk is full; the reserve was freed. bytes=%d", size)
        return size > 0

    def state(self) -> DiskState:
        """How much room there is; looks at the disk."""
        try:
            free = shutil.disk_usage(self.path.parent).free
        except OSError:
            free = 0
        size, _ = self._sizes()
        is_there = size >= RESERVE_BYTES
        return DiskState(
            folder=self.path.parent,
            free_bytes=free,
            reserve_bytes=size,
            is_full=free < (PROBE_BYTES if is_there else RESERVE_BYTES + MARGIN_BYTES),
        )

    def _sizes(self) -> tuple[int, int]:
        """Bytes that the file holds, and those of the disk that it takes."""
        try:
            found = self.path.lstat()
        except OSError:
            return 0, 0
        blocks = getattr(found, "st_blocks", None)  # Windows does not tell
        return found.st_size, found.st_size if blocks is None else blocks * _BLOCK_BYTES

    def _make(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        handle = os.open(self.path, flags, 0o600)
        try:
            _allocate(handle, RESERVE_BYTES)
            os.fsync(handle)
        except OSError:
            with suppress(OSError):
                self.path.unlink()  # a part of it would only take room away
            raise
        finally:
            os.close(handle)
        sync_folder(self.path.parent)


def _allocate(handle: int, n_bytes: int) -> None:
    """Take blocks of the disk for a file's first bytes."""
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        allocate(handle, 0, n_bytes)
        return
    block = bytes(PROBE_BYTES)
    for start in range(0, n_bytes, len(block)):
        rest = memoryview(block)[: n_bytes - start]
        while rest:
            rest = rest[os.write(handle, rest) :]
