"""The audit chain's two companions outside the database: the key and the head file."""

import hashlib
import os
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from soc_copilot.domain.errors import StoreError
from soc_copilot.governance.location import (
    make_private_file,
    move_aside,
    refused,
    sync_folder,
    write_whole,
)

KEY_BYTES = 32  # HMAC-SHA256's own size (RFC 2104, section 3)
LOST_FOR_GOOD = 'where there is none, "soc-copilot audit reanchor" begins a new chain'
_KEY_ID = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(rb"(\d{1,19}) ([0-9a-f]{64})")
_TAIL_BYTES = 256  # more than two lines


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a chain: its number and MAC."""

    seq: int
    mac: str


class AuditKey:
    """The secret that the chain is keyed with: a file that only its owner may read."""

    def __init__(self, folder: Path, database_id: str, key_id: str) -> None:
        self._folder = folder
        self._database_id = database_id
        self.id = key_id
        later = _later_path(folder, database_id, key_id)
        self._path = later if later.exists() else folder / f"{database_id}.key"
        self._key: bytes | None = None

    @classmethod
    def create(cls, folder: Path, database_id: str) -> str:
        """Make the key of a new database and return its id, which is no secret."""
        key = secrets.token_bytes(KEY_BYTES)
        make_private_file(folder / f"{database_id}.key", key)
        return key_id_of(key)

    def successor(self) -> "AuditKey":
        """A new key for the same database, in a file of its own; this one's is left alone."""
        key = secrets.token_bytes(KEY_BYTES)
        name = key_id_of(key)
        make_private_file(_later_path(self._folder, self._database_id, name), key)
        return self.named(name)

    def named(self, key_id: str) -> "AuditKey":
        """The same database's key of another id."""
        return AuditKey(self._folder, self._database_id, key_id)

    def read(self) -> bytes:
        """The key.

        Raises:
            StoreError: It is missing, unreadable, or another database's.
        """
        if self._key is None:
            self._key = self._load()
        return self._key

    def _load(self) -> bytes:
        try:
            key = self._path.read_bytes()
        except FileNotFoundError:
            raise StoreError(
                f'The audit key "{self._path}" is missing, so the audit trail can be neither '
                f"continued nor verified. Put it back from a backup; {LOST_FOR_GOOD}."
            ) from None
        except OSError as error:
            raise StoreError(
                f'Cannot read the audit key "{self._path}": {error.strerror}.'
            ) from error
        if len(key) != KEY_BYTES or key_id_of(key) != self.id:
            raise StoreError(
                f'The audit key "{self._path}" is not the one this database was made with. '
                f"Put the right one back from a backup; {LOST_FOR_GOOD}."
            )
        return key


def _later_path(folder: Path, database_id: str, key_id: str) -> Path:
    """Where a key lies that is not a database's first; its id is what the database says."""
    part = key_id[:16] if _KEY_ID.fullmatch(key_id) else "unknown"
    return folder / f"{database_id}.{part}.key"


def key_id_of(key: bytes) -> str:
    """A name for the key that does not give it away."""
    return hashlib.sha256(b"soc-copilot audit key id\0" + key).hexdigest()


class HeadFile:
    """Append-only witness of the chain, beside the database: one line a commit.

    Safe for several processes: a lock is held while the file is changed.
    """

    def __init__(self, path: Path, database_id: str) -> None:
        self.path = path
        self._first = f"soc-copilot-audit-head 1 {database_id}\n".encode()

    def create(self) -> None:
        """Make the file of a new database; one of a former database is moved aside."""
        if not make_private_file(self.path, self._first):
            move_aside(self.path)
            make_private_file(self.path, self._first)

    def require(self) -> None:
        """Check that the file is there.

        Raises:
            StoreError: It is missing.
        """
        if not self.path.is_file():
            raise StoreError(
                f'The audit head file "{self.path}" is missing, so a cut-off audit trail could '
                f"not be told from a whole one. Put it back from a backup; {LOST_FOR_GOOD}."
            )

    def append(self, head: Head) -> None:
        """Write down a new head, on disk when this returns; an older one is passed over.

        Raises:
            OSError: The file cannot be written.
        """
        handle = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0))  # never creates
        with os.fdopen(handle, "r+b", buffering=0) as file, _locked(file):
            end = file.seek(0, os.SEEK_END)
            start = max(0, end - _TAIL_BYTES)
            file.seek(start)
            tail = file.read(_TAIL_BYTES)
            torn = len(tail) - (tail.rfind(b"\n") + 1)  # of a power loss within a line
            last = _parse_line(tail[: len(tail) - torn].rstrip(b"\n").rpartition(b"\n")[2])
            if last is not None and last.seq >= head.seq:
                return
            file.seek(end - torn)
            file.truncate()
            write_whole(file, f"{head.seq} {head.mac}\n".encode())
            os.fsync(file.fileno())

    def lines(self) -> Iterator[Head]:
        """Yield the heads written down, oldest first.

        Raises:
            StoreError: The file is missing, unreadable, another database's, or altered.
        """
        self.require()
        try:
            with self.path.open("rb") as file, _locked(file):
                content = file.read()
        except OSError as error:
            raise StoreError(
                f'Cannot read the audit head file "{self.path}": {error.strerror}.'
            ) from error
        if not content.startswith(self._first):
            raise StoreError(
                f'The audit head file "{self.path}" was altered or belongs to another database.'
            )
        *whole, _torn = content[len(self._first) :].split(b"\n")
        before = 0
        for number, line in enumerate(whole, start=2):
            head = _parse_line(line)
            if head is None or head.seq <= before:
                raise StoreError(
                    f'The audit head file "{self.path}" was altered: line {number} is not one '
                    "that the program wrote."
                )
            before = head.seq
            yield head


def _parse_line(line: bytes) -> Head | None:
    match = _LINE.fullmatch(line)
    return Head(int(match[1]), match[2].decode()) if match else None


@contextmanager
def _locked(file: IO[bytes]) -> Iterator[None]:
    """Hold the file alone among processes."""
    if sys.platform == "win32":
        import msvcrt

        # A byte far beyond the end is locked: locks there keep even readers out.
        file.seek(1 << 40)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        file.seek(0)
        try:
            yield
        finally:
            file.seek(1 << 40)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a private file's content in one step, on disk when this returns.

    Raises:
        DiskFullError: There is no room for it.
        StoreError: The folder does not take it.
    """
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    make_private_file(fresh, content)
    try:
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise refused(f'write "{path}"', error) from error
    sync_folder(path.parent)
