"""Files of a log that are no longer at its path: found, read to their end, let go."""

import logging
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, RecordChunk
from soc_copilot.ingestion.files import Identity, is_exhausted, opened
from soc_copilot.ingestion.followed import Followed
from soc_copilot.ingestion.generations import fits
from soc_copilot.ingestion.openings import Openings
from soc_copilot.ingestion.packed import NotYetError, PackedReader, head_of, repeats
from soc_copilot.ingestion.reader import RACY_NS, FileReader
from soc_copilot.ingestion.siblings import Sibling, family, siblings, unpacked_name
from soc_copilot.ingestion.unpacking import UNDECIDED, packing_of

logger = logging.getLogger(__name__)

_SOON_S = 0.1  # chosen: pause before a folder in which names just moved is listed again
_AGAIN_S = 1.0  # chosen: pause before a file that could not be judged is looked at again
_TURN_S = 0.25  # chosen: how long files are taken in at once, so that what was read gets stored
_SEARCHES = 20  # chosen: after so many, a folder in which names never rest is believed


class _Taken(Enum):
    """How far rotated files were taken in."""

    ALL = auto()
    SOME = auto()  # time was up
    NOT_YET = auto()  # some cannot be judged yet


_PAUSES_S = {_Taken.ALL: _SOON_S, _Taken.SOME: 0.0, _Taken.NOT_YET: _AGAIN_S}


@dataclass(slots=True)
class Held:
    """A file that is no longer at the path, read until nobody writes it any more."""

    reader: FileReader
    quiet_since_s: float
    is_copy: bool = False
    n_doubts: int = 0


class Recovery:
    """Finds what a rotation moved away, while we looked or while we did not.

    Every step can be done again: what could not be opened for want of handles, or could not
    be judged yet, is looked at later, and nothing is given up for that.

    Args:
        followed: What the tailer's parts share.
        openings: Makes the readers.
    """

    def __init__(self, followed: Followed, openings: Openings) -> None:
        self._followed = followed
        self._openings = openings
        self._seen: set[tuple[Identity, int, int]] = set()
        self._heads: dict[int, bytes] = {}  # of files in hand, during one look
        self._put_off: set[tuple[Identity, int, int]] = set()  # could not be judged yet
        self._left: set[tuple[Identity, int, int]] = set()  # seen, and not read
        self._found_at: list[Sibling] = []
        self._folder_seen_ns = 0
        self._is_due = False
        self._again_at_s = 0.0
        self._lost: list[Checkpoint] = []  # not looked for, or refused to us, yet
        self._n_sought: Counter[int] = Counter()
        self.denied = ""
        self.held: list[Held] = []

    @property
    def is_done(self) -> bool:
        """True when no file is read any more, and none is looked for."""
        return not self.held and not self._lost

    @property
    def is_busy(self) -> bool:
        """True while files are read to their end, or wait to be judged."""
        return self._is_due or bool(self.held) or bool(self._lost)

    def note_change(self) -> None:
        """Files may have come beside the log; the next look takes them in."""
        self._is_due = True
        self._again_at_s = 0.0

    # At the first look

    def begin(self, current: FileReader | None) -> None:
        """Find the rest of what was being read when reading stopped.

        Args:
            current: The reader of the file at the path.

        Raises:
            OSError: Not now; nothing was given up.
        """
        followed = self._followed
        self._lost = followed.generations.unfinished(
            str(followed.path) if followed.is_shared else None
        )
        self._recover_lost()
        wanted = []
        for sibling in self._siblings(rotations_only=True, skip=followed.leaves):
            newer = any(sibling.mtime_ns >= place.mtime_ns for place in self._found_at)
            if sibling.is_rotation and (newer or self._is_ours(sibling)):
                wanted.append(sibling)
            else:
                self._seen.add(sibling.stamp)
        if self._take_in_all(wanted, current) is not _Taken.ALL:
            self._is_due = True

    def _recover_lost(self) -> None:
        """Look for what was being read; what cannot be told now stays to be looked for."""
        n_done, denied = 0, ""
        while n_done < len(self._lost):
            try:
                place = self._recover(self._lost[n_done])
            except (PermissionError, NotYetError) as error:
                if isinstance(error, PermissionError):
                    denied = str(error.filename or "")
                n_done += 1
                continue
            del self._lost[n_done]
            if place is not None:
                self._found_at.append(place)
        self.denied = denied

    def _recover(self, lost: Checkpoint) -> Sibling | None:
        """Find the file of a stored generation that is no longer at the path."""
        if lost.inode == 0 and lost.offset == 0:
            return None  # announced before there was a file: nothing to find
        followed, generations = self._followed, self._followed.generations
        if generations.is_read(lost.generation) or generations.get(lost.generation).finished:
            return None  # found on the way to another one
        listed_ns = self._folder_ns()
        for sibling in self._siblings():
            same = (sibling.identity.device, sibling.identity.inode) == (lost.device, lost.inode)
            if not same:
                continue
            try:
                reader = self._hold(sibling, is_copy=False, is_ours=True)
            except PermissionError:
                self._found_at.append(sibling)  # what was rotated after it is not known either
                raise
            # Another generation's: the inode was given to a new file, which is read as such.
            if reader is not None and reader.generation == lost.generation:
                if lost.path != str(sibling.path):
                    followed.say(
                        "recovered",
                        f'"{followed.path}" was rotated while it was not watched; the rest is '
                        f'read from "{sibling.path.name}".',
                        reader,
                    )
                return sibling
        found = self.recover_from_copy(lost)
        if not lost.offset and any(self._is_ours(s, lost) for s in self._siblings()):
            # Nothing of it was read, so nothing tells it from the others; all are read whole.
            followed.hand_out([self._end_of(lost)])
            return None
        if found is None and not self._is_missed(lost, listed_ns):
            raise NotYetError
        gone = FileReader(
            lost, Identity(lost.device, lost.inode), is_new=False, clock=followed.clock
        )
        followed.say(
            "replaced",
            f'"{lost.path}" is another file than the one last read, or none; '
            + (
                f'the rest of that one is read from "{found.path.name}".'
                if found
                else f"lines after its byte {lost.offset:,} may be lost."
            ),
            gone,
            loss=found is None,
            end=lost.size_bytes,
        )
        followed.hand_out([self._end_of(lost)])
        return found

    def _is_missed(self, lost: Checkpoint, listed_ns: int) -> bool:
        """True when a file that was not found is gone, and was not renamed while it was sought."""
        if listed_ns == self._folder_ns() and not self._is_fresh(listed_ns):
            return True
        self._n_sought[lost.generation] += 1
        return self._n_sought[lost.generation] > _SEARCHES

    def _end_of(self, lost: Checkpoint) -> RecordChunk:
        """The end mark of a generation of which the rest was not found.

        A packed file whose size it carried would count as read, should it turn up after all.
        """
        identity = Identity(lost.device, lost.inode)
        gone = FileReader(lost, identity, is_new=False, clock=self._followed.clock)
        size = lost.size_bytes if lost.compression is None else 0
        return replace(gone.abandon(), checkpoint=replace(lost, finished=True, size_bytes=size))

    def _is_ours(self, sibling: Sibling, since: Checkpoint | None = None) -> bool:
        """True for a rotated file that was written to since the source, or this, began."""
        began_ns = since.began_ns if since else self._followed.generations.began_ns
        return sibling.is_rotation and 0 < began_ns <= sibling.mtime_ns

    def _siblings(
        self, *, rotations_only: bool = False, skip: Callable[[str], object] | None = None
    ) -> list[Sibling]:
        """Files beside the log; where it is a link, also those beside what it leads to."""
        path = self._followed.path
        places = [path, Path(os.path.realpath(path))] if self._followed.follow else [path]
        # In a folder source the path can itself be that of a rotated file.
        names = dict.fromkeys(place.with_name(family(place.name)) for place in places)
        found = [
            s for name in names for s in siblings(name, rotations_only=rotations_only, skip=skip)
        ]
        return [s for s in found if s.path != path]

    def recover_from_copy(self, lost: Checkpoint) -> Sibling | None:
        """Read the rest of a generation from a copy of its file, if there is one.

        Raises:
            OSError: That cannot be told now.
        """
        if not lost.marker_bytes:
            return None
        for sibling in self._siblings(rotations_only=True):
            if not sibling.is_rotation:
                continue
            with opened(sibling.path) as fd:
                is_copy = fd is not None and _repeats(fd, lost)
            if not is_copy:
                continue
            is_held = self._hold(sibling, is_copy=True) is not None
            if is_held or self._followed.generations.knows(sibling.identity):
                return sibling
        return None

    # While following

    def look(
        self, current: Identity | None, *, is_moving: bool, unread: FileReader | None = None
    ) -> None:
        """Take in rotated files that came and went between two looks, when there may be some.

        Args:
            current: What is at the path, which is no rotated file.
            is_moving: There is nothing at the path now, or was nothing at the last look.
            unread: The reader of the file at the path when nothing of that was read yet: then
                a truncation leaves no trace but the copy that was made before it.

        Raises:
            OSError: Not now; it is tried again at the next look.
        """
        now = self._followed.clock.monotonic_s()
        if self._lost and now >= self._again_at_s:
            self._again_at_s = now + _AGAIN_S
            self._recover_lost()
        changed_ns = self._folder_changed_ns() if is_moving or unread else 0
        if not (self._is_due and now >= self._again_at_s) and not changed_ns:
            return
        self._is_due = True  # until it was done
        listed_ns = self._folder_ns()
        wanted = []
        for sibling in self._siblings(rotations_only=True, skip=self._followed.leaves):
            is_new = sibling.stamp not in self._seen and sibling.identity != current
            if sibling.is_rotation and is_new:
                wanted.append(sibling)
            else:
                self._seen.add(sibling.stamp)
        taken = self._take_in_all(wanted, unread)
        # A file that is renamed while a folder is listed may be missing from the list.
        is_sure = listed_ns == self._folder_ns() and not self._is_fresh(listed_ns)
        self._is_due = not (taken is _Taken.ALL and is_sure)
        self._again_at_s = now + _PAUSES_S[taken]
        self._folder_seen_ns = changed_ns or self._folder_seen_ns

    def _take_in_all(self, found: list[Sibling], current: FileReader | None) -> "_Taken":
        """Read rotated files that nobody reads, for some time; files never seen come first."""
        self._heads.clear()
        clock, knows = self._followed.clock, self._followed.generations.knows
        until_s = clock.monotonic_s() + _TURN_S
        found.sort(key=lambda sibling: (sibling.stamp in self._put_off, knows(sibling.identity)))
        put_off = set()
        for n, sibling in enumerate(found, 1):
            if not self._take_in(sibling, current):
                put_off.add(sibling.stamp)
            if n < len(found) and clock.monotonic_s() > until_s:
                self._put_off |= put_off  # so that the others have their turn, too
                return _Taken.SOME
        self._put_off = put_off
        return _Taken.NOT_YET if put_off else _Taken.ALL

    def _is_unread_copy(self, sibling: Sibling, current: FileReader | None) -> bool:
        """True for what may be a copy of a file in hand of which nothing was read yet.

        Only what was read of a file tells its copies from other files, so that one has to be
        read first.
        """
        readers = [held.reader for held in self.held] + ([current] if current else [])
        unread = [reader for reader in readers if not reader.position]
        if not unread or self._followed.generations.reads(sibling.identity):
            return False
        with opened(sibling.path) as fd:
            copied = head_of(fd) if fd is not None else b""
        return any(self._begins_like(reader, copied) for reader in unread)

    def _begins_like(self, reader: FileReader, copied: bytes) -> bool:
        there = self._heads.get(reader.generation)
        if there is None:
            try:
                there = head_of(self._followed.handle(reader))
            except FileNotFoundError:
                there = b""
            # Zeros up to its end are padding: they tell nothing, and would be waited for in vain.
            there = self._heads[reader.generation] = there.rstrip(b"\0")
        size = min(len(copied), len(there))
        return bool(size) and copied[:size] == there[:size]

    def _folder_changed_ns(self) -> int:
        """When names came or went since this was last acted on; 0 when they did not."""
        changed_ns = self._folder_ns()
        is_news = changed_ns != self._folder_seen_ns or self._is_fresh(changed_ns)
        return changed_ns if is_news else 0

    def _folder_ns(self) -> int:
        """When names last came or went; 0 where that cannot be told."""
        try:
            return Path(os.path.realpath(self._followed.path)).parent.stat().st_mtime_ns
        except OSError:
            return 0

    def _is_fresh(self, changed_ns: int) -> bool:
        """True when another change could carry the same time."""
        return abs(self._followed.clock.now_ns() - changed_ns) < RACY_NS

    def _take_in(self, sibling: Sibling, current: FileReader | None) -> bool:
        """Read a rotated file that nobody reads; False when that has to be judged later."""
        if self._is_unread_copy(sibling, current):
            return False
        plain = sibling.path.with_name(unpacked_name(sibling.path.name))
        if plain != sibling.path and os.path.lexists(plain):
            return False  # it is being packed, or holds what the plain one holds
        try:
            reader = self._hold(sibling, is_copy=True)
        except (NotYetError, PermissionError):
            return False
        self._seen.add(sibling.stamp)
        if reader is None:
            self._left.add(sibling.stamp)
        elif not (isinstance(reader, PackedReader) and reader.is_done):
            self._followed.say_with(
                "recovered",
                f'"{sibling.path.name}" was rotated before it was seen at its place; what of it '
                "was not read yet is read now.",
                reader,
            )
        return True

    def _hold(self, sibling: Sibling, *, is_copy: bool, is_ours: bool = False) -> FileReader | None:
        """Read a sibling to its end; None when it cannot be, or when another reader has it.

        Args:
            sibling: Where it is.
            is_copy: It may be let go although it still has a name.
            is_ours: It is known to be what was read, so that a refusal must not count as loss.

        Raises:
            PermissionError: It must not be opened.
            NotYetError: It cannot be judged yet.
            OSError: It cannot be opened now.
        """
        handles = self._followed.handles
        try:
            fd = handles.open(sibling.path, follow=False)
        except (OSError, SourceError) as error:
            if isinstance(error, FileNotFoundError):
                raise NotYetError from error  # it was renamed since it was listed
            is_gone = isinstance(error, SourceError)
            if isinstance(error, PermissionError) or is_exhausted(error):
                raise
            if is_ours and not is_gone:
                raise
            return None
        n_known = self._followed.generations.next_number()
        try:
            if Identity.of(os.fstat(fd)) != sibling.identity:
                raise NotYetError  # another one has its name since it was listed
            reader = self._openings.reader_for(fd, sibling.path, is_rotated=True)
        except BaseException:
            os.close(fd)
            raise
        is_over = reader is not None and reader.generation < n_known and _is_read(reader, fd)
        if reader is None or (is_over and not is_ours):
            os.close(fd)
            return None
        self.hold(reader, fd, is_copy=is_copy)
        return reader

    def judge_again(self) -> None:
        """A file in hand was wiped out: what repeats it may hold lines that are nowhere else."""
        self._seen -= self._left
        self._left.clear()
        self.note_change()

    def take_back(self, identity: Identity) -> FileReader | None:
        """The reader of a file that has come back to the path; None when none is held."""
        for held in self.held:
            if held.reader.identity == identity:
                self.held.remove(held)
                self._followed.handles.unpin(held.reader.generation)
                return held.reader
        return None

    def hold_again(self, fd: int, old: Held) -> None:
        """Read a file that has left the path from its start, since it was rewritten there."""
        self.held.remove(old)
        identity = old.reader.identity
        self._seen = {stamp for stamp in self._seen if stamp[0] != identity}
        try:
            reader = self._openings.reader_for(fd, Path(old.reader.path), is_rotated=True)
        except BaseException:
            os.close(fd)
            raise
        if reader is None:
            os.close(fd)
        else:
            self.hold(reader, fd, is_copy=old.is_copy)

    def hold(self, reader: FileReader, fd: int | None = None, *, is_copy: bool = False) -> None:
        """Read on in a file that has left the path, and keep it open whatever happens."""
        if fd is not None:
            self._followed.keep(reader, fd)
        self._followed.handles.pin(reader.generation)
        self.held.append(Held(reader, self._followed.clock.monotonic_s(), is_copy))


def _is_read(reader: FileReader, fd: int) -> bool:
    """True when nothing in the file is left to be read."""
    if isinstance(reader, PackedReader):
        return reader.is_done
    return os.fstat(fd).st_size <= reader.position


def _repeats(fd: int, lost: Checkpoint) -> bool:
    """True when the file, plain or packed, holds what was read of the generation."""
    packing = packing_of(fd)
    if packing in {"", UNDECIDED}:
        return fits(lost, fd)
    return repeats(fd, packing, lost)
