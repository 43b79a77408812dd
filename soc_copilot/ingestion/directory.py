"""Follows every log in a folder, those that appear later among them."""

import fnmatch
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceStatus
from soc_copilot.ingestion.files import HandlePool
from soc_copilot.ingestion.generations import Generations
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from soc_copilot.ingestion.tailer import LINGER_S, POLL_BYTES, FileTailer, first_position

SCAN_S = 1.0  # chosen: a new file is found within a second even without a hint
_QUIET_POLL_S = 1.0  # chosen: how often a quiet file is looked at without a hint
_QUIET_AFTER_S = 10.0  # chosen: a file without news for so long counts as quiet
_HINT_GAP_S = 0.1  # chosen: a hint makes the whole folder be looked at, so not at every one
_SHARE_BYTES = 256 * 1024  # chosen: one file's part of the folder's turn
_BEHIND_BYTES = 4 * 1024 * 1024
_STATES = ("denied", "error", "behind", "live")  # the folder's state is the first that any has


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
        self.hint = threading.Event()
        self._limits = limits
        self._clock = clock
        self._style = style or ReadStyle()
        self._scan_s = scan_s
        self._linger_s = linger_s
        self._generations = Generations(source_id, checkpoints)
        self._handles = HandlePool()
        self._from_start = from_start or not self._generations.is_empty
        self._tailers: dict[Path, FileTailer] = {}
        self._news_at: dict[Path, float] = {}
        self._order: list[Path] = []
        self._turn = 0
        self._scanned_at = self._polled_all_at = -1e9
        self._is_first_scan = True
        self._refused: set[str] = set()
        self._trouble: tuple[str, str] | None = None
        self._gone_read_bytes = 0
        self._status = SourceStatus(source_id, self.name, "waiting")

    def poll(self, max_bytes: int = POLL_BYTES) -> list[RecordChunk]:
        """What can be read now over all files, each in its turn."""
        now = self._clock.monotonic_s()
        hinted = self.hint.is_set() and now - self._scanned_at >= _HINT_GAP_S
        out: list[RecordChunk] = []
        if hinted or now - self._scanned_at >= self._scan_s:
            self.hint.clear()
            self._scanned_at = now
            out += self._scan()
        is_full = hinted or now - self._polled_all_at >= _QUIET_POLL_S
        if is_full:
            self._polled_all_at = now
        budget = max_bytes
        for path in self._due(now, is_full=is_full):
            chunks = self._tailers[path].poll(min(_SHARE_BYTES, max_bytes))
            if chunks:
                self._news_at[path] = now
                out += chunks
                budget -= sum(chunk.size_bytes for chunk in chunks)
            elif self._tailers[path].is_done:
                self._forget(path)
            if budget <= 0:
                self._turn = (self._order.index(path) + 1) if path in self._tailers else 0
                break
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

    def _due(self, now: float, *, is_full: bool) -> list[Path]:
        turn = self._turn % max(len(self._order), 1)
        order = self._order[turn:] + self._order[:turn]
        if is_full:
            return order
        return [p for p in order if now - self._news_at[p] < _QUIET_AFTER_S]

    def _scan(self) -> list[RecordChunk]:
        try:
            found = set(self._files())
            self._trouble = None
        except PermissionError:
            self._trouble = ("denied", f'Cannot read "{self.path}": access denied.')
            return []
        except OSError as error:
            self._trouble = ("missing", f'Cannot read "{self.path}": {error.strerror or error}.')
            return []
        out: list[RecordChunk] = []
        if self._is_first_scan:
            self._is_first_scan = False
            if self._generations.is_empty and not found:
                # Stored although nothing was read: after a restart, what is there is new.
                out.append(first_position(self._generations, self.path, self._clock))
            found |= {Path(p) for p in self._generations.unfinished_paths()} - {self.path}
        for path in sorted(found - self._tailers.keys()):
            self._add(path)
        self._from_start = True  # whatever appears from now on is new
        return out

    def _add(self, path: Path) -> None:
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
        )
        self._news_at[path] = self._clock.monotonic_s()
        self._order.append(path)

    def _forget(self, path: Path) -> None:
        tailer = self._tailers.pop(path)
        self._gone_read_bytes += tailer.status().read_offset_bytes
        del self._news_at[path]
        self._order.remove(path)

    def _files(self) -> Iterator[Path]:
        """Paths that fit, links resolved.

        Raises:
            OSError: The folder itself cannot be listed.
        """
        root = self.path.resolve()
        folders = [self.path]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders += [Path(entry.path)] if self.recursive else []
                        elif fnmatch.fnmatch(entry.name, self.pattern):
                            yield from self._usable(entry, root)
            except OSError:
                if folder == self.path:
                    raise

    def _usable(self, entry: "os.DirEntry[str]", root: Path) -> Iterator[Path]:
        if entry.is_file(follow_symlinks=False):
            yield Path(entry.path)
        elif entry.is_symlink():
            target = Path(entry.path).resolve()
            if target.is_relative_to(root):
                if target.is_file():
                    yield self.path / target.relative_to(root)
            elif entry.path not in self._refused:
                self._refused.add(entry.path)
                self._generations.say(
                    f'"{entry.name}" is a link out of the folder and is not followed.'
                )

    def _update_status(self) -> None:
        statuses = [tailer.status() for tailer in self._tailers.values()]
        lag = sum(s.lag_bytes for s in statuses)
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
        )

    def _plain_state(self, statuses: list[SourceStatus], lag: int) -> tuple[str, str]:
        if not statuses:
            return "waiting", f'No file in "{self.path}" fits "{self.pattern}" yet.'
        for state in _STATES[:2]:
            bad = [s for s in statuses if s.state == state]
            if bad:
                more = (
                    f" {len(bad):,} files of {len(statuses):,} have trouble."
                    if len(bad) > 1
                    else ""
                )
                return state, bad[0].detail + more
        return ("behind" if lag > _BEHIND_BYTES else "live"), ""
