"""Where the messages of files, mboxes, maildirs and folders are, so that each can be read again."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.contents import MAX_FILES
from soc_copilot.detection.phishing.mail import MAX_MESSAGE_BYTES
from soc_copilot.domain.errors import SourceError

MAX_DEPTH: Final = 12  # chosen: folders within folders
_LINE_BYTES: Final = 1 << 16  # chosen: of a line that is looked at in one piece
_MBOX_NAMES: Final = frozenset({".mbox", ".mbx"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message is.

    Attributes:
        path: The file that holds it.
        name: For people: below the folder that was asked for; "#3" is the third of an mbox.
        start: Its first byte in the file.
        length: Its bytes; -1 up to the file's end.
    """

    path: Path
    name: str
    start: int = 0
    length: int = -1


def holds_many(path: Path) -> bool:
    """True for a folder and for an mbox; False for what is not there."""
    try:
        return path.is_dir() or _is_mbox(path)
    except OSError:
        return False


def places(path: Path) -> Iterator[Place]:
    """Every message of a file, an mbox, a maildir or a folder, folders below included.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        if path.is_dir():
            yield from _below(path)
        elif _is_mbox(path):
            yield from _within(path, path.name)
        else:
            yield Place(path, path.name)
    except OSError as error:
        raise SourceError(
            f'Cannot read "{path.name}": {error.strerror or error}. Check that it is there.'
        ) from error


def read(place: Place) -> bytes:
    """The bytes of a message, at most one more than is taken apart.

    Raises:
        SourceError: It cannot be read.
    """
    most = MAX_MESSAGE_BYTES + 1
    try:
        with place.path.open("rb") as file:
            file.seek(place.start)
            return file.read(most if place.length < 0 else min(place.length, most))
    except OSError as error:
        raise SourceError(
            f'Cannot read "{place.name}": {error.strerror or error}. Check that it is still there.'
        ) from error


def _is_mbox(path: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix.lower() in _MBOX_NAMES:
        return True
    with path.open("rb") as file:
        return file.read(5) == b"From "


def _below(folder: Path) -> Iterator[Place]:
    """Files by name, links left out; of a maildir not what is still being delivered."""
    n_found = 0
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        if len(here.relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()
        if {"cur", "new"} <= set(folders):
            folders[:] = [name for name in folders if name != "tmp"]
        folders.sort()
        for name in sorted(files):
            path = here / name
            if path.is_symlink() or not path.is_file():
                continue
            shown = str(path.relative_to(folder))
            for place in _within(path, shown) if _can_be_mbox(path) else [Place(path, shown)]:
                yield place
                n_found += 1
                if n_found >= MAX_FILES:
                    return


def _can_be_mbox(path: Path) -> bool:
    try:
        return _is_mbox(path)
    except OSError:  # said when it is read
        return False


def _within(path: Path, name: str) -> Iterator[Place]:
    """The messages of an mbox: each begins with a "From " line behind an empty one."""
    number, begun, at = 0, -1, 0
    was_empty, is_start = True, True
    with path.open("rb") as file:
        while line := file.readline(_LINE_BYTES):
            if is_start and was_empty and line.startswith(b"From "):
                if begun >= 0:
                    number += 1
                    yield Place(path, f"{name}#{number}", begun, at - begun)
                begun = at
            was_empty = is_start and line in {b"\n", b"\r\n"}
            is_start = line.endswith(b"\n")
            at += len(line)
    if begun >= 0:
        yield Place(path, f"{name}#{number + 1}", begun, at - begun)
    elif at:  # named so, and is none
        yield Place(path, name)
