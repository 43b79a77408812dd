"""Follows every log in a folder, those that appear later among them."""

import fnmatch
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.file_systems import is_network
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceEvent, SourceStatus
from soc_copilot.ingestion.files import HandlePool, is_exhausted
from soc_copilot.ingestion.generations import Generations
from soc_copilot.ingestion.hints import Hint
from soc_copilot.ingestion.lag import UNKNOWN
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from soc_copilot.ingestion.tailer import (
    BEHIND_BYTES,
    LINGER_S,
    POLL_BYTES,
    FileTailer,
    first_position,
)

SCAN_S = 1.0  # chosen: a new or changed file is found within a second even without a hint
_QUIET_AFTER_S = 10.0  # chosen: a file without news for so long is looked at in scans only
_HINT_GAP_S = 0.1  # chosen: a hint of a new file makes the folder be listed, so not every one
_SHARE_BYTES = 256 * 1024  # chosen: one file's part of the folder's turn
_TURN_S = 0.25  # chosen: the folder's part of a round, however many files have news
_NAMED = 3  # chosen: files with trouble that the status names
_STATES = ("denied", "error")  # the folder's state is the first that any file has

_Stamp = tuple[int, int, int, int]  # device, inode, size, mtime: what a change changes


class DirectoryWatcher:
    """One source made of the files in a folder whose names fit a pattern.

    Links that lead out of the folder are never followed. Files that appear after the start
    are read from their first byte; those there at the first start follow `from_start`.

    Args:
        path: The folder.
        pattern: Shell pattern for file names, such as "*.log".
        recursive: Look into folders below, too.
        source_id: Row id of the source.
        name: For people; the path when empty.
        from_start: Read what is there at the first start from the first byte.
        checkpoints: What the store holds for the source, all generations.
        limits: How much is read and held at once.
        clock: Where the time comes from.
        style: What the bytes are, and when lines are complete.
        scan_s: Seconds between two listings of the folder without a hint.
        linger_s: How long a rotated file stays quiet before it is let go.

    Thread:
        `poll` and `close` from one thread at a time, `status` from any.
    """

    def __init__(
        self,
        path: str | Path,
        pattern: str = "*.log",
        *,
        recursive: bool = False,
        source_id: int = 0,
        name: str = "",
        from_start: bool = False,
        checkpoints: Sequence[Checkpoint] = (),
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
        style: ReadStyle | None = None,
        scan_s: float = SCAN_S,
        linger_s: float = LINGER_S,
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        self.pattern = pattern
        self.recursive = recursive
        self.source_id = source_id
        self.name = name or str(path)
        self.hint = Hint()
        self._fits = re.compile(fnmatch.translate(pattern)).match
        self._limits = limits
        self._clock = clock
        self._style = style or ReadStyle()
        self._scan_s = scan_s
        self._linger_s = linger_s
        self._quiet_after_s = _QUIET_AFTER_S + self._style.partial_after_s
        self._generations = Generations(source_id, checkpoints)
        self._handles = HandlePool()
        self._from_start = from_start or not self._generations.is_empty
        self._tailers: dict[str, FileTailer] = {}
        self._stamps: dict[str, _Stamp | None] = {}
        self._due: dict[str, float] = {}  # until when a file is looked at in every poll
        self._scanned_at = -1e9
        self._has_begun = False
        self._on_network = False
        self._n_ended = 0
        self._refused: set[str] = set()
        self._trouble: tuple[str, str] | None = None
        self._told_short = False
        self._gone_read_bytes = 0
        self._status = SourceStatus(source_id, self.name, "waiting")

    @property
    def is_holding(self) -> bool:
        """True while whole lines wait, since the next may belong to their event."""
        return any(self._tailers[path].is_holding for path in self._due)

    def poll(self, max_bytes: int = POLL_BYTES) -> list[RecordChunk]:
        """What can be read now over all files, each in its turn."""
        now = self._clock.monotonic_s()
        out: list[RecordChunk] = []
        is_hinted = self._take_hints(now)
        since_s = now - self._scanned_at
        if since_s >= self._scan_s or (is_hinted and since_s >= _HINT_GAP_S):
            self._scanned_at = now
            out += self._scan(now)
        elif not self._due:
            return out
        budget, until_s = max_bytes, time.monotonic() + _TURN_S
        for path in list(self._due):
            chunks = self._poll_file(path, now, min(_SHARE_BYTES, max_bytes))
            out += chunks
            budget -= sum(chunk.size_bytes for chunk in chunks)
            if budget <= 0 or time.monotonic() >= until_s:
                break
        self._say_when_short()
        self._update_status()
        return out

    def committed(self, checkpoint: Checkpoint) -> None:
        """Nothing to do: the files stay, whatever is stored of them."""

    def close(self) -> None:
        """Let go of open files; a later poll opens them again at the same place."""
        self._handles.close()

    def status(self) -> SourceStatus:
        """How the source stands, as of the last poll."""
        return self._status

    # Whose turn it is

    def _take_hints(self, now: float) -> bool:
        """Look at files that changed in this poll; True when the folder must be listed."""
        changed = self.hint.take()
        if changed is None:
            return True
        is_new = False
        for path in changed:
            if path in self._tailers:
                self._due[path] = now + self._quiet_after_s
            elif self._fits(os.path.basename(path)):  # noqa: PTH119 - one of very many
                is_new = True
        if is_new and now - self._scanned_at < _HINT_GAP_S:
            self.hint.set()  # it comes too soon after the last; the next poll sees it
        return is_new

    def _poll_file(self, path: str, now: float, max_bytes: int) -> list[RecordChunk]:
        tailer = self._tailers[path]
        until_s = self._due.pop(path)
        chunks = tailer.poll(max_bytes)
        if chunks:
            until_s = now + self._quiet_after_s
        if tailer.is_done:
            self._forget(path)
        elif now < until_s or tailer.is_busy:
            self._due[path] = until_s  # at the end of the line
        return chunks

    def _forget(self, path: str) -> None:
        tailer = self._tailers.pop(path)
        self._gone_read_bytes += tailer.status().read_offset_bytes
        self._stamps.pop(path, None)

    # What there is

    def _scan(self, now: float) -> list[RecordChunk]:
        try:
            found = dict(self._files())
            self._trouble = None
        except PermissionError:
            self._trouble = ("denied", f'Cannot read "{self.path}": access denied.')
            return []
        except OSError as error:
            state = "error" if is_exhausted(error) else "missing"
            self._trouble = (state, f'Cannot read "{self.path}": {error.strerror or error}.')
            self._look_at_all(now, {})
            return []
        out: list[RecordChunk] = []
        if not self._has_begun:
            self._has_begun = True
            self._on_network = is_network(self.path)
            if self._generations.is_empty and not found:
                # Stored although nothing was read: after a restart, what is there is new.
                out.append(first_position(self._generations, self.path, self._clock))
            for lost in self._generations.unfinished_paths() - {str(self.path)}:
                found.setdefault(lost, None)
        for path in sorted(found.keys() - self._tailers.keys()):
            self._add(path)
        self._from_start = True  # whatever appears from now on is new
        self._look_at_all(now, found)
        return out

    def _look_at_all(self, now: float, found: dict[str, _Stamp | None]) -> None:
        """Give a turn to every file that changed, is gone, or may be judged anew."""
        is_ended = self._generations.n_ended != self._n_ended
        self._n_ended = self._generations.n_ended
        for path, tailer in self._tailers.items():
            stamp = found.get(path)
            if stamp is None or stamp != self._stamps.get(path):
                self._stamps[path] = stamp
                self._due[path] = now + self._quiet_after_s
            elif tailer.has_trouble or (is_ended and tailer.is_waiting):
                self._due.setdefault(path, now)

    def _add(self, path: str) -> None:
        self._tailers[path] = FileTailer(
            path,
            source_id=self.source_id,
            from_start=self._from_start,
            limits=self._limits,
            clock=self._clock,
            style=self._style,
            generations=self._generations,
            handles=self._handles,
            follow=False,
            linger_s=self._linger_s,
            on_network=self._on_network,
            fits=self._fits,
        )

    def _files(self) -> Iterator[tuple[str, _Stamp | None]]:
        """Paths that fit, links resolved, and what changes when they do.

        Raises:
            OSError: The folder itself cannot be listed, or nothing can for want of handles.
        """
        folders = [str(self.path)]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if self.recursive and entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        elif self._fits(entry.name):
                            yield from self._usable(entry)
            except OSError as error:
                if folder == str(self.path) or is_exhausted(error):
                    raise

    def _usable(self, entry: "os.DirEntry[str]") -> Iterator[tuple[str, _Stamp | None]]:
        if entry.is_file(follow_symlinks=False):
            yield entry.path, _stamp(entry.path)
        elif entry.is_symlink():
            root = self.path.resolve()
            try:
                target = Path(entry.path).resolve()
                is_file = target.is_file()
            except (OSError, RuntimeError):  # a link to itself
                return
            if target.is_relative_to(root):
                if is_file:
                    path = str(self.path / target.relative_to(root))
                    yield path, _stamp(path)
            elif entry.path not in self._refused:
                self._refused.add(entry.path)
                self._say("refused", f'"{entry.name}" is a link out of the folder, not followed.')

    # Telling

    def _say(self, kind: str, message: str) -> None:
        self._generations.say(SourceEvent(kind, message, self._clock.now_ns()))

    def _say_when_short(self) -> None:
        if self._handles.is_short and not self._told_short:
            self._told_short = True
            self._say(
                "note",
                f'Not every file in "{self.path}" can be kept open, because the process may not '
                "have more. A file that is deleted before it was read to its end may lose its "
                "last lines. Raise the limit (ulimit -n) or watch fewer files.",
            )

    def _update_status(self) -> None:
        statuses = [tailer.status() for tailer in self._tailers.values()]
        lag = sum(s.lag_bytes for s in statuses)
        ages = [s.lag_s for s in statuses if s.lag_s]
        state, detail = self._trouble or self._plain_state(statuses, lag)
        self._status = SourceStatus(
            source_id=self.source_id,
            name=self.name,
            state=state,
            detail=detail,
            lag_bytes=lag,
            read_offset_bytes=self._gone_read_bytes + sum(s.read_offset_bytes for s in statuses),
            n_files=len(self._tailers),
            last_read_ns=max((s.last_read_ns for s in statuses), default=0),
            messages=tuple(self._generations.messages),
            lag_s=UNKNOWN if UNKNOWN in ages else max(ages, default=0.0),
            partial_bytes=sum(s.partial_bytes for s in statuses),
        )

    def _plain_state(self, statuses: list[SourceStatus], lag: int) -> tuple[str, str]:
        if not statuses:
            return "waiting", f'No file in "{self.path}" fits "{self.pattern}" yet.'
        for state in _STATES:
            bad = [s for s in statuses if s.state == state]
            if bad:
                named = " ".join(s.detail for s in bad[:_NAMED])
                more = f" {len(bad):,} files of {len(statuses):,} have trouble."
                return state, named + (more if len(bad) > 1 else "")
        return ("behind" if lag > BEHIND_BYTES else "live"), ""


def _stamp(path: str) -> _Stamp | None:
    """What changes when the file does; None when it is gone by now."""
    try:
        stat = os.lstat(path)
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
