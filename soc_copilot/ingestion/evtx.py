"""Windows event logs as a source: files read in a child process, one at a time, as they grow."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceEvent, SourceStatus
from soc_copilot.ingestion.channel import ChannelExport
from soc_copilot.ingestion.child import Child
from soc_copilot.ingestion.entries import NumberedPosition, entry_chunk
from soc_copilot.ingestion.files import Identity, open_log
from soc_copilot.ingestion.news import News, worst
from soc_copilot.ingestion.reader import RACY_NS, ReadLimits

SCAN_S: Final = 1.0  # chosen: how often files are looked at; Windows writes its logs lazily anyway
MEMORY_BYTES: Final = 512 * 1024 * 1024  # measured: an ordinary log takes less than a fifth
_CPU_S: Final = 20  # chosen: to begin with ...
_CPU_S_PER_MIB: Final = 2  # ... measured: a MiB takes 0.02 s
# -I: nothing from the environment or the current folder gets into the child.
COMMAND: Final = (
    sys.executable, "-I", "-X", "utf8", "-m", "soc_copilot.ingestion.evtx_child",
)  # fmt: skip
QUIET_S: Final = 30.0  # chosen: a child that says nothing for so long is stuck
_LINE_BYTES: Final = 8 * 1024 * 1024  # chosen: a record cannot be larger than a chunk of 64 KiB
_RETRY_S: Final = (60.0, 3600.0)  # chosen: first and longest wait before a quarantined file that
# changed is tried again
_RACY_TICKS: Final = 2  # chosen: the child may need as long as a tick to begin
_BACKOFF_S: Final = 5.0  # chosen: an unreadable file is tried again after this long
_SUFFIX: Final = ".evtx"
_LOG_EPOCH: Final = "0:0:0"


@dataclass(frozen=True, slots=True)
class Position(NumberedPosition):
    """Where a log was left: its last record, and how the file stood when it was read to its end.

    Attributes:
        number: EventRecordID, 0 before the first.
        filetime: Of that record, which tells one log from another with the same numbers.
        mtime_ns: The file's time when nothing was left to read; 0 while something is.
    """

    number: int = 0
    filetime: int = 0
    mtime_ns: int = 0


@dataclass(slots=True)
class _Log:
    """A file of the source, by its path."""

    spot: Checkpoint
    is_new: bool = True
    seen: tuple[int, int, int] | None = None  # inode, size and time when last read to its end
    tried: tuple[int, int, int] | None = None
    retry_at_s: float = -1e9
    wait_s: float = _RETRY_S[0]
    trouble: tuple[str, str] | None = None  # state, detail


@dataclass(slots=True)
class _Reading:
    """The file that the child has in hand."""

    log: _Log
    child: Child
    stamp: tuple[int, int, int]
    size: int
    n_damaged: int = 0
    why: str = ""
    is_complete: bool = False
    line: bytes = b""


class EvtxSource:
    """Reads one event log file, every one in a folder, or a live channel of this Windows.

    Each file is a generation; its position is the number of its last record. A file that has
    grown gives only its new records; records that are damaged are counted. A file that kills
    its reader, hangs it or makes it take too much memory is quarantined; others go on.

    Args:
        path: A file, a folder of ``*.evtx`` files, or "channel:NAME".
        source_id: Row id of the source.
        name: For people; the path when empty.
        recursive: Look into folders below, too.
        checkpoints: What the store holds for the source, all generations.
        limits: How much is handed out at once.
        clock: Where the time comes from.

    Thread:
        `poll`, `committed` and `close` from one thread at a time, `status` from any.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        source_id: int = 0,
        name: str = "",
        recursive: bool = False,
        checkpoints: Sequence[Checkpoint] = (),
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.source_id = source_id
        self.name = name or str(path)
        self.recursive = recursive
        self.command: tuple[str, ...] = COMMAND
        self.quiet_s = QUIET_S
        self.memory_bytes = MEMORY_BYTES
        self._channel = ChannelExport.of(str(path))
        # resolve() would follow links
        self.path = Path(os.path.abspath(path)) if self._channel is None else Path(str(path))  # noqa: PTH100
        self._limits = limits or ReadLimits()
        self._clock = clock
        self._known = {c.generation: c for c in checkpoints}
        self._news = News(source_id, clock)
        self._logs: dict[str, _Log] = {}
        self._waiting: dict[str, int] = {}  # path and bytes, the next one first
        self._reading: _Reading | None = None
        self._scanned_at_s = -1e9
        self._events: list[SourceEvent] = []
        self._trouble: tuple[str, str] | None = None
        self._n_read_bytes = 0
        self._last_read_ns = 0
        self._status = SourceStatus(source_id, self.name, "waiting")

    def poll(self, max_bytes: int) -> list[RecordChunk]:
        """Records that the child has read by now."""
        now = self._clock.monotonic_s()
        out: list[RecordChunk] = []
        if self._reading is None and now - self._scanned_at_s >= SCAN_S:
            self._scanned_at_s = now
            self._scan(now)
        if self._reading is None and self._waiting:
            path = next(iter(self._waiting))
            del self._waiting[path]
            self._begin(path, now)
        if self._reading is not None:
            out = self._read(self._reading, max_bytes, now)
        elif self._events:
            out = self._events_alone()
        self._update_status()
        return out

    def committed(self, checkpoint: Checkpoint) -> None:
        """Nothing to let go of: logs are not ours."""

    def close(self) -> None:
        """End the child; a later poll goes on after the last record that was handed out."""
        if self._reading is not None:
            self._reading.child.close()
            self._reading = None
        self._scanned_at_s = -1e9
        if self._channel is not None:
            self._channel.close()

    def status(self) -> SourceStatus:
        """How the source stands, as of the last poll."""
        return self._status

    # What there is

    def _scan(self, now: float) -> None:
        """Queue the files that have something new."""
        try:
            found = sorted(self._files(now))
            self._trouble = None
        except SourceError as error:
            self._trouble = ("error", str(error))
            return
        except PermissionError:
            self._trouble = ("denied", f'Cannot read "{self.path}": access denied.')
            return
        except OSError as error:
            self._trouble = ("missing", f'Cannot read "{self.path}": {error.strerror or error}.')
            return
        for path in found:
            stamp = _stamp(path)
            if stamp is not None and path not in self._waiting and self._is_due(path, stamp, now):
                self._waiting[path] = stamp[1]

    def _files(self, now: float) -> Iterator[str]:
        """Paths of logs.

        Raises:
            OSError: The file or folder cannot be looked at.
            SourceError: The channel cannot be read here.
        """
        if self._channel is not None:
            position = max((Position.of(c.cursor).number for c in self._known.values()), default=0)
            if self._channel.refresh(position, now):
                yield str(self._channel.file)
            return
        if not self.path.is_dir():
            self.path.stat()
            yield str(self.path)
            return
        folders = [self.path]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders += [Path(entry.path)] if self.recursive else []
                        elif entry.name.lower().endswith(_SUFFIX) and not entry.is_symlink():
                            yield entry.path
            except OSError:
                if folder == self.path:
                    raise

    def _is_due(self, path: str, stamp: tuple[int, int, int], now: float) -> bool:
        log = self._logs.get(path)
        if not stamp[1]:
            return False  # not filled yet
        if log is None:
            return True
        if stamp == log.seen or stamp == log.tried:
            return False
        return now >= log.retry_at_s

    def _log_at(self, path: str, stamp: tuple[int, int, int], identity: Identity) -> _Log:
        log = self._logs.get(path)
        if log is not None:
            return log
        known = [c for c in self._known.values() if c.path == self._told_path(path)]
        moved = [
            c
            for c in self._known.values()
            if (c.device, c.inode) == (identity.device, identity.inode) and c.inode
        ]
        spot = max(moved or known, key=lambda c: c.generation, default=None)
        if spot is None:
            log = _Log(self._new_spot(path, identity))
        else:
            log = _Log(replace(spot, path=self._told_path(path)), is_new=False)
            at = Position.of(spot.cursor)
            if at.mtime_ns and stamp == (spot.inode, spot.size_bytes, at.mtime_ns):
                log.seen = stamp
        self._logs[path] = log
        return log

    def _told_path(self, path: str) -> str:
        return path if self._channel is None else self._channel.name

    def _new_spot(self, path: str, identity: Identity) -> Checkpoint:
        spot = Checkpoint(
            self.source_id,
            max(self._known, default=0) + 1,
            self._told_path(path),
            0,
            device=identity.device,
            inode=identity.inode,
            cursor=_LOG_EPOCH,
        )
        self._known[spot.generation] = spot
        return spot

    # Reading

    def _begin(self, path: str, now: float) -> None:
        """Start a child on the file, if it can be opened and has anything new."""
        try:
            fd = open_log(Path(path), follow=False)
        except (OSError, SourceError) as error:
            stamp = _stamp(path) or (0, 0, 0)
            log = self._log_at(path, stamp, Identity(0, 0))
            self._refuse(log, error, now)
            return
        try:
            stat = os.fstat(fd)
            identity, stamp = Identity.of(stat), _stamp_of(stat)
            log = self._log_at(path, stamp, identity)
            if log.seen == stamp:
                return
            log.spot = replace(
                log.spot,
                device=identity.device,
                inode=identity.inode,
                size_bytes=stat.st_size,
            )
            child = self._child(fd, stat.st_size, Position.of(log.spot.cursor))
            self._reading = _Reading(log, child, stamp, stat.st_size)
        finally:
            os.close(fd)

    def _child(self, fd: int, size: int, after: Position) -> Child:
        cpu_s = _CPU_S + size * _CPU_S_PER_MIB // (1024 * 1024)
        numbers = (self.memory_bytes, cpu_s, after.number, after.filetime)
        return Child([*self.command, *map(str, numbers)], stdin=fd)

    def _read(self, reading: _Reading, max_bytes: int, now: float) -> list[RecordChunk]:
        out: list[RecordChunk] = []
        data = reading.child.read(max_bytes)
        if data:
            lines = (reading.line + data).split(b"\n")
            reading.line = lines.pop()
            self._n_read_bytes += len(data)
            self._last_read_ns = self._clock.now_ns()
            out += self._take(reading, lines)
        if reading.is_complete:
            out += self._finish(reading)
        elif len(reading.line) > _LINE_BYTES:
            out += self._quarantine(reading, "made its reader write without end", now)
        elif reading.child.has_ended:
            code = reading.child.exit_code
            out += self._quarantine(reading, f"ended its reader ({_exit_words(code)})", now)
        elif reading.child.quiet_s > self.quiet_s:
            out += self._quarantine(reading, f"held its reader for {self.quiet_s:g} s", now)
        return out

    def _take(self, reading: _Reading, lines: list[bytes]) -> list[RecordChunk]:
        """Chunks of the records among the child's lines."""
        out: list[RecordChunk] = []
        entries: list[bytes] = []
        at = Position.of(reading.log.spot.cursor)
        for line in lines:
            kind, _, rest = line.partition(b"\t")
            if kind == b"R":
                number, filetime, entry = rest.split(b"\t", 2)
                is_full = len(entries) >= self._limits.max_lines and int(number) != at.number
                if is_full:  # never between two records of one number
                    out.append(self._chunk(reading.log, entries, at))
                    entries = []
                at = Position(int(number), int(filetime))
                entries.append(entry)
            else:
                self._hear(reading, kind, rest.decode("utf-8", "replace"))
                at = at if entries else Position.of(reading.log.spot.cursor)
        if entries:
            out.append(self._chunk(reading.log, entries, at))
        return out

    def _hear(self, reading: _Reading, kind: bytes, rest: str) -> None:
        log = reading.log
        if kind == b"H":
            first, _, state = rest.split("\t")
            self._compare(log, int(first), state)
        elif kind == b"B":
            n, _, why = rest.partition("\t")
            reading.n_damaged += int(n)
            reading.why = why
        elif kind == b"X":
            reading.why = rest
            log.trouble = ("error", f'Cannot read "{log.spot.path}": {rest}.')
            self._say("refused", log.trouble[1], log)
            reading.is_complete = True
        elif kind == b"E":
            log.trouble = None
            log.wait_s = _RETRY_S[0]
            reading.is_complete = True

    def _compare(self, log: _Log, first: int, state: str) -> None:
        """What the child found out about the log's identity."""
        at = Position.of(log.spot.cursor)
        if state == "other":
            identity = Identity(log.spot.device, log.spot.inode)
            fresh = self._new_spot(log.spot.path, identity)
            log.spot = replace(fresh, size_bytes=log.spot.size_bytes)
            log.is_new = True
            self._say(
                "new-generation", f'"{log.spot.path}" is another log now; it is read anew.', log
            )
        elif state == "wrapped" and (gone := first - at.number - 1) > 0:
            self._say(
                "lost",
                f'"{log.spot.path}" was written over faster than it was read: '
                f"{gone:,} records from number {at.number + 1:,} on are gone.",
                log,
                n_lost=gone,
            )

    def _finish(self, reading: _Reading) -> list[RecordChunk]:
        """The child has told everything: note how the file stood."""
        log = reading.log
        self._end(reading)
        # Two writes within one tick of the file's clock look like one: then look once more.
        is_racy = abs(self._clock.now_ns() - reading.stamp[2]) < _RACY_TICKS * RACY_NS
        log.seen = None if is_racy else reading.stamp
        if reading.n_damaged:
            self._say(
                "refused",
                f'"{log.spot.path}" has {reading.n_damaged:,} damaged records that cannot be '
                f"read: {reading.why}.",
                log,
                n_lost=reading.n_damaged,
            )
        at = replace(Position.of(log.spot.cursor), mtime_ns=log.seen[2] if log.seen else 0)
        return [self._chunk(log, [], at)]

    def _quarantine(self, reading: _Reading, what: str, now: float) -> list[RecordChunk]:
        log = reading.log
        self._end(reading)
        log.tried = reading.stamp
        log.retry_at_s = now + log.wait_s
        log.wait_s = min(log.wait_s * 2, _RETRY_S[1])
        detail = (
            f'"{log.spot.path}" {what} and is quarantined. What was read of it is kept; it is '
            "tried again when it changes."
        )
        log.trouble = ("quarantined", detail)
        self._say("quarantined", detail, log, is_loss=True)
        return [self._chunk(log, [], Position.of(log.spot.cursor))]

    def _end(self, reading: _Reading) -> None:
        reading.child.close()
        self._reading = None

    def _chunk(self, log: _Log, entries: list[bytes], at: Position) -> RecordChunk:
        events, self._events = tuple(self._events), []
        chunk = entry_chunk(
            entries,
            log.spot,
            is_new=log.is_new,
            cursor=at.cursor,
            read_ns=self._clock.now_ns(),
            events=events,
        )
        log.spot, log.is_new = chunk.checkpoint, False
        self._known[log.spot.generation] = log.spot
        return chunk

    def _events_alone(self) -> list[RecordChunk]:
        """Events of a file that cannot be opened ride on its own position."""
        generation = self._events[0].generation
        log = next(lg for lg in self._logs.values() if lg.spot.generation == generation)
        return [self._chunk(log, [], Position.of(log.spot.cursor))]

    # Telling

    def _refuse(self, log: _Log, error: OSError | SourceError, now: float) -> None:
        log.retry_at_s = now + _BACKOFF_S
        is_denied = isinstance(error, PermissionError)
        state = "denied" if is_denied else "error"
        if isinstance(error, FileNotFoundError):
            return
        reason = str(error) if isinstance(error, SourceError) else (error.strerror or str(error))
        what = "access denied" if is_denied else reason
        detail = f'Cannot read "{log.spot.path}": {what}. Run as a user with read access to it.'
        if log.trouble != (state, detail):
            log.trouble = (state, detail)
            self._say(state if is_denied else "refused", detail, log)

    def _say(
        self,
        kind: str,
        message: str,
        log: _Log,
        *,
        is_loss: bool = False,
        n_lost: int | None = None,
    ) -> None:
        generation = log.spot.generation
        event = self._news.event(kind, message, generation, is_loss=is_loss, n_lost=n_lost)
        self._events.append(event)

    def _update_status(self) -> None:
        bad = [log.trouble for log in self._logs.values() if log.trouble]
        more = f" {len(bad):,} files of {len(self._logs):,} have trouble." if len(bad) > 1 else ""
        of_files = (found[0], found[1] + more) if (found := worst(bad)) else None
        state, detail = self._trouble or of_files or self._plain()
        lag = self._reading.size if self._reading else 0
        lag += sum(self._waiting.values())
        self._status = SourceStatus(
            self.source_id,
            self.name,
            state,
            detail,
            lag_bytes=lag,
            read_offset_bytes=self._n_read_bytes,
            n_files=len(self._logs),
            last_read_ns=self._last_read_ns,
            messages=self._news.messages,
        )

    def _plain(self) -> tuple[str, str]:
        if self._logs or self._waiting:
            return ("behind" if self._waiting else "live"), ""
        return "waiting", f'There is no event log in "{self.path}" yet.'


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        return _stamp_of(Path(path).stat(follow_symlinks=False))
    except OSError:
        return None


def _stamp_of(stat: os.stat_result) -> tuple[int, int, int]:
    return (Identity.of(stat).inode, stat.st_size, stat.st_mtime_ns)


def _exit_words(code: int | None) -> str:
    if code is None:
        return "no status"
    return f"signal {-code}" if code < 0 else f"status {code}"
