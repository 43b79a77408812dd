"""Where to begin in a file that was just opened: by what it is and by what was read before."""

import os
from dataclasses import replace
from pathlib import Path

from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.files import Identity, digest, opened
from soc_copilot.ingestion.followed import Followed
from soc_copilot.ingestion.generations import Copy, fits
from soc_copilot.ingestion.packed import NotYetError, PackedReader, head_of, packed_copy
from soc_copilot.ingestion.reader import FileReader, last_line_start
from soc_copilot.ingestion.unpacking import UNDECIDED, packing_of


class Openings:
    """Makes readers for open files.

    Args:
        followed: What the tailer's parts share.
    """

    def __init__(self, followed: Followed) -> None:
        self._followed = followed

    def reader_for(
        self, fd: int, path: Path, *, at_end: bool = False, is_rotated: bool = False
    ) -> FileReader | None:
        """A reader at the right place of an open file, its first position handed out.

        None when another reader has the file, or when it repeats a log that is being read.

        Args:
            fd: The open file; stays the caller's.
            path: What it was opened by.
            at_end: Begin a file that is not known with what comes from now on.
            is_rotated: It is not at the log's own path.

        Raises:
            NotYetError: It is being written, and too short yet to tell what it is.
            OSError: The system's refusal.
        """
        generations = self._followed.generations
        stat = os.fstat(fd)
        identity = Identity.of(stat)
        if generations.reads(identity):
            return None
        known = generations.matching(fd, identity)
        if known is None or known.offset == 0:
            packing = packing_of(fd)
            if packing == UNDECIDED and known is None and is_rotated:
                raise NotYetError
            if packing not in {"", UNDECIDED}:
                return self._packed_reader_for(fd, path, identity, packing, at_end=at_end)
        if known is not None and known.finished and known.offset == 0:
            known = None  # nothing of it was read: it may be any file that got its inode
        known = known or self._awaited(path)
        if known is not None:
            spot = replace(known, path=str(path), finished=False)
            return self._load(spot, identity, fd, is_new=False)
        spot = self.new_spot(path, identity, 0)
        if at_end:
            end = last_line_start(fd, stat.st_size, self._followed.limits.max_line_bytes)
            spot = replace(spot, offset=end)
        elif (copy := self._copy_in(fd, path, stat.st_size)) is not None:
            if generations.is_read(copy.of.generation) and copy.of.path != str(path):
                return None  # looked at again when that one is let go
            spot = replace(spot, offset=copy.offset, encoding=copy.of.encoding)
        reader = self._load(spot, identity, fd, is_new=True)
        self._followed.hand_out([reader.announce()])
        return reader

    def new_spot(self, path: Path, identity: Identity, offset: int) -> Checkpoint:
        """A position in a generation that begins now."""
        return Checkpoint(
            source_id=self._followed.source_id,
            generation=self._followed.generations.next_number(),
            path=str(path),
            offset=offset,
            device=identity.device,
            inode=identity.inode,
            began_ns=self._followed.clock.now_ns(),
        )

    def _copy_in(self, fd: int, path: Path, size: int) -> Copy | None:
        """What the file repeats, unless it holds more than a log that begins like it and lives."""
        generations = self._followed.generations
        copy = generations.copied(fd, str(path), size)
        if copy is None or not generations.is_read(copy.of.generation):
            return copy
        with opened(Path(copy.of.path)) as live_fd:
            if live_fd is None or not fits(copy.of, live_fd):
                return copy  # it was truncated after it had been copied
            live = os.fstat(live_fd)
        is_same = Identity.of(live) == Identity(copy.of.device, copy.of.inode)
        is_other = copy.of.path != str(path) and copy.of.offset <= live.st_size < size
        return None if is_same and is_other else copy

    def _packed_reader_for(
        self, fd: int, path: Path, identity: Identity, packing: str, *, at_end: bool
    ) -> FileReader | None:
        """A reader of a packed file; one that is done already where nothing in it is new."""
        followed = self._followed
        size = os.fstat(fd).st_size
        known = followed.generations.packed(identity)
        if known is not None and digest(head_of(fd)[: known.head_bytes]) != known.head_hash:
            known = None  # another file got its inode
        is_done = known is not None and known.finished and known.size_bytes == size
        is_new = known is None or (known.finished and not is_done)
        if known is None or is_new:
            copy = None
            if not at_end:
                copy = packed_copy(
                    fd, packing, str(path), followed.generations, followed.clock.now_ns()
                )
            if copy is not None and followed.generations.is_read(copy.of.generation):
                return None  # the log that it was made of is still there; looked at again then
            is_done = at_end or (copy is not None and copy.is_whole)
            known = self.new_spot(path, identity, copy.offset if copy else 0)
            if copy:
                known = _with_hashes_of(known, copy.of)
        reader = PackedReader(
            replace(known, path=str(path), finished=False, size_bytes=size, compression=packing),
            identity,
            is_new=is_new,
            is_done=is_done,
            limits=followed.limits,
            clock=followed.clock,
            style=followed.style,
        )
        reader.load(fd)
        if is_new:
            followed.hand_out([reader.announce()])
        return reader

    def _awaited(self, path: Path) -> Checkpoint | None:
        """The generation that was announced before there was a file."""
        waiting = self._followed.generations.unfinished(str(path))
        return next((c for c in waiting if c.inode == 0 and c.offset == 0), None)

    def _load(self, spot: Checkpoint, identity: Identity, fd: int, *, is_new: bool) -> FileReader:
        reader = FileReader(
            spot,
            identity,
            is_new=is_new,
            limits=self._followed.limits,
            clock=self._followed.clock,
            style=self._followed.style,
        )
        reader.load(fd)
        return reader


def _with_hashes_of(spot: Checkpoint, of: Checkpoint) -> Checkpoint:
    return replace(
        spot,
        head_hash=of.head_hash,
        head_bytes=of.head_bytes,
        marker_hash=of.marker_hash,
        marker_bytes=of.marker_bytes,
        encoding=of.encoding,
    )
