"""Files as the reader needs them: opened without blocking rotation, read at a place, told apart."""

import errno
import os
import stat as stat_flags
import sys
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from soc_copilot.domain.errors import SourceError

HEAD_BYTES = 1_024  # chosen: first bytes that tell one file from another
MARKER_BYTES = 256  # chosen: bytes just before the position that must still be there
RESERVED_HANDLES = 200  # chosen: for the database, the window, sockets, pipes, model files
MAX_HANDLES = 8_192  # chosen: more than any folder of logs that was seen
_FEW_HANDLES = 16  # chosen: with fewer, following rotations would be mostly reopening


def digest(data: bytes) -> str:
    """BLAKE2b-128 in hex; an empty string for no bytes, so that "nothing" never matches."""
    return blake2b(data, digest_size=16).hexdigest() if data else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Device and inode (volume and file index on Windows)."""

    device: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "Identity":
        """The identity in a stat result, cut to what 64-bit columns hold."""
        mask = (1 << 63) - 1
        return cls(stat.st_dev & mask, stat.st_ino & mask)


def _open_posix(path: Path, *, follow: bool) -> int:
    # O_NONBLOCK: opening a FIFO in the place of a log must not hang the reader.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    return os.open(path, flags if follow else flags | os.O_NOFOLLOW)


if sys.platform == "win32":  # pragma: no cover - only there

    def _open(path: Path, *, follow: bool) -> int:
        # Python's own open() leaves FILE_SHARE_DELETE out, which would stop a writer from
        # renaming its log while we read it.
        import ctypes
        import msvcrt
        from ctypes import wintypes

        create = ctypes.WinDLL("kernel32", use_last_error=True).CreateFileW
        create.restype = wintypes.HANDLE
        create.argtypes = [
            wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID,
            wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
        ]  # fmt: skip
        generic_read, share_all, open_existing = 0x8000_0000, 0x1 | 0x2 | 0x4, 3
        open_link_itself = 0x0020_0000  # FILE_FLAG_OPEN_REPARSE_POINT
        flags = 0x80 if follow else 0x80 | open_link_itself
        handle = create(str(path), generic_read, share_all, None, open_existing, flags, None)
        if handle == wintypes.HANDLE(-1).value:
            raise ctypes.WinError(ctypes.get_last_error())
        return msvcrt.open_osfhandle(handle, os.O_RDONLY | os.O_BINARY)

    def read_at(fd: int, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end of the file."""
        os.lseek(fd, offset, os.SEEK_SET)
        parts = []
        while size > 0 and (part := os.read(fd, size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

else:
    _open = _open_posix

    def read_at(fd: int, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; fewer only at the end of the file."""
        data = os.pread(fd, size, offset)
        if len(data) == size or not data:
            return data
        parts = [data]  # a short read is allowed anywhere, not only at the end
        got = len(data)
        while got < size and (part := os.pread(fd, size - got, offset + got)):
            parts.append(part)
            got += len(part)
        return b"".join(parts) if len(parts) > 1 else data


def open_log(path: Path, *, follow: bool = True) -> int:
    """A file descriptor for reading that does not stop others from renaming the file.

    Args:
        path: The file.
        follow: False refuses a symbolic link in the last place of the path.

    Raises:
        OSError: The system's refusal.
        SourceError: It is not a regular file.
    """
    # Asked before opening, because that alone can wake the writer of a FIFO or move a tape.
    _refuse_special(path, path.stat(follow_symlinks=follow))
    fd = _open(path, follow=follow)
    try:
        _refuse_special(path, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def _refuse_special(path: Path, stat: os.stat_result) -> None:
    mode = stat.st_mode
    if not stat_flags.S_ISREG(mode) and not stat_flags.S_ISLNK(mode):  # open refuses the link
        what = "a folder" if stat_flags.S_ISDIR(mode) else "a pipe, socket or device"
        raise SourceError(
            f'Cannot read "{path}": it is not a regular file but {what}. It is read again when '
            "a file is in its place; otherwise remove this source."
        )


def is_exhausted(error: BaseException) -> bool:
    """True when the process or the system has no file handle left."""
    return isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}


@contextmanager
def opened(path: Path) -> Iterator[int | None]:
    """A file for a moment; None where it cannot be opened.

    Raises:
        OSError: There is no file handle left.
    """
    try:
        fd = open_log(path, follow=False)
    except (OSError, SourceError) as error:
        if is_exhausted(error):
            raise
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def handle_limit() -> int:
    """How many handles all sources together may keep open, by the process's own limit."""
    if sys.platform == "win32":  # pragma: no cover - only there
        return MAX_HANDLES // 4  # the C runtime's limit is 8,192
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_HANDLES
    return max(min(soft - RESERVED_HANDLES, soft * 3 // 4, MAX_HANDLES), _FEW_HANDLES)


class HandleBudget:
    """Counts the handles that the pools of one process keep open together.

    Args:
        limit: How many; None asks the system at every look, because it can be changed.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._n_open = 0
        self._lock = threading.Lock()

    def change(self, by: int) -> None:
        """Handles were opened or closed."""
        with self._lock:
            self._n_open += by

    @property
    def n_too_many(self) -> int:
        """How many handles should be closed."""
        limit = handle_limit() if self._limit is None else self._limit
        return max(self._n_open - limit, 0)


_PROCESS = HandleBudget()


class HandlePool:
    """Open handles of one source, the least recently used closed first.

    A pinned handle stays: its file may have no name any more, so that nothing could open
    it again.

    Args:
        budget: Shared with other pools; the process's own when None.
    """

    def __init__(self, budget: HandleBudget | None = None) -> None:
        self._budget = budget or _PROCESS
        self._open: OrderedDict[Hashable, int] = OrderedDict()
        self._pinned: set[Hashable] = set()
        self.is_short = False

    def __len__(self) -> int:
        return len(self._open)

    def get(self, key: Hashable) -> int | None:
        """The open handle of `key`, now the most recently used."""
        fd = self._open.get(key)
        if fd is not None:
            self._open.move_to_end(key)
        return fd

    def open(self, path: Path, *, follow: bool = True) -> int:
        """A handle of the caller's; others are closed when the system has none left.

        Raises:
            OSError: The system's refusal.
            SourceError: It is not a regular file.
        """
        try:
            return open_log(path, follow=follow)
        except OSError as error:
            self.is_short = self.is_short or is_exhausted(error)
            if not is_exhausted(error) or not self._close_spare(max(len(self._open) // 2, 1)):
                raise
        return open_log(path, follow=follow)

    def put(self, key: Hashable, fd: int) -> None:
        """Keep a handle, closing others when there are too many."""
        self.drop(key, unpin=False)
        self._open[key] = fd
        self._budget.change(1)
        if n := self._budget.n_too_many:
            self._close_spare(n, keep=key)

    def pin(self, key: Hashable) -> None:
        """Never close this one to make room."""
        self._pinned.add(key)

    def unpin(self, key: Hashable) -> None:
        """It may be closed again to make room."""
        self._pinned.discard(key)

    def drop(self, key: Hashable, *, unpin: bool = True) -> None:
        """Close one handle, if open."""
        if unpin:
            self._pinned.discard(key)
        fd = self._open.pop(key, None)
        if fd is not None:
            self._budget.change(-1)
            os.close(fd)

    def close(self) -> None:
        """Close them all; those that were pinned stay so once they are open again."""
        for key in list(self._open):
            self.drop(key, unpin=False)

    def _close_spare(self, n: int, keep: Hashable = None) -> int:
        """Close the least recently used that may be closed; returns how many."""
        spare = [k for k in self._open if k not in self._pinned and k != keep][:n]
        for key in spare:
            self.drop(key)
        self.is_short = self.is_short or bool(spare)
        return len(spare)
