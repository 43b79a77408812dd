"""A recording of what happens in a folder tree: every change with the file's size and entropy.

The form is that of the traces that the host detector learns from, one line for each notification
of Linux: `t,event,path,size,entropy4k`. Size and entropy are read when the notification is taken
from the queue, not when the change was made: under load the two may lie apart, and a file that
is gone by then has neither.
"""

import csv
import errno
import gzip
import logging
import os
import stat
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion import inotify
from soc_copilot.ingestion.file_memory import entropy
from soc_copilot.ingestion.inotify import Inotify, Notice

logger = logging.getLogger(__name__)

HEADER: Final = ("t", "event", "path", "size", "entropy4k")
OVERFLOW: Final = "OVERFLOW"
SAMPLE_BYTES: Final = 4_096  # the form's own: entropy of the first 4 KiB
_READ_S: Final = 0.05  # chosen: how long a stop may wait for the reader
_NAMES: Final = (  # in the order in which inotifywait joins them
    (inotify.MODIFY, "MODIFY"),
    (inotify.ATTRIB, "ATTRIB"),
    (inotify.CLOSE_WRITE, "CLOSE_WRITE,CLOSE"),
    (inotify.MOVED_FROM, "MOVED_FROM"),
    (inotify.MOVED_TO, "MOVED_TO"),
    (inotify.CREATE, "CREATE"),
    (inotify.DELETE, "DELETE"),
    (inotify.ISDIR, "ISDIR"),
)
_MEASURED: Final = inotify.MODIFY | inotify.CLOSE_WRITE | inotify.CREATE | inotify.MOVED_TO
_UNWRITTEN: Final = inotify.IGNORED | inotify.DELETE_SELF | inotify.UNMOUNT
_ARRIVED: Final = inotify.CREATE | inotify.MOVED_TO


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a recording came to.

    Attributes:
        n_events: Lines written, without the header.
        seconds: From its start to its stop.
        n_overflows: How often the kernel's queue ran over and changes were lost.
        n_unwatched: Folders that the system refused to watch.
    """

    n_events: int
    seconds: float
    n_overflows: int
    n_unwatched: int


class Recorder:
    """Record changes under a folder to a file.

    Args:
        folder: The tree; folders made in it later are recorded, too, from when they are seen.
        output: Written over; gzip'd when the name ends in .gz. Not below `folder`.

    Raises:
        SourceError: This is not Linux, there is no such folder, it cannot be watched, or the
            file cannot be written.

    Thread:
        `start` and `stop` from one thread; the recorder has one of its own between them. It
        shares Python's interpreter lock: record a busy Python program from another process.
    """

    def __init__(self, folder: Path, output: Path) -> None:
        self._folder = _checked(folder, output)
        self._output = output
        self._paths: dict[int, str] = {}  # of watched folders, relative to the root, "" itself
        self._numbers: dict[str, int] = {}
        self._moving: Notice | None = None  # a folder on its way to another name
        self._n_events = self._n_overflows = self._n_unwatched = 0
        self._is_ending = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.zero = 0.0  # time.monotonic() at t = 0

    def start(self) -> float:
        """Watch the tree and begin to record; returns `time.monotonic()` at t = 0."""
        self._file = _opened(self._output)
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._writer.writerow(HEADER)
        try:
            self._queue = Inotify()
            self._watch("", is_root=True)
        except OSError as error:
            self._file.close()
            raise SourceError(
                f'Cannot watch "{self._folder}": {error.strerror or error}. Record a smaller '
                "folder, or raise fs.inotify.max_user_watches and max_user_instances."
            ) from error
        self.zero = time.monotonic()
        self._thread.start()
        return self.zero

    def stop(self) -> Recorded:
        """Write down what the queue still holds, close the file, and say what there was.

        Raises:
            SourceError: The recording ended before, because its file could not be written.
        """
        seconds = time.monotonic() - self.zero
        self._is_ending.set()
        self._thread.join()
        self._queue.close()
        try:
            self._file.close()
        except OSError as error:
            self._failure = self._failure or error
        if isinstance(self._failure, OSError):
            raise SourceError(
                f'Cannot write "{self._output}": {self._failure.strerror}. Choose another place.'
            ) from self._failure
        if self._failure is not None:
            raise self._failure
        return Recorded(self._n_events, seconds, self._n_overflows, self._n_unwatched)

    def _run(self) -> None:
        try:
            while True:
                is_last = self._is_ending.is_set()  # read first, so that nothing is left behind
                notices = self._queue.read(0.0 if is_last else _READ_S)
                if notices:
                    self._take(notices)
                elif is_last:
                    return
        except Exception as error:
            logger.exception("The recording ended. folder=%s", self._folder)
            self._failure = error

    def _take(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            t = time.monotonic() - self.zero
            if notice.mask & inotify.Q_OVERFLOW:
                self._n_overflows += 1
                self._write(t, OVERFLOW, "", ("", ""))
                self._watch("")  # folders may have come meanwhile
                continue
            self._settle(notice)
            if notice.mask & inotify.IGNORED:
                self._forget(notice.watch)
            folder = self._paths.get(notice.watch)
            if folder is None or notice.mask & _UNWRITTEN:
                continue
            path = _joined(folder, notice.name)
            is_folder = bool(notice.mask & inotify.ISDIR)
            if is_folder and notice.mask & _ARRIVED:
                self._watch(path)
            measured = notice.mask & _MEASURED and not is_folder
            found = measure(self._full(path)) if measured else ("", "")
            self._write(t, event_name(notice.mask), path or ".", found)
        if self._output.suffix != ".gz":
            self._file.flush()  # so that it can be read while it grows

    def _write(self, t: float, event: str, path: str, measured: tuple[str, str]) -> None:
        self._writer.writerow((round(t, 4), event, path, *measured))
        self._n_events += 1

    def _settle(self, notice: Notice) -> None:
        """Give a renamed folder its new name, or let go of one that left the tree."""
        moved, self._moving = self._moving, None
        if moved is not None:
            old = _joined(self._paths.get(moved.watch, ""), moved.name)
            below = [p for p in self._numbers if p == old or p.startswith(old + "/")]
            into = self._paths.get(notice.watch)
            if notice.mask & inotify.MOVED_TO and notice.cookie == moved.cookie:
                for path in below if into is not None else ():
                    number = self._numbers.pop(path)
                    self._know(number, _joined(into or "", notice.name) + path[len(old) :])
            else:
                for path in below:
                    self._queue.remove(self._numbers[path])
        if notice.mask & inotify.MOVED_FROM and notice.mask & inotify.ISDIR:
            self._moving = notice

    def _watch(self, path: str, *, is_root: bool = False) -> None:
        """Watch a folder and those below; what they hold already is not told."""
        waiting = [path]
        while waiting:
            path = waiting.pop()
            try:
                self._know(self._queue.add(self._full(path)), path)
            except OSError as error:
                if is_root and not path:
                    raise
                if error.errno not in {errno.ENOENT, errno.ENOTDIR}:  # gone already: no loss
                    self._n_unwatched += 1
                continue
            names = _subfolders(self._full(path))
            waiting.extend(_joined(path, name) for name in names)

    def _full(self, path: str) -> str:
        return _joined(self._folder, path)

    def _know(self, number: int, path: str) -> None:
        self._paths[number] = path
        self._numbers[path] = number

    def _forget(self, number: int) -> None:
        path = self._paths.pop(number, None)
        if path is not None and self._numbers.get(path) == number:
            del self._numbers[path]


def event_name(mask: int) -> str:
    """The names of what a notification tells, joined by commas as inotifywait does."""
    return ",".join(name for bit, name in _NAMES if mask & bit)


def measure(path: str) -> tuple[str, str]:
    """Size and entropy of the first 4 KiB (bits/byte) as they are written; empty when not there."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        fd = os.open(path, flags)
    except (OSError, ValueError):
        return "", ""
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            return "", ""
        data = os.read(fd, SAMPLE_BYTES)
        return str(found.st_size), str(round(entropy(data) or 0.0, 3))
    except OSError:
        return "", ""
    finally:
        os.close(fd)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name


def _subfolders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []  # gone again


def _checked(folder: Path, output: Path) -> str:
    if sys.platform != "linux":
        raise SourceError("Recording needs Linux: its notifications are what is recorded.")
    if not folder.is_dir():
        raise SourceError(f'There is no folder "{folder}". Name one that is there.')
    root = folder.resolve()
    if output.resolve().is_relative_to(root):
        raise SourceError(
            f'"{output}" lies in the folder to be recorded. Write the recording elsewhere.'
        )
    return str(root)


def _opened(output: Path) -> TextIO:
    words = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    try:
        if output.suffix == ".gz":
            return gzip.open(output, "wt", **words)  # type: ignore[call-overload, no-any-return]
        return output.open("w", **words)  # type: ignore[call-overload, no-any-return]
    except OSError as error:
        raise SourceError(
            f'Cannot write "{output}": {error.strerror}. Choose another place.'
        ) from error
