"""Linux' notifications of changes to files, as the kernel tells them, overflow included.

watchdog's reader drops the kernel's word that its queue ran over (version 6) or only writes it to
a log (version 7), and makes several objects for each event; who must count what is lost, and keep
up with thousands of changes a second, reads for himself. Source: inotify(7).
"""

import ctypes
import errno
import os
import select
import struct
from dataclasses import dataclass
from typing import Final

MODIFY: Final = 0x2
ATTRIB: Final = 0x4
CLOSE_WRITE: Final = 0x8
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
DELETE_SELF: Final = 0x400
MOVE_SELF: Final = 0x800
UNMOUNT: Final = 0x2000
Q_OVERFLOW: Final = 0x4000
IGNORED: Final = 0x8000
ISDIR: Final = 0x4000_0000
_ONLYDIR: Final = 0x0100_0000
_DONT_FOLLOW: Final = 0x0200_0000
_EXCL_UNLINK: Final = 0x0400_0000
_WANTED: Final = (
    MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF
)  # fmt: skip
_HEAD: Final = struct.Struct("iIII")
_BUFFER_BYTES: Final = 256 * 1024  # chosen: some thousand events in one call


@dataclass(frozen=True, slots=True)
class Notice:
    """One event of the kernel's queue.

    Attributes:
        watch: The watched folder's number, -1 for the queue itself.
        mask: What happened.
        cookie: Joins the two halves of a rename.
        name: In the folder; empty for the folder itself.
    """

    watch: int
    mask: int
    cookie: int
    name: str


class Inotify:
    """One queue of notifications.

    Raises:
        OSError: The system gives no more queues.

    Thread:
        `read` from one thread; the rest from any.
    """

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "no more notification queues are given out")
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)

    def add(self, folder: str) -> int:
        """Watch a folder, never through a link; returns its number.

        Raises:
            OSError: ENOSPC when there are too many watches; others when it is no folder.
        """
        flags = _WANTED | _ONLYDIR | _DONT_FOLLOW | _EXCL_UNLINK
        watch: int = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), flags)
        if watch < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), folder)
        return watch

    def remove(self, watch: int) -> None:
        """Watch it no more; nothing when it is gone already."""
        self._libc.inotify_rm_watch(self._fd, watch)

    def read(self, timeout_s: float) -> list[Notice]:
        """What is in the queue, waiting for the first of it; empty when nothing comes."""
        if not self._poll.poll(timeout_s * 1_000):
            return []
        try:
            data = os.read(self._fd, _BUFFER_BYTES)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EINTR}:
                return []
            raise
        return parse(data)

    def close(self) -> None:
        """Give the queue back; a read that waits comes to its end by its timeout."""
        os.close(self._fd)


def parse(data: bytes) -> list[Notice]:
    """The notices in what the kernel wrote."""
    found = []
    at = 0
    while at + _HEAD.size <= len(data):
        watch, mask, cookie, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        name = os.fsdecode(data[at : at + length].rstrip(b"\0")) if length else ""
        at += length
        found.append(Notice(watch, mask, cookie, name))
    return found
