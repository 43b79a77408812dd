"""Files as the reader needs them: opened without blocking rotation, read at a place, told apart."""

import os
import stat as stat_flags
import sys
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from soc_copilot.domain.errors import SourceError

HEAD_BYTES = 1_024  # chosen: first bytes that tell one file from another
MARKER_BYTES = 256  # chosen: bytes just before the position that must still be there
MAX_HANDLES = 128  # chosen: well under the usual limits of 256 (macOS) and 1,024 (Linux)


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
    fd = _open(path, follow=follow)
    try:
        if not stat_flags.S_ISREG(os.fstat(fd).st_mode):
            raise SourceError(
                f'Cannot read "{path}": it is not a regular file. Remove this source.'
            )
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextmanager
def opened(path: Path) -> Iterator[int | None]:
    """A file for a moment; None where it cannot be opened."""
    try:
        fd = open_log(path, follow=False)
    except (OSError, SourceError):
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


class HandlePool:
    """Open handles of one source, the least recently used closed first.

    A pinned handle stays: its file may have no name any more, so that nothing could open
    it again.
    """

    def __init__(self, limit: int = MAX_HANDLES) -> None:
        self._limit = limit
        self._open: OrderedDict[Hashable, int] = OrderedDict()
        self._pinned: set[Hashable] = set()

    def __len__(self) -> int:
        return len(self._open)

    def get(self, key: Hashable) -> int | None:
        """The open handle of `key`, now the most recently used."""
        fd = self._open.get(key)
        if fd is not None:
            self._open.move_to_end(key)
        return fd

    def put(self, key: Hashable, fd: int) -> None:
        """Keep a handle, closing others when there are too many."""
        self.drop(key, unpin=False)
        self._open[key] = fd
        spare = [k for k in self._open if k not in self._pinned and k != key]
        for old in spare[: max(len(self._open) - self._limit, 0)]:
            self.drop(old)

    def pin(self, key: Hashable) -> None:
        """Never close this one to make room."""
        self._pinned.add(key)

    def drop(self, key: Hashable, *, unpin: bool = True) -> None:
        """Close one handle, if open."""
        if unpin:
            self._pinned.discard(key)
        fd = self._open.pop(key, None)
        if fd is not None:
            os.close(fd)

    def close(self) -> None:
        """Close them all."""
        for key in list(self._open):
            self.drop(key)
