"""What a source knows of the files it ever read, so that none is read twice."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath

from soc_copilot.domain.records import Checkpoint, SourceEvent
from soc_copilot.ingestion.files import Identity, digest, read_at
from soc_copilot.ingestion.siblings import family

logger = logging.getLogger(__name__)

_MESSAGES_KEPT = 50  # chosen: rotations and truncations shown per source
_EVENTS_KEPT = 500  # chosen: events that wait for a chunk to ride on
_TRACES_KEPT = 24  # chosen: earlier positions kept of each generation, to know short copies by


@dataclass(frozen=True, slots=True)
class Copy:
    """What an open file repeats.

    Attributes:
        of: The generation's latest checkpoint.
        offset: Where what was not read yet begins in the copy.
        is_whole: True when nothing in it is new.
    """

    of: Checkpoint
    offset: int
    is_whole: bool


class Generations:
    """The generations of one source: their latest checkpoints, and which are being read.

    Shared by every tailer of a directory source, so that numbers are given once and a
    file under a new name is known again.

    Args:
        source_id: Row id of the source.
        checkpoints: What the store holds for it.
    """

    def __init__(self, source_id: int, checkpoints: Iterable[Checkpoint] = ()) -> None:
        self.source_id = source_id
        self._known: dict[int, Checkpoint] = {}
        # Where to look, so that a folder of thousands costs no look at all of them; what is
        # found is compared, since a generation may have had several paths.
        self._by_path: defaultdict[str, set[int]] = defaultdict(set)
        self._by_family: defaultdict[str, set[int]] = defaultdict(set)
        self._by_inode: defaultdict[Identity, set[int]] = defaultdict(set)
        self._last = 0
        self._reading: dict[int, Identity] = {}
        self._identities: Counter[Identity] = Counter()
        self._traces: dict[int, list[Checkpoint]] = {}
        self._waiting: list[SourceEvent] = []
        self.messages: list[str] = []
        self.began_ns = 0  # when the source was first looked at, since 1970 UTC; 0 if not known
        self.n_possible_losses = 0
        self.n_ended = 0  # changes whenever a copy may have to be judged anew
        for checkpoint in checkpoints:
            self._index(checkpoint)

    @property
    def is_empty(self) -> bool:
        """True for a source that was never read."""
        return not self._known

    def next_number(self) -> int:
        """The number of the generation that begins now."""
        return self._last + 1

    def note(self, checkpoint: Checkpoint) -> None:
        """Remember where a generation stands, and thinly where it stood."""
        self._index(checkpoint)
        self.note_passed(checkpoint)

    def note_passed(self, place: Checkpoint) -> None:
        """Remember a place that was passed over; later ones come later."""
        traces = self._traces.setdefault(place.generation, [])
        traces.append(place)
        if len(traces) > _TRACES_KEPT:
            del traces[_least_missed(traces)]

    def _index(self, checkpoint: Checkpoint) -> None:
        number, before = checkpoint.generation, self._known.get(checkpoint.generation)
        if checkpoint.began_ns:
            began_ns = self.began_ns or checkpoint.began_ns
            self.began_ns = min(began_ns, checkpoint.began_ns)
        self._known[number] = checkpoint
        if before is None or before.path != checkpoint.path:
            self._by_path[checkpoint.path].add(number)
            self._by_family[family_of(checkpoint.path)].add(number)
        if before is None or before.inode != checkpoint.inode:
            self._by_inode[Identity(checkpoint.device, checkpoint.inode)].add(number)
        self._last = max(self._last, number)

    def get(self, generation: int) -> Checkpoint:
        """The latest checkpoint of a generation."""
        return self._known[generation]

    def begin(self, generation: int, identity: Identity) -> None:
        """A reader has the generation in hand."""
        self.end(generation)
        self._reading[generation] = identity
        self._identities[identity] += 1

    def end(self, generation: int) -> None:
        """Nobody reads the generation any more."""
        identity = self._reading.pop(generation, None)
        if identity is not None:
            self._identities[identity] -= 1
            if not self._identities[identity]:
                del self._identities[identity]
            self.n_ended += 1

    def is_read(self, generation: int) -> bool:
        """True while a reader has it in hand."""
        return generation in self._reading

    def knows(self, identity: Identity) -> bool:
        """True when this very file is or was read."""
        return bool(self._by_inode.get(identity))

    def reads(self, identity: Identity) -> bool:
        """True while a reader has this very file in hand."""
        return self._identities[identity] > 0

    def unfinished(self, path: str | None = None) -> list[Checkpoint]:
        """Generations of this path or of any, not at their end, that nobody reads; oldest first."""
        numbers = self._known if path is None else self._by_path.get(path, ())
        found = (self._known[number] for number in sorted(numbers))
        return [
            c
            for c in found
            if not c.finished
            and c.generation not in self._reading
            and (path is None or c.path == path)
        ]

    def unfinished_paths(self) -> set[str]:
        """Paths with a generation that is not at its end."""
        return {c.path for c in self._known.values() if not c.finished}

    def matching(self, fd: int, identity: Identity) -> Checkpoint | None:
        """The latest generation that this plain file continues, by inode and content."""
        same = (c for c in self._of_file(identity) if c.compression is None)
        return next((c for c in same if fits(c, fd)), None)

    def packed(self, identity: Identity) -> Checkpoint | None:
        """The latest generation of this packed file, by inode."""
        return next((c for c in self._of_file(identity) if c.compression is not None), None)

    def _of_file(self, identity: Identity) -> list[Checkpoint]:
        """Generations of this device and inode that nobody reads, the latest first."""
        numbers = sorted(self._by_inode.get(identity, ()), reverse=True)
        found = (self._known[n] for n in numbers if n not in self._reading)
        return [c for c in found if (c.device, c.inode) == (identity.device, identity.inode)]

    def family(self, path: str) -> list[Checkpoint]:
        """Generations that a file of this name can be a rotated form of, by their names."""
        name = family_of(path)
        found = (self._known[number] for number in self._by_family.get(name, ()))
        return [c for c in found if c.marker_bytes and family_of(c.path) == name]

    def copied(self, fd: int, path: str, size: int) -> Copy | None:
        """What an open plain file repeats of a log of the same family; the farthest reach.

        A file of which no line was stored leaves nothing to know its copy by.
        """
        known = self.family(path)
        whole = [c for c in known if c.offset <= size and fits(c, fd)]
        if whole:
            best = max(whole, key=lambda c: (c.offset, c.generation))
            return Copy(best, best.offset, best.offset == size)
        for c in sorted(known, key=lambda c: c.generation, reverse=True):
            if c.offset > size and self._holds_beginning(fd, c, size):
                return Copy(c, size, is_whole=True)
        return None

    def _holds_beginning(self, fd: int, c: Checkpoint, size: int) -> bool:
        """True when a file shorter than what was read of a generation is its beginning.

        Judged at the last position known that lies within the file, which has to be in its
        second half; after a restart none is known.
        """
        traces = [t for t in self._traces.get(c.generation, ()) if size <= 2 * t.offset <= 2 * size]
        return bool(traces) and fits(max(traces, key=lambda t: t.offset), fd)

    def traces(self, generation: int) -> list[Checkpoint]:
        """Positions at which the generation stood in this run, the first one first."""
        return list(self._traces.get(generation, ()))

    # Telling

    def say(self, event: SourceEvent) -> None:
        """Put an event before the operator, and keep it for the next chunk it fits."""
        self.tell(event)
        self._waiting.append(event)
        if len(self._waiting) > _EVENTS_KEPT:
            plain = next((n for n, e in enumerate(self._waiting) if not e.is_loss), 0)
            del self._waiting[plain]

    def tell(self, event: SourceEvent) -> None:
        """Put an event before the operator that rides on a chunk already."""
        if event.is_loss:
            self.n_possible_losses += 1
            logger.error("%s source=%s", event.message, self.source_id)
        else:
            logger.info("%s source=%s", event.message, self.source_id)
        self.messages.append(event.message)
        del self.messages[:-_MESSAGES_KEPT]

    def has_events(self, generation: int) -> bool:
        """True when events of the generation, or of the source as a whole, wait for a chunk."""
        return any(e.generation in {0, generation} for e in self._waiting)

    def take_events(self, generation: int) -> tuple[SourceEvent, ...]:
        """The events that ride on a chunk of this generation."""
        if not self._waiting:
            return ()
        taken = tuple(e for e in self._waiting if e.generation in {0, generation})
        self._waiting = [e for e in self._waiting if e.generation not in {0, generation}]
        return taken


def _least_missed(traces: list[Checkpoint]) -> int:
    """Which trace leaves the smallest gap for its distance from the last one."""
    end = traces[-1].offset + 1
    gaps = (
        (traces[n + 1].offset - traces[n - 1].offset) / (end - traces[n - 1].offset)
        for n in range(1, len(traces) - 1)
    )
    return min(enumerate(gaps, 1), key=lambda pair: pair[1])[0]


@lru_cache(maxsize=16_384)
def family_of(path: str) -> str:
    """What a log and its rotated forms have in common, by their names."""
    return family(PurePath(path).name)


def fits(checkpoint: Checkpoint, fd: int) -> bool:
    """True when the file begins as the checkpoint says and holds its marker before the offset."""
    c = checkpoint
    if c.head_bytes and digest(read_at(fd, 0, c.head_bytes)) != c.head_hash:
        return False
    before = read_at(fd, c.offset - c.marker_bytes, c.marker_bytes)
    return digest(before) == c.marker_hash
