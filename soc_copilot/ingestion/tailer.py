"""Follows one path through every rotation and accident, generation by generation."""

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceStatus
from soc_copilot.ingestion.files import HandlePool, Identity, open_log, opened
from soc_copilot.ingestion.generations import Generations, fits
from soc_copilot.ingestion.packed import PackedReader, is_packed, unpacked_copy_of
from soc_copilot.ingestion.reader import (
    RACY_NS,
    FileReader,
    FileRewrittenError,
    FileShrunkError,
    ReadLimits,
    ReadStyle,
    last_line_start,
)
from soc_copilot.ingestion.siblings import Sibling, siblings

logger = logging.getLogger(__name__)

POLL_BYTES = 1024 * 1024  # chosen: a file's share of one round, so that others get theirs
LINGER_S = 1.0  # chosen: how long a rotated file stays quiet before it is let go
_CONFIRMATIONS = 2  # polls that must agree before a file counts as truncated
_BACKOFF_S = (0.2, 5.0)  # chosen: first and longest wait after trouble
_BEHIND_BYTES = 4 * 1024 * 1024  # chosen: lag from which a source counts as behind


@dataclass(slots=True)
class _Held:
    """A file that is no longer at the path, read until nobody writes it any more."""

    reader: FileReader
    quiet_since_s: float
    is_copy: bool = False


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
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        self.source_id = source_id
        self.name = name or str(path)
        self._limits = limits or ReadLimits()
        self._clock = clock
        self._style = style or ReadStyle()
        self._is_shared = generations is not None
        self._generations = generations or Generations(source_id, checkpoints)
        self._handles = handles or HandlePool()
        self._follow = follow
        self._linger_s = linger_s
        self._starts_at_end = not from_start and (self._is_shared or self._generations.is_empty)
        self._is_first_look = True
        self._current: FileReader | None = None
        self._old: list[_Held] = []
        self._seen_siblings: set[tuple[Identity, int, int]] = set()
        self._out: list[RecordChunk] = []
        self._folder_seen_ns = 0
        self._doubts = 0
        self._quiet_since_s = 0.0
        self._is_missing = False
        self._trouble: tuple[str, str] | None = None  # state, detail
        self._retry_at_s = 0.0
        self._backoff_s = _BACKOFF_S[0]
        self._n_read_bytes = 0
        self._last_read_ns = 0
        self._status = SourceStatus(source_id, self.name, "waiting")

    @property
    def is_done(self) -> bool:
        """True when there is no file at the path and every file that was there is let go."""
        return self._is_missing and self._current is None and not self._old

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
                if self._trouble:
                    self._trouble, self._backoff_s = None, _BACKOFF_S[0]
            except (OSError, SourceError) as error:
                self._note_trouble(error, now)
        budget = max_bytes
        for held in list(self._old):
            budget -= self._drain(held, max(budget, 1), now)
        if budget > 0:
            self._read_current(budget, now)
        out, self._out = self._out, []
        self._update_status()
        return out

    def committed(self, checkpoint: Checkpoint) -> None:
        """Nothing to do: the file stays, whatever is stored of it."""

    def close(self) -> None:
        """Let go of open files; a later poll opens them again at the same place."""
        if not self._is_shared:
            self._handles.close()

    def status(self) -> SourceStatus:
        """How the source stands, as of the last poll."""
        return self._status

    # What is at the path

    def _look(self, now: float) -> None:
        stat = self._stat()
        if self._is_first_look:
            self._first_look(stat)
            self._is_first_look = False
            return
        current = self._current
        self._is_missing = stat is None
        if (current is None or stat is None) and self._has_folder_changed():
            self._take_in_missed(current.identity if current else None)
        if stat is None:
            return
        if current is None:
            self._open(self.path)
        elif current.identity != Identity.of(stat):
            self._rotate(now)

    def _has_folder_changed(self) -> bool:
        """True when names may have come or gone since the last time this was asked."""
        try:
            changed_ns = self.path.parent.stat().st_mtime_ns
        except OSError:
            return False
        is_fresh = abs(self._clock.now_ns() - changed_ns) < RACY_NS
        has_changed = changed_ns != self._folder_seen_ns or is_fresh
        self._folder_seen_ns = changed_ns
        return has_changed

    def _stat(self) -> os.stat_result | None:
        try:
            return self.path.stat(follow_symlinks=self._follow)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _first_look(self, stat: os.stat_result | None) -> None:
        self._is_missing = stat is None
        if stat is None and self._generations.is_empty and not self._is_shared:
            self._await_first_file()
        elif stat is not None:
            self._open(self.path, at_end=self._starts_at_end)
        lost_track = self._generations.unfinished(str(self.path))
        found_at = [place for c in lost_track if (place := self._recover(c)) is not None]
        for sibling in siblings(self.path, rotations_only=True):
            newer = any(sibling.mtime_ns >= place.mtime_ns for place in found_at)
            if sibling.is_rotation and newer:
                self._open_missed(sibling)
            self._seen_siblings.add(sibling.stamp)

    def _await_first_file(self) -> None:
        # Stored before there is a file, so that after a restart the file counts as new and
        # is read from its first byte.
        spot = self._new_spot(self.path, Identity(0, 0), 0)
        reader = FileReader(spot, Identity(0, 0), is_new=True, clock=self._clock)
        self._hand_out([reader.announce()])

    def _open(self, path: Path, *, at_end: bool = False) -> FileReader | None:
        """Begin or go on with the file at `path` as the current one."""
        fd = open_log(path, follow=self._follow)
        try:
            reader = self._reader_for(fd, path, at_end=at_end)
        except BaseException:
            os.close(fd)
            raise
        if reader is None:
            os.close(fd)
            return None
        self._keep(reader, fd)
        self._current = reader
        self._quiet_since_s = self._clock.monotonic_s()
        self._doubts = 0
        return reader

    def _reader_for(self, fd: int, path: Path, *, at_end: bool = False) -> FileReader | None:
        """A reader at the right place of an open file, None when another one has it."""
        identity = Identity.of(os.fstat(fd))
        if self._generations.reads(identity):
            return None
        known = self._generations.matching(fd, identity)
        if is_packed(fd) and (known is None or known.offset == 0):
            return self._packed_reader_for(fd, path, identity, at_end=at_end)
        known = known or self._awaited(path)
        if known is not None:
            spot = replace(known, path=str(path), finished=False)
            return self._load(spot, identity, fd, is_new=False)
        offset = 0
        if at_end:
            offset = last_line_start(fd, os.fstat(fd).st_size, self._limits.max_line_bytes)
        elif (copied := self._generations.copied(fd)) is not None:
            if self._is_shared and copied.path != str(path) and self._is_read(copied):
                return None  # a copy of a live log: looked at again when that one changes
            offset = copied.offset
        reader = self._load(self._new_spot(path, identity, offset), identity, fd, is_new=True)
        self._hand_out([reader.announce()])
        return reader

    def _packed_reader_for(
        self, fd: int, path: Path, identity: Identity, *, at_end: bool
    ) -> FileReader:
        """A reader of a packed file; one that is done already where nothing in it is new."""
        size = os.fstat(fd).st_size
        known = self._generations.packed(identity)
        is_done = known is not None and known.finished and known.size_bytes == size
        is_new = known is None or (known.finished and not is_done)
        if known is None or is_new:
            found = None if at_end else unpacked_copy_of(fd, self._generations.all())
            is_done = at_end or (found is not None and found[1])
            known = self._new_spot(path, identity, found[0].offset if found else 0)
            if found:
                hashes = ("head_hash", "head_bytes", "marker_hash", "marker_bytes")
                known = replace(known, **{name: getattr(found[0], name) for name in hashes})
        reader = PackedReader(
            replace(known, path=str(path), finished=False, size_bytes=size),
            identity,
            is_new=is_new,
            is_done=is_done,
            limits=self._limits,
            clock=self._clock,
            style=self._style,
        )
        reader.load(fd)
        if is_new:
            self._hand_out([reader.announce()])
        return reader

    def _is_read(self, checkpoint: Checkpoint) -> bool:
        return self._generations.is_read(checkpoint.generation)

    def _awaited(self, path: Path) -> Checkpoint | None:
        """The generation that was announced before there was a file."""
        waiting = self._generations.unfinished(str(path))
        return next((c for c in waiting if c.inode == 0 and c.offset == 0), None)

    def _new_spot(self, path: Path, identity: Identity, offset: int) -> Checkpoint:
        return Checkpoint(
            source_id=self.source_id,
            generation=self._generations.next_number(),
            path=str(path),
            offset=offset,
            device=identity.device,
            inode=identity.inode,
        )

    def _load(self, spot: Checkpoint, identity: Identity, fd: int, *, is_new: bool) -> FileReader:
        reader = FileReader(
            spot,
            identity,
            is_new=is_new,
            limits=self._limits,
            clock=self._clock,
            style=self._style,
        )
        reader.load(fd)
        return reader

    def _keep(self, reader: FileReader, fd: int) -> None:
        self._generations.begin(reader.generation, reader.identity)
        self._handles.put(reader.generation, fd)

    def _handle(self, reader: FileReader) -> int:
        """The reader's open file, opened again when it had to be closed.

        Raises:
            FileNotFoundError: No file in the folder is the one that was read.
            OSError: The system's refusal.
        """
        fd = self._handles.get(reader.generation)
        if fd is not None:
            return fd
        places = [
            Path(reader.path),
            *(s.path for s in siblings(self.path) if s.identity == reader.identity),
        ]
        for place in places:
            try:
                fd = open_log(place, follow=self._follow)
            except FileNotFoundError:
                continue
            if Identity.of(os.fstat(fd)) == reader.identity:
                self._handles.put(reader.generation, fd)
                return fd
            os.close(fd)
        raise FileNotFoundError(reader.path)

    # Reading

    def _read_current(self, budget: int, now: float) -> None:
        reader = self._current
        if reader is None:
            return
        try:
            if not self._is_missing and self._is_quiet(reader):
                return
            fd = self._handle(reader)
            if reader.position == 0 and type(reader) is FileReader and is_packed(fd):
                self._reopen_packed(reader)
                return
            chunks = reader.read(fd, budget)
        except FileNotFoundError:
            self._lose(reader)
            self._current = None
            return
        except (FileShrunkError, FileRewrittenError) as change:
            reader.is_caught_up = False
            self._doubts += 1
            if self._doubts >= _CONFIRMATIONS:
                self._begin_again(reader, change)
            return
        except (OSError, SourceError) as error:
            self._note_trouble(error, now)
            return
        self._doubts = 0
        if chunks:
            self._quiet_since_s = now
            self._hand_out(chunks)
        elif self._is_missing and os.fstat(fd).st_nlink == 0 and self._is_over(self._quiet_since_s):
            self._generations.say(f'"{self.path}" was deleted; it was read to its end.')
            self._finish(reader, fd)
            self._current = None

    def _reopen_packed(self, reader: FileReader) -> None:
        """The file was empty when it was opened, and is a packed one now."""
        self._hand_out([reader.abandon()])
        self._release(reader)
        self._current = None

    def _is_quiet(self, reader: FileReader) -> bool:
        stat = self._stat()
        return (
            stat is not None
            and Identity.of(stat) == reader.identity
            and not reader.may_have_news(stat)
        )

    def _is_over(self, quiet_since_s: float) -> bool:
        return self._clock.monotonic_s() - quiet_since_s >= self._linger_s

    def _drain(self, held: _Held, budget: int, now: float) -> int:
        """Read on in a rotated file; returns the bytes handed out."""
        reader = held.reader
        try:
            fd = self._handle(reader)
            chunks = reader.read(fd, budget)
        except (FileNotFoundError, FileShrunkError, FileRewrittenError):
            self._old.remove(held)
            self._lose(reader)
            return 0
        except (OSError, SourceError) as error:
            self._note_trouble(error, now)
            return 0
        if chunks:
            held.quiet_since_s = now
            self._hand_out(chunks)
        elif reader.is_caught_up and self._may_let_go(held, fd):
            self._old.remove(held)
            self._finish(reader, fd)
        return sum(chunk.size_bytes for chunk in chunks)

    def _may_let_go(self, held: _Held, fd: int) -> bool:
        # While the new file is empty, its writer has not moved over yet.
        moved = self._current is not None and self._current.size > 0
        is_unlinked = os.fstat(fd).st_nlink == 0
        return (is_unlinked or held.is_copy or moved) and self._is_over(held.quiet_since_s)

    def _finish(self, reader: FileReader, fd: int) -> None:
        if reader.partial_bytes:
            self._generations.say(
                f'The last line of "{reader.path}" had no line end when the file was let go; '
                "it was taken as it stood."
            )
        self._hand_out(reader.finish(fd))
        self._release(reader)

    def _release(self, reader: FileReader) -> None:
        self._generations.end(reader.generation)
        self._handles.drop(reader.generation)

    def _lose(self, reader: FileReader) -> None:
        self._generations.say(
            f'"{reader.path}" is gone; lines after byte {reader.position:,} may be lost.', loss=True
        )
        self._hand_out([reader.abandon()])
        self._release(reader)

    def _hand_out(self, chunks: Iterable[RecordChunk]) -> None:
        for chunk in chunks:
            self._out.append(chunk)
            self._generations.note(chunk.checkpoint)
            self._n_read_bytes += int(chunk.lengths.sum()) + chunk.n_skipped_bytes
            self._last_read_ns = chunk.read_ns

    # Rotations and accidents

    def _rotate(self, now: float) -> None:
        """Another file is at the path: the old one is read to its end, the new one from 0."""
        old = self._current
        if old is None:
            return
        self._current = None
        self._old.append(_Held(old, now))
        self._handles.pin(old.generation)
        self._generations.say(
            f'"{self.path}" was rotated; the new file is read from its start, the old one '
            "to its end."
        )
        self._take_in_missed(old.identity)
        self._open(self.path)

    def _begin_again(self, old: FileReader, change: Exception) -> None:
        """The file was truncated or rewritten in place: a new generation from 0."""
        self._hand_out([old.abandon()])
        self._release(old)
        self._current = None
        found = self._recover_from_copy(self._generations.get(old.generation))
        what = "truncated" if isinstance(change, FileShrunkError) else "rewritten in place"
        rest = (
            f'what was not read yet was found in "{found.path.name}"'
            if found
            else f"lines written after byte {old.position:,} and before that may be lost"
        )
        self._generations.say(
            f'"{self.path}" was {what}; {rest}. It is read from its start.', loss=found is None
        )
        at_path = self._stat()
        self._take_in_missed(Identity.of(at_path) if at_path else None)
        # The next look opens what is at the path then.

    def _recover(self, lost: Checkpoint) -> Sibling | None:
        """Find the file of a stored generation that is no longer at the path."""
        if lost.inode == 0 and lost.offset == 0:
            return None  # announced before there was a file: nothing to find
        for sibling in siblings(self.path):
            same = (sibling.identity.device, sibling.identity.inode) == (lost.device, lost.inode)
            if same and self._hold(sibling, is_copy=False):
                self._generations.say(
                    f'"{self.path}" was rotated while it was not watched; the rest is read '
                    f'from "{sibling.path.name}".'
                )
                return sibling
        found = self._recover_from_copy(lost)
        self._generations.say(
            f'"{self.path}" is another file than the one last read; '
            + (
                f'the rest of that one is read from "{found.path.name}".'
                if found
                else f"lines after its byte {lost.offset:,} may be lost."
            ),
            loss=found is None,
        )
        gone = FileReader(lost, Identity(lost.device, lost.inode), is_new=False, clock=self._clock)
        self._hand_out([replace(gone.abandon(), checkpoint=replace(lost, finished=True))])
        return found

    def _recover_from_copy(self, lost: Checkpoint) -> Sibling | None:
        """Read the rest of a generation from a copy of its file, if there is one."""
        if not lost.marker_bytes:
            return None
        for sibling in siblings(self.path, rotations_only=True):
            if not sibling.is_rotation:
                continue
            with opened(sibling.path) as fd:
                is_copy = fd is not None and _repeats(fd, lost)
            if is_copy and self._hold(sibling, is_copy=True):
                return sibling
        return None

    def _take_in_missed(self, current: Identity | None) -> None:
        """Read rotated files that came and went between two looks."""
        for sibling in siblings(self.path, rotations_only=True):
            is_new = sibling.stamp not in self._seen_siblings and sibling.identity != current
            if sibling.is_rotation and is_new:
                self._open_missed(sibling)
            self._seen_siblings.add(sibling.stamp)

    def _open_missed(self, sibling: Sibling) -> None:
        if self._hold(sibling, is_copy=True):
            logger.info("Took in a rotated file. source=%s", self.source_id)

    def _hold(self, sibling: Sibling, *, is_copy: bool) -> bool:
        """Read a sibling to its end; False when it cannot be, or when another reader has it."""
        try:
            fd = open_log(sibling.path, follow=False)
        except (OSError, SourceError):
            return False
        reader = self._reader_for(fd, sibling.path)
        if reader is None:
            os.close(fd)
            return False
        self._keep(reader, fd)
        self._handles.pin(reader.generation)
        self._old.append(_Held(reader, self._clock.monotonic_s(), is_copy))
        return True

    # Telling

    def _note_trouble(self, error: OSError | SourceError, now: float) -> None:
        if isinstance(error, PermissionError):
            found = (
                "denied",
                "access denied. Run as a user with read access or remove this source.",
            )
        elif isinstance(error, OSError):
            found = ("error", f"{error.strerror or error}. It is tried again.")
        else:
            found = ("error", str(error))
        detail = (
            found[1] if isinstance(error, SourceError) else f'Cannot read "{self.path}": {found[1]}'
        )
        if self._trouble != (found[0], detail):
            logger.warning("A source has trouble. source=%s state=%s", self.source_id, found[0])
        self._trouble = (found[0], detail)
        self._retry_at_s = now + self._backoff_s
        self._backoff_s = min(self._backoff_s * 2, _BACKOFF_S[1])

    def _update_status(self) -> None:
        readers = [held.reader for held in self._old]
        readers += [self._current] if self._current else []
        lag = sum(reader.lag_bytes for reader in readers)
        state, detail = self._trouble or self._plain_state(lag)
        self._status = SourceStatus(
            source_id=self.source_id,
            name=self.name,
            state=state,
            detail=detail,
            lag_bytes=lag,
            read_offset_bytes=self._n_read_bytes,
            n_files=len(readers),
            last_read_ns=self._last_read_ns,
            messages=tuple(self._generations.messages),
        )

    def _plain_state(self, lag: int) -> tuple[str, str]:
        if self._is_missing:
            seen = self._n_read_bytes or self._old or self._current or self._generations.messages
            state = "missing" if seen else "waiting"
            return state, f'There is no file at "{self.path}" now; it is read when it appears.'
        if lag > _BEHIND_BYTES:
            return "behind", ""
        partial = self._current.partial_bytes if self._current else 0
        if partial:
            return "live", f"A last line of {partial:,} bytes waits for its line end."
        return "live", ""


def first_position(generations: Generations, folder: Path, clock: Clock) -> RecordChunk:
    """The mark of a folder source that has begun although there is no file yet."""
    spot = Checkpoint(generations.source_id, generations.next_number(), str(folder), 0)
    reader = FileReader(spot, Identity(0, 0), is_new=True, clock=clock)
    chunk = reader.announce()
    done = replace(chunk.checkpoint, finished=True)
    generations.note(done)
    return replace(chunk, checkpoint=done)


def _repeats(fd: int, lost: Checkpoint) -> bool:
    """True when the file, plain or packed, holds what was read of the generation."""
    return unpacked_copy_of(fd, [lost]) is not None if is_packed(fd) else fits(lost, fd)
