"""The only hands a simulated attack has: changes that refuse everything outside its own folder.

An attack gets a folder that was made for it a moment ago, with a mark beside it that says so.
Without the mark nothing is touched; with it, no path that leads out of the folder is, be it by
its own words, by a symbolic link or by a second name (hard link) of a file elsewhere.
"""

import mmap
import os
import random
import stat
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.tools.host.scenario import Place

MARK: Final = "made-for-a-recording"  # in the scratch folder; holds the root's real path
_TOOL_S: Final = 30.0  # chosen: the longest that one call of a tool may take
_DEVICES: Final = frozenset({"if=/dev/zero", "if=/dev/urandom"})  # all that tools read elsewhere
Argument = str | Path | tuple[str, Path]


class OutsideError(Exception):
    """An attack reached for something that is not its own."""


class ToolError(OSError):
    """A tool gave up, mostly because a file went away under it."""


def make_place(parent: Path, rng: random.Random, *, pace: float = 1.0) -> Place:
    """A fresh, empty place that attacks accept, `tree` and `scratch` under `parent`.

    Raises:
        FileExistsError: There is such a folder already; nobody's files are taken for a tree.
    """
    root, scratch = parent.resolve() / "tree", parent.resolve() / "scratch"
    root.mkdir()
    scratch.mkdir()
    (scratch / MARK).write_text(str(root))
    return Place(root=root, rng=rng, scratch=scratch, pace=pace)


class Ground:
    """Reads and changes files of one place, and notes when its changes began and ended.

    Raises:
        OutsideError: The place was not made by `make_place`.

    Thread:
        Any, several at once.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._root = os.path.realpath(place.root)
        mark = place.scratch / MARK
        if not mark.is_file() or mark.read_text() != self._root or self._root == os.sep:
            raise OutsideError(f"{place.root} was not made for a recording")

    def inside(self, path: Path) -> str:
        """The path, its folder's links resolved.

        Raises:
            OutsideError: It leads out of the folder, or the file has a name elsewhere, too.
        """
        folder = os.path.realpath(path.parent)
        if path.name in {"", ".", ".."} or not f"{folder}{os.sep}".startswith(
            f"{self._root}{os.sep}"
        ):
            raise OutsideError(str(path))
        full = os.path.join(folder, path.name)  # noqa: PTH118  # hot, and only joined
        try:
            found = os.lstat(full)
        except FileNotFoundError:
            return full
        if stat.S_ISLNK(found.st_mode) or (stat.S_ISREG(found.st_mode) and found.st_nlink > 1):
            raise OutsideError(str(path))
        return full

    def files(self) -> list[Path]:
        """Regular files with a single name and something in them, links not followed."""
        found = []
        for folder, _, names in os.walk(self._root):
            for name in names:
                path = Path(folder, name)
                try:
                    about = path.lstat()
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(about.st_mode) and about.st_nlink == 1 and about.st_size:
                    found.append(path)
        return sorted(found)

    def read(self, path: Path) -> bytes:
        """What is in a file."""
        fd = os.open(self.inside(path), os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb") as file:
            return file.read()

    @contextmanager
    def opened(self, path: Path, *, new: bool = False) -> Iterator[int]:
        """A descriptor for changing a file that is there, or for one that is not there yet."""
        full = self.inside(path)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._changing():
            fd = os.open(full, flags | (os.O_CREAT | os.O_EXCL if new else 0), 0o644)
            try:
                yield fd
            finally:
                os.close(fd)

    def overwrite_mapped(self, path: Path, pieces: Sequence[tuple[int, bytes]]) -> None:
        """Put bytes at offsets through a memory map, which tells inotify of the close alone."""
        with self.opened(path) as fd, mmap.mmap(fd, 0) as view:
            for at, data in pieces:
                view[at : at + len(data)] = data

    def rename(self, path: Path, target: Path) -> None:
        """Give a file another name, in place of what has that name."""
        source, there = self.inside(path), self.inside(target)
        with self._changing():
            Path(source).replace(there)

    def delete(self, path: Path) -> None:
        """Remove a file."""
        full = self.inside(path)
        with self._changing():
            Path(full).unlink()

    def make_folder(self, path: Path) -> Path:
        """Make a folder, unless it is there."""
        full = self.inside(path)
        if not path.is_dir():
            with self._changing():
                Path(full).mkdir()
        return path

    def remove_folder(self, path: Path) -> None:
        """Remove a folder if it is empty."""
        full = self.inside(path)
        try:
            with self._changing():
                Path(full).rmdir()
        except OSError:
            return

    def touch_times(self, path: Path, when: float) -> None:
        """Set a file's times, as one who hides his traces does."""
        full = self.inside(path)
        with self._changing():
            os.utime(full, (when, when), follow_symlinks=False)

    def tool(self, *arguments: Argument, stdin: str = "", cwd: Path | None = None) -> None:
        """Run an installed tool; paths are given as `Path` (or with a prefix) and are checked.

        Raises:
            OutsideError: A path is neither inside the folder nor in the scratch folder.
            ToolError: The tool failed.
        """
        words = [self._word(argument) for argument in arguments]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.place.scratch),
            "TMPDIR": str(self.place.scratch),
            "LC_ALL": "C",
        }
        with self._changing():
            try:
                subprocess.run(
                    words,
                    input=stdin.encode(),
                    cwd=self.place.scratch if cwd is None else cwd,
                    env=environment,
                    capture_output=True,
                    check=True,
                    timeout=_TOOL_S,
                )
            except subprocess.SubprocessError as error:
                raise ToolError(f"{words[0]}: {error}") from error

    def _word(self, argument: Argument) -> str:
        """One argument as text, checked."""
        if isinstance(argument, str):
            if os.sep in argument and argument not in _DEVICES:
                raise OutsideError(argument)
            return argument
        prefix, path = argument if isinstance(argument, tuple) else ("", argument)
        scratch = os.path.realpath(self.place.scratch)
        if os.path.realpath(path).startswith(f"{scratch}{os.sep}"):
            return f"{prefix}{path}"
        return f"{prefix}{self.inside(path)}"

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A change: the attack has begun with it, and goes on until its end."""
        self.place.attack_begins()
        try:
            yield
        finally:
            self.place.ended = time.monotonic()
