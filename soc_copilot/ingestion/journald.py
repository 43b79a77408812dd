"""The system's journal as a source, through `journalctl`; its cursor is the position.

Each look is a short run of journalctl from the last entry on, that one included: so it is seen
whether the place is still there, and after a vacuum no entry is passed over. (With
--after-cursor the entry after a vanished place would be; and --follow shows one boot only.)
"""

import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceEvent, SourceStatus
from soc_copilot.ingestion.child import Child
from soc_copilot.ingestion.entries import entry_chunk
from soc_copilot.ingestion.news import News
from soc_copilot.ingestion.reader import ReadLimits

logger = logging.getLogger(__name__)

TOOL: Final = "journalctl"
SYSTEM: Final = "system"
LOOK_S: Final = 1.0  # chosen: how often the journal's files are looked at
_SURE_S: Final = 10.0  # chosen: a run at least this often, whatever the files' times say
_BACKOFF_S: Final = 5.0  # chosen: wait after trouble
_QUIET_S: Final = 60.0  # chosen: a run that says nothing for so long is ended and begun again
_ENTRY_BYTES: Final = 8 * 1024 * 1024  # chosen: a larger entry is fetched without its large fields
_BEHIND_BYTES: Final = 4 * 1024 * 1024  # chosen: one run that gives more is a backlog
_MAX_FILES: Final = 10_000  # chosen: of the journal, looked at for changes
_SYSTEM_FOLDERS: Final = ("/var/log/journal", "/run/log/journal")
# A quote in a text is escaped, so that this can only be the key itself.
_CURSOR: Final = re.compile(rb'"__CURSOR"\s*:\s*"([^"\\]+)"')
_DENIED: Final = ("insufficient permissions", "permission denied", "operation not permitted")
_PARTLY: Final = "not seeing messages from other users"

_Signature = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class _Run:
    """One run of journalctl.

    Attributes:
        kind: "entries", "tail" (only the last entry's cursor is wanted) or "lean" (one entry,
            without its large fields).
        is_first: Its first line is still to come.
    """

    child: Child
    kind: str
    is_first: bool = True
    line: bytes = b""
    n_bytes: int = 0
    is_done: bool = False


class JournalSource:
    """Reads systemd's journal: the machine's, or that in a folder or file.

    Args:
        path: "" or "system" for the machine's journal, else a journal file or a folder of them.
        source_id: Row id of the source.
        name: For people; the path when empty.
        from_start: Read a new source from its first entry, not only what comes.
        checkpoints: What the store holds for the source.
        limits: How much is handed out at once.
        clock: Where the time comes from.

    Thread:
        `poll`, `committed` and `close` from one thread at a time, `status` from any.
    """

    def __init__(
        self,
        path: str | Path = SYSTEM,
        *,
        source_id: int = 0,
        name: str = "",
        from_start: bool = False,
        checkpoints: Sequence[Checkpoint] = (),
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        text = str(path)
        self.path = None if text in {"", SYSTEM} else Path(os.path.abspath(text))  # noqa: PTH100 - resolve() would follow links
        self.source_id = source_id
        self.name = name or (text or SYSTEM)
        self._limits = limits or ReadLimits()
        self._clock = clock
        known = max(checkpoints, key=lambda c: c.generation, default=None)
        self._is_new = known is None
        self._spot = known or Checkpoint(source_id, 1, str(self.path or SYSTEM), 0)
        self._wants_tail = known is None and not from_start
        self._wants_lean = False
        self._huge = "none"  # cursor of the last entry, where that was too large
        self._run: _Run | None = None
        self._next_look_s = -1e9
        self._ran_at_s = -1e9
        self._seen: _Signature | None = None
        self._events: list[SourceEvent] = []
        self._news = News(source_id, clock)
        self._trouble: tuple[str, str] | None = None
        self._note = ""
        self._n_read_bytes = 0
        self._last_read_ns = 0
        self._status = SourceStatus(source_id, self.name, "waiting")

    def poll(self, max_bytes: int) -> list[RecordChunk]:
        """Entries that are there now."""
        now = self._clock.monotonic_s()
        if self._run is None and now >= self._next_look_s:
            self._next_look_s = now + LOOK_S
            self._look(now)
        out = self._read(self._run, max_bytes, now) if self._run is not None else []
        self._update_status()
        return out

    def committed(self, checkpoint: Checkpoint) -> None:
        """Nothing to let go of: the journal keeps itself."""

    def close(self) -> None:
        """End journalctl; a later poll goes on after the last entry that was handed out."""
        if self._run is not None:
            self._run.child.close()
            self._run = None
        self._next_look_s = self._ran_at_s = -1e9

    def status(self) -> SourceStatus:
        """How the source stands, as of the last poll."""
        return self._status

    # Running journalctl

    def _look(self, now: float) -> None:
        """Begin a run if there may be something new."""
        tool = shutil.which(TOOL)
        if tool is None:
            self._trouble = (
                "error",
                f"{TOOL} is not on this machine. The journal exists on Linux with systemd only; "
                "remove this source.",
            )
            return
        if self.path is not None and not self.path.exists():
            self._trouble = ("missing", f'There is no journal at "{self.path}".')
            return
        signature = self._signature()
        is_sure = now - self._ran_at_s >= _SURE_S
        if signature and signature == self._seen and not is_sure:
            return
        # Entries are written through memory: a file's time may come a little after them.
        is_settled = all(
            self._clock.now_ns() - mtime_ns > LOOK_S * 2e9 for _, mtime_ns, _ in signature
        )
        self._seen = signature if is_settled else None
        self._ran_at_s = now
        self._start(tool)

    def _start(self, tool: str) -> None:
        kind = "tail" if self._wants_tail else "lean" if self._wants_lean else "entries"
        command = [tool, "--output=json", "--no-pager"]
        if self.path is not None:
            where = "--directory" if self.path.is_dir() else "--file"
            command.append(f"{where}={self.path}")
        if kind == "tail":
            command += ["--lines=1", "--output-fields=PRIORITY"]
        elif kind == "entries":
            command.append("--all")  # fields of more than 4,096 bytes too
        is_after = kind == "entries" and self._huge == self._spot.cursor
        if self._spot.cursor:
            # The last entry again, unless it is too large to be read again.
            command.append(f"--{'after-' if is_after else ''}cursor={self._spot.cursor}")
        env = {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_LOG_LEVEL": "err"}
        try:
            self._run = _Run(Child(command, env=env), kind, is_first=not is_after)
        except OSError as error:
            self._fail("error", f"Cannot run {TOOL}: {error.strerror or error}.")

    def _signature(self) -> _Signature:
        """Names, times and sizes of the journal's files; empty where none can be seen."""
        found = []
        for entry in self._files():
            try:
                stat = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # rotated away just now
            found.append((entry.path, stat.st_mtime_ns, stat.st_size))
            if len(found) >= _MAX_FILES:
                break
        return tuple(sorted(found))

    def _files(self) -> Iterator["os.DirEntry[str]"]:
        if self.path is not None and not self.path.is_dir():
            folders = [str(self.path.parent)]
            names = {self.path.name}
        else:
            folders = [str(self.path)] if self.path is not None else list(_SYSTEM_FOLDERS)
            names = set()
        for root in folders:
            pending = [root]
            while pending:
                try:
                    with os.scandir(pending.pop()) as entries:
                        for entry in entries:
                            if entry.is_dir(follow_symlinks=False) and not names:
                                pending.append(entry.path)
                            elif entry.name in names if names else ".journal" in entry.name:
                                yield entry
                except OSError:
                    continue

    # Reading

    def _read(self, run: _Run, max_bytes: int, now: float) -> list[RecordChunk]:
        data = run.child.read(max_bytes)
        out: list[RecordChunk] = []
        if data:
            run.n_bytes += len(data)
            lines = (run.line + data).split(b"\n")
            run.line = lines.pop()
            self._last_read_ns = self._clock.now_ns()
            out = self._take(run, lines)
        if run.is_done:
            self._end(run)
            self._next_look_s = now
        elif len(run.line) > _ENTRY_BYTES:
            self._end(run)
            self._wants_lean = True
            self._next_look_s = now
        elif run.child.has_ended:
            out += self._finish(run, now)
        elif run.child.quiet_s > _QUIET_S:
            self._end(run)
            self._fail("error", f"{TOOL} does not answer; it is run again.", now)
        return out

    def _take(self, run: _Run, lines: list[bytes]) -> list[RecordChunk]:
        """Chunks of the entries among whole lines."""
        entries = []
        for line in lines:
            cursor = _cursor_of(line)
            if not cursor:
                continue  # "-- No entries --" and the like
            if run.kind == "tail":
                self._wants_tail = False
                return [self._chunk([], cursor)]
            if run.is_first:
                run.is_first = False
                if self._spot.cursor and self._is_known(cursor):
                    continue  # the last one that was handed out
            entries.append(line)
            if run.kind == "lean":
                self._wants_lean, run.is_done, self._huge = False, True, cursor
                self._say(
                    "note",
                    f"An entry of more than {_ENTRY_BYTES:,} bytes was read without its large "
                    "fields; they are in the journal only.",
                )
                break
        self._n_read_bytes += sum(map(len, entries))
        step = self._limits.max_lines
        parts = [entries[i : i + step] for i in range(0, len(entries), step)]
        return [self._chunk(part, _cursor_of(part[-1])) for part in parts]

    def _is_known(self, first: str) -> bool:
        """True when the first entry is the last known one; else says what is gone."""
        place, found = _fields(self._spot.cursor), _fields(first)
        if _is_same(place, found):
            return True
        gone: int | None = None
        if place.get("s") == found.get("s"):  # numbered by the same writer
            gone = int(found.get("i", "0"), 16) - int(place.get("i", "0"), 16) - 1
        if gone is None or gone > 0:
            how_many = "an unknown number of" if gone is None else f"{gone:,}"
            self._say(
                "lost",
                f"The journal no longer holds the place where reading stopped; {how_many} "
                "entries may be gone (vacuumed, or the journal was replaced).",
                is_loss=True,
                n_lost=gone,
            )
        return False

    def _finish(self, run: _Run, now: float) -> list[RecordChunk]:
        """The run is over: go on later, or say what is wrong."""
        errors, code = run.child.errors, run.child.exit_code
        self._end(run)
        if run.line.strip():
            errors = errors or "it ended in the middle of an entry"
        if code or run.line.strip():
            words = " ".join(errors.split())[:200]
            if any(sign in errors.lower() for sign in _DENIED):
                self._fail("denied", _denied(self.path), now)
            else:
                self._fail("error", f"{TOOL} failed: {words or f'status {code}'}", now)
            return []
        self._trouble = None
        self._note = _PARTLY_NOTE if _PARTLY in errors else ""
        if run.kind == "lean":
            self._wants_lean = False  # the entry is gone
        if self._wants_tail:  # an empty journal: whatever comes is new
            self._wants_tail = False
            return [self._chunk([], "")]
        return [self._chunk([], self._spot.cursor)] if self._events else []

    def _end(self, run: _Run) -> None:
        run.child.close()
        self._run = None

    def _chunk(self, entries: Sequence[bytes], cursor: str) -> RecordChunk:
        events, self._events = tuple(self._events), []
        chunk = entry_chunk(
            entries,
            self._spot,
            is_new=self._is_new,
            cursor=cursor,
            read_ns=self._clock.now_ns(),
            events=events,
        )
        self._spot, self._is_new = chunk.checkpoint, False
        return chunk

    # Telling

    def _fail(self, state: str, detail: str, now: float | None = None) -> None:
        if self._trouble != (state, detail):
            logger.warning("A source has trouble. source=%s state=%s", self.source_id, state)
        self._trouble = (state, detail)
        self._seen = None
        self._next_look_s = (self._clock.monotonic_s() if now is None else now) + _BACKOFF_S

    def _say(
        self, kind: str, message: str, *, is_loss: bool = False, n_lost: int | None = None
    ) -> None:
        generation = self._spot.generation
        event = self._news.event(kind, message, generation, is_loss=is_loss, n_lost=n_lost)
        self._events.append(event)

    def _update_status(self) -> None:
        is_behind = self._run is not None and self._run.n_bytes > _BEHIND_BYTES
        state, detail = self._trouble or ("behind" if is_behind else "live", self._note)
        self._status = SourceStatus(
            self.source_id,
            self.name,
            state,
            detail,
            read_offset_bytes=self._n_read_bytes,
            n_files=0 if self._trouble else 1,
            last_read_ns=self._last_read_ns,
            messages=self._news.messages,
        )


_PARTLY_NOTE: Final = (
    "Only this user's own entries can be read. Add the user to the group systemd-journal to read "
    "all of them."
)


def _denied(path: Path | None) -> str:
    if path is not None:
        return (
            f'Cannot read the journal in "{path}": access denied. Run as a user with read access.'
        )
    return (
        "Cannot read the system's journal: access denied. Add this user to the group "
        "systemd-journal (usermod -aG systemd-journal USER) and log in again."
    )


def _cursor_of(line: bytes) -> str:
    found = _CURSOR.search(line)
    return found.group(1).decode("utf-8", "replace") if found else ""


def _fields(cursor: str) -> dict[str, str]:
    """The parts of a cursor: s (who numbered), i (number), b (boot), m and t (times), x."""
    return dict(part.split("=", 1) for part in cursor.split(";") if "=" in part)


def _is_same(one: dict[str, str], other: dict[str, str]) -> bool:
    """True when two cursors mean one entry, which may stand in two files of the journal."""
    if one == other:
        return True
    keys = ("b", "m", "t", "x")
    return all(one.get(key) == other.get(key) for key in keys) and "x" in one
