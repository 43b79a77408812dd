"""Follows one path through every rotation and accident, generation by generation."""

import errno
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.file_systems import is_network
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceStatus
from soc_copilot.ingestion.files import HandlePool, Identity, is_exhausted
from soc_copilot.ingestion.followed import Followed
from soc_copilot.ingestion.generations import Generations
from soc_copilot.ingestion.lag import UNKNOWN, LagWatch
from soc_copilot.ingestion.openings import Openings
from soc_copilot.ingestion.packed import NotYetError, PackedReader
from soc_copilot.ingestion.reader import (
    FileReader,
    FileRewrittenError,
    FileShrunkError,
    ReadLimits,
    ReadStyle,
)
from soc_copilot.ingestion.recovery import Held, Recovery
from soc_copilot.ingestion.siblings import Sibling, family
from soc_copilot.ingestion.unpacking import packing_of

logger = logging.getLogger(__name__)

POLL_BYTES = 1024 * 1024  # chosen: a file's share of one round, so that others get theirs
LINGER_S = 1.0  # chosen: how long a rotated file stays quiet before it is let go
NETWORK_CONFIRM_S = 3.0  # standard: acregmin, how long an NFS client trusts a size it has seen
BEHIND_BYTES = 4 * 1024 * 1024  # chosen: lag from which a source counts as behind
_CONFIRMATIONS = 2  # polls that must agree before a file counts as truncated
_BACKOFF_S = (0.2, 5.0)  # chosen: first and longest wait after trouble


class FileTailer:
    """Reads a log file as it grows, whatever its writer and its rotation do.

    Args:
        path: The log.
        source_id: Row id of the source.
        name: For people; the path when empty.
        from_start: Read a new source's file from its first byte, not only what comes.
        checkpoints: What the store holds for the source, all generations.
        limits: How much is read and held at once.
        clock: Where the time comes from.
        style: What the bytes are, and when lines are complete.
        generations: Shared by the tailers of one folder; replaces `checkpoints`.
        handles: Shared by the tailers of one folder.
        follow: False refuses a path that is a symbolic link.
        linger_s: How long a rotated file stays quiet before it is let go.
        on_network: Whether the path lies on a network file system; None asks the system.
        fits: Names that a folder source follows, so that each of a thousand rotated files need not
            look at all the others.

    Thread:
        `poll` and `close` from one thread at a time, `status` from any.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        source_id: int = 0,
        name: str = "",
        from_start: bool = False,
        checkpoints: Sequence[Checkpoint] = (),
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
        style: ReadStyle | None = None,
        generations: Generations | None = None,
        handles: HandlePool | None = None,
        follow: bool = True,
        linger_s: float = LINGER_S,
        on_network: bool | None = None,
        fits: Callable[[str], object] | None = None,
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        self.source_id = source_id
        self.name = name or str(path)
        self._clock = clock
        self._linger_s = linger_s
        self._on_network = on_network
        self._followed = Followed(
            path=self.path,
            source_id=source_id,
            generations=generations or Generations(source_id, checkpoints),
            handles=HandlePool() if handles is None else handles,
            limits=limits or ReadLimits(),
            style=style or ReadStyle(),
            clock=clock,
            follow=follow,
            is_shared=generations is not None,
            leaves=fits if family(self.path.name) != self.path.name else None,
        )
        self._generations = self._followed.generations
        self._openings = Openings(self._followed)
        self._recovery = Recovery(self._followed, self._openings)
        is_shared = generations is not None
        self._starts_at_end = not from_start and (is_shared or self._generations.is_empty)
        self._has_begun = False
        self._current: FileReader | None = None
        self._lag = LagWatch(0)
        self._ignored: tuple[Identity, int, int, int] | None = None
        self._is_rotating = False
        self._doubts = 0
        self._doubted_at_s = 0.0
        self._quiet_since_s = 0.0
        self._is_missing = False
        self._trouble: tuple[str, str] | None = None  # state, detail
        self._is_told = False  # of the trouble
        self._retry_at_s = 0.0
        self._backoff_s = _BACKOFF_S[0]
        self._stat: os.stat_result | None = None
        self._status = SourceStatus(source_id, self.name, "waiting")

    @property
    def is_done(self) -> bool:
        """True when there is no file at the path and every file that was there is let go."""
        return self._is_missing and self._current is None and self._recovery.is_done

    @property
    def is_busy(self) -> bool:
        """True when the next poll may bring something although nothing changes at the path."""
        current = self._current
        is_behind = current is not None and not current.is_caught_up
        return not self._has_begun or is_behind or self._recovery.is_busy

    @property
    def is_waiting(self) -> bool:
        """True when what is at the path repeats a log that is being read."""
        return self._current is None and not self._is_missing

    @property
    def is_holding(self) -> bool:
        """True while whole lines wait, since the next may belong to their event."""
        held = [held.reader for held in self._recovery.held]
        return any(reader.is_record_open for reader in (*held, self._current) if reader)

    @property
    def has_trouble(self) -> bool:
        """True when what is at the path cannot be read now."""
        return self._trouble is not None

    @property
    def n_possible_losses(self) -> int:
        """How often this run had to say that lines may be lost."""
        return self._generations.n_possible_losses

    def poll(self, max_bytes: int = POLL_BYTES) -> list[RecordChunk]:
        """What can be read now; trouble ends up in `status`."""
        now = self._clock.monotonic_s()
        if now >= self._retry_at_s:
            try:
                self._look(now)
                self._end_trouble()
            except NotYetError:
                logger.debug("A file is being written still. source=%s", self.source_id)
            except (OSError, SourceError) as error:
                self._note_trouble(error, now)
        budget = max_bytes
        for held in list(self._recovery.held):
            if budget <= 0:
                break
            budget -= self._drain(held, budget, now)
        if budget > 0 and self._current is not None:
            self._read_current(self._current, budget, now)
        current = self._current
        if current is not None and self._generations.has_events(current.generation):
            self._followed.hand_out([current.announce()])  # what happened is stored at once
        out, self._followed.out = self._followed.out, []
        self._update_status(now)
        return out

    def committed(self, checkpoint: Checkpoint) -> None:
        """Nothing to do: the file stays, whatever is stored of it."""

    def close(self) -> None:
        """Let go of open files; a later poll opens them again at the same place."""
        if not self._followed.is_shared:
            self._followed.handles.close()

    def status(self) -> SourceStatus:
        """How the source stands, as of the last poll."""
        return self._status

    # What is at the path

    def _look(self, now: float) -> None:
        stat = self._stat = self._followed.stat()
        was_missing, self._is_missing = self._is_missing, stat is None
        current = self._current
        if not self._has_begun:
            self._begin(stat)
            self._has_begun = True
            return
        if stat is not None and current is not None and current.identity != Identity.of(stat):
            self._rotate()
        at_path = Identity.of(stat) if stat else None
        if at_path and self._current is None and (back := self._recovery.take_back(at_path)):
            self._current, self._doubts, self._is_rotating = back, 0, False
        self._recovery.look(
            at_path,
            is_moving=stat is None or was_missing or current is None,
            unread=self._unread(),
        )
        if stat is not None and self._current is None:
            self._open(stat)
        if self._is_rotating and self._current is not None:
            self._is_rotating = False
            self._followed.say_with(
                "rotated",
                f'"{self.path}" was rotated; the new file is read from its start, the old one '
                "to its end.",
                self._current,
            )

    def _unread(self) -> FileReader | None:
        return self._current if self._current and not self._current.position else None

    def _begin(self, stat: os.stat_result | None) -> None:
        """The first look: go on where reading stopped, wherever that file is now."""
        if self._on_network is None:
            self._on_network = is_network(self.path)
        is_new = self._generations.is_empty and not self._followed.is_shared
        if stat is None and is_new:
            self._await_first_file()
        elif stat is not None and self._current is None:
            self._open(stat, at_end=self._starts_at_end)
        self._recovery.begin(self._current)

    def _await_first_file(self) -> None:
        # Stored before there is a file, so that after a restart the file counts as new and
        # is read from its first byte.
        spot = self._openings.new_spot(self.path, Identity(0, 0), 0)
        reader = FileReader(spot, Identity(0, 0), is_new=True, clock=self._clock)
        self._followed.hand_out([reader.announce()])

    def _open(self, stat: os.stat_result, *, at_end: bool = False) -> None:
        """Begin or go on with the file at the path as the current one."""
        stamp = (Identity.of(stat), stat.st_size, stat.st_mtime_ns, self._generations.n_ended)
        if stamp == self._ignored:
            return
        fd = self._followed.handles.open(self.path, follow=self._followed.follow)
        try:
            reader = self._openings.reader_for(fd, self.path, at_end=at_end)
        except BaseException:
            os.close(fd)
            raise
        if reader is None:
            os.close(fd)
            self._ignored = stamp
            return
        self._followed.keep(reader, fd)
        self._current = reader
        self._lag = LagWatch(stat.st_size if not self._has_begun else 0)
        self._quiet_since_s = self._clock.monotonic_s()
        self._doubts = 0

    # Reading

    def _read_current(self, reader: FileReader, budget: int, now: float) -> None:
        try:
            if not self._is_missing and self._is_quiet(reader):
                return
            fd = self._followed.handle(reader)
            if reader.position == 0 and type(reader) is FileReader and self._is_packed(reader, fd):
                return
            start = reader.position
            chunks = reader.read(fd, budget)
            passed = reader.passed(fd, start)
        except FileNotFoundError:
            self._followed.lose(reader)
            self._current = None
            return
        except (FileShrunkError, FileRewrittenError) as change:
            self._doubt(reader, change, now)
            return
        except (OSError, SourceError) as error:
            self._note_read_trouble(reader, error, now)
            return
        self._doubts = 0
        if chunks:
            self._quiet_since_s = now
            self._followed.hand_out(chunks, passed)
        elif self._is_missing and self._may_end(fd):
            message = f'"{self.path}" was deleted; it was read to its end.'
            self._followed.say("deleted", message, reader)
            self._followed.finish(reader, fd)
            self._current = None

    def _is_packed(self, reader: FileReader, fd: int) -> bool:
        """True when the file turned out to be packed, or may still do so."""
        packing = packing_of(fd)
        if packing in _PACKINGS:
            self._followed.hand_out([reader.abandon()])
            self._followed.release(reader)
            self._current = None
        return bool(packing)

    def _is_quiet(self, reader: FileReader) -> bool:
        stat = self._stat
        return (
            stat is not None
            and Identity.of(stat) == reader.identity
            and not reader.may_have_news(stat)
        )

    def _may_end(self, fd: int) -> bool:
        return os.fstat(fd).st_nlink == 0 and self._is_over(self._quiet_since_s)

    def _is_over(self, quiet_since_s: float) -> bool:
        return self._clock.monotonic_s() - quiet_since_s >= self._linger_s

    def _drain(self, held: Held, budget: int, now: float) -> int:
        """Read on in a rotated file; returns the bytes handed out."""
        reader = held.reader
        try:
            fd = self._followed.handle(reader)
            chunks = reader.read(fd, budget)
        except (FileShrunkError, FileRewrittenError) as change:
            held.n_doubts += 1
            if held.n_doubts >= _CONFIRMATIONS:
                self._begin_again(reader, change, held)
            return 0
        except FileNotFoundError:
            self._recovery.held.remove(held)
            self._followed.lose(reader)
            return 0
        except (OSError, SourceError) as error:
            self._note_read_trouble(reader, error, now)
            return 0
        held.n_doubts = 0
        if chunks:
            held.quiet_since_s = now
            self._followed.hand_out(chunks)
        elif reader.is_caught_up and self._may_let_go(held, fd):
            self._recovery.held.remove(held)
            self._followed.finish(reader, fd)
        return sum(chunk.size_bytes for chunk in chunks)

    def _may_let_go(self, held: Held, fd: int) -> bool:
        # While the new file is empty, its writer has not moved over yet.
        moved = self._current is not None and self._current.size > 0
        is_unlinked = os.fstat(fd).st_nlink == 0
        return (is_unlinked or held.is_copy or moved) and self._is_over(held.quiet_since_s)

    # Rotations and accidents

    def _rotate(self) -> None:
        """Another file is at the path: the old one is read to its end, the new one from 0."""
        old, self._current = self._current, None
        if old is not None:
            self._recovery.hold(old)
            self._recovery.note_change()
            self._is_rotating = True

    def _doubt(self, reader: FileReader, change: Exception, now: float) -> None:
        """The file seems to be truncated or rewritten; believed once it was seen again.

        On a network file system the size may be an old one: the file is opened anew, which
        makes the client ask its server, and the doubt has to outlast what it trusts unasked.
        """
        reader.is_caught_up = False
        self._doubts += 1
        if self._doubts == 1:
            self._doubted_at_s = now
        if self._on_network:
            self._followed.handles.drop(reader.generation, unpin=False)
            if now - self._doubted_at_s < NETWORK_CONFIRM_S:
                return
        if self._doubts >= _CONFIRMATIONS:
            self._begin_again(reader, change)

    def _begin_again(self, old: FileReader, change: Exception, held: Held | None = None) -> None:
        """The file was truncated or rewritten in place: a new generation from 0.

        Args:
            old: The reader of what was there before.
            change: What it found.
            held: Where it is kept, for a file that has left the path since.
        """
        followed = self._followed
        fd = None
        followed.generations.end(old.generation)
        try:
            fd = os.dup(followed.handle(old)) if held else None
            found = self._recovery.recover_from_copy(self._generations.get(old.generation))
        except BaseException as error:
            followed.generations.begin(old.generation, old.identity)
            if fd is not None:
                os.close(fd)
            if isinstance(error, NotYetError):
                return  # a copy of it is being packed; it is looked at again
            if isinstance(error, OSError):
                self._note_trouble(error, self._clock.monotonic_s())
                return
            raise
        self._tell_of_change(old, change, found)
        followed.hand_out([old.abandon()])
        followed.release(old)
        if held is None:
            self._current = None
        elif fd is not None:
            with suppress(NotYetError, OSError):  # then it is found beside the log
                self._recovery.hold_again(fd, held)
        self._recovery.judge_again()  # the next look takes in what came beside it, then opens it

    def _tell_of_change(self, old: FileReader, change: Exception, found: Sibling | None) -> None:
        is_packed_anew = isinstance(old, PackedReader) and old.is_done
        kind = "truncated" if isinstance(change, FileShrunkError) else "rewritten"
        what = "truncated" if kind == "truncated" else "rewritten in place"
        if is_packed_anew:
            rest = "it had been read to its end"
        elif found:
            rest = (
                f'what was not read yet was found in "{found.path.name}". Lines written between '
                "that copy and the truncation, if there were any, exist nowhere"
            )
        else:
            rest = f"lines written after byte {old.position:,} and before that may be lost"
        self._followed.say(
            kind,
            f'"{self.path}" was {what}; {rest}. It is read from its start.',
            old,
            loss=not is_packed_anew,
            end=old.size,
        )

    # Telling

    def _note_read_trouble(self, reader: FileReader, error: Exception, now: float) -> None:
        if isinstance(error, OSError) and error.errno == errno.ESTALE:
            # The server has another file there; by its path it may still be found.
            self._followed.handles.drop(reader.generation, unpin=False)
        self._note_trouble(error, now)

    def _note_trouble(self, error: Exception, now: float) -> None:
        kind, state, detail = _described(error, self.path)
        # A folder that runs out of handles says so once, not for each of its files.
        is_said = self._followed.is_shared and is_exhausted(error)
        if self._trouble != (state, detail) and not is_said:
            self._is_told = True
            logger.warning("A source has trouble. source=%s state=%s", self.source_id, state)
            self._followed.say(kind, detail)
        self._trouble = (state, detail)
        self._retry_at_s = now + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, _BACKOFF_S[1])

    def _end_trouble(self) -> None:
        if self._trouble is None:
            return
        self._trouble, self._backoff_s = None, _BACKOFF_S[0]
        if self._is_told:
            self._is_told = False
            self._followed.say("restored", f'"{self.path}" can be read again.')

    def _update_status(self, now: float) -> None:
        current = self._current
        readers = [held.reader for held in self._recovery.held]
        readers += [current] if current else []
        lag = sum(reader.lag_bytes for reader in readers)
        state, detail = self._trouble or self._plain_state(lag)
        self._status = SourceStatus(
            source_id=self.source_id,
            name=self.name,
            state=state,
            detail=detail,
            lag_bytes=lag,
            read_offset_bytes=self._followed.n_read_bytes,
            n_files=len(readers),
            last_read_ns=self._followed.last_read_ns,
            messages=tuple(self._generations.messages),
            lag_s=self._lag_s(now),
            partial_bytes=sum(reader.partial_bytes for reader in readers),
        )

    def _lag_s(self, now: float) -> float:
        if any(held.reader.lag_bytes for held in self._recovery.held):
            return UNKNOWN
        reader = self._current
        if reader is None:
            return 0.0
        if isinstance(reader, PackedReader):
            return UNKNOWN if reader.lag_bytes else 0.0
        size = self._stat.st_size if self._stat else reader.size
        self._lag.look(reader.position, size, now)
        return self._lag.age_s(reader.position, size, now)

    def _plain_state(self, lag: int) -> tuple[str, str]:
        if self._is_missing:
            seen = self._followed.n_read_bytes or self._current or self._recovery.held
            state = "missing" if seen or self._generations.messages else "waiting"
            return state, f'There is no file at "{self.path}" now; it is read when it appears.'
        if self._recovery.denied:
            detail = f'Cannot read "{self._recovery.denied}", which holds the rest of '
            return "denied", detail + f'"{self.path}": access denied. It is tried again.'
        if isinstance(self._current, PackedReader) and self._current.refusal:
            return "error", self._current.refusal
        if lag > BEHIND_BYTES:
            return "behind", ""
        partial = self._current.partial_bytes if self._current else 0
        if partial:
            return "live", f"A last line of {partial:,} bytes waits for its line end."
        return "live", ""


_PACKINGS = frozenset(("gzip", "xz", "bzip2", "zstd"))


def _described(error: Exception, path: Path) -> tuple[str, str, str]:
    """Kind of event, state and detail of what keeps a file from being read."""
    if isinstance(error, PermissionError):
        what = "access denied. Run as a user with read access or remove this source."
        return "denied", "denied", f'Cannot read "{path}": {what}'
    if is_exhausted(error):
        what = "too many files are open. Nothing is lost; it is tried again. Raise the limit "
        what += "(ulimit -n) or watch fewer files."
        return "note", "error", f'Cannot read "{path}": {what}'
    if isinstance(error, OSError):
        return (
            "note",
            "error",
            f'Cannot read "{path}": {error.strerror or error}. It is tried again.',
        )
    return "refused", "error", str(error)


def first_position(generations: Generations, folder: Path, clock: Clock) -> RecordChunk:
    """The mark of a folder source that has begun although there is no file yet."""
    spot = Checkpoint(
        generations.source_id,
        generations.next_number(),
        str(folder),
        0,
        began_ns=clock.now_ns(),
    )
    chunk = FileReader(spot, Identity(0, 0), is_new=True, clock=clock).announce()
    done = replace(chunk.checkpoint, finished=True)
    generations.note(done)
    return replace(chunk, checkpoint=done)
