"""Where the governance database and its companion files lie, and who may read them."""

import errno
import hashlib
import itertools
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from soc_copilot.domain.errors import DiskFullError, StoreError
from soc_copilot.domain.file_systems import NETWORK_TYPES, file_system_type

HOME_VARIABLE = "SOC_COPILOT_HOME"
DATABASE_NAME = "governance.db"
_APP = "soc-copilot"

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Place:
    """One governance database and the files that go with it.

    Attributes:
        url: SQLAlchemy URL, without a driver of our choosing.
        path: The SQLite file, None for a database server.
        head: The audit chain's head file.
        marker: The kill switch's marker file.
        keys: Folder of the audit keys, apart from the database.
        archive: Folder of the event archive.
        spool: Folder of what listeners received.
        quarantine: Folder of lines that could not be parsed.
        reserve: The file that keeps some room on the disk.
    """

    url: URL
    path: Path | None
    head: Path
    marker: Path
    keys: Path
    archive: Path
    spool: Path
    quarantine: Path
    reserve: Path

    @classmethod
    def beside(cls, base: Path, url: URL, path: Path | None, keys: Path) -> "Place":
        """The place whose companions are named after `base`."""
        ends = ("audit", "kill", "archive", "spool", "quarantine", "reserve")
        head, marker, *others = (Path(f"{base}.{end}") for end in ends)
        return cls(url, path, head, marker, keys, *others)

    @property
    def title(self) -> str:
        """The database's name for messages; never shows a password."""
        if self.path is not None:
            return str(self.path)
        return self.url.render_as_string(hide_password=True)


def locate(target: str | Path | None, home: Path | None = None) -> Place:
    """The place that a `--db` value means.

    Args:
        target: Path, SQLAlchemy URL, or None for the default database.
        home: Folder for everything by default; else the variable `SOC_COPILOT_HOME`, else
            the platform's own folders.

    Raises:
        StoreError: The URL cannot be understood or names no file.
    """
    data, config = _folders(home)
    keys = config / "keys"
    if isinstance(target, str) and "://" in target:
        url = _parse(target)
        if url.get_backend_name() != "sqlite":
            stem = hashlib.sha256(url.render_as_string(hide_password=True).encode()).hexdigest()
            return Place.beside(data / stem[:16], url, None, keys)
        target = url.database
        if not target or target == ":memory:":
            raise StoreError("The governance database needs a file; one in memory would not last.")
    chosen = Path(target) if target is not None else data / DATABASE_NAME
    path = Path(os.path.abspath(chosen.expanduser()))  # noqa: PTH100 - keeps symbolic links
    return Place.beside(path, URL.create("sqlite", database=str(path)), path, keys)


def _folders(home: Path | None) -> tuple[Path, Path]:
    chosen = home or (Path(text) if (text := os.environ.get(HOME_VARIABLE)) else None)
    if chosen is not None:
        return chosen, chosen
    data = platformdirs.user_data_path(_APP, appauthor=False)
    return data, platformdirs.user_config_path(_APP, appauthor=False)


def _parse(text: str) -> URL:
    try:
        return make_url(text)
    except ArgumentError:
        scheme = text.partition("://")[0]
        raise StoreError(
            f'Cannot understand the database URL that begins with "{scheme}://". '
            "Give a path, or a URL such as postgresql+psycopg://user@host/name."
        ) from None


def is_full(error: OSError) -> bool:
    """True when the error says that the disk, or the user's share of it, is used up."""
    return error.errno in _FULL


def refused(what: str, error: OSError) -> StoreError:
    """The error to raise for a file that the system does not let us write.

    Args:
        what: Such as 'create "/x"'.
        error: What the system said.
    """
    if is_full(error):
        return DiskFullError(f"Cannot {what}: the disk is full. Free some space.")
    advice = " Give write access to its folder." if error.errno in _DENIED else ""
    return StoreError(f"Cannot {what}: {error.strerror}.{advice}")


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner may enter; one that exists is left as it is.

    Raises:
        StoreError: It cannot be created.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f'Cannot create the folder "{folder}": {error.strerror}. Choose another with --db.'
        ) from error


def make_private_file(path: Path, content: bytes = b"") -> bool:
    """Create a file that only its owner may read; False when there already is one.

    The content is on disk, under its name, when this returns.

    Raises:
        DiskFullError: There is no room for it.
        StoreError: It cannot be created. There is no such file then, and no half of one.
    """
    make_private_folder(path.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    # Where they exist: follow no link at the name, and translate no line ends.
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(path, flags, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise refused(f'create "{path}"', error) from error
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            write_whole(file, content)
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()  # half a file would be taken for a whole one
        raise refused(f'write "{path}"', error) from error
    sync_folder(path.parent)
    return True


def write_whole(file: IO[bytes], content: bytes) -> None:
    """Write to an unbuffered file until everything is written.

    A buffered one tries once more when it is closed, long after its caller was told of the
    failure and let go of the lock.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def move_aside(path: Path) -> None:
    """Give a file or folder of a former database another name, where there is one.

    Raises:
        StoreError: It cannot be renamed.
    """
    if not path.exists():
        return
    names = (path.with_name(f"{path.name}.old-{number}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists())
    try:
        path.rename(aside)
    except OSError as error:
        raise refused(f'rename "{path}"', error) from error


def sync_folder(folder: Path) -> None:
    """Make names created in or removed from a folder last, where the platform can."""
    if sys.platform == "win32":
        return  # folders cannot be opened there; NTFS journals names by itself
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def refuse_network(path: Path) -> None:
    """Refuse a place on a network file system, as far as that can be told.

    Raises:
        StoreError: SQLite's locks do not hold there.
    """
    kind = file_system_type(path)
    if kind in NETWORK_TYPES:
        raise StoreError(
            f'"{path}" lies on a network file system ({kind}), where a SQLite database can be '
            "damaged. Keep it on a local disk, or give a PostgreSQL URL."
        )
