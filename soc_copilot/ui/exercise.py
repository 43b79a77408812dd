"""A harmless exercise: files of our own, in a folder of our own, encrypted before your eyes.

Nothing but copies of the sample files that were made here is ever changed, and no folder is
touched but one that `make_folder` made. No Qt.
"""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.text import render_safe

PREFIX: Final = "soc-copilot-demonstration-"
MARKER: Final = "about-this-folder.json"
COPIES: Final = "exercise"
ENDING: Final = ".exercise-locked"
PURPOSE: Final = "SOC Copilot demonstration: sample files, made to be encrypted in an exercise."
N_EACH: Final = 12  # chosen: files in each sub-folder; 48 in all are enough for an alert
LEARN_S: Final = 3.0  # chosen: the watcher looks at new files in idle moments
PACE_S: Final = 0.06  # chosen: between files; as fast as an attack that takes its time

_made: set[Path] = set()  # by this process, and still there
_busy: set[Path] = set()  # with an exercise under way
_FOLDERS: Final = {
    "letters": ("letter", ".txt"),
    "accounts": ("account", ".csv"),
    "notes": ("note", ".md"),
    "pages": ("page", ".html"),
}
_WORDS: Final = (
    "the", "order", "was", "shipped", "on", "time", "and", "invoice", "follows", "with", "next",
    "delivery", "please", "confirm", "receipt", "of", "goods", "as", "agreed", "in", "spring",
)  # fmt: skip


def make_folder(parent: Path | None = None) -> Path:
    """A new folder with sample files, in the system's temporary folder when none is given.

    Raises:
        OSError: There is no room or no right to make it.
    """
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix=PREFIX, dir=parent)))
    names = []
    for place, (below, (stem, ending)) in enumerate(_FOLDERS.items()):
        (folder / below).mkdir()
        for number in range(1, N_EACH + 1):
            name = f"{below}/{stem}-{number:02d}{ending}"
            (folder / name).write_text(_text(place * N_EACH + number), encoding="utf-8")
            names.append(name)
    about = {"purpose": PURPOSE, "folder": str(folder), "files": names}
    (folder / MARKER).write_text(json.dumps(about, indent=1), encoding="utf-8")
    _made.add(folder)
    return folder


def made() -> tuple[Path, ...]:
    """Folders that this process made and did not take away."""
    return tuple(_made)


def remove(folder: Path) -> bool:
    """Take away a folder that `make_folder` made, with what was put there by this module.

    What somebody else put there stays, and the folder with it. Nothing happens while an exercise
    is under way in it.

    Returns:
        True when there is nothing left to do.
    """
    if folder in _busy:
        return False
    _made.discard(folder)
    names = _sample_files(folder)
    if not names:
        return True  # not ours (any more)
    copies = {name.replace("/", "-") for name in names}
    places = [] if (folder / COPIES).is_symlink() else list((folder / COPIES).glob("[0-9a-f]*"))
    for place in places:
        if place.is_dir() and not place.is_symlink():
            _delete(place / name for one in copies for name in (one, one + ENDING))
            _delete_folders([place])
    _delete(folder / name for name in (*names, MARKER))
    _delete_folders([folder / COPIES, *(folder / below for below in _FOLDERS), folder])
    return True


def is_ours(folder: Path) -> bool:
    """True for a folder that `make_folder` made, and that is still where it made it."""
    return bool(_sample_files(folder))


def run(
    folder: Path,
    report: Callable[[int, int], None],
    *,
    pace_s: float = PACE_S,
    learn_s: float = LEARN_S,
) -> int:
    """Copy the sample files, wait until the watcher knows them, then encrypt the copies.

    Args:
        folder: One that `make_folder` made.
        report: Told how many of how many files are encrypted; may raise to end the exercise.
        pace_s: Seconds between two files.
        learn_s: Seconds between copying and encrypting.

    Returns:
        How many copies were encrypted.

    Raises:
        PolicyError: It is another folder.
        OSError: A file cannot be written.
    """
    names = _sample_files(folder)
    if not names:
        raise PolicyError(
            f'"{render_safe(str(folder), 200)}" is not a demonstration folder. The exercise '
            "encrypts copies of its own sample files, and touches no other folder."
        )
    _busy.add(folder)
    try:
        return _exercise(folder, names, report, pace_s, learn_s)
    finally:
        _busy.discard(folder)


def _exercise(
    folder: Path,
    names: list[str],
    report: Callable[[int, int], None],
    pace_s: float,
    learn_s: float,
) -> int:
    copies = _copy(folder, names)
    for _ in range(10):
        report(0, len(copies))
        time.sleep(learn_s / 10)
    key = secrets.token_bytes(32)
    for number, copy in enumerate(copies, 1):
        _encrypt(copy, key)
        report(number, len(copies))
        time.sleep(pace_s)
    return len(copies)


def _copy(folder: Path, names: list[str]) -> list[Path]:
    """Copies of the sample files, in a folder made anew each time: nothing is there yet."""
    place = folder / COPIES / secrets.token_hex(4)
    if place.parent.is_symlink():
        raise PolicyError(f'"{render_safe(str(place.parent), 200)}" leads elsewhere. Remove it.')
    place.parent.mkdir(exist_ok=True)
    place.mkdir()
    copies = [place / name.replace("/", "-") for name in names]
    for name, copy in zip(names, copies, strict=True):
        shutil.copyfile(folder / name, copy, follow_symlinks=False)
    return copies


def _encrypt(path: Path, key: bytes) -> None:
    """Overwrite one of our copies with what nobody can read, under another name."""
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "r+b") as file:
        data = file.read()
        stream = hashlib.shake_256(key + path.name.encode()).digest(len(data))
        file.seek(0)
        file.write(bytes(a ^ b for a, b in zip(data, stream, strict=True)))
    path.rename(path.with_name(path.name + ENDING))


def _sample_files(folder: Path) -> list[str]:
    """Names of the sample files in a folder of ours; none for any other folder."""
    try:
        if folder.is_symlink() or not folder.name.startswith(PREFIX):
            return []
        about = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        if about["purpose"] != PURPOSE or about["folder"] != os.path.realpath(folder):
            return []
        expected = {
            f"{below}/{stem}-{number:02d}{ending}"
            for below, (stem, ending) in _FOLDERS.items()
            for number in range(1, N_EACH + 1)
        }
        names = [str(name) for name in about["files"] if name in expected]
        return [name for name in names if _is_plain(folder / name)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):  # what cannot be deleted stays, and its folder with it
            path.unlink()


def _delete_folders(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and not path.parent.is_symlink()


def _text(number: int) -> str:
    """A few kilobytes of plain words, different in each file."""
    picked = [_WORDS[(number * 7 + i * i + i * number) % len(_WORDS)] for i in range(900)]
    lines = [" ".join(picked[i : i + 12]) for i in range(0, len(picked), 12)]
    return f"Sample {number}\n" + "\n".join(lines) + "\n"
