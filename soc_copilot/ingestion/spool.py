"""A bounded queue on disk: whole lines in segment files, numbered by byte."""

import contextlib
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import MAX_LINE_BYTES, SourceEvent

logger = logging.getLogger(__name__)

SEGMENT_BYTES = 16 * 1024 * 1024  # chosen: few enough files, and room comes back in small steps
_SEGMENTS_AT_LEAST = 8  # chosen: a small spool has smaller segments, or no room would come back
_SYNC_S = 0.5  # chosen: a power cut costs less than a second of what was received
_JOIN_S = 5.0  # chosen: a disk that hangs must not hold the application
MAX_TEXT_BYTES = MAX_LINE_BYTES - 1  # a line's text; its line end is the last byte
_NAME = re.compile(r"(\d{20})\.spool")
_LOCK_NAME = "lock"
_EVENTS_BYTES = 1024 * 1024  # chosen: room beyond the bound to say that the spool is full
_TAIL_BYTES = 64 * 1024
EVENT_MARK = b"\0"  # begins a line that is no line but an event, JSON
_LONG_MARK = b"\0"  # in a line: what follows is the whole line's length and hash


def cut_line(kept: bytes, length: int, digest: str) -> bytes:
    """A line that was longer than `MAX_TEXT_BYTES`, as it is written.

    Args:
        kept: Its first bytes, at most `MAX_TEXT_BYTES`.
        length: Bytes of the whole line with its line end.
        digest: BLAKE2b-128 (hex) of the whole line without its line end.
    """
    return b"%b%b%d %b" % (kept, _LONG_MARK, length, digest.encode("ascii"))


def whole_line(line: bytes) -> tuple[bytes, int, str] | None:
    """What `cut_line` was given; None for a line that was not cut."""
    kept, mark, rest = line.partition(_LONG_MARK)
    length, _, digest = rest.partition(b" ")
    if not mark or not length.isdigit():
        return None
    return kept, int(length), digest.decode("ascii", "replace")


def read_event(line: bytes) -> SourceEvent | None:
    """The event that `SpoolWriter.write_events` wrote; None where it cannot be read."""
    try:
        return SourceEvent(**json.loads(line.removeprefix(EVENT_MARK)))
    except (ValueError, TypeError):
        return None


def event_line(event: SourceEvent) -> bytes:
    """What stands for an event between the lines."""
    return EVENT_MARK + json.dumps(asdict(event)).encode("ascii")


@dataclass(frozen=True, slots=True)
class SpoolSegment:
    """One file of a spool.

    Attributes:
        first: Number of its first byte, counted over the whole life of the spool.
        size: Bytes in it, all of whole lines.
        path: Where it is.
    """

    first: int
    size: int
    path: Path

    @property
    def end(self) -> int:
        """Number of the byte after its last one."""
        return self.first + self.size


def spool_end(folder: Path) -> tuple[int, float]:
    """Where a spool ends, without opening it.

    Returns:
        Number of the byte that is written next, 0 for no segments; and when the last one
        was written, seconds since 1970 UTC.

    Raises:
        OSError: The folder cannot be looked at.
    """
    last = max((p for p in folder.iterdir() if _NAME.fullmatch(p.name)), default=None)
    if last is None:
        return 0, 0.0
    stat = last.stat()
    return int(last.stem) + stat.st_size, stat.st_mtime


class SpoolWriter:
    r"""The writing end of a spool, and the keeper of its files.

    Every byte ever written has a number, 0, 1, ...; a segment is named by its first
    byte's. Segments follow each other without a gap unless a file was lost. Lines hold no
    b"\n", b"\r" or b"\0" and at most `MAX_TEXT_BYTES`; who writes them escapes these
    before, and cuts longer ones with `cut_line`. What happened to the source stands between
    the lines, so that it is stored once, too, whatever happens to the process.

    What was written is on the disk within a second, also after a power cut; a killed
    process loses at most the line that was being written, which the next opening cuts off.

    Args:
        folder: The spool's own folder, made when missing; readable by the user alone.
        max_bytes: Bytes held at most, over all segments.
        segment_bytes: A new segment begins once the last holds this many.
        at_least: No byte below this number is written: the place up to which readers have
            stored everything, which a power cut may have taken from the disk.

    Raises:
        SourceError: Another process uses the spool, or the folder cannot be used.

    Thread:
        Any; one thread of its own brings what was written to the disk.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int,
        segment_bytes: int = SEGMENT_BYTES,
        *,
        at_least: int = 0,
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.n_cut_bytes = 0  # of a torn last line, cut off when it was opened
        self.is_new = False  # no segment was there when it was opened
        self._segment_bytes = max(min(segment_bytes, max_bytes // _SEGMENTS_AT_LEAST), 1)
        self._condition = threading.Condition()
        self._segments: list[SpoolSegment] = []
        self._used = 0
        self._held: int | None = None
        self._fd = -1
        self._retired: list[int] = []
        self._has_new_name = False
        self._trouble = ""
        self._is_torn = False
        self._is_closed = False
        self._is_dirty = threading.Event()
        self._is_urgent = threading.Event()
        with usable(folder):
            self._lock = FolderLock(folder)
            try:
                self._open(at_least)
            except BaseException:
                self._lock.release()
                raise
        self._syncer = threading.Thread(target=self._sync_loop, name="spool-sync", daemon=True)
        self._syncer.start()

    # Writing

    def write(self, lines: Sequence[bytes]) -> int:
        """Append lines; returns how many of them were taken, from the first on.

        Fewer than all means that the spool is full, or that the disk is; `trouble` says
        so in the second case. What was not taken can be offered again.
        """
        with self._condition:
            return self._write(lines, self.max_bytes)

    def write_last(self, lines: Sequence[bytes]) -> int:
        """Append what is in memory when its producer stops, also beyond the bound."""
        with self._condition:
            return self._write(lines, sys.maxsize)

    def write_events(self, events: Sequence[SourceEvent]) -> int:
        """Append what happened to the source; returns how many events were taken.

        They have some room of their own, because a full spool is worth telling.
        """
        lines = [event_line(event) for event in events]
        with self._condition:
            return self._write(lines, self.max_bytes + _EVENTS_BYTES)

    @property
    def used_bytes(self) -> int:
        """Bytes on disk now, over all segments."""
        with self._condition:
            return self._used

    @property
    def is_full(self) -> bool:
        """True while a line of the greatest length has no room."""
        with self._condition:
            return self._used + MAX_LINE_BYTES > self.max_bytes

    @property
    def trouble(self) -> str:
        """Why the disk took no lines last time, as a sentence; empty when it did."""
        return self._trouble

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until a segment was let go of; False when none was in time."""
        with self._condition:
            first = self._segments[0].first
            return self._condition.wait_for(
                lambda: self._is_closed or self._segments[0].first > first, timeout_s
            )

    # Reading

    @property
    def end(self) -> int:
        """Number of the byte that is written next."""
        with self._condition:
            return self._segments[-1].end

    def segments(self) -> tuple[SpoolSegment, ...]:
        """The segments now, oldest first; there is always one."""
        with self._condition:
            return tuple(self._segments)

    def hold(self, first: int | None) -> None:
        """Keep the segments from a byte number on, stored or not; None keeps none."""
        with self._condition:
            self._held = first

    def release(self, before: int) -> int:
        """Delete segments that lie wholly before a byte number; returns how many.

        The newest one stays, so that the numbering does, unless it fills the spool.
        """
        with self._condition:
            n = 0
            before = before if self._held is None else min(before, self._held)
            last = self._segments[-1]
            has_room = self._used + self._segment_bytes <= self.max_bytes
            if last.size and last.end <= before and not has_room and not self._is_closed:
                with contextlib.suppress(OSError):  # no room on the disk: tried again later
                    self._begin(last.end)
            while len(self._segments) > 1 and self._segments[0].end <= before:
                if not _delete(self._segments[0].path):
                    break
                self._used -= self._segments.pop(0).size
                n += 1
            if n:
                self._condition.notify_all()
            return n

    def close(self) -> None:
        """Bring everything to the disk and let others use the spool; may be called again."""
        with self._condition:
            if self._is_closed:
                return
            self._is_closed = True
            self._condition.notify_all()
        self._is_urgent.set()
        self._is_dirty.set()
        self._syncer.join(_JOIN_S)
        if self._syncer.is_alive():
            logger.error("A spool's disk does not answer. folder=%s", self.folder)
        self._lock.release()

    # With the lock held

    def _write(self, lines: Sequence[bytes], max_bytes: int) -> int:
        n, done = self._fitting(lines, max_bytes - self._used), 0
        while done < n:
            m = self._share(lines, done, n)
            data = b"\n".join(lines[done:m]) + b"\n"
            written = self._append(data)
            if written < len(data):
                return done + data.count(b"\n", 0, written)
            done = m
        return done

    def _share(self, lines: Sequence[bytes], first: int, end: int) -> int:
        """Up to which line one segment takes them."""
        size, n = self._segments[-1].size, first
        size = 0 if size >= self._segment_bytes else size
        while n < end and size < self._segment_bytes:
            size += len(lines[n]) + 1
            n += 1
        return n

    def _fitting(self, lines: Sequence[bytes], room: int) -> int:
        if self._is_closed:
            return 0
        total = sum(map(len, lines)) + len(lines)
        n = len(lines)
        while total > room:
            n -= 1
            total -= len(lines[n]) + 1
        return n

    def _append(self, data: bytes) -> int:
        """Bytes written, all of whole lines."""
        done = 0
        try:
            self._mend()
            if self._segments[-1].size >= self._segment_bytes:
                self._begin(self._segments[-1].end)
            while done < len(data):
                done += os.write(self._fd, data[done:] if done else data)
            self._trouble = ""
        except OSError as error:
            whole = data.rfind(b"\n", 0, done) + 1
            self._is_torn = self._is_torn or whole < done
            done = whole
            self._note(error)
        last = self._segments[-1]
        self._segments[-1] = SpoolSegment(last.first, last.size + done, last.path)
        self._used += done
        if self._is_torn:
            with contextlib.suppress(OSError):  # tried again before the next line
                self._mend()
        self._is_dirty.set()
        return done

    def _mend(self) -> None:
        """Cut off what a failed write left behind."""
        if self._is_torn:
            os.ftruncate(self._fd, self._segments[-1].size)
            self._is_torn = False

    def _note(self, error: OSError) -> None:
        trouble = (
            f'Cannot write to the spool "{self.folder}": {error.strerror or error}. '
            "Make room on its disk; it is tried again."
        )
        if trouble != self._trouble:
            logger.error("A spool cannot be written. folder=%s error=%s", self.folder, error)
        self._trouble = trouble

    def _begin(self, first: int) -> None:
        """Go on in a new segment; the old one is brought to the disk and closed."""
        path = self.folder / f"{first:020d}.spool"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        fd = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
        if self._fd >= 0:
            self._retired.append(self._fd)
        self._fd = fd
        self._has_new_name = True
        self._segments.append(SpoolSegment(first, 0, path))
        self._is_urgent.set()

    # Opening

    def _open(self, at_least: int) -> None:
        found = sorted(p for p in self.folder.iterdir() if _NAME.fullmatch(p.name))
        for path in found:
            self._segments.append(SpoolSegment(int(path.stem), path.stat().st_size, path))
        if not self._segments:
            self.is_new = True
            self._begin(at_least)
            return
        last = self._segments[-1]
        flags = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._fd = os.open(last.path, flags)
        whole = _whole_bytes(self._fd, last.size)
        if whole < last.size:
            self.n_cut_bytes = last.size - whole
            os.ftruncate(self._fd, whole)
            self._segments[-1] = SpoolSegment(last.first, whole, last.path)
        self._used = sum(segment.size for segment in self._segments)
        if self._segments[-1].end < at_least:
            self._begin(at_least)

    # On the syncer's thread

    def _sync_loop(self) -> None:
        while not self._is_closed:
            self._is_dirty.wait()
            self._is_urgent.wait(_SYNC_S)
            self._is_urgent.clear()
            self._is_dirty.clear()
            self._sync()
        self._sync()
        with self._condition:
            fd, self._fd = self._fd, -1
        os.close(fd)

    def _sync(self) -> None:
        # Only this thread closes descriptors, so none goes away under an fsync.
        with self._condition:
            current, retired, self._retired = self._fd, self._retired, []
            has_new_name, self._has_new_name = self._has_new_name, False
        began = time.monotonic()
        try:
            for fd in (*retired, current):
                os.fsync(fd)
            if has_new_name:
                _sync_folder(self.folder)
        except OSError as error:
            with self._condition:
                self._note(error)
        for fd in retired:
            os.close(fd)
        if (took_s := time.monotonic() - began) > 1.0:
            logger.warning("A spool's disk is slow. folder=%s took_s=%.1f", self.folder, took_s)


@contextlib.contextmanager
def usable(folder: Path) -> Iterator[None]:
    """Make a spool's folder when missing, readable by the user alone, for what is done inside.

    Raises:
        SourceError: Something of it could not be done on the disk.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise SourceError(
            f'Cannot use the spool "{folder}": {error.strerror or error}. '
            "Give this user the right to write there, or make room."
        ) from error


class FolderLock:
    """Held by the one process that uses a spool; the system lets go of it when that ends.

    Args:
        folder: The spool's own.
        name: Of the lock's file.

    Raises:
        SourceError: Another one holds it.
        OSError: The file cannot be made.
    """

    def __init__(self, folder: Path, name: str = _LOCK_NAME) -> None:
        self._file = (folder / name).open("a+b", buffering=0)
        try:
            _lock(self._file.fileno())
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read(32).decode("ascii", "replace").strip()
            self._file.close()
            raise SourceError(
                f'The spool "{folder}" is in use by process {holder or "(unknown)"}. Only one '
                "process may run a source at a time; stop the other one."
            ) from error
        self._file.truncate(0)
        self._file.write(b"%d\n" % os.getpid())

    def release(self) -> None:
        """Let others have it."""
        self._file.close()


if sys.platform == "win32":  # pragma: no cover - only there
    import msvcrt

    def _lock(fd: int) -> None:
        # A byte far behind the content: a locked byte cannot be read by others.
        os.lseek(fd, 1 << 20, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

    def _sync_folder(folder: Path) -> None:
        """Nothing: names are on the disk with the file there."""

else:
    import fcntl

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _sync_folder(folder: Path) -> None:
        """Bring the names of new files to the disk."""
        fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _whole_bytes(fd: int, size: int) -> int:
    """Bytes up to and with the last line end."""
    end = size
    while end > 0:
        begin = max(end - _TAIL_BYTES, 0)
        os.lseek(fd, begin, os.SEEK_SET)
        at = os.read(fd, end - begin).rfind(b"\n")
        if at >= 0:
            return begin + at + 1
        end = begin
    return 0


def _delete(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # held open by a scanner on Windows, say: tried again next time
        logger.warning("A spool segment cannot be deleted. path=%s error=%s", path, error)
        return False
    return True
